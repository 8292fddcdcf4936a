//! Who is in the AWS accounts of a fleet, and who holds what.
//!
//! The sandbox makes up an account's users, groups and policies, with groups and policies of the same names everywhere. Here
//! each user gets a name that only this account has, but for one in each of the first accounts, and holds some more policies:
//! so that what is looked for by a name, or held by few, is there as often in a small fleet as in a large one.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::bench::serve::account::{Changing, Inhabitants, Sandbox};

/// Groups and policies of each account.
pub(super) const INHABITANTS: Inhabitants = Inhabitants { groups: 12, policies: 24 };
/// Somebody of this name is in so many of the first accounts, and nowhere else.
pub(super) const COMMON: &str = "morgan.quillfeather";
pub(super) const COMMON_SYSTEMS: u32 = 10;
/// Held by some users of these accounts, and by nobody else.
pub(super) const RARE: &str = "arn:aws:iam::aws:policy/AWSDirectConnectReadOnlyAccess";
const RARE_HOLDERS: usize = 3;
/// Held by many, in all accounts.
pub(super) const WIDE: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
/// What everybody holds one of.
const OF_AWS: [&str; 6] = [
    WIDE,
    "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
    "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess",
    "arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess",
    "arn:aws:iam::aws:policy/IAMUserChangePassword",
    "arn:aws:iam::aws:policy/SecurityAudit",
];
/// A policy of this name, of its own, is in every account.
pub(super) const OWN: &str = "engineering-artifacts-read";
/// Policies of the account's own that everybody holds besides.
const OWN_EACH: usize = 2;
/// One of so many users is different from import to import.
const CHANGED: usize = 100;

/// Fits the inhabitants of an account to the fleet, the same in each run. Gives who is different from import to import.
pub(super) fn populate(sandbox: &Sandbox, number: u32) -> Result<Changing> {
    let (users, policies) = sandbox.inhabitants(number)?;
    let changes: Vec<Value> = users
        .iter()
        .enumerate()
        .flat_map(|(place, user)| of_user(number, (place, user), &policies))
        .collect();
    sandbox.mutate(number, &changes)?;
    let policy = policies.last().cloned().context("the sandbox has made up no policy")?;
    let names = users.iter().enumerate().map(|(place, user)| name(number, place, user));
    Ok(Changing::of(names.skip(1).step_by(CHANGED).collect(), policy))
}

/// How somebody is called in the fleet who is called so in this account.
fn name(number: u32, place: usize, user: &str) -> String {
    match place {
        0 if number < COMMON_SYSTEMS => COMMON.to_owned(),
        _ => format!("{user}.{number:05}"),
    }
}

fn of_user(number: u32, (place, user): (usize, &str), policies: &[String]) -> Vec<Value> {
    let new_name = name(number, place, user);
    let mut changes = vec![json!({"op": "rename_user", "name": user, "new_name": new_name})];
    let own = (0..OWN_EACH).filter_map(|turn| policies.get((place * 5 + turn * 7) % policies.len().max(1)));
    let of_aws = OF_AWS.get(place % OF_AWS.len());
    let rare = (number < COMMON_SYSTEMS && (1..=RARE_HOLDERS).contains(&place)).then_some(RARE);
    let held = own.map(String::as_str).chain(of_aws.copied()).chain(rare);
    changes.extend(held.map(|arn| json!({"op": "attach_user_policy", "user": new_name, "arn": arn})));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_accounts_have_what_few_have() {
        let policies: Vec<String> = (0..24).map(|number| format!("arn:p{number}")).collect();
        let text = |number, place| json!(of_user(number, (place, "ada.bauer"), &policies)).to_string();
        assert!(text(9, 0).contains(COMMON) && !text(10, 0).contains(COMMON));
        assert!(text(10, 0).contains("\"new_name\":\"ada.bauer.00010\""));
        let rare = |number| (0..100).filter(|place| text(number, *place).contains(RARE)).count();
        assert_eq!([0, 9, 10, 99].map(rare), [RARE_HOLDERS, RARE_HOLDERS, 0, 0]);
        let held = of_user(50, (17, "ada.bauer"), &policies);
        assert_eq!(held.len(), 1 + OWN_EACH + 1);
    }
}
