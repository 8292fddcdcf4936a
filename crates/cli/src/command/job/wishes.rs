//! A file of wishes: a list, or `system: ID` and `wishes:` with a list.

use std::path::Path;

use keyreeve_model::{SystemId, Wish};
use serde_json::Value;

use crate::exit::Refusal;
use crate::structured::read_structured;

/// What a file asks for.
pub(super) struct Wishes {
    /// The system it names.
    pub(super) system_id: Option<SystemId>,
    /// The wishes, in their order.
    pub(super) wishes: Vec<Wish>,
}

/// So many wishes fit into one job.
const MOST_WISHES: usize = 10_000;

/// Reads a file of wishes; `-` is standard input.
pub(super) fn read(file: &Path) -> Result<Wishes, Refusal> {
    let doing = format!("reading the wishes in {}", file.display());
    let refuse = |why: String| {
        Refusal::new(&doing, why).hint(
            "a file of wishes is a list such as `- task: delete_account` and `account: ada`, or `system: ID` and \
             `wishes:` with such a list",
        )
    };
    let (system_id, list) = match read_structured::<Value>(file)? {
        Value::Array(list) => (None, list),
        Value::Object(mut fields) => {
            let list = match fields.remove("wishes") {
                Some(Value::Array(list)) => list,
                _ => return Err(refuse("there is no list of wishes in it".to_owned())),
            };
            let system = fields.remove("system");
            if let Some(other) = fields.keys().next() {
                return Err(refuse(format!("{other:?} is not known beside system and wishes")));
            }
            let system_id = match system {
                None => None,
                Some(system) => {
                    Some(serde_json::from_value(system).map_err(|error| refuse(error.to_string()))?)
                }
            };
            (system_id, list)
        }
        _ => return Err(refuse("it is no list".to_owned())),
    };
    if list.len() > MOST_WISHES {
        return Err(refuse(format!(
            "there are {} wishes, and one job takes at most {MOST_WISHES}",
            list.len()
        )));
    }
    let read = |(number, value): (usize, Value)| {
        if !value.is_object() {
            let why = format!(
                "wish {} is no list of fields: it must have `task:` and what that task takes",
                number + 1
            );
            return Err(refuse(why));
        }
        if ["group", "policy"].iter().all(|field| value.get(field).is_some()) {
            let why = format!(
                "wish {} has `group` and `policy`, and a task is about one of them: give one of both, and write a \
                 second wish for the other",
                number + 1
            );
            return Err(refuse(why));
        }
        serde_json::from_value(value).map_err(|error| refuse(format!("wish {}: {error}", number + 1)))
    };
    let wishes = list.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(Wishes { system_id, wishes })
}
