//! A genuine request on its way through the faults.

use std::sync::Arc;
use std::time::Instant;

use super::authenticate::connector_of;
use super::body::{Ending, ReplyBody};
use super::damage::damage;
use super::handle::Asked;
use super::phases::wait;
use super::wire::Cutter;
use super::{Cut, Gone};
use crate::actions::{self, Action, Answer, Call, Caller, Service, Write};
use crate::authorise::{Refusal, authorise, denial};
use crate::faults::{Effect, Fired, Operation, Phase};
use crate::protocol::error::ApiError;
use crate::protocol::json;
use crate::protocol::xml::Xml;
use crate::state::State;
use crate::trace::TraceEntry;
use crate::world::{Account, World};

/// What goes on the wire.
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: ReplyBody,
}

/// A genuine request on its way through the faults.
pub(super) struct Work<'a> {
    pub(super) world: &'a World,
    pub(super) asked: Asked,
    pub(super) caller: Caller,
    pub(super) page: u32,
    pub(super) request_id: &'a str,
    pub(super) seq: u64,
    pub(super) started: Instant,
    pub(super) gone: Gone,
}

impl Work<'_> {
    pub(super) async fn answer(mut self, cutter: &Cutter) -> Result<Outcome, Cut> {
        let fired = self.world.faults.meet(&Operation {
            account: self.caller.account.clone(),
            action: self.asked.action.clone(),
            subject: self.asked.subject.clone(),
            page: self.page,
        });
        if !fired.is_empty() {
            let names =
                fired.iter().map(|fired| format!("{}: {}", fired.rule, fired.effect.name())).collect();
            self.world.trace.complete(self.seq, |entry| entry.faults = names);
        }
        let (account, state) = self.prepare(&fired).await?;
        let deciding = fired.iter().find(|fired| fired.is_deciding());
        let early = deciding.filter(|fired| fired.phase == Phase::Before && fired.strikes_at_a_phase());
        let reply = match early {
            Some(fired) => self.strike(fired, &account, &state, cutter).await?,
            None => None,
        };
        let reply = match reply {
            Some(reply) => reply,
            None => self.perform(&fired, &account, &state),
        };
        wait(&fired, |phase| phase != Phase::Before).await;
        let late = deciding.filter(|fired| fired.strikes_late());
        let reply = match late {
            Some(fired) => self.strike(fired, &account, &state, cutter).await?.unwrap_or(reply),
            None => reply,
        };
        self.world.trace.complete(self.seq, |entry| done(entry, &reply, self.started));
        Ok(finish(reply, deciding, self.asked.service, cutter))
    }

    /// Applies what happens before the call: waiting, changes, another account. Gives the account with its
    /// state as reads see it.
    async fn prepare(&mut self, fired: &[Fired]) -> Result<(Arc<Account>, State), Cut> {
        wait(fired, |phase| phase == Phase::Before).await;
        let mut stale_seconds = None;
        for fired in fired {
            match &fired.effect {
                Effect::Mutate { ops } => {
                    if let Err(error) = self.world.mutate(&self.caller.account, ops) {
                        tracing::warn!(%error, "a fault's change to the account was refused");
                    }
                }
                Effect::Stale { seconds } => stale_seconds = Some(*seconds),
                Effect::WrongAccount => {
                    if let Some(other) = self.world.other_account(&self.caller.account)
                        && let Ok(caller) = connector_of(&other, &self.caller.access_key_id)
                    {
                        self.caller = caller;
                    }
                }
                _ => {}
            }
        }
        let account = self.world.account(&self.caller.account).map_err(|_| Cut)?;
        let lag = i64::from(self.world.consistency().read_lag_seconds);
        let state = match stale_seconds.unwrap_or_default().max(lag) {
            0 => account.history.present(),
            seconds => account.history.at(crate::clock::shift(self.world.clock.now(), -seconds)),
        };
        Ok((account, state))
    }

    /// An effect that stands instead of the answer. `None`: the effect comes later.
    async fn strike(
        &mut self,
        fired: &Fired,
        account: &Account,
        state: &State,
        cutter: &Cutter,
    ) -> Result<Option<Reply>, Cut> {
        let error = match &fired.effect {
            Effect::Throttle | Effect::Rate { .. } => ApiError::throttling(),
            Effect::Error { status, code, message } => ApiError {
                status: *status,
                code: code.clone().into(),
                message: message.clone(),
                refusal: None,
            },
            Effect::AccessDenied => denial(&self.call(account, state, &[]), self.asked.service),
            Effect::ExpireCredentials => {
                self.world.expire_session(&self.caller.access_key_id);
                ApiError::expired_token()
            }
            Effect::Reset => {
                cutter.end_with_reset();
                return Err(Cut);
            }
            Effect::Hang => {
                // Its end is the only thing that ever comes.
                let _ = (&mut self.gone).await;
                return Err(Cut);
            }
            _ => return Ok(None),
        };
        Ok(Some(refuse(&error, self.asked.service, self.request_id)))
    }

    fn call<'b>(&'b self, account: &'b Account, state: &'b State, fired: &[Fired]) -> Call<'b> {
        let omitted = fired.iter().filter_map(|fired| match &fired.effect {
            Effect::Omit { name } => Some(name.clone()),
            _ => None,
        });
        Call {
            world: self.world,
            account,
            state,
            seen: None,
            caller: &self.caller,
            action: &self.asked.action,
            params: &self.asked.params,
            now: self.world.clock.now(),
            page_fault: fired.iter().find_map(|fired| fired.effect.page_fault()),
            omitted: omitted.collect(),
        }
    }

    fn perform(&self, fired: &[Fired], account: &Account, state: &State) -> Reply {
        let service = self.asked.service;
        let answer = match self.asked.carried_out {
            None => Err(actions::invalid_action(&self.asked.action, service)),
            Some(Action::Read(read)) => {
                let call = self.call(account, state, fired);
                authorise(&call, service).and_then(|()| read(&call))
            }
            Some(Action::Write(write)) => self.write(write, account, state),
        };
        match answer {
            Err(error) => refuse(&error, service, self.request_id),
            Ok(content) => self.accept(content),
        }
    }

    /// Changes the account as it is, whatever reads see of it.
    fn write(&self, write: Write, account: &Account, seen: &State) -> Answer {
        let mut user = None;
        let outcome = account.history.write(self.world.clock.now(), |state| {
            let before = state.clone();
            let call = Call { seen: Some(seen), ..self.call(account, &before, &[]) };
            user = call.target(&before);
            authorise(&call, self.asked.service)?;
            let done = write(&call, state)?;
            user = user.take().or_else(|| call.target(state));
            Ok(done)
        });
        self.world.trace.complete(self.seq, |entry| {
            if let Some((name, id)) = user {
                entry.subject = Some(name);
                entry.user_id = Some(id);
            }
            if let Ok(done) = &outcome {
                entry.applied = Some(done.changed);
                entry.resource = done.made.clone().or_else(|| entry.resource.take());
            }
        });
        outcome.map(|done| done.content)
    }

    fn accept(&self, content: Option<Xml>) -> Reply {
        if self.asked.service == Service::Organizations {
            let body = content.map_or_else(|| "{}".to_owned(), Xml::into_string);
            return Reply { status: 200, body, error: None, refusal: None };
        }
        let action = &self.asked.action;
        let mut body = format!("<{action}Response xmlns=\"{}\">", self.asked.service.namespace());
        if let Some(xml) = content {
            let content = xml.into_string();
            body.push_str(&format!("<{action}Result>{content}</{action}Result>"));
        }
        body.push_str(&format!(
            "<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
            self.request_id
        ));
        Reply { status: 200, body, error: None, refusal: None }
    }
}

