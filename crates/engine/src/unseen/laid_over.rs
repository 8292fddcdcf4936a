//! An account after what was done to it. Pure.

use keyreeve_model::{
    AccessKey, Account, AccountStatus, ClaimFact, InlinePolicy, LoginProfile, LoginProfileState,
};

/// The account after these facts; `None` when it is gone. What nothing is claimed of stays as an import read it.
pub(super) fn laid_over(mut account: Account, facts: &[ClaimFact]) -> Option<Account> {
    for fact in facts {
        match fact {
            ClaimFact::AccountGone => return None,
            ClaimFact::Named { name } => account.name.clone_from(name),
            ClaimFact::Path { path } => account.path.clone_from(path),
            ClaimFact::LoginProfilePresent => {
                // A password that we set must be changed at the first sign-in.
                let state = LoginProfileState::Present;
                account.login_profile =
                    LoginProfile { state, password_reset_required: Some(true), ..account.login_profile };
            }
            ClaimFact::LoginProfileAbsent => account.login_profile = LoginProfile::absent(),
            ClaimFact::KeyActive { .. } => switch_key(&mut account, true),
            ClaimFact::KeyInactive { .. } => switch_key(&mut account, false),
            ClaimFact::KeyGone { .. } => drop_key(&mut account),
            ClaimFact::Tagged { key, value } => {
                let tags = account.tags.get_or_insert_default();
                // IAM tells the keys of tags apart ignoring case.
                tags.retain(|known, _| !known.eq_ignore_ascii_case(key));
                tags.insert(key.clone(), value.clone());
            }
            ClaimFact::NotTagged { key } => {
                if let Some(tags) = &mut account.tags {
                    tags.retain(|known, _| !known.eq_ignore_ascii_case(key));
                }
            }
            ClaimFact::Boundary { policy_arn } => account.permissions_boundary = Some(policy_arn.clone()),
            ClaimFact::NoBoundary => account.permissions_boundary = None,
            ClaimFact::LacksInlinePolicy { name } => {
                let policies: Option<&mut Vec<InlinePolicy>> = account.inline_policies.as_mut();
                policies.into_iter().for_each(|policies| policies.retain(|policy| policy.name != *name));
            }
            ClaimFact::AccountExists
            | ClaimFact::InGroup { .. }
            | ClaimFact::NotInGroup { .. }
            | ClaimFact::HasPolicy { .. }
            | ClaimFact::LacksPolicy { .. }
            | ClaimFact::LacksMfaDevice { .. } => {}
        }
    }
    if let Some((before, _)) = account.arn.split_once(":user/") {
        account.arn = format!("{before}:user{}{}", account.path, account.name);
    }
    account.status = AccountStatus::of(account.login_profile.state, account.access_keys.as_deref());
    Some(account)
}

/// Imports know keys by number alone, so one that is as it was is switched: how many are active is right.
fn switch_key(account: &mut Account, active: bool) {
    let keys = account.access_keys.iter_mut().flatten();
    if let Some(key) = keys.into_iter().find(|key| key.active != active) {
        key.active = active;
    }
}

/// The last one that is not active, as keys are switched off before they are deleted; else the last one.
fn drop_key(account: &mut Account) {
    let Some(keys) = &mut account.access_keys else { return };
    let place = keys.iter().rposition(|key: &AccessKey| !key.active).or(keys.len().checked_sub(1));
    if let Some(place) = place {
        keys.remove(place);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use keyreeve_model::{CredentialSource, Credentials, ExternalId, ImportRunId, SystemId};

    use super::*;

    fn ada() -> Account {
        let key = |active| AccessKey { active, created_at: None, last_used_at: None };
        Account {
            system_id: SystemId::new("prod").unwrap(),
            external_id: ExternalId::new("AIDA1").unwrap(),
            name: "ada".to_owned(),
            path: "/".to_owned(),
            arn: "arn:aws:iam::111122223333:user/ada".to_owned(),
            status: AccountStatus::Enabled,
            login_profile: LoginProfile {
                state: LoginProfileState::Present,
                created_at: None,
                password_reset_required: Some(false),
            },
            access_keys: Some(vec![key(true), key(false)]),
            mfa_active: None,
            credentials: Credentials { source: CredentialSource::PerUser, as_of: None },
            created_at: Timestamp::UNIX_EPOCH,
            password_last_used_at: None,
            tags: Some(BTreeMap::from([("Team".to_owned(), "red".to_owned())])),
            permissions_boundary: None,
            inline_policies: Some(vec![InlinePolicy { name: "p".to_owned(), document_sha256: None }]),
            first_seen_run: ImportRunId(1),
            last_seen_run: ImportRunId(1),
        }
    }

    #[test]
    fn each_fact_shows() {
        let key = || "AKIA1".to_owned();
        let facts = [
            ClaimFact::Named { name: "ada.l".to_owned() },
            ClaimFact::Path { path: "/staff/".to_owned() },
            ClaimFact::KeyInactive { access_key_id: key() },
            ClaimFact::LoginProfileAbsent,
            ClaimFact::Tagged { key: "team".to_owned(), value: "blue".to_owned() },
            ClaimFact::Boundary { policy_arn: "arn:b".to_owned() },
            ClaimFact::LacksInlinePolicy { name: "p".to_owned() },
        ];
        let after = laid_over(ada(), &facts).unwrap();
        assert_eq!(after.arn, "arn:aws:iam::111122223333:user/staff/ada.l");
        assert_eq!(after.status, AccountStatus::Disabled);
        assert_eq!(after.tags, Some(BTreeMap::from([("team".to_owned(), "blue".to_owned())])));
        assert_eq!(after.permissions_boundary.as_deref(), Some("arn:b"));
        assert_eq!(after.inline_policies, Some(Vec::new()));
        let back = [
            ClaimFact::KeyActive { access_key_id: key() },
            ClaimFact::NotTagged { key: "TEAM".to_owned() },
            ClaimFact::NoBoundary,
        ];
        let back = laid_over(after, &back).unwrap();
        assert_eq!(back.status, AccountStatus::Enabled);
        assert_eq!((back.tags, back.permissions_boundary), (Some(BTreeMap::new()), None));
        assert_eq!(laid_over(ada(), &[ClaimFact::AccountGone]), None);
        assert_eq!(laid_over(ada(), &[]), Some(ada()));
    }

    #[test]
    fn what_was_unknown_and_is_not_claimed_stays_unknown() {
        let unknown = Account {
            access_keys: None,
            tags: None,
            login_profile: LoginProfile::unknown(),
            status: AccountStatus::Unknown,
            ..ada()
        };
        let after = laid_over(unknown, &[ClaimFact::LoginProfileAbsent]).unwrap();
        assert_eq!((after.status, after.tags, after.access_keys), (AccountStatus::Unknown, None, None));
    }

    #[test]
    fn keys_that_are_gone_are_those_that_were_off() {
        let gone = [ClaimFact::KeyGone { access_key_id: "AKIA2".to_owned() }];
        let after = laid_over(ada(), &gone).unwrap();
        assert!(after.access_keys.unwrap().iter().all(|key| key.active));
    }
}
