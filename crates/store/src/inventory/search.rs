//! Looking for accounts, groups and policies of many systems at once, and for those that are gone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use keyreeve_model::{AccountStatus, ExternalId, ImportRunId, ObjectType, ResourceType, SystemId};

use super::indexed::{self, MOST_SYSTEMS};
use super::kept::Number;
use super::others::Others;
use super::texts::{AccountCounts, Entry, Haystack, fold_into, is_pattern};
use crate::dialect::Dialect;
use crate::history::Versions;
use crate::row::Row;
use crate::statement::{Statement, Value, statement};
use crate::systems::{keys_of, push_within};
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError};

/// So many times as much as is asked for is looked for that has a text elsewhere than at the beginning of its name.
const ENOUGH: usize = 5;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The system that it is in.
    pub system_id: SystemId,
    /// An account, a group or a policy.
    pub of: ObjectType,
    /// Its id.
    pub external_id: ExternalId,
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Of an account, whether somebody can sign in as it; of one that is gone, as that was last.
    pub status: Option<AccountStatus>,
    /// The run that did not see it any more.
    pub gone: Option<ImportRunId>,
}

/// What was found, and how it was looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Searched {
    /// What was found: at most as many as were asked for.
    pub found: Vec<Found>,
    /// Whether there are more.
    pub more: bool,
    /// Whether names alone were looked at, and those that begin so: the text has no three letters or digits in a row, and
    /// there is too much to be looked through.
    pub names_alone: bool,
    /// Whether what is gone was not looked for.
    pub without_gone: bool,
}

/// A group or policy by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedResource {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its id.
    pub external_id: ExternalId,
}

const NOW: &str = "SELECT s.system_key, s.system_id, (SELECT r.run_id FROM import_runs r \
     WHERE r.system_key = s.system_key AND r.state = 'published' ORDER BY r.run_id DESC LIMIT 1) \
     FROM systems s WHERE s.removed_at IS NULL";

impl Store {
    /// The same store, which searches several systems in memory only if they have no more things than so many.
    #[must_use]
    pub fn searching_in_memory(mut self, most: usize) -> Self {
        self.most_searched = most;
        self
    }

