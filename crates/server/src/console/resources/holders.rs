//! Who holds a group or policy: by their names as the store has them, or, where they are few, in the order of another column.

use keyreeve_model::{Assignment, AssignmentPlace, Resource};
use keyreeve_store::{AsOf, AssignmentSlice, Store};
use serde::Serialize;

use super::show::{held_by, is_removable, of_holder};
use super::through::{self, Member, MemberPlace};
use crate::console::accounts::Origins;
use crate::console::parts::Cell;
use crate::console::table::Listing;
use crate::problem::Problem;

/// So many are sorted here by what there is no index by. Since when somebody holds something is worked out from jobs and
/// imports, so the first of more could be found only by working it out for all of them.
const SORTED_HERE: u32 = 1_000;
/// The columns that these are sorted by.
pub(super) const SORTED: [&str; 4] = ["how", "since", "by", "state"];
const TOO_MANY: &str = "more than 1,000 hold it, and so many are sorted by their names alone";

/// An account or a group that holds it.
pub(super) enum Holder {
    Itself(Assignment),
    ThroughGroup(Member),
}

/// Where one stands in the list.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Place {
    Itself(AssignmentPlace),
    ThroughGroup(MemberPlace),
    At(usize),
}

/// Those of a page, and what is known of how they came to hold it.
pub(super) struct Holders {
    pub(super) rows: Vec<(Place, Holder)>,
    pub(super) origins: Origins,
}

impl Holder {
    fn place(&self) -> Place {
        match self {
            Self::Itself(one) => Place::Itself(one.place()),
            Self::ThroughGroup(member) => Place::ThroughGroup(member.place()),
        }
    }

    fn assignments(&self) -> Vec<&Assignment> {
        match self {
            Self::Itself(one) => vec![one],
            Self::ThroughGroup(member) => member.assignments().into(),
        }
    }

    /// Whether it can be taken away from here.
    pub(super) fn is_removable(&self) -> bool {
        matches!(self, Self::Itself(one) if is_removable(one))
    }

    pub(super) fn cells(&self, origins: &Origins, (then, may_change): (Option<&str>, bool)) -> Vec<Cell> {
        match self {
            Self::Itself(one) => of_holder(one, origins, (then, may_change)),
            Self::ThroughGroup(member) => {
                let mut cells = member.cells(origins, then);
                cells.extend(may_change.then_some(Cell::None));
                cells
            }
        }
    }
}

/// What is asked: of which resource, as of when, and through which groups it reaches accounts.
pub(super) struct Question<'a> {
    pub(super) store: &'a Store,
    pub(super) resource: &'a Resource,
    pub(super) moment: AsOf,
    pub(super) groups: Vec<Assignment>,
}

impl Question<'_> {
    /// Those that are asked for, and one more if there are more.
    pub(super) async fn answer(self, listing: &mut Listing) -> Result<Holders, Problem> {
        let limit = listing.limit()?.saturating_add(1);
        let by_groups = listing.filter("kind") == Some(through::THROUGH);
        if self.are_many(by_groups, listing.filter("kind")).await? {
            listing.without_sorts(&SORTED, TOO_MANY)?;
        }
        if !SORTED.contains(&listing.sort().0) {
            let descending = listing.reading().starts_with('-');
            let slice = (descending, limit);
            let held = match by_groups {
                true => self.members(slice, listing.after()?).await?,
                false => self.itself(slice, listing.after()?, listing.filter("kind")).await?,
            };
            let origins = self.origins(&held).await?;
            return Ok(Holders { rows: held.into_iter().map(|one| (one.place(), one)).collect(), origins });
        }
        let all = (false, SORTED_HERE.saturating_add(1));
        let held = match by_groups {
            true => self.members(all, None).await?,
            false => self.itself(all, None, listing.filter("kind")).await?,
        };
        let origins = self.origins(&held).await?;
        let held = listing.arranged(held, |one| one.cells(&origins, (None, false)));
        let rows = match listing.is_file() {
            true => (1..).zip(held).collect(),
            false => listing.cut(held)?,
        };
        Ok(Holders { rows: rows.into_iter().map(|(at, one)| (Place::At(at), one)).collect(), origins })
    }

    /// Whether there are more than are sorted here.
    async fn are_many(&self, by_groups: bool, kind: Option<&str>) -> Result<bool, Problem> {
        let most = SORTED_HERE.saturating_add(1);
        if !by_groups {
            let filter = held_by(self.resource, kind);
            let system = &self.resource.system_id;
            let counted = self.store.count_assignments(system, self.moment, &filter, most).await?;
            return Ok(counted > u64::from(SORTED_HERE));
        }
        Ok(through::count(self.store, &self.groups, self.moment, most).await? > u64::from(SORTED_HERE))
    }

    async fn members(
        &self,
        (descending, limit): (bool, u32),
        after: Option<MemberPlace>,
    ) -> Result<Vec<Holder>, Problem> {
        let groups = self.groups.clone();
        let found = through::members(self.store, groups, self.moment, (after, descending, limit)).await?;
        Ok(found.into_iter().map(Holder::ThroughGroup).collect())
    }

    async fn itself(
        &self,
        (descending, limit): (bool, u32),
        after: Option<AssignmentPlace>,
        kind: Option<&str>,
    ) -> Result<Vec<Holder>, Problem> {
        let slice = AssignmentSlice { descending, after, limit };
        let filter = held_by(self.resource, kind);
        let found =
            self.store.assignments_slice(&self.resource.system_id, self.moment, &filter, &slice).await?;
        Ok(found.into_iter().map(Holder::Itself).collect())
    }

    async fn origins(&self, held: &[Holder]) -> Result<Origins, Problem> {
        let all: Vec<&Assignment> = held.iter().flat_map(Holder::assignments).collect();
        Ok(Origins::of(self.store, &self.resource.system_id, all.into_iter()).await?)
    }
}
