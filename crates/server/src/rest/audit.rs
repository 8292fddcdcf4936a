//! `/audit`

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use keyreeve_engine::rights::Right;
use keyreeve_model::SystemId;
use keyreeve_store::{AUDIT_ACTIONS, AuditFilter, AuditHead, AuditRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::fields::{Fields, Partly};
use super::moment::beginning;
use super::paging::{Mark, Page, Paging};
use crate::auth::Caller;
use crate::body::{InQuery, at_most};
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// So much of what is not known is said again.
const SAID_AGAIN: usize = 50;

/// Which rows. Conditions that are given must all hold.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// `next` of the page before.
    #[param(max_length = 4096)]
    #[serde(default, deserialize_with = "at_most::<4096, _>")]
    cursor: Option<String>,
    /// How many entries at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// In which order; the newest first unless another one is asked for.
    #[param(inline)]
    sort: Option<Order>,
    /// Only these fields of each entry, with commas between.
    #[param(max_length = 1_000)]
    #[serde(default, deserialize_with = "at_most::<1_000, _>")]
    fields: Option<String>,
    /// About one system; who may not read all systems must give it.
    system_id: Option<SystemId>,
    /// Who did it, ignoring case; `*` stands for any text, `?` for any character.
    #[param(max_length = 256)]
    #[serde(default, deserialize_with = "at_most::<256, _>")]
    actor: Option<String>,
    /// What was done.
    #[param(max_length = 64)]
    #[serde(default, deserialize_with = "at_most::<64, _>")]
    action: Option<String>,
    /// The account that it was done to; also what was done with a whole job that has a task about it.
    #[param(max_length = 256)]
    #[serde(default, deserialize_with = "at_most::<256, _>")]
    account: Option<String>,
    /// From this time, or the beginning of this day (UTC), on.
    #[param(value_type = Option<String>, max_length = 64, example = "2026-05-01")]
    #[serde(default, deserialize_with = "beginning")]
    since: Option<Timestamp>,
    /// Before this time, or the beginning of this day (UTC).
    #[param(value_type = Option<String>, max_length = 64, example = "2026-05-01T12:00:00Z")]
    #[serde(default, deserialize_with = "beginning")]
    until: Option<Timestamp>,
    /// Only rows after this one.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// Only rows before this one.
    #[param(minimum = 1)]
    before: Option<i64>,
}

/// What rows are sorted by; with `-`, beginning with the last.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
enum Order {
    #[default]
    #[serde(rename = "-seq")]
    NewestFirst,
    #[serde(rename = "seq")]
    OldestFirst,
}

/// One row of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// Its place: 1, 2, 3, … without gaps.
    seq: i64,
    /// When.
    at: Timestamp,
    /// Who.
    actor: String,
    /// The system it is about.
    system_id: Option<SystemId>,
    /// What was done.
    action: String,
    /// What it was done to. No secret.
    #[schema(value_type = Object)]
    subject: serde_json::Value,
    /// The hash of the row before.
    prev_hash: String,
    /// SHA-256 of this row with `prev_hash`, in hex.
    hash: String,
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let AuditRow { seq, at, actor, system_id, action, subject, prev_hash, hash } = row;
        Self { seq, at, actor, system_id, action, subject, prev_hash, hash }
    }
}

