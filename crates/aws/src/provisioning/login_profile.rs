//! The console password: given, replaced, taken away.
//!
//! Password and `PasswordResetRequired` are always sent both: what AWS does with one that is left out is not
//! documented for `UpdateLoginProfile`.

use keyreeve_connector::{Error, Performed};
use keyreeve_model::Secret;

use super::write::{Write, changed};
use crate::time::timestamp;

pub(super) async fn create(write: &Write<'_>, password: &Secret) -> Result<Performed, Error> {
    let request = write.iam.create_login_profile().user_name(write.user());
    let request = request.password(text(write, password)?).password_reset_required(true);
    let answer = request.send().await.map_err(|error| write.call.failed(error))?;
    let profile = answer.login_profile().ok_or_else(|| write.unusable(&answer, "LoginProfile"))?;
    if profile.user_name() != write.user() {
        return Err(write.unusable(&answer, "UserName"));
    }
    let created_at = timestamp(profile.create_date()).ok_or_else(|| write.unusable(&answer, "CreateDate"))?;
    Ok(Performed { login_profile_created_at: Some(created_at), ..changed(&answer) })
}

pub(super) async fn update(write: &Write<'_>, password: &Secret) -> Result<Performed, Error> {
    let request = write.iam.update_login_profile().user_name(write.user());
    let request = request.password(text(write, password)?).password_reset_required(true);
    write.set(request.send().await)
}

pub(super) async fn delete(write: &Write<'_>) -> Result<Performed, Error> {
    write.removed(write.iam.delete_login_profile().user_name(write.user()).send().await)
}

fn text<'a>(write: &Write<'_>, password: &'a Secret) -> Result<&'a str, Error> {
    match password.expose() {
        "" => Err(write.call.refused("the password is empty")),
        text => Ok(text),
    }
}
