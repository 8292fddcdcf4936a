//! The tree of organizational units.

use std::collections::BTreeMap;

use super::{Organization, Unit};
use crate::seeded::Seeded;

impl Organization {
    /// The id of the unit at a path such as `/Workloads/Production`, which is made where it is missing; `/` is the root.
    pub(super) fn place(&mut self, path: &str) -> String {
        let names = path.split('/').filter(|name| !name.is_empty());
        let mut parent = self.root.clone();
        for name in names {
            let known = self.units.iter().find(|(_, unit)| unit.parent == parent && unit.name == name);
            parent = match known {
                Some((id, _)) => id.clone(),
                None => self.add_unit(&parent, name),
            };
        }
        parent
    }

    fn add_unit(&mut self, parent: &str, name: &str) -> String {
        let label = format!("unit/{}/{parent}/{name}", self.id);
        let of_root = self.root.trim_start_matches("r-");
        let prefix = format!("ou-{of_root}-");
        let id = Seeded::new(self.seed, &label).base32(&prefix, 8).to_ascii_lowercase();
        let unit = Unit { name: name.to_owned(), parent: parent.to_owned(), tags: BTreeMap::new() };
        self.units.insert(id.clone(), unit);
        id
    }
}
