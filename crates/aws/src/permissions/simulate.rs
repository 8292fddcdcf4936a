//! What AWS's own simulator says of the connector.
//!
//! It does not see everything that decides on a call, such as policies of a VPC endpoint, and its results may differ
//! from what happens (IAM API Reference, `SimulatePrincipalPolicy`): a denial is a warning, and an allowance no proof.

use std::collections::BTreeMap;

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use keyreeve_connector::Error;

use crate::AwsConnector;
use crate::error::Call;

/// What the simulator says of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Simulated {
    /// It is allowed.
    pub allowed: bool,
    /// A policy of the organisation does not allow it.
    pub denied_by_organization: bool,
}

impl AwsConnector {
    /// Simulates actions of `principal`, the ARN of a user or role, on one resource or on none; with the policy that
    /// is attached where it is about that. One call; an action that the answer leaves out is left out here, too.
    ///
    /// # Errors
    /// When it is not permitted, or there is no simulator.
    pub async fn simulate(
        &self,
        principal: &str,
        actions: &[&str],
        resource: Option<&str>,
        policy: Option<&str>,
    ) -> Result<BTreeMap<String, Simulated>, Error> {
        let call = Call::read("SimulatePrincipalPolicy", Some(principal));
        let mut request = self.iam.simulate_principal_policy().policy_source_arn(principal).max_items(1000);
        request = request.set_action_names(Some(actions.iter().map(|action| (*action).to_owned()).collect()));
        request = request.set_resource_arns(resource.map(|arn| vec![arn.to_owned()]));
        if let Some(policy) = policy {
            let entry = ContextEntry::builder().context_key_name("iam:PolicyARN").context_key_values(policy);
            request = request.context_entries(entry.context_key_type(ContextKeyTypeEnum::String).build());
        }
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let results = answer.evaluation_results().iter().map(|result| {
            let organization = result.organizations_decision_detail();
            let said = Simulated {
                allowed: *result.eval_decision() == PolicyEvaluationDecisionType::Allowed,
                denied_by_organization: organization.is_some_and(|detail| !detail.allowed_by_organizations()),
            };
            (result.eval_action_name().to_owned(), said)
        });
        Ok(results.collect())
    }
}
