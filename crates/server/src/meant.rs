//! Whom a change means by the names that it has: names pass from one to another in AWS, ids never do.

use std::collections::BTreeMap;

use keyreeve_engine::plan::Plan;
use keyreeve_model::ExternalId;
use serde::{Deserialize, Serialize};

/// The ids of those whom a change has by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meant {
    /// Users by their names.
    pub(crate) users: BTreeMap<String, ExternalId>,
    /// The group that is changed.
    pub(crate) group: Option<(String, ExternalId)>,
}

impl Meant {
    /// One user.
    pub(crate) fn user(name: &str, id: &ExternalId) -> Self {
        Self { users: BTreeMap::from([(name.to_owned(), id.clone())]), group: None }
    }

    /// What whoever is given by id is called; a name stays as it is.
    pub(crate) fn called<'a>(&'a self, given: &'a str) -> &'a str {
        let named = self.users.iter().find(|(_, id)| id.as_str() == given);
        named.map_or(given, |(name, _)| name.as_str())
    }

    /// The same by the names that users have in a plan, which may have others by now than were known.
    #[must_use]
    pub(crate) fn called_as_in(mut self, plan: &Plan) -> Self {
        for task in &plan.tasks {
            let Some(found) = &task.account_external_id else { continue };
            let before = self.users.len();
            self.users.retain(|_, id| id != found);
            if self.users.len() < before {
                self.users.insert(task.account.clone(), found.clone());
            }
        }
        self
    }

    /// Why a plan is about another one of the same name; `None` when it is not.
    pub(crate) fn another(&self, plan: &Plan) -> Option<String> {
        let other = |what, name: &str, id: &ExternalId| {
            format!(
                "the {what} of the id {id} is not {name} at AWS any more: another {what} has that name now, and was left \
                 alone; import the system, then read the {what} again"
            )
        };
        for task in &plan.tasks {
            let lost = self.users.iter().find(|(_, id)| id.as_str() == task.account);
            if let (Some((name, id)), None) = (lost, &task.account_external_id) {
                return Some(format!(
                    "the user of the id {id}, which was {name}, is not at AWS any more; if another user has that name now, it \
                     was left alone; import the system, then read the user again"
                ));
            }
            let named = self.users.iter().find(|(name, _)| name.eq_ignore_ascii_case(&task.account));
            if let (Some((name, id)), Some(found)) = (named, &task.account_external_id)
                && id != found
            {
                return Some(other("user", name, id));
            }
        }
        let (name, id) = self.group.as_ref()?;
        plan.id_of_group(name).filter(|found| *found != id.as_str()).map(|_| other("group", name, id))
    }
}

#[cfg(test)]
mod tests {
    use keyreeve_model::ImportRunId;

    use super::*;

    #[test]
    fn s10_a_group_of_the_same_name_is_not_the_group() {
        let basis = BTreeMap::from([("group admins".to_owned(), "AGPA2".to_owned())]);
        let system_id = "prod".parse().unwrap();
        let plan =
            Plan { system_id, run: ImportRunId(1), tasks: Vec::new(), approval_because: Vec::new(), basis };
        let meant = |id: &str| Meant {
            group: Some(("admins".to_owned(), ExternalId::new(id).unwrap())),
            ..Meant::default()
        };
        assert_eq!(meant("AGPA2").another(&plan), None);
        assert!(meant("AGPA1").another(&plan).unwrap().contains("AGPA1"));
    }
}
