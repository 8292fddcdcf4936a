//! Entries of lists with only those of their fields that are asked for.

use std::marker::PhantomData;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

use super::paging::Page;
use crate::problem::Problem;

/// The fields of an entry that are asked for; all of them unless some are named.
#[derive(Debug)]
pub(crate) struct Fields<T> {
    names: Option<Vec<String>>,
    of: PhantomData<T>,
}

impl<T: PartialSchema> Fields<T> {
    /// Reads a list of names with commas between.
    ///
    /// # Errors
    /// A name that no entry has.
    pub(crate) fn named(list: Option<&str>) -> Result<Self, Problem> {
        let Some(list) = list else { return Ok(Self { names: None, of: PhantomData }) };
        let known = names_of::<T>();
        let names: Vec<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
        if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
            let detail = format!("there is no field {unknown:?}; the fields are {}", known.join(", "));
            return Err(Problem::bad_request(detail));
        }
        Ok(Self { names: Some(names), of: PhantomData })
    }
}

/// What entries are described to have.
fn names_of<T: PartialSchema>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.properties.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// An entry, or some fields of it.
#[derive(Debug)]
pub(crate) enum Partly<T> {
    Whole(T),
    Some(Map<String, Value>),
}

impl<T: Serialize> Page<T> {
    /// The same page, with only these fields of its entries.
    pub(crate) fn only(self, fields: &Fields<T>) -> Page<Partly<T>> {
        let Some(names) = &fields.names else { return self.each(Partly::Whole) };
        self.each(|entry| match serde_json::to_value(&entry) {
            Ok(Value::Object(mut all)) => {
                all.retain(|name, _| names.contains(name));
                Partly::Some(all)
            }
            _ => Partly::Whole(entry),
        })
    }
}

impl<T: Serialize> Serialize for Partly<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(entry) => entry.serialize(serializer),
            Self::Some(fields) => fields.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use keyreeve_engine::unseen::KnownAccount;
    use keyreeve_model::{Assignment, ImportRun, ProvisioningJob, Resource, System};

    use super::*;

    #[test]
    fn fields_are_those_of_the_description_and_no_others() {
        assert!(Fields::<KnownAccount>::named(Some("name, path")).is_ok());
        for bad in ["", "name,", "names", "name,secret", "login_profile.state"] {
            assert!(Fields::<KnownAccount>::named(Some(bad)).is_err(), "{bad}");
        }
        for none in [
            names_of::<System>(),
            names_of::<Resource>(),
            names_of::<Assignment>(),
            names_of::<ImportRun>(),
            names_of::<ProvisioningJob>(),
        ] {
            assert!(none.len() > 5 && none.contains(&"system_id".to_owned()), "{none:?}");
        }
    }
}
