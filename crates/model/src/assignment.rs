//! A resource assignment: who holds what.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::inventory::order_of;
use crate::{ExternalId, ImportRunId, SystemId};

/// One fact of the form *this account (or group) holds this group (or policy)*.
///
/// Serialises to the stable JSON contract: the subject's name stands under `account` or `group`, its id under
/// `account_external_id` or `group_external_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "wire::Assignment", try_from = "wire::Assignment")]
pub struct Assignment {
    /// The system it belongs to.
    pub system_id: SystemId,
    /// Which of the three kinds.
    pub kind: AssignmentKind,
    /// Name of the account or group that holds the resource.
    pub subject_name: String,
    /// External id of the account or group that holds the resource.
    pub subject_external_id: ExternalId,
    /// External id of the resource; `None` where no listing resolved it (the assignment is kept, not dropped).
    pub resource_external_id: Option<ExternalId>,
    /// ARN of the resource; `None` for a group that no listing resolved.
    pub resource_arn: Option<String>,
    /// Name of the resource.
    pub resource_name: String,
    /// Whether AWS has it, or a change of ours waits to be confirmed.
    pub state: AssignmentState,
    /// The first published run that saw it.
    pub first_seen_run: ImportRunId,
    /// The last published run that covered it and saw it.
    pub last_seen_run: ImportRunId,
}

impl Assignment {
    /// What makes this assignment the same one in the next run.
    #[must_use]
    pub fn key(&self) -> AssignmentKey {
        AssignmentKey {
            kind: self.kind,
            subject: self.subject_external_id.clone(),
            resource: self.resource_key().into_owned(),
        }
    }

    /// Where it stands in lists.
    #[must_use]
    pub fn place(&self) -> AssignmentPlace {
        AssignmentPlace(
            self.subject_name.clone(),
            self.subject_external_id.to_string(),
            self.kind,
            self.resource_name.clone(),
            self.resource_arn.clone(),
        )
    }

    /// The order of lists, as [`Self::place`] has it, without making places.
    #[must_use]
    pub fn in_lists(&self, other: &Self) -> std::cmp::Ordering {
        order_of(self).cmp(&order_of(other))
    }

    /// The key it has where no listing resolves its group; `None` where its key is the same all the time.
    #[must_use]
    pub fn unresolved_key(&self) -> Option<AssignmentKey> {
        (self.kind == AssignmentKind::AccountGroup && self.resource_external_id.is_some()).then(|| {
            AssignmentKey {
                kind: self.kind,
                subject: self.subject_external_id.clone(),
                resource: by_name(&self.resource_name),
            }
        })
    }

    /// The [`AssignmentKey::resource`] of its key.
    #[must_use]
    pub fn resource_key(&self) -> Cow<'_, str> {
        match (self.kind, &self.resource_external_id, &self.resource_arn) {
            (AssignmentKind::AccountGroup, Some(id), _) => Cow::Borrowed(id.as_str()),
            (AssignmentKind::AccountGroup, None, _) | (_, _, None) => {
                Cow::Owned(by_name(&self.resource_name))
            }
            (_, _, Some(arn)) => Cow::Borrowed(arn.as_str()),
        }
    }
}

fn by_name(resource_name: &str) -> String {
    format!("name:{resource_name}")
}

/// Identity of an assignment: kind, holder and resource.
///
/// A group is named by its `GroupId`, because its ARN changes when it is renamed; a policy by its ARN, which
/// never changes and is all that some listings give; what could not be resolved by `name:` and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AssignmentKey {
    /// Which of the three kinds.
    pub kind: AssignmentKind,
    /// External id of the holder.
    pub subject: ExternalId,
    /// `GroupId`, policy ARN, or `name:` and the name.
    pub resource: String,
}

/// The three kinds of assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssignmentKind {
    /// A user is in a group.
    AccountGroup,
    /// A managed policy is attached to a user.
    AccountPolicy,
    /// A managed policy is attached to a group.
    GroupPolicy,
}

impl AssignmentKind {
    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountGroup => "account_group",
            Self::AccountPolicy => "account_policy",
            Self::GroupPolicy => "group_policy",
        }
    }

    /// Whether the holder is an account (else it is a group).
    #[must_use]
    pub fn of_account(self) -> bool {
        !matches!(self, Self::GroupPolicy)
    }
}

