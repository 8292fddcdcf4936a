//! Short texts that people and programs write.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keyreeve_engine::{
    escape, mapping,
    moment::Moment,
    password::{PublicUrl, Recipient},
};
use keyreeve_model::{
    AwsAccountId, CronExpression, Delivery, ExternalId, MappingName, PersonName, Schedule, System, SystemId,
    TargetProperty, TaskMapping, hidden::is_hidden,
};
use keyreeve_server::{audit_export::SyslogPlace, notify::Network};
use keyreeve_store::DatabaseUrl;
use serde_json::json;

/// A schedule's times come one after another.
pub(crate) fn schedule(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let (text, zone) = crate::halves(text).unwrap_or((text, "Europe/Rome"));
    let Ok(expression) = CronExpression::new(text) else { return };
    assert_eq!(expression.as_str().parse(), Ok(expression.clone()), "it is not read as it is shown");
    let Ok(schedule) = Schedule::new(&expression, zone) else { return };
    // Shortly before clocks in Europe are put back.
    let mut last: Timestamp = Timestamp::from_second(1_792_880_000).unwrap_or(Timestamp::UNIX_EPOCH);
    for time in schedule.times_after(last).take(3) {
        assert!(time > last, "{time} comes after {last}");
        last = time;
    }
}

/// A mapping that passes the check makes an account or says why not.
pub(crate) fn mapping(bytes: &[u8]) {
    let Ok(mapping) = serde_json::from_slice::<TaskMapping>(bytes) else { return };
    if mapping::check(&mapping).is_err() {
        return;
    }
    let Ok(system) = system() else { return };
    let attributes: BTreeMap<String, String> =
        [("first", "Ada"), ("last", "Lovelace"), ("department", "Engines")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    let sources = mapping::Sources { system: &system, attributes: &attributes };
    let taken = |name: &str| name.eq_ignore_ascii_case("ada.lovelace");
    let _ = mapping::map_account(&mapping, sources, mapping::Given::default(), &taken);
}

fn system() -> serde_json::Result<System> {
    serde_json::from_value(json!({
        "system_id": "prod",
        "name": "Production",
        "category": "",
        "technology": "aws",
        "content": "access_rights",
        "state": "active",
        "state_reason": null,
        "aws_account_id": "111122223333",
        "partition": "aws",
        "region": null,
        "credential": {"kind": "ambient"},
        "settings": {},
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "removed_at": null,
    }))
}

/// What is read of a text is shown as a text that reads the same.
pub(crate) fn words(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    macro_rules! same {
        ($($kind:ty),+) => {$(
            if let Ok(read) = text.parse::<$kind>() {
                assert_eq!(read.to_string().parse::<$kind>().ok(), Some(read), "of {text:?}");
            }
        )+};
    }
    same!(SystemId, AwsAccountId, ExternalId, PersonName, MappingName, TargetProperty);
    let _ = text.parse::<Moment>();
    let _ = text.parse::<PublicUrl>().map(|url| url.host());
    let _ = text.parse::<Delivery>();
    let _ = text.parse::<DatabaseUrl>();
    let _ = text.parse::<Network>();
    let _ = text.parse::<SyslogPlace>();
    let _ = Recipient::parse(text);
}

/// Nothing that steers a terminal, hides or turns the direction of reading is left.
pub(crate) fn shown(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(!escape::line(&text).chars().any(is_hidden));
    assert!(!escape::lines(&text).chars().any(|character| character != '\n' && is_hidden(character)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_system_to_map_for() {
        system().unwrap();
    }
}
