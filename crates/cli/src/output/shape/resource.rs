//! Groups and policies.

use keyreeve_engine::export;
use keyreeve_model::Resource;

use super::{Columns, Shape, word};
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
    csv: Columns::Fields(export::RESOURCES),
};

/// One resource.
pub(crate) fn resource_facts(resource: &Resource) -> Vec<(&'static str, String)> {
    vec![
        ("Name", resource.name.clone()),
        ("External id", resource.external_id.to_string()),
        ("Type", resource.kind.as_str().to_owned()),
        ("Path", resource.path.clone()),
        ("ARN", resource.arn.clone()),
        ("Managed by", word(&resource.managed_by)),
        ("Attachable", if resource.attachable { "yes" } else { "no" }.to_owned()),
        ("Version in force", resource.default_version.clone().unwrap_or_default()),
    ]
}
