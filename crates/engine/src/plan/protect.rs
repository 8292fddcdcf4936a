//! What nobody may change, whoever asks: decided before any call.

use std::collections::BTreeMap;

use keyreeve_model::{ExternalId, Obstacle, ObstacleKind, Protection, ResourceName, Wish};

use super::facts::{AccountFact, Facts};

/// Why this wish about an account is refused; `None` when it is not. Adding to a protected account is refused too.
pub(super) fn protected(facts: &Facts, account: &AccountFact, wish: &Wish) -> Option<Obstacle> {
    let refuse = |why: String| Some(Obstacle::new(ObstacleKind::Protected, why));
    let name = account.name.escape_debug();
    let connector = &facts.connector;
    if is_own(
        (&connector.arn, &connector.external_id),
        (account.external_id.as_ref(), &account.arn, &account.name),
    ) {
        return refuse(own(&account.name));
    }
    if ["/aws-service-role/", "/aws-reserved/"].iter().any(|path| account.path.starts_with(path)) {
        return refuse(format!(
            "{name} lies under {}, which is reserved to AWS",
            account.path.escape_debug()
        ));
    }
    if let Some(why) = listed(&facts.protections, &account.name, &account.path, Some(&account.tags)) {
        return refuse(why);
    }
    if facts.settings.keep_last_administrator && ends_last_administrator(facts, account, wish) {
        return refuse(format!(
            "{name} is the last account that holds AdministratorAccess; the setting keep_last_administrator guards it"
        ));
    }
    None
}

/// Why an account of this name, path and tags is refused by the protect list; `None` when it is not on it.
pub(crate) fn listed(
    protections: &[Protection],
    name: &str,
    path: &str,
    tags: Option<&BTreeMap<String, String>>,
) -> Option<String> {
    let entry = protections.iter().find(|entry| entry.kind.covers(name, path, tags))?;
    let (word, value) = entry.kind.parts();
    Some(format!(
        "{} is on the protect list ({word} {}); an administrator can take it off with `keyreeve protect remove`",
        name.escape_debug(),
        value.escape_debug()
    ))
}

/// Why the connector's own account is refused.
pub(crate) fn own(name: &str) -> String {
    format!(
        "{} is the account that Keyreeve itself signs in with: changing it could end every further change",
        name.escape_debug()
    )
}

/// Whether the connector, of this ARN and id, acts as the account of this id, ARN and name: a rename or another case
/// does not hide it. A role session names its role, no user.
pub(crate) fn is_own(connector: (&str, &str), account: (Option<&ExternalId>, &str, &str)) -> bool {
    let ((connector_arn, connector_id), (id, arn, name)) = (connector, account);
    let of_user = connector_arn.contains(":user/");
    let connector_name = connector_arn.rsplit('/').next().unwrap_or_default();
    id.is_some_and(|id| id.as_str() == connector_id)
        || connector_arn == arn
        || (of_user && connector_name.eq_ignore_ascii_case(name))
}

/// Whether the wish takes AdministratorAccess from the last account that holds it.
fn ends_last_administrator(facts: &Facts, account: &AccountFact, wish: &Wish) -> bool {
    let policy = facts.aws_policy("AdministratorAccess");
    let through = |name: &String| facts.group(name).is_some_and(|group| group.policies.contains(&policy));
    let holds =
        |account: &AccountFact| account.policies.contains(&policy) || account.groups.iter().any(through);
    let taken = match wish {
        Wish::DeleteAccount { .. } | Wish::DeactivateAccount { .. } => true,
        Wish::RemoveAssignment { resource: ResourceName::Policy(arn), .. } => *arn == policy,
        Wish::RemoveAssignment { resource: ResourceName::Group(name), .. } => through(name),
        _ => false,
    };
    taken && holds(account) && facts.accounts.values().filter(|account| holds(account)).count() == 1
}
