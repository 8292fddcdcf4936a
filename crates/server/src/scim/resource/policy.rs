//! `Policy`: an IAM policy, to read only.

use crate::scim::{
    attribute::{Attribute, Uniqueness},
    schema::{ResourceType, Schema},
    urn,
};

/// The type `Policy`.
pub(super) fn policy() -> ResourceType {
    let attributes = vec![
        Attribute::text("displayName", "The policy's name.").required(),
        Attribute::text("arn", "The policy's ARN.").case_exact().unique(Uniqueness::Global),
        Attribute::text("path", "The policy's path, / at least.").case_exact(),
        Attribute::text("managedBy", "Whose policy it is.").canonical(&["aws", "customer"]),
        Attribute::boolean("attachable", "Whether it can be attached to users."),
    ];
    ResourceType::new(
        "Policy",
        "/Policies",
        "An IAM policy",
        Schema {
            id: urn::POLICY,
            name: "Policy",
            description: "An IAM policy; SCIM clients read it and attach it by a user's entitlements",
            attributes: attributes.into_iter().map(Attribute::read_only).collect(),
        },
        Vec::new(),
    )
}
