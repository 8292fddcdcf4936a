//! Organizations that are looked through for who asks: one at a time, and told again to whoever repeats the request.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use keyreeve_engine::organization::DiscoveryReport;
use keyreeve_engine::threads::BrokeOff;
use tokio::sync::watch;

use crate::once::reused;
use crate::problem::Problem;

/// The discovery that was asked for last. It takes longer than an answer may, where there are many accounts, so it goes on
/// though nobody waits, and its end is kept for who asks again. Copies share it.
#[derive(Clone, Default)]
pub struct Discoveries(Arc<Mutex<Option<Last>>>);

/// What a discovery came to, once it has ended.
type Came = Option<Result<DiscoveryReport, Problem>>;

struct Last {
    caller: String,
    key: Option<String>,
    body_sha256: String,
    came: watch::Receiver<Came>,
}

impl Last {
    fn is_under_way(&self) -> bool {
        self.came.borrow().is_none() && self.came.has_changed().is_ok()
    }

    /// Whether somebody asks for this one again. One that came to nothing is done anew.
    fn is_of(&self, caller: &str, key: Option<&str>) -> bool {
        let worth = self.is_under_way() || matches!(&*self.came.borrow(), Some(Ok(_)));
        worth && self.caller == caller && key.is_some() && self.key.as_deref() == key
    }
}

impl Discoveries {
    /// What the work comes to, and whether it was begun by the same request before.
    ///
    /// # Errors
    /// 409 while another one is under way, 422 when the key was used for something else; what the work gives.
    pub(crate) async fn come_to(
        &self,
        (caller, key, body_sha256): (&str, Option<String>, String),
        work: impl Future<Output = Result<DiscoveryReport, Problem>> + Send + 'static,
    ) -> Result<(DiscoveryReport, bool), Problem> {
        let (mut came, repeated) = self.begun((caller, key, body_sha256), work)?;
        let told = came.wait_for(Option::is_some).await.map_err(|_| Problem::from(BrokeOff))?.clone();
        Ok((told.unwrap_or_else(|| Err(BrokeOff.into()))?, repeated))
    }

    fn begun(
        &self,
        (caller, key, body_sha256): (&str, Option<String>, String),
        work: impl Future<Output = Result<DiscoveryReport, Problem>> + Send + 'static,
    ) -> Result<(watch::Receiver<Came>, bool), Problem> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(one) if one.is_of(caller, key.as_deref()) => {
                return if one.body_sha256 == body_sha256 {
                    Ok((one.came.clone(), true))
                } else {
                    Err(reused())
                };
            }
            Some(one) if one.is_under_way() => {
                let detail = "an organization is being looked through";
                return Err(Problem::new(StatusCode::CONFLICT, "in_progress", detail)
                    .advice("ask again when that has ended"));
            }
            _ => {}
        }
        let (tell, came) = watch::channel(None);
        tokio::spawn(async move {
            let done = work.await;
            tell.send_replace(Some(done));
        });
        *last = Some(Last { caller: caller.to_owned(), key, body_sha256, came: came.clone() });
        Ok((came, false))
    }
}

impl std::fmt::Debug for Discoveries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discoveries").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn report() -> DiscoveryReport {
        DiscoveryReport {
            organization_id: "o-1".to_owned(),
            management_account: "123456789012".parse().unwrap(),
            partition: "aws".to_owned(),
            first: false,
            external_id: "x".to_owned(),
            accounts: Vec::new(),
            notices: Vec::new(),
        }
    }

    fn asked(key: &str, body: &str) -> (&'static str, Option<String>, String) {
        ("ada", Some(key.to_owned()), body.to_owned())
    }

    #[tokio::test]
    async fn one_is_under_way_at_a_time_and_a_repeat_gets_what_it_came_to() {
        let discoveries = Discoveries::default();
        let (go, wait) = oneshot::channel::<()>();
        let work = async move {
            let _ = wait.await;
            Ok(report())
        };
        let none = || async { Err(Problem::bad_request("nobody asks for this")) };
        // Whoever asked has hung up.
        drop(discoveries.begun(asked("k1", "b"), work).unwrap());
        let (_, repeated) = discoveries.begun(asked("k1", "b"), none()).unwrap();
        assert!(repeated);
        for (key, body, code) in [("k2", "b", "in_progress"), ("k1", "other", "key_reused")] {
            let refused = discoveries.begun(asked(key, body), none()).unwrap_err();
            assert_eq!(refused.code(), code);
        }
        go.send(()).unwrap();
        for _ in 0..2 {
            let (came, repeated) = discoveries.come_to(asked("k1", "b"), none()).await.unwrap();
            assert!(repeated && came == report());
        }
        // What came to nothing is done anew.
        assert!(discoveries.come_to(asked("k2", "b"), none()).await.is_err());
        let (_, repeated) = discoveries.come_to(asked("k2", "b"), async { Ok(report()) }).await.unwrap();
        assert!(!repeated);
    }
}
