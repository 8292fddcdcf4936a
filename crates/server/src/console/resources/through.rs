//! Who holds a policy through a group: the members of the groups that it is attached to.

use keyreeve_model::{Assignment, AssignmentKind, AssignmentPlace, ExternalId, Resource};
use keyreeve_store::{AsOf, AssignmentFilter, AssignmentSlice, Store, StoreError};

use super::of;
use crate::console::accounts::{self, Origins, at_moment, of_state};
use crate::console::parts::{Cell, Link};
use crate::console::systems;

/// How the filter of holders asks for them.
pub(super) const THROUGH: &str = "through";

/// An account, and the group through which it holds something.
pub(super) struct Member {
    group: Assignment,
    membership: Assignment,
}

/// Where one stands: the group, and the member's place in it.
pub(super) type MemberPlace = (ExternalId, AssignmentPlace);

impl Member {
    pub(super) fn place(&self) -> MemberPlace {
        (self.group.subject_external_id.clone(), self.membership.place())
    }

    /// What is known of when and by whom it came to be.
    pub(super) fn assignments(&self) -> [&Assignment; 2] {
        [&self.group, &self.membership]
    }

    pub(super) fn cells(&self, origins: &Origins, as_of: Option<&str>) -> Vec<Cell> {
        let Self { group, membership } = self;
        let account = accounts::of(&membership.system_id, &membership.subject_external_id);
        let through = at_moment(of(&group.system_id, &group.subject_external_id), as_of);
        // Whatever came last of being in the group and of the group's having it.
        let last = if origins.is_later(membership, group) { membership } else { group };
        vec![
            Cell::link(at_moment(account, as_of), membership.subject_name.clone()),
            Cell::TextOf("Member of".to_owned(), Link::new(through, group.subject_name.clone())),
            origins.since(last),
            origins.by(last),
            Cell::Badge(of_state(membership.state)),
        ]
    }
}

/// The groups that a policy is attached to, by their names.
pub(super) async fn groups(
    store: &Store,
    policy: &Resource,
    moment: AsOf,
) -> Result<Vec<Assignment>, StoreError> {
    let filter = AssignmentFilter {
        policy: Some(policy.arn.clone()),
        kind: Some(AssignmentKind::GroupPolicy),
        ..AssignmentFilter::default()
    };
    store.list_assignments(&policy.system_id, moment, &filter).await
}

/// The members of these groups: group by group, so many at most, and after a place.
pub(super) async fn members(
    store: &Store,
    mut groups: Vec<Assignment>,
    moment: AsOf,
    (after, descending, limit): (Option<MemberPlace>, bool, u32),
) -> Result<Vec<Member>, StoreError> {
    if descending {
        groups.reverse();
    }
    let (mut after, mut found) = (after, Vec::new());
    for group in groups {
        // Those before the group of the place were on pages before.
        if after.as_ref().is_some_and(|(of, _)| *of != group.subject_external_id) {
            continue;
        }
        let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        if left == 0 {
            break;
        }
        let filter = members_of(&group);
        let slice = AssignmentSlice { descending, after: after.take().map(|(_, place)| place), limit: left };
        let members = store.assignments_slice(&group.system_id, moment, &filter, &slice).await?;
        found.extend(members.into_iter().map(|membership| Member { group: group.clone(), membership }));
    }
    Ok(found)
}

/// How many members these groups have, an account counted once for each of its groups; but no more than so many.
pub(super) async fn count(
    store: &Store,
    groups: &[Assignment],
    moment: AsOf,
    most: u32,
) -> Result<u64, StoreError> {
    let mut counted = 0;
    for group in groups {
        let filter = members_of(group);
        let left = most.saturating_sub(u32::try_from(counted).unwrap_or(u32::MAX));
        if left == 0 {
            break;
        }
        counted += store.count_assignments(&group.system_id, moment, &filter, left).await?;
    }
    Ok(counted)
}

fn members_of(group: &Assignment) -> AssignmentFilter {
    AssignmentFilter {
        group: Some(group.subject_external_id.to_string()),
        kind: Some(AssignmentKind::AccountGroup),
        ..AssignmentFilter::default()
    }
}

/// Where all accounts are listed that a policy reaches.
pub(super) fn all(policy: &Resource, as_of: Option<&str>) -> String {
    let list = systems::within(&policy.system_id, "accounts");
    let asked = [("policy", Some(policy.arn.as_str())), ("through", Some("groups")), ("as_of", as_of)];
    crate::console::address::asking(&list, asked.into_iter().filter_map(|(name, value)| Some((name, value?))))
}
