//! What of one system needs a person, for the page of it.

use askama::Template;
use keyreeve_model::System;

use super::{CONFIRMED_WITHIN, LATELY, Need, ago, needs};
use crate::console::imports;
use crate::console::parts::{Badge, Cell, Facts, drawn};
use crate::console::time::Time;
use crate::parts::Parts;
use crate::problem::Problem;

/// What needs a person, and how the imports stand.
#[derive(Template)]
#[template(path = "console/part/needs.html")]
pub(in crate::console) struct Needs {
    needs: Vec<Need>,
    stands: Facts,
}

impl Needs {
    pub(in crate::console) async fn of(parts: &Parts, system: &System) -> Result<Self, Problem> {
        let now = parts.clock.now();
        let id = &system.system_id;
        let own = std::slice::from_ref(id);
        let (lately, confirmed) = (ago(LATELY, now), ago(CONFIRMED_WITHIN, now));
        let attention = parts.store.attention(lately, confirmed, Some(own)).await?;
        let passwords = parts.store.unclaimed_passwords(now, Some(own)).await?;
        let standing = parts.store.standings(own).await?;
        let standing = standing.first();
        let run = |run, text: &str| Cell::link(imports::of(run), format!("Run {run}, {text}"));
        let mut facts = vec![(
            "Last import",
            standing.and_then(|one| one.last).map_or(Cell::text("none yet"), |(last, state, _)| {
                run(last, Badge::of_run(state).text.as_str())
            }),
        )];
        if let Some((_, _, at)) = standing.and_then(|one| one.last) {
            facts.push(("Begun", Cell::Time(Time::ago(at, now))));
        }
        if let Some((published, at)) = standing.and_then(|one| one.published) {
            facts.push((
                "What is known is of",
                Cell::link(imports::of(published), format!("Run {published}")),
            ));
            facts.push(("Published", Cell::Time(Time::ago(at, now))));
        }
        if let Some(users) = standing.and_then(|one| one.users) {
            facts.push(("Accounts", Cell::Number(users)));
        }
        Ok(Self { needs: needs(attention, passwords, now), stands: Facts { facts } })
    }
}

drawn!(Needs);
