//! What wishes need to have read, before anything is planned.

use std::collections::HashMap;

use keyreeve_model::{FirstSignIn, TaskKind, Wish};

use super::facts::Facts;
use super::protect;

pub(super) fn takes_password(wish: &Wish) -> bool {
    matches!(wish.kind(), TaskKind::CreateAccount | TaskKind::ReactivateAccount | TaskKind::ResetPassword)
}

/// Whether what an account holds must be read of it alone.
pub(super) fn reads_account(kind: TaskKind) -> bool {
    use TaskKind::{DeactivateAccount, DeleteAccount, ReactivateAccount, ResetPassword};
    matches!(kind, DeleteAccount | DeactivateAccount | ReactivateAccount | ResetPassword)
}

/// Whether the texts of policies decide: on the first sign-in, on the order of a deletion, or on whether an administrator
/// is left with any power.
pub(super) fn needs_documents(facts: &Facts, name: &str, wish: &Wish) -> bool {
    let administrator = facts.account(name).is_some_and(|account| protect::is_administrator(facts, account));
    if facts.settings.keep_last_administrator && administrator {
        return true;
    }
    let signs_in = takes_password(wish) && facts.settings.first_sign_in != FirstSignIn::Ignore;
    (signs_in || wish.kind() == TaskKind::DeleteAccount) && holds_own_policies(facts, name, wish)
}

/// Each wish with the name that its account has now: an earlier wish of the same job may rename it.
pub(super) fn present_names(wishes: &[Wish]) -> Vec<(&str, &Wish)> {
    let mut renamed: HashMap<&str, &str> = HashMap::new();
    let mut names = Vec::new();
    for wish in wishes {
        let name = wish.account().unwrap_or_default();
        let present = renamed.get(name).copied().unwrap_or(name);
        if let Wish::UpdateAccount { new_name: Some(new_name), .. } = wish {
            renamed.insert(new_name, present);
        }
        names.push((present, wish));
    }
    names
}

/// Whether what the account will hold includes policies whose text must be read: inline ones, and customer managed.
fn holds_own_policies(facts: &Facts, name: &str, wish: &Wish) -> bool {
    let own = |arn: &String| !arn.contains(":iam::aws:policy/");
    let account = facts.account(name);
    let (groups, policies): (Vec<&String>, Vec<&String>) = match (wish, account) {
        (Wish::CreateAccount { groups, policies, .. }, _) => {
            (groups.iter().collect(), policies.iter().collect())
        }
        (_, Some(account)) => (account.groups.iter().collect(), account.policies.iter().collect()),
        (_, None) => return false,
    };
    // A group's inline policies are not kept by the import, so any group may have one.
    account.is_some_and(|account| !account.inline_policies.is_empty())
        || !groups.is_empty()
        || policies.into_iter().any(own)
}
