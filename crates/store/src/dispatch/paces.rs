//! How fast each AWS account may be asked by all processes together, as one row for each.
//!
//! What becomes of a row is said by whoever asks; here it is read, changed and kept by one at a time. Its times are the
//! database's own, in microseconds: processes on several machines need not agree on theirs.

use std::collections::BTreeMap;

use keyreeve_model::{AwsAccountId, SystemSettings};

use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError};

const READ: &str = "SELECT taken_until, granted, guessed, decreased_at, passed, counted_since, revision, askers, changed_at \
                    FROM account_paces WHERE aws_account_id = ";

/// How fast an AWS account is asked. Times are microseconds by the database's clock.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountPace {
    /// Up to this moment every call is given away to somebody.
    pub taken_until: i64,
    /// What is thought to be granted by AWS, in requests a second; `None` while nothing was throttled.
    pub granted: Option<f64>,
    /// That is only what one process saw get through; others add what they saw.
    pub is_guess: bool,
    /// When the rate was last decreased.
    pub decreased_at: Option<i64>,
    /// How many calls got through since [`Self::counted_since`], as far as was told.
    pub passed: u32,
    /// Since when calls are counted.
    pub counted_since: Option<i64>,
    /// How often the rate was decreased.
    pub revision: i64,
    /// The processes that ask, and until when each counts as one.
    pub askers: BTreeMap<String, i64>,
}

/// What holds when a pace is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceNow {
    /// The database's time, in microseconds.
    pub micros: i64,
    /// So many systems of this store are in use in the AWS account.
    pub systems: usize,
    /// The lowest cap that operators set for one of them, in requests a second.
    pub cap: Option<f64>,
}

impl Store {
    /// How fast an AWS account is asked, if anything slows that.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn account_pace(
        &self,
        account: &AwsAccountId,
    ) -> Result<(Option<AccountPace>, PaceNow), StoreError> {
        reading!(self, "looking how fast an AWS account is asked", |transaction| {
            let kept = read(transaction, account, "").await?;
            let now = now(transaction, account).await?;
            Ok((kept.map(|kept| kept.at(now.micros)), now))
        })
        .await
    }

    /// Changes how fast an AWS account is asked. `change` may be called more than once, as the transaction is begun anew
    /// when the database wants that; nobody else changes it meanwhile.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn change_account_pace<T: Send>(
        &self,
        account: &AwsAccountId,
        change: &(dyn Fn(&mut AccountPace, PaceNow) -> T + Sync),
    ) -> Result<T, StoreError> {
        writing!(self, "taking turns to ask an AWS account", |transaction| {
            let lock = transaction.dialect().lock_row();
            let mut kept = read(transaction, account, lock).await?;
            if kept.is_none() {
                let text = "INSERT INTO account_paces (aws_account_id, taken_until, guessed, passed, revision, askers, \
                            changed_at) VALUES ($1, 0, 0, 0, 0, '{}', 0) ON CONFLICT (aws_account_id) DO NOTHING";
                transaction.execute(statement!(text, account.as_str())).await?;
                kept = read(transaction, account, lock).await?;
            }
            // Only now: whoever waited for the row is to know the time at which it is ours.
            let now = now(transaction, account).await?;
            let mut pace = kept.unwrap_or_default().at(now.micros);
            let value = change(&mut pace, now);
            write(transaction, account, &pace, now.micros).await?;
            Ok(value)
        })
        .await
    }
}

/// A row, and when it was last changed.
#[derive(Default)]
struct Kept {
    pace: AccountPace,
    changed_at: i64,
}

impl Kept {
    /// As it is at this moment. Should the database's clock have gone back, as after another server took over, what was
    /// agreed on goes back with it.
    fn at(self, now: i64) -> AccountPace {
        let (back, mut pace) = (self.changed_at.saturating_sub(now).max(0), self.pace);
        pace.taken_until = pace.taken_until.saturating_sub(back);
        for time in [&mut pace.decreased_at, &mut pace.counted_since].into_iter().flatten() {
            *time = time.saturating_sub(back);
        }
        pace.askers.values_mut().for_each(|until| *until = until.saturating_sub(back));
        pace.askers.retain(|_, until| *until > now);
        pace
    }
}

async fn read(
    transaction: &mut Transaction,
    account: &AwsAccountId,
    lock: &str,
) -> Result<Option<Kept>, StoreError> {
    let mut text = Statement::building(READ);
    text.bind(account.as_str()).push(lock);
    let of_row = |row: &Row| {
        let pace = AccountPace {
            taken_until: row.int(0)?,
            granted: row.opt_int(1)?.map(of_thousandths),
            is_guess: row.flag(2)?,
            decreased_at: row.opt_int(3)?,
            passed: u32::try_from(row.int(4)?).unwrap_or(u32::MAX),
            counted_since: row.opt_int(5)?,
            revision: row.int(6)?,
            askers: row.json(7)?,
        };
        Ok(Kept { pace, changed_at: row.int(8)? })
    };
    transaction.fetch_optional(text, of_row).await
}

async fn now(transaction: &mut Transaction, account: &AwsAccountId) -> Result<PaceNow, StoreError> {
    let text = "SELECT settings FROM systems WHERE aws_account_id = $1 AND state = 'active'";
    let caps = transaction
        .fetch(statement!(text, account.as_str()), |row| {
            Ok(row.json::<SystemSettings>(0)?.max_requests_per_second)
        })
        .await?;
    let clock = transaction.dialect().clock_micros();
    let micros = transaction.fetch_one(statement!(clock), |row| row.int(0)).await?;
    let cap = caps.iter().flatten().copied().reduce(f64::min);
    Ok(PaceNow { micros, systems: caps.len(), cap })
}

async fn write(
    transaction: &mut Transaction,
    account: &AwsAccountId,
    pace: &AccountPace,
    now: i64,
) -> Result<(), StoreError> {
    let text = "UPDATE account_paces SET taken_until = $1, granted = $2, guessed = $3, decreased_at = $4, passed = $5, \
                counted_since = $6, revision = $7, askers = $8, changed_at = $9 WHERE aws_account_id = $10";
    let askers = serde_json::to_string(&pace.askers)
        .map_err(|_| StoreError::Data { what: "names of processes cannot be written as JSON".to_owned() })?;
    let row = statement!(
        text,
        pace.taken_until,
        pace.granted.map(to_thousandths),
        pace.is_guess,
        pace.decreased_at,
        i64::from(pace.passed),
        pace.counted_since,
        pace.revision,
        askers,
        now,
        account.as_str(),
    );
    transaction.execute(row).await.map(|_| ())
}

#[expect(clippy::cast_precision_loss, reason = "rates are small")]
fn of_thousandths(rate: i64) -> f64 {
    rate as f64 / 1_000.0
}

#[expect(clippy::cast_possible_truncation, reason = "a cast saturates")]
fn to_thousandths(rate: f64) -> i64 {
    (rate * 1_000.0).round() as i64
}
