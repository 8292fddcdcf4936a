//! Random bytes, passed in.

/// Where random bytes come from: fills the whole buffer, or fails.
pub type Random<'a> = dyn FnMut(&mut [u8]) -> Result<(), PasswordError> + 'a;

/// A password or a one-time secret could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The operating system gave no random bytes. There is no other source to fall back to.
    #[error(
        "making a password: the operating system gave no random bytes ({0}); nothing was changed, try again"
    )]
    NoRandomness(String),
    /// Random bytes came, but not once in many tries would they make a password.
    #[error(
        "making a password: the random bytes look broken, as no password came of very many of them; nothing was \
         changed, check the machine's random number generator"
    )]
    BrokenRandomness,
    /// The account asks for more characters than a password may have.
    #[error(
        "making a password: the account's password policy asks for at least {minimum_length} characters, but AWS takes \
         at most {longest}; mend the policy"
    )]
    Unsatisfiable {
        /// What the policy asks for, in characters.
        minimum_length: u32,
        /// What AWS takes, in characters.
        longest: u32,
    },
}

/// Random bytes of the operating system.
///
/// # Errors
/// [`PasswordError::NoRandomness`].
pub fn random_from_os(bytes: &mut [u8]) -> Result<(), PasswordError> {
    getrandom::fill(bytes).map_err(|error| PasswordError::NoRandomness(error.to_string()))
}
