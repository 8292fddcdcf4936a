//! One expression: its grammar is that of Jinja, its world a few values.

use std::collections::BTreeMap;

use keyreeve_model::TargetProperty;
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value};

use super::actions::Holder;
use super::{MappingError, Sources, functions, limits};

/// Names that always mean the same. An attribute with one of them is seen as `attributes.<name>` only.
const OWN_NAMES: [&str; 3] = ["attributes", "system", "account"];

/// What an expression can see.
pub(super) struct Scope {
    root: BTreeMap<String, Value>,
    /// The names under `attributes`, `system` and `account`, as an expression writes them.
    nested: Vec<String>,
}

impl Scope {
    /// The attributes by their names and below `attributes`, and facts about the system and the account.
    pub(super) fn of(sources: Sources<'_>, account: Option<Holder<'_>>) -> Self {
        let system = sources.system;
        let facts = [
            ("id", Some(system.system_id.to_string())),
            ("partition", system.partition.clone()),
            ("account_id", system.aws_account_id.as_ref().map(ToString::to_string)),
        ];
        let facts = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let mut maps = BTreeMap::from([("attributes", sources.attributes.clone()), ("system", facts)]);
        if let Some(holder) = account {
            let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            maps.insert("account", BTreeMap::from([fact("name", holder.account), fact("path", holder.path)]));
        }
        let nested =
            maps.iter().flat_map(|(map, facts)| facts.keys().map(move |name| format!("{map}.{name}")));
        let nested = nested.collect();
        let free = |name: &String| !is_reserved(name);
        let mut root: BTreeMap<String, Value> = sources
            .attributes
            .iter()
            .filter(|(name, _)| free(name))
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        root.extend(maps.into_iter().map(|(name, facts)| (name.to_owned(), Value::from(facts))));
        Self { root, nested }
    }

    /// The text an expression gives.
    pub(super) fn evaluate(&self, property: &TargetProperty, source: &str) -> Result<String, MappingError> {
        let environment = environment();
        let expression = compiled(&environment, property, source)?;
        let value = expression
            .eval(self.root.clone())
            .map_err(|error| self.failure(property, &expression, &error))?;
        if value.is_undefined() {
            return Err(self.undefined(property, &expression));
        }
        match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => {
                Err(MappingError::NotText { property: property.clone(), found: value.kind().to_string() })
            }
        }
    }

    fn failure(
        &self,
        property: &TargetProperty,
        expression: &Expression<'_, '_>,
        error: &Error,
    ) -> MappingError {
        match error.kind() {
            ErrorKind::OutOfFuel => MappingError::TooMuchWork(property.clone()),
            ErrorKind::UndefinedError => self.undefined(property, expression),
            // An operator has no kind of its own for an operand that is not there.
            _ if words(error).contains("undefined") => self.undefined(property, expression),
            _ => MappingError::Failed { property: property.clone(), why: words(error) },
        }
    }

    /// Which names the expression uses that nobody has given.
    fn undefined(&self, property: &TargetProperty, expression: &Expression<'_, '_>) -> MappingError {
        let known = |name: &str| {
            let top = name.split('.').next().unwrap_or(name);
            match OWN_NAMES.contains(&top) && top != name {
                true => self.nested.iter().any(|nested| {
                    nested == name
                        || name.strip_prefix(nested.as_str()).is_some_and(|rest| rest.starts_with('.'))
                }),
                false => self.root.contains_key(top) || functions::NAMES.contains(&top),
            }
        };
        let used = expression.undeclared_variables(true);
        let mut names: Vec<String> = used
            .into_iter()
            .filter(|name| !known(name))
            .map(|name| name.chars().take(80).collect())
            .collect();
        names.sort();
        if names.is_empty() {
            MappingError::Undefined(property.clone())
        } else {
            MappingError::Missing { property: property.clone(), names }
        }
    }
}

/// Whether an expression keeps to the grammar.
pub(super) fn check(property: &TargetProperty, source: &str) -> Result<(), MappingError> {
    compiled(&environment(), property, source).map(|_| ())
}

fn compiled<'e>(
    environment: &'e Environment<'e>,
    property: &TargetProperty,
    source: &'e str,
) -> Result<Expression<'e, 'e>, MappingError> {
    let refused = |why| MappingError::Grammar { property: property.clone(), why };
    if source.chars().filter(|letter| "([{".contains(*letter)).count() > limits::BRACKETS {
        return Err(refused(format!("it has more than {} opening brackets", limits::BRACKETS)));
    }
    // A list that repeats itself is made only when it is looked at, and no limit counts that.
    if source.contains('*') {
        return Err(refused("it has a *, and there is no multiplication".to_owned()));
    }
    environment.compile_expression(source).map_err(|error| refused(words(&error)))
}

/// Nothing in it but the functions: no templates, and nothing that loads any.
fn environment<'e>() -> Environment<'e> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(limits::FUEL));
    functions::add(&mut environment);
    environment
}

fn is_reserved(name: &str) -> bool {
    OWN_NAMES.contains(&name) || functions::NAMES.contains(&name)
}

fn words(error: &Error) -> String {
    let kind = error.kind().to_string();
    error.detail().map_or(kind, str::to_owned)
}
