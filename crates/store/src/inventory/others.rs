//! What is written about the groups and policies of systems, and about what is gone there.
//!
//! Policies of AWS are the same in all systems that were imported at about the same time, and more than all else there is to
//! be kept of a small one. So systems that have the same share their texts, and a search reads these once.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use keyreeve_model::{ExternalId, ImportRunId, ManagedBy, ObjectCounts, ObjectType, ResourceType};

use super::kept::{Kept, Many};
use super::texts::{Entry, Haystack, MOST_KEPT, Of, push_account};
use crate::history::Versions;
use crate::row::Row;
use crate::statement::{Statement, Value, statement};
use crate::transaction::Transaction;
use crate::{Store, StoreError};

/// So much of what runs changed is gone through at most to find what is gone, and so many are kept of a system.
const MOST_CHANGES: u64 = 200_000;
const MOST_GONE: usize = 5_000;
/// So many different sets of policies of AWS are shared at most. A set has about 1,500 of them, so that all sets together take
/// no more than a fifth of what else is kept.
const MOST_SETS: usize = 32;

const RESOURCES: &str = "SELECT v.external_id, v.name, v.path, v.arn, v.type, v.managed_by FROM resource_versions v \
     WHERE v.system_key = ";
const DELETING: &str = "SELECT run_id, changes FROM import_runs \
     WHERE system_key = $1 AND state = 'published' AND run_id <= $2 ORDER BY run_id DESC";

/// The texts of the groups and policies of some systems, and of what is gone there.
pub(crate) type OtherTexts = Kept<Others, MOST_KEPT>;

/// The texts of the groups and policies of a system, and of what is gone there.
pub(crate) struct Others {
    /// Those of its own.
    pub(super) own: Arc<Haystack>,
    /// The policies of AWS.
    pub(super) of_aws: Arc<Haystack>,
    /// Whether other systems may have the same of these.
    pub(super) is_shared: bool,
    /// What ended in this run or before it was given up when this was read.
    given_up: i64,
}

impl Many for Others {
    fn many(&self) -> usize {
        self.own.many() + if self.is_shared { 1 } else { self.of_aws.many() }
    }
}

impl Others {
    /// All that has a text somewhere.
    pub(super) fn with(&self, wanted: &str) -> impl Iterator<Item = Entry<'_>> {
        [&self.own, &self.of_aws].into_iter().flat_map(move |texts| {
            texts.with(wanted, usize::MAX).into_iter().filter_map(|place| texts.at(place))
        })
    }
}

/// The sets of policies of AWS that systems share, as long as one of them is kept.
#[derive(Default)]
pub(crate) struct SetsOfAws(Mutex<Vec<Weak<Haystack>>>);

impl SetsOfAws {
    /// The set that has the same as this one, which is shared from now on if it is the first; `false` where there are too
    /// many to be shared.
    fn shared(&self, set: Haystack) -> (Arc<Haystack>, bool) {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sets.retain(|known| known.strong_count() > 0);
        if let Some(known) = sets.iter().filter_map(Weak::upgrade).find(|known| known.is_same(&set)) {
            return (known, true);
        }
        let set = Arc::new(set);
        let is_shared = sets.len() < MOST_SETS;
        if is_shared {
            sets.push(Arc::downgrade(&set));
        }
        (set, is_shared)
    }
}

impl Store {
    /// What is written about the groups and policies of now, and about what is gone, the last first, but for what ended in
    /// a run up to the one that history is given up to.
    pub(super) async fn other_texts(
        &self,
        transaction: &mut Transaction,
        system_key: i64,
        run: ImportRunId,
        given_up: i64,
    ) -> Result<Arc<Others>, StoreError> {
        // What was given up since they were read is not found any more, though no run was published.
        if let Some(known) = self.other_texts.get(system_key, run).filter(|known| known.given_up == given_up)
        {
            return Ok(known);
        }
        let (mut known, mut of_aws) = (Haystack::default(), Vec::new());
        let mut text = Statement::building(RESOURCES);
        text.bind(system_key).push(" AND ");
        Versions::Current.condition(&mut text, "v");
        let read = |row: &Row| {
            let one = OtherText::of(row)?;
            match one.kind {
                ObjectType::AwsManagedPolicy => of_aws.push(one),
                _ => one.push_to(&mut known, None),
            }
            Ok(())
        };
        transaction.fetch_together(text, 6, read).await?;
        of_aws.sort_unstable_by(|one, other| one.texts.cmp(&other.texts));
        let mut set = Haystack::default();
        of_aws.into_iter().for_each(|one| one.push_to(&mut set, None));
        set.finish();
        let deleting = deleting(transaction, system_key, run, given_up).await?;
        let at_once = transaction.dialect().values_per_statement() - 1;
        for (table, columns) in [
            ("account_versions", "v.external_id, v.name, v.path, v.arn, v.tags, v.status"),
            ("resource_versions", "v.external_id, v.name, v.path, v.arn, v.type, v.managed_by"),
        ] {
            let of_accounts = table.starts_with("account");
            let runs: Vec<i64> = deleting
                .iter()
                .filter(|(_, accounts, resources)| if of_accounts { *accounts } else { *resources })
                .map(|(run, ..)| *run)
                .collect();
            let mut left = MOST_GONE;
            for some in runs.chunks(at_once) {
                let mut text = Statement::building("SELECT ");
                text.push(columns).push(", v.valid_to_run FROM ").push(table);
                text.push(" v WHERE v.system_key = ").bind(system_key);
                text.push(" AND v.valid_to_run IN (VALUES ");
                text.bind_rows(some.iter().map(|run| vec![Value::from(*run)]));
                text.push(") AND NOT EXISTS (SELECT 1 FROM ").push(table);
                text.push(" n WHERE n.system_key = v.system_key AND n.external_id = v.external_id");
                text.push(" AND n.valid_to_run > v.valid_to_run)");
                text.push(" ORDER BY v.valid_to_run DESC, v.name, v.external_id LIMIT ");
                text.bind(i64::try_from(left).unwrap_or(i64::MAX));
                let read = |row: &Row| {
                    let gone = Some(ImportRunId(row.int(6)?));
                    match of_accounts {
                        true => push_account(&mut known, row, gone),
                        false => OtherText::of(row).map(|one| one.push_to(&mut known, gone)),
                    }
                };
                left = left.saturating_sub(transaction.fetch(text, read).await?.len());
                if left == 0 {
                    break;
                }
            }
        }
        known.finish();
        let (of_aws, is_shared) = self.sets_of_aws.shared(set);
        let known = Arc::new(Others { own: Arc::new(known), of_aws, is_shared, given_up });
        self.other_texts.keep(system_key, run, &known);
        Ok(known)
    }
}

