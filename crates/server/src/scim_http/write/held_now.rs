//! Lists whose values AWS may have otherwise than the last import saw: what a client takes away must be gone, and what it
//! gives must be there, whatever was seen. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Change, Resource, applied};
use crate::scim::{Error, ResourceType};

/// A resource as it is and as it is to be, of which AWS has `now` in a list; nothing, where that was not looked at. What
/// a change takes away it takes of those, too. What it names and AWS was not seen to have counts as not there, so that it
/// is asked for: whether it is there already is seen when that is planned.
///
/// # Errors
/// Those of the change.
pub(super) fn with_now(
    kind: &'static ResourceType,
    list: &'static str,
    before: &Resource,
    change: &Change<'_>,
    now: &BTreeSet<String>,
) -> Result<(Resource, Resource), Error> {
    let known = values(before, list);
    let mut elements = elements(before, list);
    elements.extend(now.difference(&known).map(|value| json!({"value": value})));
    let mut whole = with(before, list, elements);
    let (after, _) = applied(kind, &whole, change)?;
    let named = match applied(kind, &with(before, list, Vec::new()), change) {
        Ok((alone, _)) => values(&alone, list),
        // It is about what is there alone.
        Err(_) => BTreeSet::new(),
    };
    let unseen: BTreeSet<&String> = named.difference(now).collect();
    let elements = self::elements(&whole, list);
    let stay = |element: &Value| value_of(element).is_none_or(|value| !unseen.contains(&value));
    whole = with(&whole, list, elements.into_iter().filter(stay).collect());
    Ok((whole, after))
}

fn elements(resource: &Resource, list: &str) -> Vec<Value> {
    resource.get(list).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn value_of(element: &Value) -> Option<String> {
    element.get("value")?.as_str().map(str::to_owned)
}

fn values(resource: &Resource, list: &str) -> BTreeSet<String> {
    elements(resource, list).iter().filter_map(value_of).collect()
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
