use jiff::Timestamp;
use keyreeve_model::{Content, SystemName, SystemSettings, Technology};

use super::super::{Filter, RoleName, SystemIdPattern};
use super::*;

const ORGANIZATION: &str = "o-abcdefghij";

fn id(text: &str) -> AwsAccountId {
    AwsAccountId::new(text).unwrap()
}

fn member(account: &str, name: &str, state: MemberState) -> Member {
    Member {
        account_id: id(account),
        name: name.to_owned(),
        state,
        unit: Some("/".to_owned()),
        unit_ids: vec!["r-1".to_owned()],
        tags: Ok(BTreeMap::new()),
    }
}

fn system(system_id: &str, name: &str, account: &str, state: SystemState) -> System {
    System {
        system_id: SystemId::new(system_id).unwrap(),
        name: SystemName::new(name).unwrap(),
        category: "AWS".to_owned(),
        technology: Technology::Aws,
        content: Content::AccessRights,
        state,
        state_reason: None,
        aws_account_id: Some(id(account)),
        partition: Some("aws".to_owned()),
        region: None,
        credential: CredentialKind::Ambient,
        settings: SystemSettings::default(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        removed_at: (state == SystemState::Removed).then_some(Timestamp::UNIX_EPOCH),
    }
}

fn membership(name: &str, unit: &str, state: MemberState) -> Membership {
    Membership {
        organization_id: ORGANIZATION.to_owned(),
        name: name.to_owned(),
        unit: Some(unit.to_owned()),
        state,
    }
}

fn decided(systems: &[System], seen: &[(&str, Membership)], members: &[Member]) -> Vec<Discovered> {
    decided_without(systems, seen, members, &BTreeMap::new())
}

fn decided_without(
    systems: &[System],
    seen: &[(&str, Membership)],
    members: &[Member],
    missing: &BTreeMap<AwsAccountId, Missing>,
) -> Vec<Discovered> {
    let request = DiscoveryRequest {
        role: RoleName::new("keyreeve").unwrap(),
        base: None,
        filter: Filter::default(),
        system_id: SystemIdPattern::new("aws-{account_id}").unwrap(),
        category: "AWS".to_owned(),
        region: None,
        fresh_external_id: String::new(),
        actor: "test".to_owned(),
        at_once: 1,
        refuses_open: false,
    };
    let organization = OrganizationEntry {
        id: ORGANIZATION.to_owned(),
        management_account: id("999999999999"),
        partition: "aws-cn".to_owned(),
    };
    let memberships = seen.iter().map(|(id, seen)| (SystemId::new(*id).unwrap(), seen.clone())).collect();
    let known = Known {
        organization: &organization,
        external_id: "base",
        systems,
        memberships: &memberships,
        missing,
    };
    decide(&request, &known, members)
}

#[test]
fn a_new_account_gets_a_system_of_its_own_name_role_and_external_id() {
    let members = [
        member("111111111111", "prod", MemberState::Active),
        member("222222222222", "PROD", MemberState::Active),
        member("999999999999", "management", MemberState::Active),
    ];
    let rows = decided(&[], &[], &members);
    let actions: Vec<_> = rows.iter().map(|row| row.action).collect();
    assert_eq!(actions, [DiscoveryAction::Add, DiscoveryAction::Add, DiscoveryAction::Skip]);
    assert_eq!(rows[0].role_arn.as_deref(), Some("arn:aws-cn:iam::111111111111:role/keyreeve"));
    let ids: Vec<_> = rows.iter().filter_map(|row| row.external_id.as_deref()).collect();
    assert_eq!(ids, ["base:111111111111", "base:222222222222"]);
    let Step::Register { name, system_id, .. } = &rows[1].step else { panic!("{:?}", rows[1].step) };
    assert_eq!((name.as_str(), system_id.as_str()), ("PROD (222222222222)", "aws-222222222222"));
}

#[test]
fn an_account_that_is_not_in_use_is_skipped_and_its_system_suspended() {
    for state in [
        MemberState::PendingActivation,
        MemberState::Suspended,
        MemberState::PendingClosure,
        MemberState::Closed,
        MemberState::Unknown,
    ] {
        let members = [member("111111111111", "a", state)];
        let new = decided(&[], &[], &members);
        assert_eq!((new[0].action, &new[0].step), (DiscoveryAction::Skip, &Step::Nothing), "{state:?}");
        let active = [system("s", "a", "111111111111", SystemState::Active)];
        let known = decided(&active, &[], &members);
        assert_eq!(known[0].action, DiscoveryAction::Suspend, "{state:?}");
        assert!(matches!(known[0].step, Step::Note { .. }));
        let quarantined = [system("s", "a", "111111111111", SystemState::Quarantined)];
        assert_eq!(decided(&quarantined, &[], &members)[0].action, DiscoveryAction::Keep, "{state:?}");
    }
}

#[test]
fn an_account_in_use_again_goes_on_and_one_that_left_is_suspended() {
    let suspended = [system("s", "a", "111111111111", SystemState::Suspended)];
    let members = [member("111111111111", "a", MemberState::Active)];
    let seen = [("s", membership("a", "/", MemberState::Suspended))];
    assert_eq!(decided(&suspended, &seen, &members)[0].action, DiscoveryAction::Resume);
    let active = [system("s", "a", "111111111111", SystemState::Active)];
    let seen = [("s", membership("a", "/", MemberState::Active))];
    let gone = BTreeMap::from([(id("111111111111"), Missing::Gone)]);
    let left = decided_without(&active, &seen, &[], &gone);
    assert_eq!((left[0].action, left[0].account_state), (DiscoveryAction::Suspend, MemberState::Gone));
    let unproven = BTreeMap::from([(id("111111111111"), Missing::Unproven("who knows".to_owned()))]);
    for missing in [&unproven, &BTreeMap::new()] {
        let left = decided_without(&active, &seen, &[], missing);
        assert_eq!((left[0].action, &left[0].step), (DiscoveryAction::Failed, &Step::Nothing));
        assert_eq!(left[0].account_state, MemberState::Active);
    }
    assert!(decided(&active, &[], &[]).is_empty(), "a system that never was in it is none of its matters");
}

#[test]
fn what_a_person_set_stays_and_what_changed_is_said() {
    let named = [system("prod", "Our production", "111111111111", SystemState::Active)];
    let members = [member("111111111111", "new name", MemberState::Active)];
    let seen = [("prod", membership("old name", "/Staging", MemberState::Active))];
    let rows = decided(&named, &seen, &members);
    assert_eq!(rows.len(), 1, "the account is not registered a second time");
    let reason = rows[0].reason.as_deref().unwrap();
    assert!(reason.contains("was named old name") && reason.contains("was in /Staging"), "{reason}");
    let same = [("prod", membership("new name", "/", MemberState::Active))];
    let rows = decided(&named, &same, &members);
    assert_eq!((&rows[0].step, &rows[0].reason), (&Step::Nothing, &None));
    let removed = [system("prod", "x", "111111111111", SystemState::Removed)];
    let rows = decided(&removed, &[], &members);
    assert_eq!(rows[0].action, DiscoveryAction::Skip);
    assert!(rows[0].reason.as_deref().unwrap().contains("was removed"));
}
