//! The authorization details: users and groups with what they hold.

use aws_sdk_iam::types::{
    AttachedPolicy, EntityType, GroupDetail as AwsGroup, PolicyDetail, UserDetail as AwsUser,
};
use keyreeve_connector::{
    AccountDetail, Detail, DetailFilter, Error, GroupDetail, Marker, Page, PolicyReference,
};
use keyreeve_model::InlinePolicy;

use crate::error::Call;
use crate::page::{PAGE_SIZE, PageBuilder};
use crate::policy_document::inline_policy;
use crate::time::timestamp;

pub(crate) async fn list(
    iam: &aws_sdk_iam::Client,
    filter: DetailFilter,
    after: Option<&Marker>,
) -> Result<Page<Detail>, Error> {
    let call = Call::read("GetAccountAuthorizationDetails", None);
    let mut request = iam
        .get_account_authorization_details()
        .max_items(PAGE_SIZE)
        .set_marker(after.map(|marker| marker.0.clone()));
    if !filter.accounts && !filter.groups {
        // Without any filter AWS would send everything, roles and documents too.
        return Err(call.refused("neither users nor groups were asked for"));
    }
    if filter.accounts {
        request = request.filter(EntityType::User);
    }
    if filter.groups {
        request = request.filter(EntityType::Group);
    }
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let (users, groups) = (answer.user_detail_list(), answer.group_detail_list());
    let mut page = PageBuilder::new(&call, users.len() + groups.len());
    for user in users.iter().filter(|_| filter.accounts) {
        page.push(user.arn().unwrap_or_default(), Detail::Account(account(&call, user)?))?;
    }
    for group in groups.iter().filter(|_| filter.groups) {
        page.push(group.arn().unwrap_or_default(), Detail::Group(self::group(&call, group)?))?;
    }
    Ok(page.finish(answer.is_truncated(), answer.marker()))
}

fn account(call: &Call, user: &AwsUser) -> Result<AccountDetail, Error> {
    let created_at = user.create_date().and_then(timestamp);
    let groups =
        user.group_list().iter().map(|name| call.required("GroupList", Some(name)).map(str::to_owned));
    let boundary = user.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    Ok(AccountDetail {
        external_id: call.external_id("UserId", user.user_id())?,
        name: call.required("UserName", user.user_name())?.to_owned(),
        path: call.required("Path", user.path())?.to_owned(),
        arn: call.required("Arn", user.arn())?.to_owned(),
        created_at: created_at.ok_or_else(|| call.unusable("CreateDate"))?,
        groups: groups.collect::<Result<_, _>>()?,
        policies: references(call, user.attached_managed_policies())?,
        inline_policies: inline(call, user.user_policy_list())?,
        tags: user.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect(),
        permissions_boundary: boundary.map(str::to_owned),
    })
}

fn group(call: &Call, group: &AwsGroup) -> Result<GroupDetail, Error> {
    Ok(GroupDetail {
        external_id: call.external_id("GroupId", group.group_id())?,
        name: call.required("GroupName", group.group_name())?.to_owned(),
        path: call.required("Path", group.path())?.to_owned(),
        arn: call.required("Arn", group.arn())?.to_owned(),
        policies: references(call, group.attached_managed_policies())?,
        inline_policies: inline(call, group.group_policy_list())?,
    })
}

fn references(call: &Call, attached: &[AttachedPolicy]) -> Result<Vec<PolicyReference>, Error> {
    let reference = |policy: &AttachedPolicy| {
        Ok(PolicyReference {
            arn: call.required("PolicyArn", policy.policy_arn())?.to_owned(),
            name: call.required("PolicyName", policy.policy_name())?.to_owned(),
        })
    };
    attached.iter().map(reference).collect()
}

fn inline(call: &Call, policies: &[PolicyDetail]) -> Result<Vec<InlinePolicy>, Error> {
    let policy = |policy: &PolicyDetail| {
        let name = call.required("PolicyName", policy.policy_name())?;
        Ok(inline_policy(name, policy.policy_document()))
    };
    policies.iter().map(policy).collect()
}
