//! Inline policies of a user: read, deleted.

use keyreeve_connector::{Cause, Error, Performed};

use super::write::Write;
use crate::error::Call;
use crate::name::{UserName, given};
use crate::policy_document::decode;

pub(super) async fn get(
    iam: &aws_sdk_iam::Client,
    account: &str,
    name: &str,
) -> Result<Option<String>, Error> {
    let call = Call::read("GetUserPolicy", Some(account));
    let user = UserName::new(account).map_err(|why| call.refused(why))?;
    let name = given("policy name", name).map_err(|why| call.refused(&why))?;
    let answer = match iam.get_user_policy().user_name(user.as_str()).policy_name(name).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let error = call.failed(error);
            return if error.cause == Cause::Gone { Ok(None) } else { Err(error) };
        }
    };
    call.owned_by(&user, Some(answer.user_name()))?;
    if answer.policy_name() != name {
        return Err(call.unusable("PolicyName"));
    }
    let encoded = call.required("PolicyDocument", Some(answer.policy_document()))?;
    decode(encoded).map(Some).ok_or_else(|| call.unusable("PolicyDocument"))
}

pub(super) async fn delete(write: &Write<'_>, name: &str) -> Result<Performed, Error> {
    let name = given("policy name", name).map_err(|why| write.call.refused(&why))?;
    write.removed(write.iam.delete_user_policy().user_name(write.user()).policy_name(name).send().await)
}