/// Where an assignment stands in lists: by the name and the external id of its holder, its kind, and the name and the ARN
/// of what is held. In the order of [`crate::Inventory`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AssignmentPlace(
    /// Name of the holder.
    pub String,
    /// External id of the holder.
    pub String,
    /// The kind.
    pub AssignmentKind,
    /// Name of the resource.
    pub String,
    /// ARN of the resource, if it has one.
    pub Option<String>,
);

/// Whether an assignment is a fact or a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssignmentState {
    /// An import read it.
    Actual,
    /// We added it; no import has confirmed it yet.
    PendingAdd,
    /// We removed it; no import has confirmed it yet.
    PendingRemove,
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Assignment {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        wire::Assignment::schema()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Assignment {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        wire::Assignment::schemas(schemas);
    }
}

mod wire {
    use serde::{Deserialize, Serialize};

    use super::{AssignmentKind, AssignmentState};
    use crate::{ExternalId, ImportRunId, SystemId};

    /// Who holds which resource: the holder's name stands under `account` or `group`, its id under
    /// `account_external_id` or `group_external_id`.
    #[derive(Serialize, Deserialize)]
    #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
    pub(super) struct Assignment {
        system_id: SystemId,
        kind: AssignmentKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        account: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        account_external_id: Option<ExternalId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        group: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        group_external_id: Option<ExternalId>,
        resource_external_id: Option<ExternalId>,
        resource_arn: Option<String>,
        resource_name: String,
        state: AssignmentState,
        first_seen_run: ImportRunId,
        last_seen_run: ImportRunId,
    }

    impl From<super::Assignment> for Assignment {
        fn from(from: super::Assignment) -> Self {
            let (name, id) = (Some(from.subject_name), Some(from.subject_external_id));
            let (account, account_external_id, group, group_external_id) =
                if from.kind.of_account() { (name, id, None, None) } else { (None, None, name, id) };
            Self {
                system_id: from.system_id,
                kind: from.kind,
                account,
                account_external_id,
                group,
                group_external_id,
                resource_external_id: from.resource_external_id,
                resource_arn: from.resource_arn,
                resource_name: from.resource_name,
                state: from.state,
                first_seen_run: from.first_seen_run,
                last_seen_run: from.last_seen_run,
            }
        }
    }

    impl TryFrom<Assignment> for super::Assignment {
        type Error = &'static str;
        fn try_from(from: Assignment) -> Result<Self, Self::Error> {
            let (name, id) = if from.kind.of_account() {
                (from.account, from.account_external_id)
            } else {
                (from.group, from.group_external_id)
            };
            match (name, id) {
                (Some(subject_name), Some(subject_external_id)) => Ok(Self {
                    system_id: from.system_id,
                    kind: from.kind,
                    subject_name,
                    subject_external_id,
                    resource_external_id: from.resource_external_id,
                    resource_arn: from.resource_arn,
                    resource_name: from.resource_name,
                    state: from.state,
                    first_seen_run: from.first_seen_run,
                    last_seen_run: from.last_seen_run,
                }),
                _ => Err("the holder's name or external id is missing"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_the_holder_by_its_kind_and_reads_back() {
        let mut assignment = Assignment {
            system_id: SystemId::new("s").unwrap(),
            kind: AssignmentKind::AccountGroup,
            subject_name: "anna".into(),
            subject_external_id: ExternalId::new("AIDA1").unwrap(),
            resource_external_id: None,
            resource_arn: None,
            resource_name: "admins".into(),
            state: AssignmentState::Actual,
            first_seen_run: ImportRunId(1),
            last_seen_run: ImportRunId(2),
        };
        let json = serde_json::to_value(&assignment).unwrap();
        assert_eq!(json["account"], "anna");
        assert!(json.get("group").is_none());
        assert_eq!(serde_json::from_value::<Assignment>(json).unwrap(), assignment);
        assignment.kind = AssignmentKind::GroupPolicy;
        let json = serde_json::to_value(&assignment).unwrap();
        assert_eq!(json["group_external_id"], "AIDA1");
        assert!(json.get("account").is_none());
    }
}
