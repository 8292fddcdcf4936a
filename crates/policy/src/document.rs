//! Policy documents.

use serde::Serialize;

use crate::{ParseError, condition::Condition, pattern::Pattern, text::Text};

mod json;
mod parse;
mod place;

/// A policy document of IAM: identity-based, trust or resource-based.
///
/// The grammar is that of the AWS IAM User Guide, "Grammar of the IAM JSON policy language".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    version: Version,
    id: Option<String>,
    statements: Vec<Statement>,
}

/// The version of the policy language (IAM User Guide, "Version").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The older language, without variables; it is also meant when a document names no version.
    V2008,
    /// The current language.
    V2012,
}

/// What a statement does where it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It permits.
    Allow,
    /// It forbids, whatever permits.
    Deny,
}

/// Where a document is meant to be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To a user, group or role, as a permissions boundary, or to a session.
    Identity,
    /// To a role, saying who may assume it.
    Trust,
    /// To any other resource.
    Resource,
}

/// One statement of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub(crate) sid: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) principal: Option<Who>,
    pub(crate) actions: Actions,
    pub(crate) resources: Option<Resources>,
    pub(crate) conditions: Vec<Condition>,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    /// `NotPrincipal`: everybody but these.
    pub(crate) except: bool,
    pub(crate) names: Vec<PrincipalName>,
}

/// One name in a `Principal` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PrincipalName {
    Everyone,
    Aws(String),
    Service(String),
    Federated(String),
    CanonicalUser(String),
}

/// `Action` or `NotAction`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actions {
    /// `NotAction`: everything but these.
    pub(crate) except: bool,
    pub(crate) names: Vec<String>,
    /// The same names, ready to be matched.
    patterns: Vec<Pattern>,
}

/// `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resources {
    /// `NotResource`: everything but these.
    pub(crate) except: bool,
    pub(crate) patterns: Vec<Text>,
}

impl Document {
    /// The longest text that is read, in characters: IAM's own limit for the parameter (service model,
    /// `policyDocumentType`).
    pub const MAXIMUM_CHARACTERS: usize = 131_072;

    /// Reads a document from JSON. A byte order mark before it is passed over.
    ///
    /// What IAM refuses as `MalformedPolicyDocument` is refused, as far as it is documented or was recorded (by the
    /// tests of moto, `tests/test_iam/test_iam_policies.py`): unknown elements, wrong types, elements that exclude
    /// each other, actions without a service or with a wildcard in it, resources that are neither `*` nor an ARN,
    /// unknown operators, a `Sid` that comes twice. A key that comes twice is refused as well: which of the two
    /// counts depends on the reader.
    ///
    /// # Errors
    /// A text that is no policy document.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::document(text)
    }

    /// Reads a document as IAM returns it, percent-encoded after RFC 3986 (a `+` stays a plus).
    ///
    /// # Errors
    /// A broken encoding, or a text that is no policy document.
    pub fn parse_encoded(text: &str) -> Result<Self, ParseError> {
        parse::document(&parse::decode(text)?)
    }

    /// Whether AWS would let it stand in `place`: a trust policy has principals and no resources, an
    /// identity-based one the reverse. The evaluator takes a statement in the wrong place for unknown.
    ///
    /// # Errors
    /// The first element that is missing or prohibited there.
    pub fn check_place(&self, place: Place) -> Result<(), ParseError> {
        place::check(&self.statements, place)
    }

    /// The version of the language it is written in.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its `Id`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The same without some of its statements.
    pub(crate) fn keeping(&self, keep: impl Fn(&Statement) -> bool) -> Self {
        let statements = self.statements.iter().filter(|statement| keep(statement)).cloned().collect();
        Self { version: self.version, id: self.id.clone(), statements }
    }

    /// Its statements, in their order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

impl Actions {
    fn new(except: bool, names: Vec<String>) -> Self {
        let patterns = names.iter().map(|name| Pattern::wild(name)).collect();
        Self { except, names, patterns }
    }

    /// Whether they hold for `action`, which is in lower case.
    pub(crate) fn hold(&self, action: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(action)) != self.except
    }
}

impl Statement {
    /// Its `Sid`.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// What it does where it applies.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether it is about an action, whatever its resources and conditions.
    #[must_use]
    pub fn is_about(&self, action: &str) -> bool {
        self.actions.hold(&action.to_ascii_lowercase())
    }

    /// The resources it names for an action, as they are written; `None` when it does not name the action, or names
    /// all resources but some.
    #[must_use]
    pub fn resources_of(&self, action: &str) -> Option<Vec<&str>> {
        let resources = self.resources.as_ref().filter(|resources| !resources.except)?;
        self.is_about(action).then(|| resources.patterns.iter().map(|text| text.raw.as_str()).collect())
    }

    /// Whether it is fit to stand in `place`.
    pub(crate) fn fits(&self, place: Place) -> bool {
        place::check(std::slice::from_ref(self), place).is_ok()
    }
}