    /// Whether PostgreSQL has the index by which all systems are searched for a part of a text; `None` of SQLite, where what
    /// is looked into is kept in memory. Without it such a search reads through all that there is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn search_is_indexed(&self) -> Result<Option<bool>, StoreError> {
        reading!(self, "looking for the index of searches", |transaction| {
            if transaction.dialect() == Dialect::Sqlite {
                return Ok(None);
            }
            let exists = transaction.dialect().table_exists();
            let exists = statement!(exists, "account_versions_by_text");
            Ok(Some(transaction.fetch_one(exists, |row| row.flag(0)).await?))
        })
        .await
    }

    /// Accounts, groups and policies of these systems, or of all that are not removed, that have a text in their name,
    /// path, ARN or tags, ignoring case, those that are gone as well; with `*` or `?` in it, it is a pattern for the whole
    /// of one of these. Those that are called so come first, then those whose names begin so. Of many, so many are given,
    /// and whether there may be more; of many that have it elsewhere than at the beginning of their names, these need not be
    /// the first by name.
    ///
    /// Several systems that have more than 250,000 of one kind are searched by indexes on PostgreSQL: then what is gone is not
    /// looked for, and of a text without three letters or digits in a row names alone that begin so are, which is said beside
    /// what is found. SQLite reads what is not kept in memory, which takes the longer the more there is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn search(
        &self,
        systems: Option<&[SystemId]>,
        wanted: &str,
        most: usize,
    ) -> Result<Searched, StoreError> {
        reading!(self, "looking for accounts, groups and policies", |transaction| {
            let is_postgres = transaction.dialect() == Dialect::Postgres;
            let by_index = is_postgres && are_more_than(transaction, systems, MOST_SYSTEMS).await?;
            let mut chosen = Vec::new();
            if !by_index {
                let mut text = statement!(NOW);
                push_within(&mut text, systems);
                let read =
                    |row: &Row| Ok((row.int(0)?, row.word::<SystemId>(1)?, row.opt_int(2)?.map(ImportRunId)));
                chosen = transaction.fetch_together(text, 3, read).await?;
            }
            if by_index || (is_postgres && chosen.len() > 1 && self.are_many(transaction, &chosen).await?) {
                let keys: Option<Vec<i64>> = match systems {
                    None => None,
                    Some(systems) => {
                        Some(keys_of(transaction, systems, false).await?.into_values().collect())
                    }
                };
                return indexed::search(transaction, wanted, keys.as_deref(), most).await;
            }
            let (mut best, mut looked_through) = (Best::of(wanted, most), LookedThrough::default());
            let given_up = crate::kept::floor(transaction).await?;
            for (key, system_id, run) in chosen {
                let Some(run) = run else { continue };
                let accounts = self.account_texts(transaction, key, run).await?;
                let others = self.other_texts(transaction, key, run, given_up).await?;
                best.look_at(&system_id, &accounts, None);
                best.look_at(&system_id, &others.own, None);
                best.look_at(&system_id, &others.of_aws, others.is_shared.then_some(&mut looked_through));
            }
            let more = best.left_out;
            Ok(Searched { found: best.found(), more, names_alone: false, without_gone: false })
        })
        .await
    }

    /// The accounts of a system that are gone, the last first; of many, the last 5,000.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn gone_accounts(&self, system_id: &SystemId, text: &str) -> Result<Vec<Found>, StoreError> {
        reading!(self, "looking for accounts that are gone", |transaction| {
            let Some(texts) = self.others_of(transaction, system_id).await? else { return Ok(Vec::new()) };
            let is_it = |one: &Entry<'_>| one.of.kind == ObjectType::Account && one.of.gone.is_some();
            Ok(texts.with(text).filter(is_it).filter_map(|one| Found::of(system_id, one)).collect())
        })
        .await
    }

    /// Groups or policies of a system that have a text in their name, path or ARN, by name, those whose names begin so first;
    /// so many at most. Before the first import there are none.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn named_resources(
        &self,
        system_id: &SystemId,
        kind: ResourceType,
        wanted: &str,
        most: usize,
    ) -> Result<Vec<NamedResource>, StoreError> {
        reading!(self, "looking for groups and policies by name", |transaction| {
            let Some(texts) = self.others_of(transaction, system_id).await? else { return Ok(Vec::new()) };
            let is_it = |one: &Entry<'_>| {
                one.of.gone.is_none()
                    && (one.of.kind == ObjectType::Group) == (kind == ResourceType::Group)
                    && one.of.kind != ObjectType::Account
            };
            let mut found: Vec<Entry<'_>> = texts.with(wanted).filter(is_it).collect();
            let folded = wanted.to_lowercase();
            found.sort_by_cached_key(|one| {
                let name = one.name.to_lowercase();
                (!name.starts_with(&folded), name)
            });
            let named = |one: Entry<'_>| {
                Some(NamedResource {
                    name: one.name.to_owned(),
                    arn: one.arn.to_owned(),
                    external_id: ExternalId::new(one.external_id).ok()?,
                })
            };
            Ok(found.into_iter().take(most).filter_map(named).collect())
        })
        .await
    }

    /// The paths of a system's accounts that have a text in them, in their order; so many at most.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn account_paths(
        &self,
        system_id: &SystemId,
        wanted: &str,
        most: usize,
    ) -> Result<Vec<String>, StoreError> {
        reading!(self, "looking for paths", |transaction| {
            let Some(texts) = self.accounts_of(transaction, system_id).await? else { return Ok(Vec::new()) };
            let paths = texts.all().map(|one| one.path).filter(|path| path.contains(wanted));
            let paths: std::collections::BTreeSet<&str> = paths.collect();
            Ok(paths.into_iter().take(most).map(str::to_owned).collect())
        })
        .await
    }

    /// How many accounts of a system have a text somewhere, as [`Self::search`] finds them; no more than so many.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn count_accounts_with(
        &self,
        system_id: &SystemId,
        wanted: &str,
        most: usize,
    ) -> Result<u64, StoreError> {
        reading!(self, "counting the accounts", |transaction| {
            let texts = self.accounts_of(transaction, system_id).await?;
            Ok(texts.map_or(0, |texts| texts.with(wanted, most).len() as u64))
        })
        .await
    }

    /// How many accounts of a system there are, by what they are narrowed down by.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn account_counts(&self, system_id: &SystemId) -> Result<AccountCounts, StoreError> {
        reading!(self, "counting the accounts", |transaction| {
            let texts = self.accounts_of(transaction, system_id).await?;
            Ok(texts.map(|texts| texts.counts.clone()).unwrap_or_default())
        })
        .await
    }

    /// What is written about the accounts of a system now; `None` before the first import.
    async fn accounts_of(
        &self,
        transaction: &mut Transaction,
        system_id: &SystemId,
    ) -> Result<Option<Arc<Haystack>>, StoreError> {
        let Some((key, run)) = now(transaction, system_id).await? else { return Ok(None) };
        self.account_texts(transaction, key, run).await.map(Some)
    }

    /// What is written about all else of a system now; `None` before the first import.
    async fn others_of(
        &self,
        transaction: &mut Transaction,
        system_id: &SystemId,
    ) -> Result<Option<Arc<Others>>, StoreError> {
        let Some((key, run)) = now(transaction, system_id).await? else { return Ok(None) };
        let given_up = crate::kept::floor(transaction).await?;
        self.other_texts(transaction, key, run, given_up).await.map(Some)
    }

    /// Whether systems have more of one kind than is searched in memory.
    async fn are_many(
        &self,
        transaction: &mut Transaction,
        chosen: &[(i64, SystemId, Option<ImportRunId>)],
    ) -> Result<bool, StoreError> {
        let of_run = |(key, _, run): &(i64, SystemId, Option<ImportRunId>)| Some((*key, (*run)?));
        let runs: Vec<(i64, ImportRunId)> = chosen.iter().filter_map(of_run).collect();
        let known = |runs: &[(i64, ImportRunId)]| -> Vec<(i64, ImportRunId)> {
            runs.iter().filter(|(key, run)| self.searched.get(*key, *run).is_none()).copied().collect()
        };
        let unknown = known(&runs);
        if !unknown.is_empty() {
            // What holds is counted: the last run may have read only a part of it.
            let mut numbers: BTreeMap<i64, u64> = BTreeMap::new();
            for table in ["account_versions", "resource_versions"] {
                let mut text =
                    Statement::building(&format!("SELECT v.system_key, COUNT(*) FROM {table} v WHERE "));
                Versions::Current.condition(&mut text, "v");
                text.push(" AND v.system_key IN (VALUES ");
                text.bind_rows(unknown.iter().map(|(key, _)| vec![Value::from(*key)]));
                text.push(") GROUP BY v.system_key");
                let read = |row: &Row| Ok((row.int(0)?, u64::try_from(row.int(1)?).unwrap_or_default()));
                for (key, count) in transaction.fetch(text, read).await? {
                    let most = numbers.entry(key).or_default();
                    *most = count.max(*most);
                }
            }
            for (key, run) in unknown {
                let number = numbers.get(&key).copied().unwrap_or_default();
                self.searched.keep(key, run, &Arc::new(Number(number)));
            }
        }
        let number = |(key, run): &(i64, ImportRunId)| self.searched.get(*key, *run).map_or(0, |one| one.0);
        Ok(runs.iter().map(number).sum::<u64>() > self.most_searched as u64)
    }
}

