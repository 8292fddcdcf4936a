use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

// Keys made for these tests and used nowhere else.
const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPRdKlqGL8zy3MQJnA1F+5c2Ggt3pUYvOj7PQzH+L6aN ada@example";
const ED25519_PRIVATE: &str = "\
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACD0XSpahi/M8tzECZwNRfuXNhoLd6VGLzo+z0Mx/i+mjQAAAJBwEPNDcBDz
QwAAAAtzc2gtZWQyNTUxOQAAACD0XSpahi/M8tzECZwNRfuXNhoLd6VGLzo+z0Mx/i+mjQ
AAAEBxO57qC7zZD2Ml5PTMDTPwkHRwcBEIxOe4BC3syzWP5vRdKlqGL8zy3MQJnA1F+5c2
Ggt3pUYvOj7PQzH+L6aNAAAAC2FkYUBleGFtcGxlAQI=";
const RSA_2048: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDkZI3QS4xGr/nfoHFL7A8OMdkm3LrCyEY9g9X9QZgamb1NnZUMwRBPeCmqb5\
    XslcyMI8dd+5C764DjDYLC/rGQmC67gU+BQ78Q2Km9BauxOMylp5MZOKLyszZx4ovRUtEYoPynVUciJJVoXfaBVGp7\
    CFe00xNUKaArgaarciZVsQ57WMltB38D8LVn6Qt6u4zpNRRVOXfk70FLPf+IvfQlRT7H8FvLYkAR7sbYX2Rek2577V\
    FcxypP2CEm4pgqSQnF6/jDAVzje4lHWWxXX/hOn9aU3/k9SeOImsyD11+A8X2dnxsWuFlqT4pGI8pCGuSzPU8YboZc\
    HbNKAoF9sj+P x";
const RSA_1024: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDH2KinsoNyijBZa7qlGglGaHUUj/rDf0tYLf/7wq1WTUajdgvAKL0fmdwANS\
    4BW56uzoRJB3731je+56+6Ztj07jbNWv/CnbXPBE+RM7hhlFVySO3EiGhhYzbbE3U578w3bqwjbvUqnbHcUwQt9jb5\
    FI2+H2bChJaM/nj/dZBcHQ== weak";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMcBZ1pDNOkFBmpKbf8CYAn2G0T6\
    J+OjyPW/GrAO6Y8V95axggws9ZSQZLRXL08XqbYvN94nKC3QVWCDznpimBk= ec";

fn private_key(kind: &str, body: &str) -> String {
    format!("-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----\n")
}

fn refused(text: &str) -> RecipientError {
    Recipient::parse(text).unwrap_err()
}

fn age_point(point: [u8; 32]) -> String {
    bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("age").unwrap(), &point).unwrap()
}

fn ssh_blob(fields: &[&[u8]]) -> String {
    let field = |field: &&[u8]| [&u32::try_from(field.len()).unwrap().to_be_bytes(), *field].concat();
    STANDARD.encode(fields.iter().flat_map(field).collect::<Vec<u8>>())
}

