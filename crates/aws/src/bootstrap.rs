//! Making the connector's own access: its policies, its user with a key, or its role. An administrator's calls, which no
//! system ever makes.

use std::collections::BTreeSet;

use aws_sdk_iam::operation::RequestId as _;
use aws_sdk_iam::types::{AttachedPolicy, Tag};
use jiff::Timestamp;
use keyreeve_connector::{Cause, Error, NewAccessKey, Next, Performed};
use keyreeve_model::Secret;

use crate::AwsConnector;
use crate::error::Call;
use crate::name::given;
use crate::page::{PAGE_SIZE, next};
use crate::policy_document::decode;
use crate::provisioning::changed;
use crate::time::timestamp;

/// The tag of what was made for a system; its value is the System ID.
pub const SYSTEM_TAG: &str = "keyreeve:system";

/// Where the connector's user, role and policies are made: outside of every path that may be governed.
pub const OWN_PATH: &str = "/keyreeve/";

/// Something of the connector's own that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its ARN.
    pub arn: String,
    /// The system it was made for, by its tag.
    pub system: Option<String>,
    /// Of a policy its text, of a role its trust policy.
    pub document: Option<String>,
    /// ARNs of the policies attached to it.
    pub attached: Vec<String>,
    /// Its access keys, and when each was made.
    pub keys: Vec<(String, Option<Timestamp>)>,
}

impl Found {
    fn of(arn: &str, tags: &[Tag]) -> Self {
        let system = tags.iter().find(|tag| tag.key() == SYSTEM_TAG).map(|tag| tag.value().to_owned());
        Self { arn: arn.to_owned(), system, document: None, attached: Vec::new(), keys: Vec::new() }
    }
}

/// What was asked for, or `None` when it is not there.
fn there<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.cause == Cause::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

