//! Exports: whole, of one moment, safe to open, and never whole-looking when they are not.

use keyreeve_engine::export::{Export, ExportAsked, ExportError, Format, What};
use keyreeve_store::{AccountFilter, AsOf, AssignmentFilter, AuditFilter, ResourceFilter};
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{Place, system};

const BASE: &str = "/api/v1/systems/prod/exports";

async fn exported(place: &Place, address: &str) -> (String, String, String) {
    let answer =
        place.request(Method::GET, &format!("{BASE}/{address}"), Some(place.admin())).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{address}");
    let header = |name| answer.headers()[name].to_str().unwrap().to_owned();
    let (kind, name) = (header(CONTENT_TYPE), header(CONTENT_DISPOSITION));
    (kind, name, answer.text().await.unwrap())
}

fn asked(what: What, format: Format) -> ExportAsked {
    ExportAsked { system_id: system("prod"), what, as_of: AsOf::Now, format, raw: false }
}

/// All pieces of an export that reads so many rows at once.
async fn pieces(place: &Place, what: What, format: Format, rows: u32) -> String {
    let mut export = Export::begin(place.store.clone(), asked(what, format)).await.unwrap().at_once(rows);
    let mut all = Vec::new();
    while let Some(piece) = export.next().await.unwrap() {
        all.extend(piece);
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn each_kind_is_exported_whole_in_both_forms_however_it_is_cut() {
    let place = Place::start().await;
    place.import("prod").await;
    let (store, id) = (&place.store, system("prod"));
    let now = AsOf::Now;
    let filter = AuditFilter { system_id: Some(id.clone()), ..AuditFilter::default() };
    let run = store.latest_published(&id).await.unwrap().unwrap().id;
    let changes = store.import_changes(run).await.unwrap();
    let changed = changes.accounts.len() + changes.resources.len() + changes.assignments.len();
    for (what, count) in [
        (What::Accounts, store.list_accounts(&id, now, &AccountFilter::default()).await.unwrap().len()),
        (What::Resources, store.list_resources(&id, now, &ResourceFilter::default()).await.unwrap().len()),
        (
            What::Assignments,
            store.list_assignments(&id, now, &AssignmentFilter::default()).await.unwrap().len(),
        ),
        (What::ImportRuns, 2),
        (What::Audit, store.audit(&filter, 1_000).await.unwrap().len()),
        (What::Jobs, 0),
        (What::Tasks, 0),
        (What::Changes, changed),
    ] {
        let name = what.as_str();
        let (kind, disposition, csv) = exported(&place, name).await;
        assert!(kind.starts_with("text/csv"), "{kind}");
        let run = if what.is_of_a_run() { "-run-3" } else { "" };
        assert_eq!(disposition, format!("attachment; filename=\"keyreeve-prod-{name}{run}.csv\""));
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
        assert_eq!(rows.len(), count, "{name}");
        let (kind, _, lines) = exported(&place, &format!("{name}?format=jsonl")).await;
        assert_eq!((kind.as_str(), lines.lines().count()), ("application/jsonl", count), "{name}");
        let parsed: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(parsed.iter().all(|one| one["system_id"] == "prod"));
        let address = format!("{BASE}/{name}?format=parquet");
        let answer = place.request(Method::GET, &address, Some(place.admin())).send().await.unwrap();
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/vnd.apache.parquet", "{name}");
        let file = answer.bytes().await.unwrap();
        assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1") && file.len() > 100, "{name}");
        for rows in [1, 7] {
            if what == What::Resources && rows == 1 {
                continue;
            }
            assert_eq!(pieces(&place, what, Format::Csv, rows).await, csv, "{name} {rows}");
            assert_eq!(pieces(&place, what, Format::Jsonl, rows).await, lines, "{name} {rows}");
        }
    }
    for (address, status) in [
        ("accounts?format=xml", 400),
        ("accounts?as_of=2001-01-01", 404),
        ("jobs?as_of=2030-01-01", 400),
        ("jobs?run=3", 400),
        ("accounts?run=99", 404),
        ("secrets", 404),
    ] {
        let (found, _) = place.ask(&format!("{BASE}/{address}"), Some(place.admin())).await;
        assert_eq!(found, status, "{address}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_of_one_moment_although_an_import_publishes_meanwhile() {
    let place = Place::start().await;
    for what in [What::Accounts, What::Assignments] {
        let before = pieces(&place, what, Format::Csv, 1_000).await;
        let mut export =
            Export::begin(place.store.clone(), asked(what, Format::Csv)).await.unwrap().at_once(5);
        let mut text = export.next().await.unwrap().unwrap();
        let groups = place.all("/api/v1/systems/prod/resources?type=group", 100).await;
        let name = format!("zz-{}", what.as_str());
        let wishes =
            json!({"wishes": [{"task": "create_account", "name": name, "groups": [groups[0]["name"]]}]});
        let job = place.post("/api/v1/systems/prod/jobs", &wishes).await.1;
        assert_eq!(place.ended(&format!("/api/v1/jobs/{}", job["id"])).await["state"], "succeeded", "{job}");
        place.import("prod").await;
        while let Some(piece) = export.next().await.unwrap() {
            text.extend(piece);
        }
        assert_eq!(String::from_utf8(text).unwrap(), before);
        assert_ne!(pieces(&place, what, Format::Csv, 5).await, before);
    }
    place.stop().await;
}

#[tokio::test]
async fn an_export_that_fails_on_the_way_says_so_and_never_ends_as_if_it_were_whole() {
    let place = Place::start().await;
    let asked = asked(What::Accounts, Format::Csv);
    let mut export = Export::begin(place.store.clone(), asked).await.unwrap().at_once(3);
    assert!(export.next().await.unwrap().is_some());
    place.store.close().await;
    assert!(matches!(export.next().await, Err(ExportError::Store(_))));
    place.stop().await;
}
