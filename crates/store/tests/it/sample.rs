//! Made-up systems and inventories.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::*;
use keyreeve_store::{ImportLease, NewSystem, RunRecord, Store};

pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// Some moment, so many seconds after a fixed one.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_750_000_000 + seconds).unwrap()
}

pub(crate) fn id(text: &str) -> SystemId {
    SystemId::new(text).unwrap()
}

pub(crate) fn profile() -> ImportProfile {
    ImportProfile::default_named(ProfileName::new("default").unwrap())
}

pub(crate) fn new_system(system_id: &str, name: &str) -> NewSystem {
    NewSystem {
        system_id: id(system_id),
        name: SystemName::new(name).unwrap(),
        category: "cloud".to_owned(),
        region: None,
        credential: CredentialKind::AccessKey { access_key_id: "AKIAEXAMPLE".to_owned() },
        secret: None,
        aws_account_id: None,
        partition: None,
        settings: SystemSettings::default(),
    }
}

pub(crate) fn external(text: String) -> ExternalId {
    ExternalId::new(text).unwrap()
}

pub(crate) fn account(number: u64, variant: u64) -> Account {
    let keys = vec![AccessKey {
        active: variant.is_multiple_of(2),
        created_at: Some(at(1)),
        last_used_at: Some(at(variant as i64)),
    }];
    let state =
        if variant.is_multiple_of(3) { LoginProfileState::Present } else { LoginProfileState::Absent };
    Account {
        system_id: id("s"),
        external_id: external(format!("AIDA{number:06}")),
        name: format!("user{number}"),
        path: if number.is_multiple_of(2) { "/" } else { "/staff/" }.to_owned(),
        arn: format!("arn:aws:iam::123456789012:user/user{number}"),
        status: AccountStatus::of(state, Some(&keys)),
        login_profile: LoginProfile { state, created_at: None, password_reset_required: Some(variant > 4) },
        access_keys: Some(keys),
        mfa_active: (variant != 1).then_some(variant == 2),
        credentials: Credentials { source: CredentialSource::CredentialReport, as_of: None },
        created_at: at(number as i64),
        password_last_used_at: (variant > 2).then(|| at(variant as i64)),
        tags: Some(BTreeMap::from([("team".to_owned(), format!("=\"{variant}\" ü"))])),
        permissions_boundary: None,
        inline_policies: Some(vec![InlinePolicy { name: "p".to_owned(), document_sha256: None }]),
        first_seen_run: ImportRunId(1),
        last_seen_run: ImportRunId(1),
    }
}

pub(crate) fn group(number: u64, variant: u64) -> Resource {
    Resource {
        system_id: id("s"),
        external_id: external(format!("AGPA{number:06}")),
        kind: ResourceType::Group,
        name: format!("Group{number}"),
        path: format!("/v{variant}/"),
        arn: format!("arn:aws:iam::123456789012:group/Group{number}"),
        managed_by: None,
        attachable: true,
        inline_policies: None,
        default_version: None,
        first_seen_run: ImportRunId(1),
        last_seen_run: ImportRunId(1),
    }
}

pub(crate) fn policy(number: u64, variant: u64) -> Resource {
    Resource {
        external_id: external(format!("ANPA{number:06}")),
        kind: ResourceType::Policy,
        name: format!("Policy{number}"),
        arn: format!("arn:aws:iam::123456789012:policy/Policy{number}"),
        managed_by: Some(if number.is_multiple_of(2) { ManagedBy::Aws } else { ManagedBy::Customer }),
        default_version: Some(format!("v{variant}")),
        ..group(number, 0)
    }
}

pub(crate) fn membership(user: u64, group_number: u64) -> Assignment {
    let (holder, held) = (account(user, 0), group(group_number, 0));
    Assignment {
        system_id: id("s"),
        kind: AssignmentKind::AccountGroup,
        subject_name: holder.name,
        subject_external_id: holder.external_id,
        resource_external_id: Some(held.external_id),
        resource_arn: Some(held.arn),
        resource_name: held.name,
        state: AssignmentState::Actual,
        first_seen_run: ImportRunId(1),
        last_seen_run: ImportRunId(1),
    }
}

pub(crate) fn attachment(user: u64, policy_number: u64) -> Assignment {
    let held = policy(policy_number, 0);
    Assignment {
        kind: AssignmentKind::AccountPolicy,
        resource_external_id: (!policy_number.is_multiple_of(3)).then_some(held.external_id),
        resource_arn: Some(held.arn),
        resource_name: held.name,
        ..membership(user, 0)
    }
}

/// Small random numbers that are the same for the same seed (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A random inventory over a small population, so that objects go, come back and change.
pub(crate) fn random_inventory(dice: &mut Dice) -> Inventory {
    let mut inventory = Inventory::default();
    for number in 0..12 {
        if dice.below(4) > 0 {
            inventory.accounts.push(account(number, dice.below(6)));
        }
        if dice.below(3) > 0 {
            inventory.resources.push(group(number, dice.below(2)));
        }
        if dice.below(3) > 0 {
            inventory.resources.push(policy(number, dice.below(2)));
        }
        for other in 0..3 {
            if dice.below(2) > 0 {
                inventory.assignments.push(membership(number, other));
            }
            if dice.below(2) > 0 {
                inventory.assignments.push(attachment(number, other));
            }
        }
    }
    inventory.sort();
    inventory
}

pub(crate) fn record(report_at: Timestamp) -> RunRecord {
    RunRecord { credential_report_at: Some(report_at), aws_calls: 7, ..RunRecord::new(profile().scope()) }
}

pub(crate) async fn begin(store: &Store, now: Timestamp) -> ImportLease {
    store.begin_import_run(&id("s"), &profile(), "tester", now, LEASE).await.unwrap()
}

/// Publishes an inventory the way an import does: difference to what is known, then publish.
pub(crate) async fn publish(store: &Store, inventory: &Inventory, now: Timestamp) -> ImportRun {
    let lease = begin(store, now).await;
    let known = store.current_inventory(&id("s")).await.unwrap();
    let changes = difference(known, inventory.clone());
    store.publish_import_run(&lease, record(now), &changes, now).await.unwrap()
}

/// An inventory without what only the store knows.
pub(crate) fn plain(mut inventory: Inventory) -> Inventory {
    for account in &mut inventory.accounts {
        account.credentials.as_of = None;
        (account.first_seen_run, account.last_seen_run) = (ImportRunId(1), ImportRunId(1));
    }
    for resource in &mut inventory.resources {
        (resource.first_seen_run, resource.last_seen_run) = (ImportRunId(1), ImportRunId(1));
    }
    for assignment in &mut inventory.assignments {
        (assignment.first_seen_run, assignment.last_seen_run) = (ImportRunId(1), ImportRunId(1));
    }
    inventory
}
