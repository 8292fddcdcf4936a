//! S02: ciphertexts that were swapped, altered or put back behind the store's back open nothing, whatever was done to
//! them is answered alike, and the system is quarantined.

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place, SYSTEM};
use crate::secrets::assert_absent;

/// What was done to the secret of the first system.
const DONE: [(&str, &str); 6] = [
    (
        "swapped rows",
        "UPDATE secrets SET owner_row = 'x' WHERE owner_row = 'example'; \
         UPDATE secrets SET owner_row = 'example' WHERE owner_row = 'other'; \
         UPDATE secrets SET owner_row = 'other' WHERE owner_row = 'x'",
    ),
    (
        "swapped columns",
        "UPDATE secrets SET (nonce, ciphertext) = (SELECT nonce, ciphertext FROM sealed_data_keys WHERE scope = \
         'system:example') WHERE owner_row = 'example'",
    ),
    (
        "one bit",
        "UPDATE secrets SET ciphertext = CAST(CASE WHEN substr(ciphertext, 1, 1) = x'00' THEN x'01' ELSE x'00' END || \
         substr(ciphertext, 2) AS BLOB) WHERE owner_row = 'example'",
    ),
    (
        "an older version",
        "UPDATE secrets SET (nonce, ciphertext) = (VALUES (BEFORE)) WHERE owner_row = 'example'",
    ),
    (
        "another system's data key",
        "UPDATE sealed_data_keys SET (nonce, ciphertext) = (SELECT nonce, ciphertext FROM sealed_data_keys o WHERE \
         o.scope = 'system:other') WHERE scope = 'system:example'",
    ),
    ("a version that never was", "UPDATE secrets SET key_version = 7 WHERE owner_row = 'example'"),
];

#[test]
fn s02_what_was_swapped_altered_or_put_back_opens_nothing_and_quarantines_its_system() {
    let mut answers = Vec::new();
    for (what, done) in DONE {
        let place = Place::registered(1);
        place.add("other", OTHER_ACCOUNT).code(0);
        let key = place.key(ACCOUNT);
        let before = place.rows("SELECT nonce, ciphertext FROM secrets WHERE owner_row = 'example'");
        let [nonce, ciphertext] = [0, 1].map(|column| before[0][column].as_str().unwrap().to_owned());
        place.set_key(SYSTEM, ACCOUNT).code(0);
        place.sql(&done.replace("BEFORE", &format!("x'{nonce}', x'{ciphertext}'")));
        let mut run = place.run(&["import", "run", SYSTEM]);
        let shown = place.json(&["system", "show", SYSTEM]);
        assert_eq!(shown["state"], "quarantined", "{what}: {}", run.stderr);
        assert_eq!(shown["state_reason"]["kind"], "secret_unreadable", "{what}");
        let again = place.run(&["import", "run", SYSTEM]);
        assert_eq!(
            (run.code, &run.stderr, &run.stdout),
            (again.code, &again.stderr, &again.stdout),
            "{what}"
        );
        place.run(&["system", "release", SYSTEM]);
        assert_eq!(place.json(&["system", "show", SYSTEM])["state"], "quarantined", "{what}");
        for ran in [&run, &again] {
            for secret in [&key.secret_access_key, &place.key(OTHER_ACCOUNT).secret_access_key] {
                assert_absent(
                    secret,
                    what,
                    [ran.stdout.as_bytes(), ran.stderr.as_bytes()].concat().as_slice(),
                );
            }
        }
        let calls = place.sandbox.trace().iter().filter(|call| call.action == "ListUsers").count();
        assert_eq!(calls, 0, "{what}: AWS was asked all the same");
        // Credentials given anew are sealed anew, also where the data key itself was spoilt.
        place.set_key(SYSTEM, ACCOUNT).code(0);
        assert_eq!(place.json(&["system", "show", SYSTEM])["state"], "active", "{what}");
        place.run(&["import", "run", SYSTEM]).code(0);
        run.stderr = run.stderr.replace('\n', " ");
        answers.push((run.code, run.stdout, run.stderr));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the answers tell what was done: {answers:?}");
}
