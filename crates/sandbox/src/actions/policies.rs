//! Reads about managed policies, the account's own and AWS's.

use jiff::Timestamp;

use super::{Answer, Call, answer, encoded, write_tags};
use crate::catalogue::{self, ManagedPolicy};
use crate::protocol::error::ApiError;
use crate::protocol::paging::Entry;
use crate::protocol::params::Kind;
use crate::protocol::xml::Xml;
use crate::state::{Policy, State, after};

/// A managed policy, whoever made it, as the answers show it.
pub(super) struct Shown {
    name: String,
    id: String,
    arn: String,
    path: String,
    default_version: u32,
    attachable: bool,
    created: Timestamp,
    updated: Timestamp,
    attachments: u32,
    boundaries: u32,
    description: Option<String>,
    tags: Vec<(String, String)>,
    versions: Vec<Version>,
}

struct Version {
    number: u32,
    created: Timestamp,
    document: String,
}

impl Shown {
    pub(super) fn own(state: &State, policy: &Policy) -> Self {
        let arn = state.policy_arn(policy);
        let usage = state.usage_of(&arn);
        let versions = policy.versions.iter().map(|version| Version {
            number: version.number,
            created: version.created,
            document: version.document.clone(),
        });
        Self {
            name: policy.name.clone(),
            id: policy.id.clone(),
            path: policy.path.clone(),
            default_version: policy.default_version,
            attachable: true,
            created: policy.created,
            updated: policy.updated,
            attachments: usage.attachments,
            boundaries: usage.boundaries,
            description: policy.description.clone(),
            tags: policy.tags.clone(),
            versions: versions.collect(),
            arn,
        }
    }

    pub(super) fn aws(state: &State, policy: &ManagedPolicy) -> Self {
        let arn = state.aws_policy_arn(policy);
        let usage = state.usage_of(&arn);
        Self {
            name: policy.name.to_owned(),
            id: policy.id.clone(),
            path: policy.path.to_owned(),
            default_version: policy.default_version,
            attachable: policy.attachable(),
            created: policy.created,
            updated: policy.updated(),
            attachments: usage.attachments,
            boundaries: usage.boundaries,
            description: None,
            tags: Vec::new(),
            versions: Vec::new(),
            arn,
        }
    }

    /// With the document, which is not made where nobody reads it.
    pub(super) fn aws_with_document(state: &State, policy: &ManagedPolicy) -> Self {
        let version = Version {
            number: policy.default_version,
            created: policy.updated(),
            document: policy.document(),
        };
        Self { versions: vec![version], ..Self::aws(state, policy) }
    }

    /// What `ListPolicies` gives.
    pub(super) fn write(&self, xml: &mut Xml) {
        xml.text("PolicyName", &self.name);
        xml.text("PolicyId", &self.id);
        xml.text("Arn", &self.arn);
        xml.text("Path", &self.path);
        xml.text("DefaultVersionId", &format!("v{}", self.default_version));
        xml.number("AttachmentCount", u64::from(self.attachments));
        xml.number("PermissionsBoundaryUsageCount", u64::from(self.boundaries));
        xml.flag("IsAttachable", self.attachable);
        xml.time("CreateDate", self.created);
        xml.time("UpdateDate", self.updated);
    }

    /// The versions with their documents, newest first.
    pub(super) fn write_versions(&self, xml: &mut Xml) {
        xml.list("PolicyVersionList", self.versions.iter().rev(), |xml, version| {
            self.write_version(xml, version, true);
        });
    }

    fn write_version(&self, xml: &mut Xml, version: &Version, with_document: bool) {
        if with_document {
            xml.text("Document", &encoded(&version.document));
        }
        xml.text("VersionId", &format!("v{}", version.number));
        xml.flag("IsDefaultVersion", version.number == self.default_version);
        xml.time("CreateDate", version.created);
    }
}

/// The path in the ARN of a managed policy.
pub(super) fn path_of(arn: &str) -> &str {
    let path = arn.split_once(":policy").map_or("/", |(_, rest)| rest);
    path.rfind('/').and_then(|last| path.get(..=last)).unwrap_or("/")
}

pub(super) fn find(call: &Call<'_>) -> Result<Shown, ApiError> {
    let arn = call.params.required("PolicyArn", Kind::Arn)?;
    if let Some(policy) = call.state.customer_policy(arn) {
        return Ok(Shown::own(call.state, policy));
    }
    let aws = call.state.aws_policy(arn).map(|policy| Shown::aws_with_document(call.state, policy));
    aws.ok_or_else(|| ApiError::no_such_entity(format!("Policy {arn} was not found.")))
}

