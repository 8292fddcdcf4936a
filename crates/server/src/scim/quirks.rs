//! What clients are known to send besides what the RFCs have, and that is understood all the same. [`QUIRKS`] is the
//! whole list; what is not in it is refused.

use serde_json::{Map, Value};

use super::{
    Attribute, ResourceType,
    filter::{Filter, Order, Test, TextOperator, syntax::Operator},
    patch::Operation,
    schema::Found,
    urn,
};

#[cfg(test)]
mod tests;

/// A departure that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quirk {
    /// `"op": "Replace"`.
    CapitalOperation,
    /// `"active": "False"`.
    BooleanText,
    /// `{"op": "remove", "path": "members", "value": […]}`.
    MemberList,
    /// `{"op": "replace", "value": {"name.givenName": …, "urn:…:User:department": …}}`.
    QualifiedName,
    /// `{"op": "add", "path": "emails[type eq \\"work\\"].value", …}` where there is no such address.
    MissingElement,
    /// `{"op": "replace", "value": {"id": …, …}}` with the resource's own id.
    OwnId,
    /// `"manager": "…"` instead of `"manager": {"value": "…"}`.
    ManagerText,
    /// `"manager": [{"value": "…"}]`.
    ManagerList,
    /// `manager` instead of `urn:…:User:manager`.
    ManagerName,
    /// `manager eq "…"` in a filter, instead of `manager.value eq "…"`.
    ManagerFilter,
    /// `emails[type eq "work"].value eq "…"` in a filter.
    ElementSuffix,
    /// `"roles": []` in a body.
    EmptyRoles,
    /// The schema `http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group` of a group.
    MicrosoftGroup,
    /// A PUT without `externalId`.
    AbsentExternalId,
}

/// All of them: what is understood, who sends it, and where that is written.
pub const QUIRKS: &[(Quirk, &str, &str)] = &[
    (Quirk::CapitalOperation, "Add, Replace and Remove are add, replace and remove", ENTRA_ISSUES),
    (
        Quirk::BooleanText,
        "the texts True, False, true and false are booleans, in values and in filters",
        "Microsoft Entra ID; github.com/simpleidserver/SimpleIdServer/issues/376 (true), and as above (False)",
    ),
    (
        Quirk::MemberList,
        "remove with the path members and a list removes these members, not all",
        "Microsoft Entra ID; github.com/segmentio/segment-docs/pull/6726, and as above",
    ),
    (Quirk::QualifiedName, "without a path, names may have a sub-attribute or a URN", ENTRA_ISSUES),
    (
        Quirk::MissingElement,
        "add to an element chosen by eq makes the element if there is none",
        "Microsoft Entra ID; github.com/thomaspoignant/scim-patch/issues/176, github.com/wireapp/wire-server/pull/5419",
    ),
    (
        Quirk::OwnId,
        "without a path, the resource's own id changes nothing",
        "Okta; developer.okta.com/docs/reference/scim/scim-20, Update a specific Group name",
    ),
    (
        Quirk::ManagerText,
        "a text as manager is the manager's value; an empty one takes the manager away",
        "Microsoft Entra ID; github.com/Captain-P-Goldfish/SCIM-SDK/issues/686, \
         github.com/MicrosoftDocs/azure-docs/issues/69234; github.com/Captain-P-Goldfish/SCIM-SDK/pull/653 (empty)",
    ),
    (Quirk::ManagerList, "a list of one object as manager is that object", ENTRA_GUIDE),
    (
        Quirk::ManagerName,
        "manager is that of the enterprise extension, in filters, paths and names of attributes",
        ENTRA_GUIDE,
    ),
    (Quirk::ManagerFilter, "in a filter, manager eq value is manager.value eq value", ENTRA_GUIDE),
    (Quirk::ElementSuffix, "in a filter, list[…].sub eq value is list[… and sub eq value]", ENTRA_GUIDE),
    (Quirk::EmptyRoles, "an empty list of roles is no attribute", ENTRA_GUIDE),
    (Quirk::MicrosoftGroup, "Microsoft's own schema of a group is no schema", ENTRA_GUIDE),
    (
        Quirk::AbsentExternalId,
        "a PUT that leaves out externalId leaves it as it is",
        "Okta; developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20, Update a specific user (PUT)",
    ),
];

const ENTRA_ISSUES: &str = "Microsoft Entra ID; learn.microsoft.com/entra/identity/app-provisioning/\
    application-provisioning-config-problem-scim-compatibility";
