//! Unique ids and key pairs: in AWS's shape, the same for the same seed and history.

use super::State;
use crate::seeded::Seeded;

/// The part of a unique id that differs between things of the same kind.
pub(crate) fn suffix(id: &str) -> &str {
    id.get(4..).unwrap_or_default()
}

impl State {
    /// Chance for the next new thing of this account.
    pub(crate) fn next_chance(&mut self) -> Seeded {
        self.serial += 1;
        Seeded::new(self.seed, &format!("{}/{}", self.account_id, self.serial))
    }

    /// A new unique id: `AIDA` users, `AGPA` groups, `ANPA` policies, `AROA` roles.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        self.next_chance().base32(prefix, 17)
    }
}
