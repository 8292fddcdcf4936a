//! The policies that the connector needs: for a permission profile, confined to what AWS really honours for each action.
//!
//! Which resources and condition keys an action supports is from the Service Authorization Reference ("AWS Identity and
//! Access Management (IAM)"); a scope on anything else would silently do nothing, or forbid everything.

mod document;
mod place;

use keyreeve_model::{PermissionProfile, ProtectionKind};

use self::document::{Statement, written};
use self::place::Place;
use super::profile::{EXTRA_LIFECYCLE_ACTIONS, READ_ACTIONS, REFERENCE_ACTIONS, profile_actions};

/// The partitions of AWS (botocore's `partitions.json`).
pub const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"];

/// AWS's policy that lets a user change the own password.
pub(crate) const CHANGE_PASSWORD: &str = "IAMUserChangePassword";

/// A policy cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not a name a partition could have.
    #[error("cannot write a policy for the partition {0:?}: use one like aws, aws-cn or aws-us-gov")]
    Partition(String),
    /// Not twelve digits.
    #[error("cannot write a policy for the AWS account {0:?}: an account id has twelve digits")]
    Account(String),
    /// An option that cannot be meant so.
    #[error("cannot write a policy with {name} {given:?}: {why}")]
    Option {
        /// The option, as the command line names it.
        name: &'static str,
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// An option that the profile has no use for.
    #[error("cannot write a policy of the profile {profile} with {name}: {why}")]
    Useless {
        /// The profile.
        profile: &'static str,
        /// The option.
        name: &'static str,
        /// Why it has no use.
        why: &'static str,
    },
    /// It would take more managed policies than can be attached.
    #[error(
        "cannot write the policy: it would take more than the ten managed policies of 6144 characters that can be \
         attached; name paths instead of single groups, policies or accounts"
    )]
    TooLarge(usize),
    /// It could not be written as JSON.
    #[error("cannot write a policy: it could not be put into JSON")]
    Json,
}

/// What a policy is to grant, and on what.
#[derive(Debug, Clone)]
pub struct PolicyScope {
    /// Which actions.
    pub profile: PermissionProfile,
    /// In which partition.
    pub partition: String,
    /// In which AWS account; without one, whichever the policy is attached in.
    pub account_id: Option<String>,
    /// The users who are governed, by path; without any, all.
    pub paths: Vec<String>,
    /// The groups they may be put into and taken out of: by name, ARN or path; without any, all.
    pub groups: Vec<String>,
    /// ARNs of the policies that may be attached and detached, with wildcards; without any, all.
    pub policies: Vec<String>,
    /// The permissions boundary that every user must have.
    pub boundary: Option<String>,
    /// The connector itself, which must not be changed: names and ARNs.
    pub connector: Vec<String>,
    /// Accounts that must not be changed: names, ARNs and paths.
    pub break_glass: Vec<String>,
    /// The protect list of a system.
    pub protected: Vec<ProtectionKind>,
    /// Whether the policy that allows a user to change the own password is attached to new users.
    pub change_password: bool,
    /// The policy that a deactivation attaches.
    pub deny_all_policy: Option<String>,
    /// Whether the connector may replace its own access key.
    pub rotate_own_key: bool,
}

impl PolicyScope {
    /// A profile without limits.
    #[must_use]
    pub fn new(profile: PermissionProfile, partition: &str) -> Self {
        Self {
            profile,
            partition: partition.to_owned(),
            account_id: None,
            paths: Vec::new(),
            groups: Vec::new(),
            policies: Vec::new(),
            boundary: None,
            connector: Vec::new(),
            break_glass: Vec::new(),
            protected: Vec::new(),
            change_password: true,
            deny_all_policy: None,
            rotate_own_key: false,
        }
    }

    /// The policy documents as pretty ASCII JSON, each within the size of a managed policy. All of them must be
    /// attached.
    ///
    /// # Errors
    /// An option that cannot be meant so, or too much for the policies that can be attached.
    pub fn documents(&self) -> Result<Vec<String>, PolicyError> {
        let place = Place::of(&self.partition, self.account_id.as_deref())?;
        self.check_use()?;
        let mut statements = match self.profile {
            PermissionProfile::Read => reading(&place),
            PermissionProfile::Reference => self.reference(&place)?,
            PermissionProfile::Lifecycle | PermissionProfile::Full => self.lifecycle(&place)?,
        };
        statements.extend(self.own_key(&place)?);
        statements.extend(self.denials(&place)?);
        written(statements)
    }

    /// Whether nothing of users, groups and policies is left out.
    fn is_everywhere(&self) -> bool {
        self.paths.is_empty() && self.groups.is_empty() && self.policies.is_empty()
    }

