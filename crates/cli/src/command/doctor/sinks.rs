//! What `doctor` looks at of the places that the audit log is sent to.

use jiff::{SignedDuration, Timestamp};
use keyreeve_store::{AuditSinkStanding, Store};

use super::tls;
use crate::command::Context;
use crate::command::serve::FILE_ADVICE;
use crate::config::{AuditPlace, Config};
use crate::output::shape::{Check, CheckState};

const NAME: &str = "audit_sink";
/// What `serve` has not sent after so long is late.
const SENT_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// The files that sinks write, and those with their secrets.
pub(super) fn files(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    for sink in &config.audit.sinks {
        if let Ok(AuditPlace::File(path)) = sink.place()
            && let Err(why) = config.may_take_rows(sink, path)
        {
            checks.push(Check::new(
                "audit_sink_file",
                CheckState::Error,
                format!("{}: {}: {why}", sink.name, path.display()),
                FILE_ADVICE,
            ));
        }
        let secret = |path| tls::secret("audit_sink_secret", "[[audit.sinks]]", path);
        checks.extend(sink.secret_files().map(|path| secret(path)));
    }
    checks
}

/// How far each sink is.
pub(super) async fn positions(context: &Context, store: &Store) -> Vec<Check> {
    let known = match store.audit_sinks().await {
        Ok(known) => known,
        Err(error) => {
            return vec![Check::new(NAME, CheckState::Error, error.to_string(), "mend the database")];
        }
    };
    let (sinks, now) = (&context.config.audit.sinks, context.clock.now());
    let mut checks: Vec<Check> = sinks
        .iter()
        .map(|sink| match known.iter().find(|known| known.name == sink.name) {
            Some(standing) => position(standing, now),
            None => {
                let found = format!("nothing was sent to {} yet", sink.name);
                Check::new(NAME, CheckState::Warning, found, "`keyreeve serve` sends what there is")
            }
        })
        .collect();
    let left = known.iter().filter(|known| !sinks.iter().any(|sink| sink.name == known.name));
    checks.extend(left.map(|known| {
        let found = format!(
            "{} is not configured; that it has the rows up to {} is kept",
            known.name, known.sent_seq
        );
        Check::ok(NAME, found)
    }));
    checks
}

fn position(standing: &AuditSinkStanding, now: Timestamp) -> Check {
    let AuditSinkStanding { name, sent_seq, rows_behind, oldest_at, last_error, .. } = standing;
    if *rows_behind == 0 && last_error.is_none() {
        return Check::ok(NAME, format!("{name} has all rows up to {sent_seq}"));
    }
    let age = oldest_at.map_or(SignedDuration::ZERO, |oldest| now.duration_since(oldest));
    let behind = format!(
        "{name} has the rows up to {sent_seq} and is {rows_behind} behind, the oldest for {} s",
        age.as_secs()
    );
    match last_error {
        Some(why) => {
            let found = format!("{behind}; the last time it took nothing: {why}");
            Check::new(
                NAME,
                CheckState::Warning,
                found,
                "mend the sink or its settings; nothing is lost meanwhile",
            )
        }
        None if age > SENT_WITHIN => Check::new(
            NAME,
            CheckState::Warning,
            behind,
            "see that `keyreeve serve` runs, and what its log says",
        ),
        None => Check::ok(NAME, behind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_late_after_a_minute_or_when_it_took_nothing() {
        let state = |rows_behind, seconds, error: Option<&str>| {
            let standing = AuditSinkStanding {
                name: "siem".to_owned(),
                sent_seq: 3,
                sent_at: None,
                rows_behind,
                oldest_at: (rows_behind > 0).then_some(Timestamp::UNIX_EPOCH),
                failures: u32::from(error.is_some()),
                last_error: error.map(str::to_owned),
            };
            position(&standing, Timestamp::from_second(seconds).unwrap()).state
        };
        assert_eq!(state(0, 1_000, None), CheckState::Ok);
        assert_eq!(state(2, 60, None), CheckState::Ok);
        assert_eq!(state(2, 61, None), CheckState::Warning);
        assert_eq!(state(2, 1, Some("it answered 503")), CheckState::Warning);
        assert_eq!(state(0, 1, Some("the log does not go on")), CheckState::Warning);
    }
}
