//! `/systems/{system_id}/new-account`: making an account.

use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::{System, SystemId};

use super::act::{ActPage, handing, in_use};
use super::show::above;
use super::wanted::{Wanted, creation};
use crate::body::InPath;
use crate::console::changes::{self, Change};
use crate::console::form::{Field, Sent, Wrong, status_of, whole};
use crate::console::named::looked_up;
use crate::console::page::shown_as;
use crate::console::systems;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// The page of the form of a new account.
pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Response, Problem> {
    visitor.require(Right::Operate, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    in_use(&system)?;
    Ok(asked(&visitor, &system, &Wanted::default(), None))
}

/// Shows what making an account would take.
pub(super) async fn plan(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    Sent(wanted): Sent<Wanted>,
) -> Result<Response, Problem> {
    visitor.require(Right::Operate, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    in_use(&system)?;
    if wanted.again {
        return Ok(asked(&visitor, &system, &wanted, None));
    }
    let wish = match creation(&wanted) {
        Ok(wish) => wish,
        Err(wrong) => return Ok(asked(&visitor, &system, &wanted, Some(wrong))),
    };
    let change = Change::new(vec![wish], systems::within(&system_id, "accounts"))
        .at(wanted.filled_in(systems::within(&system_id, "new-account")));
    changes::planned(&visitor, &parts, &system, change, None).await
}

fn asked(visitor: &Visitor, system: &System, wanted: &Wanted, wrong: Option<Wrong>) -> Response {
    let of_wrong = wrong.as_ref();
    let id = &system.system_id;
    let line =
        |name, label, value: &str, hint| Field::line(name, label).value(value).hint(hint).unless(of_wrong);
    let lines =
        |name, label, value: &str, hint| Field::lines(name, label).value(value).hint(hint).unless(of_wrong);
    let mut fields = vec![
        line(
            "name",
            "Name",
            &wanted.name,
            "The task mapping makes one of the attributes, if it is left empty.",
        )
        .depends(),
        line(
            "path",
            "Path",
            &wanted.path,
            "Begins and ends with a slash. The task mapping says, if it is left empty.",
        )
        .proposing(looked_up(id, "path")),
        lines("groups", "Groups", &wanted.groups, "Their names, each in a line of its own.")
            .proposing(looked_up(id, "group")),
        lines("policies", "Policies", &wanted.policies, "Their ARNs, each in a line of its own.")
            .proposing(looked_up(id, "arn")),
        lines(
            "attributes",
            "Attributes",
            &wanted.attributes,
            "For the task mapping: key=value, each in a line of its own.",
        ),
        lines("tags", "Tags", &wanted.tags, "key=value, each in a line of its own."),
        line("boundary", "Permissions boundary", &wanted.boundary, "The ARN of a policy.")
            .proposing(looked_up(id, "arn")),
    ];
    fields.extend(handing(wanted, of_wrong));
    let mut frame = systems::frame(visitor, system, "New account");
    frame.above.extend(above(system, None));
    let status = status_of(wrong.as_ref());
    let page = ActPage {
        frame,
        title: "New account".to_owned(),
        about: "Makes an IAM user with a console password that must be changed at the first sign-in.",
        action: systems::within(id, "new-account"),
        back: systems::within(id, "accounts"),
        wrong: whole(wrong),
        fields,
    };
    shown_as(status, &page)
}
