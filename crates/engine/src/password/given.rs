//! Passwords that somebody else chose, held against the account's password policy before anything is done.
//!
//! Where no policy is set, AWS asks for what it calls its default one (IAM User Guide, "Set an account password policy for
//! IAM users").

use keyreeve_connector::PasswordPolicy;
use keyreeve_model::Secret;

use super::generate::LONGEST;

/// What AWS counts as a symbol (IAM API Reference, `UpdateAccountPasswordPolicy`).
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";

/// What AWS's default policy asks for, in characters.
const DEFAULT_LENGTH: u32 = 8;

/// A password that somebody chose is not taken. The rule is named, the password never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GivenRefused {
    /// It is too short.
    #[error("the account's password policy asks for at least {minimum_length} characters")]
    TooShort {
        /// What the policy asks for, in characters.
        minimum_length: u32,
    },
    /// It is too long.
    #[error("AWS takes at most {longest} characters", longest = LONGEST)]
    TooLong,
    /// It has characters that AWS does not take.
    #[error("AWS takes only characters from U+0020 to U+00FF, tabs and line ends")]
    Characters,
    /// A kind of character is missing.
    #[error("the account's password policy asks for {0}")]
    Missing(&'static str),
    /// Too few kinds of characters are in it.
    #[error("AWS asks for three of these: a capital letter, a small letter, a digit, a symbol")]
    TooPlain,
}

/// Holds a password against the policy that is in force; `None` is an account that has set none.
///
/// # Errors
/// The first rule that it does not meet.
pub fn check_given(policy: Option<&PasswordPolicy>, password: &Secret) -> Result<(), GivenRefused> {
    let text = password.expose();
    let taken = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}') && c != '\u{7f}';
    if !text.chars().all(taken) {
        return Err(GivenRefused::Characters);
    }
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    if length > LONGEST {
        return Err(GivenRefused::TooLong);
    }
    let minimum_length = policy.map_or(DEFAULT_LENGTH, |policy| policy.minimum_length);
    if length < minimum_length {
        return Err(GivenRefused::TooShort { minimum_length });
    }
    let has = |kind: fn(char) -> bool| text.chars().any(kind);
    let kinds = [
        (has(|c| c.is_ascii_uppercase()), "a capital letter (A-Z)"),
        (has(|c| c.is_ascii_lowercase()), "a small letter (a-z)"),
        (has(|c| c.is_ascii_digit()), "a digit"),
        (has(|c| SYMBOLS.contains(c)), "a symbol, one of ! @ # $ % ^ & * ( ) _ + - = [ ] { } | '"),
    ];
    let Some(policy) = policy else {
        let present = kinds.iter().filter(|(has, _)| *has).count();
        return if present < 3 { Err(GivenRefused::TooPlain) } else { Ok(()) };
    };
    let asked =
        [policy.require_uppercase, policy.require_lowercase, policy.require_numbers, policy.require_symbols];
    let missing = kinds.iter().zip(asked).find(|((has, _), asked)| *asked && !has);
    missing.map_or(Ok(()), |((_, what), _)| Err(GivenRefused::Missing(what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(policy: Option<&PasswordPolicy>, text: &str) -> Result<(), GivenRefused> {
        check_given(policy, &Secret::new(text.to_owned()))
    }

    #[test]
    fn each_rule_of_the_policy_is_held_and_named() {
        let none = PasswordPolicy {
            minimum_length: 6,
            require_symbols: false,
            require_numbers: false,
            require_uppercase: false,
            require_lowercase: false,
            users_may_change: true,
        };
        let with = |change: fn(&mut PasswordPolicy)| {
            let mut policy = none.clone();
            change(&mut policy);
            policy
        };
        assert_eq!(checked(Some(&none), "aaaaaa"), Ok(()));
        assert_eq!(checked(Some(&none), "aaaaa"), Err(GivenRefused::TooShort { minimum_length: 6 }));
        for (policy, refused, taken) in [
            (with(|one| one.require_symbols = true), "aaaa1A~", "aaaa1A|"),
            (with(|one| one.require_numbers = true), "aaaaaA|", "aaaaaA|1"),
            (with(|one| one.require_uppercase = true), "aaaa\u{c4}1|", "aaaaA1|"),
            (with(|one| one.require_lowercase = true), "AAAA\u{e4}1|", "AAAAa1|"),
        ] {
            assert!(matches!(checked(Some(&policy), refused), Err(GivenRefused::Missing(_))), "{policy:?}");
            assert_eq!(checked(Some(&policy), taken), Ok(()), "{policy:?}");
        }
    }

    #[test]
    fn without_a_policy_awss_own_holds_and_its_limits_always() {
        assert_eq!(checked(None, "abcdef1A"), Ok(()));
        assert_eq!(checked(None, "abcdefg1"), Err(GivenRefused::TooPlain));
        assert_eq!(checked(None, "abcde1A"), Err(GivenRefused::TooShort { minimum_length: 8 }));
        assert_eq!(checked(None, &"aB3".repeat(42)), Ok(()));
        assert_eq!(checked(None, &"aB3".repeat(43)), Err(GivenRefused::TooLong));
        for c in ["\u{0}", "\u{7f}", "\u{100}", "\u{1f511}"] {
            assert_eq!(checked(None, &format!("abcdef1A{c}")), Err(GivenRefused::Characters), "{c:?}");
        }
    }

    #[test]
    fn what_is_said_holds_no_part_of_the_password() {
        let policy = PasswordPolicy {
            minimum_length: 30,
            require_symbols: true,
            require_numbers: true,
            require_uppercase: true,
            require_lowercase: true,
            users_may_change: true,
        };
        for policy in [None, Some(&policy)] {
            let refused = checked(policy, "canary").unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("canary"));
        }
    }
}
