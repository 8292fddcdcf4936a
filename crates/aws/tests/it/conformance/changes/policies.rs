//! Inline policies, and the documents of all policies.

use std::collections::BTreeSet;

use keyreeve_connector::{Inventory, PolicyHolder};
use keyreeve_model::{PolicyScope, StepCall};

use super::super::seed::{DOCUMENT, POLICIES, policy_arn};
use super::super::world::{World, answered, ensure};
use super::super::{Check, Outcome, checks};
use super::{Changes, said, user, whole};

pub(super) const CHECKS: &[Check] = checks![
    "inline_policy.is_read_and_deleted", "IAM API Reference, GetUserPolicy: documents are percent-encoded" => inline;
    "inline_policy.none_is_none", "AWS answers 404 NoSuchEntity" => no_inline;
    "policy_documents.are_those_in_force", "IAM API Reference, GetAccountAuthorizationDetails" => documents;
];

async fn inline(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-inline").await?;
    let put = world.admin.iam.put_user_policy().user_name("c-inline").policy_name("own");
    answered(put.policy_document(DOCUMENT).send().await)?;
    let read = changes.provisioning().get_inline_policy("c-inline", "own").await;
    let read = read.map_err(|error| said(&error))?;
    ensure(read.as_deref() == Some(DOCUMENT), || format!("it says {read:?}"))?;
    let delete = StepCall::DeleteInlinePolicy { account: "c-inline".into(), name: "own".into() };
    changes.changed(&delete).await?;
    let left = changes.provisioning().get_inline_policy("c-inline", "own").await;
    let left = left.map_err(|error| said(&error))?;
    ensure(left.is_none(), || format!("{left:?} is left"))?;
    changes.unchanged(&delete).await
}

async fn no_inline(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-no-inline").await?;
    for (account, name) in [("c-no-inline", "none"), ("nobody", "none")] {
        let read = changes.provisioning().get_inline_policy(account, name).await;
        let read = read.map_err(|error| said(&error))?;
        ensure(read.is_none(), || format!("{account} has {read:?}"))?;
    }
    Ok(())
}

/// The customer policy `unused` gets a second version, which is in force from then on, and a third, which is not.
async fn documents(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    let later = DOCUMENT.replace("GetObject", "PutObject");
    let arn = policy_arn(&world.account_id, 1);
    let version = world.admin.iam.create_policy_version().policy_arn(&arn).policy_document(&later);
    answered(version.set_as_default(true).send().await)?;
    let draft = DOCUMENT.replace("GetObject", "DeleteObject");
    let version = world.admin.iam.create_policy_version().policy_arn(&arn).policy_document(&draft);
    answered(version.set_as_default(false).send().await)?;
    let all =
        whole(async |after| changes.provisioning().list_policy_documents(PolicyScope::Customer, after).await)
            .await?;
    let mut found = BTreeSet::new();
    for policy in &all {
        found.insert((policy.holder.clone(), policy.name.as_str(), policy.document.as_deref()));
    }
    let mut expected = BTreeSet::from([
        (PolicyHolder::Account("ana".into()), "own", Some(DOCUMENT)),
        (PolicyHolder::Group("devs".into()), "theirs", Some(DOCUMENT)),
    ]);
    for (index, (name, _)) in POLICIES.iter().enumerate() {
        let text = if *name == "unused" { &later } else { DOCUMENT };
        expected.insert((PolicyHolder::Managed(policy_arn(&world.account_id, index)), name, Some(text)));
    }
    let missing: Vec<_> = expected.difference(&found).collect();
    ensure(missing.is_empty(), || format!("it lacks {missing:?}"))?;
    let details =
        whole(async |after| world.connector().await.list_policy_details(PolicyScope::Customer, after).await)
            .await?;
    let unused = details.iter().find(|policy| policy.arn == arn).map(|policy| &policy.versions);
    let versions: BTreeSet<_> =
        unused.into_iter().flatten().map(|one| (one.version_id.as_str(), one.document.as_deref())).collect();
    let expected = [("v1", Some(DOCUMENT)), ("v2", Some(later.as_str())), ("v3", Some(draft.as_str()))];
    ensure(versions == BTreeSet::from(expected), || format!("its versions are {versions:?}"))
}
