//! Since when inline policies are there.

use std::collections::BTreeMap;

use keyreeve_model::{ExternalId, ImportRunId, InlinePolicy, SystemId};

use super::Reading;
use super::life::{MOST_VERSIONS, versions_of};
use crate::row::Row;
use crate::statement::Statement;
use crate::transaction::reading;
use crate::{AsOf, Store, StoreError, kept};

/// Whose inline policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InlineHolder {
    /// An account's own.
    Account,
    /// A group's.
    Group,
}

/// Since which run an inline policy is there without having been gone in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InlineSince {
    /// The first run that saw it.
    pub run: ImportRunId,
    /// Whether it is not known how it was before that: no run could read it then, or it is too long ago to be looked at.
    pub unknown_before: bool,
}

/// From which run on, until which one, and what a version has.
type Version = (i64, i64, Option<Vec<InlinePolicy>>);

impl Store {
    /// The inline policies that an account or group has, by their names, each with the run that saw it first.
    ///
    /// # Errors
    /// [`StoreError::NotImported`], and those of [`Store::list_accounts`].
    pub async fn inline_policies_since(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        (holder, external_id): (InlineHolder, &ExternalId),
    ) -> Result<BTreeMap<String, InlineSince>, StoreError> {
        let table = match holder {
            InlineHolder::Account => "account_versions",
            InlineHolder::Group => "resource_versions",
        };
        reading!(self, "reading since when inline policies are there", |transaction| {
            let reading = Reading::known(transaction, system_id, as_of).await?;
            let mut text =
                Statement::building("SELECT v.valid_from_run, v.valid_to_run, v.inline_policies FROM ");
            text.push(table).push(" v");
            let text = versions_of(text, (reading.system.key, external_id), "external_id", "");
            let read = |row: &Row| Ok::<Version, StoreError>((row.int(0)?, row.int(1)?, row.opt_json(2)?));
            let versions = transaction.fetch(text, read).await?;
            let all = i64::try_from(versions.len()).is_ok_and(|number| number < MOST_VERSIONS);
            let mut found = since(versions, reading.run, all);
            // What was before that is not kept.
            let given_up = kept::floor(transaction).await?;
            found.values_mut().for_each(|one| one.unknown_before |= one.run.0 <= given_up);
            Ok(found)
        })
        .await
    }
}

/// Looks back from a run, over versions of which the newest comes first, as long as one follows the other.
fn since(versions: Vec<Version>, run: ImportRunId, all: bool) -> BTreeMap<String, InlineSince> {
    let mut found = BTreeMap::new();
    let mut versions = versions.into_iter().skip_while(|(from, ..)| *from > run.0);
    let Some((mut since, _, Some(policies))) = versions.next().filter(|(_, until, _)| *until > run.0) else {
        return found;
    };
    // Those that were there in all versions so far.
    let mut there: Vec<String> = policies.into_iter().map(|policy| policy.name).collect();
    let mut unknown_before = !all;
    for (from, until, policies) in versions {
        if until != since {
            unknown_before = false;
            break;
        }
        let Some(policies) = policies else {
            unknown_before = true;
            break;
        };
        let (still, new): (Vec<_>, Vec<_>) =
            there.into_iter().partition(|name| policies.iter().any(|policy| policy.name == *name));
        let seen = InlineSince { run: ImportRunId(since), unknown_before: false };
        found.extend(new.into_iter().map(|name| (name, seen)));
        (there, since) = (still, from);
    }
    let seen = InlineSince { run: ImportRunId(since), unknown_before };
    found.extend(there.into_iter().map(|name| (name, seen)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(from: i64, until: i64, names: Option<&[&str]>) -> Version {
        let policy = |name: &&str| InlinePolicy { name: (*name).to_owned(), document_sha256: None };
        (from, until, names.map(|names| names.iter().map(policy).collect()))
    }

    #[test]
    fn an_inline_policy_is_there_since_the_run_from_which_on_it_was_never_gone() {
        let still = i64::MAX;
        let told = |versions: Vec<Version>, run: i64| -> Vec<(String, i64, bool)> {
            let found = since(versions, ImportRunId(run), true);
            found.into_iter().map(|(name, one)| (name, one.run.0, one.unknown_before)).collect()
        };
        let of = |name: &str, run: i64, unknown: bool| (name.to_owned(), run, unknown);
        let grown = || {
            vec![version(5, still, Some(&["a", "b"])), version(3, 5, Some(&["a"])), version(1, 3, Some(&[]))]
        };
        assert_eq!(told(grown(), 9), [of("a", 3, false), of("b", 5, false)]);
        assert_eq!(told(grown(), 4), [of("a", 3, false)], "as of then");
        assert_eq!(told(grown(), 2), []);
        let gone = vec![version(5, still, Some(&["a"])), version(1, 4, Some(&["a"]))];
        assert_eq!(told(gone, 9), [of("a", 5, false)], "the holder was gone in between");
        let again =
            vec![version(5, still, Some(&["a"])), version(3, 5, Some(&[])), version(1, 3, Some(&["a"]))];
        assert_eq!(told(again, 9), [of("a", 5, false)], "it was gone in between");
        let unread = vec![version(5, still, Some(&["a"])), version(3, 5, None), version(1, 3, Some(&["a"]))];
        assert_eq!(told(unread, 9), [of("a", 5, true)]);
        assert_eq!(told(vec![version(1, still, None)], 9), []);
        let cut = since(vec![version(5, still, Some(&["a"]))], ImportRunId(9), false);
        assert!(cut["a"].unknown_before);
    }
}
