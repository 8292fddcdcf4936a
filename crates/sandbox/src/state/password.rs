//! Passwords: what is kept of them, and the rules for new ones.

use std::fmt;

use jiff::Timestamp;
use keyreeve_model::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{LoginProfile, State};
use crate::protocol::error::ApiError;

/// Earlier passwords that are remembered: as many as a policy can forbid ("Setting an account password
/// policy for IAM users" in the IAM user guide).
const REMEMBERED: usize = 24;
/// The symbols that count as such, from the same page.
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
/// The shortest password where the account has no policy of its own, from the same page.
const DEFAULT_LENGTH: usize = 8;
/// Of capital letters, small letters, digits and symbols, so many kinds are needed then.
const DEFAULT_KINDS: usize = 3;

/// A salted digest: enough to know a password again, and nothing to read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeptPassword {
    salt: u64,
    digest: [u8; 32],
}

impl fmt::Debug for KeptPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptPassword(…)")
    }
}

impl KeptPassword {
    pub(crate) fn new(password: &Secret, salt: u64) -> Self {
        Self { salt, digest: digest(password, salt) }
    }

    pub(crate) fn is(&self, password: &Secret) -> bool {
        self.digest == digest(password, self.salt)
    }
}

fn digest(password: &Secret, salt: u64) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(salt.to_be_bytes());
    hash.update(password.expose().as_bytes());
    hash.finalize().into()
}

impl LoginProfile {
    /// A profile whose password nobody has said: nobody can sign in with it.
    pub(crate) fn without_password(created: Timestamp, reset_required: bool) -> Self {
        Self { created, changed: created, reset_required, password: None, earlier: Vec::new() }
    }

    /// Takes a new password; the one before joins the earlier ones.
    pub(crate) fn replace_password(&mut self, kept: KeptPassword, now: Timestamp) {
        if let Some(before) = self.password.replace(kept) {
            self.earlier.insert(0, before);
            self.earlier.truncate(REMEMBERED);
        }
        self.changed = now;
    }

    /// Whether this is the password.
    pub(crate) fn opens_with(&self, password: &Secret) -> bool {
        self.password.as_ref().is_some_and(|kept| kept.is(password))
    }

    /// Whether this is one of the last so many passwords, the present one among them.
    fn had(&self, password: &Secret, last: u32) -> bool {
        let last = usize::try_from(last).unwrap_or(usize::MAX);
        self.password.iter().chain(&self.earlier).take(last).any(|kept| kept.is(password))
    }
}

impl State {
    /// Whether the console would let this user in: by the name in any case, with the present password, unless
    /// it has expired for good.
    pub(crate) fn signs_in(&self, user: &str, password: &Secret, now: Timestamp) -> bool {
        let profile = self.user(user).ok().and_then(|user| user.login_profile.as_ref());
        profile.is_some_and(|profile| profile.opens_with(password) && !self.is_shut(profile, now))
    }

    /// Whether a password has expired under a policy by which only an administrator can replace it.
    pub(crate) fn is_shut(&self, profile: &LoginProfile, now: Timestamp) -> bool {
        self.password_policy.as_ref().is_some_and(|policy| {
            policy.hard_expiry == Some(true)
                && policy
                    .max_age_days
                    .is_some_and(|days| crate::clock::shift(profile.changed, i64::from(days) * 86_400) <= now)
        })
    }
}

/// The account's password policy, as `GetAccountPasswordPolicy` gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PasswordPolicy {
    /// Fewest characters, 6 to 128.
    pub minimum_length: u32,
    /// A symbol is needed.
    pub require_symbols: bool,
    /// A digit is needed.
    pub require_numbers: bool,
    /// A capital letter is needed.
    pub require_uppercase: bool,
    /// A small letter is needed.
    pub require_lowercase: bool,
    /// All users may change their own password.
    pub allow_users_to_change: bool,
    /// Days until a password expires.
    pub max_age_days: Option<u32>,
    /// Earlier passwords that may not come back.
    pub reuse_prevention: Option<u32>,
    /// An expired password can be replaced by an administrator only.
    pub hard_expiry: Option<bool>,
}

impl Default for PasswordPolicy {
    /// What AWS fills in when a policy is set without further words.
    fn default() -> Self {
        Self {
            minimum_length: 6,
            require_symbols: false,
            require_numbers: false,
            require_uppercase: false,
            require_lowercase: false,
            allow_users_to_change: false,
            max_age_days: None,
            reuse_prevention: None,
            hard_expiry: None,
        }
    }
}

