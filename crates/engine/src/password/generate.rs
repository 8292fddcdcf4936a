//! Making a password that every password policy accepts and nobody can guess.
//!
//! A password is drawn uniformly from all texts of its length over the 75 characters of [`CLASSES`] that have a
//! character of each class and do not contain the account's name. Uniformly, because a text that does not qualify is
//! thrown away whole; nothing is put in afterwards.
//!
//! How hard it is to guess: 24 characters out of 75 are 24 × log2(75) = 149.5 bits. The classes leave more than 93 of
//! 100 texts (without a digit are (67/75)^24 = 6.7 %, without a symbol 0.1 %, others fewer), which costs 0.11 bits. A
//! name takes most away when it is one letter: both its cases go, 24 × log2(73/75) = 0.94 bits. So at least 148 bits
//! remain, whatever the policy and the name; OWASP ASVS 5.0 asks for 128 (11.5.1). A test counts this again.

use keyreeve_connector::PasswordPolicy;
use keyreeve_model::Secret;
use zeroize::Zeroizing;

use super::{PasswordError, Random, random_from_os};

/// The length unless the account asks for more, in characters. 15 are what NIST SP 800-63B-4 asks for, 14 the CIS
/// benchmark.
pub(super) const LENGTH: u32 = 24;

/// The greatest length AWS takes, in characters (IAM API Reference, `CreateLoginProfile`).
pub(super) const LONGEST: u32 = 128;

/// The characters, by class; without those that are read as each other: `0` and `O` and `o`, `1` and `l` and `I` and
/// `|`. The symbols are those AWS counts as such (IAM API Reference, `UpdateAccountPasswordPolicy`).
pub(super) const CLASSES: [&[u8]; 4] =
    [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnpqrstuvwxyz", b"23456789", b"!@#$%^&*()_+-=[]{}'"];

/// How many characters there are.
pub(super) const ALPHABET: u8 = 75;

/// Bytes below this fall evenly onto the alphabet: its greatest multiple that fits into a byte.
const EVEN: u8 = ALPHABET * 3;

/// How many passwords are thrown away before the random bytes are held to be broken. In the worst case (128
/// characters, a name of one letter) 3 in 100 qualify, so that a working source fails once in 10^26 times.
const TRIES: u32 = 2_000;

/// Makes a password of at least 24 characters with a capital letter, a small one, a digit and a symbol, in which the
/// account's name is not found in any case.
///
/// Of the policy only the minimum length matters: the rest is always met. `None` (it cannot be read, or was never
/// set) makes a password that the strictest policy up to 24 characters accepts.
///
/// # Errors
/// When there are no random bytes, or the policy asks for more than 128 characters. There is never another, weaker
/// password instead.
pub fn generate(
    policy: Option<&PasswordPolicy>,
    account: &str,
    random: &mut Random<'_>,
) -> Result<Secret, PasswordError> {
    let minimum_length = policy.map_or(0, |policy| policy.minimum_length);
    if minimum_length > LONGEST {
        return Err(PasswordError::Unsatisfiable { minimum_length, longest: LONGEST });
    }
    let mut draws = Draws::new(random);
    for _ in 0..TRIES {
        let mut candidate = draws.text(minimum_length.max(LENGTH))?;
        if has_every_class(&candidate) && !contains(&candidate, account) {
            return Ok(Secret::new(std::mem::take(&mut *candidate)));
        }
    }
    Err(PasswordError::BrokenRandomness)
}

/// [`generate`] with random bytes of the operating system.
///
/// # Errors
/// As [`generate`].
pub fn generate_from_os(policy: Option<&PasswordPolicy>, account: &str) -> Result<Secret, PasswordError> {
    generate(policy, account, &mut random_from_os)
}

fn has_every_class(text: &str) -> bool {
    CLASSES.iter().all(|class| text.bytes().any(|byte| class.contains(&byte)))
}

fn contains(text: &str, account: &str) -> bool {
    !account.is_empty()
        && text.as_bytes().windows(account.len()).any(|part| part.eq_ignore_ascii_case(account.as_bytes()))
}

/// Even draws from the alphabet: random bytes, of which those that would favour a character are thrown away.
struct Draws<'a, 'r> {
    random: &'a mut Random<'r>,
    bytes: Zeroizing<[u8; 64]>,
    used: usize,
}

impl<'a, 'r> Draws<'a, 'r> {
    fn new(random: &'a mut Random<'r>) -> Self {
        let bytes = Zeroizing::new([0; 64]);
        Self { random, used: bytes.len(), bytes }
    }

    fn text(&mut self, length: u32) -> Result<Zeroizing<String>, PasswordError> {
        // Room for all of it from the start: a text that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(length as usize));
        for _ in 0..length {
            text.push(self.character()?);
        }
        Ok(text)
    }

    fn character(&mut self) -> Result<char, PasswordError> {
        // 31 of 256 bytes are thrown away; 64 in a row in a working source once in 10^58 times.
        for _ in 0..64 {
            let byte = self.byte()?;
            if byte < EVEN
                && let Some(character) = CLASSES.iter().copied().flatten().nth(usize::from(byte % ALPHABET))
            {
                return Ok(char::from(*character));
            }
        }
        Err(PasswordError::BrokenRandomness)
    }

    fn byte(&mut self) -> Result<u8, PasswordError> {
        if self.used >= self.bytes.len() {
            (self.random)(self.bytes.as_mut())?;
            self.used = 0;
        }
        let byte = self.bytes.get(self.used).copied().ok_or(PasswordError::BrokenRandomness)?;
        self.used += 1;
        Ok(byte)
    }
}

#[cfg(test)]
mod tests;
