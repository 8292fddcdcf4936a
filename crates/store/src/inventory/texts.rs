//! Searching by a part of what is written about something. The texts of what there is now are read once for each run that is
//! published, and put one after the other, so that a search reads them from end to end.
//!
//! A search for accounts of a system that finds few goes by their ids, and one that finds many by the list itself, which
//! then soon has a page together.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyreeve_model::{AccountStatus, ExternalId, ImportRunId, ObjectType};
use memchr::memmem::Finder;

use super::Reading;
use super::kept::{Kept, Many};
use crate::history::Versions;
use crate::row::Row;
use crate::statement::Statement;
use crate::transaction::Transaction;
use crate::{AccountFilter, Store, StoreError};

/// So many accounts at most are asked for by their ids.
const FEW: usize = 500;

/// The texts of the accounts of some systems, about 300 bytes each.
pub(crate) type Texts = Kept<Haystack, 150_000>;

/// Something that a search can find.
pub(crate) struct Entry {
    pub(super) external_id: ExternalId,
    pub(super) of: ObjectType,
    pub(super) name: Box<str>,
    pub(super) path: Box<str>,
    /// Of a group or policy.
    pub(super) arn: Option<Box<str>>,
    /// Of an account.
    pub(super) status: Option<AccountStatus>,
    /// The run that did not see it any more.
    pub(super) gone: Option<ImportRunId>,
}

/// How many accounts of a system there are, by what they are narrowed down by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountCounts {
    /// All.
    pub all: u64,
    /// By name and value of a filter: `status`, `console` and `mfa`.
    pub by: BTreeMap<(&'static str, String), u64>,
}

/// What is written about many things, in lower case, one after the other.
#[derive(Default)]
pub(crate) struct Haystack {
    pub(super) entries: Vec<Entry>,
    /// How many accounts there are of each kind.
    pub(super) counts: AccountCounts,
    /// Name, path and ARN of each, with line feeds between.
    plain: Lines,
    /// The tags, as JSON has them.
    tags: Lines,
}

/// Texts with a line feed behind each, and where each ends.
#[derive(Default)]
struct Lines {
    all: String,
    ends: Vec<usize>,
}

impl Lines {
    fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.all.push('\n');
        self.ends.push(self.all.len());
    }

    fn of(&self, place: usize) -> &str {
        let begin =
            place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(place).copied().unwrap_or_default();
        self.all.get(begin..end).unwrap_or_default().trim_end_matches('\n')
    }

    /// The places of those that have a text, in their order, and no more than so many.
    fn with(&self, wanted: &str, most: usize) -> Vec<usize> {
        let finder = Finder::new(wanted);
        let (mut found, mut from) = (Vec::new(), 0);
        while found.len() < most {
            let Some(at) = self.all.as_bytes().get(from..).and_then(|rest| finder.find(rest)) else { break };
            let place = self.ends.partition_point(|end| *end <= from + at);
            let Some(end) = self.ends.get(place) else { break };
            found.push(place);
            from = *end;
        }
        found
    }
}

/// Whether a text has another in it, ignoring case; with `*` or `?` in that, whether it is a pattern of the whole.
#[must_use]
pub fn fits(wanted: &str, text: &str) -> bool {
    let (wanted, text) = (wanted.to_ascii_lowercase(), text.to_ascii_lowercase());
    if wanted.contains(['*', '?']) { is_like(&wanted, &text) } else { text.contains(&wanted) }
}

impl Many for Haystack {
    fn many(&self) -> usize {
        self.entries.len()
    }
}

impl Haystack {
    pub(super) fn push(&mut self, entry: Entry, arn: String, tags: &str) {
        // An ARN ends with path and name, so that whatever is in these is in it.
        let (name, path) = (&entry.name, &entry.path);
        let has_both = arn.strip_suffix(&**name).is_some_and(|rest| rest.ends_with(&**path));
        let mut plain = if has_both { arn } else { format!("{name}\n{path}\n{arn}") };
        plain.make_ascii_lowercase();
        self.plain.push(&plain);
        self.tags.push(&tags.to_ascii_lowercase());
        self.entries.push(entry);
    }

    /// The places of those that have a text somewhere, in their order; of many, the first so many. With `*` or `?` in it, it
    /// is a pattern for the whole of a name, path, ARN or tags.
    pub(super) fn with(&self, wanted: &str, most: usize) -> Vec<usize> {
        let wanted = wanted.to_ascii_lowercase();
        let quoted = serde_json::Value::from(wanted.as_str()).to_string();
        let in_json = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if wanted.contains(['*', '?']) {
            let fits = |place: &usize| {
                let entry = self.entries.get(*place);
                let own = entry.is_some_and(|one| {
                    [&one.name, &one.path].iter().any(|text| is_like(&wanted, &text.to_ascii_lowercase()))
                });
                own || self.plain.of(*place).split('\n').any(|text| is_like(&wanted, text))
                    || is_like(in_json, self.tags.of(*place))
            };
            return (0..self.entries.len()).filter(fits).take(most).collect();
        }
        if wanted.contains('\n') {
            // Names, paths and ARNs have none.
            return self.tags.with(in_json, most);
        }
        let mut found = self.plain.with(&wanted, most);
        found.extend(self.tags.with(in_json, most));
        found.sort_unstable();
        found.dedup();
        found.truncate(most);
        found
    }

