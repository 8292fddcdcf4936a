//! What of a filter a store can answer by itself.

use jiff::Timestamp;

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
    /// The name to show is this, ignoring case.
    DisplayName(String),
    /// Whether it is in use.
    Active(bool),
    /// It was changed after this moment.
    ModifiedAfter(Timestamp),
}

/// What every resource meets that a filter means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Narrowing {
    /// All of these hold.
    pub conditions: Vec<Condition>,
    /// Whether that is the whole filter. If not, [`Filter::matches`] must decide about each resource besides.
    pub whole: bool,
}

impl Filter {
    /// Splits off what a store can look up. Only what holds for all of the filter is taken, so nothing that the
    /// filter means is left out.
    #[must_use]
    pub fn narrow(&self) -> Narrowing {
        let mut narrowing = Narrowing { conditions: Vec::new(), whole: true };
        self.narrow_into(&mut narrowing);
        narrowing
    }

    fn narrow_into(&self, narrowing: &mut Narrowing) {
        if let Self::All(parts) = self {
            for part in parts {
                part.narrow_into(narrowing);
            }
        } else if let Some(condition) = self.condition() {
            narrowing.conditions.push(condition);
        } else {
            narrowing.whole = false;
        }
    }

    fn condition(&self) -> Option<Condition> {
        let Self::Compare(Place { extension: None, attribute, sub_attribute }, test) = self else {
            return None;
        };
        match (*attribute, *sub_attribute, test) {
            ("active", None, Test::Boolean(active)) => Some(Condition::Active(*active)),
            ("meta", Some("lastModified"), Test::Moment(Order::Greater, moment)) => {
                Some(Condition::ModifiedAfter(*moment))
            }
            (name, None, Test::Text { operator: TextOperator::Order(Order::Equal), value, .. }) => {
                let value = value.clone();
                match name {
                    "id" => Some(Condition::Id(value)),
                    "userName" => Some(Condition::UserName(value)),
                    "externalId" => Some(Condition::ExternalId(value)),
                    "displayName" => Some(Condition::DisplayName(value)),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
