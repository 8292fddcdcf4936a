//! What the AWS account asks of passwords.

use keyreeve_connector::{Cause, Error, PasswordPolicy};

use crate::error::Call;

/// `None` when none was ever set: AWS answers that there is no such entity, and its default applies.
pub(super) async fn get(iam: &aws_sdk_iam::Client) -> Result<Option<PasswordPolicy>, Error> {
    let call = Call::read("GetAccountPasswordPolicy", None);
    let answer = match iam.get_account_password_policy().send().await {
        Ok(answer) => answer,
        Err(error) => {
            let error = call.failed(error);
            return if error.cause == Cause::Gone { Ok(None) } else { Err(error) };
        }
    };
    let policy = answer.password_policy().ok_or_else(|| call.unusable("PasswordPolicy"))?;
    let length = policy.minimum_password_length().and_then(|length| u32::try_from(length).ok());
    Ok(Some(PasswordPolicy {
        minimum_length: length.ok_or_else(|| call.unusable("MinimumPasswordLength"))?,
        require_symbols: policy.require_symbols(),
        require_numbers: policy.require_numbers(),
        require_uppercase: policy.require_uppercase_characters(),
        require_lowercase: policy.require_lowercase_characters(),
        users_may_change: policy.allow_users_to_change_password(),
    }))
}