/// The account's own come first (key `1…`), then AWS's (key `2…`).
pub(super) fn list_policies(call: &Call<'_>) -> Answer {
    let scope = call.params.choice("Scope", &["All", "AWS", "Local"])?.unwrap_or("All");
    let usages = ["PermissionsPolicy", "PermissionsBoundary"];
    let usage = call.params.choice("PolicyUsageFilter", &usages)?;
    let only_attached = call.params.flag("OnlyAttached")?;
    let prefix = call.path_prefix(Kind::PolicyPath)?;
    let used = |arn: &str| {
        let count = call.state.usage_of(arn);
        match usage {
            Some("PermissionsBoundary") => count.boundaries > 0,
            Some(_) => count.attachments > 0,
            None => !only_attached || count.attachments > 0,
        }
    };
    let page = call.page(|key| {
        let (own, aws) = match key.and_then(|key| key.split_at_checked(1)) {
            Some(("1", name)) => (Some(Some(name)), Some(None)),
            Some((_, name)) => (None, Some(Some(name))),
            None => (Some(None), Some(None)),
        };
        let own = own.filter(|_| scope != "AWS").map(|key| after(&call.state.policies, key));
        let own = own
            .into_iter()
            .flatten()
            .filter(|(_, policy)| policy.path.starts_with(prefix) && used(&call.state.policy_arn(policy)))
            .map(|(key, policy)| {
                Entry::new(format!("1{key}"), policy.name.as_str(), Shown::own(call.state, policy))
            });
        let aws = aws.filter(|_| scope != "Local").map(aws_after);
        let aws = aws
            .into_iter()
            .flatten()
            .filter(|policy| policy.path.starts_with(prefix) && used(&call.state.aws_policy_arn(policy)))
            .map(|policy| {
                Entry::new(format!("2{}", policy.name), policy.name, Shown::aws(call.state, policy))
            });
        own.chain(aws)
    })?;
    answer(|xml| {
        xml.list("Policies", &page.items, |xml, policy| policy.write(xml));
        page.write_end(xml);
    })
}

fn aws_after(name: Option<&str>) -> impl Iterator<Item = &'static ManagedPolicy> + use<> {
    use std::ops::Bound;
    let from = name.map_or(Bound::Unbounded, Bound::Excluded);
    let names: Vec<&'static ManagedPolicy> =
        catalogue::all().range::<str, _>((from, Bound::Unbounded)).map(|(_, policy)| policy).collect();
    names.into_iter()
}

pub(super) fn get_policy(call: &Call<'_>) -> Answer {
    let policy = find(call)?;
    answer(|xml| {
        xml.element("Policy", |xml| {
            policy.write(xml);
            xml.optional("Description", policy.description.as_deref());
            write_tags(xml, &policy.tags);
        });
    })
}

pub(super) fn get_policy_version(call: &Call<'_>) -> Answer {
    let policy = find(call)?;
    let wanted = call.params.required("VersionId", Kind::VersionId)?;
    let version = policy.versions.iter().find(|version| format!("v{}", version.number) == wanted);
    let version = version.ok_or_else(|| no_such_version(&policy.arn, wanted))?;
    answer(|xml| xml.element("PolicyVersion", |xml| policy.write_version(xml, version, true)))
}

pub(super) fn no_such_version(arn: &str, version: &str) -> ApiError {
    ApiError::no_such_entity(format!("Policy {arn} version {version} does not exist."))
}

pub(super) fn list_policy_versions(call: &Call<'_>) -> Answer {
    let policy = find(call)?;
    let page =
        call.page_of(policy.versions.iter().map(|v| (format!("{:08}", v.number), v.number)).collect())?;
    answer(|xml| {
        let shown = policy.versions.iter().filter(|version| page.items.contains(&version.number));
        xml.list("Versions", shown, |xml, version| policy.write_version(xml, version, false));
        page.write_end(xml);
    })
}

pub(super) fn list_policy_tags(call: &Call<'_>) -> Answer {
    let policy = find(call)?;
    let page = call.page_of(policy.tags.iter().map(|tag| (tag.0.clone(), tag.clone())).collect())?;
    answer(|xml| {
        write_tags(xml, &page.items);
        page.write_end(xml);
    })
}

/// Who a policy is attached to, or limits as a boundary.
pub(super) fn list_entities(call: &Call<'_>) -> Answer {
    let arn = find(call)?.arn;
    let usages = ["PermissionsPolicy", "PermissionsBoundary"];
    let boundary = call.params.choice("PolicyUsageFilter", &usages)? == Some("PermissionsBoundary");
    let kind = call.params.choice("EntityFilter", &["User", "Role", "Group"])?;
    let wanted = |name: &str| kind.is_none_or(|kind| kind == name);
    let mut found: Vec<(String, (&str, String, String))> = Vec::new();
    for user in call.state.users.values().filter(|_| wanted("User")) {
        let held = if boundary {
            user.boundary.as_deref() == Some(arn.as_str())
        } else {
            user.attached.contains(&arn)
        };
        if held {
            found.push((format!("u{}", user.name), ("User", user.name.clone(), user.id.clone())));
        }
    }
    let groups = call.state.groups.values().filter(|_| wanted("Group") && !boundary);
    for group in groups.filter(|group| group.attached.contains(&arn)) {
        found.push((format!("g{}", group.name), ("Group", group.name.clone(), group.id.clone())));
    }
    for role in call.state.roles.values().filter(|_| wanted("Role")) {
        let held = if boundary {
            role.boundary.as_deref() == Some(arn.as_str())
        } else {
            role.attached.contains(&arn)
        };
        if held {
            found.push((format!("r{}", role.name), ("Role", role.name.clone(), role.id.clone())));
        }
    }
    let page = call.page_of(found)?;
    answer(|xml| {
        for kind in ["Group", "User", "Role"] {
            let these = page.items.iter().filter(|(held, _, _)| *held == kind);
            xml.list(&format!("Policy{kind}s"), these, |xml, (_, name, id)| {
                xml.text(&format!("{kind}Name"), name);
                xml.text(&format!("{kind}Id"), id);
            });
        }
        page.write_end(xml);
    })
}
