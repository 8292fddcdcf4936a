//! How many streams of events there are: each looks at the store again and again, for as long as somebody listens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;

use crate::problem::Problem;

/// So many at once for one caller.
const OF_ONE: usize = 16;
/// And for all.
const OF_ALL: usize = 128;

/// The streams there are, by who listens. Copies share them.
#[derive(Clone, Default)]
pub(crate) struct Listening(Arc<Mutex<HashMap<String, usize>>>);

/// One stream. It is over when this is dropped.
pub(crate) struct Listens {
    listening: Listening,
    name: String,
}

impl Listening {
    /// One stream more, for whoever is called so.
    ///
    /// # Errors
    /// 429.
    pub(crate) fn begin(&self, name: &str) -> Result<Listens, Problem> {
        let mut all = self.all();
        let of_all: usize = all.values().sum();
        let of_one = all.entry(name.to_owned()).or_default();
        if *of_one >= OF_ONE || of_all >= OF_ALL {
            let detail = format!(
                "there may be {OF_ONE} streams of events at once for one caller and {OF_ALL} for all, and there are"
            );
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail)
                .advice("close one, or ask for the job or the run itself now and then"));
        }
        *of_one += 1;
        Ok(Listens { listening: self.clone(), name: name.to_owned() })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listens {
    fn drop(&mut self) {
        let mut all = self.listening.all();
        if let Some(of_one) = all.get_mut(&self.name) {
            *of_one = of_one.saturating_sub(1);
            if *of_one == 0 {
                all.remove(&self.name);
            }
        }
    }
}
