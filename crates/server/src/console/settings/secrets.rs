//! `/settings/secrets`: how old the keys are that Keyreeve itself holds. No secret is shown.

use axum::extract::State;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use keyreeve_engine::key_ages::{OLDEST_ACCESS_KEY, OLDEST_STORE_KEY, access_key_stored};

use super::{ListPage, administers_all, frame, tabs};
use crate::console::numbers::counted;
use crate::console::page::shown;
use crate::console::parts::{Badge, Cell, Empty, Tone};
use crate::console::systems;
use crate::console::table::{Column, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

const COLUMNS: [Column; 5] = [
    Column::plain("Of"),
    Column::plain("Key"),
    Column::plain("State"),
    Column::plain("Kept since"),
    Column::plain("What to do"),
];

pub(super) async fn page(visitor: Visitor, State(parts): State<Parts>) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let now = parts.clock.now();
    let status = parts.store.key_status().await?;
    let of_store = (status.active.created_at, OLDEST_STORE_KEY);
    let changing = status.coming.is_some();
    let mut rows = vec![vec![
        Cell::text("The store"),
        Cell::text(format!("Key {}", status.active.version)),
        Cell::Badge(badge(of_store, changing, now)),
        Cell::Time(Time::at(status.active.created_at)),
        advice(of_store, changing, now, "keyreeve secrets rekey"),
    ]];
    for system in parts.store.list_systems(false).await? {
        let stored = access_key_stored(&parts.store, &system).await?;
        let (Some(id), Some(stored)) = (system.credential.access_key_id(), stored) else { continue };
        let rotating = parts.store.key_rotation(&system.system_id).await?.is_some();
        let rotate = format!("keyreeve system rotate-key {}", system.system_id);
        rows.push(vec![
            Cell::link(systems::of(&system.system_id), system.system_id.to_string()),
            Cell::Code(id.to_owned()),
            Cell::Badge(badge((stored, OLDEST_ACCESS_KEY), rotating, now)),
            Cell::Time(Time::at(stored)),
            advice((stored, OLDEST_ACCESS_KEY), rotating, now, &rotate),
        ]);
    }
    let empty = Empty { title: "No key".to_owned(), text: String::new(), action: None };
    let page = ListPage {
        frame: frame(&visitor, "Secrets"),
        title: "Secrets",
        tabs: tabs(&visitor, "secrets"),
        table: Table::whole("Keys and their age", &COLUMNS, rows, empty),
        adding: None,
        wrong: None,
    };
    Ok(shown(&page))
}

fn is_old((since, oldest): (Timestamp, SignedDuration), now: Timestamp) -> bool {
    now.duration_since(since) > oldest
}

fn badge(key: (Timestamp, SignedDuration), changing: bool, now: Timestamp) -> Badge {
    let days = now.duration_since(key.0).as_hours() / 24;
    let old = counted(days, "day", "days");
    match (changing, is_old(key, now)) {
        (true, _) => Badge::new(Tone::Warning, "Change not ended"),
        (false, true) => Badge::new(Tone::Warning, format!("{old} old")),
        (false, false) => Badge::new(Tone::Good, format!("{old} old")),
    }
}

fn advice(key: (Timestamp, SignedDuration), changing: bool, now: Timestamp, command: &str) -> Cell {
    match (changing, is_old(key, now)) {
        (true, _) => Cell::text(format!("A change was begun and not ended; go on with it: {command}")),
        (false, true) => Cell::text(format!("Replace it: {command}")),
        (false, false) => Cell::None,
    }
}
