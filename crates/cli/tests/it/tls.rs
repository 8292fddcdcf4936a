//! `serve` with a certificate of one's own.

use std::path::{Path, PathBuf};

use rcgen::{KeyPair, generate_simple_self_signed};

use crate::harness::Place;
use crate::serve::{serve, terminate};

struct Files {
    certificate: PathBuf,
    key: PathBuf,
    other_key: PathBuf,
}

fn write(path: PathBuf, text: &str) -> PathBuf {
    std::fs::write(&path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    path
}

fn files(folder: &Path) -> Files {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    Files {
        certificate: write(folder.join("server.crt"), &made.cert.pem()),
        key: write(folder.join("server.key"), &made.signing_key.serialize_pem()),
        other_key: write(folder.join("other.key"), &KeyPair::generate().unwrap().serialize_pem()),
    }
}

/// What `doctor` says about TLS.
fn checked(place: &Place, certificate: &Path, key: &Path) -> serde_json::Value {
    let mut command = place.command(&["doctor", "--output", "json"]);
    command.env("KEYREEVE_TLS_CERTIFICATE", certificate).env("KEYREEVE_TLS_KEY", key);
    let checks = crate::harness::Ran::of(command.output().unwrap()).json();
    let of_tls = checks.as_array().unwrap().iter().find(|check| check["name"] == "tls");
    of_tls.unwrap_or_else(|| panic!("{checks}")).clone()
}

#[test]
fn it_speaks_tls_when_it_has_a_certificate_and_nothing_else_then() {
    let place = Place::registered(0);
    let files = files(place.folder.path());
    let settings = [("KEYREEVE_TLS_CERTIFICATE", &files.certificate), ("KEYREEVE_TLS_KEY", &files.key)];
    let (child, address) = serve(&place, &settings);
    let plain = crate::serve::get(&address, "/healthz");
    assert!(!plain.contains("200"), "{plain}");
    let port = address.rsplit(':').next().unwrap();
    let ask = "import ssl, sys, urllib.request as r\n\
               context = ssl.create_default_context(cafile=sys.argv[1])\n\
               version = ssl.TLSVersion[sys.argv[3]]\n\
               context.minimum_version, context.maximum_version = version, version\n\
               context.set_ciphers('ALL:@SECLEVEL=0')\n\
               print(r.urlopen(sys.argv[2], context=context, timeout=20).read().decode(), end='')";
    let told = |version: &str| {
        let mut python = std::process::Command::new("python3");
        python.args(["-c", ask]).arg(&files.certificate).arg(format!("https://localhost:{port}/healthz"));
        let told = python.arg(version).output().unwrap();
        (String::from_utf8(told.stdout).unwrap(), String::from_utf8(told.stderr).unwrap())
    };
    for version in ["TLSv1_2", "TLSv1_3"] {
        let (page, why) = told(version);
        assert_eq!(page, "ok\n", "{version}: {why}");
    }
    for version in ["TLSv1", "TLSv1_1"] {
        assert_eq!(told(version).0, "", "{version}");
    }
    terminate(child);
    assert_eq!(checked(&place, &files.certificate, &files.key)["state"], "ok");
}

#[test]
fn certificates_and_keys_of_no_use_are_refused_with_what_to_do() {
    let place = Place::registered(0);
    let found = files(place.folder.path());
    let nowhere = place.folder.path().join("nowhere.pem");
    let garbled = write(place.folder.path().join("garbled"), "-----BEGIN PRIVATE KEY-----\nx\n");
    let empty = write(place.folder.path().join("empty"), "\n");
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n\
               -----END RSA PRIVATE KEY-----\n";
    let old = write(place.folder.path().join("old"), old);
    let pipe = place.folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success());
    let cases = [
        (&nowhere, &found.key, "nowhere.pem cannot be read", "let the user that runs keyreeve read"),
        (&found.certificate, &nowhere, "nowhere.pem cannot be read", "let the user that runs keyreeve read"),
        (
            &found.certificate,
            &found.other_key,
            "is not that of the first certificate",
            "the certificate was made for",
        ),
        (&found.key, &found.key, "holds no certificate", "the server's certificate first"),
        (&found.certificate, &found.certificate, "holds no private key", "without a passphrase"),
        (&found.certificate, &empty, "holds no private key", "without a passphrase"),
        (&found.certificate, &old, "behind a passphrase", "without a passphrase"),
        (&found.certificate, &pipe, "no regular file", "mend the path"),
        (&pipe, &found.key, "no regular file", "mend the path"),
        (&found.certificate, &garbled, "damaged", "PEM"),
    ];
    for (certificate, key, why, advice) in cases {
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("KEYREEVE_TLS_CERTIFICATE", certificate).env("KEYREEVE_TLS_KEY", key);
        let refused = crate::harness::Ran::of(command.output().unwrap()).code(2);
        assert!(refused.stderr.contains(why) && refused.stderr.contains(advice), "{why}: {}", refused.stderr);
        assert!(!refused.stderr.contains("PRIVATE KEY"), "{}", refused.stderr);
        assert_eq!(checked(&place, certificate, key)["state"], "error", "{why}");
    }
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("KEYREEVE_TLS_CERTIFICATE", &found.certificate);
    let refused = crate::harness::Ran::of(command.output().unwrap()).code(2);
    assert!(refused.stderr.contains("`tls_key` is not"), "{}", refused.stderr);
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_use_is_told_by_doctor_and_refused_by_serve() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::registered(0);
    let files = files(place.folder.path());
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let check = checked(&place, &files.certificate, &files.key);
    assert_eq!(check["state"], "error");
    assert!(check["advice"].as_str().unwrap().contains("chmod 600"), "{check}");
    for mode in [0o644, 0o660, 0o606] {
        std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("KEYREEVE_TLS_CERTIFICATE", &files.certificate).env("KEYREEVE_TLS_KEY", &files.key);
        let refused = crate::harness::Ran::of(command.output().unwrap()).code(2);
        assert!(refused.stderr.contains("chmod 600") && refused.stdout.is_empty(), "{}", refused.stderr);
    }
}

