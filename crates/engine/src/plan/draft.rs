//! A plan in the making: the facts as they will be after the tasks planned so far.

use std::borrow::Cow;
use std::collections::HashMap;

use keyreeve_connector::Provisioning;
use keyreeve_model::{
    ActionTime, ExternalId, Hint, Manifest, Obstacle, ObstacleKind, RecreatePackage, ResourceName, StepCall,
    StepReason, TaskKind, Wish,
};

use super::facts::{AccountFact, Facts, Seen};
use super::needs::reads_account;
use super::{PlannedStep, TaskPlan, everything, protect, task};
use crate::mapping::{Sources, map_actions};
use crate::near::nearest;

/// The plan so far.
pub(super) struct Draft<'a> {
    /// As they will be.
    pub(super) facts: Facts,
    pub(super) connector: &'a dyn Provisioning,
    pub(super) tasks: Vec<TaskPlan>,
    /// The latest task about an account, by lower-cased name.
    latest: HashMap<String, usize>,
}

/// A task in the making.
pub(super) struct TaskDraft<'a> {
    pub(super) facts: &'a Facts,
    pub(super) connector: &'a dyn Provisioning,
    pub(super) steps: Vec<PlannedStep>,
    /// Custom actions that will come after the steps.
    pub(super) coming: Vec<StepCall>,
    pub(super) obstacles: Vec<Obstacle>,
    pub(super) notices: Vec<Obstacle>,
    pub(super) manifest: Option<Manifest>,
    pub(super) recreate: Option<RecreatePackage>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(facts: &Facts, connector: &'a dyn Provisioning) -> Self {
        Self { facts: facts.clone(), connector, tasks: Vec::new(), latest: HashMap::new() }
    }

    /// Plans one wish more, unless it is not certain whom it means.
    pub(super) fn add(
        &mut self,
        wish: &Wish,
        ambiguous: Option<Obstacle>,
        marker: &mut dyn FnMut() -> String,
    ) {
        let mut draft = TaskDraft {
            facts: &self.facts,
            connector: self.connector,
            steps: Vec::new(),
            coming: Vec::new(),
            obstacles: Vec::new(),
            notices: Vec::new(),
            manifest: None,
            recreate: None,
        };
        let (wish, account) = match ambiguous {
            Some(obstacle) => {
                draft.obstacles.push(obstacle);
                (wish.clone(), wish.account().unwrap_or_default().to_owned())
            }
            None => draft.plan(wish, marker),
        };
        draft.check_permissions();
        draft.check_own_rights();
        let TaskDraft { steps, obstacles, mut notices, manifest, recreate, .. } = draft;
        let present = self.facts.account(&account);
        let external_id = present.and_then(|account| account.external_id.clone());
        let path = present.map(|account| account.path.clone());
        let key = account.to_ascii_lowercase();
        let after = self.latest.get(&key).copied().into_iter().collect();
        let kind = wish.kind();
        let takes_administrator = self.facts.account(&account).is_some_and(|fact| {
            protect::takes_administrator(&self.facts, fact, steps.iter().map(|step| &step.call))
        });
        if obstacles.is_empty() {
            if let Some(strong) = everything::notice(&self.facts, (kind, &account), &steps) {
                notices.insert(0, strong);
            }
            steps.iter().for_each(|step| apply(&mut self.facts, &step.call));
            if let (TaskKind::DeactivateAccount, Some(account)) = (kind, self.facts.accounts.get_mut(&key)) {
                account.manifest.clone_from(&manifest);
            }
        }
        self.latest.insert(key, self.tasks.len());
        if let Wish::UpdateAccount { new_name: Some(new_name), .. } = &wish {
            self.latest.insert(new_name.to_ascii_lowercase(), self.tasks.len());
        }
        self.tasks.push(TaskPlan {
            kind,
            wish,
            account,
            account_external_id: external_id,
            path,
            after,
            steps,
            obstacles,
            notices,
            manifest,
            recreate,
            takes_administrator,
        });
    }
}