const ENTRA_GUIDE: &str = "Microsoft Entra ID; learn.microsoft.com/entra/identity/app-provisioning/\
    use-scim-to-provision-users-and-groups";

/// [`Quirk::CapitalOperation`], beside what RFC 7644 §3.5.2 has.
pub(crate) fn operation(word: &str) -> Option<Operation> {
    match word {
        "add" | "Add" => Some(Operation::Add),
        "replace" | "Replace" => Some(Operation::Replace),
        "remove" | "Remove" => Some(Operation::Remove),
        _ => None,
    }
}

/// [`Quirk::BooleanText`].
pub(crate) fn boolean_text(text: &str) -> Option<bool> {
    match text {
        "True" | "true" => Some(true),
        "False" | "false" => Some(false),
        _ => None,
    }
}

/// [`Quirk::MemberList`]. Of other attributes a list of what to remove is refused.
pub(crate) fn removes_listed(attribute: &Attribute) -> bool {
    attribute.name == "members"
}

/// [`Quirk::MissingElement`]: the element that a filter of `eq`s, joined by `and`, describes.
pub(crate) fn missing_element(filter: &Filter) -> Option<Map<String, Value>> {
    let mut element = Map::new();
    describe(filter, &mut element)?;
    filter.matches(&element).then_some(element)
}

fn describe(filter: &Filter, element: &mut Map<String, Value>) -> Option<()> {
    match filter {
        Filter::All(parts) => parts.iter().try_for_each(|part| describe(part, element)),
        Filter::Compare(place, Test::Text { operator: TextOperator::Order(Order::Equal), value, .. }) => {
            element.insert(place.attribute.to_owned(), value.clone().into());
            Some(())
        }
        Filter::Compare(place, Test::Boolean(value)) => {
            element.insert(place.attribute.to_owned(), (*value).into());
            Some(())
        }
        _ => None,
    }
}

/// [`Quirk::OwnId`].
pub(crate) fn is_own_id(attribute: &Attribute, value: &Value, resource: &Map<String, Value>) -> bool {
    attribute.name == "id" && resource.get("id") == Some(value)
}

/// [`Quirk::ManagerText`].
pub(crate) fn complex_text(attribute: &Attribute, text: &str) -> Option<Map<String, Value>> {
    let value = (!text.is_empty()).then(|| ("value".to_owned(), text.into()));
    is_manager(attribute).then(|| Map::from_iter(value))
}

/// [`Quirk::ManagerList`].
pub(crate) fn only_element<'v>(attribute: &Attribute, list: &'v [Value]) -> Option<&'v Map<String, Value>> {
    match list {
        [Value::Object(only)] if is_manager(attribute) => Some(only),
        _ => None,
    }
}

/// [`Quirk::ManagerName`].
pub(crate) fn without_extension<'t>(
    resource_type: &'t ResourceType,
    urn: Option<&str>,
    name: &str,
) -> Option<Found<'t>> {
    let bare = urn.is_none() && name.eq_ignore_ascii_case("manager");
    if bare { resource_type.find(Some(urn::ENTERPRISE_USER), name) } else { None }
}

/// [`Quirk::ManagerFilter`]; of operators as for [`Quirk::ElementSuffix`].
pub(crate) fn compared_by_value(attribute: &Attribute, operator: Operator) -> bool {
    is_manager(attribute) && operator == Operator::Eq
}

fn is_manager(attribute: &Attribute) -> bool {
    attribute.name == "manager"
}

/// [`Quirk::ElementSuffix`]: "Microsoft Entra-only uses the following operators: eq, and".
pub(crate) fn element_suffix(operator: Operator) -> bool {
    operator == Operator::Eq
}

/// [`Quirk::EmptyRoles`].
pub(crate) fn ignored_attribute(name: &str, value: &Value) -> bool {
    name.eq_ignore_ascii_case("roles") && value.as_array().is_some_and(Vec::is_empty)
}

/// [`Quirk::MicrosoftGroup`].
pub(crate) fn ignored_schema(resource_type: &ResourceType, name: &str) -> bool {
    resource_type.schema.id == urn::GROUP
        && name == "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
}

/// [`Quirk::AbsentExternalId`].
pub(crate) fn kept_where_absent(attribute: &Attribute) -> bool {
    attribute.name == "externalId"
}
