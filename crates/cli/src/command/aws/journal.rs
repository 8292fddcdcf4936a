//! The administrator's calls: each is in the audit log before it is made, and what became of it after.

use std::future::Future;

use anyhow::Context as _;
use keyreeve_connector::{Error, NewAccessKey, Performed};
use keyreeve_model::SystemId;
use keyreeve_store::{AccessCall, AccessOutcome, CrashPoint, Store};

use super::DOING;
use crate::command::Context;
use crate::exit::Refusal;

/// Writes calls down.
pub(super) struct Journal<'a> {
    pub(super) context: &'a Context,
    pub(super) store: &'a Store,
    pub(super) system_id: &'a SystemId,
    /// The administrator.
    pub(super) signed_in_as: &'a str,
    pub(super) reason: Option<&'a str>,
}

/// A call that was written down, and whose outcome is awaited.
pub(super) struct Attempt<'a> {
    call: AccessCall<'a>,
    row: i64,
}

impl<'a> Journal<'a> {
    /// Makes a call. Gives AWS's id of the request.
    pub(super) async fn make(
        &self,
        operation: &'static str,
        on: &str,
        call: impl Future<Output = Result<Performed, Error>>,
    ) -> anyhow::Result<Option<String>> {
        let attempt = self.attempt(operation, on).await?;
        let answer = call.await;
        CrashPoint::AfterAccessCall.pass();
        match answer {
            Ok(Performed { request_id, .. }) => {
                let outcome = AccessOutcome::Applied { made: None };
                self.settle(&attempt, &outcome, request_id.as_deref()).await?;
                Ok(request_id)
            }
            Err(error) => Err(self.failed(&attempt, &error).await),
        }
    }

    /// Makes an access key, and has it kept before anything else: its secret is in this one answer.
    pub(super) async fn make_key<Kept>(
        &self,
        on: &str,
        call: impl Future<Output = Result<NewAccessKey, Error>>,
        keep: impl FnOnce(NewAccessKey) -> Kept,
    ) -> anyhow::Result<Option<String>>
    where
        Kept: Future<Output = anyhow::Result<()>>,
    {
        let attempt = self.attempt("CreateAccessKey", on).await?;
        let answer = call.await;
        CrashPoint::AfterAccessCall.pass();
        match answer {
            Ok(key) => {
                let (request_id, made) = (key.request_id.clone(), Some(key.id.clone()));
                let kept = keep(key).await;
                let settled =
                    self.settle(&attempt, &AccessOutcome::Applied { made }, request_id.as_deref()).await;
                kept.and(settled).map(|()| request_id)
            }
            Err(error) => Err(self.failed(&attempt, &error).await),
        }
    }

    async fn attempt<'c>(&self, operation: &'static str, on: &'c str) -> anyhow::Result<Attempt<'c>>
    where
        'a: 'c,
    {
        let call = AccessCall {
            system_id: self.system_id,
            operation,
            on,
            signed_in_as: self.signed_in_as,
            actor: self.context.actor.name(),
            reason: self.reason,
        };
        let row = self.store.note_access_call(&call, self.context.clock.now()).await;
        let row = row.with_context(|| format!("{DOING}: {operation} was not called"))?;
        Ok(Attempt { call, row })
    }

    async fn settle(
        &self,
        Attempt { call, row }: &Attempt<'_>,
        outcome: &AccessOutcome,
        request_id: Option<&str>,
    ) -> anyhow::Result<()> {
        let now = self.context.clock.now();
        let noted = self.store.note_access_outcome(call, *row, (outcome, request_id), now).await;
        noted.with_context(|| {
            format!("{DOING}: {} was answered, and that could not be written down", call.operation)
        })
    }

    async fn failed(&self, attempt: &Attempt<'_>, error: &Error) -> anyhow::Error {
        let outcome = AccessOutcome::Failed { effect: error.effect(), kind: error.kind() };
        match self.settle(attempt, &outcome, error.request_id.as_deref()).await {
            Ok(()) => broken_off(error).into(),
            Err(unwritten) => unwritten.context(error.to_string()),
        }
    }
}

/// Something may have been made.
fn broken_off(error: &Error) -> Refusal {
    let hint = match error.code.as_deref() {
        Some(code) if error.operation == "CreatePolicyVersion" && code.starts_with("LimitExceeded") => {
            let arn = error.subject.as_deref().unwrap_or("ARN");
            format!(
                "AWS keeps five versions of a policy. `aws iam list-policy-versions --policy-arn {arn}` shows them; delete \
                 one that is not in force with `aws iam delete-policy-version --policy-arn {arn} --version-id v…`, then \
                 run the same again"
            )
        }
        _ => "run the same again: what is there is left as it is, and what is missing is made".to_owned(),
    };
    Refusal::failed(DOING, error.to_string()).hint(hint)
}
