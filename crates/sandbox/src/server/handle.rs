//! One request on the AWS side, from its bytes to the bytes of the answer.

use std::time::Instant;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};

use super::authenticate::authenticate;
use super::body::ReplyBody;
use super::wire::Cutter;
use super::work::{Outcome, Work, done, refuse};
use super::{Cut, Gone};
use crate::actions::{Action, Caller, Service, find};
use crate::protocol::error::ApiError;
use crate::protocol::json;
use crate::protocol::paging::{cursor_of, list_id};
use crate::protocol::params::Params;
use crate::protocol::signature::Claim;
use crate::trace::TraceEntry;
use crate::world::World;

/// IAM refuses larger requests.
const LARGEST_REQUEST: usize = 1024 * 1024;

/// What the request is, as far as its parameters say.
pub(super) struct Asked {
    pub(super) service: Service,
    pub(super) action: String,
    pub(super) params: Params,
    pub(super) subject: Option<String>,
    /// None for an action that the sandbox does not play.
    pub(super) carried_out: Option<Action>,
}

/// What a call can be about, besides a user.
const RESOURCES: [&str; 12] = [
    "GroupName",
    "PolicyArn",
    "PolicyName",
    "AccessKeyId",
    "SSHPublicKeyId",
    "CertificateId",
    "ServiceSpecificCredentialId",
    "SerialNumber",
    "VirtualMFADeviceName",
    "PermissionsBoundary",
    "RoleName",
    "RoleArn",
];

/// Records when a call ended, also when its connection broke.
struct UnderWay<'a> {
    world: &'a World,
    seq: u64,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let now = self.world.micros();
        self.world.trace.complete(self.seq, |entry| entry.ended_micros = Some(now));
    }
}

pub(super) async fn answer(
    request: Request<Incoming>,
    world: &World,
    cutter: Cutter,
    gone: Gone,
) -> Result<Response<ReplyBody>, Cut> {
    let started = Instant::now();
    let started_micros = world.micros();
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
    let service = asked.as_ref().map_or_else(|_| service_of(&parts), |asked| asked.service);
    let mut entry = trace_entry(world, claim.as_ref().ok(), asked.as_ref().ok(), &genuine, &request_id);
    entry.started_micros = started_micros;
    let page = entry.page;
    let seq = world.trace.begin(entry);
    let _under_way = UnderWay { world, seq };
    let outcome = match (asked, genuine) {
        (Ok(asked), Ok(caller)) => {
            let work = Work { world, asked, caller, page, request_id: &request_id, seq, started, gone };
            work.answer(&cutter).await?
        }
        (Err(error), _) | (_, Err(error)) => {
            let reply = refuse(&error, service, &request_id);
            world.trace.complete(seq, |entry| done(entry, &reply, started));
            let content_type = service.content_type();
            Outcome { status: reply.status, content_type, body: ReplyBody::whole(reply.body) }
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
    if let Some(action) = json::target(parts, ORGANIZATIONS) {
        return read_json(action, body);
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
    let carried_out = find(service, &action);
    Ok(Asked { service, action, params, subject, carried_out })
}

/// What comes before the operation in `X-Amz-Target` (service model, `targetPrefix`).
const ORGANIZATIONS: &str = "AWSOrganizationsV20161128";

fn service_of(parts: &Parts) -> Service {
    json::target(parts, ORGANIZATIONS).map_or(Service::Iam, |_| Service::Organizations)
}

fn read_json(action: &str, body: &[u8]) -> Result<Asked, ApiError> {
    let params = json::params(body)
        .ok_or_else(|| ApiError::new(400, "MalformedInput", "The request body is not a JSON object."))?;
    let service = Service::Organizations;
    let subject = ["AccountId", "ParentId", "ChildId", "ResourceId"].iter().find_map(|name| params.get(name));
    Ok(Asked {
        service,
        action: action.to_owned(),
        subject: subject.map(str::to_owned),
        carried_out: find(service, action),
        params,
    })
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
        resource: asked
            .and_then(|asked| RESOURCES.iter().find_map(|name| asked.params.get(name)).map(str::to_owned)),
        user_id: None,
        applied: asked.and_then(|asked| asked.carried_out).and_then(|action| match action {
            Action::Read(_) => None,
            Action::Write(_) => Some(false),
        }),
        page,
        params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        status: None,
        error: None,
        refusal: None,
        faults: Vec::new(),
        started_micros: 0,
        ended_micros: None,
        duration_micros: 0,
        request_id: request_id.to_owned(),
    }
}
