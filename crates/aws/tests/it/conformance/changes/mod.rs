//! Changes, made through the connector: whatever a peer does otherwise is listed like any other deviation.
//!
//! These checks run after all others, because those count what a peer holds. Each makes the users it needs.

mod accounts;
mod assignments;
mod blockers;
mod credentials;
mod life_cycle;
mod login_profiles;
mod policies;

use std::collections::BTreeMap;

use keyreeve_aws::AwsConnector;
use keyreeve_connector::{Cause, Connector, Error, Marker, Next, Page, Performed, Provisioning};
use keyreeve_model::{Secret, StepCall};

use super::world::{World, answered, ensure};
use super::{Check, Outcome};

pub(super) const CHECKS: &[&[Check]] = &[
    accounts::CHECKS,
    login_profiles::CHECKS,
    assignments::CHECKS,
    credentials::CHECKS,
    policies::CHECKS,
    blockers::CHECKS,
    life_cycle::CHECKS,
];

const PASSWORD: &str = "Corr3ct-h0rse!battery";
const STAPLE: &str = "Corr3ct-h0rse!staple";

/// A connector that has just been made, and what a check does with it.
struct Changes {
    connector: AwsConnector,
}

impl Changes {
    async fn of(world: &World) -> Self {
        Self { connector: world.connector().await }
    }

    fn provisioning(&self) -> &dyn Provisioning {
        self.connector.provisioning().unwrap()
    }

    async fn perform(&self, call: &StepCall) -> Result<Performed, Error> {
        self.with_password(call, PASSWORD).await
    }

    async fn with_password(&self, call: &StepCall, password: &str) -> Result<Performed, Error> {
        let password = call.takes_password().then(|| Secret::new(password.into()));
        self.provisioning().perform(call, password.as_ref()).await
    }

    /// The call must succeed with this outcome; gives what came.
    async fn made(
        &self,
        call: &StepCall,
        expected: keyreeve_connector::Outcome,
    ) -> Result<Performed, String> {
        let performed = self.perform(call).await.map_err(|error| said(&error))?;
        ensure(performed.outcome == expected, || format!("it gave {:?}", performed.outcome))?;
        Ok(performed)
    }

    async fn changed(&self, call: &StepCall) -> Result<Performed, String> {
        self.made(call, keyreeve_connector::Outcome::Changed).await
    }

    async fn unchanged(&self, call: &StepCall) -> Outcome {
        self.made(call, keyreeve_connector::Outcome::Unchanged).await.map(drop)
    }

    /// The call must fail for this cause.
    async fn fails(&self, call: &StepCall, cause: Cause) -> Outcome {
        match self.perform(call).await {
            Ok(performed) => Err(format!("it succeeded: {:?}", performed.outcome)),
            Err(error) => ensure(error.cause == cause, || said(&error)),
        }
    }
}

fn said(error: &Error) -> String {
    format!("it failed ({:?}): {error}", error.cause)
}

/// Makes a user behind the connector's back.
async fn user(world: &World, name: &str) -> Outcome {
    answered(world.admin.iam.create_user().user_name(name).path("/changes/").send().await).map(drop)
}

/// The whole of a listing.
async fn whole<T>(
    mut page: impl AsyncFnMut(Option<&Marker>) -> Result<Page<T>, Error>,
) -> Result<Vec<T>, String> {
    let (mut items, mut after) = (Vec::new(), None);
    for _ in 0..100 {
        let page = page(after.as_ref()).await.map_err(|error| said(&error))?;
        items.extend(page.items);
        match page.next {
            Next::End => return Ok(items),
            Next::More(marker) => after = Some(marker),
            Next::MarkerMissing => return Err("the marker is missing".into()),
        }
    }
    Err("the listing does not end".into())
}

fn creation(account: &str) -> StepCall {
    StepCall::CreateAccount {
        account: account.into(),
        path: "/changes/".into(),
        tags: BTreeMap::new(),
        permissions_boundary: None,
    }
}

fn deletion(account: &str) -> StepCall {
    StepCall::DeleteAccount { account: account.into() }
}

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