impl TaskDraft<'_> {
    fn plan(&mut self, wish: &Wish, marker: &mut dyn FnMut() -> String) -> (Wish, String) {
        if matches!(wish, Wish::CreateAccount { .. }) {
            return task::create::plan(self, wish, marker);
        }
        let name = wish.account().unwrap_or_default().to_owned();
        let Some(account) = self.facts.account(&name) else {
            self.not_found(&name);
            return (wish.clone(), name);
        };
        if let Some(was) = self.facts.passed_on.get(&name.to_ascii_lowercase()) {
            self.passed_on("account", &name, account.external_id.as_ref(), was);
            return (wish.clone(), name);
        }
        if let Some(obstacle) = protect::protected(self.facts, account) {
            self.obstacles.push(obstacle);
            return (wish.clone(), name);
        }
        if let Some(obstacle) = protect::last_whatever_is_read(self.facts, account, wish) {
            self.obstacles.push(obstacle);
            return (wish.clone(), name);
        }
        if let Some(unreadable) = account.unreadable.as_ref().filter(|_| reads_account(wish.kind())) {
            self.unreadable(account, unreadable);
            return (wish.clone(), name);
        }
        let before = self.custom_actions(wish, account, ActionTime::Before);
        let prefix: Vec<u32> =
            before.into_iter().map(|call| self.step(call, StepReason::CustomAction, &[])).collect();
        if !matches!(wish, Wish::DeleteAccount { .. }) {
            self.coming = self.custom_actions(wish, account, ActionTime::After);
        }
        match wish {
            Wish::CreateAccount { .. } => {}
            Wish::UpdateAccount { new_name, new_path, tags, untag, boundary, .. } => {
                let change = task::update::Change { new_name, new_path, tags, untag, boundary };
                task::update::plan(self, account, &change);
            }
            Wish::DeactivateAccount { .. } => task::deactivate::plan(self, account),
            Wish::ReactivateAccount { .. } => task::reactivate::plan(self, account),
            Wish::DeleteAccount { .. } => task::delete::plan(self, account),
            Wish::ResetPassword { .. } => task::reset_password::plan(self, account),
            Wish::AddAssignment { resource, .. } => task::assignment::plan_add(self, account, resource),
            Wish::RemoveAssignment { resource, .. } => task::assignment::plan_remove(self, account, resource),
        }
        self.join_custom_actions(&prefix);
        task::assignment::check_custom_actions(self, account);
        self.guard_last_administrator(account);
        (wish.clone(), name)
    }

    /// Nothing is planned that takes the last administrator; of others it is said who is left.
    fn guard_last_administrator(&mut self, account: &AccountFact) {
        let calls = || self.steps.iter().map(|step| &step.call);
        let refused = protect::last_administrator_goes(self.facts, account, calls());
        let said = protect::notice(self.facts, account, calls());
        if let Some(obstacle) = refused {
            self.steps.clear();
            self.notices.clear();
            self.obstacles = vec![obstacle];
        } else if let Some(message) = said {
            self.notices.insert(0, Obstacle::new(ObstacleKind::NotVisible, message));
        }
    }

    /// The extra calls that the task mapping has for a wish. What a deletion removes anyway, the login profile and
    /// whatever is held, is left to the planner, whose order is the safe one.
    fn custom_actions(&mut self, wish: &Wish, account: &AccountFact, when: ActionTime) -> Vec<StepCall> {
        let of_group = matches!(
            wish,
            Wish::AddAssignment { resource: ResourceName::Group(_), .. }
                | Wish::RemoveAssignment { resource: ResourceName::Group(_), .. }
        );
        let Some(mapping) = self.facts.mapping(wish.kind(), of_group) else { return Vec::new() };
        let none = std::collections::BTreeMap::new();
        let sources = Sources { system: &self.facts.system, attributes: &none };
        let planned = |call: &StepCall| match call {
            StepCall::DeleteLoginProfile { .. } => true,
            StepCall::RemoveFromGroup { group, .. } => account.groups.contains(group),
            StepCall::DetachPolicy { policy_arn, .. } => account.policies.contains(policy_arn),
            _ => false,
        };
        let deletes = wish.kind() == TaskKind::DeleteAccount;
        match map_actions(mapping, wish.kind(), when, sources, &account.name, &account.path) {
            Ok(calls) => calls.into_iter().filter(|call| !(deletes && planned(call))).collect(),
            Err(error) => {
                self.refuse(ObstacleKind::Invalid, error.to_string());
                Vec::new()
            }
        }
    }

    /// Lets the task's own steps wait for the custom actions before them, and adds those after them. Where there is
    /// nothing to do, there are no custom actions either.
    fn join_custom_actions(&mut self, prefix: &[u32]) {
        if self.steps.len() == prefix.len() {
            self.steps.clear();
            return;
        }
        for step in self.steps.iter_mut().skip(prefix.len()).filter(|step| step.after.is_empty()) {
            step.after = prefix.to_vec();
        }
        let all: Vec<u32> = self.steps.iter().map(|step| step.seq).collect();
        for call in std::mem::take(&mut self.coming) {
            self.step(call, StepReason::CustomAction, &all);
        }
    }

    /// The account as it will be after the task, as far as it is planned.
    pub(super) fn afterwards(&self, account: &AccountFact) -> AccountFact {
        let mut account = account.clone();
        let planned = self.steps.iter().map(|step| &step.call).chain(&self.coming);
        planned.for_each(|call| apply_to(&mut account, call));
        account
    }

    fn not_found(&mut self, name: &str) {
        let other = self.facts.accounts.get(&name.to_ascii_lowercase());
        if let Some(left) = self.facts.left.get(&name.to_ascii_lowercase()) {
            let what = match left {
                Some(now) => format!("was renamed to {now:?}"),
                None => "is gone".to_owned(),
            };
            let run = self.facts.run;
            let why = format!(
                "there is no account {name:?} any more: run {run}, the last import, saw it, and since then it {what}"
            );
            return self.refuse(ObstacleKind::NotFound, why);
        }
        let near = || nearest(name, self.facts.accounts.values().map(|account| account.name.as_str()));
        let hint = match other {
            Some(other) => {
                format!("; there is {:?}, and names must be given in their exact case", other.name)
            }
            None => near().map_or_else(String::new, |near| format!("; there is {near:?}")),
        };
        self.refuse(ObstacleKind::NotFound, format!("there is no account {name:?}{hint}"));
    }

    /// Whoever asks may mean whom they know from the last import, and the name is another's by now.
    pub(super) fn passed_on(&mut self, noun: &str, name: &str, now: Option<&ExternalId>, was: &ExternalId) {
        let now = now.map_or("another id", ExternalId::as_str);
        let Facts { run, system_id, .. } = self.facts;
        let why = format!(
            "{name:?} is another {noun} now ({now}) than in run {run}, the last import ({was}), so nothing is changed; \
             import first ({}), then see whom you mean",
            Hint::Import(system_id.clone())
        );
        self.refuse(ObstacleKind::IdentityChanged, why);
    }

    /// Something that stands in the way; what several calls meet is said once.
    pub(super) fn refuse(&mut self, kind: ObstacleKind, message: impl Into<String>) {
        let obstacle = Obstacle::new(kind, message);
        if !self.obstacles.contains(&obstacle) {
            self.obstacles.push(obstacle);
        }
    }

    /// Something a person should know.
    pub(super) fn notice(&mut self, kind: ObstacleKind, message: impl Into<String>) {
        self.notices.push(Obstacle::new(kind, message));
    }

    /// Adds a call, and gives its place.
    pub(super) fn step(&mut self, call: StepCall, reason: StepReason, after: &[u32]) -> u32 {
        let seq = u32::try_from(self.steps.len()).unwrap_or(u32::MAX - 1) + 1;
        let operation = self.connector.operation(&call).into();
        self.steps.push(PlannedStep { seq, operation, call, reason, after: after.to_vec() });
        seq
    }

    /// Each call needs permissions; what the system's permission profile does not grant is named before anything runs.
    fn check_permissions(&mut self) {
        let profile = self.facts.settings.permission_profile;
        let mut missing: Vec<(Cow<'static, str>, &'static str)> = Vec::new();
        for step in &self.steps {
            let needs = self.connector.needs(&step.call);
            for action in self.connector.lacks(profile, &needs) {
                let lacks = (step.operation.clone(), action);
                if !missing.contains(&lacks) {
                    missing.push(lacks);
                }
            }
        }
        for (operation, action) in missing {
            self.refuse(
                ObstacleKind::PermissionMissing,
                format!(
                    "{operation} needs the permission {action}, which the permission profile {profile} does not \
                     grant; give the connector a wider policy, and the system the permission profile that goes with it",
                    profile = profile.as_str()
                ),
            );
        }
    }
}

