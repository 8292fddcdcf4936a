//! Plans: what a wish takes, in order, and what stands in its way. Pure: a plan looks at [`Facts`] and nothing else.
//!
//! Each kind of task has a file of its own under `task`. Steps are joined by edges, not by a global sort: a step names
//! the steps that must be over before it. Tasks of one job about the same account follow each other in the order in
//! which they were asked for, and a later one is planned on what the earlier ones will have done.

mod basis;
mod disarm;
mod draft;
mod everything;
mod facts;
mod first_sign_in;
mod gather;
mod held;
mod lately;
mod meant;
mod needs;
mod own_rights;
mod policy_texts;
pub(crate) mod protect;
pub(crate) mod task;
mod thresholds;

use std::borrow::Cow;

use keyreeve_connector::Provisioning;
use keyreeve_model::{
    ExternalId, ImportRunId, Manifest, Obstacle, RecreatePackage, StepCall, StepReason, SystemId, TaskKind,
    Wish, canonical_json, digest_hex,
};
use serde::{Deserialize, Serialize};

pub(crate) use basis::objects;
pub use basis::{Basis, changed};
pub use everything::Texts;
pub use facts::{AccountFact, ConnectorFact, Facts, GroupFact, PolicyFact, Seen};
pub(crate) use gather::lately;
pub use gather::{GatherError, Gatherer};
pub use lately::Lately;
pub use protect::known_protection;
pub use task::create::MARKER_TAG;
pub(crate) use thresholds::LATELY;

use draft::Draft;
use meant::Ids;

/// What a job would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Plan {
    /// The system it changes.
    pub system_id: SystemId,
    /// The published run whose resources it was made on.
    pub run: ImportRunId,
    /// One for each wish, in their order.
    pub tasks: Vec<TaskPlan>,
    /// Why a second person must approve it; empty when nobody must.
    pub approval_because: Vec<String>,
    /// The facts it rests on.
    #[serde(skip)]
    pub basis: Basis,
}

/// What one wish takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaskPlan {
    /// The wish, as it was understood: names and paths that the task mapping made are filled in.
    pub wish: Wish,
    /// Which kind of task it becomes.
    pub kind: TaskKind,
    /// The account it is about.
    pub account: String,
    /// Its id; `None` for one that is yet to be made.
    pub account_external_id: Option<ExternalId>,
    /// Its path before the task; `None` for one that is yet to be made.
    #[serde(skip)]
    pub path: Option<String>,
    /// Tasks of the plan, by place from 0, that must have succeeded before.
    pub after: Vec<usize>,
    /// Its calls, in order.
    pub steps: Vec<PlannedStep>,
    /// What stands in the way; with any of these the job is refused.
    pub obstacles: Vec<Obstacle>,
    /// What a person should know.
    pub notices: Vec<Obstacle>,
    /// What a deactivation will switch off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// What is kept so that a deleted account can be made again.
    #[serde(skip)]
    pub recreate: Option<RecreatePackage>,
    /// Whether it takes AdministratorAccess from an account, or the ways in of one that holds it.
    #[serde(skip)]
    pub takes_administrator: bool,
}

/// One call of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PlannedStep {
    /// Its place in the task, from 1.
    pub seq: u32,
    /// The call as the connected system names it.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub operation: Cow<'static, str>,
    /// The call.
    #[serde(flatten)]
    pub call: StepCall,
    /// Why it is there.
    pub reason: StepReason,
    /// Steps that must be over before it.
    pub after: Vec<u32>,
}

impl Plan {
    /// The id that a group which it gives somebody, or takes by itself, had when it was made.
    #[must_use]
    pub fn id_of_group(&self, name: &str) -> Option<&str> {
        basis::id_of_group(&self.basis, name)
    }

    /// Whether nothing stands in the way of any task.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.tasks.iter().all(|task| task.obstacles.is_empty())
    }

    /// SHA-256 of what is done, to whom and in which order: the same of every plan that would do the same, whenever it is
    /// made. What is made up anew for each creation is left out.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn sha256(&self) -> Result<String, serde_json::Error> {
        let mut tasks = self.tasks.clone();
        tasks.iter_mut().for_each(|task| task.notices.clear());
        for step in tasks.iter_mut().flat_map(|task| &mut task.steps) {
            if let StepCall::CreateAccount { tags, .. } = &mut step.call {
                tags.remove(MARKER_TAG);
            }
        }
        canonical_json(&(&self.system_id, tasks)).map(|text| digest_hex(text.as_bytes()))
    }
}

impl TaskPlan {
    /// Whether one of its calls takes a password.
    #[must_use]
    pub fn takes_password(&self) -> bool {
        self.steps.iter().any(|step| step.call.takes_password())
    }
}

/// Plans wishes on facts, as somebody asks for them: by names or ids. `marker` makes the values by which an account of
/// ours is known again after a lost answer; no two may be the same.
pub fn plan(
    facts: &Facts,
    connector: &dyn Provisioning,
    wishes: &[Wish],
    mut marker: impl FnMut() -> String,
) -> Plan {
    let (mut draft, ids) = (Draft::new(facts, connector), Ids::of(facts));
    for wish in wishes {
        match ids.named(&draft.facts, wish) {
            Ok(wish) => draft.add(&wish, None, &mut marker),
            Err(ambiguous) => draft.add(wish, Some(ambiguous), &mut marker),
        }
    }
    planned(facts, draft)
}

/// Plans wishes of a job once more, which have names alone.
pub(crate) fn plan_again(facts: &Facts, connector: &dyn Provisioning, wishes: &[Wish]) -> Plan {
    let mut draft = Draft::new(facts, connector);
    for wish in wishes {
        draft.add(wish, None, &mut String::new);
    }
    planned(facts, draft)
}

fn planned(facts: &Facts, draft: Draft<'_>) -> Plan {
    let tasks = draft.tasks;
    let approval_because = thresholds::approval(facts, &tasks);
    let basis = basis::of(facts, &tasks);
    Plan { system_id: facts.system_id.clone(), run: facts.run, tasks, approval_because, basis }
}
