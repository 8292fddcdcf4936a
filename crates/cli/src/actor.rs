//! Who acts, as runs, decisions and the audit log record it, and what they may do.
//!
//! Whoever can run this program on the store's files holds the store's key too. So a token here says who acts, and
//! keeps an honest person within a role; it does not keep out who leaves it away.

use std::fmt;

use keyreeve_model::{Role, SystemId, Token};

use crate::exit::Refusal;

/// Who acts.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    name: String,
    /// `None` for the user of the operating system, who may do everything.
    token: Option<Token>,
}

/// What somebody may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// Look at what is known.
    Read,
    /// Import, and ask for changes.
    Operate,
    /// Decide what others asked for.
    Approve,
    /// Change systems, settings, tokens and the protect list.
    Administer,
}

impl Actor {
    /// The user of the operating system, by the process's user id rather than by a variable.
    pub(crate) fn local() -> Self {
        let user = whoami::account().unwrap_or_else(|_| "unknown".to_owned());
        Self { name: format!("local:{user}"), token: None }
    }

    /// The owner of a token.
    pub(crate) fn of(token: Token) -> Self {
        Self { name: token.owner.clone(), token: Some(token) }
    }

    /// As it is recorded.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether they may have to do with this system.
    pub(crate) fn reaches(&self, system: &SystemId) -> bool {
        self.limits().is_none_or(|systems| systems.contains(system))
    }

    /// Refuses a system that the token is not for.
    pub(crate) fn require_system(&self, system: &SystemId) -> Result<(), Refusal> {
        if self.reaches(system) {
            return Ok(());
        }
        Err(self.refuse(&format!("is not for system {system}")))
    }

    /// Refuses a token that is for some systems only.
    pub(crate) fn require_all_systems(&self) -> Result<(), Refusal> {
        if self.limits().is_none() {
            return Ok(());
        }
        Err(self.refuse("is for some systems only, and this is about all of them"))
    }

    /// Refuses what the token's role does not allow.
    pub(crate) fn require(&self, right: Right) -> Result<(), Refusal> {
        match &self.token {
            Some(token) if !right.is_of(token.role) => {
                Err(self.refuse(&format!("has the role {}, and this takes {right}", token.role.as_str())))
            }
            _ => Ok(()),
        }
    }

    fn limits(&self) -> Option<&[SystemId]> {
        self.token.as_ref().map(|token| token.systems.as_slice()).filter(|systems| !systems.is_empty())
    }

    fn refuse(&self, why: &str) -> Refusal {
        let id = self.token.as_ref().map(|token| format!(" {}", token.id)).unwrap_or_default();
        Refusal::new("looking at what you may do", format!("the token{id} of {} {why}", self.name))
            .hint("an admin can make another one with `keyreeve token create`; nothing was done")
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
    use keyreeve_model::TokenId;

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
        assert!(Actor::local().require(Administer).is_ok());
    }

    #[test]
    fn a_token_for_some_systems_reaches_these_alone() {
        let (one, other) = (SystemId::new("one").unwrap(), SystemId::new("other").unwrap());
        let limited = actor(Role::Admin, &["one"]);
        assert!(limited.require_system(&one).is_ok() && limited.require_system(&other).is_err());
        assert!(limited.require_all_systems().is_err());
        for free in [actor(Role::Viewer, &[]), Actor::local()] {
            assert!(free.require_system(&other).is_ok() && free.require_all_systems().is_ok());
        }
    }
}