    /// The places of those that are called so, ignoring case.
    pub(super) fn called(&self, name: &str, most: usize) -> Vec<usize> {
        // An ARN ends with the name.
        self.plain.with(&format!("/{}\n", name.to_ascii_lowercase()), most)
    }
}

/// Whether a text is like a pattern, in which `*` stands for any text and `?` for any character.
fn is_like(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on if what is tried does not fit: behind the last `*`, one character later.
    let mut again = None;
    loop {
        let mut rest = pattern.clone();
        let before = text.clone();
        match (rest.next(), text.next()) {
            (Some('*'), _) => {
                again = Some((rest.clone(), before.clone()));
                (pattern, text) = (rest, before);
            }
            (None, None) => return true,
            (Some(wanted), Some(has)) if wanted == '?' || wanted == has => pattern = rest,
            _ => {
                let Some((behind, from)) = &mut again else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (behind.clone(), from.clone());
            }
        }
    }
}

impl Store {
    /// The accounts of now that have a text somewhere, if that are few; `None` where the list itself is to be searched.
    pub(super) async fn found_by_text(
        &self,
        transaction: &mut Transaction,
        reading: &Reading,
        filter: &AccountFilter,
    ) -> Result<Option<Vec<ExternalId>>, StoreError> {
        let Some(wanted) = filter.text.as_ref().filter(|wanted| !wanted.contains(['*', '?', '\n'])) else {
            return Ok(None);
        };
        if !matches!(reading.versions, Versions::Current) {
            return Ok(None);
        }
        let texts = self.account_texts(transaction, reading.system.key, reading.run).await?;
        let found = texts.with(wanted, FEW + 1);
        if found.len() > FEW {
            return Ok(None);
        }
        let id = |place: usize| texts.entries.get(place).map(|one| one.external_id.clone());
        Ok(Some(found.into_iter().filter_map(id).collect()))
    }

    /// What is written about the accounts of now, of the run that speaks for now.
    pub(super) async fn account_texts(
        &self,
        transaction: &mut Transaction,
        system_key: i64,
        run: ImportRunId,
    ) -> Result<Arc<Haystack>, StoreError> {
        if let Some(known) = self.texts.get(system_key, run) {
            return Ok(known);
        }
        let columns = "SELECT v.external_id, v.name, v.path, v.arn, v.tags, v.status, v.login_state, v.mfa_active \
                       FROM account_versions v \
                       WHERE v.system_key = ";
        let mut text = Statement::building(columns);
        text.bind(system_key).push(" AND ");
        Versions::Current.condition(&mut text, "v");
        let mut known = Haystack::default();
        let read = |row: &Row| {
            let (entry, arn, tags) = account_of(row, None)?;
            let mfa = match row.opt_flag(7)? {
                Some(true) => "active",
                Some(false) => "inactive",
                None => "unknown",
            };
            known.counts.all += 1;
            for kind in [("status", row.text(5)?), ("console", row.text(6)?), ("mfa", mfa.to_owned())] {
                *known.counts.by.entry(kind).or_default() += 1;
            }
            known.push(entry, arn, &tags);
            Ok(())
        };
        transaction.fetch_together(text, 8, read).await?;
        let known = Arc::new(known);
        self.texts.keep(system_key, run, &known);
        Ok(known)
    }
}

/// An account from a row of its id, name, path, ARN, tags and status, with its ARN and tags.
pub(super) fn account_of(
    row: &Row,
    gone: Option<ImportRunId>,
) -> Result<(Entry, String, String), StoreError> {
    let entry = Entry {
        external_id: row.word(0)?,
        of: ObjectType::Account,
        name: row.text(1)?.into(),
        path: row.text(2)?.into(),
        arn: None,
        status: Some(row.word(5)?),
        gone,
    };
    Ok((entry, row.text(3)?, row.opt_text(4)?.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_of_the_whole_text() {
        for (pattern, text, fits) in [
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*ab*ab", "abab", true),
            ("*ab?", "ababab", false),
            ("a", "b", false),
        ] {
            assert_eq!(is_like(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_found_is_what_has_the_text() {
        let mut all = Haystack::default();
        for (name, tags) in [("Ada", r#"{"team":"A\"b"}"#), ("Bea", "{}"), ("Cay", r#"{"of":"ada"}"#)] {
            let entry = Entry {
                external_id: ExternalId::new(name).unwrap(),
                of: ObjectType::Account,
                name: name.into(),
                path: "/x/".into(),
                arn: None,
                status: None,
                gone: None,
            };
            all.push(entry, format!("arn:aws:iam::1:user/x/{name}"), tags);
        }
        for (wanted, places) in [
            ("ada", vec![0, 2]),
            ("a\"b", vec![0]),
            ("/X/b", vec![1]),
            ("x", vec![0, 1, 2]),
            ("ea\n", vec![]),
            ("b*", vec![1]),
            ("nobody", vec![]),
        ] {
            assert_eq!(all.with(wanted, 9), places, "{wanted}");
        }
        assert_eq!(
            (all.with("x", 2), all.called("BEA", 2), all.called("ea", 2)),
            (vec![0, 1], vec![1], vec![])
        );
    }
}
