//! Looking: whose a name is, and what became of a call whose answer was lost.
//!
//! What may be read depends on the granted permissions: with the reference policy users are looked up in a listing of
//! their path, and what they hold in the details.

use std::collections::BTreeMap;

use keyreeve_connector::{AccountDetail, AccountEntry, Cause, Marker, Page, PointRead, Provisioning};
use keyreeve_model::{
    AccountCredentialKind, ExternalId, Failure, FailureKind, ImportObject, ImportScope, PermissionProfile,
    PolicyScope, Step, StepCall, Task,
};

use super::decide::{Identified, Sight};
use super::guard::Guard;
use super::retry::{Rules, signed};
use crate::import::collect::{Details, read_details, read_users};
use crate::import::reader::{ReadError, Reader};
use crate::plan::MARKER_TAG;

type Tags = BTreeMap<String, String>;

/// Looks with the permissions a system's profile grants.
pub(super) struct Observer<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) provisioning: &'a dyn Provisioning,
    pub(super) profile: PermissionProfile,
    pub(super) rules: Rules,
}

impl Observer<'_> {
    /// Whose the name of the task's account is now.
    pub(super) async fn identify(&self, task: &Task, guard: &Guard<'_>) -> Identified {
        let Some(expected) = &task.account_external_id else { return Identified::Same };
        let found = match self.find_with_tags(&task.account, "/").await {
            Ok(found) => found,
            Err(failure) => return Identified::Unreadable(failure),
        };
        match found {
            Some((user, tags)) if user.external_id == *expected => {
                guard.against(&user, tags.as_ref()).map_or(Identified::Same, Identified::Protected)
            }
            Some((other, _)) => Identified::Replaced { by: other.external_id, made_at: other.created_at },
            None => match self.find_by_id(expected).await {
                // One read shows it, the other one not yet or not any more.
                Ok(Some(user)) if user.name == task.account => {
                    guard.against(&user, None).map_or(Identified::Same, Identified::Protected)
                }
                Ok(Some(user)) => Identified::Renamed(user.name),
                Ok(None) => Identified::Gone,
                Err(failure) => Identified::Unreadable(failure),
            },
        }
    }

    /// What became of a call.
    pub(super) async fn look(&self, task: &Task, step: &Step) -> Sight {
        let seen = match &step.call {
            StepCall::CreateAccount { .. } => self.creation(step).await,
            StepCall::UpdateAccount { account, new_name, new_path } => {
                self.update(task, account, new_name.as_deref(), new_path.as_deref()).await
            }
            StepCall::DeleteAccount { account } => self.deletion(task, account).await,
            StepCall::CreateLoginProfile { account } => self.login_profile_made(step, account).await,
            StepCall::DeleteLoginProfile { account } => {
                self.login_profile(account).await.map(|made| match made {
                    Some(_) => Sight::NotApplied,
                    None => Sight::Applied(None),
                })
            }
            StepCall::AddToGroup { account, group } => {
                self.in_group(task, account, group).await.map(|is| applied(is == Some(true)))
            }
            StepCall::RemoveFromGroup { account, group } => {
                self.in_group(task, account, group).await.map(|is| applied(is == Some(false)))
            }
            StepCall::AttachPolicy { account, policy_arn } => {
                self.has_policy(task, account, policy_arn).await.map(|is| applied(is == Some(true)))
            }
            StepCall::DetachPolicy { account, policy_arn } => {
                self.has_policy(task, account, policy_arn).await.map(|is| applied(is == Some(false)))
            }
            _ => Ok(Sight::NotApplied),
        };
        seen.unwrap_or_else(Sight::Unreadable)
    }

    /// What of the ways in that a deactivation takes is still there, and the calls that take it.
    pub(super) async fn still_on(&self, task: &Task) -> Result<Vec<(&'static str, StepCall)>, Failure> {
        let account = &task.account;
        let mut calls = Vec::new();
        let kinds = AccountCredentialKind::ALL;
        if kinds.iter().all(|kind| self.grants(PointRead::Credentials(*kind))) {
            for kind in kinds {
                let listed = self
                    .pages(|after| async move {
                        self.provisioning.list_credentials(account, kind, after.as_ref()).await
                    })
                    .await?;
                let active = listed.into_iter().filter(|entry| entry.active).map(|entry| entry.credential);
                calls.extend(active.map(|credential| StepCall::SetCredential {
                    account: account.clone(),
                    credential,
                    active: false,
                }));
            }
        }
        if self.login_profile(account).await?.is_some() {
            calls.push(StepCall::DeleteLoginProfile { account: account.clone() });
        }
        let deny_all = task.manifest.as_ref().and_then(|manifest| manifest.deny_all_policy.as_ref());
        if let Some(arn) = deny_all
            && self.has_policy(task, account, arn).await? == Some(false)
        {
            calls.push(StepCall::AttachPolicy { account: account.clone(), policy_arn: arn.clone() });
        }
        Ok(calls.into_iter().map(|call| (self.provisioning.operation(&call), call)).collect())
    }

    /// Whether the account is in a group; `None` when the account is not found.
    async fn in_group(&self, task: &Task, account: &str, group: &str) -> Result<Option<bool>, Failure> {
        if self.grants(PointRead::GroupsOf) {
            let groups = self
                .pages(|after| async move { self.provisioning.list_groups_of(account, after.as_ref()).await })
                .await;
            if !is_denied(&groups) {
                return found(groups.map(|groups| groups.iter().any(|name| name == group)));
            }
        }
        let detail = self.detail(task).await?;
        Ok(detail.map(|detail| detail.groups.iter().any(|name| name == group)))
    }

    /// Whether a policy is attached to the account; `None` when the account is not found.
    async fn has_policy(&self, task: &Task, account: &str, arn: &str) -> Result<Option<bool>, Failure> {
        if self.grants(PointRead::PoliciesOf) {
            let policies = self
                .pages(
                    |after| async move { self.provisioning.list_policies_of(account, after.as_ref()).await },
                )
                .await;
            if !is_denied(&policies) {
                return found(policies.map(|policies| policies.iter().any(|policy| policy.arn == arn)));
            }
        }
        let detail = self.detail(task).await?;
        Ok(detail.map(|detail| detail.policies.iter().any(|policy| policy.arn == arn)))
    }

    /// What the task's account holds, where only the details of all accounts may be read.
    async fn detail(&self, task: &Task) -> Result<Option<AccountDetail>, Failure> {
        let details = self.details().await?;
        Ok(details.into_iter().find(|one| Some(&one.external_id) == task.account_external_id.as_ref()))
    }

    async fn pages<T, F, Fut>(&self, fetch: F) -> Result<Vec<T>, Failure>
    where
        F: Fn(Option<Marker>) -> Fut,
        Fut: Future<Output = Result<Page<T>, keyreeve_connector::Error>>,
    {
        self.known(self.reader.pages(fetch).await)
    }

    async fn creation(&self, step: &Step) -> Result<Sight, Failure> {
        let StepCall::CreateAccount { account, path, tags, .. } = &step.call else {
            return Ok(Sight::NotApplied);
        };
        let Some(user) = self.find(account, path).await? else { return Ok(Sight::NotApplied) };
        let foreign = |why: &str| {
            Ok(Sight::Foreign(format!(
                "there is an account {account:?} now, but {why}, so it is not proved to be the one this task makes; \
                 if it is, import and go on with it, else plan another name"
            )))
        };
        if user.name != *account || user.path != *path {
            return foreign("its name or path differs");
        }
        if let Some(marker) = tags.get(MARKER_TAG) {
            let facts = self.call(|| self.provisioning.get_account_facts(account)).await?;
            return match facts {
                Some(facts) if facts.tags.get(MARKER_TAG) == Some(marker) => {
                    Ok(Sight::Applied(Some(facts.entry.external_id)))
                }
                Some(_) => foreign("it does not carry this task's mark"),
                None => Ok(Sight::NotApplied),
            };
        }
        // No mark under the reference policy: it must have been made in the attempt's time, and be bare.
        let window = signed(self.rules.clock_skew + self.rules.propagation);
        let since = step.attempted_at.map(|at| user.created_at.duration_since(at));
        if !since.is_some_and(|since| since >= -signed(self.rules.clock_skew) && since <= window) {
            return foreign("it was not made when this task tried to");
        }
        if self.login_profile(account).await?.is_some() || !self.is_bare(&user.external_id).await? {
            return foreign("it has a console password or assignments already");
        }
        Ok(Sight::Applied(Some(user.external_id)))
    }

    async fn update(
        &self,
        task: &Task,
        account: &str,
        new_name: Option<&str>,
        new_path: Option<&str>,
    ) -> Result<Sight, Failure> {
        let name = new_name.unwrap_or(account);
        let everywhere = "/";
        let found = self.find(name, new_path.unwrap_or(everywhere)).await?;
        let same = |user: &AccountEntry| task.account_external_id.as_ref() == Some(&user.external_id);
        let moved = |user: &AccountEntry| new_path.is_none_or(|path| user.path == path);
        match found {
            Some(user) if same(&user) && moved(&user) => Ok(Sight::Applied(None)),
            Some(user) if !same(&user) => Ok(Sight::Foreign(format!(
                "the name {name:?} belongs to another account ({})",
                user.external_id
            ))),
            _ => Ok(Sight::NotApplied),
        }
    }

    /// Gone, or another account under the name: in both cases the planned one does not exist any more.
    async fn deletion(&self, task: &Task, account: &str) -> Result<Sight, Failure> {
        let found = self.find(account, "/").await?;
        let still = found.is_some_and(|user| task.account_external_id.as_ref() == Some(&user.external_id));
        Ok(if still { Sight::NotApplied } else { Sight::Applied(None) })
    }

    async fn login_profile_made(&self, step: &Step, account: &str) -> Result<Sight, Failure> {
        let Some(made_at) = self.login_profile(account).await? else { return Ok(Sight::NotApplied) };
        let since = step.attempted_at.map(|at| made_at.duration_since(at));
        if since.is_some_and(|since| since >= -signed(self.rules.clock_skew)) {
            return Ok(Sight::Applied(None));
        }
        Ok(Sight::Foreign(format!("{account:?} had a console password before this task tried to make one")))
    }

    async fn login_profile(&self, account: &str) -> Result<Option<jiff::Timestamp>, Failure> {
        let profile = self.call(|| self.reader.inventory.get_login_profile(account)).await?;
        Ok(profile.map(|profile| profile.created_at))
    }

    /// The user of a name, by a point read where that is granted, else in the listing of its path.
    async fn find(&self, name: &str, path: &str) -> Result<Option<AccountEntry>, Failure> {
        Ok(self.find_with_tags(name, path).await?.map(|(user, _)| user))
    }

    /// The same with its tags, where they can be read.
    async fn find_with_tags(
        &self,
        name: &str,
        path: &str,
    ) -> Result<Option<(AccountEntry, Option<Tags>)>, Failure> {
        if self.grants(PointRead::AccountFacts) {
            let facts = self.call(|| self.provisioning.get_account_facts(name)).await;
            // The profile promises it, and the connector's policies need not keep that: the listing has it as well.
            if !is_denied(&facts) {
                return Ok(facts?.map(|facts| (facts.entry, Some(facts.tags))));
            }
        }
        let users = self.list(path).await?;
        Ok(users.into_iter().find(|user| user.name == name).map(|user| (user, None)))
    }

    async fn find_by_id(&self, id: &ExternalId) -> Result<Option<AccountEntry>, Failure> {
        Ok(self.list("/").await?.into_iter().find(|user| user.external_id == *id))
    }

    async fn list(&self, path: &str) -> Result<Vec<AccountEntry>, Failure> {
        let scope = scope(path);
        let reading = read_users(self.reader, &scope, None).await;
        self.unhalted()?;
        if reading.is_whole() {
            return Ok(reading.items);
        }
        Err(self.failure(FailureKind::Unknown, reading.reason.unwrap_or_default()))
    }

    /// Whether a user holds nothing at all.
    async fn is_bare(&self, id: &ExternalId) -> Result<bool, Failure> {
        let detail = self.details().await?.into_iter().find(|account| account.external_id == *id);
        Ok(detail.is_none_or(|detail| {
            detail.groups.is_empty()
                && detail.policies.is_empty()
                && detail.inline_policies.is_empty()
                && detail.tags.is_empty()
        }))
    }

    async fn details(&self) -> Result<Vec<AccountDetail>, Failure> {
        let reading = read_details(self.reader, &scope("/"), None).await;
        self.unhalted()?;
        if !reading.is_whole() {
            return Err(self.failure(FailureKind::Unknown, reading.reason.unwrap_or_default()));
        }
        Ok(reading.split().accounts)
    }

    /// All users and groups with what they hold.
    pub(super) async fn holdings(&self) -> Result<Details, Failure> {
        let objects = [ImportObject::Accounts, ImportObject::Groups].into();
        let reading = read_details(self.reader, &ImportScope { objects, ..scope("/") }, None).await;
        self.unhalted()?;
        if !reading.is_whole() {
            return Err(self.failure(FailureKind::Unknown, reading.reason.unwrap_or_default()));
        }
        Ok(reading.split())
    }

    fn grants(&self, read: PointRead) -> bool {
        self.provisioning.lacks(self.profile, &[self.provisioning.read_needs(read)]).is_empty()
    }

    async fn call<T, F, Fut>(&self, make: F) -> Result<T, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, keyreeve_connector::Error>>,
    {
        self.known(self.reader.call(None, make).await)
    }

    /// What was read, unless it turned out meanwhile that another AWS account answers.
    fn known<T>(&self, answer: Result<T, ReadError>) -> Result<T, Failure> {
        self.unhalted()?;
        answer.map_err(|error| {
            let kind = match &error {
                ReadError::Call(error) if error.cause == Cause::Denied => FailureKind::Denied,
                ReadError::Call(error) => error.kind(),
                ReadError::Broken(_) | ReadError::Halted => FailureKind::Unknown,
            };
            self.failure(kind, error.to_string())
        })
    }

    fn unhalted(&self) -> Result<(), Failure> {
        self.reader.halt.reason().map_or(Ok(()), Err)
    }

    fn failure(&self, kind: FailureKind, message: String) -> Failure {
        self.reader.failure(kind, &message)
    }
}

fn is_denied<T>(read: &Result<T, Failure>) -> bool {
    read.as_ref().is_err_and(|failure| failure.kind == FailureKind::Denied)
}

fn applied(is: bool) -> Sight {
    if is { Sight::Applied(None) } else { Sight::NotApplied }
}

/// What could be read of an account; `None` when there is no such account.
fn found<T>(read: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match read {
        Err(failure) if failure.kind == FailureKind::Gone => Ok(None),
        read => read.map(Some),
    }
}

fn scope(path: &str) -> ImportScope {
    ImportScope {
        objects: [ImportObject::Accounts].into(),
        path_prefix: path.to_owned(),
        policy_scope: PolicyScope::All,
    }
}
