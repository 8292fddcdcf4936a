//! The actions of IAM and STS, one file for each kind of thing.

pub(crate) mod account;
mod credentials;
mod details;
mod groups;
mod policies;
pub(crate) mod report;
pub(crate) mod sts;
mod users;

use jiff::Timestamp;

use crate::protocol::error::ApiError;
use crate::protocol::marker::Cursor;
use crate::protocol::paging::{Entry, Listing, Page, PageFault, cursor_of, list_id};
use crate::protocol::params::{Kind, Params};
use crate::protocol::xml::Xml;
use crate::state::{State, User};
use crate::world::{Account, World};

/// Which of the two services a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Iam,
    Sts,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }

    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Iam => "2010-05-08",
            Self::Sts => "2011-06-15",
        }
    }

    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) account: String,
    /// The ARN as `GetCallerIdentity` gives it.
    pub(crate) arn: String,
    /// The id as `GetCallerIdentity` gives it.
    pub(crate) id: String,
    /// The user's name; none for a role session.
    pub(crate) user: Option<String>,
    /// The role's name; none for a user.
    pub(crate) role: Option<String>,
    pub(crate) access_key_id: String,
}

/// A request that has been found genuine, with everything its answer depends on.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a World,
    pub(crate) account: &'a Account,
    pub(crate) state: &'a State,
    pub(crate) caller: &'a Caller,
    pub(crate) action: &'a str,
    pub(crate) params: &'a Params,
    pub(crate) now: Timestamp,
    pub(crate) page_fault: Option<PageFault>,
    pub(crate) omitted: Vec<String>,
}

/// The content of an answer's `Result` element; `None` for an action that answers nothing.
pub(crate) type Answer = Result<Option<Xml>, ApiError>;

/// Whether the service has this action (as far as the sandbox plays it).
pub(crate) fn known(service: Service, action: &str) -> bool {
    match service {
        Service::Iam => IAM_ACTIONS.contains(&action),
        Service::Sts => STS_ACTIONS.contains(&action),
    }
}

const STS_ACTIONS: [&str; 2] = ["AssumeRole", "GetCallerIdentity"];

const IAM_ACTIONS: [&str; 33] = [
    "GenerateCredentialReport",
    "GetAccessKeyLastUsed",
    "GetAccountAuthorizationDetails",
    "GetAccountPasswordPolicy",
    "GetAccountSummary",
    "GetCredentialReport",
    "GetGroup",
    "GetGroupPolicy",
    "GetLoginProfile",
    "GetPolicy",
    "GetPolicyVersion",
    "GetUser",
    "GetUserPolicy",
    "ListAccessKeys",
    "ListAccountAliases",
    "ListAttachedGroupPolicies",
    "ListAttachedUserPolicies",
    "ListGroupPolicies",
    "ListGroups",
    "ListGroupsForUser",
    "ListMFADevices",
    "ListPolicies",
    "ListPolicyTags",
    "ListPolicyVersions",
    "ListRoles",
    "ListSSHPublicKeys",
    "ListServiceSpecificCredentials",
    "ListSigningCertificates",
    "ListUserPolicies",
    "ListUserTags",
    "ListUsers",
    "ListVirtualMFADevices",
    "ListEntitiesForPolicy",
];

/// Carries out the call. The action is one that [`known`] knows.
pub(crate) fn perform(call: &Call<'_>) -> Answer {
    match call.action {
        "GetCallerIdentity" => sts::get_caller_identity(call),
        "AssumeRole" => sts::assume_role(call),
        "ListUsers" => users::list_users(call),
        "GetUser" => users::get_user(call),
        "GetLoginProfile" => users::get_login_profile(call),
        "ListUserTags" => users::list_user_tags(call),
        "ListGroupsForUser" => users::list_groups_for_user(call),
        "ListAttachedUserPolicies" => users::list_attached_policies(call),
        "ListUserPolicies" => users::list_inline_policies(call),
        "GetUserPolicy" => users::get_inline_policy(call),
        "ListGroups" => groups::list_groups(call),
        "GetGroup" => groups::get_group(call),
        "ListAttachedGroupPolicies" => groups::list_attached_policies(call),
        "ListGroupPolicies" => groups::list_inline_policies(call),
        "GetGroupPolicy" => groups::get_inline_policy(call),
        "ListPolicies" => policies::list_policies(call),
        "GetPolicy" => policies::get_policy(call),
        "GetPolicyVersion" => policies::get_policy_version(call),
        "ListPolicyVersions" => policies::list_policy_versions(call),
        "ListPolicyTags" => policies::list_policy_tags(call),
        "ListEntitiesForPolicy" => policies::list_entities(call),
        "ListRoles" => details::list_roles(call),
        "GetAccountAuthorizationDetails" => details::get_account_authorization_details(call),
        "GetAccountSummary" => account::get_account_summary(call),
        "GetAccountPasswordPolicy" => account::get_account_password_policy(call),
        "ListAccountAliases" => account::list_account_aliases(call),
        "GenerateCredentialReport" => report::generate(call),
        "GetCredentialReport" => report::get(call),
        "ListAccessKeys" => credentials::list_access_keys(call),
        "GetAccessKeyLastUsed" => credentials::get_access_key_last_used(call),
        "ListMFADevices" => credentials::list_mfa_devices(call),
        "ListVirtualMFADevices" => credentials::list_virtual_mfa_devices(call),
        "ListSSHPublicKeys" => credentials::list_ssh_public_keys(call),
        "ListSigningCertificates" => credentials::list_signing_certificates(call),
        "ListServiceSpecificCredentials" => credentials::list_service_credentials(call),
        other => Err(invalid_action(other, Service::Iam)),
    }
}

