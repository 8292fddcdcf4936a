//! Who gives a command.
//!
//! Whoever can run this program on the store's files holds the store's key too. So a token here says who acts, and
//! keeps an honest person within a role; it does not keep out who leaves it away.

use keyreeve_engine::rights::{Actor, Denied};

use crate::exit::Refusal;

/// The user of the operating system, by the process's user id rather than by a variable.
pub(crate) fn local() -> Actor {
    let user = whoami::account().unwrap_or_else(|_| "unknown".to_owned());
    Actor::trusted(format!("local:{user}"))
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::new("looking at what you may do", denied.to_string())
            .hint("an admin can make another one with `keyreeve token create`; nothing was done")
    }
}
