//! Whoever holds a token and was refused stands in the audit log: of another system, beyond the role, with a token that has
//! expired or was revoked. Who has no token of ours is nobody, and leaves no row.
//!
//! The first refusal of a kind has a row at once; those that follow within ten minutes are counted, and told with the next
//! row. So a flood fills no log, and is seen all the same.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use keyreeve_engine::rights::Denied;
use serde_json::json;

use crate::parts::Parts;

/// A kind of refusal has a row that often at most.
const ROW_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// So many kinds are told apart; what comes beyond that counts as one for each token.
const KINDS: usize = 1_000;

/// Who was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Refused {
    token: String,
    owner: String,
    why: String,
}

impl From<&Denied> for Refused {
    fn from(denied: &Denied) -> Self {
        let token = denied.token.clone().unwrap_or_default();
        Self { token, owner: denied.owner.clone(), why: denied.why.clone() }
    }
}

impl Refused {
    /// Of a token that lets nobody in any more.
    pub(crate) fn of_token(token: &str, owner: &str, why: &str) -> Self {
        Self { token: token.to_owned(), owner: owner.to_owned(), why: why.to_owned() }
    }
}

tokio::task_local! {
    static OF_THIS_REQUEST: RefCell<Option<Refused>>;
}

/// Notes that the request which is being answered is refused to whoever holds the token.
pub(crate) fn note(refused: Refused) {
    // Outside of a request there is nobody who was refused.
    let _ = OF_THIS_REQUEST.try_with(|noted| {
        noted.borrow_mut().get_or_insert(refused);
    });
}

/// What is counted.
#[derive(Debug, Default, Clone)]
pub(crate) struct Refusals {
    seen: Arc<Mutex<HashMap<(Refused, String), Seen>>>,
}

#[derive(Debug)]
struct Seen {
    row_at: Timestamp,
    since: u64,
}

impl Refusals {
    /// How many refusals of the kind a row now would be about; `None` while they are only counted.
    fn counted(&self, refused: &Refused, asked: &str, now: Timestamp) -> Option<u64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kind = (refused.clone(), asked.to_owned());
        if seen.len() >= KINDS && !seen.contains_key(&kind) {
            // What lasts no longer is forgotten first.
            seen.retain(|_, one| now.duration_since(one.row_at) < ROW_EVERY || one.since > 0);
            if seen.len() >= KINDS {
                kind =
                    (Refused { why: "was refused many things".to_owned(), ..refused.clone() }, String::new());
            }
        }
        match seen.get_mut(&kind) {
            Some(one) if now.duration_since(one.row_at) < ROW_EVERY => {
                one.since += 1;
                None
            }
            Some(one) => {
                let times = one.since + 1;
                *one = Seen { row_at: now, since: 0 };
                Some(times)
            }
            None => {
                seen.insert(kind, Seen { row_at: now, since: 0 });
                Some(1)
            }
        }
    }
}

/// Writes down who was refused.
pub(crate) async fn noted(
    State((parts, refusals)): State<(Parts, Refusals)>,
    request: Request,
    next: Next,
) -> Response {
    // The route, not what was asked for: names of people stay out of it.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let asked = format!("{} {route}", request.method());
    let answering = async {
        let response = next.run(request).await;
        (response, OF_THIS_REQUEST.with(RefCell::take))
    };
    let (response, refused) = OF_THIS_REQUEST.scope(RefCell::default(), answering).await;
    let now = parts.clock.now();
    if let Some(refused) = refused
        && let Some(times) = refusals.counted(&refused, &asked, now)
    {
        let Refused { token, owner, why } = &refused;
        let subject = json!({"token": token, "why": why, "asked": asked, "times": times});
        if let Err(error) = parts.store.note_refusal(owner, &subject, now).await {
            tracing::error!(%error, "a refusal could not be written down");
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(60 * minute).unwrap()
    }

    fn refused(token: &str) -> Refused {
        Refused::of_token(token, "ada", "is not for system x")
    }

    #[test]
    fn s14_the_first_refusal_has_a_row_and_a_flood_is_counted() {
        let refusals = Refusals::default();
        let ada = refused("1");
        assert_eq!(refusals.counted(&ada, "GET /a", at(0)), Some(1));
        for _ in 0..99 {
            assert_eq!(refusals.counted(&ada, "GET /a", at(9)), None);
        }
        assert_eq!(refusals.counted(&ada, "GET /b", at(9)), Some(1));
        assert_eq!(refusals.counted(&refused("2"), "GET /a", at(9)), Some(1));
        assert_eq!(refusals.counted(&ada, "GET /a", at(10)), Some(100));
        assert_eq!(refusals.counted(&ada, "GET /a", at(11)), None);
    }

    #[test]
    fn s14_no_more_kinds_are_told_apart_than_there_may_be() {
        let refusals = Refusals::default();
        let rows =
            (0..5 * KINDS).filter(|n| refusals.counted(&refused("1"), &format!("GET /{n}"), at(0)).is_some());
        assert_eq!(rows.count(), KINDS + 1);
        assert!(refusals.seen.lock().unwrap().len() <= KINDS + 1);
    }
}
