//! One operation on the elements of a list.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::operation::{Change, single};
use crate::scim::{
    Attribute, Cause, Error,
    attribute::Mutability,
    filter::Filter,
    path::PatchPath,
    quirks,
    value::{canonical, elements, identity, is_primary, keep_elements, one, wrong},
};

/// Changes the list that `path` leads to.
pub(super) fn change(
    holder: &mut Map<String, Value>,
    change: &Change<'_>,
    path: &PatchPath<'_>,
) -> Result<(), Error> {
    let attribute = path.named.attribute;
    let before = match holder.get(attribute.name) {
        Some(Value::Array(list)) => list.clone(),
        _ => Vec::new(),
    };
    let mut list = List { attribute, elements: before, touched: HashSet::new() };
    match (path.named.sub_attribute, &path.which) {
        (None, None) => list.whole(change)?,
        (sub, which) => list.chosen(change, sub, which.as_ref())?,
    }
    list.settle()?;
    if list.elements.is_empty() {
        holder.remove(attribute.name);
    } else {
        holder.insert(attribute.name.to_owned(), Value::Array(list.elements));
    }
    Ok(())
}

struct List<'a> {
    attribute: &'a Attribute,
    elements: Vec<Value>,
    /// The places of elements that the operation made or changed.
    touched: HashSet<usize>,
}

