//! Which reading actions are allowed: asked by using each of them once.

use aws_sdk_iam::types::{EntityType, PolicyScopeType};
use keyreeve_connector::{Cause, Error};

use crate::AwsConnector;
use crate::error::Call;

/// A user name that nobody has, but everybody may have: AWS checks the permission before it looks for the user.
const NOBODY: &str = "keyreeve-probe-9f1c2d6a7b3e4058";

/// What was found out about one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionProbe {
    /// The action, as policies name it: `iam:ListUsers`.
    pub action: &'static str,
    /// Whether it is allowed.
    pub state: PermissionState,
    /// Why it is not, or why that could not be found out; `None` when it is allowed.
    pub message: Option<String>,
}

/// Whether an action is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermissionState {
    /// AWS carried it out.
    Allowed,
    /// AWS refused it to these credentials.
    Denied,
    /// It failed for another reason.
    Unknown,
}

impl AwsConnector {
    /// Tries each of the five reading actions once, with the smallest possible answer, and changes nothing.
    pub async fn probe_reads(&self) -> Vec<PermissionProbe> {
        vec![
            judge("iam:ListUsers", self.try_users().await),
            judge("iam:ListGroups", self.try_groups().await),
            judge("iam:ListPolicies", self.try_policies().await),
            judge("iam:GetAccountAuthorizationDetails", self.try_details().await),
            judge("iam:GetLoginProfile", self.try_login_profile().await),
        ]
    }

    /// Tries each action of [`EXTRA_READ_ACTIONS`](crate::EXTRA_READ_ACTIONS) once. AWS may make a credential report of
    /// it, as for an import.
    pub async fn probe_extra_reads(&self) -> Vec<PermissionProbe> {
        vec![
            judge("iam:GetUser", self.try_user().await),
            judge("iam:GetAccountSummary", self.try_summary().await),
            judge("iam:GenerateCredentialReport", self.try_report_order().await),
            judge("iam:GetCredentialReport", self.try_report().await),
        ]
    }

    async fn try_users(&self) -> Result<(), Error> {
        let sent = self.iam.list_users().max_items(1).send().await;
        sent.map(drop).map_err(|error| Call::read("ListUsers", None).failed(error))
    }

    async fn try_groups(&self) -> Result<(), Error> {
        let sent = self.iam.list_groups().max_items(1).send().await;
        sent.map(drop).map_err(|error| Call::read("ListGroups", None).failed(error))
    }

    async fn try_policies(&self) -> Result<(), Error> {
        let request = self.iam.list_policies().scope(PolicyScopeType::Local).max_items(1);
        request.send().await.map(drop).map_err(|error| Call::read("ListPolicies", None).failed(error))
    }

    async fn try_details(&self) -> Result<(), Error> {
        let request = self.iam.get_account_authorization_details().filter(EntityType::Group).max_items(1);
        let call = Call::read("GetAccountAuthorizationDetails", None);
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }

    async fn try_login_profile(&self) -> Result<(), Error> {
        let sent = self.iam.get_login_profile().user_name(NOBODY).send().await;
        there_or_gone(sent.map(drop).map_err(|error| Call::read("GetLoginProfile", None).failed(error)))
    }

    async fn try_user(&self) -> Result<(), Error> {
        let sent = self.iam.get_user().user_name(NOBODY).send().await;
        there_or_gone(sent.map(drop).map_err(|error| Call::read("GetUser", None).failed(error)))
    }

    async fn try_summary(&self) -> Result<(), Error> {
        let sent = self.iam.get_account_summary().send().await;
        sent.map(drop).map_err(|error| Call::read("GetAccountSummary", None).failed(error))
    }

    async fn try_report_order(&self) -> Result<(), Error> {
        let sent = self.iam.generate_credential_report().send().await;
        sent.map(drop).map_err(|error| Call::read("GenerateCredentialReport", None).failed(error))
    }

    async fn try_report(&self) -> Result<(), Error> {
        let sent = self.iam.get_credential_report().send().await;
        match sent.map(drop).map_err(|error| Call::read("GetCredentialReport", None).failed(error)) {
            // It is still being made.
            Err(error) if error.cause == Cause::Busy => Ok(()),
            answer => there_or_gone(answer),
        }
    }
}

/// Whoever is told that something is not there was permitted to ask.
fn there_or_gone(answer: Result<(), Error>) -> Result<(), Error> {
    match answer {
        Err(error) if error.cause == Cause::Gone => Ok(()),
        answer => answer,
    }
}

fn judge(action: &'static str, tried: Result<(), Error>) -> PermissionProbe {
    match tried {
        Ok(()) => PermissionProbe { action, state: PermissionState::Allowed, message: None },
        Err(error) => {
            let denied = error.cause == Cause::Denied;
            let state = if denied { PermissionState::Denied } else { PermissionState::Unknown };
            PermissionProbe { action, state, message: Some(error.to_string()) }
        }
    }
}
