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
use crate::policy_document::{decode, inline_policy};
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
    let users = answer.user_detail_list.unwrap_or_default();
    let groups = answer.group_detail_list.unwrap_or_default();
    let mut page = PageBuilder::new(&call, users.len() + groups.len());
    for user in users.into_iter().filter(|_| filter.accounts) {
        page.push(Detail::Account(account(&call, user)?), arn)?;
    }
    for group in groups.into_iter().filter(|_| filter.groups) {
        page.push(Detail::Group(self::group(&call, group)?), arn)?;
    }
    Ok(page.finish(answer.is_truncated, answer.marker.as_deref()))
}

fn arn(detail: &Detail) -> &str {
    match detail {
        Detail::Account(account) => &account.arn,
        Detail::Group(group) => &group.arn,
    }
}

fn account(call: &Call, user: AwsUser) -> Result<AccountDetail, Error> {
    let created_at = user.create_date().and_then(timestamp);
    let groups = user.group_list.unwrap_or_default().into_iter();
    Ok(AccountDetail {
        external_id: call.external_id("UserId", user.user_id.as_deref())?,
        name: call.taken("UserName", user.user_name)?,
        path: call.taken("Path", user.path)?,
        arn: call.taken("Arn", user.arn)?,
        created_at: created_at.ok_or_else(|| call.unusable("CreateDate"))?,
        groups: groups.map(|name| call.taken("GroupList", Some(name))).collect::<Result<_, _>>()?,
        policies: references(call, user.attached_managed_policies)?,
        inline_policies: inline(call, user.user_policy_list.as_deref())?,
        documents: documents(user.user_policy_list.as_deref()),
        tags: user.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect(),
        permissions_boundary: user
            .permissions_boundary
            .and_then(|boundary| boundary.permissions_boundary_arn),
    })
}

fn group(call: &Call, group: AwsGroup) -> Result<GroupDetail, Error> {
    Ok(GroupDetail {
        external_id: call.external_id("GroupId", group.group_id.as_deref())?,
        name: call.taken("GroupName", group.group_name)?,
        path: call.taken("Path", group.path)?,
        arn: call.taken("Arn", group.arn)?,
        policies: references(call, group.attached_managed_policies)?,
        inline_policies: inline(call, group.group_policy_list.as_deref())?,
        documents: documents(group.group_policy_list.as_deref()),
    })
}

fn references(call: &Call, attached: Option<Vec<AttachedPolicy>>) -> Result<Vec<PolicyReference>, Error> {
    let reference = |policy: AttachedPolicy| {
        Ok(PolicyReference {
            arn: call.taken("PolicyArn", policy.policy_arn)?,
            name: call.taken("PolicyName", policy.policy_name)?,
        })
    };
    attached.unwrap_or_default().into_iter().map(reference).collect()
}

fn inline(call: &Call, policies: Option<&[PolicyDetail]>) -> Result<Vec<InlinePolicy>, Error> {
    let policy = |policy: &PolicyDetail| {
        let name = call.required("PolicyName", policy.policy_name())?;
        Ok(inline_policy(name, policy.policy_document()))
    };
    policies.unwrap_or_default().iter().map(policy).collect()
}

fn documents(policies: Option<&[PolicyDetail]>) -> Vec<String> {
    policies
        .unwrap_or_default()
        .iter()
        .filter_map(|policy| policy.policy_document().and_then(decode))
        .collect()
}
