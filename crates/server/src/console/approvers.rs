//! Who may approve what waits for a second person, and who may decide about what waits for any.

use keyreeve_model::{Person, SystemId};

use crate::parts::Parts;
use crate::problem::Problem;

/// So many are named.
const NAMED: usize = 10;

/// Who may approve changes of a system that somebody asks for, in a sentence.
pub(super) async fn approvers(parts: &Parts, system: &SystemId, asked_by: &str) -> Result<String, Problem> {
    let is_another = |person: &Person| !person.name.eq_ignore_ascii_case(asked_by);
    Ok(said("approve it", &named(parts, system, is_another).await?))
}

/// Who may accept or reject what a run of a system found, in a sentence.
pub(super) async fn deciders(parts: &Parts, system: &SystemId) -> Result<String, Problem> {
    Ok(said("accept or reject it", &named(parts, system, |_| true).await?))
}

/// Those of them who may approve in a system.
async fn named(
    parts: &Parts,
    system: &SystemId,
    is_one: impl Fn(&Person) -> bool,
) -> Result<Vec<String>, Problem> {
    let may = |person: &Person| {
        person.role.may_approve()
            && person.disabled_at.is_none()
            && (person.systems.is_empty() || person.systems.contains(system))
            && is_one(person)
    };
    let people = parts.store.people().await?;
    let called = |one: &Person| one.shown_as.as_ref().unwrap_or(&one.name).clone();
    Ok(people.iter().filter(|person| may(person)).map(called).collect())
}

fn said(what: &str, names: &[String]) -> String {
    match names {
        [] => format!(
            "Nobody who signs in here may {what} at present: an admin adds somebody with the role approver, under \
             Settings, People."
        ),
        names => {
            let named = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let more = if names.len() > NAMED { ", and others" } else { "" };
            format!("Who may {what}: {named}{more}.")
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn who_may_approve_is_named_or_that_nobody_may() {
        let said = |names: &[String]| super::said("approve it", names);
        assert!(said(&[]).starts_with("Nobody who signs in here may approve it"));
        assert_eq!(said(&["bo".to_owned(), "ada".to_owned()]), "Who may approve it: bo, ada.");
        assert!(said(&vec!["a".to_owned(); 11]).ends_with("a, a, and others."));
    }
}
