//! The credential report: made when asked for, at most every four hours, and as old as it is.

use std::sync::{Arc, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::{Answer, Call, answer};
use crate::protocol::error::ApiError;
use crate::state::{AccessKey, SigningCertificate, State, User};

/// A report is given out for this long; then a new one can be made.
const VALID_SECONDS: i64 = 4 * 60 * 60;

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,\
access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,\
access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// Where the report of an account stands.
#[derive(Debug, Default)]
pub(crate) struct ReportDesk {
    made: Option<Report>,
    /// The state at the time of asking, and how often to answer `INPROGRESS` yet.
    making: Option<(State, Timestamp, u32)>,
}

#[derive(Debug, Clone)]
struct Report {
    content: Arc<str>,
    generated: Timestamp,
}

fn desk<'a>(call: &'a Call<'_>) -> MutexGuard<'a, ReportDesk> {
    call.account.report.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_valid(report: &Report, now: Timestamp) -> bool {
    now.as_second() - report.generated.as_second() < VALID_SECONDS
}

/// `STARTED`, then `INPROGRESS` as often as set, then `COMPLETE` while the report is valid.
pub(super) fn generate(call: &Call<'_>) -> Answer {
    let mut desk = desk(call);
    let style = call.world.options.report;
    let (state, description) = if let Some((state, asked, left)) = desk.making.take() {
        if left > 0 {
            desk.making = Some((state, asked, left - 1));
            ("INPROGRESS", None)
        } else {
            let content = Arc::from(STANDARD.encode(csv(&state, style.quoted)));
            desk.made = Some(Report { content, generated: asked });
            ("COMPLETE", None)
        }
    } else if desk.made.as_ref().is_some_and(|report| is_valid(report, call.now)) {
        ("COMPLETE", None)
    } else {
        desk.making = Some((call.state.clone(), call.now, style.asks_in_progress));
        ("STARTED", Some("No report exists. Starting a new report generation task"))
    };
    answer(|xml| {
        xml.text("State", state);
        xml.optional("Description", description);
    })
}

pub(super) fn get(call: &Call<'_>) -> Answer {
    let desk = desk(call);
    let gone = |code, message| Err(ApiError::new(410, code, message));
    match &desk.made {
        Some(report) if is_valid(report, call.now) => answer(|xml| {
            xml.text("Content", &report.content);
            xml.text("ReportFormat", "text/csv");
            xml.time("GeneratedTime", report.generated);
        }),
        _ if desk.making.is_some() => {
            Err(ApiError::new(404, "ReportInProgress", "The report is being generated."))
        }
        Some(_) => gone("ReportExpired", "The most recent report has expired. Generate a new one."),
        None => gone("ReportNotPresent", "No report is present. Generate one first."),
    }
}

fn csv(state: &State, quoted: bool) -> String {
    let mut text = String::from(HEADER);
    let mut row = |fields: &[String]| {
        text.push('\n');
        for (place, value) in fields.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            if quoted && value.contains([',', '"', '\n']) {
                text.push_str(&format!("\"{}\"", value.replace('"', "\"\"")));
            } else {
                text.push_str(value);
            }
        }
    };
    row(&root_row(state));
    state.users.values().for_each(|user| row(&user_row(state, user)));
    text
}

fn time(at: Timestamp) -> String {
    at.to_string().replace('Z', "+00:00")
}

fn root_row(state: &State) -> Vec<String> {
    let arn = format!("arn:{}:iam::{}:root", state.partition, state.account_id);
    let mut row = vec!["<root_account>".to_owned(), arn, time(state.created)];
    row.extend(
        ["not_supported", "no_information", "not_supported", "not_supported", "true"].map(str::to_owned),
    );
    row.extend(key_fields(None));
    row.extend(key_fields(None));
    row.extend(certificate_fields(None));
    row.extend(certificate_fields(None));
    row
}

fn user_row(state: &State, user: &User) -> Vec<String> {
    let mut row = vec![user.name.clone(), state.user_arn(user), time(user.created)];
    match &user.login_profile {
        Some(profile) => {
            row.push("true".to_owned());
            row.push(user.password_last_used.map_or_else(|| "no_information".to_owned(), time));
            row.push(time(profile.changed));
            let max_age = state.password_policy.as_ref().and_then(|policy| policy.max_age_days);
            let next = max_age.map(|days| crate::clock::shift(profile.changed, i64::from(days) * 86_400));
            row.push(next.map_or_else(|| "N/A".to_owned(), time));
        }
        None => row.extend(["false", "N/A", "N/A", "N/A"].map(str::to_owned)),
    }
    row.push(if user.mfa.is_empty() { "false" } else { "true" }.to_owned());
    row.extend(key_fields(user.keys.first()));
    row.extend(key_fields(user.keys.get(1)));
    row.extend(certificate_fields(user.certificates.first()));
    row.extend(certificate_fields(user.certificates.get(1)));
    row
}

fn key_fields(key: Option<&AccessKey>) -> [String; 5] {
    let none = || "N/A".to_owned();
    let Some(key) = key else { return ["false".to_owned(), none(), none(), none(), none()] };
    let used = key.last_used.as_ref();
    [
        (key.status.as_str() == "Active").to_string(),
        time(key.created),
        used.map_or_else(none, |used| time(used.at)),
        used.map_or_else(none, |used| used.region.clone()),
        used.map_or_else(none, |used| used.service.clone()),
    ]
}

fn certificate_fields(certificate: Option<&SigningCertificate>) -> [String; 2] {
    match certificate {
        Some(held) => [(held.status.as_str() == "Active").to_string(), time(held.uploaded)],
        None => ["false".to_owned(), "N/A".to_owned()],
    }
}
