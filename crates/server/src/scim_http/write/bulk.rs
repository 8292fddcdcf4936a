//! Many changes in one request (RFC 7644 §3.7), one after the other, each as if it had come alone.

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::job::late;
use super::{Done, Request, in_time, until};
use crate::scim::bulk::{Bulk, BulkAnswer, BulkOperation, Method, Reference, response};
use crate::scim::etag::Versions;
use crate::scim::{Cause, Error};
use crate::scim_http::answer::{Refusal, json};
use crate::scim_http::asked::{Asked, Body};

/// Carries out a bulk request. What is not done when the caller has waited long enough is refused as not begun.
pub(crate) async fn bulk(asked: Asked, Body(body): Body) -> Result<Response, Refusal> {
    asked.require_operator()?;
    let bulk = Bulk::read(asked.model, &body)?;
    let until = until(&asked);
    let asked = Arc::new(asked);
    let (mut answers, mut made, mut errors) = (Vec::new(), HashMap::new(), 0);
    for operation in bulk.operations.iter().cloned() {
        // "…the number of errors that the service provider will accept before the operation is terminated"
        if bulk.ends_after(errors) {
            break;
        }
        let answer = one(&asked, operation, &mut made, until).await;
        errors += usize::from(answer.outcome.is_err());
        answers.push(answer);
    }
    Ok(json(200, &response(&answers)))
}

async fn one(
    asked: &Arc<Asked>,
    operation: BulkOperation,
    made: &mut HashMap<String, String>,
    until: Instant,
) -> BulkAnswer {
    let BulkOperation { method, bulk_id, request } = operation;
    let mut answer = BulkAnswer {
        method,
        bulk_id: bulk_id.clone(),
        location: None,
        version: None,
        outcome: Err(late(None)),
    };
    let request = request.and_then(|mut request| request.resolve(made).map(|()| request));
    let request = match request {
        Ok(request) => request,
        Err(error) => return BulkAnswer { outcome: Err(error), ..answer },
    };
    let Some(kind) = asked.model.resource_type(request.resource_type) else { return answer };
    let id = match &request.id {
        Some(Reference::Id(id)) => Some(id.clone()),
        Some(Reference::BulkId(_)) | None => None,
    };
    if let Some(id) = &id {
        answer.location = Some(format!("{}{}/{id}", asked.base, kind.endpoint));
    }
    if Instant::now() >= until {
        return answer;
    }
    let request = Request {
        kind,
        method: request.method,
        id,
        body: request.data.unwrap_or_default(),
        versions: request.version.as_deref().map(Versions::parse),
    };
    match in_time(asked, request, until).await {
        Ok(Done::Made(resource)) => {
            let id = resource.get("id").and_then(Value::as_str).map(str::to_owned);
            made.extend(bulk_id.zip(id));
            told(answer, 201, &resource)
        }
        Ok(Done::Changed(resource)) => told(answer, 200, &resource),
        Ok(Done::Gone) => BulkAnswer { outcome: Ok(204), ..answer },
        Err(Refusal(error)) => BulkAnswer { outcome: Err(error), ..answer },
    }
}

fn told(answer: BulkAnswer, status: u16, resource: &Map<String, Value>) -> BulkAnswer {
    let meta = |name: &str| resource.get("meta")?.get(name)?.as_str().map(str::to_owned);
    BulkAnswer { location: meta("location"), version: meta("version"), outcome: Ok(status), ..answer }
}

/// What an operation is not offered for.
pub(super) fn not_offered(method: Method, kind: &str) -> Error {
    let what = match (method, kind) {
        (Method::Post, "Group") => {
            "IAM groups are not made over SCIM; change the members of one that there is"
        }
        (Method::Delete, "Group") => "IAM groups are not deleted over SCIM; take its members out",
        _ => "IAM policies are read only; attach them by a user's entitlements, or by groups",
    };
    Error::new(Cause::NotImplemented, what)
}
