//! What addresses of lists ask for, and what is not understood of them.

use axum::http::StatusCode;
use axum::http::header::CONTENT_DISPOSITION;

use super::*;
use crate::console::parts::{Cell, Empty};
use crate::problem::Problem;

const SHAPE: Shape = Shape {
    columns: &[Column::sorted("name", "Name"), Column::number("Accounts")],
    filters: &[
        Filter { name: "q", label: "Search", choices: &[] },
        Filter { name: "state", label: "State", choices: &[("active", "Active")] },
    ],
    sort: "name",
};
static OF_NAMES: Shape = SHAPE;

fn listing(address: &str) -> Result<Listing, Problem> {
    Asked::of(&address.parse().unwrap()).of_shape(&OF_NAMES)
}

fn table(address: &str, items: Vec<&'static str>) -> Table {
    let empty = Empty { title: "None yet".to_owned(), text: String::new(), action: None };
    let cells = |item: &&str| vec![Cell::text(*item), Cell::Number(1)];
    listing(address).unwrap().table("Names", items, |item| item.len(), cells, empty).unwrap()
}

#[test]
fn what_a_list_does_not_know_is_said_and_nothing_is_shown_instead() {
    for good in ["/n", "/n?q=&state=&sort=", "/n?q=a&state=active&sort=-name&limit=25", "/n?said=x"] {
        assert_eq!(listing(good).unwrap().status(), StatusCode::OK, "{good}");
    }
    let long = format!("/n?q={}", "a".repeat(LONGEST_FILTER + 1));
    for (bad, why) in [
        ("/n?x=1", "cannot be narrowed down by “x”; it can be by: q, state"),
        ("/n?q=1&q=2", "“q” is in the address twice"),
        ("/n?state=gone", "State is never “gone”; there is: active"),
        ("/n?sort=Accounts", "not sorted by “Accounts”; it is by: name"),
        ("/n?sort=--name", "not sorted by “--name”"),
        ("/n?limit=0", "“0” is no number of rows from 1 to 1000"),
        ("/n?limit=1001", "“1001” is no number of rows"),
        ("/n?limit=x", "“x” is no number of rows"),
        ("/n?format=xml", "no file is made as “xml”; csv is"),
        ("/n?cursor=x", "begin with its first page"),
        ("/n?q=%00", "no text"),
        (&*long, "longer than 512 characters"),
    ] {
        assert_eq!(listing(bad).unwrap().status(), StatusCode::BAD_REQUEST, "{bad}");
        let table = table(bad, vec!["a"]);
        assert!(table.rows.is_empty() && table.empty.title == "Not understood", "{bad}: {table:?}");
        assert!(table.empty.text.to_lowercase().contains(&why.to_lowercase()), "{bad}: {}", table.empty.text);
        let format = if bad.contains("format") { "" } else { "&format=csv" };
        assert!(format.is_empty() || listing(&format!("{bad}{format}")).is_err(), "{bad} as a file");
    }
    // What was understood stands in the form, and what is wrong beside its field.
    let table = table("/n?q=a&state=gone", vec!["a"]).controls.unwrap();
    let fields = table.filters.iter().map(|one| (one.name, one.value.as_str(), one.error.is_some()));
    assert_eq!(fields.collect::<Vec<_>>(), [("q", "a", false), ("state", "", true)]);
}

#[test]
fn how_many_rows_there_are_is_said() {
    let told = |address: &str, number: usize| table(address, vec!["a"; number]).told;
    assert_eq!(told("/n", 1), "1 row in all.");
    assert_eq!(told("/n?limit=25", 26), "25 rows here, and there are more.");
    let next = table("/n?limit=25", vec!["a"; 26]).below.unwrap().next.unwrap();
    assert_eq!(told(&next, 2), "2 rows here, the last of them.");
    assert_eq!(told("/n?q=x", 0), "Nothing fits.");
}

#[test]
fn all_of_a_list_stands_in_its_address() {
    let names: Vec<&str> = std::iter::repeat_n("a", 26).collect();
    // As a form sends it, with what is empty.
    let page = table("/n?q=a%26b&state=active&sort=&limit=25&said=x", names);
    assert_eq!((page.rows.len(), page.head[0].sorted), (25, Some("ascending")));
    assert_eq!(page.head[0].sort.as_deref(), Some("/n?q=a%26b&state=active&limit=25&sort=-name"));
    let below = page.below.unwrap();
    assert!(below.first.is_none() && below.file.ends_with("&limit=25&format=csv"));
    let next = below.next.unwrap();
    assert!(next.starts_with("/n?q=a%26b&state=active&limit=25&cursor="), "{next}");
    assert_eq!(listing(&next).unwrap().after::<usize>().unwrap(), Some(1));
    let sizes = below.sizes.iter().map(|size| (size.text.as_str(), size.address.is_some()));
    assert_eq!(sizes.collect::<Vec<_>>(), [("25", false), ("50", true), ("100", true), ("250", true)]);
    let last = table(&next, vec!["a"]).below.unwrap();
    assert_eq!((last.first.as_deref(), last.next), (Some("/n?q=a%26b&state=active&limit=25"), None));
}

#[test]
fn an_empty_list_says_whether_that_is_because_of_a_filter() {
    assert_eq!(table("/n", vec![]).empty.title, "None yet");
    assert_eq!(table("/n?q=x", vec![]).empty.title, "Nothing fits");
}

#[tokio::test]
async fn s23_a_file_holds_no_formula() {
    let cells = |item: &&str| vec![Cell::text(*item), Cell::None];
    let answer =
        listing("/n?format=csv").unwrap().file(("../../etc", "names"), &["=1+1", "a"], cells).unwrap();
    assert!(!answer.headers()[CONTENT_DISPOSITION].to_str().unwrap().contains('/'));
    let body = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
    assert_eq!(&body[..], b"Name,Accounts\r\n'=1+1,\r\na,\r\n");
}

#[test]
fn a_file_is_whole_or_there_is_none_and_its_name_says_what_it_is_narrowed_to() {
    let most = MOST_IN_A_FILE as usize;
    let file = |address: &str, rows: usize| {
        let items = vec!["a"; rows];
        listing(address).unwrap().file(("prod", "names"), &items, |item| vec![Cell::text(*item), Cell::None])
    };
    assert!(file("/n?format=csv", most).is_ok());
    assert_eq!(file("/n?format=csv", most + 1).unwrap_err().code(), TOO_MANY_ROWS);
    for (address, name) in [
        ("/n?format=csv", "keyreeve-prod-names.csv"),
        ("/n?format=csv&q=a%20b&state=active", "keyreeve-prod-names-q-a_b-state-active.csv"),
    ] {
        let answer = file(address, 1).unwrap();
        let said = answer.headers()[CONTENT_DISPOSITION].to_str().unwrap();
        assert_eq!(said, format!("attachment; filename=\"{name}\""));
    }
}