/// The published runs that saw something gone, the last first, each with whether that were accounts, and whether resources.
/// Those that are too long past to be gone through are left out.
async fn deleting(
    transaction: &mut Transaction,
    system_key: i64,
    until: ImportRunId,
    given_up: i64,
) -> Result<Vec<(i64, bool, bool)>, StoreError> {
    let runs = statement!(DELETING, system_key, until.0);
    let mut runs: Vec<(i64, ObjectCounts)> =
        transaction.fetch(runs, |row| Ok((row.int(0)?, row.json(1)?))).await?;
    runs.retain(|(run, _)| *run > given_up);
    let mut gone_through = 0_u64;
    let mut deleting = Vec::new();
    for (run, changes) in runs {
        let (accounts, resources) = (changes.accounts, changes.resources);
        if accounts.deleted == 0 && resources.deleted == 0 {
            continue;
        }
        for counts in [accounts, resources] {
            let all = [counts.changed, counts.deleted, counts.seen_differently];
            gone_through = all.into_iter().fold(gone_through, u64::saturating_add);
        }
        deleting.push((run, accounts.deleted > 0, resources.deleted > 0));
        if gone_through > MOST_CHANGES {
            break;
        }
    }
    Ok(deleting)
}

/// What is written about a group or policy.
struct OtherText {
    kind: ObjectType,
    id: ExternalId,
    /// Name, path and ARN.
    texts: [String; 3],
}

impl OtherText {
    /// From a row of its id, name, path, ARN, type, and by whom it is managed.
    fn of(row: &Row) -> Result<Self, StoreError> {
        let kind = match (row.word(4)?, row.opt_word(5)?) {
            (ResourceType::Group, _) => ObjectType::Group,
            (ResourceType::Policy, Some(ManagedBy::Aws)) => ObjectType::AwsManagedPolicy,
            (ResourceType::Policy, _) => ObjectType::Policy,
        };
        Ok(Self { kind, id: row.word(0)?, texts: [row.text(1)?, row.text(2)?, row.text(3)?] })
    }

    fn push_to(&self, known: &mut Haystack, gone: Option<ImportRunId>) {
        let of = Of { kind: self.kind, status: None, gone };
        known.push(&self.id, self.texts.each_ref().map(String::as_str), of, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Haystack {
        let mut set = Haystack::default();
        for name in names {
            let text = OtherText {
                kind: ObjectType::AwsManagedPolicy,
                id: ExternalId::new(*name).unwrap(),
                texts: [name.to_string(), "/".to_owned(), format!("arn:aws:iam::aws:policy/{name}")],
            };
            text.push_to(&mut set, None);
        }
        set.finish();
        set
    }

    #[test]
    fn sets_that_are_the_same_are_shared_as_long_as_somebody_has_them() {
        let sets = SetsOfAws::default();
        let (first, is_shared) = sets.shared(set(&["a", "b"]));
        let (second, _) = sets.shared(set(&["a", "b"]));
        assert!(is_shared && Arc::ptr_eq(&first, &second));
        for other in [&["a"][..], &["a", "c"], &["a", "b", "c"]] {
            assert!(!Arc::ptr_eq(&first, &sets.shared(set(other)).0), "{other:?}");
        }
        let numbers: Vec<String> = (0..MOST_SETS + 5).map(|number| number.to_string()).collect();
        let many: Vec<_> = numbers.iter().map(|number| sets.shared(set(&[number]))).collect();
        assert_eq!(many.iter().filter(|(_, is_shared)| *is_shared).count(), MOST_SETS - 1);
        assert!(sets.shared(set(&["a", "b"])).1);
        drop(many);
        assert!(sets.shared(set(&["d"])).1);
    }

    #[test]
    fn what_is_shared_counts_once() {
        let others = |is_shared| Others {
            own: Arc::new(set(&["a", "b"])),
            of_aws: Arc::new(set(&["c", "d", "e"])),
            is_shared,
            given_up: 0,
        };
        assert_eq!([others(true).many(), others(false).many()], [3, 5]);
        let found: Vec<String> = others(true).with("policy").map(|one| one.name.to_owned()).collect();
        assert_eq!(found, ["a", "b", "c", "d", "e"]);
    }
}
