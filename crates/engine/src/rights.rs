//! Who acts, and what they may do.

use std::fmt;

use keyreeve_model::{Person, Role, SystemId, Token, TokenId};

/// Who acts, as runs, decisions and the audit log record it, and what they may do.
#[derive(Debug, Clone)]
pub struct Actor {
    name: String,
    /// `None` for somebody who may do everything.
    held_to: Option<Held>,
}

/// What somebody is held to.
#[derive(Debug, Clone)]
struct Held {
    /// `None` for a person who signed in.
    token: Option<TokenId>,
    role: Role,
    /// Empty for all.
    systems: Vec<SystemId>,
}

/// What somebody may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Look at what is known.
    Read,
    /// Import, and ask for changes.
    Operate,
    /// Decide what others asked for.
    Approve,
    /// Change systems, settings, tokens and the protect list.
    Administer,
}

/// Somebody may not do what they asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{owner} {why}", of_token(.token))]
pub struct Denied {
    /// The public half of the token; `None` for a person who signed in.
    pub token: Option<String>,
    /// Whose it is, or who they are.
    pub owner: String,
    /// What is missing.
    pub why: String,
}

fn of_token(token: &Option<String>) -> String {
    token.as_ref().map(|id| format!("the token {id} of ")).unwrap_or_default()
}

impl Actor {
    /// Somebody who may do everything, because they are who the program itself acts for.
    #[must_use]
    pub fn trusted(name: String) -> Self {
        Self { name, held_to: None }
    }

    /// The owner of a token.
    #[must_use]
    pub fn of(token: Token) -> Self {
        let Token { id, owner, role, systems, .. } = token;
        Self { name: owner, held_to: Some(Held { token: Some(id), role, systems }) }
    }

    /// A person who signed in.
    #[must_use]
    pub fn signed_in(person: Person) -> Self {
        let Person { name, role, systems, .. } = person;
        Self { name, held_to: Some(Held { token: None, role, systems }) }
    }

    /// As it is recorded.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether they may have to do with this system.
    #[must_use]
    pub fn reaches(&self, system: &SystemId) -> bool {
        self.limits().is_none_or(|systems| systems.contains(system))
    }

    /// Refuses a system that the token is not for.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn require_system(&self, system: &SystemId) -> Result<(), Denied> {
        if self.reaches(system) {
            return Ok(());
        }
        Err(self.denied(format!("is not for system {system}")))
    }

    /// Refuses a token that is for some systems only.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn require_all_systems(&self) -> Result<(), Denied> {
        if self.limits().is_none() {
            return Ok(());
        }
        Err(self.denied("is for some systems only, and this is about all of them".to_owned()))
    }

    /// Refuses a token that is not for all of the systems which something is done to at once. Names none that it is not for.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn require_each(&self, systems: &[SystemId], what: &str) -> Result<(), Denied> {
        if systems.iter().all(|system| self.reaches(system)) {
            return Ok(());
        }
        Err(self.denied(format!("is not for all the systems that {what}, and this is done to each of them")))
    }

    /// Refuses what the token's role does not allow.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn require(&self, right: Right) -> Result<(), Denied> {
        match &self.held_to {
            Some(held) if !right.is_of(held.role) => {
                Err(self.denied(format!("has the role {}, and this takes {right}", held.role.as_str())))
            }
            _ => Ok(()),
        }
    }

    /// The systems that whoever it is is held to; `None` for all.
    #[must_use]
    pub fn limits(&self) -> Option<&[SystemId]> {
        self.held_to.as_ref().map(|held| held.systems.as_slice()).filter(|systems| !systems.is_empty())
    }

    fn denied(&self, why: String) -> Denied {
        let token = self.held_to.as_ref().and_then(|held| Some(held.token.as_ref()?.to_string()));
        Denied { token, owner: self.name.clone(), why }
    }
}

impl Right {
    fn is_of(self, role: Role) -> bool {
        match self {
            Self::Read => true,
            Self::Operate => role.may_operate(),
            Self::Approve => role.may_approve(),
            Self::Administer => role.may_administer(),
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "any role",
            Self::Operate => "operator or admin",
            Self::Approve => "approver or admin",
            Self::Administer => "admin",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(role: Role, systems: &[&str]) -> Actor {
        Actor::of(Token {
            id: TokenId("1".to_owned()),
            owner: "ada".to_owned(),
            role,
            systems: systems.iter().map(|id| SystemId::new(*id).unwrap()).collect(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        })
    }

    #[test]
    fn each_role_may_do_what_it_is_for() {
        use Right::{Administer, Approve, Operate, Read};
        let may =
            |role| [Read, Operate, Approve, Administer].map(|right| actor(role, &[]).require(right).is_ok());
        assert_eq!(may(Role::Viewer), [true, false, false, false]);
        assert_eq!(may(Role::Operator), [true, true, false, false]);
        assert_eq!(may(Role::Approver), [true, false, true, false]);
        assert_eq!(may(Role::Admin), [true; 4]);
        assert!(Actor::trusted("local:x".to_owned()).require(Administer).is_ok());
    }

    #[test]
    fn a_person_is_held_to_their_role_and_systems_as_a_token_is() {
        let person = |role, systems: &[&str]| {
            Actor::signed_in(Person {
                name: "ada".to_owned(),
                issuer: None,
                subject: None,
                shown_as: None,
                role,
                systems: systems.iter().map(|id| SystemId::new(*id).unwrap()).collect(),
                created_at: jiff::Timestamp::UNIX_EPOCH,
                password_changed_at: None,
                signed_in_at: None,
                disabled_at: None,
            })
        };
        let denied = person(Role::Viewer, &[]).require(Right::Operate).unwrap_err();
        assert_eq!(denied.to_string(), "ada has the role viewer, and this takes operator or admin");
        let limited = person(Role::Admin, &["one"]);
        assert!(limited.require_all_systems().is_err() && limited.require(Right::Administer).is_ok());
        let denied = limited.require_system(&SystemId::new("two").unwrap()).unwrap_err();
        assert_eq!(denied.to_string(), "ada is not for system two");
    }

    #[test]
    fn a_token_for_some_systems_reaches_these_alone() {
        let (one, other) = (SystemId::new("one").unwrap(), SystemId::new("other").unwrap());
        let limited = actor(Role::Admin, &["one"]);
        assert!(limited.require_system(&one).is_ok() && limited.require_system(&other).is_err());
        assert!(limited.require_all_systems().is_err());
        for free in [actor(Role::Viewer, &[]), Actor::trusted("local:x".to_owned())] {
            assert!(free.require_system(&other).is_ok() && free.require_all_systems().is_ok());
        }
    }
}
