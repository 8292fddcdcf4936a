//! Tags and the permissions boundary of a user: set and taken away.

use std::collections::BTreeMap;

use aws_sdk_iam::types::Tag;
use keyreeve_connector::{Error, Performed};
use keyreeve_model::check_tags;

use super::write::Write;
use crate::error::Call;
use crate::name::given;

pub(super) async fn tag(write: &Write<'_>, tags: &BTreeMap<String, String>) -> Result<Performed, Error> {
    if tags.is_empty() {
        return Err(write.call.refused("no tag was given"));
    }
    check_tags(tags).map_err(|why| write.call.refused(&why.to_string()))?;
    let tags = sdk_tags(&write.call, tags)?;
    write.set(write.iam.tag_user().user_name(write.user()).set_tags(Some(tags)).send().await)
}

pub(super) async fn untag(write: &Write<'_>, keys: &[String]) -> Result<Performed, Error> {
    if keys.is_empty() {
        return Err(write.call.refused("no key of a tag was given"));
    }
    for key in keys {
        given("key of a tag", key).map_err(|why| write.call.refused(&why))?;
    }
    let request = write.iam.untag_user().user_name(write.user()).set_tag_keys(Some(keys.to_vec()));
    write.removed(request.send().await)
}

pub(super) async fn set_boundary(write: &Write<'_>, policy_arn: &str) -> Result<Performed, Error> {
    let arn = boundary_arn(&write.call, policy_arn)?;
    let request = write.iam.put_user_permissions_boundary().user_name(write.user());
    write.set(request.permissions_boundary(arn).send().await)
}

pub(super) async fn remove_boundary(write: &Write<'_>) -> Result<Performed, Error> {
    write.removed(write.iam.delete_user_permissions_boundary().user_name(write.user()).send().await)
}

pub(super) fn boundary_arn<'a>(call: &Call, arn: &'a str) -> Result<&'a str, Error> {
    given("boundary's ARN", arn).map_err(|why| call.refused(&why))
}

pub(super) fn sdk_tags(call: &Call, tags: &BTreeMap<String, String>) -> Result<Vec<Tag>, Error> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect::<Result<_, _>>().map_err(|why| call.refused(&why.to_string()))
}
