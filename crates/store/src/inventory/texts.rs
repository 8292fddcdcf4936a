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
use super::sieve::Sieve;
use crate::history::Versions;
use crate::row::Row;
use crate::statement::Statement;
use crate::transaction::Transaction;
use crate::{AccountFilter, Store, StoreError};

/// So many accounts at most are asked for by their ids.
const FEW: usize = 500;

/// So many are kept in memory at most, of accounts as of all else.
pub(crate) const MOST_KEPT: usize = 250_000;

/// The texts of the accounts of some systems: each takes 32 bytes, its id, name and path, its ARN in lower case, its tags,
/// five line feeds, and an eighth of what is searched. That is about 220 bytes where a name has ten letters, a path fifteen
/// and there are two tags, so 55 MB for as many as are kept.
pub(crate) type Texts = Kept<Haystack, MOST_KEPT>;

/// Something that a search can find.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(super) external_id: &'a str,
    pub(super) name: &'a str,
    pub(super) path: &'a str,
    /// Of a group or policy; of an account none is kept.
    pub(super) arn: &'a str,
    pub(super) of: Of,
}

/// What it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Of {
    pub(super) kind: ObjectType,
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
    /// What each is, the run that did not see it any more as a number, or 0.
    kinds: Vec<(i64, ObjectType, Option<AccountStatus>)>,
    /// Id, name, path and ARN of each, with line feeds between.
    own: Lines,
    /// The places by name, ignoring case, then by whether it is gone, and by id.
    by_name: Vec<u32>,
    /// How many accounts there are of each kind.
    pub(super) counts: AccountCounts,
    /// Name, path and ARN of each, with line feeds between.
    plain: Lines,
    /// The tags, as JSON has them.
    tags: Lines,
    /// Of all that is looked into.
    sieve: Sieve,
}

/// Texts with a line feed behind each, and where each ends.
#[derive(Default)]
struct Lines {
    all: String,
    /// The texts of one system, so that they end within four gigabytes.
    ends: Vec<u32>,
}

impl Lines {
    fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.all.push('\n');
        self.ends.push(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
    }

    fn shrink(&mut self) {
        self.all.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    fn of(&self, place: usize) -> &str {
        let end = |place: usize| self.ends.get(place).copied().unwrap_or_default() as usize;
        let begin = place.checked_sub(1).map(end).unwrap_or_default();
        self.all.get(begin..end(place)).unwrap_or_default().trim_end_matches('\n')
    }

    /// The places of those that have a text, in their order, and no more than so many.
    fn with(&self, wanted: &str, most: usize) -> Vec<usize> {
        let finder = Finder::new(wanted);
        let (mut found, mut from) = (Vec::new(), 0);
        while found.len() < most {
            let Some(at) = self.all.as_bytes().get(from..).and_then(|rest| finder.find(rest)) else { break };
            let place = self.ends.partition_point(|end| *end as usize <= from + at);
            let Some(end) = self.ends.get(place) else { break };
            found.push(place);
            from = *end as usize;
        }
        found
    }
}

/// Whether what is looked for is a pattern.
pub(crate) fn is_pattern(wanted: &str) -> bool {
    wanted.contains(['*', '?'])
}

/// Whether a text has another in it, ignoring case; with `*` or `?` in that, whether it is a pattern of the whole.
#[must_use]
pub fn fits(wanted: &str, text: &str) -> bool {
    let (wanted, text) = (wanted.to_ascii_lowercase(), text.to_ascii_lowercase());
    if is_pattern(&wanted) { is_like(&wanted, &text) } else { text.contains(&wanted) }
}

impl Many for Haystack {
    fn many(&self) -> usize {
        self.kinds.len()
    }
}

impl Haystack {
    /// Adds something with its name, path and ARN; of an account the ARN is looked into, and not kept as it is written.
    pub(super) fn push(&mut self, id: &ExternalId, [name, path, arn]: [&str; 3], of: Of, tags: &str) {
        // An ARN ends with path and name, so that whatever is in these is in it.
        let has_both = arn.strip_suffix(name).is_some_and(|rest| rest.ends_with(path));
        let mut plain = if has_both { arn.to_owned() } else { format!("{name}\n{path}\n{arn}") };
        plain.make_ascii_lowercase();
        self.plain.push(&plain);
        self.tags.push(&tags.to_ascii_lowercase());
        let arn = if of.kind == ObjectType::Account { "" } else { arn };
        self.own.push(&format!("{id}\n{name}\n{path}\n{arn}"));
        self.kinds.push((of.gone.map_or(0, |run| run.0), of.kind, of.status));
    }