fn opened(identity: &impl age::Identity, armoured: &str) -> Vec<u8> {
    assert!(armoured.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"), "{armoured}");
    age::decrypt(identity, armoured.as_bytes()).unwrap()
}

#[test]
fn an_age_key_opens_what_was_sealed_for_it() {
    let identity = age::x25519::Identity::generate();
    let text = identity.to_public().to_string();
    for given in [text.clone(), format!("  {text}\n"), text.to_uppercase()] {
        let recipient = Recipient::parse(&given).unwrap();
        assert_eq!(recipient.to_string(), text);
        let sealed = recipient.seal(&Secret::new("pass word".to_owned())).unwrap();
        assert_eq!(opened(&identity, &sealed), b"pass word");
        assert!(age::decrypt(&age::x25519::Identity::generate(), sealed.as_bytes()).is_err());
    }
}

#[test]
fn an_ssh_ed25519_key_opens_what_was_sealed_for_it() {
    let private = private_key("OPENSSH ", ED25519_PRIVATE);
    let identity = age::ssh::Identity::from_buffer(private.as_bytes(), None).unwrap();
    let sealed = Recipient::parse(ED25519).unwrap().seal(&Secret::new("pass word".to_owned())).unwrap();
    assert_eq!(opened(&identity, &sealed), b"pass word");
}

#[test]
fn an_ssh_rsa_key_is_sealed_for_by_its_name() {
    let sealed = Recipient::parse(RSA_2048).unwrap().seal(&Secret::new("pass word".to_owned())).unwrap();
    let body: String = sealed.lines().filter(|line| !line.starts_with("-----")).collect();
    let header = String::from_utf8_lossy(&STANDARD.decode(body).unwrap()).into_owned();
    let blob = STANDARD.decode(RSA_2048.split(' ').nth(1).unwrap()).unwrap();
    let tag = STANDARD.encode(&Sha256::digest(blob)[..4]);
    assert!(header.contains(&format!("-> ssh-rsa {}\n", tag.trim_end_matches('='))), "{header}");
}

#[test]
fn weak_keys_are_refused() {
    assert_eq!(refused(RSA_1024), RecipientError::Weak("as RSA keys must have at least 2048 bits"));
    let identity_point = [&[1][..], &[0; 31]].concat();
    let ssh = ssh_blob(&[b"ssh-ed25519", &identity_point]);
    assert_eq!(refused(&format!("ssh-ed25519 {ssh}")), RecipientError::Weak(SMALL_ORDER));
    // 0, 1, and p - 1, p and p + 1 for the prime p = 2^255 - 19, all of small order.
    for (lowest, rest, highest) in
        [(0, 0, 0), (1, 0, 0), (0xec, 0xff, 0x7f), (0xed, 0xff, 0x7f), (0xee, 0xff, 0x7f)]
    {
        let mut point = [rest; 32];
        point[0] = lowest;
        point[31] = highest;
        assert_eq!(refused(&age_point(point)), RecipientError::Weak(SMALL_ORDER), "{lowest}");
    }
}

#[test]
fn rsa_keys_that_are_none_are_refused() {
    let modulus = |bytes: usize| [&[0, 0xc1][..], &vec![0x55; bytes - 1]].concat();
    let key = |exponent: &[u8], modulus: &[u8]| {
        Recipient::parse(&format!("ssh-rsa {}", ssh_blob(&[b"ssh-rsa", exponent, modulus])))
    };
    assert!(key(&[1, 0, 1], &modulus(256)).is_ok());
    assert_eq!(key(&[1, 0, 1], &modulus(1024)).unwrap_err(), RecipientError::TooLarge);
    let damaged = RecipientError::Damaged("an SSH RSA public key");
    // With the exponent 1 the "ciphertext" is the text itself.
    assert_eq!(key(&[1], &modulus(256)).unwrap_err(), damaged);
    assert_eq!(key(&[2], &modulus(256)).unwrap_err(), damaged);
    let even = [&modulus(255)[..], &[0x54]].concat();
    assert_eq!(key(&[1, 0, 1], &even).unwrap_err(), damaged);
}

#[test]
fn other_kinds_are_named() {
    let kinds = [
        (ECDSA, "an SSH ECDSA key"),
        ("sk-ssh-ed25519@openssh.com AAAA x", "an SSH key of a security key"),
        ("ssh-dss AAAA x", "an SSH DSA key"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA", "an SSH certificate"),
        ("age1yubikey1qqqqqq", "an age key of a plugin or of another kind"),
        ("age1pq1qqqqqq", "an age key of a plugin or of another kind"),
    ];
    for (text, kind) in kinds {
        assert_eq!(refused(text), RecipientError::Unsupported(kind), "{text}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let two = format!("{ED25519}\n{ED25519}");
    for text in ["", " ", "ada@example.com", "ssh-ed25519", "ssh-foo AAAA", "age", "-", &two, "age1\0"] {
        assert_eq!(refused(text), RecipientError::Unknown, "{text:?}");
    }
    let option = format!("command=\"x\" {ED25519}");
    assert_eq!(refused(&option), RecipientError::Unknown);
}

#[test]
fn damaged_keys_are_refused() {
    let good = age::x25519::Identity::generate().to_public().to_string();
    let mixed = good.replace("age1", "aGe1");
    let short = age_point([9; 32]);
    let texts = [&good[..good.len() - 1], &format!("{good}q"), &mixed, &short[..20], "age1", "age1b"];
    for text in texts {
        assert_eq!(refused(text), RecipientError::Damaged("an age public key"), "{text}");
    }
    // Bech32 finds any one character that was exchanged.
    for index in 4..good.len() {
        let other = if &good[index..=index] == "q" { "p" } else { "q" };
        let exchanged = format!("{}{other}{}", &good[..index], &good[index + 1..]);
        assert_eq!(refused(&exchanged), RecipientError::Damaged("an age public key"), "{index}");
    }
    let damaged = RecipientError::Damaged("an SSH Ed25519 public key");
    let (key, comment) = ED25519.rsplit_once(' ').unwrap();
    for text in
        [&key[..key.len() - 1], &format!("{key}AAAA {comment}"), &format!("{key}#"), "ssh-ed25519 AAAA"]
    {
        assert_eq!(refused(text), damaged, "{text}");
    }
    // The blob of one kind under the name of the other.
    let blob = key.split(' ').nth(1).unwrap();
    assert_eq!(refused(&format!("ssh-rsa {blob}")), RecipientError::Damaged("an SSH RSA public key"));
}

#[test]
fn a_private_key_is_refused_and_never_repeated() {
    let age = age::x25519::Identity::generate().to_string();
    let age = age::secrecy::ExposeSecret::expose_secret(&age).to_owned();
    let texts = [
        age.clone(),
        age.to_lowercase(),
        format!("# created: today\n{age}\n"),
        format!("age1 {age}"),
        private_key("OPENSSH ", ED25519_PRIVATE),
        private_key("RSA ", "CANARY"),
        private_key("ENCRYPTED ", "CANARY"),
        private_key("", "CANARY").replace('\n', " "),
        ED25519_PRIVATE.replace('\n', ""),
        "PuTTY-User-Key-File-3: ssh-ed25519\nCANARY".to_owned(),
        "AGE-PLUGIN-YUBIKEY-1CANARY".to_owned(),
        "krs_00112233445566778899_CANARY".to_owned(),
    ];
    for text in texts {
        let error = refused(&text);
        assert_eq!(error, RecipientError::PrivateKey);
        let shown = format!("{error} {error:?}").to_uppercase();
        for word in text.to_uppercase().split_whitespace().filter(|word| word.len() > 12) {
            assert!(!shown.contains(word), "{shown}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_fall_over_or_comes_back(text in "[ -~]{0,60}|(age1|ssh-ed25519 |ssh-rsa )[!-~]{20,80}") {
        if let Err(error) = Recipient::parse(&text) {
            let shown = format!("{error} {error:?}");
            for word in text.split_whitespace().filter(|word| word.len() > 12) {
                prop_assert!(!shown.contains(word));
            }
        }
    }
}