/// What a call will have done.
pub(super) fn apply(facts: &mut Facts, call: &StepCall) {
    let key = call.account().to_ascii_lowercase();
    if let Some(made) = made(facts, call) {
        facts.accounts.insert(key, made);
        return;
    }
    let Some(mut account) = facts.accounts.remove(&key) else { return };
    match call {
        StepCall::DeleteAccount { .. } => return,
        StepCall::UpdateAccount { new_name, new_path, .. } => {
            account.name = new_name.clone().unwrap_or(account.name);
            account.path = new_path.clone().unwrap_or(account.path);
            account.arn = arn(facts, &account.path, &account.name);
        }
        other => apply_to(&mut account, other),
    }
    facts.accounts.insert(account.name.to_ascii_lowercase(), account);
}

/// The account that a creation makes.
pub(super) fn made(facts: &Facts, call: &StepCall) -> Option<AccountFact> {
    let StepCall::CreateAccount { account, path, tags, permissions_boundary } = call else { return None };
    Some(AccountFact {
        external_id: None,
        name: account.clone(),
        path: path.clone(),
        arn: arn(facts, path, account),
        created_at: facts.read_at,
        groups: [].into(),
        policies: [].into(),
        inline_policies: [].into(),
        tags: tags.clone(),
        permissions_boundary: permissions_boundary.clone(),
        login_profile: Seen::Read(false),
        credentials: Seen::Read([].into()),
        mfa_devices: Seen::Read(Vec::new()),
        comes_in: None,
        imported_status: None,
        imported_access_keys: Some(0),
        imported_mfa: Some(false),
        inline_documents: [].into(),
        manifest: None,
        switched_off_elsewhere: false,
        unfinished_deactivation: None,
        unreadable: None,
    })
}

