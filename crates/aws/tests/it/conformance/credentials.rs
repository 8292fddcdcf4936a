//! Login profiles, single users, and what is known of the whole account.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_iam::types::{ReportStateType, SummaryKeyType};

use super::world::{World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "get_login_profile.none_is_not_found", "AWS answers 404 NoSuchEntity" => no_profile;
    "get_login_profile.unknown_user_is_not_found", "AWS answers 404 NoSuchEntity" => no_profile_user;
    "get_login_profile.gives_the_profile", "IAM API Reference, GetLoginProfile" => profile;
    "get_user.unknown_user_is_not_found", "AWS answers 404 NoSuchEntity" => no_user;
    "get_user.without_a_name_is_the_caller", "IAM API Reference, GetUser" => caller;
    "account_summary.counts_users", "IAM API Reference, GetAccountSummary" => summary;
    "password_policy.none_is_not_found", "AWS answers 404 NoSuchEntity when none was ever set" => no_policy;
    "credential_report.before_it_is_made", "service model, CredentialReportNotPresentException: 410 ReportNotPresent" => report_absent;
    "credential_report.is_made_and_dated_now", "IAM API Reference, GenerateCredentialReport" => report_made;
    "credential_report.has_its_columns", "IAM User Guide, Getting credential reports" => report_columns;
    "credential_report.has_the_root_user", "IAM User Guide, Getting credential reports" => report_root;
    "credential_report.has_every_user", "IAM User Guide, Getting credential reports" => report_users;
    "credential_report.tells_who_has_a_password", "IAM User Guide, Getting credential reports" => report_password;
];

const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

async fn no_profile(world: &World) -> Outcome {
    refused(world.admin.iam.get_login_profile().user_name("ana").send().await, 404, "NoSuchEntity")
}

async fn no_profile_user(world: &World) -> Outcome {
    refused(world.admin.iam.get_login_profile().user_name("nobody").send().await, 404, "NoSuchEntity")
}

async fn profile(world: &World) -> Outcome {
    let answer = answered(world.admin.iam.get_login_profile().user_name("bob").send().await)?;
    let profile = answer.login_profile().ok_or("there is none")?;
    ensure(profile.user_name() == "bob" && profile.create_date().secs() > 0, || format!("it is {profile:?}"))
}

async fn no_user(world: &World) -> Outcome {
    refused(world.admin.iam.get_user().user_name("nobody").send().await, 404, "NoSuchEntity")
}

async fn caller(world: &World) -> Outcome {
    let clients = super::world::Clients::new(&world.endpoint, &world.user_key);
    let answer = answered(clients.iam.get_user().send().await)?;
    let arn = answer.user().map(|user| user.arn()).unwrap_or_default();
    ensure(arn == world.user_arn, || format!("it is {arn}"))
}

async fn summary(world: &World) -> Outcome {
    let answer = answered(world.admin.iam.get_account_summary().send().await)?;
    let users = answer.summary_map().and_then(|map| map.get(&SummaryKeyType::Users)).copied();
    ensure(users == Some(16), || format!("it counts {users:?}"))
}

async fn no_policy(world: &World) -> Outcome {
    refused(world.admin.iam.get_account_password_policy().send().await, 404, "NoSuchEntity")
}

/// Runs before any report is asked for: the checks keep their order.
async fn report_absent(world: &World) -> Outcome {
    refused(world.admin.iam.get_credential_report().send().await, 410, "ReportNotPresent")
}

async fn report(world: &World) -> Result<(String, i64), String> {
    for _ in 0..20 {
        let answer = answered(world.admin.iam.generate_credential_report().send().await)?;
        if answer.state() == Some(&ReportStateType::Complete) {
            let answer = answered(world.admin.iam.get_credential_report().send().await)?;
            let content = answer.content().ok_or("it has no content")?;
            let made = answer.generated_time().map_or(0, |time| time.secs());
            return Ok((String::from_utf8_lossy(content.as_ref()).into_owned(), made));
        }
    }
    Err("it never becomes complete".into())
}

async fn report_made(world: &World) -> Outcome {
    let (_, made) = report(world).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    ensure((now - made).abs() < 3600, || format!("it is {} seconds old", now - made))
}

async fn report_columns(world: &World) -> Outcome {
    let (text, _) = report(world).await?;
    let header = text.lines().next().unwrap_or_default();
    ensure(header == COLUMNS, || format!("they are {header}"))
}

async fn report_root(world: &World) -> Outcome {
    let (text, _) = report(world).await?;
    ensure(text.lines().any(|line| line.starts_with("<root_account>,")), || "it has not".into())
}

async fn report_users(world: &World) -> Outcome {
    let (text, _) = report(world).await?;
    let missing: Vec<_> = super::seed::users()
        .into_iter()
        .filter(|user| {
            !text.contains(&format!(
                "\n{},arn:aws:iam::{}:user{}{},",
                user.name, world.account_id, user.path, user.name
            ))
        })
        .map(|user| user.name)
        .collect();
    ensure(missing.is_empty(), || format!("it lacks {missing:?}"))
}

async fn report_password(world: &World) -> Outcome {
    let (text, _) = report(world).await?;
    let enabled = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name},")))?;
        line.split(',').nth(3).map(str::to_ascii_lowercase)
    };
    let (bob, ana) = (enabled("bob"), enabled("ana"));
    ensure(bob.as_deref() == Some("true") && ana.as_deref() == Some("false"), || {
        format!("bob {bob:?}, ana {ana:?}")
    })
}
