//! The three peers, each made ready in its own way.

use keyreeve_sandbox::{AccountSeed, KeyStatus, Mutation, Options, Sandbox, Trust};

use super::organizations;
use super::process;
use super::seed::{self, EXTERNAL_ID, GROUPS, ODD_PATH, ODD_TAG, POLICIES, READ_ONLY};
use super::world::{self, Clients, Key, World};

const ACCOUNT: &str = "111122223333";
const ODD_ACCOUNT: &str = "222233334444";
const SPARE_ACCOUNT: &str = "333344445555";
const WRITTEN_ACCOUNT: &str = "444455556666";

/// Our own sandbox, in this process.
pub(super) async fn sandbox() -> World {
    let organization = Some(organizations::seed(ACCOUNT));
    let accounts = [ACCOUNT, ODD_ACCOUNT, SPARE_ACCOUNT, WRITTEN_ACCOUNT].map(AccountSeed::empty).into();
    let sandbox = Sandbox::start(Options { accounts, organization, ..Options::default() }).await.unwrap();
    sandbox.mutate(ACCOUNT, &mutations()).unwrap();
    let tag = Mutation::TagUser { name: "odd".into(), key: "team".into(), value: ODD_TAG.into() };
    sandbox.mutate(ODD_ACCOUNT, &[user("odd", ODD_PATH), tag]).unwrap();
    let key = |account: &str| {
        let key = sandbox.connector_key(account).unwrap();
        Key::new(&key.access_key_id, &key.secret_access_key)
    };
    let (own, odd, inactive) = (key(ACCOUNT), key(ODD_ACCOUNT), key(SPARE_ACCOUNT));
    sandbox.set_key_status(&inactive.id, KeyStatus::Inactive).unwrap();
    let endpoint = sandbox.endpoint_url();
    World {
        peer: "sandbox",
        account_id: ACCOUNT.into(),
        admin: Clients::new(&endpoint, &own),
        organizations: world::organizations(&endpoint, &own),
        organizations_outside: world::organizations(&endpoint, &odd),
        management_key: own.clone(),
        organizations_endpoint: endpoint.clone(),
        user_arn: format!("arn:aws:iam::{ACCOUNT}:user/keyreeve/keyreeve-connector"),
        user_key: own,
        inactive_key: inactive,
        odd_text: Clients::new(&endpoint, &odd),
        writes: Clients::new(&endpoint, &key(WRITTEN_ACCOUNT)).iam,
        endpoint,
        _alive: Box::new(sandbox),
    }
}

fn user(name: &str, path: &str) -> Mutation {
    Mutation::CreateUser { name: name.into(), path: path.into(), tags: vec![], boundary: None }
}

fn mutations() -> Vec<Mutation> {
    let document = seed::DOCUMENT.to_owned();
    let mut all: Vec<_> = POLICIES
        .iter()
        .map(|(name, path)| Mutation::CreatePolicy {
            name: (*name).into(),
            path: (*path).into(),
            document: document.clone(),
        })
        .collect();
    all.extend(
        GROUPS
            .iter()
            .map(|(name, path)| Mutation::CreateGroup { name: (*name).into(), path: (*path).into() }),
    );
    for planned in seed::users() {
        all.push(user(&planned.name, planned.path));
        if let Some(group) = planned.group {
            all.push(Mutation::AddToGroup { user: planned.name.clone(), group: group.into() });
        }
    }
    let (ana, devs) = ("ana".to_owned(), "devs".to_owned());
    let trust = Trust { principals: vec![ACCOUNT.into()], external_id: Some(EXTERNAL_ID.into()) };
    all.extend([
        Mutation::TagUser { name: ana.clone(), key: "team".into(), value: "eng".into() },
        Mutation::SetBoundary { name: "carol".into(), arn: Some(seed::policy_arn(ACCOUNT, 2)) },
        Mutation::AttachUserPolicy { user: ana.clone(), arn: seed::policy_arn(ACCOUNT, 0) },
        Mutation::AttachGroupPolicy { group: devs.clone(), arn: READ_ONLY.into() },
        Mutation::PutUserInline { user: ana, name: "own".into(), document: document.clone() },
        Mutation::PutGroupInline { group: devs, name: "theirs".into(), document },
        Mutation::CreateLoginProfile { user: "bob".into(), reset_required: false },
        Mutation::CreateRole { name: "partner".into(), path: "/".into(), trust },
    ]);
    all
}

