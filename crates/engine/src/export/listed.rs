//! A task as a table of many has it.

use keyreeve_model::Task;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A task without its steps: lists do not read them, and none would be taken for there being none.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedTask(pub Task);

impl Serialize for ListedTask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut task = serde_json::to_value(&self.0).map_err(S::Error::custom)?;
        if let Value::Object(fields) = &mut task {
            fields.remove("steps");
        }
        task.serialize(serializer)
    }
}
