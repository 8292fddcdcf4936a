//! A user's manager, as Microsoft Entra ID sends it.

use serde_json::{Value, json};

use super::{group, patched, user};
use crate::scim::{Cause, Filter, Model, Switches, urn};

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

fn managed() -> Value {
    let mut ada = user();
    ada["schemas"] = json!([urn::USER, urn::ENTERPRISE_USER]);
    ada[urn::ENTERPRISE_USER] = json!({"manager": {"value": "2c2f6fb8"}});
    ada
}

/// Captain-P-Goldfish/SCIM-SDK issue 686; Microsoft's own example of a user, MicrosoftDocs/azure-docs issue 69234. The
/// empty text: Captain-P-Goldfish/SCIM-SDK pull request 653.
pub(super) fn text() {
    for op in ["Add", "Replace"] {
        let after = patched(&user(), json!([{"op": op, "path": MANAGER, "value": "2c2f6fb8"}])).unwrap();
        assert_eq!(after, managed(), "{op}");
    }
    let empty = json!([{"op": "Replace", "path": MANAGER, "value": ""}]);
    assert_eq!(patched(&managed(), empty), Ok(user()));
    for value in ["Ada", ""] {
        let name = json!([{"op": "add", "path": "name", "value": value}]);
        assert_eq!(patched(&user(), name), Err(Cause::InvalidValue), "{value:?}");
    }
}

/// Microsoft, "Tutorial: Develop … a SCIM endpoint", "Handling provisioning and deprovisioning of users", example 5.
pub(super) fn list() {
    let one = json!({"$ref": "http://.../scim/Users/00aa00aa", "value": "00aa00aa"});
    let after = patched(&managed(), json!([{"op": "Add", "path": "manager", "value": [one]}])).unwrap();
    assert_eq!(after[urn::ENTERPRISE_USER]["manager"], one);
    for list in [json!([]), json!([one, one]), json!(["00aa00aa"]), json!([[one]])] {
        let operations = json!([{"op": "Add", "path": "manager", "value": list}]);
        assert_eq!(patched(&managed(), operations), Err(Cause::InvalidValue), "{list}");
    }
    let name = json!([{"op": "Add", "path": "name", "value": [{"givenName": "Ada"}]}]);
    assert_eq!(patched(&user(), name), Err(Cause::InvalidValue));
}

/// The same, examples 4 and 5.
pub(super) fn name() {
    for path in ["manager", "Manager", "manager.value"] {
        let operations = json!([{"op": "Add", "path": path, "value": "2c2f6fb8"}]);
        assert_eq!(patched(&user(), operations), Ok(managed()), "{path}");
    }
    assert_eq!(patched(&managed(), json!([{"op": "Remove", "path": "manager"}])), Ok(user()));
    for (resource, path) in [(user(), "department"), (group(), "manager"), (user(), "urn:none:manager")] {
        let operations = json!([{"op": "Add", "path": path, "value": "x"}]);
        assert_eq!(patched(&resource, operations), Err(Cause::InvalidPath), "{path}");
    }
}

/// The same, example 4: whether a user's manager is a certain one is asked with both names in either order.
pub(super) fn filter() {
    let model = Model::new(Switches::default());
    let parse = |text: &str| Filter::parse(&model.user, text);
    for (text, expected) in [
        (r#"ID eq "1" and manager eq "2c2f6fb8""#.to_owned(), true),
        (r#"manager eq "2c2f6fb8" and id eq "1""#.to_owned(), true),
        (format!(r#"id eq "1" and {MANAGER} eq "2c2f6fb8""#), true),
        (r#"id eq "1" and manager eq "26118915""#.to_owned(), false),
        (r#"id eq "2" and manager eq "2c2f6fb8""#.to_owned(), false),
    ] {
        let filter = parse(&text).unwrap();
        assert_eq!(filter.matches(managed().as_object().unwrap()), expected, "{text}");
        assert_eq!(filter.narrow().len(), 1, "a store looks up the id of {text}");
    }
    for text in [r#"manager sw "2c""#, r#"manager ne "2c""#, r#"department eq "x""#, r#"name eq "Ada""#] {
        assert_eq!(parse(text).unwrap_err().cause, Cause::InvalidFilter, "{text}");
    }
}
