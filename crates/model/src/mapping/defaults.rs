//! What a system has as long as nobody has said otherwise: the reference behaviour.

use super::{
    ActionTime, CustomAction, MappingName, MappingRow, Operation, Operator, TargetProperty, TaskMapping,
};
use crate::TaskKind;

impl TaskMapping {
    /// All four, as a new system has them.
    #[must_use]
    pub fn defaults() -> [Self; 4] {
        MappingName::ALL.map(Self::default_of)
    }

    /// One of them. The user's name has no row: it must be given, or mapped by a row of one's own.
    #[must_use]
    pub fn default_of(name: MappingName) -> Self {
        let constant = |property, value: &str| MappingRow::new(property, Operator::Constant, value);
        let must_change = constant(TargetProperty::PasswordResetRequired, "true");
        let (rows, custom_actions) = match name {
            MappingName::User => (
                vec![constant(TargetProperty::Path, "/"), must_change],
                vec![
                    before(TaskKind::CreateAccount, Operation::CreateUser),
                    before(TaskKind::DeleteAccount, Operation::DeleteLoginProfile),
                ],
            ),
            MappingName::PasswordReset => (vec![must_change], Vec::new()),
            MappingName::GroupAssignment | MappingName::AttachedPolicyAssignment => (Vec::new(), Vec::new()),
        };
        Self { name, main: name.main().into_iter().collect(), rows, custom_actions }
    }
}

impl MappingName {
    /// The kinds of task it serves, each with its main call.
    #[must_use]
    pub fn main(self) -> Vec<(TaskKind, Operation)> {
        match self {
            Self::User => vec![
                (TaskKind::CreateAccount, Operation::CreateLoginProfile),
                (TaskKind::UpdateAccount, Operation::UpdateUser),
                (TaskKind::DeleteAccount, Operation::DeleteUser),
            ],
            Self::GroupAssignment => vec![
                (TaskKind::AddAssignment, Operation::AddUserToGroup),
                (TaskKind::RemoveAssignment, Operation::RemoveUserFromGroup),
            ],
            Self::AttachedPolicyAssignment => vec![
                (TaskKind::AddAssignment, Operation::AttachUserPolicy),
                (TaskKind::RemoveAssignment, Operation::DetachUserPolicy),
            ],
            Self::PasswordReset => vec![(TaskKind::ResetPassword, Operation::UpdateLoginProfile)],
        }
    }
}

fn before(task: TaskKind, operation: Operation) -> CustomAction {
    CustomAction { when: ActionTime::Before, task, operation, rows: Vec::new() }
}
