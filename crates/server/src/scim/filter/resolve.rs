//! A filter as it is written, held against the model.

use super::{
    Filter, Order, Test, TextOperator, moment,
    syntax::{Expression, Literal, Operator},
};
use crate::scim::{
    Attribute, Cause, Error,
    attribute::{Kind, Returned},
    error::quoted,
    path::{self, Place},
    quirks,
    schema::ResourceType,
};

/// A filter on whole resources. What only `others` have has no value there.
pub(super) fn whole(
    resource_type: &ResourceType,
    others: &[&ResourceType],
    expression: &Expression<'_>,
) -> Result<Filter, Error> {
    Scope::Resource(resource_type, others).resolve(expression)
}

/// A filter on the elements of a list.
pub(crate) fn within(list: &Attribute, expression: &Expression<'_>) -> Result<Filter, Error> {
    Scope::Elements(list).resolve(expression)
}

/// What names are looked up in.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Resource(&'a ResourceType, &'a [&'a ResourceType]),
    Elements(&'a Attribute),
}

/// What holds of nothing.
const NEVER: Filter = Filter::Any(Vec::new());

impl<'a> Scope<'a> {
    fn resolve(self, expression: &Expression<'_>) -> Result<Filter, Error> {
        if let Some(filter) = self.without_value(expression) {
            return Ok(filter);
        }
        Ok(match expression {
            Expression::Present(name) => Filter::Present(self.find(name)?.0),
            Expression::Compare(name, operator, literal) => {
                let (place, attribute) = self.find(name)?;
                compare(name, place, attribute, *operator, literal)?
            }
            Expression::Element(name, inner, suffix) => {
                let (place, list) = self.find(name)?;
                if place.sub_attribute.is_some() || list.kind != Kind::Complex {
                    return Err(refused(format!("{} holds no objects to look into", quoted(name))));
                }
                let mut filter = within(list, inner)?;
                if let Some((sub, operator, literal)) = suffix {
                    if !quirks::element_suffix(*operator) {
                        return Err(refused(
                            "behind brackets only eq is understood; write it into them".into(),
                        ));
                    }
                    let compare = Expression::Compare(sub, *operator, literal.clone());
                    filter = Filter::All(vec![filter, within(list, &compare)?]);
                }
                Filter::Element(place, Box::new(filter))
            }
            Expression::Not(inner) => Filter::Not(Box::new(self.resolve(inner)?)),
            Expression::All(parts) => Filter::All(self.resolve_each(parts)?),
            Expression::Any(parts) => Filter::Any(self.resolve_each(parts)?),
        })
    }

    /// A test of an attribute that the type does not have and others have: as if it had no value (RFC 7644 §3.4.2.1).
    /// Whether the test is one, is seen where the attribute is.
    fn without_value(self, expression: &Expression<'_>) -> Option<Filter> {
        let (Expression::Present(name) | Expression::Compare(name, ..) | Expression::Element(name, ..)) =
            expression
        else {
            return None;
        };
        let Self::Resource(_, others) = self else { return None };
        let elsewhere = || others.iter().any(|other| Scope::Resource(other, &[]).find(name).is_ok());
        if self.find(name).is_ok() || !elsewhere() {
            return None;
        }
        let holds = match expression {
            Expression::Compare(_, Operator::Eq, Literal::Null) => true,
            Expression::Compare(_, Operator::Ne, literal) => *literal != Literal::Null,
            _ => false,
        };
        Some(if holds { Filter::Not(Box::new(NEVER)) } else { NEVER })
    }