/// moto (PyPI `moto[server]`).
pub(super) async fn moto() -> World {
    let (alive, endpoint) = process::start("moto_server", |command, port| {
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command.env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true");
    })
    .await;
    let key = Key::new("AKIAIOSFODNN7EXAMPLE", "secret");
    let admin = Clients::new(&endpoint, &key);
    let odd = Clients::new(&endpoint, &in_motos_account(&admin, ODD_ACCOUNT).await);
    let other = in_motos_account(&admin, WRITTEN_ACCOUNT).await;
    let writes = Clients::new(&endpoint, &other).iam;
    // With AWS's policies in each of its accounts, an organization would take minutes to be made.
    let (alone, apart) = process::start("moto_server", |command, port| {
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    })
    .await;
    let outside = in_motos_account(&Clients::new(&apart, &key), ODD_ACCOUNT).await;
    let organization = Organized { endpoint: apart, management: key, outside };
    let alive = Box::new((alive, alone));
    written("moto", endpoint, admin, odd, writes, "123456789012", organization, alive).await
}

/// moto lets anybody assume any role of any account: the way into another one.
async fn in_motos_account(admin: &Clients, account: &str) -> Key {
    let role = format!("arn:aws:iam::{account}:role/any");
    let session = admin.sts.assume_role().role_arn(role).role_session_name("other").send().await.unwrap();
    let keys = session.credentials().unwrap();
    let token = Some(keys.session_token().to_owned());
    Key { token, ..Key::new(keys.access_key_id(), keys.secret_access_key()) }
}

/// ministack (PyPI); a key of twelve digits is the root of that account.
pub(super) async fn ministack() -> World {
    let (alive, endpoint) = process::start("ministack", |command, port| {
        command.env("AUTH", "true").env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
    })
    .await;
    let root = |account| Clients::new(&endpoint, &Key::new(account, "test"));
    let organization = Organized {
        endpoint: endpoint.clone(),
        management: Key::new(ACCOUNT, "test"),
        outside: Key::new(ODD_ACCOUNT, "test"),
    };
    let (admin, odd, writes) = (root(ACCOUNT), root(ODD_ACCOUNT), root(WRITTEN_ACCOUNT).iam);
    written("ministack", endpoint, admin, odd, writes, ACCOUNT, organization, Box::new(alive)).await
}

/// Where an emulator's organization is, with a key of the account that owns it, and one of an account outside.
struct Organized {
    endpoint: String,
    management: Key,
    outside: Key,
}

#[allow(clippy::too_many_arguments)] // What differs between two peers.
async fn written(
    peer: &'static str,
    endpoint: String,
    admin: Clients,
    odd_text: Clients,
    writes: aws_sdk_iam::Client,
    account_id: &str,
    organization: Organized,
    alive: Box<dyn std::any::Any>,
) -> World {
    let (user_key, inactive_key) = seed::write(&admin, account_id).await;
    let Organized { endpoint: organizations_endpoint, management: management_key, outside } = organization;
    let organizations = world::organizations(&organizations_endpoint, &management_key);
    organizations::write(&organizations).await;
    let tag = aws_sdk_iam::types::Tag::builder().key("team").value(ODD_TAG).build().unwrap();
    // Not every peer answers this in a way that can be read; the checks say which.
    let _ = odd_text.iam.create_user().user_name("odd").path(ODD_PATH).tags(tag).send().await;
    let organizations_outside = world::organizations(&organizations_endpoint, &outside);
    World {
        peer,
        organizations,
        organizations_endpoint,
        organizations_outside,
        management_key,
        endpoint,
        account_id: account_id.into(),
        admin,
        user_key,
        user_arn: format!("arn:aws:iam::{account_id}:user/keyed"),
        inactive_key,
        odd_text,
        writes,
        _alive: alive,
    }
}