    /// Whether another one has the same in it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.own.all == other.own.all && self.tags.all == other.tags.all && self.kinds == other.kinds
    }

    /// Gives back what was taken to grow, as nothing is added any more.
    pub(super) fn finish(&mut self) {
        self.kinds.shrink_to_fit();
        let mut by_name: Vec<u32> = (0..).take(self.many()).collect();
        by_name.sort_by_cached_key(|place| {
            self.at(*place as usize)
                .map(|one| (one.name.to_lowercase(), one.of.gone.is_some(), one.external_id.to_owned()))
        });
        self.by_name = by_name;
        for lines in [&mut self.own, &mut self.plain, &mut self.tags] {
            lines.shrink();
        }
        self.sieve = Sieve::of([&self.plain.all, &self.tags.all]);
    }

    /// What is at a place.
    pub(super) fn at(&self, place: usize) -> Option<Entry<'_>> {
        let (gone, kind, status) = *self.kinds.get(place)?;
        let mut own = self.own.of(place).split('\n');
        let mut next = || own.next().unwrap_or_default();
        let (external_id, name, path, arn) = (next(), next(), next(), next());
        let gone = (gone != 0).then_some(ImportRunId(gone));
        Some(Entry { external_id, name, path, arn, of: Of { kind, status, gone } })
    }

    /// All of it.
    pub(super) fn all(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.many()).filter_map(|place| self.at(place))
    }

    /// The places of those that have a text somewhere, in their order; of many, the first so many. With `*` or `?` in it, it
    /// is a pattern for the whole of a name, path, ARN or tags.
    pub(super) fn with(&self, wanted: &str, most: usize) -> Vec<usize> {
        let wanted = wanted.to_ascii_lowercase();
        let quoted = serde_json::Value::from(wanted.as_str()).to_string();
        let in_json = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if is_pattern(&wanted) {
            let fits = |place: &usize| {
                let own = self.at(*place).is_some_and(|one| {
                    [one.name, one.path].iter().any(|text| is_like(&wanted, &text.to_ascii_lowercase()))
                });
                own || self.plain.of(*place).split('\n').any(|text| is_like(&wanted, text))
                    || is_like(in_json, self.tags.of(*place))
            };
            return (0..self.many()).filter(fits).take(most).collect();
        }
        if wanted.contains('\n') {
            // Names, paths and ARNs have none.
            return self.all_with(&self.tags, in_json, most);
        }
        let mut found = self.all_with(&self.plain, &wanted, most);
        found.extend(self.all_with(&self.tags, in_json, most));
        found.sort_unstable();
        found.dedup();
        found.truncate(most);
        found
    }

    /// The places of those whose names begin so, ignoring case, by name, then by whether it is gone, and by id: those that
    /// are called so come first. What is asked for is in lower case.
    pub(super) fn beginning(&self, folded: &str) -> impl Iterator<Item = usize> {
        let mut name = String::new();
        let mut look = move |place: &u32, fits: fn(&str, &str) -> bool| {
            let found = self.at(*place as usize).map(|one| one.name).unwrap_or_default();
            fold_into(&mut name, found);
            fits(&name, folded)
        };
        let first = self.by_name.partition_point(|place| look(place, |name, wanted| name < wanted));
        let rest = self.by_name.get(first..).unwrap_or_default().iter();
        rest.take_while(move |place| look(place, |name, wanted| name.starts_with(wanted)))
            .map(|place| *place as usize)
    }

    /// Whether one of them may have a text somewhere; `false` is certain.
    pub(super) fn may_have(&self, wanted: &str) -> bool {
        is_pattern(wanted)
            || wanted.contains(['"', '\\', '\n'])
            || self.sieve.passes(&wanted.to_ascii_lowercase())
    }

    fn all_with(&self, lines: &Lines, wanted: &str, most: usize) -> Vec<usize> {
        if self.sieve.passes(wanted) { lines.with(wanted, most) } else { Vec::new() }
    }
}

