//! What an account holds, through what, since when, and by whose job: every policy that reaches it, and what limits them.

use std::collections::BTreeMap;

use keyreeve_model::{Account, Assignment, AssignmentKind, AssignmentState, ResourceType};
use keyreeve_store::{AsOf, AssignmentFilter, InlineHolder, InlineSince, ResourceFilter, Store, StoreError};

use super::at_moment;
use super::by::Origins;
use crate::console::moment::AS_OF;
use crate::console::parts::{Badge, Cell, Empty, Tone};
use crate::console::resources;
use crate::console::table::{Column, Filter, Listing, Shape, Table};
use crate::problem::Problem;

pub(super) static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("type", "Type"),
        Column::sorted("name", "Name"),
        Column::sorted("why", "Why"),
        Column::sorted("since", "Since"),
        Column::sorted("by", "By"),
        Column::sorted("state", "State"),
    ],
    filters: &[
        Filter { name: "q", label: "Name", choices: &[] },
        Filter {
            name: "type",
            label: "Type",
            choices: &[
                ("boundary", "Permissions boundary"),
                ("group", "Group"),
                ("policy", "Policy"),
                ("inline", "Inline policy"),
            ],
        },
        AS_OF,
    ],
    sort: "type",
};
/// Where the page has the inline policies of the account itself.
pub(super) const OWN: &str = "own-policies";

/// The types, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Type {
    Boundary,
    Group,
    Policy,
    Inline,
}

impl Type {
    fn word(self) -> &'static str {
        match self {
            Self::Boundary => "boundary",
            Self::Group => "group",
            Self::Policy => "policy",
            Self::Inline => "inline",
        }
    }

    fn called(self) -> &'static str {
        match self {
            Self::Boundary => "Permissions boundary",
            Self::Group => "Group",
            Self::Policy => "Policy",
            Self::Inline => "Inline policy",
        }
    }
}

/// Something that the account holds, or that limits it.
struct Held {
    of: Type,
    name: String,
    shown: Cell,
    why: String,
    since: Cell,
    by: Cell,
    state: Badge,
}

/// An inline policy of a group that the account is in.
struct OfGroup<'a> {
    membership: &'a Assignment,
    name: String,
    address: String,
    since: Option<InlineSince>,
}

/// What an account holds.
#[derive(Default)]
pub(super) struct Holds {
    held: Vec<Held>,
    /// What is not known of it, in sentences.
    pub(super) unknown: Vec<String>,
    /// Whether it is in a group, or has a policy attached, that can be taken from it.
    pub(super) can_be_taken: bool,
}

impl Holds {
    pub(super) async fn load(
        store: &Store,
        account: &Account,
        (moment, as_of): (AsOf, Option<&str>),
    ) -> Result<Self, StoreError> {
        let system = &account.system_id;
        let of_account = Some(account.external_id.to_string());
        let filter = AssignmentFilter { account: of_account, ..AssignmentFilter::default() };
        let own = store.list_assignments(system, moment, &filter).await?;
        let mut unknown = Vec::new();
        let mut through: Vec<(&Assignment, Assignment)> = Vec::new();
        let mut inline: Vec<OfGroup<'_>> = Vec::new();
        for membership in own.iter().filter(|one| one.kind == AssignmentKind::AccountGroup) {
            let name = &membership.resource_name;
            let known = match &membership.resource_external_id {
                Some(group) => store.find_resource(system, moment, group).await?,
                None => None,
            };
            let Some(group) = known else {
                unknown.push(format!("Which policies group {name} has: no import has read the group."));
                continue;
            };
            let filter = AssignmentFilter {
                group: Some(group.external_id.to_string()),
                kind: Some(AssignmentKind::GroupPolicy),
                ..AssignmentFilter::default()
            };
            let policies = store.list_assignments(system, moment, &filter).await?;
            through.extend(policies.into_iter().map(|one| (membership, one)));
            match &group.inline_policies {
                Some(policies) => {
                    let page = at_moment(resources::of(system, &group.external_id), as_of);
                    let of = (InlineHolder::Group, &group.external_id);
                    let since = match policies.is_empty() {
                        true => BTreeMap::new(),
                        false => store.inline_policies_since(system, moment, of).await?,
                    };
                    inline.extend(policies.iter().map(|one| OfGroup {
                        membership,
                        name: one.name.clone(),
                        address: format!("{page}#own"),
                        since: since.get(&one.name).copied(),
                    }));
                }
                None => unknown
                    .push(format!("Which inline policies group {name} has: no import could read them.")),
            }
        }
        if account.inline_policies.is_none() {
            unknown.push(
                "Its groups, its policies and its permissions boundary: no import could read them."
                    .to_owned(),
            );
        }
        let all = own.iter().chain(through.iter().map(|(_, one)| one));
        let own_inline = match account.inline_policies.as_deref().unwrap_or_default() {
            [] => BTreeMap::new(),
            _ => {
                let of = (InlineHolder::Account, &account.external_id);
                store.inline_policies_since(system, moment, of).await?
            }
        };
        let of_inline = inline.iter().filter_map(|one| one.since.as_ref()).chain(own_inline.values());
        let origins = Origins::of(store, system, all).await?.and_inline(store, of_inline).await?;
        let mut held: Vec<Held> = own.iter().map(|one| of_itself(one, &origins, as_of)).collect();
        held.extend(through.iter().map(|(membership, one)| {
            // Whatever came last of being in the group and of the group's having it.
            let last = if origins.is_later(membership, one) { membership } else { one };
            Held {
                of: Type::Policy,
                name: one.resource_name.clone(),
                shown: resources::link_of(one, as_of),
                why: format!("Through group {}", one.subject_name),
                since: origins.since(last),
                by: origins.by(last),
                state: of_state(membership.state),
            }
        }));
        held.extend(inline.into_iter().map(|OfGroup { membership, name, address, since: had }| {
            // Whatever came last of being in the group and of the group's having it. Where it is not known since when the
            // group has it, neither is known.
            let (since, by) = match had {
                Some(had) if !origins.is_inline_later(&had, membership) => {
                    (origins.since(membership), origins.by(membership))
                }
                had => origins.of_inline(had.as_ref()),
            };
            Held {
                of: Type::Inline,
                shown: Cell::link(address, name.clone()),
                name,
                why: format!("Of group {}", membership.resource_name),
                since,
                by,
                state: of_state(membership.state),
            }
        }));
        held.extend(account.inline_policies.iter().flatten().map(|one| {
            let (since, by) = origins.of_inline(own_inline.get(&one.name));
            Held {
                of: Type::Inline,
                name: one.name.clone(),
                shown: Cell::link(format!("#{OWN}"), one.name.clone()),
                why: "Of its own".to_owned(),
                since,
                by,
                state: of_state(AssignmentState::Actual),
            }
        }));
        if let Some(arn) = &account.permissions_boundary {
            held.push(boundary(store, account, arn, (moment, as_of)).await?);
        }
        let can_be_taken = own.iter().any(|one| one.state != AssignmentState::PendingRemove);
        Ok(Self { held, unknown, can_be_taken })
    }

