//! Console passwords.

use keyreeve_model::Secret;

use super::{Done, Written, settled, temporarily_unmodifiable};
use crate::actions::Call;
use crate::clock::shift;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::password::{self, KeptPassword};
use crate::state::{LoginProfile, State, User, no_such_login_profile};

pub(in crate::actions) fn create(call: &Call<'_>, state: &mut State) -> Written {
    let password = call.params.required_secret("Password")?;
    let reset_required = call.params.flag("PasswordResetRequired")?;
    let user = call.user_or_self(Kind::NewUserName)?;
    if user.login_profile.is_some() {
        let message = format!("Login Profile for user {} already exists.", user.name);
        return Err(ApiError::new(409, "EntityAlreadyExists", message));
    }
    password::check(state.password_policy.as_ref(), None, &password)?;
    let mut profile = LoginProfile::without_password(call.now, reset_required);
    profile.replace_password(keep(state, &password), call.now);
    state.change_user(&user.name, |user| user.login_profile = Some(profile))?;
    Ok(Done::made(&user.name, |xml| {
        xml.element("LoginProfile", |xml| {
            xml.text("UserName", &user.name);
            xml.time("CreateDate", call.now);
            xml.flag("PasswordResetRequired", reset_required);
        });
    }))
}

/// What is not given stays as it is.
pub(in crate::actions) fn update(call: &Call<'_>, state: &mut State) -> Written {
    let new_password = call.params.secret("Password")?;
    let reset_required = call.params.optional_flag("PasswordResetRequired")?;
    let user = call.user(Kind::NewUserName)?;
    let mut profile = settled_profile(call, user)?;
    let mut changed = false;
    if let Some(password) = &new_password {
        password::check(state.password_policy.as_ref(), Some(&profile), password)?;
        profile.replace_password(keep(state, password), call.now);
        changed = true;
    }
    if let Some(reset_required) = reset_required {
        changed |= profile.reset_required != reset_required;
        profile.reset_required = reset_required;
    }
    state.change_user(&user.name, |user| user.login_profile = Some(profile))?;
    Ok(Done::silent(changed))
}

pub(in crate::actions) fn delete(call: &Call<'_>, state: &mut State) -> Written {
    let user = call.user_or_self(Kind::NewUserName)?;
    settled_profile(call, user)?;
    state.change_user(&user.name, |user| user.login_profile = None)?;
    Ok(Done::silent(true))
}

/// A user's own password, with the old one as proof.
pub(in crate::actions) fn change_password(call: &Call<'_>, state: &mut State) -> Written {
    let old = call.params.required_secret("OldPassword")?;
    let new = call.params.required_secret("NewPassword")?;
    let user = call.caller_user().ok_or_else(|| {
        ApiError::new(400, "InvalidUserType", "Only users can change their password, and only their own.")
    })?;
    let mut profile = settled_profile(call, user)?;
    if !profile.opens_with(&old) || state.is_shut(&profile, call.now) {
        return Err(ApiError::new(403, "AccessDenied", "The old password is not the present one."));
    }
    password::check(state.password_policy.as_ref(), Some(&profile), &new)?;
    profile.replace_password(keep(state, &new), call.now);
    profile.reset_required = false;
    state.change_user(&user.name, |user| user.login_profile = Some(profile))?;
    Ok(Done::silent(true))
}

fn keep(state: &mut State, password: &Secret) -> KeptPassword {
    KeptPassword::new(password, state.next_chance().next())
}

/// A copy of the user's login profile, unless IAM is still busy making it.
fn settled_profile(call: &Call<'_>, user: &User) -> Result<LoginProfile, ApiError> {
    let profile = user.login_profile.as_ref().ok_or_else(|| no_such_login_profile(&user.name))?;
    settled(call, user)?;
    let wait = i64::from(call.world.consistency().login_profile_settles_seconds);
    if shift(profile.created, wait) > call.now {
        return Err(temporarily_unmodifiable(format!(
            "Login Profile for User {} cannot be modified while login profile is being created.",
            user.name
        )));
    }
    Ok(profile.clone())
}
