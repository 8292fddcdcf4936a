//! Console passwords, and what is asked of them.

use keyreeve_connector::{Cause, Inventory, LoginProfileEntry, PasswordPolicy};
use keyreeve_model::StepCall;

use super::super::world::{World, answered, ensure};
use super::super::{Check, Outcome, checks};
use super::{Changes, PASSWORD, STAPLE, said, user};

pub(super) const CHECKS: &[Check] = checks![
    "create_login_profile.must_be_changed_at_the_first_sign_in", "IAM API Reference, CreateLoginProfile" => creates;
    "create_login_profile.twice_is_already_there", "AWS answers 409 EntityAlreadyExists" => creates_twice;
    "create_login_profile.nobody_is_gone", "service model, CreateLoginProfile: NoSuchEntity" => creates_for_nobody;
    "create_login_profile.a_weak_password_is_refused", "service model, CreateLoginProfile: PasswordPolicyViolation" => creates_weak;
    "update_login_profile.must_be_changed_at_the_next_sign_in", "IAM API Reference, UpdateLoginProfile" => updates;
    "update_login_profile.none_is_gone", "service model, UpdateLoginProfile: NoSuchEntity" => updates_none;
    "delete_login_profile.again_is_unchanged", "AWS answers 404 NoSuchEntity" => deletes;
    "delete_login_profile.nobody_is_gone", "AWS answers 404 NoSuchEntity, in other words" => deletes_of_nobody;
    "password_policy.is_read", "IAM API Reference, GetAccountPasswordPolicy" => policy;
];

fn create(account: &str) -> StepCall {
    StepCall::CreateLoginProfile { account: account.into() }
}

fn update(account: &str) -> StepCall {
    StepCall::UpdateLoginProfile { account: account.into() }
}

async fn profile(changes: &Changes, account: &str) -> Result<LoginProfileEntry, String> {
    let profile = changes.connector.get_login_profile(account).await.map_err(|error| said(&error))?;
    profile.ok_or_else(|| "there is none".into())
}

async fn creates(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-login").await?;
    let made = changes.changed(&create("c-login")).await?;
    let profile = profile(&changes, "c-login").await?;
    let seconds = |time: jiff::Timestamp| time.as_second();
    let told = made.login_profile_created_at.map(seconds);
    ensure(told == Some(seconds(profile.created_at)), || format!("it was made at {made:?}"))?;
    ensure(profile.password_reset_required, || "the password need not be changed".into())
}

async fn creates_twice(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-login-twice").await?;
    changes.changed(&create("c-login-twice")).await?;
    changes.fails(&create("c-login-twice"), Cause::AlreadyThere).await
}

async fn creates_for_nobody(world: &World) -> Outcome {
    Changes::of(world).await.fails(&create("nobody"), Cause::Gone).await
}

async fn creates_weak(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-weak").await?;
    match changes.with_password(&create("c-weak"), "weak").await {
        Ok(_) => Err("it succeeded".into()),
        Err(error) => ensure(error.cause == Cause::PasswordRefused, || said(&error)),
    }
}

async fn updates(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-reset").await?;
    let call = world.admin.iam.create_login_profile().user_name("c-reset").password(PASSWORD);
    answered(call.password_reset_required(false).send().await)?;
    let before = profile(&changes, "c-reset").await?;
    ensure(!before.password_reset_required, || "it must be changed already".into())?;
    changes.with_password(&update("c-reset"), STAPLE).await.map_err(|error| said(&error))?;
    let after = profile(&changes, "c-reset").await?;
    ensure(after.password_reset_required, || "the password need not be changed".into())
}

async fn updates_none(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-no-login").await?;
    changes.fails(&update("c-no-login"), Cause::Gone).await?;
    changes.fails(&update("nobody"), Cause::Gone).await
}

async fn deletes(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-logout").await?;
    changes.changed(&create("c-logout")).await?;
    let delete = |account: &str| StepCall::DeleteLoginProfile { account: account.into() };
    changes.changed(&delete("c-logout")).await?;
    let left = changes.connector.get_login_profile("c-logout").await.map_err(|error| said(&error))?;
    ensure(left.is_none(), || format!("{left:?} is left"))?;
    changes.unchanged(&delete("c-logout")).await
}

async fn deletes_of_nobody(world: &World) -> Outcome {
    let delete = StepCall::DeleteLoginProfile { account: "nobody".into() };
    Changes::of(world).await.fails(&delete, Cause::Gone).await
}

async fn policy(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    let read = async || changes.provisioning().get_password_policy().await.map_err(|error| said(&error));
    let none = read().await?;
    ensure(none.is_none(), || format!("before any is set it is {none:?}"))?;
    let set = world.admin.iam.update_account_password_policy().minimum_password_length(17);
    let set =
        set.require_symbols(true).require_uppercase_characters(true).allow_users_to_change_password(true);
    answered(set.send().await)?;
    let expected = PasswordPolicy {
        minimum_length: 17,
        require_symbols: true,
        require_numbers: false,
        require_uppercase: true,
        require_lowercase: false,
        users_may_change: true,
    };
    let found = read().await?;
    answered(world.admin.iam.delete_account_password_policy().send().await)?;
    ensure(found.as_ref() == Some(&expected), || format!("it is {found:?}"))
}