fn arn(facts: &Facts, path: &str, name: &str) -> String {
    format!("arn:{}:iam::{}:user{path}{name}", facts.partition, facts.account_id)
}

/// What a call will have done to an account that goes on under its name.
pub(super) fn apply_to(account: &mut AccountFact, call: &StepCall) {
    match call {
        StepCall::CreateLoginProfile { .. } | StepCall::UpdateLoginProfile { .. } => {
            account.login_profile = Seen::Read(true);
        }
        StepCall::DeleteLoginProfile { .. } => account.login_profile = Seen::Read(false),
        StepCall::AddToGroup { group, .. } => {
            account.groups.insert(group.clone());
        }
        StepCall::RemoveFromGroup { group, .. } => {
            account.groups.remove(group);
        }
        StepCall::AttachPolicy { policy_arn, .. } => {
            account.policies.insert(policy_arn.clone());
        }
        StepCall::DetachPolicy { policy_arn, .. } => {
            account.policies.remove(policy_arn);
        }
        StepCall::SetCredential { credential, active, .. } => {
            if let Seen::Read(credentials) = &mut account.credentials {
                credentials.insert(credential.clone(), *active);
            }
        }
        StepCall::DeleteCredential { credential, .. } => {
            if let Seen::Read(credentials) = &mut account.credentials {
                credentials.remove(credential);
            }
        }
        StepCall::DeactivateMfaDevice { serial, .. } => {
            if let Seen::Read(devices) = &mut account.mfa_devices {
                devices.retain(|device| device.serial != *serial);
            }
        }
        StepCall::DeleteInlinePolicy { name, .. } => {
            account.inline_policies.remove(name);
        }
        StepCall::TagAccount { tags, .. } => account.tags.extend(tags.clone()),
        StepCall::UntagAccount { keys, .. } => account.tags.retain(|key, _| !keys.contains(key)),
        StepCall::SetBoundary { policy_arn, .. } => account.permissions_boundary = Some(policy_arn.clone()),
        StepCall::RemoveBoundary { .. } => account.permissions_boundary = None,
        StepCall::CreateAccount { .. }
        | StepCall::UpdateAccount { .. }
        | StepCall::DeleteAccount { .. }
        | StepCall::DeleteVirtualMfaDevice { .. } => {}
    }
}
