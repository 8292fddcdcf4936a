//! What happened, in one sentence.

use keyreeve_store::Notification;
use serde_json::Value;

/// For people. Names come from AWS: what could forge a line or a terminal is escaped.
pub(super) fn sentence(notification: &Notification) -> String {
    let of = |name: &str| match notification.subject.get(name) {
        Some(Value::String(text)) => text.escape_debug().to_string(),
        Some(other) => other.to_string(),
        None => "?".to_owned(),
    };
    let system = notification.system_id.as_ref().map_or("?", |id| id.as_str());
    match notification.kind.as_str() {
        "import_suspended" => {
            format!(
                "import run {} of {system} is suspended: somebody must accept or reject it",
                of("import_run")
            )
        }
        "job_awaits_approval" => {
            let because = because(notification);
            format!("job {} of {system} waits for the approval of a second person: {because}", of("job"))
        }
        "job_failed" => format!("job {} of {system} ended as {}", of("job"), of("state")),
        "system_quarantined" => format!("system {system} is quarantined: nothing runs until it is released"),
        "drift" => format!(
            "import run {} of {system} saw {} of our changes undone by somebody else",
            of("import_run"),
            of("claims")
        ),
        "password_unclaimed" => format!(
            "nobody has taken the password that job {} set for {} of {system}",
            of("job"),
            of("account")
        ),
        "link_opened_again" => format!(
            "a one-time link of {} of {system} (job {}) was opened again after its password had been shown",
            of("account"),
            of("job")
        ),
        "audit_sink_behind" => {
            format!("the audit log does not reach its sink {}: {} rows wait for it", of("sink"), of("rows"))
        }
        other => format!("{other} in {system}"),
    }
}

/// Why somebody must decide.
fn because(notification: &Notification) -> String {
    let reasons = notification.subject.get("because").and_then(Value::as_array);
    let reasons = reasons.into_iter().flatten().filter_map(Value::as_str);
    reasons.map(|reason| reason.escape_debug().to_string()).collect::<Vec<_>>().join("; ")
}
