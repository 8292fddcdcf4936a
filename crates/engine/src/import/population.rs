//! How much there is: what thresholds measure against. Pure.

use std::collections::HashMap;

use keyreeve_model::{ImportScope, Inventory, ObjectType, Population};

/// How much of each type was known inside the run's scope: what thresholds measure against.
pub(super) fn population_in_scope(known: &Inventory, scope: &ImportScope) -> Population {
    let paths: HashMap<_, _> =
        known.accounts.iter().map(|account| (&account.external_id, account.path.as_str())).collect();
    let accounts = known.accounts.iter().filter(|account| scope.covers_account(account));
    let resources = known.resources.iter().filter(|resource| scope.covers_resource(resource));
    let assignments = known.assignments.iter().filter(|assignment| {
        scope.covers_assignment(assignment, paths.get(&assignment.subject_external_id).copied())
    });
    let mut population = Population::new();
    let types = (accounts.map(|_| ObjectType::Account))
        .chain(resources.map(ObjectType::of_resource))
        .chain(assignments.map(ObjectType::of_assignment));
    for object_type in types {
        *population.entry(object_type).or_default() += 1;
    }
    population
}