    fn resolve_each(self, parts: &[Expression<'_>]) -> Result<Vec<Filter>, Error> {
        parts.iter().map(|part| self.resolve(part)).collect()
    }

    /// What nobody may read is as unknown as what does not exist.
    fn find(self, name: &str) -> Result<(Place, &'a Attribute), Error> {
        let found = match self {
            Self::Resource(resource_type, _) => {
                path::find(resource_type, name).map(|named| (named.place, named.attribute, named.leaf()))
            }
            Self::Elements(list) => list.sub_attribute(name).map(|sub| (Place::of(sub.name), list, sub)),
        };
        found
            .filter(|(_, holder, leaf)| [holder, leaf].iter().all(|part| part.returned != Returned::Never))
            .map(|(place, _, leaf)| (place, leaf))
            .ok_or_else(|| refused(format!("there is no attribute {} to filter by", quoted(name))))
    }
}

fn refused(detail: String) -> Error {
    Error::new(Cause::InvalidFilter, detail)
}

/// One comparison. A list of objects is compared by their `value` (RFC 7644 §3.4.2.2, `emails co "example.com"`).
fn compare(
    name: &str,
    place: Place,
    attribute: &Attribute,
    operator: Operator,
    literal: &Literal,
) -> Result<Filter, Error> {
    if *literal == Literal::Null {
        return match operator {
            Operator::Eq => Ok(Filter::Not(Box::new(Filter::Present(place)))),
            Operator::Ne => Ok(Filter::Present(place)),
            _ => Err(refused(format!("{} cannot be compared with null by this operator", quoted(name)))),
        };
    }
    if attribute.kind == Kind::Complex {
        let by_value = attribute.multi_valued || quirks::compared_by_value(attribute, operator);
        let value = attribute.sub_attribute("value").filter(|_| by_value);
        let Some(value) = value else {
            return Err(refused(format!("{} is an object; name one of its sub-attributes", quoted(name))));
        };
        let place = Place { sub_attribute: Some(value.name), ..place };
        return compare(name, place, value, operator, literal);
    }
    let (operator, negated) = match operator {
        Operator::Ne => (Operator::Eq, true),
        other => (other, false),
    };
    let test = test(attribute, operator, literal).ok_or_else(|| {
        let value =
            if matches!(literal, Literal::Text(text) if text.is_empty()) { "an empty" } else { "this" };
        refused(format!("{} cannot be compared with {value} value so", quoted(name)))
    })?;
    let filter = Filter::Compare(place, test);
    Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
}

/// `None` where type, operator and value do not fit together.
fn test(attribute: &Attribute, operator: Operator, literal: &Literal) -> Option<Test> {
    match (attribute.kind, literal) {
        (Kind::String | Kind::Reference, Literal::Text(text)) => {
            let operator = text_operator(operator)?;
            if text.is_empty() && !matches!(operator, TextOperator::Order(_)) {
                return None;
            }
            Some(Test::Text { operator, value: text.clone(), case_exact: attribute.case_exact })
        }
        (Kind::DateTime, Literal::Text(text)) => Some(Test::Moment(order(operator)?, moment(text)?)),
        (Kind::Integer, Literal::Number(number)) => Some(Test::Number(order(operator)?, number.as_f64()?)),
        (Kind::Boolean, Literal::Boolean(value)) if operator == Operator::Eq => Some(Test::Boolean(*value)),
        (Kind::Boolean, Literal::Text(text)) if operator == Operator::Eq => {
            Some(Test::Boolean(quirks::boolean_text(text)?))
        }
        _ => None,
    }
}

fn text_operator(operator: Operator) -> Option<TextOperator> {
    Some(match operator {
        Operator::Co => TextOperator::Contains,
        Operator::Sw => TextOperator::StartsWith,
        Operator::Ew => TextOperator::EndsWith,
        other => TextOperator::Order(order(other)?),
    })
}

fn order(operator: Operator) -> Option<Order> {
    Some(match operator {
        Operator::Eq => Order::Equal,
        Operator::Gt => Order::Greater,
        Operator::Ge => Order::GreaterOrEqual,
        Operator::Lt => Order::Less,
        Operator::Le => Order::LessOrEqual,
        _ => return None,
    })
}
