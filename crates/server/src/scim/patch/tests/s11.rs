//! S11: what an attacker, or a client with ideas of its own, might send; the documented result of each.

use serde_json::{Value, json};

use super::{ada, patch};
use crate::scim::{Cause, Switches};

/// A cell of the table: what is sent, and what comes of it.
enum Outcome {
    /// This place, by JSON pointer, is now so.
    Now(&'static str, Value),
    /// Nothing is otherwise.
    Same,
    Refused(Cause),
}

#[test]
fn s11_each_path_has_its_documented_result() {
    use Cause::{InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget};
    use Outcome::{Now, Refused, Same};
    let cells = [
        // Secrets, rights, and what only the server writes.
        (json!({"op": "replace", "path": "password", "value": "x"}), Refused(InvalidPath)),
        (json!({"op": "replace", "value": {"password": "x"}}), Refused(InvalidSyntax)),
        (json!({"op": "add", "path": "roles", "value": [{"value": "admin"}]}), Refused(InvalidPath)),
        (json!({"op": "add", "value": {"roles": [{"value": "admin"}]}}), Refused(InvalidSyntax)),
        (
            json!({"op": "add", "path": "entitlements", "value": [{"value": "arn:aws:iam::aws:policy/AdministratorAccess"}]}),
            Refused(Mutability),
        ),
        (json!({"op": "remove", "path": "entitlements"}), Refused(Mutability)),
        (json!({"op": "remove", "path": "entitlements[value pr]"}), Refused(Mutability)),
        (json!({"op": "add", "path": "groups", "value": [{"value": "AGPAADMIN"}]}), Refused(Mutability)),
        (
            json!({"op": "replace", "path": "groups[value eq \"AGPA1\"].value", "value": "AGPAADMIN"}),
            Refused(Mutability),
        ),
        (json!({"op": "replace", "value": {"groups": []}}), Refused(Mutability)),
        (json!({"op": "replace", "path": "id", "value": "AIDABOB"}), Refused(Mutability)),
        (json!({"op": "replace", "value": {"id": "AIDABOB"}}), Refused(Mutability)),
        (json!({"op": "remove", "path": "id"}), Refused(Mutability)),
        (json!({"op": "replace", "path": "meta.version", "value": "W/\"2\""}), Refused(Mutability)),
        (json!({"op": "replace", "path": "schemas", "value": []}), Refused(Mutability)),
        (
            json!({"op": "replace", "path": "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:arn", "value": "x"}),
            Refused(Mutability),
        ),
        (
            json!({"op": "replace", "path": "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:loginProfile.state", "value": "absent"}),
            Refused(Mutability),
        ),
        (
            json!({"op": "add", "path": "urn:ietf:params:scim:schemas:extension:internal:2.0:User:admin", "value": true}),
            Refused(InvalidPath),
        ),
        (
            json!({"op": "add", "value": {"urn:ietf:params:scim:schemas:extension:internal:2.0:User": {"admin": true}}}),
            Refused(InvalidSyntax),
        ),
        // Whose name is protected decides the engine; here it is a change like any other.
        (json!({"op": "replace", "path": "userName", "value": "root"}), Now("/userName", json!("root"))),
        (json!({"op": "replace", "path": "userName", "value": "../1"}), Refused(InvalidValue)),
        (json!({"op": "remove", "path": "userName"}), Refused(Mutability)),
        (json!({"op": "replace", "path": "userName", "value": null}), Refused(Mutability)),
        (json!({"op": "replace", "path": "userName", "value": ""}), Refused(Mutability)),
        // Types.
        (json!({"op": "replace", "path": "active", "value": "False"}), Now("/active", json!(false))),
        (json!({"op": "replace", "path": "active", "value": "FALSE"}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "active", "value": 0}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "active", "value": ""}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "active", "value": [false]}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "active"}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "externalId", "value": 1}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "displayName", "value": "a\u{0}b"}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "emails", "value": "ada@x"}), Refused(InvalidValue)),
        (json!({"op": "add", "path": "emails", "value": [null]}), Refused(InvalidValue)),
        (
            json!({"op": "add", "path": "emails", "value": [{"value": "x", "admin": true}]}),
            Refused(InvalidSyntax),
        ),
        (json!({"op": "add", "path": "displayName", "value": null}), Refused(InvalidValue)),
        // Operations.
        (json!({"op": "Replace", "path": "displayName", "value": "A"}), Now("/displayName", json!("A"))),
        (json!({"op": "REPLACE", "path": "displayName", "value": "A"}), Refused(InvalidSyntax)),
        (json!({"op": "move", "path": "displayName", "value": "A"}), Refused(InvalidSyntax)),
        (json!({"path": "displayName", "value": "A"}), Refused(InvalidSyntax)),
        (json!({"op": "replace", "path": 1, "value": "A"}), Refused(InvalidSyntax)),
        (
            json!({"op": "replace", "path": "displayName", "value": "A", "force": true}),
            Refused(InvalidSyntax),
        ),
        (json!("replace"), Refused(InvalidSyntax)),
        // Paths.
        (json!({"op": "remove"}), Refused(NoTarget)),
        (json!({"op": "remove", "value": {"emails": []}}), Refused(NoTarget)),
        (json!({"op": "replace", "value": "A"}), Refused(InvalidValue)),
        (json!({"op": "replace"}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "", "value": "A"}), Refused(InvalidPath)),
        (json!({"op": "replace", "path": "emails[0].value", "value": "x"}), Refused(InvalidPath)),
        (json!({"op": "replace", "path": "/displayName", "value": "x"}), Refused(InvalidPath)),
        (json!({"op": "replace", "path": "name[familyName pr]", "value": {}}), Refused(InvalidPath)),
        (
            json!({"op": "replace", "path": "emails[kind eq \"x\"].value", "value": "x"}),
            Refused(InvalidFilter),
        ),
        (json!({"op": "replace", "path": "emails[type eq \"fax\"].value", "value": "x"}), Refused(NoTarget)),
        (json!({"op": "add", "path": "emails[type sw \"fax\"].value", "value": "x"}), Refused(NoTarget)),
        (json!({"op": "remove", "path": "emails[type eq \"fax\"]"}), Same),
        (json!({"op": "remove", "path": "nickName"}), Same),
        (
            json!({"op": "remove", "path": "emails", "value": [{"value": "ada@home.example"}]}),
            Refused(InvalidValue),
        ),
        // What changes nothing.
        (json!({"op": "replace", "path": "active", "value": true}), Same),
        (
            json!({"op": "add", "path": "emails", "value": [{"value": "ada@home.example", "type": "home"}]}),
            Same,
        ),
        (json!({"op": "add", "path": "emails", "value": {"value": "ada@work.example"}}), Same),
        (json!({"op": "replace", "value": {}}), Same),
    ];
    compare(Switches::default(), cells);
}

