use super::super::random_from_os;
use super::*;

fn made() -> OneTimeSecret {
    OneTimeSecret::new(&mut random_from_os).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn sealed(made: &OneTimeSecret) -> Vec<u8> {
    made.key.seal(&secret("the password")).unwrap()
}

#[test]
fn the_token_opens_what_was_sealed_for_its_key() {
    let made = made();
    assert_eq!(lookup_of(&made.token).unwrap(), made.key.lookup);
    let (first, second) = (sealed(&made), sealed(&made));
    assert_ne!(first, second);
    for ciphertext in [first, second] {
        assert!(!ciphertext.windows(8).any(|part| part == b"password"));
        assert_eq!(open(&made.token, &ciphertext).unwrap().expose(), "the password");
    }
}

#[test]
fn another_process_seals_from_what_the_job_kept() {
    let made = made();
    let kept = serde_json::to_string(&made.key).unwrap();
    assert!(!kept.contains(&made.token.expose()[25..]));
    let restored: LinkKey = serde_json::from_str(&kept).unwrap();
    let ciphertext = restored.seal(&secret("after a crash")).unwrap();
    assert_eq!(open(&made.token, &ciphertext).unwrap().expose(), "after a crash");
}

#[test]
fn the_key_follows_from_the_token_alone() {
    let mut fixed = |bytes: &mut [u8]| {
        bytes.fill(7);
        Ok(())
    };
    let made = OneTimeSecret::new(&mut fixed).unwrap();
    assert_eq!(made.token.expose(), "krs_07070707070707070707_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
    // Computed apart from this code: SHA-256 of the label and the halves, then the public key of X25519 in Bech32.
    // A token that was handed out must open for ever: this must not change.
    assert_eq!(made.key.public_key, "age1kn2pg78drrtt9au7zfguzeq776wx54hscfs30r0q8vhmv2x6mc6qt05vrw");
}

#[test]
fn a_wrong_or_garbled_token_opens_nothing() {
    let (right, other) = (made(), made());
    let ciphertext = sealed(&right);
    assert_eq!(open(&other.token, &ciphertext).unwrap_err(), OpenRefused);
    let text = right.token.expose();
    let half = text.rsplit_once('_').map_or("", |(_, half)| half);
    let mut garbled: Vec<String> = vec![
        String::new(),
        "krs_".to_owned(),
        format!("{text}/"),
        format!("{text}="),
        format!("{text}A"),
        text.to_uppercase(),
        text.to_lowercase(),
        text.replace("krs_", "krs-"),
        text[..text.len() - 1].to_owned(),
        format!("krs_{}_{half}", other.key.lookup),
        format!("krs_{}_{half}", right.key.lookup.to_uppercase()),
        format!("krs__{half}"),
        format!("krs_ä_{half}"),
    ];
    // Each character of the secret half, exchanged.
    for index in 25..text.len() {
        let old = &text[index..=index];
        garbled.push(format!(
            "{}{}{}",
            &text[..index],
            if old == "A" { "B" } else { "A" },
            &text[index + 1..]
        ));
    }
    for token in garbled.into_iter().filter(|token| token != text) {
        assert_eq!(open(&secret(&token), &ciphertext).unwrap_err(), OpenRefused);
    }
    assert!(open(&secret(&format!(" {text}\r\n")), &ciphertext).is_ok());
}

#[test]
fn only_a_whole_token_is_looked_up() {
    let made = made();
    let text = made.token.expose();
    let shouted = text.replace(&made.key.lookup, "AB112233445566778899");
    for token in [&text[..24], &text[4..], &text[..60], &shouted, "krs_ab/../45566778899aa_", "krs_"] {
        assert_eq!(lookup_of(&secret(token)).unwrap_err(), OpenRefused, "{token}");
    }
}

#[test]
fn an_altered_ciphertext_opens_nothing() {
    let made = made();
    let ciphertext = sealed(&made);
    for (index, bit) in (0..ciphertext.len()).zip((0..8).cycle()) {
        let mut altered = ciphertext.clone();
        altered[index] ^= 1 << bit;
        assert_eq!(open(&made.token, &altered).unwrap_err(), OpenRefused, "byte {index}, bit {bit}");
    }
    for length in (0..ciphertext.len()).step_by(7) {
        assert_eq!(open(&made.token, &ciphertext[..length]).unwrap_err(), OpenRefused, "cut to {length}");
    }
    assert!(open(&made.token, &[&ciphertext[..], b"x"].concat()).is_err());
    assert!(open(&made.token, b"").is_err());
}

#[test]
fn a_password_moved_to_another_secret_opens_nothing() {
    let (right, other) = (made(), made());
    // Another job's row: the same key under another public half.
    let moved = LinkKey { lookup: other.key.lookup.clone(), public_key: right.key.public_key.clone() };
    let ciphertext = moved.seal(&secret("the password")).unwrap();
    assert_eq!(open(&right.token, &ciphertext).unwrap_err(), OpenRefused);
    assert_eq!(open(&other.token, &ciphertext).unwrap_err(), OpenRefused);
    // Something sealed for the right key that is no password of ours.
    let key: age::x25519::Recipient = right.key.public_key.parse().unwrap();
    let foreign = age::encrypt(&key, b"anything").unwrap();
    assert_eq!(open(&right.token, &foreign).unwrap_err(), OpenRefused);
}

#[test]
fn without_random_bytes_there_is_no_secret() {
    for works in 0..2 {
        let mut calls = 0;
        let mut random = |bytes: &mut [u8]| {
            calls += 1;
            bytes.fill(1);
            if calls > works { Err(PasswordError::NoRandomness("planted".to_owned())) } else { Ok(()) }
        };
        let error = OneTimeSecret::new(&mut random).unwrap_err();
        assert_eq!(error, PasswordError::NoRandomness("planted".to_owned()));
    }
}

#[test]
fn a_damaged_key_seals_nothing() {
    let damaged = LinkKey { public_key: "age1".to_owned(), ..made().key };
    assert_eq!(damaged.seal(&secret("the password")).unwrap_err(), SealError);
}
