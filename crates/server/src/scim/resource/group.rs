//! `Group`: an IAM group.

use crate::scim::{
    attribute::{Attribute, Uniqueness},
    schema::{ResourceType, Schema},
    urn,
};

/// The type `Group`. A group's name stays as it is: nothing here renames IAM groups.
pub(super) fn group() -> ResourceType {
    ResourceType::new(
        "Group",
        "/Groups",
        "An IAM group",
        Schema { id: urn::GROUP, name: "Group", description: "An IAM group", attributes: core() },
        vec![Schema {
            id: urn::AWS_GROUP,
            name: "AwsGroup",
            description: "What AWS knows of the IAM group",
            attributes: vec![
                Attribute::text("path", "The path of the IAM group, / at least.").case_exact().read_only(),
                Attribute::text("arn", "The ARN of the IAM group.")
                    .case_exact()
                    .read_only()
                    .unique(Uniqueness::Global),
            ],
        }],
    )
}

fn core() -> Vec<Attribute> {
    vec![
        Attribute::text("displayName", "The name of the IAM group.")
            .required()
            .immutable()
            .unique(Uniqueness::Server),
        Attribute::complex(
            "members",
            "The users in the group.",
            vec![
                Attribute::text("value", "The user's id.").case_exact().required().immutable(),
                Attribute::reference("$ref", &["User"], "The user's address.").immutable(),
                Attribute::text("display", "The user's name.").read_only(),
                Attribute::text("type", "Always User: IAM has no groups in groups.")
                    .canonical(&["User"])
                    .immutable(),
            ],
        )
        .many_by("value"),
    ]
}