impl Found {
    fn of(system_id: &SystemId, entry: Entry<'_>) -> Option<Self> {
        Some(Self {
            system_id: system_id.clone(),
            of: entry.of.kind,
            external_id: ExternalId::new(entry.external_id).ok()?,
            name: entry.name.to_owned(),
            path: entry.path.to_owned(),
            status: entry.of.status,
            gone: entry.of.gone,
        })
    }
}

/// The key of a system, and the run that speaks for now.
async fn now(
    transaction: &mut Transaction,
    system_id: &SystemId,
) -> Result<Option<(i64, ImportRunId)>, StoreError> {
    let key = crate::systems::find(transaction, system_id, false).await?.key;
    let run = crate::import_runs::latest_published(transaction, key).await?;
    Ok(run.map(|run| (key, run.id)))
}

/// Whether more of these systems are not removed than so many.
async fn are_more_than(
    transaction: &mut Transaction,
    systems: Option<&[SystemId]>,
    most: usize,
) -> Result<bool, StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut text =
        statement!("SELECT COUNT(*) FROM (SELECT s.system_key FROM systems s WHERE s.removed_at IS NULL");
    push_within(&mut text, systems);
    text.push(" LIMIT ").bind(most.saturating_add(1)).push(") AS counted");
    Ok(transaction.fetch_one(text, |row| row.int(0)).await? > most)
}

/// What was found, in the order in which it is shown.
pub(super) fn in_order(mut found: Vec<Found>, wanted: &str) -> Vec<Found> {
    let wanted = wanted.to_lowercase();
    found.sort_by_cached_key(|one: &Found| {
        let folded = one.name.to_lowercase();
        (rank(&folded, &wanted), folded, one.system_id.clone(), one.gone.is_some(), one.external_id.clone())
    });
    found
}

