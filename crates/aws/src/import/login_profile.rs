//! The login profile of one user.

use keyreeve_connector::{Cause, Error, LoginProfileEntry};

use crate::error::Call;
use crate::name::UserName;
use crate::time::timestamp;

pub(crate) async fn get(iam: &aws_sdk_iam::Client, name: &str) -> Result<Option<LoginProfileEntry>, Error> {
    let call = Call::read("GetLoginProfile", Some(name));
    let name = UserName::new(name).map_err(|why| call.refused(why))?;
    let answer = match iam.get_login_profile().user_name(name.as_str()).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let error = call.failed(error);
            return if error.cause == Cause::Gone { Ok(None) } else { Err(error) };
        }
    };
    let profile = answer.login_profile().ok_or_else(|| call.unusable("LoginProfile"))?;
    if profile.user_name() != name.as_str() {
        return Err(call.unusable("UserName"));
    }
    Ok(Some(LoginProfileEntry {
        created_at: timestamp(profile.create_date()).ok_or_else(|| call.unusable("CreateDate"))?,
        password_reset_required: profile.password_reset_required(),
    }))
}