    fn check_use(&self) -> Result<(), PolicyError> {
        let profile = self.profile.as_str();
        let useless = |name, why| Err(PolicyError::Useless { profile, name, why });
        let read = self.profile == PermissionProfile::Read;
        let given = [
            ("--path", !self.paths.is_empty()),
            ("--groups", !self.groups.is_empty()),
            ("--policies", !self.policies.is_empty()),
            ("--boundary", self.boundary.is_some()),
            ("--break-glass", !self.break_glass.is_empty()),
        ];
        if let Some((name, _)) = given.iter().find(|(_, given)| read && *given) {
            return useless(name, "it changes nothing, so there is nothing to limit");
        }
        if self.boundary.is_some() && self.profile == PermissionProfile::Reference {
            return useless(
                "--boundary",
                "under it no boundary is ever sent, so no user could be made; use full",
            );
        }
        if self.rotate_own_key && self.connector.is_empty() {
            return useless("--rotate-own-key", "say with --connector whose key it is");
        }
        Ok(())
    }

    /// The fourteen actions: on everything as the reference behaviour prints them, else as far as each can be limited.
    fn reference(&self, place: &Place) -> Result<Vec<Statement>, PolicyError> {
        let (read, change) = REFERENCE_ACTIONS.split_at(READ_ACTIONS.len());
        let (users, assignments) = change.split_at(5);
        let mut statements = vec![
            Statement::allow("KeyreeveRead", read, vec!["*".to_owned()]),
            Statement::allow("KeyreeveUsers", users, self.users(place)?),
        ];
        if self.is_everywhere() {
            let held = ["user/*", "group/*", "policy/*"].map(|all| place.arn(all)).to_vec();
            statements.push(Statement::allow("KeyreeveAssignments", assignments, held));
        } else {
            statements.extend(self.assignments(place)?);
        }
        Ok(statements)
    }

    fn lifecycle(&self, place: &Place) -> Result<Vec<Statement>, PolicyError> {
        let users = self.users(place)?;
        let boundary = self.boundary.as_ref().map(|given| place.boundary(given)).transpose()?;
        let mut statements = reading(place);
        if let Some(read) = statements.first_mut() {
            read.action.push("iam:GetAccountPasswordPolicy");
        }
        let elsewhere = ["iam:GetAccountPasswordPolicy", "iam:DeleteVirtualMFADevice"];
        let more = EXTRA_LIFECYCLE_ACTIONS.into_iter().filter(|action| !elsewhere.contains(action));
        let change: Vec<&str> = USER_ACTIONS.into_iter().chain(more).collect();
        let create = Statement::allow("KeyreeveCreate", &["iam:CreateUser"], users.clone());
        statements.push(self.bounded(create, boundary.as_ref()));
        statements.push(Statement::allow("KeyreeveUsers", &change, users.clone()));
        // A virtual device has an ARN of its own, in which its user's path is not. While it is in use it cannot be
        // deleted, and to take it out of use is an action on the user.
        let devices = vec![place.arn("mfa/*")];
        statements.push(Statement::allow("KeyreeveDevices", &["iam:DeleteVirtualMFADevice"], devices));
        statements.extend(self.assignments(place)?);
        let put = Statement::allow("KeyreeveBoundary", &["iam:PutUserPermissionsBoundary"], users.clone());
        match boundary {
            // It may be set, to this one alone, and never taken away.
            Some(boundary) => statements.push(self.bounded(put, Some(&boundary))),
            None if self.profile == PermissionProfile::Full => {
                let both = ["iam:PutUserPermissionsBoundary", "iam:DeleteUserPermissionsBoundary"];
                statements.push(Statement::allow("KeyreeveBoundary", &both, users));
            }
            None => {}
        }
        Ok(statements)
    }

    /// Memberships are a matter of the group alone, attached policies of the user and of which policy it is.
    fn assignments(&self, place: &Place) -> Result<Vec<Statement>, PolicyError> {
        let mut groups = Vec::new();
        for given in &self.groups {
            groups.extend(place.groups(given)?);
        }
        if groups.is_empty() {
            groups.push(place.arn("group/*"));
        }
        let users = self.users(place)?;
        let boundary = self.boundary.as_ref().map(|given| place.boundary(given)).transpose()?;
        let attach = Statement::allow("KeyreeveAttach", &["iam:AttachUserPolicy"], users.clone());
        let detach = Statement::allow("KeyreeveDetach", &["iam:DetachUserPolicy"], users);
        let membership = ["iam:AddUserToGroup", "iam:RemoveUserFromGroup"];
        Ok(vec![
            Statement::allow("KeyreeveGroups", &membership, without_repeats(groups)),
            self.bounded(self.among_policies(place, attach)?, boundary.as_ref()),
            self.among_policies(place, detach)?,
        ])
    }

