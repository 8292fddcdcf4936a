//! Telling people through a webhook that the configuration names.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::harness::{Place, Ran, SYSTEM};
use crate::serve::{serve, terminate};

fn configured(place: &Place, text: &str) -> std::path::PathBuf {
    let path = place.folder.path().join("told.toml");
    std::fs::write(&path, format!("[notifications]\n{text}")).unwrap();
    path
}

#[test]
fn a_quarantine_is_told_through_the_webhook() {
    let place = Place::imported(1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let secret = place.folder.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
    let file = configured(
        &place,
        &format!(
            "webhook_url = \"http://{at}/told\"\nwebhook_secret_file = \"{}\"\nwebhook_networks = [\"127.0.0.1/32\"]\n",
            secret.display()
        ),
    );
    // Nobody is told of what was before anybody was to be told.
    let (child, _) = serve(&place, &[("KEYREEVE_CONFIG", &file)]);
    // Credentials of another account behind the store's back: the next import quarantines the system.
    place.sql("UPDATE systems SET aws_account_id = '999999999999'");
    place.run(&["import", "run", SYSTEM]).code(1);
    let (mut stream, _) = listener.accept().unwrap();
    let mut sent = vec![0; 8192];
    let length = stream.read(&mut sent).unwrap();
    let mut text = String::from_utf8_lossy(&sent[..length]).into_owned();
    if !text.contains("quarantined") {
        let length = stream.read(&mut sent).unwrap();
        text.push_str(&String::from_utf8_lossy(&sent[..length]));
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    assert!(
        text.starts_with("POST /told HTTP/1.1") && text.contains("\"kind\":\"system_quarantined\""),
        "{text}"
    );
    assert!(text.contains("keyreeve-signature: t=") && !text.contains("0123456789abcdef"), "{text}");
    terminate(child);
}

#[test]
fn what_is_configured_wrongly_is_refused_with_what_to_do() {
    let place = Place::registered(0);
    let short = place.folder.path().join("short");
    std::fs::write(&short, "short").unwrap();
    let short = short.display();
    let long = place.folder.path().join("long");
    std::fs::write(&long, "0123456789abcdef0123456789abcdef").unwrap();
    let long = long.display();
    for (text, why) in [
        ("webhook_url = \"https://example.org\"".to_owned(), "webhook_secret_file is not"),
        (format!("webhook_url = \"http://example.org\"\nwebhook_secret_file = \"{short}\""), "https://"),
        (format!("webhook_url = \"https://example.org\"\nwebhook_secret_file = \"{short}\""), "shorter than"),
        ("mail_server = \"smtp.example.org:465\"".to_owned(), "mail_from is not"),
        (
            "mail_server = \"smtp.example.org:25\"\nmail_encryption = \"none\"\nmail_from = \"a@example.org\"\n\
             mail_to = [\"b@example.org\"]"
                .to_owned(),
            "mail_encryption is none",
        ),
        (
            "mail_server = \"smtp.example.org:465\"\nmail_from = \"a@example.org\"\nmail_user = \"a\"".to_owned(),
            "only one is set",
        ),
        (
            format!("webhook_url = \"https://10.1.2.3/\"\nwebhook_secret_file = \"{long}\""),
            "no network in webhook_networks",
        ),
        (
            format!("webhook_url = \"https://localhost/\"\nwebhook_secret_file = \"{long}\""),
            "no network in webhook_networks",
        ),
        ("webhook_networks = [\"10.0.0.0\"]".to_owned(), "a network is an address"),
        ("webhook_secret = \"canary\"".to_owned(), "webhook_secret"),
    ] {
        let file = configured(&place, &text);
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        let refused = Ran::of(command.env("KEYREEVE_CONFIG", &file).output().unwrap()).code(2);
        assert!(
            refused.stderr.contains(why) && !refused.stderr.contains("canary"),
            "{why}: {}",
            refused.stderr
        );
        assert!(!refused.stdout.contains("Answering"), "{why}: {}", refused.stdout);
        // Who looks before learns the same.
        let mut command = place.command(&["doctor", "--output", "json"]);
        let looked = Ran::of(command.env("KEYREEVE_CONFIG", file).output().unwrap());
        let said = format!("{}{}", looked.stdout, looked.stderr);
        assert!(looked.code != 0 && said.contains(why), "{why}: {said}");
    }
}
