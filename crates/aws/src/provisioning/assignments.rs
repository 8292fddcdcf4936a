//! Groups and policies of a user: given, taken, listed.

use keyreeve_connector::{Error, Marker, Page, Performed, PolicyReference};

use super::write::Write;
use crate::error::Call;
use crate::name::{UserName, given};
use crate::page::{PAGE_SIZE, PageBuilder};

/// AWS answers the same whether the user was in the group before or not.
pub(super) async fn add_to_group(write: &Write<'_>, group: &str) -> Result<Performed, Error> {
    let group = group_name(write, group)?;
    write.set(write.iam.add_user_to_group().user_name(write.user()).group_name(group).send().await)
}

pub(super) async fn remove_from_group(write: &Write<'_>, group: &str) -> Result<Performed, Error> {
    let group = group_name(write, group)?;
    write.removed(write.iam.remove_user_from_group().user_name(write.user()).group_name(group).send().await)
}

/// AWS answers the same whether the policy was attached before or not.
pub(super) async fn attach(write: &Write<'_>, policy_arn: &str) -> Result<Performed, Error> {
    let arn = arn(write, policy_arn)?;
    write.set(write.iam.attach_user_policy().user_name(write.user()).policy_arn(arn).send().await)
}

pub(super) async fn detach(write: &Write<'_>, policy_arn: &str) -> Result<Performed, Error> {
    let arn = arn(write, policy_arn)?;
    write.removed(write.iam.detach_user_policy().user_name(write.user()).policy_arn(arn).send().await)
}

pub(super) async fn list_groups(
    iam: &aws_sdk_iam::Client,
    account: &str,
    after: Option<&Marker>,
) -> Result<Page<String>, Error> {
    let call = Call::read("ListGroupsForUser", Some(account));
    let user = UserName::new(account).map_err(|why| call.refused(why))?;
    let request = iam.list_groups_for_user().user_name(user.as_str()).max_items(PAGE_SIZE);
    let request = request.set_marker(after.map(|marker| marker.0.clone()));
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let mut page = PageBuilder::new(&call, answer.groups().len());
    for group in answer.groups() {
        page.note(group.arn())?;
        page.add(call.required("GroupName", Some(group.group_name()))?.to_owned());
    }
    Ok(page.finish(answer.is_truncated(), answer.marker()))
}

pub(super) async fn list_policies(
    iam: &aws_sdk_iam::Client,
    account: &str,
    after: Option<&Marker>,
) -> Result<Page<PolicyReference>, Error> {
    let call = Call::read("ListAttachedUserPolicies", Some(account));
    let user = UserName::new(account).map_err(|why| call.refused(why))?;
    let request = iam.list_attached_user_policies().user_name(user.as_str()).max_items(PAGE_SIZE);
    let request = request.set_marker(after.map(|marker| marker.0.clone()));
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let mut page = PageBuilder::new(&call, answer.attached_policies().len());
    for policy in answer.attached_policies() {
        let arn = call.required("PolicyArn", policy.policy_arn())?;
        let name = call.required("PolicyName", policy.policy_name())?;
        page.push(PolicyReference { arn: arn.to_owned(), name: name.to_owned() }, |policy| &policy.arn)?;
    }
    Ok(page.finish(answer.is_truncated(), answer.marker()))
}

fn group_name<'a>(write: &Write<'_>, group: &'a str) -> Result<&'a str, Error> {
    given("group name", group).map_err(|why| write.call.refused(&why))
}

fn arn<'a>(write: &Write<'_>, arn: &'a str) -> Result<&'a str, Error> {
    given("policy ARN", arn).map_err(|why| write.call.refused(&why))
}
