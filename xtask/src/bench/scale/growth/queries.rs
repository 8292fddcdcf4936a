//! What is asked of a fleet: the same of a small one and of a large one.

use anyhow::{Context, Result};
use serde_json::Value;

use super::people::{COMMON, OWN, RARE, WIDE};
use crate::bench::serve::{account::system, client::Client, mix::encoded};

/// Systems that somebody works with.
const WORKED: usize = 10;
/// Systems of which the inhabitants are known, from one end of the fleet to the other.
const KNOWN: u32 = 50;
/// Users that are known of each.
const USERS: u32 = 20;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Over REST, with a token.
    Program,
    /// For a page of the console.
    Person,
}

/// One request.
pub(super) struct Asked {
    pub(super) label: &'static str,
    pub(super) who: Who,
    pub(super) path: String,
}

/// What is known of a fleet.
pub(super) struct Known {
    systems: u32,
    /// System, name and id.
    users: Vec<(String, String, String)>,
    /// Two times between which the first system has changed.
    pub(super) dates: [String; 2],
}

impl Known {
    /// Reads it from the server itself.
    pub(super) fn gather(client: &mut Client<'_>, systems: u32, dates: [String; 2]) -> Result<Self> {
        let mut users = Vec::new();
        for place in 0..KNOWN {
            let system = system(u32::try_from(u64::from(place) * u64::from(systems) / u64::from(KNOWN))?);
            let path = format!("/api/v1/systems/{system}/accounts?limit={USERS}");
            let listed = client.json("GET", &path, None)?;
            let text = |one: &Value, name: &str| Some(one.get(name)?.as_str()?.to_owned());
            let of =
                listed.get("items").and_then(Value::as_array).with_context(|| format!("{path}: no list"))?;
            let of = of
                .iter()
                .filter_map(|one| Some((system.clone(), text(one, "name")?, text(one, "external_id")?)));
            // Whoever has a name that others have too is found more than once.
            users.extend(of.filter(|(_, name, _)| name != COMMON));
        }
        users.first().context("the fleet has no accounts")?;
        Ok(Self { systems, users, dates })
    }

    /// The requests of a turn. Each is about other systems and users than that of the turn before.
    pub(super) fn turn(&self, turn: usize) -> Vec<Asked> {
        let nobody = (String::new(), String::new(), String::new());
        let (of, name, id) = self.users.get(turn * 37 % self.users.len().max(1)).unwrap_or(&nobody);
        // A prime that is no divisor of a number of systems, so that all of them have their turn.
        let any = system(u32::try_from(turn * 7_919 % (self.systems as usize).max(1)).unwrap_or(0));
        let worked = system(u32::try_from(turn % WORKED).unwrap_or(0));
        let first = system(0);
        let [from, to] = self.dates.each_ref().map(|date| encoded(date));
        let (name, id) = (encoded(name), encoded(id));
        let part = |text: &str, from: usize| text.get(from..).unwrap_or(text).to_owned();
        let held = |what: &str| format!("/api/v1/assignments?resource={}&limit=100", encoded(what));
        let search = |text: &str| format!("/search?q={text}");
        let held_page = |what: &str| format!("/held?resource={}", encoded(what));
        let program = [
            (
                "REST: difference of two dates",
                format!("/api/v1/systems/{first}/differences?from={from}&to={to}"),
            ),
            ("REST: who holds a policy of AWS in all systems, the first 100", held(WIDE)),
            ("REST: who holds a policy in all systems that 30 hold", held(RARE)),
            ("REST: who holds a policy of that name in all systems, the first 100", held(OWN)),
            (
                "REST: accounts of a system, the first 100",
                format!("/api/v1/systems/{any}/accounts?limit=100"),
            ),
            ("REST: an account", format!("/api/v1/systems/{of}/accounts/{id}")),
        ];
        let person = [
            ("search: a name that one has", search(&name)),
            ("search: a name in ten systems", search(COMMON)),
            ("search: a part of a name in ten systems", search(&part(COMMON, 8))),
            ("search: three letters", search("ada")),
            ("search: a word that more than 1,000 have", search("staff")),
            ("search: nobody", search("nobody-has-this")),
            ("held in all systems: a policy of AWS", held_page(WIDE)),
            ("held in all systems: a policy that 30 hold", held_page(RARE)),
            ("home", "/".to_owned()),
            ("systems", "/systems".to_owned()),
            ("accounts of a system that is often looked at", format!("/systems/{worked}/accounts")),
            ("accounts of any system", format!("/systems/{any}/accounts")),
            ("account", format!("/systems/{of}/accounts/{id}")),
        ];
        let of = |who: Who| move |(label, path): (&'static str, String)| Asked { label, who, path };
        program.into_iter().map(of(Who::Program)).chain(person.into_iter().map(of(Who::Person))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_system_has_its_turn_and_each_turn_asks_the_same() {
        let users = (0..40).map(|number| (system(number), format!("u{number}"), format!("AIDA{number}")));
        let known = Known { systems: 100, users: users.collect(), dates: ["a b".to_owned(), "c".to_owned()] };
        let path = |turn, label: &str| {
            let asked = known.turn(turn).into_iter().find(|asked| asked.label == label);
            asked.unwrap().path
        };
        let any: BTreeSet<String> = (0..100).map(|turn| path(turn, "accounts of any system")).collect();
        assert_eq!(any.len(), 100);
        let worked = "accounts of a system that is often looked at";
        let worked: BTreeSet<String> = (0..100).map(|turn| path(turn, worked)).collect();
        assert_eq!(worked.len(), WORKED);
        let labels = |turn| known.turn(turn).into_iter().map(|asked| asked.label).collect::<Vec<_>>();
        assert_eq!(labels(0), labels(7));
        assert_eq!(labels(0).iter().collect::<BTreeSet<_>>().len(), labels(0).len());
        assert!(path(0, "REST: difference of two dates").ends_with("?from=a%20b&to=c"));
        assert!(path(0, "search: a part of a name in ten systems").ends_with("?q=uillfeather"));
    }
}
