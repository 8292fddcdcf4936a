//! `User`: an IAM user, and what the store keeps beside it.

use super::Switches;
use crate::scim::{
    attribute::{Attribute, Uniqueness},
    schema::{ResourceType, Schema},
    urn,
};

/// The type `User`.
pub(super) fn user(switches: Switches) -> ResourceType {
    ResourceType::new(
        "User",
        "/Users",
        "An IAM user",
        Schema {
            id: urn::USER,
            name: "User",
            description: "An IAM user, and what is kept of the person beside it",
            attributes: core(switches),
        },
        vec![
            Schema {
                id: urn::ENTERPRISE_USER,
                name: "EnterpriseUser",
                description: "What an organisation knows of the person; kept beside the IAM user",
                attributes: enterprise(),
            },
            Schema {
                id: urn::AWS_USER,
                name: "AwsUser",
                description: "What AWS knows of the IAM user",
                attributes: aws(),
            },
        ],
    )
}

fn core(switches: Switches) -> Vec<Attribute> {
    let entitlements = Attribute::complex(
        "entitlements",
        "The policies that are attached to the user itself.",
        vec![
            Attribute::text("value", "The policy's ARN.").case_exact().required().immutable(),
            Attribute::text("display", "The policy's name.").read_only(),
            Attribute::text("type", "Always policy.").canonical(&["policy"]).immutable(),
        ],
    )
    .many_by("value");
    let mut attributes = vec![
        Attribute::text("userName", "The name of the IAM user, up to 64 of A-Z a-z 0-9 _+=,.@-")
            .required()
            .unique(Uniqueness::Server),
        Attribute::complex(
            "name",
            "The parts of the person's name.",
            vec![
                Attribute::text("formatted", "The whole name."),
                Attribute::text("familyName", "The family name."),
                Attribute::text("givenName", "The given name."),
                Attribute::text("middleName", "Middle names."),
                Attribute::text("honorificPrefix", "A title before the name."),
                Attribute::text("honorificSuffix", "A suffix after the name."),
            ],
        ),
        Attribute::text("displayName", "The name to show."),
        Attribute::text("nickName", "What the person is called."),
        Attribute::reference("profileUrl", &["external"], "A page about the person."),
        Attribute::text("title", "The person's position."),
        Attribute::text("userType", "What the person is to the organisation."),
        Attribute::text("preferredLanguage", "The language the person prefers."),
        Attribute::text("locale", "The person's region, for dates and numbers."),
        Attribute::text("timezone", "The person's time zone, as the IANA database names it."),
        Attribute::boolean("active", "Whether somebody can sign in as the user."),
    ];
    if switches.password {
        attributes
            .push(Attribute::text("password", "The password for the console.").case_exact().write_only());
    }
    attributes.extend([
        contact("emails", "Addresses for mail.", &["work", "home", "other"]),
        contact("phoneNumbers", "Telephone numbers.", &["work", "home", "mobile", "fax", "pager", "other"]),
        addresses(),
        Attribute::complex(
            "groups",
            "The groups the user is in. They are changed at the group.",
            vec![
                Attribute::text("value", "The group's id.").case_exact(),
                Attribute::reference("$ref", &["Group"], "The group's address."),
                Attribute::text("display", "The group's name."),
                Attribute::text("type", "Always direct: IAM has no groups in groups.").canonical(&["direct"]),
            ],
        )
        .many_by("value")
        .read_only(),
        if switches.entitlements { entitlements } else { entitlements.read_only() },
    ]);
    attributes
}

fn contact(name: &'static str, description: &'static str, kinds: &'static [&'static str]) -> Attribute {
    Attribute::complex(
        name,
        description,
        vec![
            Attribute::text("value", "The address or number."),
            Attribute::text("display", "What to show for it."),
            Attribute::text("type", "What it is for.").canonical(kinds),
            Attribute::boolean("primary", "Whether it is the preferred one; at most one is."),
        ],
    )
    .many()
}

fn addresses() -> Attribute {
    Attribute::complex(
        "addresses",
        "Postal addresses.",
        vec![
            Attribute::text("formatted", "The whole address."),
            Attribute::text("streetAddress", "Street and number."),
            Attribute::text("locality", "The town."),
            Attribute::text("region", "The state or region."),
            Attribute::text("postalCode", "The postal code."),
            Attribute::text("country", "The country, two letters of ISO 3166."),
            Attribute::text("type", "What it is for.").canonical(&["work", "home", "other"]),
            Attribute::boolean("primary", "Whether it is the preferred one; at most one is."),
        ],
    )
    .many()
}

fn enterprise() -> Vec<Attribute> {
    vec![
        Attribute::text("employeeNumber", "The person's number in the organisation."),
        Attribute::text("costCenter", "The cost centre."),
        Attribute::text("organization", "The organisation."),
        Attribute::text("division", "The division."),
        Attribute::text("department", "The department."),
        Attribute::complex(
            "manager",
            "Whom the person reports to.",
            vec![
                Attribute::text("value", "The manager's id.").case_exact(),
                Attribute::reference("$ref", &["User"], "The manager's address."),
                Attribute::text("displayName", "The manager's name.").read_only(),
            ],
        ),
    ]
}

fn aws() -> Vec<Attribute> {
    vec![
        Attribute::text("path", "The path of the IAM user, / at least.").case_exact(),
        Attribute::text("arn", "The ARN of the IAM user.")
            .case_exact()
            .read_only()
            .unique(Uniqueness::Global),
        Attribute::complex(
            "tags",
            "The tags of the IAM user.",
            vec![
                Attribute::text("key", "The tag's key.").required().immutable(),
                Attribute::text("value", "The tag's value.").case_exact(),
            ],
        )
        .many_by("key"),
        Attribute::text("permissionsBoundary", "The ARN of the policy that is the user's boundary.")
            .case_exact(),
        Attribute::complex(
            "loginProfile",
            "The console password's state.",
            vec![
                Attribute::text("state", "Whether there is one.")
                    .canonical(&["present", "absent", "unknown"]),
                Attribute::boolean(
                    "passwordResetRequired",
                    "Whether it must be changed at the next sign-in.",
                ),
            ],
        )
        .read_only(),
    ]
}
