//! Looking for accounts, groups and policies of many systems at once, and for those that are gone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use keyreeve_model::{AccountStatus, ExternalId, ImportRunId, ObjectType, ResourceType, SystemId};

use super::indexed::{self, MOST_SYSTEMS};
use super::kept::Number;
use super::texts::{AccountCounts, Entry, Haystack};
use crate::dialect::Dialect;
use crate::history::Versions;
use crate::row::Row;
use crate::statement::{Statement, Value, statement};
use crate::systems::push_within;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError};

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
    /// and whether there are more.
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
            let mut text = statement!(NOW);
            push_within(&mut text, systems);
            if is_postgres {
                text.push(" LIMIT ").bind(i64::try_from(MOST_SYSTEMS).unwrap_or(i64::MAX).saturating_add(1));
            }
            let read =
                |row: &Row| Ok((row.int(0)?, row.word::<SystemId>(1)?, row.opt_int(2)?.map(ImportRunId)));
            let mut best = Best::of(wanted, most);
            let chosen = transaction.fetch(text, read).await?;
            if is_postgres && chosen.len() > 1 && self.are_many(transaction, &chosen).await? {
                let keys = match systems {
                    None => None,
                    Some(systems) => Some(keys_of(transaction, systems).await?),
                };
                return indexed::search(transaction, wanted, keys.as_deref(), most).await;
            }
            let given_up = crate::kept::floor(transaction).await?;
            let mut looked_through = LookedThrough::default();
            for (key, system_id, run) in chosen {
                let Some(run) = run else { continue };
                let accounts = self.account_texts(transaction, key, run).await?;
                let others = self.other_texts(transaction, key, run, given_up).await?;
                for texts in [&accounts, &others.own] {
                    best.look_at(&system_id, texts, &Hits::of(texts, wanted, most));
                }
                match others.is_shared {
                    true => best.look_at(
                        &system_id,
                        &others.of_aws,
                        looked_through.hits(&others.of_aws, wanted, most),
                    ),
                    false => {
                        best.look_at(&system_id, &others.of_aws, &Hits::of(&others.of_aws, wanted, most))
                    }
                }
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
            let key = crate::systems::find(transaction, system_id, false).await?.key;
            let Some(run) = crate::import_runs::latest_published(transaction, key).await? else {
                return Ok(Vec::new());
            };
            let given_up = crate::kept::floor(transaction).await?;
            let texts = self.other_texts(transaction, key, run.id, given_up).await?;
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
            let key = crate::systems::find(transaction, system_id, false).await?.key;
            let Some(run) = crate::import_runs::latest_published(transaction, key).await? else {
                return Ok(Vec::new());
            };
            let given_up = crate::kept::floor(transaction).await?;
            let texts = self.other_texts(transaction, key, run.id, given_up).await?;
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
            let key = crate::systems::find(transaction, system_id, false).await?.key;
            let Some(run) = crate::import_runs::latest_published(transaction, key).await? else {
                return Ok(Vec::new());
            };
            let texts = self.account_texts(transaction, key, run.id).await?;
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
            let key = crate::systems::find(transaction, system_id, false).await?.key;
            let Some(run) = crate::import_runs::latest_published(transaction, key).await? else {
                return Ok(0);
            };
            let texts = self.account_texts(transaction, key, run.id).await?;
            Ok(texts.with(wanted, most).len() as u64)
        })
        .await
    }

    /// How many accounts of a system there are, by what they are narrowed down by.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn account_counts(&self, system_id: &SystemId) -> Result<AccountCounts, StoreError> {
        reading!(self, "counting the accounts", |transaction| {
            let key = crate::systems::find(transaction, system_id, false).await?.key;
            let Some(run) = crate::import_runs::latest_published(transaction, key).await? else {
                return Ok(AccountCounts::default());
            };
            Ok(self.account_texts(transaction, key, run.id).await?.counts.clone())
        })
        .await
    }

    /// Whether systems have more of one kind than is searched in memory.
    async fn are_many(
        &self,
        transaction: &mut Transaction,
        chosen: &[(i64, SystemId, Option<ImportRunId>)],
    ) -> Result<bool, StoreError> {
        if chosen.len() > MOST_SYSTEMS {
            return Ok(true);
        }
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

/// The keys of these systems, but for those that are removed.
async fn keys_of(transaction: &mut Transaction, systems: &[SystemId]) -> Result<Vec<i64>, StoreError> {
    let mut text = statement!("SELECT s.system_key FROM systems s WHERE s.removed_at IS NULL");
    push_within(&mut text, Some(systems));
    transaction.fetch(text, |row| row.int(0)).await
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

/// Where something that was found stands: what is called so comes first, then what begins so, then by name, system and id.
type Rank = (u8, String, SystemId, bool, String);

/// The places of what was found in some texts.
struct Hits {
    places: Vec<usize>,
    /// Whether there may be others.
    more: bool,
}

impl Hits {
    /// So many at most, and beside them so many of what is called so.
    fn of(texts: &Haystack, wanted: &str, most: usize) -> Self {
        let mut places = texts.with(wanted, most);
        let more = places.len() == most;
        if more {
            places.extend(texts.called(wanted, most));
            places.sort_unstable();
            places.dedup();
        }
        Self { places, more }
    }
}

/// The texts that systems share, by their addresses, which they have as long as they are held here; each looked through once.
#[derive(Default)]
struct LookedThrough(HashMap<usize, (Arc<Haystack>, Hits)>);

impl LookedThrough {
    fn hits(&mut self, texts: &Arc<Haystack>, wanted: &str, most: usize) -> &Hits {
        let known = self.0.entry(Arc::as_ptr(texts).addr());
        &known.or_insert_with(|| (Arc::clone(texts), Hits::of(texts, wanted, most))).1
    }
}

/// The first of what is found, so many at most. Until all is looked at, no more of it is copied than its place.
struct Best {
    folded: String,
    most: usize,
    kept: BTreeMap<Rank, (Arc<Haystack>, usize)>,
    /// Whether anything did not fit.
    left_out: bool,
}

impl Best {
    fn of(wanted: &str, most: usize) -> Self {
        Self { folded: wanted.to_lowercase(), most, kept: BTreeMap::new(), left_out: false }
    }

    /// What was found in the texts of a system.
    fn look_at(&mut self, system_id: &SystemId, texts: &Arc<Haystack>, hits: &Hits) {
        self.left_out |= hits.more;
        let mut name = String::new();
        for &place in &hits.places {
            let Some(one) = texts.at(place) else { continue };
            fold_into(&mut name, one.name);
            let rank = rank(&name, &self.folded);
            let gone = one.of.gone.is_some();
            if self.kept.len() >= self.most {
                self.left_out = true;
                let here = (rank, name.as_str(), system_id, gone, one.external_id);
                let last = self.kept.last_key_value().map(|((rank, name, system, gone, id), _)| {
                    (*rank, name.as_str(), system, *gone, id.as_str())
                });
                if last.is_none_or(|last| here >= last) {
                    continue;
                }
                self.kept.pop_last();
            }
            let rank = (rank, name.clone(), system_id.clone(), gone, one.external_id.to_owned());
            self.kept.insert(rank, (Arc::clone(texts), place));
        }
    }

    fn found(self) -> Vec<Found> {
        let of = |((_, _, system_id, ..), (texts, place)): (Rank, (Arc<Haystack>, usize))| {
            Found::of(&system_id, texts.at(place)?)
        };
        self.kept.into_iter().filter_map(of).collect()
    }
}

/// A name in lower case, in place of what was there.
fn fold_into(folded: &mut String, name: &str) {
    folded.clear();
    match name.is_ascii() {
        true => {
            folded.push_str(name);
            folded.make_ascii_lowercase();
        }
        false => folded.push_str(&name.to_lowercase()),
    }
}
