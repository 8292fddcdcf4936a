//! What clients are known to send besides what the RFCs have, and that is understood all the same. [`QUIRKS`] is the
//! whole list; what is not in it is refused.

use super::filter::syntax::Operator;

/// One departure, and where it is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirk {
    /// Which.
    pub kind: QuirkKind,
    /// What is sent, and as what it is understood.
    pub what: &'static str,
    /// Who sends it, and where that is written.
    pub source: &'static str,
}

/// A departure that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuirkKind {
    /// `"active": "False"`.
    BooleanText,
    /// `emails[type eq "work"].value eq "…"`.
    ElementSuffix,
}

const ENTRA_ISSUES: &str = "Microsoft Entra ID; learn.microsoft.com/entra/identity/app-provisioning/\
    application-provisioning-config-problem-scim-compatibility";
const ENTRA_GUIDE: &str = "Microsoft Entra ID; learn.microsoft.com/entra/identity/app-provisioning/\
    use-scim-to-provision-users-and-groups";

/// All of them.
pub const QUIRKS: &[Quirk] = &[
    Quirk {
        kind: QuirkKind::BooleanText,
        what: "the texts True, False, true and false where true or false belongs, in values and in filters",
        source: ENTRA_ISSUES,
    },
    Quirk {
        kind: QuirkKind::ElementSuffix,
        what: "in a filter, list[…].sub eq value, as list[… and sub eq value]",
        source: ENTRA_GUIDE,
    },
];

/// [`QuirkKind::BooleanText`].
pub(crate) fn boolean_text(text: &str) -> Option<bool> {
    match text {
        "True" | "true" => Some(true),
        "False" | "false" => Some(false),
        _ => None,
    }
}

/// [`QuirkKind::ElementSuffix`]: "Microsoft Entra-only uses the following operators: eq, and".
pub(crate) fn element_suffix(operator: Operator) -> bool {
    operator == Operator::Eq
}
