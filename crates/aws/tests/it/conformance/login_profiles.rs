//! Writing login profiles, and the rules for passwords. The checks keep their order: the account's password
//! policy is absent at the beginning and at the end.

use super::fresh::{PASSWORD, iam, user, user_with_password};
use super::world::{Clients, Key, World, answered, ensure, refusal, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "create_login_profile.shows_and_keeps_the_reset_flag", "IAM API Reference, CreateLoginProfile" => keeps_flag;
    "create_login_profile.duplicate_is_refused", "AWS answers 409 EntityAlreadyExists" => duplicate;
    "create_login_profile.unknown_user_is_refused", "AWS answers 404 NoSuchEntity" => create_unknown;
    "create_login_profile.weak_password_is_refused", "IAM User Guide, Set an account password policy: the default one" => weak;
    "create_login_profile.password_of_129_is_refused", "service model, passwordType: 1 to 128" => long;
    "update_login_profile.none_is_refused", "AWS answers 404 NoSuchEntity" => update_none;
    "update_login_profile.sets_the_reset_flag", "AWS answers GetLoginProfile with PasswordResetRequired" => sets_flag;
    "update_login_profile.without_password_keeps_the_profile", "service model, UpdateLoginProfile: Password is optional" => without_password;
    "update_login_profile.without_flag_keeps_the_flag", "service model, UpdateLoginProfile: PasswordResetRequired has no default" => without_flag;
    "delete_login_profile.none_is_refused", "AWS answers 404 NoSuchEntity" => delete_none;
    "delete_login_profile.unknown_user_is_refused", "AWS answers 404 NoSuchEntity" => delete_unknown;
    "delete_login_profile.takes_it_away", "AWS answers GetLoginProfile with 404 NoSuchEntity" => takes_away;
    "change_password.by_the_user", "IAM API Reference, ChangePassword" => change;
    "change_password.with_a_wrong_old_one_is_refused", "IAM API Reference, ChangePassword: the old password must be given" => wrong_old;
    "password_policy.delete_none_is_refused", "AWS answers 404 NoSuchEntity" => delete_no_policy;
    "password_policy.update_fills_in_defaults", "AWS answers with 6 characters and no further rule" => defaults;
    "password_policy.length_129_is_refused", "AWS answers 400 ValidationError" => length;
    "password_policy.holds_for_new_passwords", "service model, CreateLoginProfile: PasswordPolicyViolation" => holds;
    "password_policy.keeps_earlier_passwords_away", "IAM User Guide, Set an account password policy: prevent reuse" => reuse;
    "password_policy.is_gone_after_delete", "AWS answers 404 NoSuchEntity" => gone;
];

async fn flag_of(world: &World, name: &str) -> Result<bool, String> {
    let answer = answered(iam(world).get_login_profile().user_name(name).send().await)?;
    answer
        .login_profile()
        .map(|profile| profile.password_reset_required())
        .ok_or_else(|| "none is shown".into())
}

async fn keeps_flag(world: &World) -> Outcome {
    user(world, "lp-flag").await?;
    let request = iam(world).create_login_profile().user_name("lp-flag").password(PASSWORD);
    let made = answered(request.password_reset_required(true).send().await)?;
    let shown = made.login_profile().map(|profile| profile.password_reset_required());
    let kept = flag_of(world, "lp-flag").await?;
    ensure(shown == Some(true) && kept, || format!("it shows {shown:?} and keeps {kept}"))
}

async fn duplicate(world: &World) -> Outcome {
    user_with_password(world, "lp-twice").await?;
    let request = iam(world).create_login_profile().user_name("lp-twice").password(PASSWORD);
    refused(request.send().await, 409, "EntityAlreadyExists")
}

