//! Who asks, and whom a statement names.

use crate::{
    Truth,
    document::{PrincipalName, Who},
};

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Principal {
    /// It is not known who.
    #[default]
    Unknown,
    /// Nobody who has signed in.
    Anonymous,
    /// An IAM user.
    User {
        /// Its ARN, with its path.
        arn: String,
    },
    /// The session of an assumed role.
    RoleSession {
        /// `arn:aws:sts::111122223333:assumed-role/Role/session`
        arn: String,
    },
    /// A session of `GetFederationToken`.
    FederatedUser {
        /// `arn:aws:sts::111122223333:federated-user/name`
        arn: String,
        /// The ARN of the IAM user who asked for it, if known.
        user_arn: Option<String>,
    },
    /// A service of AWS, like `ec2.amazonaws.com`.
    Service(String),
    /// Somebody vouched for by an identity provider: its host name, or the ARN of the SAML provider.
    Federated(String),
}

/// How a statement reaches the one who asks. The difference decides which other policies limit it (IAM User Guide,
/// "Policy evaluation logic", resource-based policies and implicit denies in other policy types).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    /// It names the user or the session itself, or everybody.
    pub(crate) direct: Truth,
    /// It names the role, or the user, whose session this is.
    pub(crate) behind: Truth,
    /// It names the account, which may then permit its own users.
    pub(crate) account: Truth,
}

impl Principal {
    /// The AWS account it belongs to.
    pub(crate) fn account(&self) -> Option<&str> {
        match self {
            Self::User { arn } | Self::RoleSession { arn } | Self::FederatedUser { arn, .. } => {
                arn.split(':').nth(4).filter(|account| !account.is_empty())
            }
            Self::Unknown | Self::Anonymous | Self::Service(_) | Self::Federated(_) => None,
        }
    }

    /// Whether policies can be attached to it or to what is behind it.
    pub(crate) fn has_identity_policies(&self) -> bool {
        !matches!(self, Self::Anonymous | Self::Service(_) | Self::Federated(_))
    }
}

impl Reach {
    const NOT: Self = Self { direct: Truth::False, behind: Truth::False, account: Truth::False };

    /// The same for whatever `truth` is: unknown in every way, or not at all.
    pub(crate) fn unknown() -> Self {
        Self { direct: Truth::Unknown, behind: Truth::Unknown, account: Truth::Unknown }
    }

    /// As far as the rest of the statement applies.
    pub(crate) fn and(self, rest: Truth) -> Self {
        Self { direct: self.direct & rest, behind: self.behind & rest, account: self.account & rest }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            direct: self.direct | other.direct,
            behind: self.behind | other.behind,
            account: self.account | other.account,
        }
    }

    pub(crate) fn any(self) -> Truth {
        self.direct | self.behind | self.account
    }
}

impl Default for Reach {
    fn default() -> Self {
        Self::NOT
    }
}

impl Who {
    /// How `principal` is reached.
    pub(crate) fn reach(&self, principal: &Principal) -> Reach {
        let reach = self.names.iter().map(|name| name.reach(principal)).fold(Reach::NOT, Reach::or);
        if !self.except {
            return reach;
        }
        // To leave somebody out, their account must be named beside them, or AWS "might" take them for included
        // (IAM User Guide, "NotPrincipal").
        let applies = match (reach.direct | reach.behind, reach.account) {
            (Truth::False, Truth::False) => Truth::True,
            (Truth::True, Truth::True) => Truth::False,
            _ if self.names.contains(&PrincipalName::Everyone) => Truth::False,
            _ => Truth::Unknown,
        };
        Reach { direct: applies, ..Reach::NOT }
    }
}

impl PrincipalName {
    fn reach(&self, principal: &Principal) -> Reach {
        let direct = |truth: Truth| Reach { direct: truth, ..Reach::NOT };
        match (self, principal) {
            (Self::Everyone, _) => direct(Truth::True),
            (_, Principal::Unknown) => Reach::unknown(),
            (Self::Service(name), Principal::Service(asking)) => direct((name == asking).into()),
            (Self::Federated(name), Principal::Federated(asking)) => direct((name == asking).into()),
            (Self::Aws(name), _) if principal.account().is_some() => aws(name, principal),
            // The canonical id of an account is not among what we know of a principal.
            (Self::CanonicalUser(_), _) if principal.account().is_some() => direct(Truth::Unknown),
            _ => Reach::NOT,
        }
    }
}

/// Unique ids (`AIDA…`) stand for principals that were deleted (IAM User Guide, "Principal") and reach nobody.
fn aws(name: &str, principal: &Principal) -> Reach {
    let fields: Vec<&str> = name.splitn(6, ':').collect();
    let (account, resource) = match fields.as_slice() {
        [account] => (*account, "root"),
        [_, _, _, _, account, resource] => (*account, *resource),
        _ => return Reach::NOT,
    };
    if Some(account) != principal.account() {
        return Reach::NOT;
    }
    if resource == "root" {
        return Reach { account: Truth::True, ..Reach::NOT };
    }
    match principal {
        Principal::User { arn } | Principal::RoleSession { arn } | Principal::FederatedUser { arn, .. }
            if arn == name =>
        {
            Reach { direct: Truth::True, ..Reach::NOT }
        }
        // Names of roles are unique in an account, and the ARN of a session leaves out the role's path.
        Principal::RoleSession { arn } if resource.starts_with("role/") => {
            let role = arn.rsplit(':').next().and_then(|session| session.split('/').nth(1));
            Reach { behind: (role == resource.rsplit('/').next()).into(), ..Reach::NOT }
        }
        Principal::FederatedUser { user_arn, .. } if resource.starts_with("user/") => {
            let behind = user_arn.as_ref().map_or(Truth::Unknown, |user| (user == name).into());
            Reach { behind, ..Reach::NOT }
        }
        _ => Reach::NOT,
    }
}