/// Refuses a password that the account's policy, or else AWS's own, does not allow.
pub(crate) fn check(
    policy: Option<&PasswordPolicy>,
    before: Option<&LoginProfile>,
    password: &Secret,
) -> Result<(), ApiError> {
    let kinds = Kinds::of(password.expose());
    let Some(policy) = policy else {
        return if kinds.length < DEFAULT_LENGTH {
            Err(violation(&format!("Password should have a minimum length of {DEFAULT_LENGTH}")))
        } else if kinds.count() < DEFAULT_KINDS {
            Err(violation("Password should have at least three of: uppercase, lowercase, numbers, symbols"))
        } else {
            Ok(())
        };
    };
    let least = usize::try_from(policy.minimum_length).unwrap_or(usize::MAX);
    if kinds.length < least {
        return Err(violation(&format!("Password should have a minimum length of {least}")));
    }
    for (required, present, what) in [
        (policy.require_uppercase, kinds.uppercase, "uppercase character"),
        (policy.require_lowercase, kinds.lowercase, "lowercase character"),
        (policy.require_numbers, kinds.numbers, "number"),
        (policy.require_symbols, kinds.symbols, "symbol"),
    ] {
        if required && !present {
            return Err(violation(&format!("Password should have at least one {what}")));
        }
    }
    let reused = policy.reuse_prevention.zip(before).is_some_and(|(last, held)| held.had(password, last));
    if reused { Err(violation("Policy constraint violation with password reuse prevention")) } else { Ok(()) }
}

fn violation(message: &str) -> ApiError {
    ApiError::new(400, "PasswordPolicyViolation", message)
}

/// The kinds of characters in a password. Letters and digits are those of ASCII.
struct Kinds {
    length: usize,
    uppercase: bool,
    lowercase: bool,
    numbers: bool,
    symbols: bool,
}

impl Kinds {
    fn of(password: &str) -> Self {
        let has = |of: fn(char) -> bool| password.chars().any(of);
        Self {
            length: password.chars().count(),
            uppercase: has(|c| c.is_ascii_uppercase()),
            lowercase: has(|c| c.is_ascii_lowercase()),
            numbers: has(|c| c.is_ascii_digit()),
            symbols: has(|c| SYMBOLS.contains(c)),
        }
    }

    fn count(&self) -> usize {
        [self.uppercase, self.lowercase, self.numbers, self.symbols].into_iter().filter(|kind| *kind).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(policy: Option<&PasswordPolicy>, password: &str) -> bool {
        check(policy, None, &Secret::new(password.to_owned())).is_ok()
    }

    #[test]
    fn without_a_policy_eight_characters_of_three_kinds_are_needed() {
        for good in ["Abcdefg1", "abcdef1!", "ABCDEF1'", "Abcdefg|"] {
            assert!(allowed(None, good), "{good}");
        }
        for bad in ["Abcdef1", "abcdefg1", "ABCDEFGH", "Abcdefgh", "12345678", "Abcdefg.", "Äbcdefg1"] {
            assert!(!allowed(None, bad), "{bad}");
        }
    }

    #[test]
    fn a_policy_of_ones_own_asks_for_what_it_says_and_no_more() {
        let policy = PasswordPolicy::default();
        assert!(allowed(Some(&policy), "aaaaaa") && !allowed(Some(&policy), "aaaaa"));
        let strict = PasswordPolicy {
            minimum_length: 10,
            require_symbols: true,
            require_numbers: true,
            require_uppercase: true,
            require_lowercase: true,
            ..policy
        };
        assert!(allowed(Some(&strict), "Abcdefg1!x"));
        for bad in ["Abcdef1!x", "abcdefg1!x", "ABCDEFG1!X", "Abcdefgh!x", "Abcdefg1xx", "Abcdefg1.x"] {
            assert!(!allowed(Some(&strict), bad), "{bad}");
        }
    }

    #[test]
    fn the_last_passwords_may_not_come_back() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let mut profile = LoginProfile::without_password(Timestamp::UNIX_EPOCH, false);
        for (salt, text) in ["first1", "second", "third3"].into_iter().enumerate() {
            profile.replace_password(KeptPassword::new(&secret(text), salt as u64), Timestamp::UNIX_EPOCH);
        }
        assert!(profile.opens_with(&secret("third3")) && !profile.opens_with(&secret("second")));
        let policy = PasswordPolicy { reuse_prevention: Some(2), ..PasswordPolicy::default() };
        let refused = |text: &str| check(Some(&policy), Some(&profile), &secret(text)).is_err();
        assert!(refused("third3") && refused("second") && !refused("first1"));
    }

    #[test]
    fn nothing_of_a_password_can_be_printed() {
        let kept = KeptPassword::new(&Secret::new("canary".to_owned()), 7);
        assert_eq!(format!("{kept:?}"), "KeptPassword(…)");
    }
}
