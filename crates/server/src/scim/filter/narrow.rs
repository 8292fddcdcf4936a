//! What of a filter a store can look up.

use super::{Filter, Order, Test, TextOperator};
use crate::scim::path::Place;

/// Something that a store can look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The id is this.
    Id(String),
    /// The user name is this, ignoring case.
    UserName(String),
    /// The client's name for the resource is this.
    ExternalId(String),
}

impl Filter {
    /// What can be looked up of it: each of these holds wherever the filter does. Whether the filter holds where they
    /// do, [`Filter::matches`] decides.
    #[must_use]
    pub fn narrow(&self) -> Vec<Condition> {
        let mut conditions = Vec::new();
        self.narrow_into(&mut conditions);
        conditions
    }

    fn narrow_into(&self, conditions: &mut Vec<Condition>) {
        match self {
            Self::All(parts) => parts.iter().for_each(|part| part.narrow_into(conditions)),
            _ => conditions.extend(self.condition()),
        }
    }

    fn condition(&self) -> Option<Condition> {
        let Self::Compare(Place { extension: None, attribute, sub_attribute: None }, test) = self else {
            return None;
        };
        let Test::Text { operator: TextOperator::Order(Order::Equal), value, .. } = test else { return None };
        match *attribute {
            "id" => Some(Condition::Id(value.clone())),
            "userName" => Some(Condition::UserName(value.clone())),
            "externalId" => Some(Condition::ExternalId(value.clone())),
            _ => None,
        }
    }
}
