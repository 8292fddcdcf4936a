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
        match sent.map_err(|error| Call::read("GetLoginProfile", None).failed(error)) {
            Err(error) if error.cause == Cause::Gone => Ok(()),
            answer => answer.map(drop),
        }
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
