//! Passwords: made by chance, to the account's policy, and sealed for their owners before anybody could see them.
//!
//! Nothing here does I/O beside asking the operating system for random bytes, and no type here can be printed in a
//! way that shows a password or a one-time secret.
//!
//! [`generate`] makes a password; [`Recipient`] and [`OneTimeSecret`] are the two ways to seal it so that this program
//! cannot read it any more; [`open`] gives it to whoever holds the one-time secret. That this happens once is the
//! store's to see to. [`check_given`] holds a password that somebody else chose against the account's policy.

mod generate;
mod given;
mod link;
mod one_time;
mod random;
mod recipient;

pub use generate::{generate, generate_from_os};
pub use given::{GivenRefused, check_given};
pub use link::{PublicUrl, PublicUrlError};
pub use one_time::{LinkKey, OneTimeSecret, OpenRefused, lookup_of, open};
pub use random::{PasswordError, Random, random_from_os};
pub use recipient::{Recipient, RecipientError, SealError};