pub(crate) fn invalid_action(action: &str, service: Service) -> ApiError {
    let message = format!("Could not find operation {action} for version {}", service.version());
    ApiError::new(400, "InvalidAction", message)
}

impl Call<'_> {
    /// The user the call is about; the caller's own where the API makes `UserName` optional.
    fn user_or_self(&self, kind: Kind) -> Result<&User, ApiError> {
        match self.params.optional("UserName", kind)? {
            Some(name) => self.exact_user(name),
            None => match &self.caller.user {
                Some(name) => Ok(self.state.user(name)?),
                None => {
                    Err(ApiError::validation("Must specify userName when calling with non-User credentials"))
                }
            },
        }
    }

    fn user(&self, kind: Kind) -> Result<&User, ApiError> {
        self.exact_user(self.params.required("UserName", kind)?)
    }

    /// Names are found in their exact case only. Whether AWS finds them in another case is not documented,
    /// so a client must not rely on it.
    fn exact_user(&self, name: &str) -> Result<&User, ApiError> {
        let user = self.state.user(name)?;
        if user.name == name { Ok(user) } else { Err(ApiError::no_such_user(name)) }
    }

    fn path_prefix(&self, kind: Kind) -> Result<&str, ApiError> {
        Ok(self.params.optional("PathPrefix", kind)?.unwrap_or("/"))
    }

    /// The page asked for, of the entries that follow a key.
    fn page<T, I>(&self, entries: impl Fn(Option<&str>) -> I) -> Result<Page<T>, ApiError>
    where
        I: Iterator<Item = Entry<T>>,
    {
        let list = list_id(&self.account.id, self.action, self.params);
        let cursor: Cursor = cursor_of(self.params, list, self.world.salt)?;
        let max_items = self.params.number("MaxItems", 100, 1, 1000)?;
        let style = if self.action == "GetAccountAuthorizationDetails" {
            self.world.options.details_pages
        } else {
            self.world.options.list_pages
        };
        let listing = Listing {
            list,
            salt: self.world.salt,
            cursor,
            max_items,
            style,
            fault: self.page_fault.as_ref(),
            omitted: &self.omitted,
            starts: &self.world.starts,
        };
        Ok(listing.page(entries))
    }

    /// The page asked for, of a list short enough to be sorted for every call. The key of an entry is
    /// unique in the list.
    fn page_of<T: Clone>(&self, mut entries: Vec<(String, T)>) -> Result<Page<T>, ApiError> {
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.page(|after| {
            let rest: Vec<Entry<T>> = entries
                .iter()
                .filter(|(key, _)| after.is_none_or(|after| key.as_str() > after))
                .map(|(key, item)| Entry::new(key.as_str(), key.as_str(), item.clone()))
                .collect();
            rest.into_iter()
        })
    }
}

/// A policy document as IAM sends it: percent-encoded by RFC 3986, a space as `%20`.
pub(crate) fn encoded(document: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(document, RESERVED).to_string()
}

fn write_tags(xml: &mut Xml, tags: &[(String, String)]) {
    xml.list("Tags", tags, |xml, (key, value)| {
        xml.text("Key", key);
        xml.text("Value", value);
    });
}

fn write_attached<'a>(xml: &mut Xml, tag: &str, arns: impl IntoIterator<Item = &'a String>) {
    xml.list(tag, arns, |xml, arn| {
        xml.text("PolicyName", arn.rsplit('/').next().unwrap_or_default());
        xml.text("PolicyArn", arn);
    });
}

fn answer(write: impl FnOnce(&mut Xml)) -> Answer {
    let mut xml = Xml::default();
    write(&mut xml);
    Ok(Some(xml))
}
