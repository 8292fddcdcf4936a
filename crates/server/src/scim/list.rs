//! Lists of resources (RFC 7644 §3.4.2, RFC 9865).

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Error,
    page::{Cursor, Page},
    query::Query,
    sort::{Sort, SortKey},
    urn,
};

/// A resource that a query means.
#[derive(Debug, Clone)]
pub struct Hit {
    /// What it is sorted by.
    pub key: SortKey,
    /// Its id.
    pub id: Arc<str>,
    /// Its type's name.
    pub kind: &'static str,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// How many resources the query means, on all pages.
    pub total: usize,
    /// Where the page begins, counted from 1; `None` with cursors.
    pub start: Option<usize>,
    /// Where the next page begins; `None` without cursors, and on the last page.
    pub next_cursor: Option<String>,
    /// The JSON of each resource, as the client sees it.
    pub resources: Vec<String>,
}

impl List {
    /// The body of the answer.
    #[must_use]
    pub fn into_text(self) -> String {
        let mut rest = Map::new();
        rest.insert("schemas".into(), json!([urn::LIST_RESPONSE]));
        rest.insert("totalResults".into(), json!(self.total));
        rest.insert("itemsPerPage".into(), json!(self.resources.len()));
        if let Some(start) = self.start {
            rest.insert("startIndex".into(), json!(start));
        }
        if let Some(cursor) = &self.next_cursor {
            rest.insert("nextCursor".into(), json!(cursor));
        }
        let rest = Value::Object(rest).to_string();
        let bytes: usize = self.resources.iter().map(|resource| resource.len() + 1).sum();
        let mut text = String::with_capacity(bytes + rest.len() + 32);
        text.push_str("{\"Resources\":[");
        for (place, resource) in self.resources.iter().enumerate() {
            text.push_str(if place == 0 { "" } else { "," });
            text.push_str(resource);
        }
        text.push_str("],");
        text.push_str(rest.trim_start_matches('{'));
        text
    }

