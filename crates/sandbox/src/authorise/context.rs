//! The context of a request: the keys that AWS fills for IAM and STS ("AWS global condition context keys" and the
//! Service Authorization Reference).

use keyreeve_policy::{Context, ContextValue};

use super::resource::Resource;
use super::rights::Rights;
use super::rules::{Key, Rule};
use crate::actions::Call;
use crate::actions::sts::shows_mfa;

/// The sandbox listens on nothing else, so its clients have no other address.
const SOURCE: &str = "127.0.0.1";

/// The context of a call to IAM.
pub(super) fn of(call: &Call<'_>, rights: &Rights, rule: &Rule, resource: &Resource) -> Context {
    let context = of_resource(of_caller(call, rights), call.account.id.as_str(), resource);
    let given = |context: Context, key: &str, parameter: &str| match call.params.get(parameter) {
        Some(value) => context.with(key, value),
        None => context,
    };
    rule.keys.iter().fold(context, |context, key| match key {
        Key::PolicyArn => given(context, "iam:PolicyARN", "PolicyArn"),
        Key::AskedBoundary => given(context, "iam:PermissionsBoundary", "PermissionsBoundary"),
        Key::HeldBoundary => match &resource.boundary {
            Some(arn) => context.with("iam:PermissionsBoundary", arn),
            None => context,
        },
        Key::Tags => tags(call, context),
        Key::TagKeys => {
            let keys = call.params.members("TagKeys").into_iter().map(str::to_owned);
            context.with_value("aws:TagKeys", ContextValue::Known(keys.collect()))
        }
        Key::CredentialService => match service_of_credential(call) {
            Some(service) => context.with("iam:ServiceSpecificCredentialServiceName", service),
            None => context,
        },
        Key::CredentialAge => given(context, "iam:ServiceSpecificCredentialAgeDays", "CredentialAgeDays"),
    })
}

/// The context of an action that brings no keys of its own.
pub(super) fn of_nothing(call: &Call<'_>, rights: &Rights, resource: &Resource) -> Context {
    of_resource(of_caller(call, rights), call.account.id.as_str(), resource)
}

/// The context of `AssumeRole`.
pub(super) fn of_assuming(call: &Call<'_>, rights: &Rights, resource: &Resource) -> Context {
    let account = resource.words.split(':').nth(4).unwrap_or_default();
    let mut context = of_resource(of_caller(call, rights), account, resource);
    for (key, parameter) in [
        ("sts:ExternalId", "ExternalId"),
        ("sts:RoleSessionName", "RoleSessionName"),
        ("sts:SourceIdentity", "SourceIdentity"),
    ] {
        if let Some(value) = call.params.get(parameter) {
            context = context.with(key, value);
        }
    }
    if shows_mfa(call) {
        context = context.with("aws:MultiFactorAuthPresent", "true").with("aws:MultiFactorAuthAge", "0");
    }
    context
}

/// What comes with every request of this caller. Keys that AWS would fill and the sandbox has not got are unknown;
/// all others are certainly absent.
fn of_caller(call: &Call<'_>, rights: &Rights) -> Context {
    let caller = call.caller;
    let mut context = Context::closed()
        .with("aws:SourceIp", SOURCE)
        .with("aws:CurrentTime", call.now.to_string())
        .with("aws:EpochTime", call.now.as_second().to_string())
        // AWS's endpoints of IAM and STS are reached in no other way.
        .with("aws:SecureTransport", "true")
        .with("aws:ViaAWSService", "false")
        .with("aws:PrincipalIsAWSService", "false")
        .with("aws:PrincipalArn", rights.principal_arn.as_str())
        .with("aws:PrincipalAccount", caller.account.as_str())
        .with("aws:userid", caller.id.as_str())
        .with_value("aws:UserAgent", ContextValue::Unknown)
        .with_value("aws:Referer", ContextValue::Unknown)
        .with_value("aws:RequestedRegion", ContextValue::Unknown);
    context = match (&caller.user, &rights.session) {
        (Some(name), _) => context.with("aws:username", name.as_str()).with("aws:PrincipalType", "User"),
        (None, Some(session)) => {
            let context = context
                .with("aws:PrincipalType", "AssumedRole")
                .with("aws:TokenIssueTime", session.issued.to_string())
                .with("aws:MultiFactorAuthPresent", session.with_mfa.to_string());
            let age = call.now.as_second() - session.issued.as_second();
            if session.with_mfa { context.with("aws:MultiFactorAuthAge", age.to_string()) } else { context }
        }
        (None, None) => context.with("aws:PrincipalType", "AssumedRole"),
    };
    rights.tags.iter().fold(context, |context, (key, value)| {
        context.with(&format!("aws:PrincipalTag/{key}"), value.as_str())
    })
}

fn of_resource(context: Context, account: &str, resource: &Resource) -> Context {
    resource.tags.iter().fold(context.with("aws:ResourceAccount", account), |context, (key, value)| {
        let context = context.with(&format!("aws:ResourceTag/{key}"), value.as_str());
        if resource.by_iam_tag {
            context.with(&format!("iam:ResourceTag/{key}"), value.as_str())
        } else {
            context
        }
    })
}

/// `Tags.member.N`, as far as they go.
fn tags(call: &Call<'_>, context: Context) -> Context {
    let tag = |number: u32| {
        let part = |part: &str| call.params.get(&format!("Tags.member.{number}.{part}"));
        part("Key").map(|key| (key, part("Value").unwrap_or_default()))
    };
    let tags: Vec<(&str, &str)> = (1..).map_while(tag).collect();
    let keys = tags.iter().map(|(key, _)| (*key).to_owned()).collect();
    let context = context.with_value("aws:TagKeys", ContextValue::Known(keys));
    tags.into_iter()
        .fold(context, |context, (key, value)| context.with(&format!("aws:RequestTag/{key}"), value))
}

/// The service of the credential that is made, or that is named by its id.
fn service_of_credential(call: &Call<'_>) -> Option<String> {
    if let Some(name) = call.params.get("ServiceName") {
        return Some(name.to_owned());
    }
    let id = call.params.get("ServiceSpecificCredentialId")?;
    let user = call.state.user(call.params.get("UserName").or(call.caller.user.as_deref())?).ok()?;
    let held = user.service_credentials.iter().find(|credential| credential.id == id)?;
    Some(held.service.clone())
}
