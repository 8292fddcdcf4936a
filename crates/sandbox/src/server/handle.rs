//! One request on the AWS side, from its bytes to the bytes of the answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};

use super::Cut;
use super::authenticate::{authenticate, connector_of};
use super::authorise::{authorise, denial};
use super::body::{Ending, ReplyBody};
use super::damage::damage;
use super::wire::Cutter;
use crate::actions::{self, Call, Caller, Service};
use crate::faults::{Effect, Fired, Operation, Phase};
use crate::protocol::error::ApiError;
use crate::protocol::paging::{PageFault, cursor_of, list_id};
use crate::protocol::params::Params;
use crate::protocol::signature::Claim;
use crate::state::State;
use crate::trace::TraceEntry;
use crate::world::{Account, World};

/// IAM refuses larger requests.
const LARGEST_REQUEST: usize = 1024 * 1024;

/// The answer before it is put on the wire.
struct Reply {
    status: u16,
    body: String,
    error: Option<String>,
}

/// What the request is, as far as its parameters say.
struct Asked {
    service: Service,
    action: String,
    params: Params,
    subject: Option<String>,
}

pub(super) async fn answer(
    request: Request<Incoming>,
    world: &World,
    cutter: Cutter,
) -> Result<Response<ReplyBody>, Cut> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_REQUEST).collect().await.map_err(|_| Cut)?.to_bytes();
    let request_id = world.next_chance().uuid();
    let claim = Claim::read(&parts);
    let asked = read(&parts, &body, claim.as_ref().ok());
    let genuine = match (&claim, &asked) {
        (Err(error), _) => Err(error.clone()),
        (_, Err(error)) => Err(error.clone()),
        (Ok(claim), Ok(asked)) => authenticate(world, claim, asked.service, &parts, &body),
    };
    let service = asked.as_ref().map_or(Service::Iam, |asked| asked.service);
    let entry = trace_entry(world, claim.as_ref().ok(), asked.as_ref().ok(), &genuine, &request_id);
    let page = entry.page;
    let seq = world.trace.begin(entry);
    let outcome = match (asked, genuine) {
        (Ok(asked), Ok(caller)) => {
            let work = Work { world, asked, caller, page, request_id: &request_id, seq, started };
            work.answer(&cutter).await?
        }
        (Err(error), _) | (_, Err(error)) => {
            let reply = refuse(&error, service, &request_id);
            world.trace.complete(seq, |entry| done(entry, &reply, started));
            Outcome { status: reply.status, content_type: "text/xml", body: ReplyBody::whole(reply.body) }
        }
    };
    respond(world, outcome, &request_id)
}

fn respond(world: &World, outcome: Outcome, request_id: &str) -> Result<Response<ReplyBody>, Cut> {
    let date = world.clock.on_the_wire().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let length = outcome.body.length();
    let mut response = Response::new(outcome.body);
    *response.status_mut() = StatusCode::from_u16(outcome.status).map_err(|_| Cut)?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(outcome.content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(DATE, HeaderValue::try_from(date).map_err(|_| Cut)?);
    headers.insert("x-amzn-requestid", HeaderValue::try_from(request_id).map_err(|_| Cut)?);
    Ok(response)
}

/// Finds out which action of which service is asked for.
fn read(parts: &Parts, body: &[u8], claim: Option<&Claim>) -> Result<Asked, ApiError> {
    if parts.method != hyper::Method::POST {
        return Err(ApiError::new(400, "InvalidAction", "The sandbox answers POST requests only."));
    }
    let params = Params::parse(body)
        .ok_or_else(|| ApiError::new(400, "MalformedInput", "The request body is not valid UTF-8."))?;
    let version = params.get("Version").unwrap_or_default().to_owned();
    let service = [Service::Iam, Service::Sts]
        .into_iter()
        .find(|service| service.version() == version)
        .or_else(|| claim.filter(|claim| claim.service == "sts").map(|_| Service::Sts))
        .unwrap_or(Service::Iam);
    let action = params.get("Action").map(str::to_owned).ok_or_else(|| {
        ApiError::new(400, "MissingAction", "The request must contain the parameter Action.")
    })?;
    let subject = ["UserName", "GroupName", "PolicyArn", "RoleName", "RoleArn", "AccessKeyId"]
        .iter()
        .find_map(|name| params.get(name))
        .map(str::to_owned);
    Ok(Asked { service, action, params, subject })
}

fn trace_entry(
    world: &World,
    claim: Option<&Claim>,
    asked: Option<&Asked>,
    caller: &Result<Caller, ApiError>,
    request_id: &str,
) -> TraceEntry {
    let account = caller.as_ref().ok().map(|caller| caller.account.clone());
    let page = match (asked, &account) {
        (Some(asked), Some(account)) => {
            let list = list_id(account, &asked.action, &asked.params);
            cursor_of(&asked.params, list, world.salt).map_or(0, |cursor| cursor.page)
        }
        _ => 0,
    };
    let params = asked.iter().flat_map(|asked| asked.params.for_trace());
    TraceEntry {
        seq: 0,
        at: world.clock.now(),
        access_key_id: claim.map(|claim| claim.access_key_id.clone()),
        account,
        action: asked.map(|asked| asked.action.clone()).unwrap_or_default(),
        subject: asked.and_then(|asked| asked.subject.clone()),
        page,
        params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        status: None,
        error: None,
        faults: Vec::new(),
        duration_micros: 0,
        request_id: request_id.to_owned(),
    }
}

fn done(entry: &mut TraceEntry, reply: &Reply, started: Instant) {
    entry.status = Some(reply.status);
    entry.error.clone_from(&reply.error);
    entry.duration_micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
}

fn refuse(error: &ApiError, service: Service, request_id: &str) -> Reply {
    Reply {
        status: error.status,
        body: error.body(service.namespace(), request_id),
        error: Some(error.code.to_string()),
    }
}

/// What goes on the wire.
struct Outcome {
    status: u16,
    content_type: &'static str,
    body: ReplyBody,
}

/// A genuine request on its way through the faults.
struct Work<'a> {
    world: &'a World,
    asked: Asked,
    caller: Caller,
    page: u32,
    request_id: &'a str,
    seq: u64,
    started: Instant,
}

