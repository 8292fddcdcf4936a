//! AWS Organizations: one method for each reading call.

use aws_sdk_organizations::types::{Account, AccountState, AccountStatus, OrganizationalUnit, Root};
use keyreeve_connector::{Error, Marker, MemberEntry, Organization, OrganizationEntry, Page, UnitEntry};
use keyreeve_model::{AwsAccountId, MemberState};

use crate::arn::Arn;
use crate::client::AwsConnector;
use crate::error::Call;
use crate::page::PageBuilder;

/// The most entries a page may have (service model, `MaxResults`).
const PAGE_SIZE: i32 = 20;

fn token(after: Option<&Marker>) -> Option<String> {
    after.map(|marker| marker.0.clone())
}

/// Only the token says how a listing goes on: a page may be empty although more follows (API Reference, each `List…`
/// operation).
fn finish<T>(page: PageBuilder<'_, T>, next: Option<&str>) -> Page<T> {
    page.finish(next.is_some(), next)
}

#[async_trait::async_trait]
impl Organization for AwsConnector {
    async fn get_organization(&self) -> Result<OrganizationEntry, Error> {
        let call = Call::read("DescribeOrganization", None);
        let answer =
            self.organizations.describe_organization().send().await.map_err(|error| call.failed(error))?;
        let one = answer.organization().ok_or_else(|| call.unusable("Organization"))?;
        let arn = Arn::parse(call.required("Arn", one.arn())?).ok_or_else(|| call.unusable("Arn"))?;
        let management = call.required("MasterAccountId", one.master_account_id())?;
        Ok(OrganizationEntry {
            id: call.required("Id", one.id())?.to_owned(),
            management_account: management.parse().map_err(|_| call.unusable("MasterAccountId"))?,
            partition: arn.partition.to_owned(),
        })
    }

    async fn list_members(&self, after: Option<&Marker>) -> Result<Page<MemberEntry>, Error> {
        let call = Call::read("ListAccounts", None);
        let request = self.organizations.list_accounts().max_results(PAGE_SIZE).set_next_token(token(after));
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let accounts = answer.accounts.ok_or_else(|| call.unusable("Accounts"))?;
        let mut page = PageBuilder::new(&call, accounts.len());
        for account in accounts {
            page.note(call.required("Arn", account.arn())?)?;
            page.add(member(&call, account)?);
        }
        Ok(finish(page, answer.next_token.as_deref()))
    }