#[test]
fn it_listens_beyond_this_machine_only_when_told_so() {
    let place = Place::registered(0);
    let refused = place.run(&["serve", "--listen", "0.0.0.0:0"]).code(2);
    assert!(refused.stderr.contains("not encrypted"), "{}", refused.stderr);
    assert!(refused.stderr.contains("tls_certificate") && refused.stderr.contains("--allow-plain-http"));
    for (settings, code, says) in [
        (&[("KEYREEVE_LISTEN", "0.0.0.0:8420")][..], 1, "not encrypted"),
        (
            &[("KEYREEVE_LISTEN", "0.0.0.0:8420"), ("KEYREEVE_ALLOW_PLAIN_HTTP", "true")],
            0,
            "takes its settings",
        ),
        (
            &[
                ("KEYREEVE_LISTEN", "0.0.0.0:8420"),
                ("KEYREEVE_ALLOW_PLAIN_HTTP", "true"),
                ("KEYREEVE_METRICS_WITHOUT_TOKEN", "true"),
            ],
            1,
            "metrics_without_token is set",
        ),
    ] {
        let mut command = place.command(&["doctor", "--output", "json"]);
        let checks = crate::harness::Ran::of(command.envs(settings.iter().copied()).output().unwrap());
        let checks = checks.code(code).json();
        let of_serve = checks.as_array().unwrap().iter().find(|check| check["name"] == "serve").unwrap();
        assert!(of_serve["message"].as_str().unwrap().contains(says), "{of_serve}");
    }
}

/// Whether `/healthz` is answered by who has this certificate.
fn answers(port: &str, certificate: &Path) -> bool {
    let ask = "import ssl, sys, urllib.request as r\n\
               context = ssl.create_default_context(cafile=sys.argv[1])\n\
               print(r.urlopen(sys.argv[2], context=context, timeout=20).read().decode(), end='')";
    let mut python = std::process::Command::new("python3");
    python.args(["-c", ask]).arg(certificate).arg(format!("https://localhost:{port}/healthz"));
    python.output().unwrap().stdout == b"ok\n"
}

#[cfg(unix)]
#[test]
fn a_new_certificate_is_taken_up_while_it_runs_and_a_broken_one_is_not() {
    let place = Place::registered(0);
    let in_use = files(place.folder.path());
    let settings = [("KEYREEVE_TLS_CERTIFICATE", &in_use.certificate), ("KEYREEVE_TLS_KEY", &in_use.key)];
    let kept = |name: &str| {
        let copy = place.folder.path().join(name);
        std::fs::copy(&in_use.certificate, &copy).unwrap();
        copy
    };
    let (child, address) = serve(&place, &settings);
    let port = address.rsplit(':').next().unwrap();
    let hang_up = || {
        let asked = std::process::Command::new("kill").args(["-HUP", &child.id().to_string()]).status();
        assert!(asked.unwrap().success());
    };
    let said = || std::fs::read_to_string(place.folder.path().join(crate::serve::LOG)).unwrap();
    let first = kept("first.crt");
    assert!(answers(port, &first));
    let folder = place.folder.path().join("new");
    std::fs::create_dir(&folder).unwrap();
    let new = files(&folder);
    std::fs::rename(&new.key, &in_use.key).unwrap();
    // The certificate is still to come: a pair that does not fit is no pair.
    hang_up();
    crate::harness::until("the warning", || said().contains("of no use").then_some(()));
    assert!(answers(port, &first));
    std::fs::rename(&new.certificate, &in_use.certificate).unwrap();
    let second = kept("second.crt");
    hang_up();
    crate::harness::until("the new certificate", || answers(port, &second).then_some(()));
    assert!(!answers(port, &first));
    write(in_use.key.clone(), "-----BEGIN PRIVATE KEY-----\nx\n");
    hang_up();
    hang_up();
    crate::harness::until("another warning", || (said().matches("of no use").count() >= 2).then_some(()));
    assert!(answers(port, &second));
    terminate(child);
    assert!(!said().contains("PRIVATE KEY"), "{}", said());
}
