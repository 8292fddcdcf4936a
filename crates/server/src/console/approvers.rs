//! Who may approve what waits for a second person.

use keyreeve_model::{Person, SystemId};

use crate::parts::Parts;
use crate::problem::Problem;

/// So many are named.
const NAMED: usize = 10;

/// Who may approve changes of a system that somebody asks for, in a sentence.
pub(super) async fn approvers(parts: &Parts, system: &SystemId, asked_by: &str) -> Result<String, Problem> {
    let may = |person: &Person| {
        person.role.may_approve()
            && person.disabled_at.is_none()
            && (person.systems.is_empty() || person.systems.contains(system))
            && !person.name.eq_ignore_ascii_case(asked_by)
    };
    let people = parts.store.people().await?;
    let names: Vec<String> = people
        .iter()
        .filter(|person| may(person))
        .map(|one| one.shown_as.as_ref().unwrap_or(&one.name).clone())
        .collect();
    Ok(said(&names))
}

fn said(names: &[String]) -> String {
    match names {
        [] => "Nobody who signs in here may approve it at present: an admin adds somebody with the role approver, \
               under Settings, People."
            .to_owned(),
        names => {
            let named = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            let more = if names.len() > NAMED { ", and others" } else { "" };
            format!("Who may approve it: {named}{more}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_approve_is_named_or_that_nobody_may() {
        assert!(said(&[]).starts_with("Nobody who signs in here may approve it"));
        assert_eq!(said(&["bo".to_owned(), "ada".to_owned()]), "Who may approve it: bo, ada.");
        assert!(said(&vec!["a".to_owned(); 11]).ends_with("a, a, and others."));
    }
}