    async fn describe_member(&self, account: &AwsAccountId) -> Result<Option<MemberEntry>, Error> {
        let call = Call::read("DescribeAccount", Some(account.as_str()));
        let request = self.organizations.describe_account().account_id(account.as_str());
        match request.send().await.map_err(|error| call.failed(error)) {
            Ok(answer) => {
                let one = answer.account.ok_or_else(|| call.unusable("Account"))?;
                let found = member(&call, one)?;
                if found.account_id != *account {
                    return Err(call.unusable("Id"));
                }
                Ok(Some(found))
            }
            Err(error) if error.code.as_deref().is_some_and(|code| code.starts_with("AccountNotFound")) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn list_roots(&self, after: Option<&Marker>) -> Result<Page<UnitEntry>, Error> {
        let call = Call::read("ListRoots", None);
        let request = self.organizations.list_roots().max_results(PAGE_SIZE).set_next_token(token(after));
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let roots = answer.roots.ok_or_else(|| call.unusable("Roots"))?;
        let mut page = PageBuilder::new(&call, roots.len());
        for Root { id, arn, name, .. } in roots {
            page.note(call.required("Arn", arn.as_deref())?)?;
            page.add(UnitEntry { id: call.taken("Id", id)?, name: call.taken("Name", name)? });
        }
        Ok(finish(page, answer.next_token.as_deref()))
    }

    async fn list_units_of(&self, parent: &str, after: Option<&Marker>) -> Result<Page<UnitEntry>, Error> {
        let call = Call::read("ListOrganizationalUnitsForParent", Some(parent));
        let request = self.organizations.list_organizational_units_for_parent().parent_id(parent);
        let request = request.max_results(PAGE_SIZE).set_next_token(token(after));
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let units = answer.organizational_units.ok_or_else(|| call.unusable("OrganizationalUnits"))?;
        let mut page = PageBuilder::new(&call, units.len());
        for OrganizationalUnit { id, arn, name, .. } in units {
            page.note(call.required("Arn", arn.as_deref())?)?;
            page.add(UnitEntry { id: call.taken("Id", id)?, name: call.taken("Name", name)? });
        }
        Ok(finish(page, answer.next_token.as_deref()))
    }

    async fn list_members_of(
        &self,
        parent: &str,
        after: Option<&Marker>,
    ) -> Result<Page<AwsAccountId>, Error> {
        let call = Call::read("ListAccountsForParent", Some(parent));
        let request = self.organizations.list_accounts_for_parent().parent_id(parent);
        let request = request.max_results(PAGE_SIZE).set_next_token(token(after));
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let accounts = answer.accounts.ok_or_else(|| call.unusable("Accounts"))?;
        let mut page = PageBuilder::new(&call, accounts.len());
        for account in accounts {
            page.note(call.required("Arn", account.arn())?)?;
            page.add(account_id(&call, &account)?);
        }
        Ok(finish(page, answer.next_token.as_deref()))
    }

    async fn list_tags_of(
        &self,
        account: &AwsAccountId,
        after: Option<&Marker>,
    ) -> Result<Page<(String, String)>, Error> {
        let call = Call::read("ListTagsForResource", Some(account.as_str()));
        let request = self.organizations.list_tags_for_resource().resource_id(account.as_str());
        let answer = request.set_next_token(token(after)).send().await.map_err(|error| call.failed(error))?;
        let tags = answer.tags.ok_or_else(|| call.unusable("Tags"))?;
        let mut page = PageBuilder::new(&call, tags.len());
        tags.into_iter().for_each(|tag| page.add((tag.key, tag.value)));
        Ok(finish(page, answer.next_token.as_deref()))
    }
}

fn account_id(call: &Call, account: &Account) -> Result<AwsAccountId, Error> {
    call.required("Id", account.id())?.parse().map_err(|_| call.unusable("Id"))
}

fn member(call: &Call, account: Account) -> Result<MemberEntry, Error> {
    let account_id = account_id(call, &account)?;
    let state = state(account.state.as_ref(), account.status.as_ref());
    Ok(MemberEntry { account_id, state, name: call.taken("Name", account.name)? })
}

/// `State` says more and stays; `Status`, which came before it, is to be retired (API Reference, `Account`).
fn state(state: Option<&AccountState>, status: Option<&AccountStatus>) -> MemberState {
    match (state, status) {
        (Some(AccountState::Active), _) => MemberState::Active,
        (Some(AccountState::PendingActivation), _) => MemberState::PendingActivation,
        (Some(AccountState::Suspended), _) => MemberState::Suspended,
        (Some(AccountState::PendingClosure), _) => MemberState::PendingClosure,
        (Some(AccountState::Closed), _) => MemberState::Closed,
        (None, Some(AccountStatus::Active)) => MemberState::Active,
        (None, Some(AccountStatus::Suspended)) => MemberState::Suspended,
        (None, Some(AccountStatus::PendingClosure)) => MemberState::PendingClosure,
        _ => MemberState::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_counts_and_the_status_only_where_there_is_none() {
        let (active, suspended) = (AccountStatus::Active, AccountStatus::Suspended);
        assert_eq!(state(Some(&AccountState::Closed), Some(&active)), MemberState::Closed);
        assert_eq!(state(Some(&AccountState::Active), None), MemberState::Active);
        assert_eq!(state(None, Some(&suspended)), MemberState::Suspended);
        assert_eq!(state(Some(&AccountState::from("HIBERNATING")), Some(&active)), MemberState::Unknown);
        assert_eq!(state(None, None), MemberState::Unknown);
    }
}
