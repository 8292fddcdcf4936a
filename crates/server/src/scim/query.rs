//! What a list is asked for: parameters of a URL (RFC 7644 §3.4.2) or the body of `.search` (§3.4.3).

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Cause, Error, Filter, ResourceType, body::Message, error::quoted, page::Page, projection::Projection,
    sort::Sort, urn,
};

/// A query as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// `filter`.
    pub filter: Option<String>,
    /// `sortBy`.
    pub sort_by: Option<String>,
    /// `sortOrder`.
    pub sort_order: Option<String>,
    /// `attributes`.
    pub attributes: Vec<String>,
    /// `excludedAttributes`.
    pub excluded_attributes: Vec<String>,
    /// `startIndex`, `count` and `cursor`.
    pub page: Page,
}

/// A query on resources of one type, ready to be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Which resources; `None` for all.
    pub filter: Option<Filter>,
    /// In which order.
    pub sort: Sort,
    /// What of them.
    pub projection: Projection,
}

/// The names of the parameters, in lower case.
const NAMES: [&str; 8] =
    ["filter", "sortby", "sortorder", "attributes", "excludedattributes", "startindex", "count", "cursor"];

impl Query {
    /// Reads the parameters of a URL, decoded. Others than those of SCIM are none of our business.
    ///
    /// # Errors
    /// For a parameter that stands there twice, a number that is none, and a page that cannot be.
    pub fn from_parameters<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Error> {
        let mut values: [Option<&str>; 8] = [None; 8];
        for (name, value) in parameters {
            let place = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name));
            let Some(slot) = place.and_then(|place| values.get_mut(place)) else { continue };
            if slot.replace(value).is_some() {
                return Err(Error::new(Cause::InvalidValue, format!("{} stands there twice", quoted(name))));
            }
        }
        let [filter, sort_by, sort_order, attributes, excluded, start, count, cursor] = values;
        let number =
            |name: &str, value: Option<&str>| value.map(|value| whole_number(name, value)).transpose();
        let names = |value: Option<&str>| {
            let names = value.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        };
        Ok(Self {
            filter: filter.map(str::to_owned),
            sort_by: sort_by.map(str::to_owned),
            sort_order: sort_order.map(str::to_owned),
            attributes: names(attributes),
            excluded_attributes: names(excluded),
            page: Page::new(number("startIndex", start)?, number("count", count)?, cursor)?,
        })
    }

    /// Reads the body of `.search`.
    ///
    /// # Errors
    /// As [`Query::from_parameters`]; `invalidSyntax` for what is no such body.
    pub fn from_search(body: &Value) -> Result<Self, Error> {
        let message = Message::of(body, urn::SEARCH_REQUEST, &NAMES)?;
        let text = |name: &str| Ok::<_, Error>(message.text(name)?.map(str::to_owned));
        let number = |name: &str| {
            let value = message.get(name);
            value.map(|value| json_number(name, value)).transpose()
        };
        let names = |name: &str| {
            let wrong =
                || Error::new(Cause::InvalidSyntax, format!("{} must be a list of names", quoted(name)));
            let Some(list) = message.get(name) else { return Ok(Vec::new()) };
            let list = list.as_array().ok_or_else(wrong)?;
            list.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        };
        Ok(Self {
            filter: text("filter")?,
            sort_by: text("sortby")?,
            sort_order: text("sortorder")?,
            attributes: names("attributes")?,
            excluded_attributes: names("excludedattributes")?,
            page: Page::new(number("startindex")?, number("count")?, message.text("cursor")?)?,
        })
    }

    /// Holds the query against a type.
    ///
    /// # Errors
    /// When it asks for what the type does not have, or nobody may ask for.
    pub fn prepare(&self, resource_type: &ResourceType) -> Result<Prepared, Error> {
        self.prepare_beside(resource_type, &[])
    }

    /// The same where others are asked for, too: what this type does not have and one of them has, has no value in it
    /// (RFC 7644 §3.4.2.1).
    ///
    /// # Errors
    /// As [`Query::prepare`]; what neither has is unknown.
    pub fn prepare_beside(
        &self,
        resource_type: &ResourceType,
        others: &[&ResourceType],
    ) -> Result<Prepared, Error> {
        let filter = self.filter.as_deref();
        let filter = filter.map(|text| Filter::parse_beside(resource_type, others, text)).transpose()?;
        let by = match &self.sort_by {
            Some(by) => by,
            None if resource_type.find(None, "userName").is_some() => "userName",
            None => "displayName",
        };
        let order = self.sort_order.as_deref();
        let elsewhere = || others.iter().find_map(|other| Sort::parse(other, by, order).ok());
        let sort = Sort::parse(resource_type, by, order).or_else(|error| elsewhere().ok_or(error))?;
        let projection = Projection::new(resource_type, &self.attributes, &self.excluded_attributes)?;
        Ok(Prepared { filter, sort, projection })
    }

    /// What stands for this query in its cursors, so that they are of no use for another one. `scope` says where it is
    /// asked: the system and the type.
    #[must_use]
    pub fn digest(&self, scope: &str) -> String {
        let count = match self.page {
            Page::Index { count, .. } | Page::Cursor { count, .. } => count,
        };
        let parts = serde_json::json!([
            scope,
            self.filter,
            self.sort_by,
            self.sort_order,
            self.attributes,
            self.excluded_attributes,
            count,
        ]);
        Sha256::digest(parts.to_string()).iter().take(12).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A whole number of any size; what is too large for us is as large as can be.
fn whole_number(name: &str, text: &str) -> Result<i64, Error> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::new(Cause::InvalidValue, format!("{} must be a whole number", quoted(name))));
    }
    Ok(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

fn json_number(name: &str, value: &Value) -> Result<i64, Error> {
    match value {
        Value::Number(number) if !number.is_f64() => Ok(number.as_i64().unwrap_or(i64::MAX)),
        _ => Err(Error::new(Cause::InvalidSyntax, format!("{} must be a whole number", quoted(name)))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{Model, Switches};

    #[test]
    fn parameters_and_bodies_say_the_same() {
        let by_url = Query::from_parameters([
            ("filter", "userName pr"),
            ("sortBy", "userName"),
            ("sortOrder", "descending"),
            ("attributes", "userName, emails.value,"),
            ("startIndex", "-3"),
            ("COUNT", "5"),
            ("trace", "1"),
        ]);
        let by_body = Query::from_search(&json!({
            "schemas": [urn::SEARCH_REQUEST],
            "Filter": "userName pr",
            "sortBy": "userName",
            "sortOrder": "descending",
            "attributes": ["userName", "emails.value"],
            "startIndex": -3,
            "count": 5,
        }));
        let query = by_url.unwrap();
        assert_eq!(by_body.unwrap(), query);
        assert_eq!(query.page, Page::Index { start: 1, count: 5 });
        assert!(query.prepare(&Model::new(Switches::default()).user).is_ok());
        assert_eq!(Query::from_parameters([]).unwrap(), Query::default());
    }

    /// RFC 9865 §3 and §2: an empty cursor asks for the first page.
    #[test]
    fn an_empty_cursor_is_a_cursor() {
        let first = Page::Cursor { cursor: String::new(), count: 10 };
        assert_eq!(Query::from_parameters([("cursor", ""), ("count", "10")]).unwrap().page, first);
        let body = json!({"schemas": [urn::SEARCH_REQUEST], "cursor": "", "count": 10});
        assert_eq!(Query::from_search(&body).unwrap().page, first);
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for parameters in [
            &[("count", "ten")][..],
            &[("count", "")],
            &[("count", "1.5")],
            &[("startIndex", "-")],
            &[("startIndex", "1 ")],
            &[("filter", "userName pr"), ("filter", "id pr")],
            &[("startIndex", "1"), ("cursor", "")],
        ] {
            let error = Query::from_parameters(parameters.iter().copied()).unwrap_err();
            assert_eq!(error.cause, Cause::InvalidValue, "{parameters:?}");
        }
        let huge = Query::from_parameters([
            ("startIndex", "99999999999999999999"),
            ("count", "-99999999999999999999"),
        ]);
        assert!(matches!(huge.unwrap().page, Page::Index { start, count: 0 } if start > 1));
        for body in [
            json!([]),
            json!({}),
            json!({"schemas": [urn::PATCH_OP]}),
            json!({"schemas": [urn::SEARCH_REQUEST], "count": "5"}),
            json!({"schemas": [urn::SEARCH_REQUEST], "count": 1.5}),
            json!({"schemas": [urn::SEARCH_REQUEST], "filter": 1}),
            json!({"schemas": [urn::SEARCH_REQUEST], "attributes": "userName"}),
            json!({"schemas": [urn::SEARCH_REQUEST], "attributes": [1]}),
            json!({"schemas": [urn::SEARCH_REQUEST], "where": "1=1"}),
        ] {
            assert_eq!(Query::from_search(&body).unwrap_err().cause, Cause::InvalidSyntax, "{body}");
        }
    }

    #[test]
    fn a_digest_tells_queries_and_places_apart() {
        let query = |parameters: &[(&'static str, &'static str)]| {
            Query::from_parameters(parameters.iter().copied()).unwrap()
        };
        let one = query(&[("filter", "id pr"), ("cursor", "")]);
        assert_eq!(
            one.digest("prod/Users"),
            query(&[("filter", "id pr"), ("cursor", "abc")]).digest("prod/Users")
        );
        for other in [
            query(&[("filter", "id pr"), ("cursor", ""), ("count", "5")]),
            query(&[("filter", "userName pr"), ("cursor", "")]),
            query(&[("sortBy", "id pr"), ("cursor", "")]),
            query(&[("filter", "id pr"), ("cursor", ""), ("attributes", "id")]),
        ] {
            assert_ne!(one.digest("prod/Users"), other.digest("prod/Users"), "{other:?}");
        }
        assert_ne!(one.digest("prod/Users"), one.digest("test/Users"));
    }
}
