//! What every peer holds. [`plan`] says it once; it is written through IAM, or into the sandbox directly.

use aws_sdk_iam::types::Tag;

use super::world::{Clients, Key};

/// A document with a space, a plus, a percent sign and an ampersand in it.
pub(super) const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a b+c%d&e/*"}]}"#;
pub(super) const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
pub(super) const EXTERNAL_ID: &str = "conformance-external-id";
pub(super) const ODD_PATH: &str = "/a&b<c>/";
pub(super) const ODD_TAG: &str = "eng & ops";

pub(super) struct PlannedUser {
    pub(super) name: String,
    pub(super) path: &'static str,
    pub(super) group: Option<&'static str>,
}

/// The users besides the one that holds a key: three with names of people, and twelve to fill pages.
pub(super) fn users() -> Vec<PlannedUser> {
    let user = |name: &str, path, group| PlannedUser { name: name.to_owned(), path, group };
    let mut users = vec![
        user("ana", "/staff/eng/", Some("devs")),
        user("bob", "/staff/", None),
        user("carol", "/contractors/", None),
    ];
    users.extend((1..=12).map(|number| user(&format!("u{number:02}"), "/paging/", None)));
    users
}

/// Group names with their paths.
pub(super) const GROUPS: [(&str, &str); 3] = [("devs", "/staff/"), ("admins", "/"), ("ops", "/staff/ops/")];

/// Customer policies: attached to `ana`, attached to nobody, and used as a boundary.
pub(super) const POLICIES: [(&str, &str); 3] = [("attached", "/team/"), ("unused", "/"), ("boundary", "/")];

/// The trust of the role `partner`, as a policy document.
pub(super) fn trust(account_id: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account_id}:root"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"{EXTERNAL_ID}"}}}}}}]}}"#
    )
}

pub(super) fn policy_arn(account_id: &str, policy: usize) -> String {
    let (name, path) = POLICIES[policy];
    format!("arn:aws:iam::{account_id}:policy{path}{name}")
}

/// Writes everything through IAM. Gives the key of the user `keyed` and a key that is switched off.
pub(super) async fn write(clients: &Clients, account_id: &str) -> (Key, Key) {
    let iam = &clients.iam;
    for (name, path) in POLICIES {
        let made = iam.create_policy().policy_name(name).path(path).policy_document(DOCUMENT).send().await;
        made.unwrap_or_else(|error| panic!("policy {name}: {error:?}"));
    }
    for (name, path) in GROUPS {
        iam.create_group().group_name(name).path(path).send().await.unwrap();
    }
    for user in users() {
        let mut create = iam.create_user().user_name(&user.name).path(user.path);
        if user.name == "ana" {
            create = create.tags(Tag::builder().key("team").value("eng").build().unwrap());
        }
        if user.name == "carol" {
            create = create.permissions_boundary(policy_arn(account_id, 2));
        }
        create.send().await.unwrap();
        if let Some(group) = user.group {
            iam.add_user_to_group().user_name(&user.name).group_name(group).send().await.unwrap();
        }
    }
    iam.attach_user_policy().user_name("ana").policy_arn(policy_arn(account_id, 0)).send().await.unwrap();
    iam.attach_group_policy().group_name("devs").policy_arn(READ_ONLY).send().await.unwrap();
    iam.put_user_policy().user_name("ana").policy_name("own").policy_document(DOCUMENT).send().await.unwrap();
    iam.put_group_policy()
        .group_name("devs")
        .policy_name("theirs")
        .policy_document(DOCUMENT)
        .send()
        .await
        .unwrap();
    iam.create_login_profile().user_name("bob").password("Corr3ct-h0rse!battery").send().await.unwrap();
    iam.create_role()
        .role_name("partner")
        .assume_role_policy_document(trust(account_id))
        .send()
        .await
        .unwrap();
    write_keys(iam).await
}

async fn write_keys(iam: &aws_sdk_iam::Client) -> (Key, Key) {
    iam.create_user().user_name("keyed").send().await.unwrap();
    let everything =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    iam.put_user_policy()
        .user_name("keyed")
        .policy_name("all")
        .policy_document(everything)
        .send()
        .await
        .unwrap();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let made = iam.create_access_key().user_name("keyed").send().await.unwrap();
        let key = made.access_key().unwrap();
        keys.push(Key::new(key.access_key_id(), key.secret_access_key()));
    }
    let (off, on) = (keys.pop().unwrap(), keys.pop().unwrap());
    let inactive = aws_sdk_iam::types::StatusType::Inactive;
    iam.update_access_key().user_name("keyed").access_key_id(&off.id).status(inactive).send().await.unwrap();
    (on, off)
}