impl List<'_> {
    /// Without a filter, all of it.
    fn whole(&mut self, change: &Change<'_>) -> Result<(), Error> {
        match change {
            Change::Remove => self.elements.clear(),
            Change::RemoveListed(listed) => {
                let gone = elements(self.attribute, as_list(listed))?;
                let gone: HashSet<String> =
                    gone.iter().map(|element| identity(self.attribute, element)).collect();
                self.elements.retain(|element| !gone.contains(&identity(self.attribute, element)));
            }
            Change::Replace(value) => {
                let before = Value::Array(std::mem::take(&mut self.elements));
                let mut after = canonical(self.attribute, &wrapped(value))?;
                if self.attribute.element_key.is_some() {
                    keep_elements(self.attribute, &before, after.as_mut());
                }
                if let Some(Value::Array(after)) = after {
                    self.elements = after;
                }
            }
            Change::Add(value) => self.add(elements(self.attribute, as_list(value))?)?,
        }
        Ok(())
    }

    /// Adds what is not there yet (RFC 7644 §3.5.2.1). An element that is there gets what it can be given.
    fn add(&mut self, new: Vec<Value>) -> Result<(), Error> {
        let mut places: HashMap<String, usize> = self
            .elements
            .iter()
            .enumerate()
            .map(|(place, element)| (identity(self.attribute, element), place))
            .collect();
        for element in new {
            let identity = identity(self.attribute, &element);
            let place = places.get(&identity).copied().or_else(|| self.place_of_like(&element));
            match place {
                Some(place) => self.give(place, &element)?,
                None => {
                    places.insert(identity, self.elements.len());
                    self.touched.insert(self.elements.len());
                    self.elements.push(element);
                }
            }
        }
        Ok(())
    }

    /// Where an element that says all this, apart from being the primary one, is.
    fn place_of_like(&self, element: &Value) -> Option<usize> {
        if self.attribute.element_key.is_some() {
            return None;
        }
        let element = element.as_object()?;
        self.elements.iter().position(|other| {
            element.iter().all(|(name, value)| name == "primary" || other.get(name) == Some(value))
        })
    }

    /// Gives an element what another one says and it can be given.
    fn give(&mut self, place: usize, new: &Value) -> Result<(), Error> {
        let (Some(Value::Object(element)), Some(new)) = (self.elements.get_mut(place), new.as_object())
        else {
            return Ok(());
        };
        for sub in self.attribute.sub_attributes.iter().filter(|sub| sub.mutability == Mutability::ReadWrite)
        {
            if let Some(value) = new.get(sub.name) {
                single(element, sub, &Change::Replace(value))?;
            }
        }
        self.touched.insert(place);
        Ok(())
    }

    /// With a filter or a sub-attribute, those elements.
    fn chosen(
        &mut self,
        change: &Change<'_>,
        sub: Option<&Attribute>,
        which: Option<&Filter>,
    ) -> Result<(), Error> {
        let meant = |element: &Value| match which {
            None => true,
            Some(filter) => element.as_object().is_some_and(|element| filter.matches(element)),
        };
        if let (None, Change::Remove) = (sub, change) {
            self.elements.retain(|element| !meant(element));
            return Ok(());
        }
        let places: Vec<usize> =
            (0..self.elements.len()).filter(|place| self.elements.get(*place).is_some_and(meant)).collect();
        if places.is_empty() {
            return self.none_chosen(change, sub, which);
        }
        for place in places {
            match (sub, change) {
                (Some(sub), change) => {
                    if let Some(Value::Object(element)) = self.elements.get_mut(place) {
                        single(element, sub, change)?;
                    }
                    self.touched.insert(place);
                }
                (None, Change::Add(value)) => {
                    let new = self.partial(value)?;
                    self.give(place, &new)?;
                }
                (None, Change::Replace(value)) => {
                    let new =
                        one(self.attribute, value)?.ok_or_else(|| wrong(self.attribute, "it is empty"))?;
                    if let Some(element) = self.elements.get_mut(place) {
                        *element = new;
                    }
                    self.touched.insert(place);
                }
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// Nothing is there to be changed.
    fn none_chosen(
        &mut self,
        change: &Change<'_>,
        sub: Option<&Attribute>,
        which: Option<&Filter>,
    ) -> Result<(), Error> {
        let no_target = || {
            let detail = format!("no element of {} is meant by the path", self.attribute.name);
            Error::new(Cause::NoTarget, detail)
        };
        match change {
            Change::Remove | Change::RemoveListed(_) => Ok(()),
            Change::Replace(_) => Err(no_target()),
            Change::Add(value) => {
                let mut element = which.and_then(quirks::missing_element).ok_or_else(no_target)?;
                match sub {
                    Some(sub) => single(&mut element, sub, &Change::Replace(value))?,
                    None => element.extend(self.partial(value)?.as_object().cloned().unwrap_or_default()),
                }
                let element = Value::Object(element);
                self.add(elements(self.attribute, &[element])?)
            }
        }
    }

    /// Some of an element's sub-attributes.
    fn partial(&self, value: &Value) -> Result<Value, Error> {
        let mut loose = self.attribute.clone();
        for sub in &mut loose.sub_attributes {
            sub.required = false;
        }
        one(&loose, value)?.ok_or_else(|| wrong(self.attribute, "it is empty"))
    }

    /// At most one element is the primary one: that which the operation made so (RFC 7644 §3.5.2). Elements of nothing
    /// are taken out, and those that became the same are one.
    fn settle(&mut self) -> Result<(), Error> {
        let primary = |list: &Self, place: &usize| list.elements.get(*place).is_some_and(is_primary);
        let made: Vec<usize> = self.touched.iter().copied().filter(|place| primary(self, place)).collect();
        match made.as_slice() {
            [] => {}
            [made] => {
                let others = (0..self.elements.len()).filter(|place| place != made && primary(self, place));
                for place in others.collect::<Vec<_>>() {
                    if let Some(Value::Object(element)) = self.elements.get_mut(place) {
                        element.insert("primary".into(), false.into());
                    }
                }
            }
            _ => return Err(wrong(self.attribute, "only one element can be the primary one")),
        }
        let mut seen = HashSet::new();
        let attribute = self.attribute;
        self.elements.retain(|element| {
            element.as_object().is_none_or(|object| !object.is_empty())
                && seen.insert(identity(attribute, element))
        });
        if attribute.element_key.is_none() && self.elements.len() > crate::scim::limits::LIST_ELEMENTS {
            return Err(wrong(attribute, "the list is too long"));
        }
        Ok(())
    }
}

/// A list, or the one element that stands for it.
fn as_list(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        one => std::slice::from_ref(one),
    }
}

fn wrapped(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::Array(vec![value.clone()]),
        other => other.clone(),
    }
}