/// Where passwords are switched on they are taken out of what is kept, and nothing else can be done with them.
#[test]
fn s11_passwords_are_taken_out_or_refused() {
    use Cause::{InvalidPath, InvalidValue};
    use Outcome::{Refused, Same};
    let on = Switches { password: true, ..Switches::default() };
    for operation in [
        json!({"op": "replace", "path": "password", "value": "x"}),
        json!({"op": "Add", "path": "PASSWORD", "value": "x"}),
        json!({"op": "replace", "value": {"password": "x"}}),
        json!({"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:password", "value": "x"}),
    ] {
        let patched = patch(on, &ada(), json!([operation])).unwrap();
        assert_eq!(patched.password.unwrap().expose(), "x", "{operation}");
        assert!(patched.changed);
        assert_eq!(Value::Object(patched.resource), ada());
    }
    let cells = [
        (json!({"op": "replace", "path": "password", "value": ""}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "password", "value": 1}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "password", "value": ["x"]}), Refused(InvalidValue)),
        (json!({"op": "replace", "path": "password.value", "value": "x"}), Refused(InvalidPath)),
        (json!({"op": "replace", "path": "password[value pr]", "value": "x"}), Refused(InvalidPath)),
        (json!({"op": "remove", "path": "password"}), Same),
    ];
    compare(on, cells);
}

fn compare(switches: Switches, cells: impl IntoIterator<Item = (Value, Outcome)>) {
    use Outcome::{Now, Refused, Same};
    for (operation, outcome) in cells {
        let result = patch(switches, &ada(), json!([operation]));
        match (outcome, result) {
            (Now(pointer, value), Ok(patched)) => {
                assert!(patched.changed, "{operation}");
                assert_eq!(Value::Object(patched.resource).pointer(pointer), Some(&value), "{operation}");
            }
            (Same, Ok(patched)) => {
                assert!(!patched.changed, "{operation}");
                assert_eq!(Value::Object(patched.resource), ada(), "{operation}");
            }
            (Refused(cause), Err(error)) => assert_eq!(error.cause, cause, "{operation}: {error}"),
            (_, Ok(patched)) => panic!("{operation} gave {:?}", patched.resource),
            (_, Err(error)) => panic!("{operation} was refused: {:?} {error}", error.cause),
        }
    }
}
