//! What the desk refuses, to who asked over HTTP.

use axum::http::StatusCode;
use keyreeve_engine::desk::DeskError;
use keyreeve_engine::import::ImportError;
use keyreeve_engine::key_rotation::RotationError;
use keyreeve_engine::organization::DiscoveryError;
use keyreeve_engine::plan::{GatherError, Plan};
use keyreeve_engine::provisioning::{HandOverError, OpenError};
use keyreeve_engine::systems::{NotReleased, SystemError};
use keyreeve_engine::threads::BrokeOff;

use super::store::import_first;
use super::{Problem, TaskObstacle};

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let conflict = |code, detail: String| Self::new(StatusCode::CONFLICT, code, detail);
        let detail = error.to_string();
        match error {
            DeskError::Denied(denied) => denied.into(),
            DeskError::Hidden(denied, error) => {
                crate::refusals::note((&denied).into());
                (*error).into()
            }
            DeskError::Store(error)
            | DeskError::HandOver(HandOverError::Store(error))
            | DeskError::Gather(GatherError::Store(error))
            | DeskError::Open(OpenError::Store(error)) => error.into(),
            DeskError::NotConnected(error) => not_connected(&error),
            DeskError::Gather(error) => of_gathering(&error, detail),
            DeskError::Obstructed(plan) => {
                let mut problem = conflict("obstructed", format!("{detail}; nothing was changed"));
                problem.0.obstacles = obstacles(&plan);
                problem
            }
            DeskError::NotLent(_) => Self::new(StatusCode::FORBIDDEN, "not_lent", detail),
            DeskError::Credentials(error) => match *error {
                SystemError::Refused(_) => conflict("credentials_refused", detail),
                SystemError::OtherAccount { .. } => conflict("other_aws_account", detail),
                SystemError::OtherPartition { .. } => Self::bad_request(detail),
                SystemError::Unidentified(_) => Self::new(StatusCode::BAD_GATEWAY, "unreadable", detail),
                SystemError::Store(error) => error.into(),
            },
            DeskError::Discovery(error) => of_discovery(&error, detail),
            DeskError::Rotation(error) => match *error {
                RotationError::Dial(why) => not_connected(&why),
                error if error.could_not_begin() => conflict("key_not_rotated", detail),
                _ => Self::new(StatusCode::BAD_GATEWAY, "rotation_failed", detail),
            },
            DeskError::NotReleased(NotReleased::Suspended) => conflict("system_suspended", detail),
            DeskError::NotReleased(_) => conflict("not_released", detail)
                .advice("give it credentials of its own account, then release it"),
            DeskError::ProtectionsEnd(_) => conflict("protections_end", detail)
                .advice("protect the same in another system of the account first, or end the protections"),
            DeskError::NothingToDo(_) => conflict("nothing_to_do", detail),
            DeskError::Wishes(_)
            | DeskError::Reason
            | DeskError::Invalid(_)
            | DeskError::Given(_)
            | DeskError::NoPolicy(_)
            | DeskError::GivenOff => Self::bad_request(detail),
            DeskError::Open(_) => conflict("not_shown", detail),
            DeskError::HandOver(
                HandOverError::OneTime(_) | HandOverError::Seal(_) | HandOverError::Json(_),
            ) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "not_written_down", detail),
            DeskError::HandOver(_) => conflict("undeliverable", format!("{detail}; nothing was changed")),
            DeskError::Stale { .. } => {
                conflict("plan_stale", detail).advice("cancel the job, look at the plan anew and ask again")
            }
            DeskError::RunOfAnother { .. } => conflict("different_systems", detail),
            DeskError::OtherPlan { .. } => conflict("other_plan", detail),
            DeskError::PlanChanged => {
                conflict("plan_changed", detail).advice("look at the plan anew and ask again")
            }
            DeskError::Import(error) => match *error {
                ImportError::Store(error) => error.into(),
                ImportError::Quarantined { .. } => conflict("system_quarantined", detail),
                ImportError::Suspended { .. } => conflict("system_suspended", detail),
                ImportError::Removed(_) => conflict("system_removed", detail),
                _ => Self::new(StatusCode::BAD_GATEWAY, "unreadable", detail),
            },
            DeskError::BrokeOff => BrokeOff.into(),
        }
    }
}

impl From<BrokeOff> for Problem {
    fn from(broken: BrokeOff) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broke_off", broken.to_string())
    }
}

/// What is configured wrongly is for whoever runs this process.
fn not_connected(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "a connection could not be made");
    let detail = "the connection to the system could not be made; why stands in the log";
    Problem::new(StatusCode::BAD_GATEWAY, "not_connected", detail)
}

fn of_discovery(error: &DiscoveryError, detail: String) -> Problem {
    match error {
        DiscoveryError::NoOrganization | DiscoveryError::Outside(_) => {
            Problem::new(StatusCode::CONFLICT, "no_organization", detail)
        }
        DiscoveryError::Filter(_) => Problem::bad_request(detail),
        DiscoveryError::NotWhole(_) => {
            Problem::new(StatusCode::BAD_GATEWAY, "organization_not_whole", detail)
        }
        DiscoveryError::Unreadable { .. } => {
            Problem::new(StatusCode::BAD_GATEWAY, "unreadable", detail).advice(DiscoveryError::RIGHTS)
        }
        _ => Problem::new(StatusCode::BAD_GATEWAY, "unreadable", detail),
    }
}

fn of_gathering(error: &GatherError, detail: String) -> Problem {
    if let GatherError::NotImported(system) = error {
        let detail = format!("system {system} has not been imported yet; nothing was changed");
        return Problem::new(StatusCode::CONFLICT, "not_imported", detail).advice(import_first(system));
    }
    let (status, code) = match error {
        GatherError::NotActive { .. } => (StatusCode::CONFLICT, "system_not_active"),
        GatherError::NoProvisioning(_) => (StatusCode::CONFLICT, "no_provisioning"),
        GatherError::OtherAccount(_) => (StatusCode::CONFLICT, "other_aws_account"),
        GatherError::Denied(_) => (StatusCode::CONFLICT, "connector_denied"),
        GatherError::GoneMeanwhile { .. } => (StatusCode::CONFLICT, "gone_meanwhile"),
        _ => (StatusCode::BAD_GATEWAY, "unreadable"),
    };
    Problem::new(status, code, detail)
}

/// What stands in the way of which task.
fn obstacles(plan: &Plan) -> Vec<TaskObstacle> {
    let of_task = |(task, planned): (usize, &keyreeve_engine::plan::TaskPlan)| {
        let one = |obstacle: &keyreeve_model::Obstacle| TaskObstacle {
            task,
            account: planned.account.clone(),
            obstacle: obstacle.clone(),
        };
        planned.obstacles.iter().map(one).collect::<Vec<_>>()
    };
    plan.tasks.iter().enumerate().flat_map(of_task).collect()
}
