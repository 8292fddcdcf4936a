//! The actions of IAM and STS, one file for each kind of thing.

pub(crate) mod account;
mod credentials;
mod details;
mod groups;
mod organizations;
mod policies;
pub(crate) mod report;
pub(crate) mod sts;
mod table;
mod users;
mod write;

use jiff::Timestamp;

use crate::protocol::error::ApiError;
use crate::protocol::marker::Cursor;
use crate::protocol::paging::{Entry, Listing, Page, PageFault, cursor_of, list_id};
use crate::protocol::params::{Kind, Params};
use crate::protocol::xml::Xml;
use crate::state::{State, User};
use crate::world::{Account, World};

pub(crate) use self::table::{Action, Write, find};

/// Which service a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Iam,
    Sts,
    Organizations,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Organizations => "organizations",
        }
    }

    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Iam => "2010-05-08",
            Self::Sts => "2011-06-15",
            Self::Organizations => "2016-11-28",
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Iam | Self::Sts => "text/xml",
            Self::Organizations => crate::protocol::json::CONTENT_TYPE,
        }
    }

    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Organizations => "",
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
    /// The account as the call finds it: for a read perhaps as it was, for a write as it is.
    pub(crate) state: &'a State,
    /// Of a write, the account as reads see it: users who are not in it yet are not found.
    pub(crate) seen: Option<&'a State>,
    pub(crate) caller: &'a Caller,
    pub(crate) action: &'a str,
    pub(crate) params: &'a Params,
    pub(crate) now: Timestamp,
    pub(crate) page_fault: Option<PageFault>,
    pub(crate) omitted: Vec<String>,
}

/// The content of an answer's `Result` element; `None` for an action that answers nothing.
pub(crate) type Answer = Result<Option<Xml>, ApiError>;

/// The writes that are about the caller when they name no user (service model).
const ABOUT_ONESELF: [&str; 12] = [
    "ChangePassword",
    "CreateAccessKey",
    "CreateLoginProfile",
    "DeactivateMFADevice",
    "DeleteAccessKey",
    "DeleteLoginProfile",
    "DeleteServiceSpecificCredential",
    "DeleteSigningCertificate",
    "UpdateAccessKey",
    "UpdateServiceSpecificCredential",
    "UpdateSigningCertificate",
    "UploadSigningCertificate",
];

pub(crate) fn invalid_action(action: &str, service: Service) -> ApiError {
    let message = format!("Could not find operation {action} for version {}", service.version());
    ApiError::new(400, "InvalidAction", message)
}

impl Call<'_> {
    /// The user the call is about; the caller's own where the API makes `UserName` optional.
    fn user_or_self(&self, kind: Kind) -> Result<&User, ApiError> {
        match self.params.optional("UserName", kind)? {
            Some(name) => self.exact_user(name),
            None => self.caller_user().ok_or_else(|| {
                ApiError::validation("Must specify userName when calling with non-User credentials")
            }),
        }
    }

    /// The caller, if it is a user.
    pub(super) fn caller_user(&self) -> Option<&User> {
        let name = self.caller.user.as_deref()?;
        self.state.user(name).ok().map(|user| &**user)
    }

    fn user(&self, kind: Kind) -> Result<&User, ApiError> {
        self.exact_user(self.params.required("UserName", kind)?)
    }

    /// Names are found in their exact case only. Whether AWS finds them in another case is not documented,
    /// so a client must not rely on it.
    fn exact_user(&self, name: &str) -> Result<&User, ApiError> {
        let user = self.state.user(name)?;
        let is_seen = self.seen.is_none_or(|seen| seen.user_by_id(&user.id).is_some());
        if user.name == name && is_seen { Ok(user) } else { Err(ApiError::no_such_user(name)) }
    }

    /// The user a write is about, by name and unique id: the one named, else the caller where the API makes
    /// `UserName` optional.
    pub(crate) fn target(&self, state: &State) -> Option<(String, String)> {
        let own = || self.caller.user.as_deref().filter(|_| ABOUT_ONESELF.contains(&self.action));
        let user = state.user(self.params.get("UserName").or_else(own)?).ok()?;
        Some((user.name.clone(), user.id.clone()))
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
