//! The secret of a system is found nowhere in clear.

use std::io::Write;

use keyreeve_sandbox::{Effect, FaultRule};

use crate::harness::{ACCOUNT, Place, Ran, SYSTEM, piped, until};

/// The forms in which a secret could be left lying about.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex = |upper: bool| -> Vec<u8> {
        let digits =
            secret.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
        digits.collect::<String>().into_bytes()
    };
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let url = secret.replace('/', "%2F").replace('+', "%2B");
    let json = secret.replace('/', "\\/");
    let reversed: String = secret.chars().rev().collect();
    let debug: Vec<u8> = format!("{:?}", secret.as_bytes()).trim_matches(['[', ']']).to_owned().into_bytes();
    let mut forms =
        vec![secret.into(), hex(false), hex(true), utf16, url.into(), json.into(), reversed.into(), debug];
    forms.extend((0..3).map(|shift| base64_inside(secret.as_bytes(), shift)));
    forms
}

/// The base64 text that stands for the bytes wherever they begin within a group of three.
fn base64_inside(bytes: &[u8], shift: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = &bytes[shift..];
    whole
        .chunks_exact(3)
        .flat_map(|three| {
            let group = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            [18, 12, 6, 0].map(|bits| LETTERS[(group >> bits) as usize & 63])
        })
        .collect()
}

#[track_caller]
pub(crate) fn assert_absent(secret: &str, place: &str, bytes: &[u8]) {
    for form in forms(secret) {
        let found = bytes.windows(form.len()).any(|window| window == form);
        assert!(!found, "a secret lies in {place} as {:?}", String::from_utf8_lossy(&form));
    }
}

#[track_caller]
pub(crate) fn assert_clean(place: &Place, secrets: &[&str], ran: &[&Ran]) {
    let mut files = 0;
    for entry in
        std::fs::read_dir(place.data()).unwrap().chain(std::fs::read_dir(place.folder.path()).unwrap())
    {
        let path = entry.unwrap().path();
        if path.is_file() {
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            secrets.iter().for_each(|secret| assert_absent(secret, &path.display().to_string(), &bytes));
        }
    }
    assert!(files >= 2, "there was nothing to look at");
    for ran in ran {
        for secret in secrets {
            assert_absent(secret, "standard output", ran.stdout.as_bytes());
            assert_absent(secret, "standard error", ran.stderr.as_bytes());
        }
        for mark in ["Signature=", "AWS4-HMAC-SHA256", "x-amz-security-token"] {
            assert!(!ran.stderr.contains(mark), "{mark} is logged: {}", ran.stderr);
        }
    }
}

/// Everything that can be logged, from everything that can log.
pub(crate) const ALL: &str = "trace,aws_smithy_runtime=trace,aws_runtime=trace,aws_config=trace,hyper=trace,hyper_util=trace,\
                   aws_smithy_http_client=trace,aws_sigv4=trace,aws_sdk_iam=trace,aws_sdk_sts=trace,sqlx=trace";

fn logged(place: &Place, arguments: &[&str], input: &str, format: &str) -> Ran {
    let mut command = place.command(arguments);
    command.env("KEYREEVE_LOG", ALL).env("KEYREEVE_LOG_FORMAT", format);
    let mut child = piped(command);
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn no_file_no_output_and_no_log_at_trace_holds_it() {
    let place = Place::with_users(5);
    place.run(&["init"]).code(0);
    let key = place.key(ACCOUNT);
    let wrong = "Wr0ng/Canary+Secret/Of/Nobody+At/All+123";
    let add = [
        "system",
        "add",
        "--name",
        "x",
        "--system-id",
        SYSTEM,
        "--access-key-id",
        &key.access_key_id,
        "--secret-access-key-stdin",
    ];
    let refused = logged(&place, &add, wrong, "text").code(2);
    let added = logged(&place, &add, &key.secret_access_key, "text").code(0);
    let set = ["system", "set", SYSTEM, "--access-key-id", &key.access_key_id, "--secret-access-key-stdin"];
    let not_replaced = logged(&place, &set, wrong, "json").code(2);
    let replaced = logged(&place, &set, &key.secret_access_key, "json").code(0);
    place.sandbox.add_fault(FaultRule::new("ListGroups", Effect::Reset).times(1));
    let run = logged(&place, &["import", "run", SYSTEM], "", "text").code(0);
    assert!(run.stderr.contains("import published"), "nothing was logged: {}", run.stderr);
    place.sandbox.rotate_connector(ACCOUNT).unwrap();
    let failed = logged(&place, &["import", "run", SYSTEM], "", "json").code(1);
    let checked = logged(&place, &["system", "check", SYSTEM], "", "text").code(1);
    let shown = logged(&place, &["system", "show", SYSTEM, "--output", "json"], "", "text").code(0);
    let backup = logged(&place, &["store", "backup", "copy.db"], "", "text").code(0);
    let all = [&refused, &added, &not_replaced, &replaced, &run, &failed, &checked, &shown, &backup];
    assert_clean(&place, &[&key.secret_access_key, wrong], &all);
    let store_key = std::fs::read_to_string(place.data().join("keyreeve.key")).unwrap();
    let store_key = store_key.trim().rsplit(' ').next().unwrap();
    for ran in all {
        assert!(!ran.stderr.contains(store_key) && !ran.stdout.contains(store_key));
    }
    let removed = logged(&place, &["system", "remove", SYSTEM, "--yes"], "", "text").code(0);
    assert_clean(&place, &[&key.secret_access_key], &[&removed]);
}

#[test]
fn the_search_for_secrets_finds_planted_ones() {
    let secret = "Planted/Canary+0123456789";
    let encoded = "data:UGxhbnRlZC9DYW5hcnkrMDEyMzQ1Njc4OQ==";
    for planted in [format!("x{secret}y"), encoded.to_owned(), "Planted%2FCanary%2B0123456789".to_owned()] {
        let found =
            forms(secret).iter().any(|form| planted.as_bytes().windows(form.len()).any(|part| part == *form));
        assert!(found, "{planted}");
    }
}

#[test]
fn other_users_cannot_see_it_in_the_list_of_processes() {
    let place = Place::with_users(0);
    place.run(&["init"]).code(0);
    let key = place.key(ACCOUNT);
    place.sandbox.add_fault(FaultRule::new("GetCallerIdentity", Effect::Hang));
    let mut child = piped(place.command(&[
        "system",
        "add",
        "--name",
        "x",
        "--system-id",
        SYSTEM,
        "--access-key-id",
        &key.access_key_id,
        "--secret-access-key-stdin",
    ]));
    child.stdin.take().unwrap().write_all(key.secret_access_key.as_bytes()).unwrap();
    // From here on the process holds the secret in its memory.
    until("the call", || place.sandbox.faults().iter().any(|fault| fault.fires > 0).then_some(()));
    for file in ["cmdline", "environ", "comm"] {
        let bytes = std::fs::read(format!("/proc/{}/{file}", child.id())).unwrap();
        assert!(!bytes.is_empty(), "{file}");
        assert_absent(&key.secret_access_key, file, &bytes);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