/// Lists rows of the audit log, the newest first unless another order is asked for.
#[utoipa::path(
    get, path = "/audit", tag = "audit", params(Filter), responses((status = 200, body = Page<AuditEntry>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    mark: Mark,
    InQuery(asked): InQuery<Filter>,
) -> Result<Json<Page<Partly<AuditEntry>>>, Problem> {
    match &asked.system_id {
        Some(system_id) => caller.require(Right::Read, system_id)?,
        None => caller.require_everywhere(Right::Read).map_err(|refused| {
            refused.advice(
                "ask for the rows of one of its systems: `system_id=ID` (`keyreeve audit list --system ID`)",
            )
        })?,
    }
    let fields = Fields::named(asked.fields.as_deref())?;
    let paging = Paging(asked.cursor, asked.limit);
    let (beyond, limit): (Option<i64>, u32) = (paging.after(&mark)?, paging.limit()?);
    let oldest_first = matches!(asked.sort, Some(Order::OldestFirst));
    let (after, before) = (asked.after, asked.before);
    numbered(after, before)?;
    spanned(asked.since, asked.until)?;
    if let Some(unknown) = asked.action.as_deref().filter(|action| !AUDIT_ACTIONS.contains(action)) {
        let unknown: String = unknown.chars().take(SAID_AGAIN).collect();
        let actions = AUDIT_ACTIONS.join(", ");
        return Err(Problem::bad_request(format!("there is no action {unknown:?}; there are {actions}")));
    }
    let filter = AuditFilter {
        system_id: asked.system_id,
        actor: asked.actor,
        action: asked.action,
        account: asked.account,
        since: asked.since,
        until: asked.until,
        // What the cursor says lies within what was asked for.
        before: if oldest_first { before } else { beyond.or(before) },
        after: if oldest_first { beyond.or(after) } else { after },
    };
    let rows = match oldest_first {
        true => parts.store.oldest_audit(&filter, limit + 1).await?,
        false => parts.store.audit(&filter, limit + 1).await?,
    };
    let rows = rows.into_iter().map(AuditEntry::from).collect();
    Ok(Json(Page::of(rows, limit, &mark, |row: &AuditEntry| row.seq).only(&fields)))
}

/// Whether the audit log is as it was written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verified {
    /// Whether each row fits the one before it.
    intact: bool,
    /// The last row that does; noted elsewhere, it proves later that nothing before it was taken away.
    seq: i64,
    /// Its hash; null when the log is not intact.
    hash: Option<String>,
    /// What is wrong with the row that follows; null when the log is intact.
    why: Option<String>,
    /// Whether the log holds the row that was noted: if not, rows were taken away or replaced since. Null when none is given.
    holds_head: Option<bool>,
}

/// What was noted of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Noted {
    /// The row that was the last one, with its hash: `SEQ:HASH`.
    #[param(pattern = "^[0-9]{1,18}:[0-9a-f]{64}$")]
    head: Option<String>,
}

/// Reads the whole audit log, and says whether it is as it was written, or which row is the first that is not; with `head`,
/// also whether anything up to a row that was noted was taken away.
#[utoipa::path(
    get, path = "/audit/verification", tag = "audit", params(Noted),
    responses((status = 200, body = Verified), Refused)
)]
pub(crate) async fn verify(
    caller: Caller,
    State(parts): State<Parts>,
    InQuery(Noted { head }): InQuery<Noted>,
) -> Result<Json<Verified>, Problem> {
    caller.require_everywhere(Right::Read)?;
    let head: Option<AuditHead> = head
        .map(|noted| noted.parse().map_err(|why| Problem::bad_request(format!("the head {why}"))))
        .transpose()?;
    let holds_head = match &head {
        Some(head) => Some(parts.store.audit_holds(head).await?),
        None => None,
    };
    Ok(Json(match parts.store.verify_audit().await {
        Ok(head) => Verified { intact: true, seq: head.seq, hash: Some(head.hash), why: None, holds_head },
        Err(error) if let Some(seq) = error.broken_row() => Verified {
            intact: false,
            seq: seq.saturating_sub(1),
            hash: None,
            why: Some(error.to_string()),
            holds_head,
        },
        Err(error) => return Err(error.into()),
    }))
}

/// Refuses a time that ends before it begins.
pub(super) fn spanned(since: Option<Timestamp>, until: Option<Timestamp>) -> Result<(), Problem> {
    if since.zip(until).is_some_and(|(since, until)| until < since) {
        return Err(Problem::bad_request("`until` is before `since`: no row can be of that time"));
    }
    Ok(())
}

/// Refuses numbers between which no row can be.
pub(super) fn numbered(after: Option<i64>, before: Option<i64>) -> Result<(), Problem> {
    if after.is_some_and(|after| after < 0) || before.is_some_and(|before| before < 1) {
        return Err(Problem::bad_request("rows have numbers from 1 on"));
    }
    Ok(())
}
