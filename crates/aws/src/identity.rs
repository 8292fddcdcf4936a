//! Who AWS says we are.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use keyreeve_connector::{Error, Identity};

use crate::arn::Arn;
use crate::error::Call;
use crate::time::http_date;

pub(crate) async fn identify(sts: &aws_sdk_sts::Client) -> Result<Identity, Error> {
    let call = Call::sts("GetCallerIdentity");
    let date = DateHeader::default();
    let answer = sts
        .get_caller_identity()
        .customize()
        .interceptor(date.clone())
        .send()
        .await
        .map_err(|error| call.failed(error))?;
    let arn = call.required("Arn", answer.arn())?;
    let account = call.required("Account", answer.account())?;
    let external_id = call.required("UserId", answer.user_id())?;
    let parsed = Arn::parse(arn).ok_or_else(|| call.unusable("Arn"))?;
    Ok(Identity {
        account_id: account.parse().map_err(|_| call.unusable("Account"))?,
        partition: parsed.partition.to_owned(),
        arn: arn.to_owned(),
        external_id: external_id.to_owned(),
        server_time: date.take().as_deref().and_then(http_date),
    })
}

/// Takes the `Date` header off an answer.
#[derive(Debug, Clone, Default)]
struct DateHeader(Arc<Mutex<Option<String>>>);

impl DateHeader {
    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[dyn_dispatch_hint]
impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}
