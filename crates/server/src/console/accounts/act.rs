//! `/systems/{system_id}/accounts/{account}/{action}`: what is asked for of an account. A form says what, and what it sends
//! leads to the plan ([`changes`]); nothing is done before that was seen.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_engine::unseen::Unseen;
use keyreeve_model::{Account, Assignment, AssignmentKind, AssignmentState, System, SystemId, SystemState};
use keyreeve_store::{AsOf, AssignmentFilter};
use serde::Deserialize;

use super::of;
use super::show::{above, deleted};
use super::wanted::{Wanted, wish};
use crate::body::InPath;
use crate::console::changes::{self, Change};
use crate::console::form::{Field, Sent, Takes, Wrong, status_of, whole};
use crate::console::named::looked_up;
use crate::console::page::{Frame, shown_as};
use crate::console::parts::Link;
use crate::console::systems;
use crate::console::visitor::Visitor;
use crate::meant::Meant;
use crate::parts::Parts;
use crate::problem::Problem;

/// What can be asked for of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Action {
    Update,
    AddAssignment,
    RemoveAssignment,
    ResetPassword,
    Deactivate,
    Reactivate,
    Delete,
}

impl Action {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Update, "update", "Update"),
        (Self::AddAssignment, "add-assignment", "Add assignment"),
        (Self::RemoveAssignment, "remove-assignment", "Remove assignment"),
        (Self::ResetPassword, "reset-password", "Reset password"),
        (Self::Deactivate, "deactivate", "Deactivate"),
        (Self::Reactivate, "reactivate", "Reactivate"),
        (Self::Delete, "delete", "Delete"),
    ];

    /// The ways to all of them, from the address of an account. Of one that holds nothing, nothing can be removed.
    pub(super) fn links(account: &str, holds_something: bool) -> Vec<Link> {
        let link = |(_, word, label): &(Self, &str, &str)| {
            Link::new(format!("{account}/{word}"), format!("{label}…"))
        };
        let offered = |(one, ..): &&(Self, &str, &str)| holds_something || *one != Self::RemoveAssignment;
        Self::ALL.iter().filter(offered).map(link).collect()
    }

    fn label(self) -> &'static str {
        Self::ALL.iter().find(|(one, ..)| *one == self).map_or("", |(.., label)| label)
    }

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(one, ..)| *one == self).map_or("", |(_, word, _)| word)
    }

    /// What it does, before the plan says exactly which calls that takes.
    fn about(self) -> &'static str {
        match self {
            Self::Update => {
                "Gives the account another name, path, tag or permissions boundary. What is left empty stays as it is."
            }
            Self::AddAssignment => "Puts the account into a group, or attaches a policy to it.",
            Self::RemoveAssignment => "Takes the account out of a group, or detaches a policy from it.",
            Self::ResetPassword => {
                "Gives the account a new console password, which must be changed at the next sign-in."
            }
            Self::Deactivate => {
                "Takes the console password away and switches access keys off, so that all of it can be given back."
            }
            Self::Reactivate => "Gives back what the last deactivation took, with a new console password.",
            Self::Delete => {
                "Deletes the account, and before that all that blocks its deletion. It cannot be undone."
            }
        }
    }
}

#[derive(Template)]
#[template(path = "console/accounts/act.html")]
pub(super) struct ActPage {
    pub(super) frame: Frame,
    pub(super) title: String,
    pub(super) about: &'static str,
    pub(super) action: String,
    pub(super) back: String,
    pub(super) wrong: Option<String>,
    pub(super) fields: Vec<Field>,
}

/// The page of a form of one account.
pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, account, action)): InPath<(SystemId, String, Action)>,
) -> Result<Response, Problem> {
    let (system, account) = of_account(&visitor, &parts, &system_id, &account).await?;
    asked(&visitor, &parts, (&system, &account, action), &Wanted::default(), None).await
}

/// Shows what it would take.
pub(super) async fn plan(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, account, action)): InPath<(SystemId, String, Action)>,
    Sent(wanted): Sent<Wanted>,
) -> Result<Response, Problem> {
    let (system, account) = of_account(&visitor, &parts, &system_id, &account).await?;
    if wanted.again {
        return asked(&visitor, &parts, (&system, &account, action), &wanted, None).await;
    }
    let wish = match wish(action, &meant_by(&parts, &account).await?, &wanted) {
        Ok(wish) => wish,
        Err(wrong) => {
            return asked(&visitor, &parts, (&system, &account, action), &wanted, Some(wrong)).await;
        }
    };
    let meant = Meant::user(&account.name, &account.external_id);
    let own = of(&system_id, &account.external_id);
    let form = wanted.filled_in(format!("{own}/{}", action.word()));
    let change = Change::new(vec![wish], own).about(meant).at(form);
    changes::planned(&visitor, &parts, &system, change, None).await
}

async fn of_account(
    visitor: &Visitor,
    parts: &Parts,
    system_id: &SystemId,
    account: &str,
) -> Result<(System, Account), Problem> {
    visitor.require(Right::Operate, system_id)?;
    let system = parts.store.get_system(system_id).await?;
    in_use(&system)?;
    let unseen = Unseen::load(&parts.store, system_id, AsOf::Now).await?;
    let known = unseen.known(parts.store.get_account(system_id, AsOf::Now, account).await?);
    match known.after() {
        // By the name that it has by what was done from here: an import may not have seen that one yet.
        Some(after) => Ok((system, after)),
        None => Err(Problem::new(StatusCode::CONFLICT, "account_gone", deleted(&known.account.name))),
    }
}