impl AwsConnector {
    /// A managed policy with the text in force.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn find_policy(&self, arn: &str) -> Result<Option<Found>, Error> {
        let call = Call::read("GetPolicy", Some(arn));
        let sent = self.iam.get_policy().policy_arn(arn).send().await;
        let Some(answer) = there(sent.map_err(|error| call.failed(error)))? else { return Ok(None) };
        let policy = answer.policy().ok_or_else(|| call.unusable("Policy"))?;
        let version = call.required("DefaultVersionId", policy.default_version_id())?;
        let call = Call::read("GetPolicyVersion", Some(arn));
        let request = self.iam.get_policy_version().policy_arn(arn).version_id(version);
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let text = answer.policy_version().and_then(|version| version.document()).and_then(decode);
        Ok(Some(Found { document: text, ..Found::of(arn, policy.tags()) }))
    }

    /// Makes a managed policy for a system.
    ///
    /// # Errors
    /// When it is not made, or that is not known.
    pub async fn create_policy(
        &self,
        name: &str,
        document: &str,
        description: &str,
        system: &str,
    ) -> Result<Performed, Error> {
        let call = Call::write("CreatePolicy", name.to_owned());
        let request = self.iam.create_policy().policy_name(name).path(OWN_PATH).policy_document(document);
        let request = request.description(description).tags(tag(&call, system)?);
        request.send().await.map(|answer| changed(&answer)).map_err(|error| call.failed(error))
    }

    /// Gives a managed policy another text, and keeps the one before as a version.
    ///
    /// # Errors
    /// When it is not changed, or that is not known.
    pub async fn replace_policy(&self, arn: &str, document: &str) -> Result<Performed, Error> {
        let call = Call::write("CreatePolicyVersion", arn.to_owned());
        let request = self.iam.create_policy_version().policy_arn(arn).policy_document(document);
        request
            .set_as_default(true)
            .send()
            .await
            .map(|answer| changed(&answer))
            .map_err(|error| call.failed(error))
    }

    /// A user with what is attached to it, and its keys.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn find_user(&self, name: &str) -> Result<Option<Found>, Error> {
        let call = Call::read("GetUser", Some(name));
        let name = given("name", name).map_err(|why| call.refused(&why))?;
        let sent = self.iam.get_user().user_name(name).send().await;
        let Some(answer) = there(sent.map_err(|error| call.failed(error)))? else { return Ok(None) };
        let user = answer.user().ok_or_else(|| call.unusable("User"))?;
        let mut found = Found::of(user.arn(), user.tags());
        let call = Call::read("ListAttachedUserPolicies", Some(name));
        let sent = self.iam.list_attached_user_policies().user_name(name).send().await;
        found.attached = arns(sent.map_err(|error| call.failed(error))?.attached_policies());
        let call = Call::read("ListAccessKeys", Some(name));
        let sent = self.iam.list_access_keys().user_name(name).send().await;
        let keys = sent.map_err(|error| call.failed(error))?;
        for key in keys.access_key_metadata() {
            let id = call.required("AccessKeyId", key.access_key_id())?.to_owned();
            found.keys.push((id, key.create_date().and_then(timestamp)));
        }
        Ok(Some(found))
    }

    /// The ARN of a user, or of a role, whose name is this one in other cases of its letters: beside it AWS makes none of
    /// this name (IAM API Reference, `CreateUser` and `CreateRole`, `UserName` and `RoleName`).
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn find_in_other_case(&self, name: &str, role: bool) -> Result<Option<String>, Error> {
        let call = Call::read(if role { "ListRoles" } else { "ListUsers" }, None);
        let (mut marker, mut seen) = (None, BTreeSet::new());
        loop {
            let (found, next) = match role {
                true => {
                    let request = self.iam.list_roles().max_items(PAGE_SIZE).set_marker(marker);
                    let answer = request.send().await.map_err(|error| call.failed(error))?;
                    let mut roles = answer.roles().iter();
                    let found = roles.find(|one| one.role_name().eq_ignore_ascii_case(name));
                    let found = found.map(|role| role.arn().to_owned());
                    (found, next(answer.is_truncated(), answer.marker()))
                }
                false => {
                    let request = self.iam.list_users().max_items(PAGE_SIZE).set_marker(marker);
                    let answer = request.send().await.map_err(|error| call.failed(error))?;
                    let mut users = answer.users().iter();
                    let found = users.find(|one| one.user_name().eq_ignore_ascii_case(name));
                    let found = found.map(|user| user.arn().to_owned());
                    (found, next(answer.is_truncated(), answer.marker()))
                }
            };
            marker = match (found, next) {
                (Some(arn), _) => return Ok(Some(arn)),
                (None, Next::End) => return Ok(None),
                (None, Next::More(more)) if seen.insert(more.0.clone()) => Some(more.0),
                (None, Next::More(_) | Next::MarkerMissing) => return Err(call.unusable("Marker")),
            };
        }
    }

    /// Makes a user for a system.
    ///
    /// # Errors
    /// When it is not made, or that is not known.
    pub async fn create_user(&self, name: &str, system: &str) -> Result<Performed, Error> {
        let call = Call::write("CreateUser", name.to_owned());
        let request = self.iam.create_user().user_name(name).path(OWN_PATH).tags(tag(&call, system)?);
        request.send().await.map(|answer| changed(&answer)).map_err(|error| call.failed(error))
    }

    /// Attaches a policy to a user.
    ///
    /// # Errors
    /// When it is not attached, or that is not known.
    pub async fn attach_to_user(&self, name: &str, policy: &str) -> Result<Performed, Error> {
        let call = Call::write("AttachUserPolicy", format!("{name}, {policy}"));
        let name = given("name", name).map_err(|why| call.refused(&why))?;
        let request = self.iam.attach_user_policy().user_name(name).policy_arn(policy);
        request.send().await.map(|answer| changed(&answer)).map_err(|error| call.failed(error))
    }

    /// Detaches a policy from a user.
    ///
    /// # Errors
    /// When it is not detached, or that is not known.
    pub async fn detach_from_user(&self, name: &str, policy: &str) -> Result<Performed, Error> {
        let call = Call::write("DetachUserPolicy", format!("{name}, {policy}"));
        let name = given("name", name).map_err(|why| call.refused(&why))?;
        let request = self.iam.detach_user_policy().user_name(name).policy_arn(policy);
        request.send().await.map(|answer| changed(&answer)).map_err(|error| call.failed(error))
    }

    /// Makes an access key of a user. Its secret is in this one answer and never again.
    ///
    /// # Errors
    /// When it is not made, or that is not known: then there may be a key whose secret nobody has.
    pub async fn create_key(&self, name: &str) -> Result<NewAccessKey, Error> {
        let call = Call::write("CreateAccessKey", name.to_owned());
        // Without a name it would be a key of whoever asks.
        let name = given("name", name).map_err(|why| call.refused(&why))?;
        let answer = self.iam.create_access_key().user_name(name).send().await;
        let answer = answer.map_err(|error| call.failed(error))?;
        let request_id = answer.request_id().map(str::to_owned);
        let unusable = || Error { request_id: request_id.clone(), ..call.unusable("AccessKey") };
        let key = answer.access_key.ok_or_else(unusable)?;
        if key.user_name != name || key.access_key_id.is_empty() || key.secret_access_key.is_empty() {
            return Err(unusable());
        }
        Ok(NewAccessKey { id: key.access_key_id, secret: Secret::new(key.secret_access_key), request_id })
    }

    /// Deletes an access key of a user.
    ///
    /// # Errors
    /// When it is not deleted, or that is not known.
    pub async fn delete_key(&self, name: &str, key: &str) -> Result<Performed, Error> {
        let call = Call::write("DeleteAccessKey", format!("{name}, {key}"));
        let name = given("name", name).map_err(|why| call.refused(&why))?;
        let request = self.iam.delete_access_key().user_name(name).access_key_id(key);
        request.send().await.map(|answer| changed(&answer)).map_err(|error| call.failed(error))
    }

    /// A role with its trust policy and what is attached to it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn find_role(&self, name: &str) -> Result<Option<Found>, Error> {
        let call = Call::read("GetRole", Some(name));
        let sent = self.iam.get_role().role_name(name).send().await;
        let Some(answer) = there(sent.map_err(|error| call.failed(error)))? else { return Ok(None) };
        let role = answer.role().ok_or_else(|| call.unusable("Role"))?;
        let trust = role.assume_role_policy_document().and_then(decode);
        let mut found = Found { document: trust, ..Found::of(role.arn(), role.tags()) };
        let call = Call::read("ListAttachedRolePolicies", Some(name));
        let sent = self.iam.list_attached_role_policies().role_name(name).send().await;
        found.attached = arns(sent.map_err(|error| call.failed(error))?.attached_policies());
        Ok(Some(found))
    }

    /// Makes a role for a system.
    ///
    /// # Errors
    /// When it is not made, or that is not known.
    pub async fn create_role(
        &self,
        name: &str,
        trust: &str,
        description: &str,
        system: &str,
    ) -> Result<Performed, Error> {
        let call = Call::write("CreateRole", name.to_owned());
        let request =
            self.iam.create_role().role_name(name).path(OWN_PATH).assume_role_policy_document(trust);
        let request = request.description(description).tags(tag(&call, system)?);
        request.send().await.map(|answer| changed(&answer)).map_err(|error| call.failed(error))
    }

    /// Gives a role another trust policy.
    ///
    /// # Errors
    /// When it is not changed, or that is not known.
    pub async fn replace_trust(&self, name: &str, trust: &str) -> Result<Performed, Error> {
        let call = Call::write("UpdateAssumeRolePolicy", name.to_owned());
        let request = self.iam.update_assume_role_policy().role_name(name).policy_document(trust);
        request.send().await.map(|answer| changed(&answer)).map_err(|error| call.failed(error))
    }

    /// Attaches a policy to a role.
    ///
    /// # Errors
    /// When it is not attached, or that is not known.
    pub async fn attach_to_role(&self, name: &str, policy: &str) -> Result<Performed, Error> {
        let call = Call::write("AttachRolePolicy", format!("{name}, {policy}"));
        let request = self.iam.attach_role_policy().role_name(name).policy_arn(policy);
        request.send().await.map(|answer| changed(&answer)).map_err(|error| call.failed(error))
    }

    /// Detaches a policy from a role.
    ///
    /// # Errors
    /// When it is not detached, or that is not known.
    pub async fn detach_from_role(&self, name: &str, policy: &str) -> Result<Performed, Error> {
        let call = Call::write("DetachRolePolicy", format!("{name}, {policy}"));
        let request = self.iam.detach_role_policy().role_name(name).policy_arn(policy);
        request.send().await.map(|answer| changed(&answer)).map_err(|error| call.failed(error))
    }
}

fn tag(call: &Call, system: &str) -> Result<Tag, Error> {
    let tag = Tag::builder().key(SYSTEM_TAG).value(system).build();
    tag.map_err(|why| call.refused(&why.to_string()))
}

fn arns(attached: &[AttachedPolicy]) -> Vec<String> {
    attached.iter().filter_map(|policy| policy.policy_arn().map(str::to_owned)).collect()
}
