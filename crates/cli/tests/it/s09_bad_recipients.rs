//! S09: a password that could not be delivered is never set: a recipient's key that is none, damaged or weak is refused
//! before anything is asked of AWS that changes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyreeve_sandbox::Mutation;

use crate::harness::{Place, SYSTEM, user};

/// The key of an RSA pair of so many bits, as a line of OpenSSH.
fn rsa(bits: usize) -> String {
    let mut modulus = vec![0xc5; bits / 8];
    modulus.insert(0, 0);
    let mut blob = Vec::new();
    for field in [b"ssh-rsa".as_slice(), &[1, 0, 1], &modulus] {
        blob.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
        blob.extend(field);
    }
    format!("ssh-rsa {}", STANDARD.encode(blob))
}

#[test]
fn s09_a_key_nobody_could_open_it_with_is_refused_before_any_change() {
    let place = Place::registered(0);
    place.mutate(&[user("ada"), Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false }]);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.clear_trace();
    let weak = rsa(1024);
    for bad in [
        "",
        "ada@example.org",
        "age1",
        // The last letter of the checksum is another.
        "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q",
        "ssh-ed25519 AAAA",
        "ssh-dss AAAAB3NzaC1kc3MAAACBAP",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY=",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----",
        weak.as_str(),
    ] {
        let deliver = format!("recipient:{bad}");
        for asked in [
            &["account", "reset-password", SYSTEM, "ada"][..],
            &["account", "create", SYSTEM, "--name", "eve"],
        ] {
            let ran = place.run(&[asked, &["--deliver", &deliver, "--yes"]].concat());
            assert_eq!(ran.code, 2, "{bad:?} {asked:?}: {}{}", ran.stdout, ran.stderr);
            let said = ran.stderr.to_lowercase();
            assert!(
                said.contains("nothing was changed") && said.contains("recipient:age1…"),
                "{bad:?}: {said}"
            );
        }
    }
    let trace = place.sandbox.trace();
    assert!(trace.iter().all(|entry| entry.action != "UpdateLoginProfile"));
    assert!(trace.iter().all(|entry| entry.applied.is_none()), "something was changed");
    assert!(place.json(&["job", "list", SYSTEM]).as_array().unwrap().is_empty(), "a job was queued");
}