/// By what a wish names an account: by its id, which it keeps whatever it is called by then. By its name, where somebody
/// else is called like the id.
async fn meant_by(parts: &Parts, account: &Account) -> Result<String, Problem> {
    let id = account.external_id.as_str();
    let called = parts.store.account_called(&account.system_id, AsOf::Now, id).await?;
    let is_another = called.is_some_and(|called| called.external_id != account.external_id);
    Ok(if is_another { account.name.clone() } else { id.to_owned() })
}

/// Nothing is changed through a system that is not in use.
pub(super) fn in_use(system: &System) -> Result<(), Problem> {
    match system.state {
        SystemState::Active => Ok(()),
        state => Err(Problem::new(
            StatusCode::CONFLICT,
            "system_not_active",
            format!("the system is {}, and nothing is changed through it", state.as_str()),
        )),
    }
}

async fn asked(
    visitor: &Visitor,
    parts: &Parts,
    (system, account, action): (&System, &Account, Action),
    wanted: &Wanted,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let of_wrong = wrong.as_ref();
    let line =
        |name, label, value: &str, hint| Field::line(name, label).value(value).hint(hint).unless(of_wrong);
    let lines =
        |name, label, value: &str, hint| Field::lines(name, label).value(value).hint(hint).unless(of_wrong);
    let fields = match action {
        Action::Update => vec![
            line("name", "New name", &wanted.name, ""),
            line("path", "New path", &wanted.path, "Begins and ends with a slash.")
                .proposing(looked_up(&system.system_id, "path")),
            lines("tags", "Tags to set", &wanted.tags, "key=value, each in a line of its own. Others stay."),
            lines("untag", "Tags to take away", &wanted.untag, "Their keys, each in a line of its own."),
            line(
                "boundary",
                "Permissions boundary",
                &wanted.boundary,
                "The ARN of a policy, or none to take it away.",
            )
            .proposing(looked_up(&system.system_id, "arn")),
        ],
        Action::AddAssignment => vec![
            line("group", "Group", &wanted.group, "Its name.")
                .proposing(looked_up(&system.system_id, "group")),
            line("policy", "Policy", &wanted.policy, "Its ARN.")
                .proposing(looked_up(&system.system_id, "arn")),
        ],
        Action::RemoveAssignment => vec![
            Field::new("held", "What is removed", Takes::OneOf(held(parts, account).await?))
                .value(&wanted.held)
                .required()
                .unless(of_wrong),
        ],
        Action::ResetPassword | Action::Reactivate => handing(wanted, of_wrong),
        Action::Deactivate | Action::Delete => Vec::new(),
    };
    let own = of(&system.system_id, &account.external_id);
    let mut frame = systems::frame(visitor, system, &format!("{} {}", action.label(), account.name));
    frame.above.extend(above(system, None));
    frame.above.push(Link::new(own.clone(), account.name.clone()));
    let status = status_of(wrong.as_ref());
    let page = ActPage {
        frame,
        title: format!("{}: {}", action.label(), account.name),
        about: action.about(),
        action: format!("{own}/{}", action.word()),
        back: own,
        wrong: whole(wrong),
        fields,
    };
    Ok(shown_as(status, &page))
}

/// What an account holds itself, to be chosen from.
async fn held(parts: &Parts, account: &Account) -> Result<Vec<(String, String)>, Problem> {
    let filter =
        AssignmentFilter { account: Some(account.external_id.to_string()), ..AssignmentFilter::default() };
    let held = parts.store.list_assignments(&account.system_id, AsOf::Now, &filter).await?;
    let choice = |one: &Assignment| match (one.kind, &one.resource_arn) {
        (AssignmentKind::AccountGroup, _) => {
            Some((format!("group:{}", one.resource_name), format!("Group {}", one.resource_name)))
        }
        (_, Some(arn)) => Some((format!("policy:{arn}"), format!("Policy {} ({arn})", one.resource_name))),
        _ => None,
    };
    Ok(held.iter().filter(|one| one.state != AssignmentState::PendingRemove).filter_map(choice).collect())
}

/// How a password reaches its owner.
pub(super) fn handing(wanted: &Wanted, wrong: Option<&Wrong>) -> Vec<Field> {
    let ways = [
        ("", "As the system is set"),
        ("link", "By a one-time secret"),
        ("recipient", "Encrypted to a key"),
        ("operator", "To the operator"),
    ];
    let ways = ways.map(|(one, called)| (one.to_owned(), called.to_owned()));
    vec![
        Field::new("deliver", "The password is handed over", Takes::OneOf(ways.into()))
            .value(&wanted.deliver)
            .required()
            .unless(wrong),
        Field::line("recipient", "Key of its owner")
            .value(&wanted.recipient)
            .hint("Needed where the password is encrypted to a key: an age or SSH public key.")
            .depends()
            .unless(wrong),
    ]
}
