//! Changing what is, and the point reads around it: one file per theme.

mod account;
mod assignments;
mod credentials;
mod documents;
mod inline_policies;
mod login_profile;
mod mfa;
mod password_policy;
mod perform;
mod permissions;
mod tags_and_boundary;
mod write;

pub(crate) use write::changed;

use async_trait::async_trait;
use keyreeve_connector::{
    AccountCredentialEntry, AccountFacts, Error, Marker, MfaDevice, NewAccessKey, Page, PasswordPolicy,
    Performed, PointRead, PolicyDocument, PolicyReference, Provisioning, RoleDetail,
};
use keyreeve_model::{AccountCredentialKind, PermissionProfile, PolicyScope, Secret, StepCall};

use crate::AwsConnector;

#[async_trait]
impl Provisioning for AwsConnector {
    fn operation(&self, call: &StepCall) -> &'static str {
        permissions::operation(call)
    }

    fn needs(&self, call: &StepCall) -> Vec<&'static str> {
        permissions::needs(call)
    }

    fn read_needs(&self, read: PointRead) -> &'static str {
        permissions::read_needs(read)
    }

    fn lacks(&self, profile: PermissionProfile, needs: &[&'static str]) -> Vec<&'static str> {
        permissions::lacks(profile, needs)
    }

    async fn perform(&self, call: &StepCall, password: Option<&Secret>) -> Result<Performed, Error> {
        perform::perform(&self.iam, call, password).await
    }

    fn key_needs(&self) -> &'static str {
        "iam:CreateAccessKey"
    }

    async fn create_access_key(&self, account: &str) -> Result<NewAccessKey, Error> {
        credentials::create_access_key(&self.iam, account).await
    }

    async fn get_account_facts(&self, account: &str) -> Result<Option<AccountFacts>, Error> {
        account::facts(&self.iam, account).await
    }

    async fn list_credentials(
        &self,
        account: &str,
        kind: AccountCredentialKind,
        after: Option<&Marker>,
    ) -> Result<Page<AccountCredentialEntry>, Error> {
        credentials::list(&self.iam, account, kind, after).await
    }

    async fn list_mfa_devices(
        &self,
        account: &str,
        after: Option<&Marker>,
    ) -> Result<Page<MfaDevice>, Error> {
        mfa::list(&self.iam, account, after).await
    }

    async fn get_inline_policy(&self, account: &str, name: &str) -> Result<Option<String>, Error> {
        inline_policies::get(&self.iam, account, name).await
    }

    async fn list_groups_of(&self, account: &str, after: Option<&Marker>) -> Result<Page<String>, Error> {
        assignments::list_groups(&self.iam, account, after).await
    }

    async fn list_policies_of(
        &self,
        account: &str,
        after: Option<&Marker>,
    ) -> Result<Page<PolicyReference>, Error> {
        assignments::list_policies(&self.iam, account, after).await
    }

    async fn list_policy_documents(
        &self,
        scope: PolicyScope,
        after: Option<&Marker>,
    ) -> Result<Page<PolicyDocument>, Error> {
        documents::list(&self.iam, scope, after).await
    }

    async fn list_roles(&self, after: Option<&Marker>) -> Result<Page<RoleDetail>, Error> {
        documents::list_roles(&self.iam, after).await
    }

    async fn get_password_policy(&self) -> Result<Option<PasswordPolicy>, Error> {
        password_policy::get(&self.iam).await
    }
}
