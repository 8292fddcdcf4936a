//! The resources we serve: what SCIM calls `User` and `Group` is an IAM user and an IAM group; `Policy` is ours.

mod group;
mod policy;
mod user;

use super::schema::{ResourceType, Schema};

/// What an operator switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switches {
    /// Clients may set passwords. Off, there is no attribute `password`: no password chosen by somebody else passes
    /// through.
    pub password: bool,
    /// Clients may attach policies to users and detach them. Off, `entitlements` can only be read.
    pub entitlements: bool,
}

/// All types of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// IAM users.
    pub user: ResourceType,
    /// IAM groups.
    pub group: ResourceType,
    /// IAM policies.
    pub policy: ResourceType,
    /// What the types were made for.
    pub switches: Switches,
}

impl Model {
    /// The types as these switches have them.
    #[must_use]
    pub fn new(switches: Switches) -> Self {
        Self { user: user::user(switches), group: group::group(), policy: policy::policy(), switches }
    }

    /// All types.
    #[must_use]
    pub fn resource_types(&self) -> [&ResourceType; 3] {
        [&self.user, &self.group, &self.policy]
    }

    /// The type of this name.
    #[must_use]
    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        self.resource_types().into_iter().find(|resource_type| resource_type.name == name)
    }

    /// The type found at this first segment of a path below the SCIM root, `Users`.
    #[must_use]
    pub fn at(&self, segment: &str) -> Option<&ResourceType> {
        self.resource_types()
            .into_iter()
            .find(|resource_type| resource_type.endpoint.get(1..) == Some(segment))
    }

    /// All schemas, each once.
    #[must_use]
    pub fn schemas(&self) -> Vec<&Schema> {
        self.resource_types()
            .into_iter()
            .flat_map(|resource_type| std::iter::once(&resource_type.schema).chain(&resource_type.extensions))
            .collect()
    }
}