    /// The table of it, as it is asked for.
    pub(super) fn table(mut self, listing: &Listing) -> Result<Table, Problem> {
        self.narrow(listing);
        let empty = Empty {
            title: "It holds nothing".to_owned(),
            text: "It is in no group, and no policy reaches it.".to_owned(),
            action: None,
        };
        listing.table(
            "What it holds",
            listing.cut(self.held)?,
            |(place, _)| *place,
            |(_, one)| cells(one),
            empty,
        )
    }

    /// All of it, as a file.
    pub(super) fn file(
        mut self,
        account: &Account,
        listing: &Listing,
    ) -> Result<axum::response::Response, Problem> {
        self.narrow(listing);
        listing.file((account.system_id.as_str(), &format!("{}-holds", account.name)), &self.held, cells)
    }

    /// An account holds so little (AWS has limits) that it is sorted here, by each column.
    fn narrow(&mut self, listing: &Listing) {
        let wanted = listing.filter("q").map(str::to_lowercase);
        let of = listing.filter("type");
        self.held.retain(|one| {
            of.is_none_or(|of| of == one.of.word())
                && wanted.as_ref().is_none_or(|wanted| one.name.to_lowercase().contains(wanted))
        });
        // What is alike in a column stands by type, name and why.
        self.held
            .sort_by(|one, other| (one.of, &one.name, &one.why).cmp(&(other.of, &other.name, &other.why)));
        match listing.order() {
            "type" => {}
            "-type" => self.held.reverse(),
            _ => self.held = listing.arranged(std::mem::take(&mut self.held), cells),
        }
    }
}

fn cells(one: &Held) -> Vec<Cell> {
    vec![
        Cell::text(one.of.called()),
        one.shown.clone(),
        Cell::text(one.why.clone()),
        one.since.clone(),
        one.by.clone(),
        Cell::Badge(one.state.clone()),
    ]
}

/// What is held without anything between.
fn of_itself(one: &Assignment, origins: &Origins, as_of: Option<&str>) -> Held {
    let (of, why) = match one.kind {
        AssignmentKind::AccountGroup => (Type::Group, "Member itself"),
        AssignmentKind::AccountPolicy | AssignmentKind::GroupPolicy => (Type::Policy, "Attached to it"),
    };
    Held {
        of,
        name: one.resource_name.clone(),
        shown: resources::link_of(one, as_of),
        why: why.to_owned(),
        since: origins.since(one),
        by: origins.by(one),
        state: of_state(one.state),
    }
}

/// The boundary, with the way to the policy where an import has read that.
async fn boundary(
    store: &Store,
    account: &Account,
    arn: &str,
    (moment, as_of): (AsOf, Option<&str>),
) -> Result<Held, StoreError> {
    let name = arn.rsplit('/').next().unwrap_or(arn).to_owned();
    let filter = ResourceFilter {
        kind: Some(ResourceType::Policy),
        name: Some(name.clone()),
        ..ResourceFilter::default()
    };
    let found = store.list_resources(&account.system_id, moment, &filter).await?;
    let policy = found.into_iter().find(|one| one.arn == arn);
    Ok(Held {
        of: Type::Boundary,
        shown: match policy {
            Some(policy) => Cell::link(
                at_moment(resources::of(&account.system_id, &policy.external_id), as_of),
                name.clone(),
            ),
            None => Cell::Code(arn.to_owned()),
        },
        name,
        why: "Gives nothing: what is given holds as far as it allows".to_owned(),
        since: Cell::None,
        by: Cell::None,
        state: Badge::new(Tone::Notice, "Limits"),
    })
}

/// Whether AWS has an assignment, or a change of ours waits for an import.
pub(in crate::console) fn of_state(state: AssignmentState) -> Badge {
    match state {
        AssignmentState::Actual => Badge::new(Tone::Good, "Seen"),
        AssignmentState::PendingAdd => Badge::new(Tone::Notice, "Added, not confirmed"),
        AssignmentState::PendingRemove => Badge::new(Tone::Notice, "Removed, not confirmed"),
    }
}
