//! Groups and policies.

use keyreeve_model::Resource;

use super::{Shape, joined, word};
use crate::output::Narrow;

/// A list of resources.
pub(crate) const RESOURCES: Shape<Resource> = Shape {
    table: &[
        ("name", |resource| resource.name.clone()),
        ("type", |resource| resource.kind.as_str().to_owned()),
        ("path", |resource| resource.path.clone()),
        ("managed_by", |resource| word(&resource.managed_by)),
        ("attachable", |resource| if resource.attachable { "yes" } else { "no" }.to_owned()),
        ("arn", |resource| resource.arn.clone()),
    ],
    narrow: Narrow::Shorten,
    csv: &[
        ("system_id", |resource| resource.system_id.to_string()),
        ("external_id", |resource| resource.external_id.to_string()),
        ("type", |resource| resource.kind.as_str().to_owned()),
        ("name", |resource| resource.name.clone()),
        ("path", |resource| resource.path.clone()),
        ("arn", |resource| resource.arn.clone()),
        ("managed_by", |resource| word(&resource.managed_by)),
        ("attachable", |resource| resource.attachable.to_string()),
        ("inline_policies", |resource| {
            joined(resource.inline_policies.iter().flatten(), |policy| policy.name.clone())
        }),
        ("default_version", |resource| resource.default_version.clone().unwrap_or_default()),
        ("first_seen_run", |resource| resource.first_seen_run.to_string()),
        ("last_seen_run", |resource| resource.last_seen_run.to_string()),
    ],
};
