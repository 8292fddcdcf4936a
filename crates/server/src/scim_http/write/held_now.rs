//! Lists that AWS may have otherwise than the last import saw: what a client takes away must be gone, and what it gives
//! must be there, whatever was seen. Pure.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_engine::desk::HeldNow;
use serde_json::{Value, json};

use super::{Change, Resource, applied};
use crate::scim::{Error, ResourceType};

/// A resource as it is and as it is to be, of which AWS has these in a list. What was given from here lately counts as
/// there for what takes it away, and as not there for what gives it: AWS may show it later, or it is gone again.
///
/// # Errors
/// Those of the change.
pub(super) fn with_now(
    kind: &'static ResourceType,
    list: &'static str,
    before: &Resource,
    change: &Change<'_>,
    now: &HeldNow,
) -> Result<(Resource, Resource), Error> {
    let HeldNow { shown, lately } = now;
    let mut others: BTreeMap<&String, &String> = lately.iter().chain(shown).collect();
    let mut elements = elements(before, list);
    elements.retain(|element| value_of(element).is_some_and(|value| others.remove(&value).is_some()));
    elements.extend(others.into_iter().map(|(value, display)| json!({"value": value, "display": display})));
    let (after, _) = applied(kind, &with(before, list, elements.clone()), change)?;
    // What is named by itself, of what AWS does not show.
    let named = applied(kind, &with(before, list, Vec::new()), change);
    let named = named.map(|(alone, _)| self::elements(&alone, list)).unwrap_or_default();
    let unseen: BTreeSet<String> =
        named.iter().filter_map(value_of).filter(|value| !shown.contains_key(value)).collect();
    elements.retain(|element| value_of(element).is_none_or(|value| !unseen.contains(&value)));
    Ok((with(before, list, elements), after))
}

fn elements(resource: &Resource, list: &str) -> Vec<Value> {
    resource.get(list).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn value_of(element: &Value) -> Option<String> {
    element.get("value")?.as_str().map(str::to_owned)
}

fn with(resource: &Resource, list: &str, elements: Vec<Value>) -> Resource {
    let mut resource = resource.clone();
    if elements.is_empty() {
        resource.remove(list);
    } else {
        resource.insert(list.to_owned(), Value::Array(elements));
    }
    resource
}
