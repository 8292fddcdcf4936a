//! Whom else the list of ways to become an administrator makes one: the other users, the groups, and the policies there
//! are.

use keyreeve_policy::PolicySet;

use super::escalation::{Administrator, Holder, Surroundings, is_about_any};
use super::own::Details;

/// A user name that nobody has: whoever is put into a group, or is given a policy.
const SOMEBODY: &str = "keyreeve-probe-4c0e7b9ad215f683";

/// Who may be as strong as an administrator.
struct Candidate<'a> {
    kind: Kind,
    arn: &'a str,
    username: &'a str,
    policies: PolicySet,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    Group,
    Policy,
}

impl Candidate<'_> {
    fn holder(&self) -> Holder<'_> {
        Holder::other(&self.policies, self.username)
    }
}

impl Details {
    /// Adds to the administrators who can become one, and what makes one of whom. Whoever is found may be whom another
    /// gets at, so all are looked at again until nobody more is found; the same for those of whom a condition leaves it
    /// open.
    pub(super) fn add_who_becomes_one(&self, surroundings: &mut Surroundings, id: &str) {
        let mut left = self.candidates(surroundings, id);
        until_none_is_found(&mut left, |one| {
            let Some(way) = surroundings.way(one.holder()) else { return false };
            let found = Administrator { arn: one.arn.to_owned(), by: way.in_short() };
            match one.kind {
                Kind::User => surroundings.administrators.push(found),
                Kind::Group => surroundings.administrator_groups.push(found),
                Kind::Policy => surroundings.administrator_policies.push(found.arn),
            }
            true
        });
        // Said of each that is not read already.
        left.retain(|one| surroundings.unread.iter().all(|unread| unread.arn != one.arn));
        until_none_is_found(&mut left, |one| {
            let doubts: Vec<String> = surroundings.doubts(one.holder()).into_iter().collect();
            if !doubts.is_empty() {
                let found = Administrator { arn: one.arn.to_owned(), by: doubts.join(", ") };
                surroundings.open.push(found);
            }
            !doubts.is_empty()
        });
    }

    /// Whoever holds a policy that is about anything on the list, and is not known to be an administrator.
    fn candidates<'a>(&'a self, surroundings: &Surroundings, id: &'a str) -> Vec<Candidate<'a>> {
        let of = |found: Candidate<'a>| {
            let mut documents =
                found.policies.identity.iter().filter_map(|policy| policy.document.as_deref());
            documents.any(is_about_any).then_some(found)
        };
        let alone = |identity| PolicySet { identity, ..PolicySet::default() };
        let users = self.others(id).filter_map(|user| {
            let (arn, username) = (user.arn()?, user.user_name()?);
            let (_, policies, _) = self.of_user(user.user_id()?)?;
            of(Candidate { kind: Kind::User, arn, username, policies })
        });
        let groups = self.groups.iter().filter_map(|group| {
            let held = self.held("", group.group_policy_list(), group.attached_managed_policies());
            of(Candidate { kind: Kind::Group, arn: group.arn()?, username: SOMEBODY, policies: alone(held) })
        });
        let policies = self.documents.keys().filter_map(|arn| {
            let policies = alone(vec![self.managed(arn)]);
            of(Candidate { kind: Kind::Policy, arn, username: SOMEBODY, policies })
        });
        let known = |one: &Candidate<'_>| {
            let named = |all: &[Administrator]| all.iter().any(|known| known.arn == one.arn);
            match one.kind {
                Kind::User => named(&surroundings.administrators),
                Kind::Group => named(&surroundings.administrator_groups),
                Kind::Policy => {
                    surroundings.administrator_policies.iter().any(|arn| arn == one.arn)
                        || surroundings.is_of_aws(one.arn)
                }
            }
        };
        users.chain(groups).chain(policies).filter(|one| !known(one)).collect()
    }
}

/// Takes out of `left` who is found, and begins anew as long as somebody is.
fn until_none_is_found<'a>(left: &mut Vec<Candidate<'a>>, mut found: impl FnMut(&Candidate<'a>) -> bool) {
    loop {
        let before = left.len();
        left.retain(|one| !found(one));
        if left.len() == before {
            return;
        }
    }
}
