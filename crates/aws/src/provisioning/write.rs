//! One call that changes something, ready to be sent, and what its answer means.

use std::error::Error as StdError;

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use keyreeve_connector::{Cause, Error, Outcome, Performed};

use crate::error::Call;
use crate::name::UserName;

/// A change of one user. The name is there and is never empty, so no call can act on the caller itself.
pub(super) struct Write<'a> {
    pub(super) iam: &'a aws_sdk_iam::Client,
    pub(super) call: Call,
    user: UserName,
}

impl<'a> Write<'a> {
    pub(super) fn new(iam: &'a aws_sdk_iam::Client, call: Call, account: &str) -> Result<Self, Error> {
        let user = UserName::new(account).map_err(|why| call.refused(why))?;
        Ok(Self { iam, call, user })
    }

    /// The user's name.
    pub(super) fn user(&self) -> &str {
        self.user.as_str()
    }

    /// Something had to be made or set: any refusal is an error.
    pub(super) fn set<O: RequestId, E>(
        &self,
        sent: Result<O, SdkError<E, HttpResponse>>,
    ) -> Result<Performed, Error>
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        sent.map(|answer| changed(&answer)).map_err(|error| self.call.failed(error))
    }

    /// Something had to go: that it is not there is a success. That the user is not there is none: AWS may only not show
    /// it, so it is for the caller to look.
    pub(super) fn removed<O: RequestId, E>(
        &self,
        sent: Result<O, SdkError<E, HttpResponse>>,
    ) -> Result<Performed, Error>
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match self.set(sent) {
            Err(error) if error.cause == Cause::Gone && !misses_user(&error) => {
                Ok(Performed { request_id: error.request_id, ..performed(Outcome::Unchanged) })
            }
            answer => answer,
        }
    }

    /// Something had to be on, or off: what is not there is off.
    pub(super) fn switched<O: RequestId, E>(
        &self,
        on: bool,
        sent: Result<O, SdkError<E, HttpResponse>>,
    ) -> Result<Performed, Error>
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if on { self.set(sent) } else { self.removed(sent) }
    }

    /// AWS said that it is done, but its answer does not fit what was asked.
    pub(super) fn unusable<O: RequestId>(&self, answer: &O, field: &str) -> Error {
        Error { request_id: answer.request_id().map(str::to_owned), ..self.call.unusable(field) }
    }
}

/// Whether what AWS did not find may be the user. It answers the same code for what the user has; told apart by the text
/// "The user with name … cannot be found." (recorded answers of AWS).
fn misses_user(error: &Error) -> bool {
    let said_nothing = error.message.starts_with("AWS answered");
    match error.operation {
        "DeleteUser" => true,
        "DeleteVirtualMFADevice" => false,
        _ => {
            said_nothing
                || ["user with name", "cannot be found"].iter().all(|part| error.message.contains(part))
        }
    }
}

/// AWS said that it is done; it does not say whether it was so before.
pub(crate) fn changed<O: RequestId>(answer: &O) -> Performed {
    Performed { request_id: answer.request_id().map(str::to_owned), ..performed(Outcome::Changed) }
}

fn performed(outcome: Outcome) -> Performed {
    Performed { outcome, account: None, login_profile_created_at: None, request_id: None }
}