impl Work<'_> {
    async fn answer(mut self, cutter: &Cutter) -> Result<Outcome, Cut> {
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
        let late = deciding.filter(|fired| fired.phase == Phase::AfterApply && fired.strikes_at_a_phase());
        let reply = match late {
            Some(fired) => self.strike(fired, &account, &state, cutter).await?.unwrap_or(reply),
            None => reply,
        };
        self.world.trace.complete(self.seq, |entry| done(entry, &reply, self.started));
        Ok(finish(reply, deciding, cutter))
    }

    /// Applies what happens before the call: waiting, changes, another time or account.
    async fn prepare(&mut self, fired: &[Fired]) -> Result<(Arc<Account>, State), Cut> {
        let mut stale_seconds = None;
        for fired in fired {
            match &fired.effect {
                Effect::Latency { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
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
        let state = match stale_seconds {
            Some(seconds) => account.history.at(crate::clock::shift(self.world.clock.now(), -seconds)),
            None => account.history.present(),
        };
        Ok((account, state))
    }

    /// An effect that stands instead of the answer. `None`: the effect comes later.
    async fn strike(
        &self,
        fired: &Fired,
        account: &Account,
        state: &State,
        cutter: &Cutter,
    ) -> Result<Option<Reply>, Cut> {
        let error = match &fired.effect {
            Effect::Throttle => ApiError::throttling(),
            Effect::Error { status, code, message } => {
                ApiError { status: *status, code: code.clone().into(), message: message.clone() }
            }
            Effect::AccessDenied => denial(&self.call(account, state, &[]), self.asked.service),
            Effect::ExpireCredentials => {
                self.world.expire_session(&self.caller.access_key_id);
                ApiError::expired_token()
            }
            Effect::Reset => {
                cutter.end_with_reset();
                return Err(Cut);
            }
            Effect::Hang => return std::future::pending().await,
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
        let call = self.call(account, state, fired);
        let answer = if actions::known(service, &self.asked.action) {
            authorise(&call, service).and_then(|()| actions::perform(&call))
        } else {
            Err(actions::invalid_action(&self.asked.action, service))
        };
        match answer {
            Err(error) => refuse(&error, service, self.request_id),
            Ok(content) => {
                let action = &self.asked.action;
                let mut body = format!("<{action}Response xmlns=\"{}\">", service.namespace());
                if let Some(xml) = content {
                    let content = xml.into_string();
                    body.push_str(&format!("<{action}Result>{content}</{action}Result>"));
                }
                body.push_str(&format!(
                    "<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
                    self.request_id
                ));
                Reply { status: 200, body, error: None }
            }
        }
    }
}

/// Cuts or damages the answer where a fault wants it.
fn finish(reply: Reply, deciding: Option<&Fired>, cutter: &Cutter) -> Outcome {
    let whole = |reply: Reply| Outcome {
        status: reply.status,
        content_type: "text/xml",
        body: ReplyBody::whole(reply.body),
    };
    let cut = |reply: Reply, fraction: f64, ending: Ending| Outcome {
        status: reply.status,
        content_type: "text/xml",
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

impl Fired {
    fn is_deciding(&self) -> bool {
        self.effect.decides()
    }

    /// Whether the effect stands instead of an answer, before or after the work is done.
    fn strikes_at_a_phase(&self) -> bool {
        !matches!(self.effect, Effect::Truncate { .. } | Effect::Malformed { .. })
            && self.effect.page_fault().is_none()
    }
}

impl Effect {
    fn page_fault(&self) -> Option<PageFault> {
        Some(match self {
            Self::DropPage => PageFault::Drop,
            Self::RepeatPage => PageFault::RepeatPage,
            Self::RepeatMarker => PageFault::RepeatMarker,
            Self::Cycle => PageFault::Cycle,
            Self::Endless => PageFault::Endless,
            Self::ClaimLast => PageFault::ClaimLast,
            Self::TruncatedWithoutMarker => PageFault::NoMarker,
            Self::EmptyPage => PageFault::Empty,
            Self::ShrinkPage => PageFault::Shrink,
            Self::DuplicateEntry => PageFault::Duplicate,
            _ => return None,
        })
    }
}
