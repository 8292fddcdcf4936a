use keyreeve_model::PermissionProfile::{self, Full, Lifecycle, Read, Reference};
use keyreeve_policy::{Document, Policy};

use super::*;
use crate::PolicyScope;

const ACCOUNT: &str = "123456789012";

fn settings(profile: PermissionProfile) -> SystemSettings {
    SystemSettings { permission_profile: profile, ..SystemSettings::default() }
}

fn place() -> Surroundings {
    Surroundings::of("aws", ACCOUNT)
}

fn holding(texts: &[String]) -> PolicySet {
    let read = |text: &String| Policy::new("p", Document::parse(text).unwrap());
    PolicySet { identity: texts.iter().map(read).collect(), ..PolicySet::default() }
}

fn on(profile: PermissionProfile) -> Vec<Feature> {
    features(&settings(profile), "aws").into_iter().filter(|feature| feature.on).collect()
}

fn denied(set: &PolicySet, profile: PermissionProfile) -> Vec<&'static str> {
    let no = |feature: &Feature| {
        feature.needs.iter().any(|need| need.granted(set, &place(), profile) == Granted::No)
    };
    on(profile).iter().filter(|feature| no(feature)).map(|feature| feature.name).collect()
}

#[test]
fn the_features_of_a_profile_need_exactly_its_actions() {
    for profile in [Read, Reference, Lifecycle, Full] {
        let needed: BTreeSet<&str> =
            on(profile).iter().flat_map(|feature| &feature.needs).map(|need| need.action).collect();
        assert_eq!(needed, profile_actions(profile).into_iter().collect(), "{profile:?}");
        // What an action is about is what it supports.
        for need in on(profile).iter().flat_map(|feature| &feature.needs) {
            let (_, kinds) =
                IAM_ACTIONS.iter().find(|(action, _)| need.action == format!("iam:{action}")).unwrap();
            let kind = match need.on {
                On::Nothing => None,
                On::User => Some("user"),
                On::Group => Some("group"),
                On::Device => Some("mfa"),
            };
            assert!(kind.map_or(kinds.is_empty(), |kind| kinds.contains(&kind)), "{need:?}");
        }
    }
}

#[test]
fn the_generated_policies_grant_their_features_and_nothing_beyond() {
    let limited = |profile| PolicyScope {
        account_id: Some(ACCOUNT.into()),
        paths: vec!["/idm/".into()],
        groups: vec!["/idm/*".into()],
        policies: vec![format!("arn:aws:iam::{ACCOUNT}:policy/idm/*")],
        break_glass: vec!["/idm/glass/*".into()],
        connector: vec!["keyreeve".into()],
        protected: vec![keyreeve_model::ProtectionKind::Tag("keep".into())],
        rotate_own_key: true,
        ..PolicyScope::new(profile, "aws")
    };
    for profile in [Read, Reference, Lifecycle, Full] {
        let mut scopes = vec![PolicyScope::new(profile, "aws")];
        scopes.extend((profile != Read).then(|| limited(profile)));
        let boundary = Some(format!("arn:aws:iam::{ACCOUNT}:policy/b"));
        scopes.extend((profile == Full).then(|| PolicyScope { boundary, ..limited(profile) }));
        for scope in scopes {
            let set = holding(&scope.documents().unwrap());
            for need in on(profile).iter().flat_map(|feature| &feature.needs) {
                let granted = need.granted(&set, &place(), profile);
                let never = scope.boundary.is_some() && need.action == "iam:DeleteUserPermissionsBoundary";
                let well = matches!(granted, Granted::Everywhere | Granted::Somewhere(_));
                assert_eq!(well, !never, "{profile:?} {need:?}: {granted:?}");
            }
            assert_eq!(beyond_features(&set, &place()), [""; 0], "{profile:?}");
        }
    }
}

#[test]
fn each_action_that_is_left_out_is_missed_by_the_features_that_need_it() {
    for profile in [Reference, Full] {
        let document = PolicyScope::new(profile, "aws").documents().unwrap().remove(0);
        for action in profile_actions(profile) {
            let without = document.replace(&format!("\"{action}\""), "\"iam:GetRole\"");
            let missed = denied(&holding(&[without]), profile);
            let needs = |feature: &Feature| feature.needs.iter().any(|need| need.action == action);
            let expected: Vec<&str> =
                on(profile).iter().filter(|feature| needs(feature)).map(|feature| feature.name).collect();
            assert_eq!(missed, expected, "{action}");
            assert!(!missed.is_empty());
        }
    }
}

#[test]
fn a_boundary_that_is_never_sent_and_a_policy_that_may_not_be_attached_are_missed() {
    let boundary = Some(format!("arn:aws:iam::{ACCOUNT}:policy/b"));
    let set = holding(&PolicyScope { boundary, ..PolicyScope::new(Lifecycle, "aws") }.documents().unwrap());
    assert_eq!(denied(&set, Lifecycle), ["create_account"]);
    let scope = PolicyScope {
        policies: vec![format!("arn:aws:iam::{ACCOUNT}:policy/idm/*")],
        change_password: false,
        ..PolicyScope::new(Lifecycle, "aws")
    };
    assert_eq!(denied(&holding(&scope.documents().unwrap()), Lifecycle), ["first_sign_in"]);
}

#[test]
fn what_hangs_on_the_time_or_the_address_is_not_known() {
    let document = PolicyScope::new(Reference, "aws").documents().unwrap().remove(0);
    let condition = r#""Condition": { "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } }, "Effect""#;
    let set = holding(&[document.replace("\"Effect\"", condition)]);
    let import = on(Reference).remove(0);
    let granted = import.needs[0].granted(&set, &place(), Reference);
    assert_eq!(granted, Granted::Unknown(["aws:SourceIp".to_owned()].into()));
}

#[test]
fn changes_that_no_feature_makes_are_beyond_them() {
    let text = |action: &str, resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}]}}"#
        )
    };
    let beyond =
        |action: &str, resource: &str| beyond_features(&holding(&[text(action, resource)]), &place());
    assert_eq!(beyond("iam:PassRole", "*"), ["iam:PassRole"]);
    assert_eq!(beyond("iam:CreateAccessKey", "arn:aws:iam::123456789012:user/*"), ["iam:CreateAccessKey"]);
    assert_eq!(beyond("iam:CreateAccessKey", "arn:aws:iam::123456789012:user/keyreeve"), [""; 0]);
    assert_eq!(beyond("iam:Get*", "*"), [""; 0]);
    assert!(beyond("*", "*").len() > 75);
}
