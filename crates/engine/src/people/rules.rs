//! Which passwords are taken: long ones that are not among the first to be tried (NIST SP 800-63B section 3.1.1.2, OWASP
//! ASVS 6.2). Nothing is said about which characters they have.

use keyreeve_model::{PersonName, Secret};
use zxcvbn::{Score, zxcvbn};

use super::first_tried::FIRST_TRIED;

/// So many characters at least.
pub const SHORTEST_PASSWORD: usize = 12;
/// So many characters at most, so that nobody has us hash a book.
const LONGEST_PASSWORD: usize = 256;
/// What is shorter stands in many passwords by chance.
const SHORTEST_TELLING_NAME: usize = 3;

/// A password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// It is too short.
    #[error("the password has fewer than {SHORTEST_PASSWORD} characters")]
    Short,
    /// It is too long.
    #[error("the password has more than {LONGEST_PASSWORD} characters")]
    Long,
    /// It is one of the first to be tried.
    #[error("the password is one that many have, so it is among the first to be tried")]
    Common,
    /// It is one short piece over and over.
    #[error("the password is one short piece over and over, which is found as easily as that piece")]
    Repeated,
    /// Words that many have, with years and the like, sequences, rows of keys and repeats are all there is of it.
    #[error(
        "the password is made of what is tried early: a word that many have, a year, a row of letters, digits or keys, or \
         repeats; a sentence is harder to find"
    )]
    Guessed,
    /// The name is in it.
    #[error("the password holds the name of who has it")]
    Name,
}

/// Refuses passwords that are easily found.
///
/// # Errors
/// [`PasswordRefused`] never repeats the password.
pub fn check_password(name: &PersonName, password: &Secret) -> Result<(), PasswordRefused> {
    let password = password.expose();
    match password.chars().count() {
        ..SHORTEST_PASSWORD => return Err(PasswordRefused::Short),
        length if length > LONGEST_PASSWORD => return Err(PasswordRefused::Long),
        _ => {}
    }
    let small = password.to_lowercase();
    let plain: String = small.chars().filter(|c| c.is_alphanumeric()).collect();
    let consists_of = |text: &str, unit: &str| text.replace(unit, "").is_empty();
    // Of emoji alone nothing is left, and a letter among them is no word.
    let is_word = plain.chars().count() + 2 >= SHORTEST_PASSWORD;
    let common = |one: &&str| small == **one || (is_word && consists_of(&plain, one));
    if FIRST_TRIED.iter().any(common) {
        return Err(PasswordRefused::Common);
    }
    // What stands between the pieces does not make them others.
    if is_repeated(&small) || is_word && is_repeated(&plain) {
        return Err(PasswordRefused::Repeated);
    }
    // Of ada@example.org the first part is as easily guessed as the whole.
    let own = name.as_str().split('@').next().unwrap_or_default();
    if own.len() >= SHORTEST_TELLING_NAME && small.contains(own) {
        return Err(PasswordRefused::Name);
    }
    if zxcvbn(password, &[name.as_str(), own]).score() < Score::Two {
        return Err(PasswordRefused::Guessed);
    }
    Ok(())
}

/// Whether a text is a piece shorter than any password over and over, the last time perhaps in part.
fn is_repeated(text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let repeats = |length: usize| text.iter().zip(text.iter().skip(length)).all(|(one, other)| one == other);
    (1..SHORTEST_PASSWORD.min(text.len() / 2 + 1)).any(repeats)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, password: &str) -> Result<(), PasswordRefused> {
        check_password(&name.parse().unwrap(), &Secret::new(password.to_owned()))
    }

    #[test]
    fn long_passwords_of_any_characters_are_taken() {
        for good in ["aaaa bbbb cc", "zwölf zwölfe", &"a long sentence, ".repeat(15), "correct horse battery"]
        {
            assert_eq!(check("ada", good), Ok(()), "{good}");
        }
        assert_eq!(check("al", "a normal sentence"), Ok(()));
    }

    #[test]
    fn short_common_and_telling_passwords_are_refused() {
        use PasswordRefused::{Common, Guessed, Long, Name, Repeated, Short};
        for (password, why) in [
            ("", Short),
            ("elevenchars", Short),
            (&"x".repeat(257)[..], Long),
            ("Password1234", Common),
            ("password-1234", Common),
            ("password1234!", Common),
            ("qwertyuiop123", Common),
            ("aaaaaaaaaaaaaaa", Repeated),
            ("beabeabeabea", Repeated),
            ("Bea bea BEA bea bea", Repeated),
            ("xk4!xk4!xk4!x", Repeated),
            ("long long long long long", Repeated),
            ("🦉🦊🦉🦊🦉🦊🦉🦊🦉🦊🦉🦊", Repeated),
            ("elevenchar elevenchar ", Repeated),
            ("passwordpassword", Common),
            ("123456123456", Common),
            ("keyreeve-keyreeve", Common),
            ("my name is Ada!", Name),
            ("aaaaaaaaaaab", Guessed),
            ("🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉x", Guessed),
            ("987654321098", Guessed),
            ("zyxwvutsrqpo", Guessed),
            ("football2026", Guessed),
            ("Monkeymonkey1", Guessed),
        ] {
            assert_eq!(check("ada@example.org", password), Err(why), "{password}");
        }
    }
}
