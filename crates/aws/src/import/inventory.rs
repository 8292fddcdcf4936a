//! The inventory, method by method.

use async_trait::async_trait;
use keyreeve_connector::{
    AccountEntry, CredentialReport, CredentialReportState, Detail, DetailFilter, Error, GroupEntry,
    Inventory, LoginProfileEntry, Marker, Page, PolicyDetail, PolicyEntry,
};
use keyreeve_model::PolicyScope;

use super::{credential_report, details, group, login_profile, policy, policy_detail, user};
use crate::AwsConnector;

#[async_trait]
impl Inventory for AwsConnector {
    async fn list_accounts(
        &self,
        path_prefix: &str,
        after: Option<&Marker>,
    ) -> Result<Page<AccountEntry>, Error> {
        user::list(&self.iam, path_prefix, after).await
    }

    async fn list_details(
        &self,
        filter: DetailFilter,
        after: Option<&Marker>,
    ) -> Result<Page<Detail>, Error> {
        details::list(&self.iam, filter, after).await
    }

    async fn list_groups(&self, after: Option<&Marker>) -> Result<Page<GroupEntry>, Error> {
        group::list(&self.iam, after).await
    }

    async fn list_policies(
        &self,
        scope: PolicyScope,
        after: Option<&Marker>,
    ) -> Result<Page<PolicyEntry>, Error> {
        policy::list(&self.iam, scope, after).await
    }

    async fn list_policy_details(
        &self,
        scope: PolicyScope,
        after: Option<&Marker>,
    ) -> Result<Page<PolicyDetail>, Error> {
        policy_detail::list(&self.iam, scope, after).await
    }

    async fn get_login_profile(&self, account_name: &str) -> Result<Option<LoginProfileEntry>, Error> {
        login_profile::get(&self.iam, account_name).await
    }

    async fn generate_credential_report(&self) -> Result<CredentialReportState, Error> {
        credential_report::generate(&self.iam).await
    }

    async fn get_credential_report(&self) -> Result<CredentialReport, Error> {
        credential_report::get(&self.iam).await
    }

    async fn get_account(&self, account_name: &str) -> Result<Option<AccountEntry>, Error> {
        user::get(&self.iam, account_name).await
    }

    async fn count_accounts(&self) -> Result<u64, Error> {
        user::count(&self.iam).await
    }
}