async fn create_unknown(world: &World) -> Outcome {
    let request = iam(world).create_login_profile().user_name("lp-nobody").password(PASSWORD);
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn weak(world: &World) -> Outcome {
    user(world, "lp-weak").await?;
    let request = iam(world).create_login_profile().user_name("lp-weak").password("abcdefgh");
    refused(request.send().await, 400, "PasswordPolicyViolation")
}

async fn long(world: &World) -> Outcome {
    user(world, "lp-long").await?;
    let password = format!("Aa1!{}", "x".repeat(125));
    let request = iam(world).create_login_profile().user_name("lp-long").password(password);
    refused(request.send().await, 400, "ValidationError")
}

async fn update_none(world: &World) -> Outcome {
    user(world, "lp-none").await?;
    let request = iam(world).update_login_profile().user_name("lp-none").password(PASSWORD);
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn sets_flag(world: &World) -> Outcome {
    user_with_password(world, "lp-sets").await?;
    for flag in [false, true] {
        let request = iam(world).update_login_profile().user_name("lp-sets").password(PASSWORD);
        answered(request.password_reset_required(flag).send().await)?;
        let kept = flag_of(world, "lp-sets").await?;
        ensure(kept == flag, || format!("it keeps {kept}"))?;
    }
    Ok(())
}

async fn without_password(world: &World) -> Outcome {
    user_with_password(world, "lp-only-flag").await?;
    let request = iam(world).update_login_profile().user_name("lp-only-flag");
    answered(request.password_reset_required(false).send().await)?;
    let kept = flag_of(world, "lp-only-flag").await?;
    ensure(!kept, || format!("it keeps {kept}"))
}

async fn without_flag(world: &World) -> Outcome {
    user_with_password(world, "lp-only-pass").await?;
    let request = iam(world).update_login_profile().user_name("lp-only-pass").password(PASSWORD);
    answered(request.password_reset_required(true).send().await)?;
    let request = iam(world).update_login_profile().user_name("lp-only-pass").password("0ther-password");
    answered(request.send().await)?;
    let kept = flag_of(world, "lp-only-pass").await?;
    ensure(kept, || format!("it keeps {kept}"))
}

async fn delete_none(world: &World) -> Outcome {
    user(world, "lp-without").await?;
    refused(iam(world).delete_login_profile().user_name("lp-without").send().await, 404, "NoSuchEntity")
}

async fn delete_unknown(world: &World) -> Outcome {
    refused(iam(world).delete_login_profile().user_name("lp-nobody").send().await, 404, "NoSuchEntity")
}

async fn takes_away(world: &World) -> Outcome {
    user_with_password(world, "lp-gone").await?;
    answered(iam(world).delete_login_profile().user_name("lp-gone").send().await)?;
    refused(iam(world).get_login_profile().user_name("lp-gone").send().await, 404, "NoSuchEntity")
}

/// A client that signs as a user who has a password and may change it.
async fn as_user(world: &World, name: &str) -> Result<aws_sdk_iam::Client, String> {
    user_with_password(world, name).await?;
    let arn = "arn:aws:iam::aws:policy/IAMUserChangePassword";
    answered(iam(world).attach_user_policy().user_name(name).policy_arn(arn).send().await)?;
    let made = answered(iam(world).create_access_key().user_name(name).send().await)?;
    let key = made.access_key().ok_or("it shows no key")?;
    let key = Key::new(key.access_key_id(), key.secret_access_key());
    Ok(Clients::new(&world.endpoint, &key).iam)
}

async fn change(world: &World) -> Outcome {
    let own = as_user(world, "lp-changes").await?;
    let request = own.change_password().old_password(PASSWORD).new_password("0ther-password");
    answered(request.send().await)?;
    let kept = flag_of(world, "lp-changes").await?;
    ensure(!kept, || "the password must be changed still".into())
}

/// With which code is not written down.
async fn wrong_old(world: &World) -> Outcome {
    let own = as_user(world, "lp-wrong").await?;
    let request = own.change_password().old_password("not-the-0ld-one").new_password("0ther-password");
    let (status, code) = refusal(&request.send().await)?;
    ensure(status / 100 == 4, || format!("it answered {status} {code}"))
}

async fn delete_no_policy(world: &World) -> Outcome {
    refused(iam(world).delete_account_password_policy().send().await, 404, "NoSuchEntity")
}

async fn defaults(world: &World) -> Outcome {
    answered(iam(world).update_account_password_policy().send().await)?;
    let answer = answered(iam(world).get_account_password_policy().send().await)?;
    let policy = answer.password_policy().ok_or("it shows none")?;
    ensure(
        policy.minimum_password_length() == Some(6) && !policy.require_symbols() && !policy.require_numbers(),
        || format!("it is {policy:?}"),
    )
}

async fn length(world: &World) -> Outcome {
    let request = iam(world).update_account_password_policy().minimum_password_length(129);
    refused(request.send().await, 400, "ValidationError")
}

async fn holds(world: &World) -> Outcome {
    answered(iam(world).update_account_password_policy().minimum_password_length(30).send().await)?;
    user(world, "lp-strict").await?;
    let request = iam(world).create_login_profile().user_name("lp-strict").password(PASSWORD);
    refused(request.send().await, 400, "PasswordPolicyViolation")
}

async fn reuse(world: &World) -> Outcome {
    answered(iam(world).update_account_password_policy().password_reuse_prevention(2).send().await)?;
    user_with_password(world, "lp-again").await?;
    let request = iam(world).update_login_profile().user_name("lp-again").password(PASSWORD);
    refused(request.send().await, 400, "PasswordPolicyViolation")
}

async fn gone(world: &World) -> Outcome {
    answered(iam(world).delete_account_password_policy().send().await)?;
    refused(iam(world).get_account_password_policy().send().await, 404, "NoSuchEntity")
}
