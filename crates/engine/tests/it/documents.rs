//! What policies say is kept by an import, and never keeps one from being published.

use keyreeve_model::{ImportObject, ImportRunId, ObjectCounts, PolicyScope, Resource};
use keyreeve_sandbox::Mutation;
use keyreeve_store::AsOf;

use crate::harness::{Setup, World, warned};

fn called<'a>(resources: &'a [Resource], name: &str) -> &'a Resource {
    resources.iter().find(|one| one.name == name).unwrap()
}

fn allow(action: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "{action}", "Resource": "*"}}]}}"#
    )
}

#[tokio::test]
async fn an_import_keeps_what_policies_of_all_kinds_say() {
    let mut world = World::imported(Setup::default()).await;
    world.profile.policy_scope = PolicyScope::All;
    let user = world.users().into_iter().next().unwrap();
    let group = world.groups().into_iter().next().unwrap();
    world.mutate(&[
        Mutation::CreatePolicy { name: "read".into(), path: "/".into(), document: allow("s3:Get*") },
        Mutation::PutUserInline { user: user.clone(), name: "own".into(), document: allow("s3:PutObject") },
        Mutation::PutGroupInline {
            group: group.clone(),
            name: "theirs".into(),
            document: allow("s3:ListBucket"),
        },
        Mutation::AttachUserPolicy {
            user: user.clone(),
            arn: "arn:aws:iam::aws:policy/ReadOnlyAccess".into(),
        },
    ]);
    let run = world.published().await;
    assert!(!warned(&run, "documents_unknown"), "{:?}", run.warnings);
    let inventory = world.inventory().await;
    let read = called(&inventory.resources, "read");
    let arn = read.arn.clone();
    world.mutate(&[Mutation::CreatePolicyVersion { arn, document: allow("s3:*") }]);
    let later = world.published().await;
    let inventory = world.inventory().await;
    let said = world.store.resource_documents(called(&inventory.resources, "read"), AsOf::Now).await.unwrap();
    let versions: Vec<_> = said
        .versions
        .iter()
        .map(|one| (one.version_id.as_str(), one.is_default, one.document.clone(), one.first_seen_run))
        .collect();
    let expected =
        [("v2", true, Some(allow("s3:*")), later.id), ("v1", false, Some(allow("s3:Get*")), run.id)];
    assert_eq!(versions, expected);
    assert!(said.versions.iter().all(|one| one.created_at.is_some() && one.gone_run.is_none()));
    let aws = world
        .store
        .resource_documents(called(&inventory.resources, "ReadOnlyAccess"), AsOf::Now)
        .await
        .unwrap();
    assert!(aws.versions.iter().any(|one| one.is_default && one.document.is_some()), "{aws:?}");
    let own = inventory.accounts.iter().find(|one| one.name == user).unwrap();
    let own = world.store.inline_documents(own.inline_policies.as_deref().unwrap()).await.unwrap();
    assert!(
        own.iter().any(|one| one.name == "own" && one.document == Some(allow("s3:PutObject"))),
        "{own:?}"
    );
    let theirs =
        world.store.resource_documents(called(&inventory.resources, &group), AsOf::Now).await.unwrap();
    assert!(theirs.inline.iter().any(|one| one.document == Some(allow("s3:ListBucket"))), "{theirs:?}");
}

#[tokio::test]
async fn policies_whose_documents_may_not_be_read_are_published_with_a_warning_and_keep_what_was_known() {
    let mut world = World::imported(Setup::default()).await;
    world.mutate(&[Mutation::CreatePolicy {
        name: "read".into(),
        path: "/".into(),
        document: allow("s3:Get*"),
    }]);
    let run = world.published().await;
    let before = world.inventory().await;
    world.profile.objects = [ImportObject::Policies].into();
    world.profile.policy_scope = PolicyScope::Customer;
    world.sandbox.deny("keyreeve-connector", &["GetAccountAuthorizationDetails"]);
    let denied = world.published().await;
    let warning = denied.warnings.iter().find(|one| one.code == "documents_unknown").unwrap();
    assert!(warning.message.contains("GetAccountAuthorizationDetails"), "{warning:?}");
    let said = world.store.resource_documents(called(&before.resources, "read"), AsOf::Now).await.unwrap();
    let known: Vec<(Option<String>, Option<ImportRunId>, ImportRunId)> =
        said.versions.iter().map(|one| (one.document.clone(), one.gone_run, one.first_seen_run)).collect();
    assert_eq!(known, [(Some(allow("s3:Get*")), None, run.id)]);
}

#[tokio::test]
async fn an_inline_policy_that_says_the_same_in_another_order_is_no_change() {
    let world = World::imported(Setup::default()).await;
    let (user, group) = (world.users().remove(0), world.groups().remove(0));
    let put = |document: &str| {
        let document = document.to_owned();
        world.mutate(&[
            Mutation::PutUserInline { user: user.clone(), name: "own".into(), document: document.clone() },
            Mutation::PutGroupInline { group: group.clone(), name: "theirs".into(), document },
        ]);
    };
    put(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*"}]}"#,
    );
    world.published().await;
    put(
        r#"{"Statement":{"Resource":["*"],"Action":["s3:PutObject","s3:GetObject"],"Effect":"Allow"},"Version":"2012-10-17"}"#,
    );
    let run = world.published().await;
    assert_eq!(run.changes, ObjectCounts::default());
    put(
        r#"{"Statement":{"Resource":["*"],"Action":["s3:PutObject"],"Effect":"Allow"},"Version":"2012-10-17"}"#,
    );
    let run = world.published().await;
    assert_eq!((run.changes.accounts.changed, run.changes.resources.changed), (1, 1));
}

#[tokio::test]
async fn as_of_a_moment_a_policy_has_the_versions_that_were_known_by_then() {
    let world = World::imported(Setup::default()).await;
    world.mutate(&[Mutation::CreatePolicy {
        name: "read".into(),
        path: "/".into(),
        document: allow("s3:Get*"),
    }]);
    let first = world.published().await.id;
    let inventory = world.inventory().await;
    let policy = called(&inventory.resources, "read");
    world.mutate(&[Mutation::CreatePolicyVersion { arn: policy.arn.clone(), document: allow("s3:*") }]);
    let second = world.published().await.id;
    let versions = async |moment| {
        let documents = world.store.resource_documents(policy, moment).await.unwrap();
        documents.versions.into_iter().map(|one| one.version_id).collect::<Vec<_>>()
    };
    assert_eq!(versions(AsOf::Run(first)).await, ["v1"]);
    for moment in [AsOf::Run(second), AsOf::Now] {
        assert_eq!(versions(moment).await, ["v2", "v1"]);
    }
}