/// What is called so comes first, then what begins so; both are in lower case.
fn rank(name: &str, wanted: &str) -> u8 {
    match name.strip_prefix(wanted) {
        Some("") => 0,
        Some(_) => 1,
        None => 2,
    }
}

/// Whether a name begins with what is looked for, as those do that are found by their order.
fn begins(one: Option<Entry<'_>>, wanted: &str) -> bool {
    let beginning = one.and_then(|one| one.name.get(..wanted.len()));
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(wanted))
}

/// Where something that was found stands: what is called so comes first, then what begins so, then by name, system and id.
type Rank = (u8, String, SystemId, bool, String);

/// What was found in texts that systems share, by their addresses, which they have as long as they are held here; each is
/// looked through once.
type LookedThrough = HashMap<usize, (Arc<Haystack>, Vec<usize>)>;

/// The first of what is found, so many at most. Until all is looked at, no more of it is copied than its place.
///
/// Names that begin with what is looked for are found in all systems, by their order. What has it elsewhere is looked for
/// until there is [`ENOUGH`] of it: of more nobody reads the rest, and a fleet would be read through for nothing.
struct Best<'a> {
    wanted: &'a str,
    folded: String,
    is_pattern: bool,
    most: usize,
    kept: BTreeMap<Rank, (Arc<Haystack>, usize)>,
    /// How much is still looked for that has it elsewhere than at the beginning of its name.
    enough: usize,
    /// Whether there may be anything that is not kept.
    left_out: bool,
}

impl<'a> Best<'a> {
    fn of(wanted: &'a str, most: usize) -> Self {
        let (folded, is_pattern) = (wanted.to_lowercase(), is_pattern(wanted));
        let (kept, enough) = (BTreeMap::new(), most.saturating_mul(ENOUGH));
        Self { wanted, folded, is_pattern, most, kept, enough, left_out: false }
    }

    /// Looks into the texts of a system, or at what was found when they were looked through for another one.
    fn look_at(&mut self, system_id: &SystemId, texts: &Arc<Haystack>, shared: Option<&mut LookedThrough>) {
        if !self.is_pattern {
            let (wanted, folded) = (self.wanted, self.folded.clone());
            let mut named = texts.beginning(&folded).filter(|place| begins(texts.at(*place), wanted));
            // They come in their order: where one has no place, none behind it has.
            while named.next().is_some_and(|place| self.keep(system_id, texts, place)) {}
        }
        if self.enough == 0 {
            self.left_out = self.left_out || texts.may_have(self.wanted);
            return;
        }
        let look = || texts.with(self.wanted, self.most);
        let alone;
        let places = match shared {
            Some(known) => {
                &known.entry(Arc::as_ptr(texts).addr()).or_insert_with(|| (Arc::clone(texts), look())).1
            }
            None => {
                alone = look();
                &alone
            }
        };
        self.left_out |= places.len() == self.most;
        self.enough = self.enough.saturating_sub(places.len());
        for &place in places {
            if self.is_pattern || !begins(texts.at(place), self.wanted) {
                self.keep(system_id, texts, place);
            }
        }
    }

    /// Keeps what is at a place if it is among the first, and tells whether it is.
    fn keep(&mut self, system_id: &SystemId, texts: &Arc<Haystack>, place: usize) -> bool {
        let Some(one) = texts.at(place) else { return true };
        let (mut name, gone) = (String::new(), one.of.gone.is_some());
        fold_into(&mut name, one.name);
        let rank = rank(&name, &self.folded);
        if self.kept.len() >= self.most {
            self.left_out = true;
            let here = (rank, name.as_str(), system_id, gone, one.external_id);
            let last = self.kept.last_key_value().map(|((rank, name, system, gone, id), _)| {
                (*rank, name.as_str(), system, *gone, id.as_str())
            });
            if last.is_none_or(|last| here >= last) {
                return false;
            }
            self.kept.pop_last();
        }
        let rank = (rank, name, system_id.clone(), gone, one.external_id.to_owned());
        self.kept.insert(rank, (Arc::clone(texts), place));
        true
    }

    fn found(self) -> Vec<Found> {
        let of = |((_, _, system_id, ..), (texts, place)): (Rank, (Arc<Haystack>, usize))| {
            Found::of(&system_id, texts.at(place)?)
        };
        self.kept.into_iter().filter_map(of).collect()
    }
}
