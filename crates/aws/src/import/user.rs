//! Users: the listing, one by name, and how many there are.

use aws_sdk_iam::types::{SummaryKeyType, User};
use keyreeve_connector::{AccountEntry, Cause, Error, Marker, Page};

use crate::error::Call;
use crate::name::{PathPrefix, UserName};
use crate::page::{PAGE_SIZE, PageBuilder};
use crate::time::timestamp;

pub(crate) async fn list(
    iam: &aws_sdk_iam::Client,
    path_prefix: &str,
    after: Option<&Marker>,
) -> Result<Page<AccountEntry>, Error> {
    let call = Call::read("ListUsers", None);
    let prefix = PathPrefix::new(path_prefix).map_err(|why| call.refused(why))?;
    let mut request = iam.list_users().max_items(PAGE_SIZE).set_marker(after.map(|marker| marker.0.clone()));
    if !prefix.is_everything() {
        request = request.path_prefix(prefix.as_str());
    }
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let mut page = PageBuilder::new(&call, answer.users.len());
    for user in answer.users {
        page.push(entry(&call, user)?, |entry| &entry.arn)?;
    }
    Ok(page.finish(answer.is_truncated, answer.marker.as_deref()))
}

pub(crate) async fn get(iam: &aws_sdk_iam::Client, name: &str) -> Result<Option<AccountEntry>, Error> {
    let call = Call::read("GetUser", Some(name));
    let name = UserName::new(name).map_err(|why| call.refused(why))?;
    match iam.get_user().user_name(name.as_str()).send().await.map_err(|error| call.failed(error)) {
        Ok(answer) => {
            answer.user.ok_or_else(|| call.unusable("User")).and_then(|user| entry(&call, user)).map(Some)
        }
        Err(error) if error.cause == Cause::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) async fn count(iam: &aws_sdk_iam::Client) -> Result<u64, Error> {
    let call = Call::read("GetAccountSummary", None);
    let answer = iam.get_account_summary().send().await.map_err(|error| call.failed(error))?;
    let users = answer.summary_map().and_then(|map| map.get(&SummaryKeyType::Users)).copied();
    users.and_then(|users| u64::try_from(users).ok()).ok_or_else(|| call.unusable("Users"))
}

/// A user as an answer has it.
pub(crate) fn entry(call: &Call, user: User) -> Result<AccountEntry, Error> {
    Ok(AccountEntry {
        external_id: call.external_id("UserId", Some(user.user_id()))?,
        created_at: timestamp(user.create_date()).ok_or_else(|| call.unusable("CreateDate"))?,
        password_last_used_at: user.password_last_used().and_then(timestamp),
        name: call.taken("UserName", Some(user.user_name))?,
        path: call.taken("Path", Some(user.path))?,
        arn: call.taken("Arn", Some(user.arn))?,
    })
}
