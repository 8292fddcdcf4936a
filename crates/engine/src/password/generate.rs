//! Making a password.

use keyreeve_connector::PasswordPolicy;
use keyreeve_model::Secret;
use zeroize::Zeroizing;

/// Letters and digits without look-alikes (no `I l 1 O 0 o`), and the symbols that AWS's `RequireSymbols` accepts (IAM
/// API Reference, `UpdateAccountPasswordPolicy`) but for quote marks and brackets that are easily lost in copying.
const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const LOWER: &[u8] = b"abcdefghijkmnpqrstuvwxyz";
const DIGITS: &[u8] = b"23456789";
const SYMBOLS: &[u8] = b"!@#$%^&*()_+-=[]{}|";

/// The least length. With 75 characters of which every class occurs, 24 of them are more than 148 bits: 24 × log2(75) is
/// 149.4, and the passwords that lack a class, which are drawn again, are fewer than one in five.
const LEAST: usize = 24;
/// IAM accepts no longer ones.
const MOST: usize = 128;
/// A drawing that fails so often is no bad luck but a broken source.
const MOST_DRAWINGS: usize = 1_000;

/// A password could not be made. Nothing weaker is made instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The operating system gave no random numbers.
    #[error("no password was made: the operating system gives no random numbers; nothing was changed")]
    NoRandomness,
    /// The policy asks for more than there can be.
    #[error(
        "no password was made: the account's password policy asks for {0} characters, and AWS accepts {MOST} at most"
    )]
    TooLong(u32),
}

/// Makes a password by the operating system's random numbers.
///
/// # Errors
/// See [`PasswordError`].
pub fn generate_from_os(policy: Option<&PasswordPolicy>, account: &str) -> Result<Secret, PasswordError> {
    generate(policy, account, &mut |bytes| getrandom::fill(bytes).map_err(|_| PasswordError::NoRandomness))
}

/// Makes a password: uniformly one of those that have the length, at least one of each class, and neither are nor
/// contain the account's name. That satisfies every account policy, and AWS's default where there is none or it cannot
/// be read.
///
/// # Errors
/// See [`PasswordError`].
pub fn generate(
    policy: Option<&PasswordPolicy>,
    account: &str,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), PasswordError>,
) -> Result<Secret, PasswordError> {
    let minimum = policy.map_or(0, |policy| policy.minimum_length);
    let length = usize::try_from(minimum).unwrap_or(usize::MAX).max(LEAST);
    if length > MOST {
        return Err(PasswordError::TooLong(minimum));
    }
    let alphabet: Vec<u8> = [UPPER, LOWER, DIGITS, SYMBOLS].concat();
    for _ in 0..MOST_DRAWINGS {
        let drawn = draw(length, &alphabet, random)?;
        if fits(&drawn, account) {
            return Ok(Secret::new(drawn.to_string()));
        }
    }
    Err(PasswordError::NoRandomness)
}

/// Characters drawn by rejection: a byte beyond the last whole multiple of the alphabet's size is drawn again, so that
/// none is more likely than another.
fn draw(
    length: usize,
    alphabet: &[u8],
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), PasswordError>,
) -> Result<Zeroizing<String>, PasswordError> {
    let size = alphabet.len();
    let beyond = 256 - 256 % size;
    let mut drawn = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0_u8; 64]);
    let mut barren = 0;
    while drawn.len() < length {
        random(bytes.as_mut_slice())?;
        let before = drawn.len();
        for byte in bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < beyond) {
            if let Some(letter) = alphabet.get(byte % size).filter(|_| drawn.len() < length) {
                drawn.push(char::from(*letter));
            }
        }
        barren = if drawn.len() == before { barren + 1 } else { 0 };
        if barren > MOST_DRAWINGS {
            return Err(PasswordError::NoRandomness);
        }
    }
    Ok(drawn)
}

