//! Policies, groups and roles.

use jiff::Timestamp;
use serde_json::json;

use super::names::{CIRCLES, SCOPES, SERVICES, TEAMS};
use super::some_day;
use crate::protocol::error::ApiError;
use crate::seeded::Seeded;
use crate::state::{State, Trust};
use crate::world::OWN_PATH;

/// AWS managed policies that groups and people hold.
pub(super) const COMMON_AWS: [&str; 12] = [
    "/ReadOnlyAccess",
    "/job-function/ViewOnlyAccess",
    "/AmazonS3ReadOnlyAccess",
    "/AmazonEC2ReadOnlyAccess",
    "/CloudWatchReadOnlyAccess",
    "/IAMUserChangePassword",
    "/SecurityAudit",
    "/PowerUserAccess",
    "/AmazonS3FullAccess",
    "/AmazonEC2FullAccess",
    "/job-function/Billing",
    "/IAMReadOnlyAccess",
];

pub(super) fn aws_arn(state: &State, path_and_name: &str) -> String {
    format!("arn:{}:iam::aws:policy{path_and_name}", state.partition)
}

/// A policy document about one bucket.
pub(super) fn document(state: &State, scope: &str, actions: &[&str]) -> String {
    let bucket = format!("arn:{}:s3:::{scope}-{}", state.partition, state.account_id);
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Sid": "Scope", "Effect": "Allow", "Action": actions,
                       "Resource": [bucket, format!("{bucket}/*")]}],
    })
    .to_string()
}

pub(super) fn policies(state: &mut State, chance: &mut Seeded, count: u32) -> Result<(), ApiError> {
    for number in 0..count as usize {
        let (team, scope) = (pick(&TEAMS, number), pick(&SCOPES, number / TEAMS.len() + number));
        let name = free(&format!("{team}-{scope}"), |name| state.policies.contains_key(name));
        let path = if chance.percent(70) { "/company/" } else { "/" };
        let made = some_day(chance, 100, 2_000);
        let text = document(state, scope, &["s3:GetObject", "s3:ListBucket"]);
        let arn = state.create_policy(&name, path, &text, made)?;
        if chance.percent(25) {
            let text = document(state, scope, &["s3:GetObject", "s3:ListBucket", "s3:PutObject"]);
            state.add_policy_version(&arn, &text, some_day(chance, 1, 100))?;
        }
    }
    Ok(())
}

pub(super) fn groups(state: &mut State, chance: &mut Seeded, count: u32) -> Result<(), ApiError> {
    let own = own_arns(state);
    for number in 0..count as usize {
        let (team, circle) = (pick(&TEAMS, number), pick(&CIRCLES, number / TEAMS.len()));
        let name = free(&format!("{team}{circle}"), |name| state.groups.contains_key(name));
        let path = if chance.percent(80) { "/teams/" } else { "/" };
        state.create_group(&name, path, some_day(chance, 300, 2_500))?;
        if circle == "-admins" && team == "platform" {
            state.attach_group_policy(&name, &aws_arn(state, "/AdministratorAccess"))?;
        }
        for _ in 0..1 + chance.below(3) {
            let arn = some_policy(state, chance, &own);
            state.attach_group_policy(&name, &arn)?;
        }
        if chance.percent(20) {
            let text = document(state, team, &["s3:GetObject"]);
            state.change_group(&name, |group| group.inline.insert("shared-folder".to_owned(), text))?;
        }
    }
    Ok(())
}

pub(super) fn roles(state: &mut State, chance: &mut Seeded, count: u32) -> Result<(), ApiError> {
    let own = own_arns(state);
    for number in 0..count as usize {
        let service = pick(&SERVICES, number);
        let name = free(&format!("{service}-role"), |name| state.roles.contains_key(name));
        let principals =
            vec![if chance.percent(60) { "ec2" } else { "lambda" }.to_owned() + ".amazonaws.com"];
        let made = some_day(chance, 50, 1_500);
        state.create_role(&name, "/service/", Trust { principals, external_id: None }, made)?;
        let arn = some_policy(state, chance, &own);
        state.attach_role_policy(&name, &arn)?;
    }
    Ok(())
}

/// The account's own policies, but for those of the connector.
pub(super) fn own_arns(state: &State) -> Vec<String> {
    let made_up = state.policies.values().filter(|policy| policy.path != OWN_PATH);
    made_up.map(|policy| state.policy_arn(policy)).collect()
}

/// The ARN of a policy to attach: mostly AWS's, else one of the account's own.
pub(super) fn some_policy(state: &State, chance: &mut Seeded, own: &[String]) -> String {
    if own.is_empty() || chance.percent(55) {
        aws_arn(state, chance.pick(&COMMON_AWS))
    } else {
        own.get(chance.below(own.len())).cloned().unwrap_or_default()
    }
}

/// The entry at a place, over and over.
pub(super) fn pick<'a>(words: &[&'a str], place: usize) -> &'a str {
    words.get(place % words.len().max(1)).copied().unwrap_or_default()
}

/// The name, or the name with the first number that makes it free.
pub(super) fn free(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    (2..).map(|number| format!("{name}{number}")).find(|name| !taken(name)).unwrap_or_default()
}

/// The last possible moment, for things used lately.
pub(super) fn lately(chance: &mut Seeded) -> Timestamp {
    some_day(chance, 0, 60)
}
