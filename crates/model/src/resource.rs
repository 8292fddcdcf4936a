//! A resource: a group or a policy.

use serde::{Deserialize, Serialize};

use crate::{ExternalId, ImportRunId, InlinePolicy, SystemId};

/// Something an account can hold. The field names are part of the stable JSON contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Resource {
    /// The system it belongs to.
    pub system_id: SystemId,
    /// The `GroupId` or `PolicyId`.
    pub external_id: ExternalId,
    /// Group or policy.
    #[serde(rename = "type")]
    pub kind: ResourceType,
    /// The name. A customer policy may carry the name of an AWS one: tell them apart by ARN.
    pub name: String,
    /// The path, `/` at least.
    pub path: String,
    /// The Amazon resource name.
    pub arn: String,
    /// Who maintains a policy; `None` for groups.
    pub managed_by: Option<ManagedBy>,
    /// Whether it can be assigned. Always so for groups.
    pub attachable: bool,
    /// A group's inline policies; `None` for policies and where they could not be read.
    pub inline_policies: Option<Vec<InlinePolicy>>,
    /// The version of a policy that is in force; `None` for groups.
    pub default_version: Option<String>,
    /// The first published run that saw it.
    pub first_seen_run: ImportRunId,
    /// The last published run that covered it and saw it.
    pub last_seen_run: ImportRunId,
}

/// The two types of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResourceType {
    /// An IAM group.
    Group,
    /// A managed IAM policy.
    Policy,
}

impl ResourceType {
    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Policy => "policy",
        }
    }
}

/// Who maintains a managed policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ManagedBy {
    /// AWS, the same for every customer.
    Aws,
    /// The owner of the AWS account.
    Customer,
}
