//! The users and tasks of a simulation, made of its seed.

use jiff::Timestamp;
use keyreeve_model::{
    AccountCredential, AccountCredentialKind, Delivery, ExternalId, JobId, ResourceName, Step, StepCall,
    StepReason, SystemId, Task, TaskId, TaskKind, TaskState, Wish,
};

use super::iam::{User, Users};

/// A small generator of numbers that run the same everywhere (xorshift, Marsaglia 2003).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 3
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub(super) fn percent(&mut self, percent: u64) -> bool {
        percent > 0 && self.below(100) < percent
    }
}

/// A handful of users, and a task or two about each.
pub(super) fn make(chance: &mut Chance, now: Timestamp) -> (Users, Vec<Task>) {
    let mut users = Users::new();
    let mut tasks: Vec<Task> = Vec::new();
    for number in 0..2 + chance.below(4) {
        let name = format!("user{number}");
        let user = user(chance, number, now);
        let kind = [
            TaskKind::CreateAccount,
            TaskKind::UpdateAccount,
            TaskKind::DeactivateAccount,
            TaskKind::DeleteAccount,
            TaskKind::ResetPassword,
            TaskKind::AddAssignment,
            TaskKind::RemoveAssignment,
        ][chance.below(7) as usize];
        let calls = calls(kind, &name, &user);
        let id = (kind != TaskKind::CreateAccount).then(|| ExternalId::new(user.id.clone()).unwrap());
        let first = task(tasks.len(), kind, &name, id.clone(), calls, &[]);
        let before = first.id;
        tasks.push(first);
        if kind != TaskKind::CreateAccount {
            users.insert(name.clone(), user);
        }
        let goes_on = !matches!(kind, TaskKind::DeleteAccount | TaskKind::UpdateAccount);
        if goes_on && chance.percent(40) {
            let call = StepCall::AddToGroup { account: name.clone(), group: "later".to_owned() };
            tasks.push(task(tasks.len(), TaskKind::AddAssignment, &name, id, vec![call], &[before]));
        }
    }
    (users, tasks)
}

fn user(chance: &mut Chance, number: u64, now: Timestamp) -> User {
    User {
        id: format!("AIDA{number}"),
        path: "/".to_owned(),
        created: Some(now),
        login_profile: chance.percent(70).then_some(now),
        groups: (0..chance.below(3)).map(|group| format!("group{group}")).collect(),
        policies: (0..chance.below(3)).map(|policy| format!("policy{policy}")).collect(),
        credentials: (0..chance.below(3)).map(|key| (format!("AKIA{number}{key}"), true)).collect(),
        mfa: if chance.percent(30) { [format!("serial{number}")].into() } else { [].into() },
        mark: None,
    }
}

fn calls(kind: TaskKind, name: &str, user: &User) -> Vec<StepCall> {
    let account = || name.to_owned();
    let key = |id: &String| AccountCredential { kind: AccountCredentialKind::AccessKey, id: id.clone() };
    match kind {
        TaskKind::CreateAccount => vec![
            StepCall::CreateAccount {
                account: account(),
                path: "/".to_owned(),
                tags: [("keyreeve:task".to_owned(), format!("mark-{name}"))].into(),
                permissions_boundary: None,
            },
            StepCall::CreateLoginProfile { account: account() },
            StepCall::AddToGroup { account: account(), group: "new".to_owned() },
            StepCall::AttachPolicy { account: account(), policy_arn: "new".to_owned() },
        ],
        TaskKind::UpdateAccount => vec![StepCall::UpdateAccount {
            account: account(),
            new_name: Some(format!("{name}-renamed")),
            new_path: None,
        }],
        TaskKind::DeactivateAccount => {
            let off = |id| StepCall::SetCredential { account: account(), credential: key(id), active: false };
            let mut calls: Vec<StepCall> = user.credentials.keys().map(off).collect();
            calls.push(StepCall::DeleteLoginProfile { account: account() });
            calls
        }
        TaskKind::DeleteAccount => {
            let mut calls = vec![StepCall::DeleteLoginProfile { account: account() }];
            calls.extend(
                user.groups
                    .iter()
                    .map(|group| StepCall::RemoveFromGroup { account: account(), group: group.clone() }),
            );
            calls.extend(
                user.policies
                    .iter()
                    .map(|arn| StepCall::DetachPolicy { account: account(), policy_arn: arn.clone() }),
            );
            calls.extend(
                user.credentials
                    .keys()
                    .map(|id| StepCall::DeleteCredential { account: account(), credential: key(id) }),
            );
            calls.extend(
                user.mfa.iter().map(|serial| StepCall::DeactivateMfaDevice {
                    account: account(),
                    serial: serial.clone(),
                }),
            );
            calls.push(StepCall::DeleteAccount { account: account() });
            calls
        }
        TaskKind::ResetPassword if user.login_profile.is_some() => {
            vec![StepCall::UpdateLoginProfile { account: account() }]
        }
        TaskKind::ResetPassword => vec![StepCall::CreateLoginProfile { account: account() }],
        TaskKind::RemoveAssignment => {
            vec![StepCall::RemoveFromGroup { account: account(), group: "group0".to_owned() }]
        }
        _ => vec![StepCall::AddToGroup { account: account(), group: "wished".to_owned() }],
    }
}

fn task(
    index: usize,
    kind: TaskKind,
    name: &str,
    id: Option<ExternalId>,
    calls: Vec<StepCall>,
    after: &[TaskId],
) -> Task {
    let steps = calls
        .into_iter()
        .zip(1_u32..)
        .map(|(call, seq)| Step::planned(seq, call, "Call", StepReason::Asked, (1..seq).collect()))
        .collect();
    let wish = match kind {
        TaskKind::ResetPassword => {
            Wish::ResetPassword { account: name.to_owned(), deliver: Some(Delivery::Link) }
        }
        _ => Wish::AddAssignment {
            account: name.to_owned(),
            resource: ResourceName::Group("wished".to_owned()),
        },
    };
    Task {
        id: TaskId(index as i64 + 1),
        job: JobId(1),
        system_id: SystemId::new("prod").unwrap(),
        kind,
        wish,
        account: name.to_owned(),
        account_external_id: id,
        state: TaskState::Queued,
        after: after.to_vec(),
        steps,
        notices: Vec::new(),
        not_before: None,
        replans: 0,
        crashes: 0,
        result: None,
        failure: None,
        manifest: None,
        recreate: None,
        started_at: None,
        finished_at: None,
    }
}