/// A name in lower case, in place of what was there.
pub(super) fn fold_into(folded: &mut String, name: &str) {
    folded.clear();
    match name.is_ascii() {
        true => {
            folded.push_str(name);
            folded.make_ascii_lowercase();
        }
        false => folded.push_str(&name.to_lowercase()),
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
        let Some(wanted) =
            filter.text.as_ref().filter(|wanted| !is_pattern(wanted) && !wanted.contains('\n'))
        else {
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
        let id = |place: usize| texts.at(place).and_then(|one| ExternalId::new(one.external_id).ok());
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
            push_account(&mut known, row, None)?;
            let mfa = match row.opt_flag(7)? {
                Some(true) => "active",
                Some(false) => "inactive",
                None => "unknown",
            };
            known.counts.all += 1;
            for kind in [("status", row.text(5)?), ("console", row.text(6)?), ("mfa", mfa.to_owned())] {
                *known.counts.by.entry(kind).or_default() += 1;
            }
            Ok(())
        };
        transaction.fetch_together(text, 8, read).await?;
        known.finish();
        let known = Arc::new(known);
        self.texts.keep(system_key, run, &known);
        Ok(known)
    }
}

/// Adds an account from a row of its id, name, path, ARN, tags and status.
pub(super) fn push_account(
    known: &mut Haystack,
    row: &Row,
    gone: Option<ImportRunId>,
) -> Result<(), StoreError> {
    let of = Of { kind: ObjectType::Account, status: Some(row.word(5)?), gone };
    let texts = (row.text(1)?, row.text(2)?, row.text(3)?);
    let tags = row.opt_text(4)?.unwrap_or_default();
    known.push(&row.word(0)?, [&texts.0, &texts.1, &texts.2], of, &tags);
    Ok(())
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
            let of = Of { kind: ObjectType::Account, status: None, gone: Some(ImportRunId(7)) };
            let arn = format!("arn:aws:iam::1:user/x/{name}");
            all.push(&ExternalId::new(name).unwrap(), [name, "/x/", &arn], of, tags);
        }
        all.finish();
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
        let bea = all.at(1).unwrap();
        assert_eq!((bea.external_id, bea.name, bea.path, bea.arn), ("Bea", "Bea", "/x/", ""));
        assert_eq!((bea.of.gone, all.at(3).is_none()), (Some(ImportRunId(7)), true));
        assert_eq!(all.with("x", 2), [0, 1]);
    }
    #[test]
    fn names_that_begin_so_are_found_in_their_order() {
        let mut all = Haystack::default();
        for (id, name, gone) in [
            ("5", "adam", None),
            ("4", "Ada", Some(ImportRunId(3))),
            ("3", "bea", None),
            ("2", "ADA", None),
            ("1", "ada-2", None),
            ("6", "\u{dc}nal", None),
        ] {
            let of = Of { kind: ObjectType::Account, status: None, gone };
            all.push(&ExternalId::new(id).unwrap(), [name, "/", &format!("arn:user/{name}")], of, "");
        }
        all.finish();
        let ids = |wanted: &str| -> Vec<&str> {
            all.beginning(wanted).filter_map(|place| Some(all.at(place)?.external_id)).collect()
        };
        assert_eq!(ids("ada"), ["2", "4", "1", "5"]);
        assert_eq!(ids("ada-"), ["1"]);
        assert_eq!(ids("\u{fc}n"), ["6"]);
        assert_eq!((ids("").len(), ids("c").len(), ids("z").len()), (6, 0, 0));
        assert!(all.may_have("DAM") && all.may_have("x*") && !all.may_have("nobody"));
    }
}
