//! Passwords: made by chance, to the account's policy, and sealed for their owners before anybody could see them.
//!
//! Nobody chooses a password. [`generate`] makes one; [`Recipient`] and [`OneTimeSecret`] are the two ways to seal it so
//! that this program cannot read it any more.

mod generate;
mod one_time;
mod recipient;

pub use generate::{PasswordError, generate, generate_from_os};
pub use one_time::{OneTimeError, OneTimeSecret, lookup_of, open, seal_for};
pub use recipient::{Recipient, RecipientError};