    /// The page of a list of these, and the list as yet without its resources. `digest` is [`Query::digest`]; `sort` is
    /// that of each type of resource.
    ///
    /// # Errors
    /// `invalidCursor` and `expiredCursor`.
    pub fn cut(
        mut hits: Vec<Hit>,
        sort: &Sort,
        query: &Query,
        digest: &str,
        now: Timestamp,
    ) -> Result<(Self, Vec<Hit>), Error> {
        let mut list = Self { total: hits.len(), start: None, next_cursor: None, resources: Vec::new() };
        hits.sort_by(|one, other| sort.order((&one.key, &one.id), (&other.key, &other.id)));
        let page = match &query.page {
            Page::Index { start, count } => {
                list.start = Some(*start);
                hits.into_iter().skip(start.saturating_sub(1)).take(*count).collect()
            }
            Page::Cursor { cursor, count } => {
                if !cursor.is_empty() {
                    let after = Cursor::decode(cursor, digest, now)?;
                    hits.retain(|hit| sort.order((&hit.key, &hit.id), (&after.key, &after.id)).is_gt());
                }
                let more = hits.len() > *count;
                hits.truncate(*count);
                let last = hits.last().filter(|_| more);
                let cursor = last.map(|last| Cursor { key: last.key.clone(), id: last.id.to_string() });
                list.next_cursor = cursor.map(|cursor| cursor.encode(digest, now));
                hits
            }
        };
        Ok((list, page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{Cause, Model, Switches};

    fn people(count: usize) -> Vec<Map<String, Value>> {
        (0..count)
            .map(|number| {
                let mut person =
                    json!({"id": format!("{number:03}"), "userName": format!("user{}", number % 7)});
                if number % 3 == 0 {
                    person["title"] = json!(format!("T{}", number % 2));
                }
                person.as_object().unwrap().clone()
            })
            .collect()
    }

    fn answer(people: Vec<Map<String, Value>>, parameters: &[(&str, &str)]) -> Result<Value, Cause> {
        let user = Model::new(Switches::default()).user;
        let query = Query::from_parameters(parameters.iter().copied()).map_err(|error| error.cause)?;
        let prepared = query.prepare(&user).map_err(|error| error.cause)?;
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let hit = |person: &Map<String, Value>| Hit {
            key: prepared.sort.key(person),
            id: person["id"].as_str().unwrap().into(),
            kind: user.name,
        };
        let meant = |person: &&Map<String, Value>| {
            prepared.filter.as_ref().is_none_or(|filter| filter.matches(person))
        };
        let hits = people.iter().filter(meant).map(hit).collect();
        let digest = query.digest("prod/Users");
        let (list, page) =
            List::cut(hits, &prepared.sort, &query, &digest, now).map_err(|error| error.cause)?;
        let text = |hit: &Hit| {
            let person = people.iter().find(|person| person["id"] == *hit.id).unwrap();
            Value::Object(prepared.projection.show(&user, person.clone())).to_string()
        };
        let list = List { resources: page.iter().map(text).collect(), ..list };
        Ok(serde_json::from_str(&list.into_text()).unwrap())
    }

    fn ids(list: &Value) -> Vec<String> {
        list["Resources"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
    }

    /// RFC 7644 §3.4.2.4.
    #[test]
    fn pages_by_index() {
        for (start, count, expected) in [
            ("1", "2", &["000", "001"][..]),
            ("4", "2", &["003", "004"]),
            ("5", "2", &["004"]),
            ("6", "2", &[]),
            ("0", "1", &["000"]),
            ("-1", "1", &["000"]),
            ("1", "0", &[]),
            ("1", "-1", &[]),
            ("99999999999999999999", "5", &[]),
        ] {
            let list = answer(people(5), &[("startIndex", start), ("count", count)]).unwrap();
            assert_eq!(ids(&list), expected, "{start} {count}");
            assert_eq!(list["totalResults"], 5);
            assert_eq!(list["itemsPerPage"], expected.len());
            assert!(list["startIndex"].as_u64() >= Some(1));
            assert_eq!(list.get("nextCursor"), None);
        }
        let none = answer(people(5), &[("filter", "userName eq \"nobody\"")]).unwrap();
        assert_eq!(none["totalResults"], 0);
        assert_eq!(none["Resources"], json!([]));
    }

    /// RFC 9865 §2: all pages together are the list, each resource once, in every order.
    #[test]
    fn pages_by_cursor() {
        for order in [&[][..], &[("sortBy", "title")], &[("sortBy", "title"), ("sortOrder", "descending")]] {
            let whole = ids(&answer(people(25), &[&[("count", "100")], order].concat()).unwrap());
            let mut seen = Vec::new();
            let mut cursor = String::new();
            loop {
                let parameters = [&[("cursor", cursor.as_str()), ("count", "4")], order].concat();
                let page = answer(people(25), &parameters).unwrap();
                assert_eq!(page.get("startIndex"), None);
                assert_eq!(page["totalResults"], 25);
                seen.extend(ids(&page));
                match page.get("nextCursor") {
                    Some(next) => cursor = next.as_str().unwrap().to_owned(),
                    None => break,
                }
                assert!(seen.len() <= 25, "{order:?}");
            }
            assert_eq!(seen, whole, "{order:?}");
        }
    }

    /// RFC 9865 §2: "`nextCursor` is omitted … only to indicate that there are no more result pages".
    #[test]
    fn a_full_last_page_has_no_next_one() {
        let first = answer(people(4), &[("cursor", ""), ("count", "2")]).unwrap();
        let cursor = first["nextCursor"].as_str().unwrap().to_owned();
        let last = answer(people(4), &[("cursor", &cursor), ("count", "2")]).unwrap();
        assert_eq!(ids(&last), ["002", "003"]);
        assert_eq!(last.get("nextCursor"), None);
        let all = answer(people(4), &[("cursor", "")]).unwrap();
        assert_eq!((ids(&all).len(), all.get("nextCursor")), (4, None));
    }

    #[test]
    fn a_page_goes_on_where_it_ended_though_its_last_resource_is_gone() {
        let first = answer(people(6), &[("cursor", ""), ("count", "2")]).unwrap();
        let cursor = first["nextCursor"].as_str().unwrap().to_owned();
        let mut fewer = people(6);
        fewer.retain(|person| !ids(&first).contains(&person["id"].as_str().unwrap().to_owned()));
        let second = answer(fewer, &[("cursor", &cursor), ("count", "2")]).unwrap();
        assert_eq!(ids(&second), ["002", "003"]);
    }

    #[test]
    fn a_cursor_is_of_use_for_its_query_alone() {
        let first = answer(people(6), &[("cursor", ""), ("count", "2")]).unwrap();
        let cursor = first["nextCursor"].as_str().unwrap();
        for other in [("filter", "id pr"), ("sortBy", "id"), ("attributes", "id")] {
            assert_eq!(
                answer(people(6), &[("cursor", cursor), ("count", "2"), other]),
                Err(Cause::InvalidCursor)
            );
        }
        assert_eq!(answer(people(6), &[("cursor", "forged")]), Err(Cause::InvalidCursor));
    }
}