/// Cuts or damages the answer where a fault wants it.
fn finish(reply: Reply, deciding: Option<&Fired>, service: Service, cutter: &Cutter) -> Outcome {
    let content_type = service.content_type();
    let whole =
        |reply: Reply| Outcome { status: reply.status, content_type, body: ReplyBody::whole(reply.body) };
    let cut = |reply: Reply, fraction: f64, ending: Ending| Outcome {
        status: reply.status,
        content_type,
        body: ReplyBody::cut(reply.body, fraction, ending),
    };
    let Some(fired) = deciding else { return whole(reply) };
    let mid = fired.phase == Phase::MidResponse;
    match &fired.effect {
        Effect::Truncate { at_fraction } => cut(reply, *at_fraction, Ending::Close),
        Effect::Reset if mid => cut(reply, 0.5, Ending::Reset(cutter.clone())),
        Effect::Hang if mid => cut(reply, 0.5, Ending::Hang),
        Effect::Malformed { body: kind } => {
            let (status, content_type, body) = damage(*kind, reply.status, reply.body);
            Outcome { status, content_type, body }
        }
        _ => whole(reply),
    }
}

/// The answer before it is put on the wire.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) error: Option<String>,
    pub(super) refusal: Option<Box<Refusal>>,
}

pub(super) fn done(entry: &mut TraceEntry, reply: &Reply, started: Instant) {
    entry.status = Some(reply.status);
    entry.error.clone_from(&reply.error);
    entry.refusal = reply.refusal.as_deref().cloned();
    entry.duration_micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
}

pub(super) fn refuse(error: &ApiError, service: Service, request_id: &str) -> Reply {
    if service == Service::Organizations {
        let (status, body) = json::refusal(error);
        return Reply { status, body, error: Some(json::code(error)), refusal: error.refusal.clone() };
    }
    Reply {
        status: error.status,
        body: error.body(service.namespace(), request_id),
        error: Some(error.code.to_string()),
        refusal: error.refusal.clone(),
    }
}
