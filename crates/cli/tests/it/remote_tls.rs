//! By which certificate a server is known to who asks it, and what is said when it is not.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

use crate::harness::{Place, Ran, bare};
use crate::serve::{serve, terminate};

/// A certificate that signed itself, and its key. With `authority` it is one as `openssl req -x509` makes them.
fn certificate(place: &Place, name: &str, authority: bool, expired: bool) -> (PathBuf, PathBuf) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    if expired {
        params.not_after = date_time_ymd(2020, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let write = |ending: &str, text: &str| {
        let path = place.folder.path().join(format!("{name}.{ending}"));
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path
    };
    (write("crt", &made.pem()), write("key", &key.serialize_pem()))
}

#[test]
fn a_server_is_known_by_the_certificate_that_was_named_and_who_does_not_know_it_learns_what_to_do() {
    let place = Place::registered(0);
    let other = certificate(&place, "other", true, false);
    for (name, authority, expired) in
        [("authority", true, false), ("plain", false, false), ("expired", true, true)]
    {
        let (own, key) = certificate(&place, name, authority, expired);
        let settings = [("KEYREEVE_TLS_CERTIFICATE", &own), ("KEYREEVE_TLS_KEY", &key)];
        let (child, address) = serve(&place, &settings);
        let port = address.rsplit(':').next().unwrap();
        let token = place.token(name, "viewer", &[]);
        let ask = |host: &str, ca: Option<&PathBuf>| {
            let mut command = bare(&["system", "list"], place.folder.path());
            command.env("KEYREEVE_SERVER", format!("https://{host}:{port}")).env("KEYREEVE_TOKEN", &token);
            if let Some(ca) = ca {
                command.env("KEYREEVE_CA_FILE", ca);
            }
            Ran::of(command.output().unwrap())
        };
        let refused = |host: &str, ca: Option<&PathBuf>, words: &[&str]| {
            let said = ask(host, ca).code(2).stderr;
            for word in words {
                assert!(said.contains(word), "{name} {host}: {word}: {said}");
            }
        };
        if expired {
            refused("localhost", Some(&own), &["has expired", "renew it"]);
        } else {
            let listed = ask("localhost", Some(&own)).code(0);
            assert!(listed.stdout.contains("example"), "{name}: {}", listed.stdout);
            refused("127.0.0.1", Some(&own), &["not for the name", "by a name of its certificate"]);
            refused("localhost", None, &["known here", "--ca-file"]);
            refused("localhost", Some(&other.0), &["known here", "--ca-file"]);
        }
        terminate(child);
    }
    let (child, address) = serve(&place, &[]);
    let port = address.rsplit(':').next().unwrap();
    let mut command = bare(&["system", "list"], place.folder.path());
    command
        .env("KEYREEVE_SERVER", format!("https://localhost:{port}"))
        .env("KEYREEVE_TOKEN", "keyreeve_pat_x");
    let said = Ran::of(command.output().unwrap()).code(2).stderr;
    assert!(said.contains("speaks no TLS") && said.contains("http://"), "{said}");
    terminate(child);
}

#[test]
fn who_calls_a_server_wrongly_learns_what_to_mend() {
    let place = Place::registered(0);
    let (own, key) = certificate(&place, "own", false, false);
    let settings = [("KEYREEVE_TLS_CERTIFICATE", &own), ("KEYREEVE_TLS_KEY", &key)];
    let (child, address) = serve(&place, &settings);
    let port = address.rsplit(':').next().unwrap();
    let token = place.token("own", "viewer", &[]);
    let file = |name: &str, text: &str| {
        let path = place.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let right = file("token", &format!("{token}\n"));
    let more = file("more", &format!("KEYREEVE_TOKEN={token}\nand a line\n"));
    let open = file("open", &format!("{token}\n"));
    std::fs::set_permissions(&open, Permissions::from_mode(0o640)).unwrap();
    let chmod = format!("chmod 600 {open}");
    let empty = file("empty.pem", "no certificate\n");
    let none = place.folder.path().join("none.pem").to_str().unwrap().to_owned();
    let secure = format!("https://localhost:{port}");
    let own = own.to_str().unwrap();
    let mut unsaid = Vec::new();
    for (url, held, ca, words) in [
        (format!("http://localhost:{port}"), &right, own, ["speaks no HTTP", "https://"]),
        (secure.clone(), &more, own, ["holds more than a token", &more]),
        (secure.clone(), &open, own, ["can be used by others (mode 0640)", &chmod]),
        (secure.clone(), &right, &none, ["no certificates of authorities", &none]),
        (secure.clone(), &right, &empty, ["there is no certificate in it", &empty]),
    ] {
        let arguments = ["system", "list", "--server", &url, "--token-file", held, "--ca-file", ca];
        let said = Ran::of(bare(&arguments, place.folder.path()).output().unwrap()).code(2).stderr;
        unsaid
            .extend((!words.iter().all(|word| said.contains(word))).then(|| (words.concat(), said.clone())));
        assert!(!said.contains(&token) && !said.contains("and a line"), "{said}");
    }
    assert!(unsaid.is_empty(), "{unsaid:#?}");
    let arguments = ["system", "list", "--server", &secure, "--token-file", &right, "--ca-file", own];
    Ran::of(bare(&arguments, place.folder.path()).output().unwrap()).code(0);
    terminate(child);
}
