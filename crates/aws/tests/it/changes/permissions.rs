//! What each call needs, and what each permission profile lacks of it.

use std::collections::BTreeSet;

use keyreeve_aws::{READ_ACTIONS, REFERENCE_ACTIONS, profile_actions};
use keyreeve_connector::{PointRead, Provisioning};
use keyreeve_model::{AccountCredentialKind, PermissionProfile, StepCall};

use super::{POLICY, every_call};

const PROFILES: [PermissionProfile; 4] = [
    PermissionProfile::Reference,
    PermissionProfile::Read,
    PermissionProfile::Lifecycle,
    PermissionProfile::Full,
];

fn every_read() -> Vec<PointRead> {
    let mut reads = vec![
        PointRead::AccountFacts,
        PointRead::MfaDevices,
        PointRead::InlinePolicy,
        PointRead::GroupsOf,
        PointRead::PoliciesOf,
        PointRead::PasswordPolicy,
        PointRead::PolicyDocuments,
    ];
    reads.extend(AccountCredentialKind::ALL.map(PointRead::Credentials));
    reads
}

fn creation(tagged: bool, bounded: bool) -> StepCall {
    StepCall::CreateAccount {
        account: "ana".into(),
        path: "/".into(),
        tags: tagged.then(|| ("team".to_owned(), "eng".to_owned())).into_iter().collect(),
        permissions_boundary: bounded.then(|| POLICY.to_owned()),
    }
}

async fn aws() -> keyreeve_aws::AwsConnector {
    crate::canned::connector("http://127.0.0.1:9").await
}

#[tokio::test]
async fn a_creation_needs_more_for_tags_and_for_a_boundary() {
    let aws = aws().await;
    let (create, tag, bound) = ("iam:CreateUser", "iam:TagUser", "iam:PutUserPermissionsBoundary");
    assert_eq!(aws.needs(&creation(false, false)), [create]);
    assert_eq!(aws.needs(&creation(true, false)), [create, tag]);
    assert_eq!(aws.needs(&creation(false, true)), [create, bound]);
    assert_eq!(aws.needs(&creation(true, true)), [create, tag, bound]);
}

#[tokio::test]
async fn every_other_call_needs_the_action_it_is_named_after() {
    let aws = aws().await;
    for call in every_call("ana") {
        assert_eq!(aws.needs(&call), [format!("iam:{}", aws.operation(&call))]);
    }
}

#[tokio::test]
async fn the_full_profile_lacks_nothing() {
    let aws = aws().await;
    let calls = every_call("ana").into_iter().chain([creation(true, true)]);
    for call in calls {
        let lacking = aws.lacks(PermissionProfile::Full, &aws.needs(&call));
        assert!(lacking.is_empty(), "{call:?} lacks {lacking:?}");
    }
    for read in every_read() {
        let lacking = aws.lacks(PermissionProfile::Full, &[aws.read_needs(read)]);
        assert!(lacking.is_empty(), "{read:?} lacks {lacking:?}");
    }
}

#[tokio::test]
async fn the_reference_profile_suffices_for_exactly_what_its_actions_name() {
    let aws = aws().await;
    let suffices: BTreeSet<_> = every_call("ana")
        .iter()
        .filter(|call| aws.lacks(PermissionProfile::Reference, &aws.needs(call)).is_empty())
        .map(|call| aws.operation(call))
        .collect();
    let writes = REFERENCE_ACTIONS.iter().filter(|action| !READ_ACTIONS.contains(action));
    assert_eq!(suffices, writes.map(|action| action.trim_start_matches("iam:")).collect());
    let reads: Vec<_> = every_read()
        .into_iter()
        .filter(|read| aws.lacks(PermissionProfile::Reference, &[aws.read_needs(*read)]).is_empty())
        .collect();
    assert_eq!(reads, [PointRead::PolicyDocuments]);
    let lacking = aws.lacks(PermissionProfile::Reference, &aws.needs(&creation(true, true)));
    assert_eq!(lacking, ["iam:TagUser", "iam:PutUserPermissionsBoundary"]);
}

#[tokio::test]
async fn the_life_cycle_lacks_only_boundaries_and_reading_changes_nothing() {
    let aws = aws().await;
    for call in every_call("ana") {
        let bounds = matches!(call, StepCall::SetBoundary { .. } | StepCall::RemoveBoundary { .. });
        let needs = aws.needs(&call);
        let lacking = aws.lacks(PermissionProfile::Lifecycle, &needs);
        assert_eq!(lacking, if bounds { needs.clone() } else { vec![] }, "{call:?}");
        assert_eq!(aws.lacks(PermissionProfile::Read, &needs), needs, "{call:?}");
    }
    for read in every_read() {
        assert!(aws.lacks(PermissionProfile::Lifecycle, &[aws.read_needs(read)]).is_empty(), "{read:?}");
    }
    for read in [PointRead::AccountFacts, PointRead::PolicyDocuments] {
        assert!(aws.lacks(PermissionProfile::Read, &[aws.read_needs(read)]).is_empty(), "{read:?}");
    }
}

#[test]
fn each_profile_names_an_action_once_and_holds_the_smaller_ones() {
    let sets = PROFILES.map(|profile| {
        let actions = profile_actions(profile);
        let set: BTreeSet<_> = actions.iter().copied().collect();
        assert_eq!(set.len(), actions.len(), "{profile:?}");
        assert!(set.iter().all(|action| action.starts_with("iam:")), "{profile:?}");
        set
    });
    let [reference, read, lifecycle, full] = sets;
    assert_eq!((reference.len(), read.len(), lifecycle.len(), full.len()), (14, 9, 41, 43));
    assert!(reference.is_subset(&lifecycle) && read.is_subset(&lifecycle) && lifecycle.is_subset(&full));
    assert!(READ_ACTIONS.iter().all(|action| read.contains(action)));
}