    fn users(&self, place: &Place) -> Result<Vec<String>, PolicyError> {
        let users: Vec<String> =
            self.paths.iter().map(|path| place.users_under(path)).collect::<Result<_, _>>()?;
        let all = place.arn("user/*");
        Ok(if users.is_empty() || users.contains(&all) { vec![all] } else { without_repeats(users) })
    }

    fn among_policies(&self, place: &Place, statement: Statement) -> Result<Statement, PolicyError> {
        let mut arns: Vec<String> =
            self.policies.iter().map(|given| place.policies(given)).collect::<Result<_, _>>()?;
        if arns.is_empty() {
            return Ok(statement);
        }
        if self.change_password {
            arns.push(place.aws_policy(CHANGE_PASSWORD));
        }
        if let Some(arn) = &self.deny_all_policy {
            arns.push(place.policies(arn)?);
        }
        Ok(statement.when("ArnLike", "iam:PolicyARN", without_repeats(arns)))
    }

    fn bounded(&self, statement: Statement, boundary: Option<&String>) -> Statement {
        match boundary {
            Some(arn) => statement.when("StringEquals", "iam:PermissionsBoundary", vec![arn.clone()]),
            None => statement,
        }
    }

    fn own_key(&self, place: &Place) -> Result<Option<Statement>, PolicyError> {
        if !self.rotate_own_key {
            return Ok(None);
        }
        let actions = [&["iam:ListAccessKeys"], OWN_KEY.as_slice()].concat();
        Ok(Some(Statement::allow("KeyreeveOwnKey", &actions, self.connector_arns(place)?)))
    }

    fn connector_arns(&self, place: &Place) -> Result<Vec<String>, PolicyError> {
        let mut arns = Vec::new();
        for given in &self.connector {
            arns.extend(place.connector(given)?);
        }
        Ok(arns)
    }

    /// What must not be changed whatever else is granted, by this policy or another: said by what is left over, so that
    /// actions of IAM that do not exist yet are denied as well.
    fn denials(&self, place: &Place) -> Result<Vec<Statement>, PolicyError> {
        let deny = |sid: &str, not_action: Vec<&'static str>, resource: Vec<String>| Statement {
            effect: "Deny",
            not_action,
            ..Statement::allow(sid, &[], resource)
        };
        let mut statements = Vec::new();
        let connector = self.connector_arns(place)?;
        if !connector.is_empty() {
            let own = if self.rotate_own_key { OWN_KEY.as_slice() } else { &[] };
            statements.push(deny("KeyreeveNeverItself", [&READS, own].concat(), without_repeats(connector)));
        }
        if self.profile == PermissionProfile::Read {
            return Ok(statements);
        }
        let mut never = Vec::new();
        for given in &self.break_glass {
            never.extend(place.break_glass(given)?);
        }
        for protection in &self.protected {
            match protection {
                ProtectionKind::Account(name) => never.extend(place.break_glass(name)?),
                ProtectionKind::Path(prefix) => never.push(place.users_with_prefix(prefix)),
                ProtectionKind::Tag(tag) => {
                    let all = deny("KeyreeveNeverTagged", READS.to_vec(), vec![place.arn("user/*")]);
                    statements.push(match tag.split_once('=') {
                        Some((key, value)) => all.when(
                            "StringEquals",
                            &format!("aws:ResourceTag/{key}"),
                            vec![value.to_owned()],
                        ),
                        None => all.when("Null", &format!("aws:ResourceTag/{tag}"), vec!["false".to_owned()]),
                    });
                }
            }
        }
        if !never.is_empty() {
            statements.push(deny("KeyreeveNeverThese", READS.to_vec(), without_repeats(never)));
        }
        Ok(statements)
    }
}

/// The reading actions, as a denial leaves them out.
const READS: [&str; 4] = ["iam:Generate*", "iam:Get*", "iam:List*", "iam:Simulate*"];

/// What replacing one's own access key takes besides listing them.
const OWN_KEY: [&str; 3] = ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:UpdateAccessKey"];

/// The reference's changes of a user that no condition key limits.
const USER_ACTIONS: [&str; 4] =
    ["iam:DeleteUser", "iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:DeleteLoginProfile"];

/// Reading actions on one user; the others support no resources.
const READ_ONE_USER: [&str; 2] = ["iam:GetUser", "iam:GetLoginProfile"];

/// Everything an import can make use of, and nothing that changes anything.
fn reading(place: &Place) -> Vec<Statement> {
    let promised = profile_actions(PermissionProfile::Read);
    let everywhere: Vec<&str> =
        promised.into_iter().filter(|action| !READ_ONE_USER.contains(action)).collect();
    vec![
        Statement::allow("KeyreeveRead", &everywhere, vec!["*".to_owned()]),
        Statement::allow("KeyreeveReadUsers", &READ_ONE_USER, vec![place.arn("user/*")]),
    ]
}

fn without_repeats(texts: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}

#[cfg(test)]
mod tests;
