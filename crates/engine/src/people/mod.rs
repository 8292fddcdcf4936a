//! People who sign in: with a password that is kept here as a hash, or because an identity provider vouches for them.
//!
//! - [`Passwords`] hashes and looks at passwords, a few at once, and as long for somebody unknown as for anybody else;
//! - [`check_password`] says which passwords are taken;
//! - [`Throttle`] says how often may be tried, and from where;
//! - [`SignIn`] begins sessions, and says whose one is.

mod first_tried;
mod passwords;
mod rules;
mod sign_in;
mod throttle;

pub use passwords::{HashError, Passwords};
pub use rules::{PasswordRefused, SHORTEST_PASSWORD, check_password};
pub use sign_in::{Begun, SignIn, SignInError};
pub use throttle::{Throttle, TooMany, network_of};
