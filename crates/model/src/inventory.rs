//! Everything known of a system at one moment.

use serde::{Deserialize, Serialize};

use crate::{Account, Assignment, ObjectType, Population, Resource};

/// The accounts, resources and assignments of one system, each list sorted by name, then external id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Inventory {
    /// IAM users.
    pub accounts: Vec<Account>,
    /// Groups and policies.
    pub resources: Vec<Resource>,
    /// Who holds what.
    pub assignments: Vec<Assignment>,
}

impl Inventory {
    /// Puts the lists into their order: by name, then external id, in byte order.
    pub fn sort(&mut self) {
        self.accounts.sort_unstable_by(|a, b| (&a.name, &a.external_id).cmp(&(&b.name, &b.external_id)));
        self.resources.sort_unstable_by(|a, b| (&a.name, &a.external_id).cmp(&(&b.name, &b.external_id)));
        self.assignments.sort_unstable_by(Assignment::in_lists);
    }

    /// How many objects there are of each type.
    #[must_use]
    pub fn population(&self) -> Population {
        let mut population = Population::new();
        let mut count = |object_type| *population.entry(object_type).or_default() += 1;
        self.accounts.iter().for_each(|_| count(ObjectType::Account));
        self.resources.iter().for_each(|resource| count(ObjectType::of_resource(resource)));
        self.assignments.iter().for_each(|assignment| count(ObjectType::of_assignment(assignment)));
        population
    }
}

/// What assignments are sorted by: holder, then resource, then what tells namesakes apart.
pub(crate) fn order_of(assignment: &Assignment) -> impl Ord + '_ {
    (
        assignment.subject_name.as_str(),
        assignment.subject_external_id.as_str(),
        assignment.kind,
        assignment.resource_name.as_str(),
        assignment.resource_arn.as_deref(),
    )
}
