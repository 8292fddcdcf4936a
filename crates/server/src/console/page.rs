//! What all pages have: the frame around them, and what they say to browsers.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY};
use axum::response::{IntoResponse, Response};
use keyreeve_model::JobId;

use super::parts::Link;
use super::visitor::{Look, Visitor, telling};
use super::{assets, jobs};
use crate::problem::Problem;

/// Nothing but what we serve ourselves, nothing within the page that runs, and no text that becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    // With `no-referrer` a browser sends forms with `Origin: null`, which is nobody's.
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// A place of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Home,
    Search,
    Systems,
    Imports,
    Jobs,
    Audit,
    Settings,
}

impl Section {
    const ALL: [Self; 7] =
        [Self::Home, Self::Search, Self::Systems, Self::Imports, Self::Jobs, Self::Audit, Self::Settings];

    fn link(self) -> (&'static str, &'static str) {
        match self {
            Self::Home => ("Home", "/"),
            Self::Search => ("Search", "/search"),
            Self::Systems => ("Systems", "/systems"),
            Self::Imports => ("Imports", "/imports"),
            Self::Jobs => ("Jobs", "/jobs"),
            Self::Audit => ("Audit", "/audit"),
            Self::Settings => ("Settings", "/settings"),
        }
    }
}

/// Something was done, and the page after it says so. The word stands in the address, the sentence is ours, and it is said
/// only to a browser that was led to that address by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    SignedOut,
    Registered,
    Saved,
    NothingChanged,
    Removed,
    Accepted,
    Rejected,
    Released,
    Asked,
    AskedBefore,
    AwaitsApproval,
    JobApproved,
    JobRejected,
    JobCancelled,
    JobDismissed,
    NothingCancelled,
    ShownBefore,
    JobRetried,
    LogVerified,
    Revoked,
    Added,
    PersonRemoved,
    Protected,
    ProtectedUnseen,
    Unprotected,
    ProfileRemoved,
    MappingReset,
    CredentialReplaced,
    CredentialOpen,
    KeyRotated,
    PasswordChanged,
    SessionsEnded,
    NotDone,
    DriftAccepted,
}

impl Said {
    /// The name in the query.
    pub(crate) const NAME: &str = "said";
    const ALL: [Self; 34] = [
        Self::SignedOut,
        Self::Registered,
        Self::Saved,
        Self::NothingChanged,
        Self::Removed,
        Self::Accepted,
        Self::Rejected,
        Self::Released,
        Self::Asked,
        Self::AskedBefore,
        Self::AwaitsApproval,
        Self::JobApproved,
        Self::JobRejected,
        Self::JobCancelled,
        Self::JobDismissed,
        Self::NothingCancelled,
        Self::ShownBefore,
        Self::JobRetried,
        Self::LogVerified,
        Self::Revoked,
        Self::Added,
        Self::PersonRemoved,
        Self::Protected,
        Self::ProtectedUnseen,
        Self::Unprotected,
        Self::ProfileRemoved,
        Self::MappingReset,
        Self::CredentialReplaced,
        Self::CredentialOpen,
        Self::KeyRotated,
        Self::PasswordChanged,
        Self::SessionsEnded,
        Self::NotDone,
        Self::DriftAccepted,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Registered => "registered",
            Self::Saved => "saved",
            Self::NothingChanged => "nothing_changed",
            Self::Removed => "removed",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Released => "released",
            Self::Asked => "asked",
            Self::AskedBefore => "asked_before",
            Self::AwaitsApproval => "awaits_approval",
            Self::JobApproved => "job_approved",
            Self::JobRejected => "job_rejected",
            Self::JobCancelled => "job_cancelled",
            Self::JobDismissed => "job_dismissed",
            Self::NothingCancelled => "nothing_cancelled",
            Self::ShownBefore => "shown_before",
            Self::JobRetried => "job_retried",
            Self::LogVerified => "log_verified",
            Self::Revoked => "revoked",
            Self::Added => "added",
            Self::PersonRemoved => "person_removed",
            Self::Protected => "protected",
            Self::ProtectedUnseen => "protected_unseen",
            Self::Unprotected => "unprotected",
            Self::ProfileRemoved => "profile_removed",
            Self::MappingReset => "mapping_reset",
            Self::CredentialReplaced => "credential_replaced",
            Self::CredentialOpen => "credential_open",
            Self::KeyRotated => "key_rotated",
            Self::PasswordChanged => "password_changed",
            Self::SessionsEnded => "sessions_ended",
            Self::NotDone => "not_done",
            Self::DriftAccepted => "drift_accepted",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::SignedOut => "You have signed out.",
            Self::Registered => "The system is registered. Below is what is still to be done.",
            Self::Saved => "Saved.",
            Self::NothingChanged => "There was nothing to save: all is as it was.",
            Self::Accepted => "Accepted: what the run found is published.",
            Self::Released => "The quarantine has ended.",
            Self::Rejected => "Rejected: what was known before still stands.",
            Self::Asked => {
                "Asked for. This page shows what becomes of it, and an import confirms what was done."
            }
            Self::AskedBefore => {
                "This was sent twice. It was asked for the first time, and is not done twice."
            }
            Self::AwaitsApproval => "Asked for: a second person must approve it before anything is done.",
            Self::JobApproved => "Approved. This page shows what becomes of it.",
            Self::JobRejected => "Rejected: nothing of the job is done.",
            Self::JobCancelled => "Cancelled: what had not begun is taken back.",
            Self::JobDismissed => "Dismissed: it stays failed, and needs nobody any more.",
            Self::NothingCancelled => {
                "All of it had begun already, so nothing was taken back: it is carried to its end."
            }
            Self::ShownBefore => {
                "This password was shown already, and is shown once only. If its owner does not have it, reset the password."
            }
            Self::JobRetried => "What failed was asked for once more. This page shows what becomes of it.",
            Self::LogVerified => "The log was read whole. What was found stands below.",
            Self::Revoked => "The token is revoked: it lets nobody in any more.",
            Self::Added => "Added. They can sign in now.",
            Self::PersonRemoved => "They are removed, and what they did stays in the audit log.",
            Self::Protected => "It is protected: nobody may change it.",
            Self::ProtectedUnseen => {
                "It is protected, but the last import saw no account that this covers: look whether it is written as it should be."
            }
            Self::Unprotected => "It is protected no more.",
            Self::ProfileRemoved => "The import profile is removed, and its schedule has ended.",
            Self::MappingReset => "The task mapping is the default again.",
            Self::CredentialReplaced => "The system signs in with the new credentials from now on.",
            Self::CredentialOpen => {
                "The system signs in with the new role from now on. But the role also lets in whoever brings another external id: add the condition to its trust policy."
            }
            Self::KeyRotated => "The access key was replaced: the old one is deleted.",
            Self::PasswordChanged => "Your password is changed, and your other sessions have ended.",
            Self::SessionsEnded => "Whoever used those sessions must sign in again.",
            Self::NotDone => {
                "Your session had ended, so what you sent was not done. Look at it once more, and send it again."
            }
            Self::DriftAccepted => "Accepted: what AWS has stays as it is, and is no drift any more.",
            Self::Removed => {
                "The system is removed. What was known of it stays readable, and AWS was not touched."
            }
        }
    }

    /// An address whose page says so, to whoever was led there by us ([`super::visitor::Told`]).
    pub(super) fn at(self, path: &str) -> String {
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("{path}{mark}{}={}", Self::NAME, self.word())
    }

    /// Leads on to a page that says so.
    pub(crate) fn to(self, path: &str) -> Response {
        telling(self.at(path))
    }

    /// Leads on to the page of the job that it came to, which shows what becomes of it.
    pub(crate) fn to_job(self, job: JobId) -> Response {
        self.to(&jobs::of(job))
    }

    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|said| said.word() == word)
    }
}

