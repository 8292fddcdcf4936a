//! Accounts.

use keyreeve_engine::export::{self, state_of};
use keyreeve_engine::unseen::KnownAccount;
use keyreeve_model::{AccessKey, Account, ClaimFact, InlinePolicy};

use super::{Columns, Shape, joined, minute, word};
use crate::output::{Lines, Narrow, single};

/// A list of accounts.
pub(crate) const ACCOUNTS: Shape<KnownAccount> = Shape {
    table: &[
        ("name", |KnownAccount { account, .. }| account.name.clone()),
        ("path", |KnownAccount { account, .. }| account.path.clone()),
        ("status", |KnownAccount { account, .. }| account.status.as_str().to_owned()),
        ("login", |KnownAccount { account, .. }| word(&account.login_profile.state)),
        ("keys", |KnownAccount { account, .. }| keys_in_words(account.access_keys.as_deref())),
        ("mfa", |KnownAccount { account, .. }| yes_or_no(account.mfa_active).to_owned()),
        ("pending", |known| words(&known.pending)),
        ("password_last_used", |KnownAccount { account, .. }| minute(account.password_last_used_at)),
        ("created", |KnownAccount { account, .. }| minute(Some(account.created_at))),
    ],
    narrow: Narrow::Shorten,
    csv: Columns::Fields(export::ACCOUNTS),
};

/// What is pending, in one cell.
fn words(pending: &[ClaimFact]) -> String {
    joined(pending, ClaimFact::words)
}

/// One account.
pub(crate) fn account_facts(known: &KnownAccount) -> Vec<(&'static str, Lines)> {
    let account = &known.account;
    let login = &account.login_profile;
    let change_forced = login.password_reset_required.filter(|forced| *forced);
    let mut facts = single(vec![
        ("Name", account.name.clone()),
        ("External id", account.external_id.to_string()),
        ("Path", account.path.clone()),
        ("ARN", account.arn.clone()),
        ("Status", account.status.as_str().to_owned()),
        (
            "Login profile",
            format!(
                "{}{}{}",
                word(&login.state),
                login.created_at.map(|at| format!(", since {at}")).unwrap_or_default(),
                change_forced.map(|_| ", must be changed at the next sign-in").unwrap_or_default()
            ),
        ),
        (
            "Password last used",
            account.password_last_used_at.map_or_else(|| "never or unknown".to_owned(), |at| at.to_string()),
        ),
    ]);
    facts.push(("Access keys", key_lines(account.access_keys.as_deref()).into()));
    facts.extend(single(vec![
        ("MFA", yes_or_no(account.mfa_active).to_owned()),
        ("Credentials read", credentials_text(account)),
        ("Created", account.created_at.to_string()),
    ]));
    let tags = lines(account.tags.as_ref(), |tags| {
        tags.iter().map(|(key, value)| format!("{key}={value}")).collect()
    });
    let inline =
        lines(account.inline_policies.as_ref(), |policies| policies.iter().map(inline_name).collect());
    facts.extend([
        ("Tags", tags.into()),
        ("Boundary", account.permissions_boundary.clone().unwrap_or_default().into()),
        ("Inline policies", inline.into()),
    ]);
    if !known.pending.is_empty() {
        let words: Vec<String> = known.pending.iter().map(ClaimFact::words).collect();
        facts.push(("Not imported yet", words.into()));
    }
    let seen = format!("first in run {}, last in run {}", account.first_seen_run, account.last_seen_run);
    facts.push(("Seen", seen.into()));
    facts
}

fn inline_name(policy: &InlinePolicy) -> String {
    policy.name.clone()
}

fn credentials_text(account: &Account) -> String {
    let source = word(&account.credentials.source);
    match account.credentials.as_of {
        Some(at) => format!("{source}, as of {at}"),
        None => source,
    }
}

/// Lines of a list that may be unknown.
fn lines<T>(list: Option<&T>, of: impl FnOnce(&T) -> Vec<String>) -> Vec<String> {
    match list.map(of) {
        None => vec!["unknown".to_owned()],
        Some(lines) if lines.is_empty() => vec!["none".to_owned()],
        Some(lines) => lines,
    }
}

fn key_lines(keys: Option<&[AccessKey]>) -> Vec<String> {
    lines(keys.map(|keys| keys.to_vec()).as_ref(), |keys| {
        keys.iter()
            .map(|key| {
                let created = key.created_at.map(|at| format!(", since {at}")).unwrap_or_default();
                let used = key
                    .last_used_at
                    .map_or_else(|| ", never used or unknown".to_owned(), |at| format!(", last used {at}"));
                format!("{}{created}{used}", state_of(key))
            })
            .collect()
    })
}

/// `2 active`, `1 active, 1 inactive`, `none`, `unknown`
fn keys_in_words(keys: Option<&[AccessKey]>) -> String {
    let Some(keys) = keys else { return "unknown".to_owned() };
    let active = keys.iter().filter(|key| key.active).count();
    match (active, keys.len() - active) {
        (0, 0) => "none".to_owned(),
        (active, 0) => format!("{active} active"),
        (0, inactive) => format!("{inactive} inactive"),
        (active, inactive) => format!("{active} active, {inactive} inactive"),
    }
}

fn yes_or_no(value: Option<bool>) -> &'static str {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}
