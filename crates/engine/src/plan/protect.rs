//! What nobody may change, whoever asks: decided before any call.

use keyreeve_model::{Obstacle, ObstacleKind, ResourceName, Wish};

use super::facts::{AccountFact, Facts};

/// Why this wish about an account is refused; `None` when it is not. Adding to a protected account is refused too.
pub(super) fn protected(facts: &Facts, account: &AccountFact, wish: &Wish) -> Option<Obstacle> {
    let refuse = |why: String| Some(Obstacle::new(ObstacleKind::Protected, why));
    let name = account.name.escape_debug();
    if is_connector(facts, account) {
        return refuse(format!(
            "{name} is the account that Keyreeve itself signs in with: changing it could end every further change"
        ));
    }
    if ["/aws-service-role/", "/aws-reserved/"].iter().any(|path| account.path.starts_with(path)) {
        return refuse(format!(
            "{name} lies under {}, which is reserved to AWS",
            account.path.escape_debug()
        ));
    }
    let tags = Some(&account.tags);
    if let Some(entry) =
        facts.protections.iter().find(|entry| entry.kind.covers(&account.name, &account.path, tags))
    {
        let (word, value) = entry.kind.parts();
        return refuse(format!(
            "{name} is on the protect list ({word} {}); an administrator can take it off with `keyreeve protect remove`",
            value.escape_debug()
        ));
    }
    if facts.settings.keep_last_administrator && ends_last_administrator(facts, account, wish) {
        return refuse(format!(
            "{name} is the last account that holds AdministratorAccess; the setting keep_last_administrator guards it"
        ));
    }
    None
}

/// By id, by ARN and by name: a rename or another case does not hide it. A role session names its role, no user.
fn is_connector(facts: &Facts, account: &AccountFact) -> bool {
    let connector = &facts.connector;
    let of_user = connector.arn.contains(":user/");
    let name = connector.arn.rsplit('/').next().unwrap_or_default();
    account.external_id.as_ref().is_some_and(|id| id.as_str() == connector.external_id)
        || connector.arn == account.arn
        || (of_user && name.eq_ignore_ascii_case(&account.name))
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