/// What was said was done.
#[derive(Debug, Clone)]
pub(crate) struct Saying {
    pub(crate) text: &'static str,
}

impl Saying {
    /// As the address has it: a word of ours.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(Self { text: Said::of(word)?.sentence() })
    }
}

/// What is around the content of a page: its title, the navigation, who has signed in. Templates have it as `frame`.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) title: String,
    /// The pages above it.
    pub(crate) above: Vec<Link>,
    pub(crate) navigation: Vec<Entry>,
    pub(crate) who: Option<Who>,
    pub(crate) theme: &'static str,
    /// Where a choice of the theme leads back to.
    pub(crate) address: String,
    pub(crate) said: Option<Saying>,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    pub(crate) icon: &'static str,
}

/// An entry of the navigation.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) label: &'static str,
    pub(crate) address: &'static str,
    pub(crate) current: bool,
}

/// Who has signed in.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) role: &'static str,
}

impl Frame {
    /// Of a page of a section, for whoever has signed in.
    pub(crate) fn of(visitor: &Visitor, section: Section, title: impl Into<String>) -> Self {
        Self { said: visitor.look.said.clone(), ..Self::around(visitor, Some(section), title) }
    }

    pub(super) fn around(visitor: &Visitor, section: Option<Section>, title: impl Into<String>) -> Self {
        let entry = |one: Section| {
            let (label, address) = one.link();
            Entry { label, address, current: Some(one) == section }
        };
        let person = &visitor.person;
        let name = person.shown_as.as_ref().unwrap_or(&person.name).clone();
        Self {
            navigation: Section::ALL.into_iter().map(entry).collect(),
            who: Some(Who { name, role: person.role.as_str() }),
            ..Self::bare(&visitor.look, title)
        }
    }

    /// Of a page that anybody sees.
    pub(crate) fn bare(look: &Look, title: impl Into<String>) -> Self {
        let [style, script, icon] = assets::addresses();
        Self {
            title: title.into(),
            above: Vec::new(),
            navigation: Vec::new(),
            who: None,
            theme: look.theme.map_or("auto", super::visitor::Theme::as_str),
            address: look.address.clone(),
            said: look.said.clone(),
            style,
            script,
            icon,
        }
    }
}

/// A page as an answer.
pub(crate) fn shown<T: Template>(page: &T) -> Response {
    shown_as(StatusCode::OK, page)
}

/// A page with a status of its own.
pub(crate) fn shown_as<T: Template>(status: StatusCode, page: &T) -> Response {
    match page.render() {
        Ok(text) => (status, HEADERS, text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            let detail = "the page could not be written; why stands in the log";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_written_down", detail).into_response()
        }
    }
}