fn fits(drawn: &str, account: &str) -> bool {
    let has = |class: &[u8]| drawn.bytes().any(|letter| class.contains(&letter));
    let name = account.to_ascii_lowercase();
    let named = name.len() >= 3 && drawn.to_ascii_lowercase().contains(&name);
    [UPPER, LOWER, DIGITS, SYMBOLS].into_iter().all(has) && !named
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn policy(minimum_length: u32) -> PasswordPolicy {
        PasswordPolicy {
            minimum_length,
            require_symbols: true,
            require_numbers: true,
            require_uppercase: true,
            require_lowercase: true,
            users_may_change: true,
        }
    }

    #[test]
    fn s06_no_letter_is_likelier_at_any_place_and_none_comes_twice() {
        const SAMPLES: usize = 20_000;
        let alphabet: Vec<u8> = [UPPER, LOWER, DIGITS, SYMBOLS].concat();
        let mut counts = vec![vec![0_u32; 256]; LEAST];
        let mut seen = HashSet::new();
        for _ in 0..SAMPLES {
            let password = generate_from_os(None, "ada").unwrap();
            assert_eq!(password.expose().len(), LEAST);
            for (place, letter) in password.expose().bytes().enumerate() {
                counts[place][usize::from(letter)] += 1;
            }
            assert!(seen.insert(password.expose().to_owned()), "a password came twice");
        }
        // Within a class all letters are alike at every place. 99.9999 % of uniform samples stay below.
        for class in [UPPER, LOWER, DIGITS, SYMBOLS] {
            for place in &counts {
                let drawn: Vec<f64> =
                    class.iter().map(|letter| f64::from(place[usize::from(*letter)])).collect();
                let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
                let square: f64 = drawn.iter().map(|count| (count - mean).powi(2) / mean).sum();
                let freedom = drawn.len() as f64 - 1.0;
                assert!(square < freedom + 7.0 * (2.0 * freedom).sqrt(), "chi square {square} of {freedom}");
            }
        }
        let bits = LEAST as f64 * (alphabet.len() as f64).log2();
        assert!(bits > 148.0, "{bits}");
    }

    #[test]
    fn s06_without_random_numbers_there_is_no_password() {
        let failing = &mut |_: &mut [u8]| Err(PasswordError::NoRandomness);
        assert_eq!(generate(None, "ada", failing).unwrap_err(), PasswordError::NoRandomness);
        let stuck = &mut |bytes: &mut [u8]| {
            bytes.fill(0xff);
            Ok(())
        };
        assert_eq!(generate(None, "ada", stuck).unwrap_err(), PasswordError::NoRandomness);
        let constant = &mut |bytes: &mut [u8]| {
            bytes.fill(7);
            Ok(())
        };
        assert_eq!(generate(None, "ada", constant).unwrap_err(), PasswordError::NoRandomness);
    }

    proptest! {
        #[test]
        fn s07_every_policy_is_satisfied_at_the_first_try(minimum in 1_u32..=128, name in "[a-z]{3,10}") {
            let password = generate_from_os(Some(&policy(minimum)), &name).unwrap();
            let text = password.expose();
            prop_assert!(text.len() >= minimum as usize && (LEAST..=MOST).contains(&text.len()));
            prop_assert!(text.bytes().any(|b| b.is_ascii_uppercase()) && text.bytes().any(|b| b.is_ascii_lowercase()));
            prop_assert!(text.bytes().any(|b| b.is_ascii_digit()));
            let symbols = b"!@#$%^&*()_+-=[]{}|'";
            prop_assert!(text.bytes().any(|b| symbols.contains(&b)));
            prop_assert!(!text.to_ascii_lowercase().contains(&name));
        }
    }

    #[test]
    fn a_policy_beyond_what_aws_accepts_is_refused() {
        assert_eq!(generate_from_os(Some(&policy(129)), "ada").unwrap_err(), PasswordError::TooLong(129));
    }
}
