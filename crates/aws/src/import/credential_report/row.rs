//! The rows of the credential report.
//!
//! Columns are found by their header, because newer reports may bring more of them (IAM User Guide, "Getting
//! credential reports"). `N/A`, `no_information` and `not_supported` say nothing.

use std::collections::BTreeSet;

use csv::StringRecord;
use jiff::Timestamp;
use keyreeve_connector::CredentialReportRow;
use keyreeve_model::{AccessKey, AwsAccountId};

use crate::arn::{Arn, name_of};

/// What a report says.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) rows: Vec<CredentialReportRow>,
    pub(super) unusable: u64,
    pub(super) account_ids: BTreeSet<AwsAccountId>,
}

/// Reads a report. An error names the column that is missing.
pub(super) fn parse(csv: &[u8]) -> Result<Parsed, &'static str> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv);
    let mut records = reader.byte_records();
    let header = match records.next() {
        Some(Ok(header)) => StringRecord::from_byte_record(header).map_err(|_| "Content")?,
        Some(Err(_)) | None => return Err("Content"),
    };
    let columns = Columns::find(&header)?;
    let mut parsed = Parsed::default();
    for record in records {
        match record.ok().and_then(|record| StringRecord::from_byte_record(record).ok()) {
            Some(record) => parsed.add(&columns, &record),
            None => parsed.unusable += 1,
        }
    }
    Ok(parsed)
}

impl Parsed {
    fn add(&mut self, columns: &Columns, record: &StringRecord) {
        let Some(fields) = columns.align(record) else {
            self.unusable += 1;
            return;
        };
        let arn = fields.get(columns.arn);
        let account = Arn::parse(arn).and_then(|arn| arn.account_id());
        if let Some(account) = &account {
            self.account_ids.insert(account.clone());
        }
        if fields.get(columns.user) == "<root_account>" {
            return;
        }
        match account {
            Some(_) if name_of(arn) == Some(fields.get(columns.user)) => self.rows.push(fields.row(columns)),
            _ => self.unusable += 1,
        }
    }
}

/// Where each column stands.
struct Columns {
    count: usize,
    user: usize,
    arn: usize,
    created: Option<usize>,
    password_enabled: Option<usize>,
    password_last_used: Option<usize>,
    mfa_active: Option<usize>,
    keys: Option<[KeyColumns; 2]>,
}

#[derive(Clone, Copy)]
struct KeyColumns {
    active: usize,
    rotated: usize,
    used: Option<usize>,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, &'static str> {
        let at = |name: &str| header.iter().position(|column| column.trim() == name);
        let key = |number: u8| {
            Some(KeyColumns {
                active: at(&format!("access_key_{number}_active"))?,
                rotated: at(&format!("access_key_{number}_last_rotated"))?,
                used: at(&format!("access_key_{number}_last_used_date")),
            })
        };
        Ok(Self {
            count: header.len(),
            user: at("user").ok_or("user")?,
            arn: at("arn").ok_or("arn")?,
            created: at("user_creation_time"),
            password_enabled: at("password_enabled"),
            password_last_used: at("password_last_used"),
            mfa_active: at("mfa_active"),
            keys: key(1).zip(key(2)).map(|(one, two)| [one, two]),
        })
    }

    /// Fits a record to the header. Names and paths may hold commas, and not every producer quotes them: then
    /// `user` and `arn` take several fields. They are put together again where these are the first two columns
    /// and there is exactly one way in which the ARN ends in the name; any other misfit is refused.
    fn align(&self, record: &StringRecord) -> Option<Fields> {
        let fields: Vec<String> = record.iter().map(str::to_owned).collect();
        let surplus = fields.len().checked_sub(self.count)?;
        if surplus == 0 {
            return Some(Fields(fields));
        }
        if (self.user, self.arn) != (0, 1) {
            return None;
        }
        let (head, rest) = fields.split_at_checked(surplus + 2)?;
        let mut ways = (1..=surplus + 1).filter_map(|width| {
            let (user, arn) = head.split_at_checked(width)?;
            let (user, arn) = (user.join(","), arn.join(","));
            (arn.starts_with("arn:") && name_of(&arn) == Some(&user)).then_some([user, arn])
        });
        match (ways.next(), ways.next()) {
            (Some(way), None) => Some(Fields(way.into_iter().chain(rest.iter().cloned()).collect())),
            _ => None,
        }
    }
}

/// The fields of one row, fitted to the header.
struct Fields(Vec<String>);

impl Fields {
    fn get(&self, column: usize) -> &str {
        self.0.get(column).map_or("", |field| field.trim())
    }

    fn flag(&self, column: Option<usize>) -> Option<bool> {
        let field = self.get(column?);
        match () {
            () if field.eq_ignore_ascii_case("true") => Some(true),
            () if field.eq_ignore_ascii_case("false") => Some(false),
            () => None,
        }
    }

    fn time(&self, column: Option<usize>) -> Option<Timestamp> {
        self.get(column?).parse().ok()
    }

    fn row(&self, columns: &Columns) -> CredentialReportRow {
        CredentialReportRow {
            arn: self.get(columns.arn).to_owned(),
            created_at: self.time(columns.created),
            password_enabled: self.flag(columns.password_enabled),
            password_last_used_at: self.time(columns.password_last_used),
            mfa_active: self.flag(columns.mfa_active),
            access_keys: columns.keys.and_then(|[one, two]| {
                let keys = [self.key(one)?, self.key(two)?];
                Some(keys.into_iter().flatten().collect())
            }),
        }
    }

    /// `Some(None)` when the row says that there is no such key, `None` when it does not say. The flag alone is
    /// `false` both for an inactive key and for none at all: a key that exists has a date of rotation.
    fn key(&self, columns: KeyColumns) -> Option<Option<AccessKey>> {
        let active = self.flag(Some(columns.active))?;
        let created_at = self.time(Some(columns.rotated));
        let exists = active || created_at.is_some();
        Some(exists.then(|| AccessKey { active, created_at, last_used_at: self.time(columns.used) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
    const ROOT: &str = "<root_account>,arn:aws:iam::123456789012:root,2020-01-01T00:00:00+00:00,not_supported,no_information,not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A";

    fn row(user: &str, arn_name: &str) -> String {
        format!(
            "{user},arn:aws:iam::123456789012:user/t/{arn_name},2023-01-02T03:04:05+00:00,TRUE,2024-01-01T00:00:00Z,2023-01-02T03:04:05+00:00,N/A,False,true,2023-01-02T03:04:05+00:00,N/A,N/A,N/A,false,2022-01-02T03:04:05+00:00,2022-06-02T00:00:00+00:00,us-east-1,iam,false,N/A,false,N/A"
        )
    }

    fn parsed(rows: &[String]) -> Parsed {
        parse(format!("{HEADER}\n{}", rows.join("\n")).as_bytes()).unwrap()
    }

    #[test]
    fn rows_are_read_and_the_root_user_is_skipped() {
        let report = parsed(&[ROOT.to_owned(), row("ana", "ana")]);
        assert_eq!((report.rows.len(), report.unusable, report.account_ids.len()), (1, 0, 1));
        let ana = &report.rows[0];
        assert_eq!(ana.arn, "arn:aws:iam::123456789012:user/t/ana");
        assert_eq!(ana.created_at.unwrap().to_string(), "2023-01-02T03:04:05Z");
        assert_eq!((ana.password_enabled, ana.mfa_active), (Some(true), Some(false)));
        let keys = ana.access_keys.as_ref().unwrap();
        assert_eq!(keys.len(), 2);
        assert!(keys[0].active && keys[0].last_used_at.is_none());
        assert!(!keys[1].active && keys[1].last_used_at.is_some());
    }

    #[test]
    fn names_with_commas_are_found_quoted_or_not() {
        for name in ["a,b", "a,b,c", ",", "x,"] {
            let rest = row("", "").split_once("/t/").map(|(_, rest)| rest.to_owned()).unwrap();
            let arn = format!("arn:aws:iam::123456789012:user/p,q/{name}");
            let bare = format!("{name},{arn}{rest}");
            let half = format!("\"{name}\",{arn}{rest}");
            let quoted = format!("\"{name}\",\"{arn}\"{rest}");
            let report = parsed(&[bare, half, quoted]);
            assert_eq!((report.rows.len(), report.unusable), (3, 0), "{name}");
            assert_eq!(report.rows[0].arn, arn);
            assert_eq!(report.rows[0].password_enabled, Some(true));
            assert!(report.rows.iter().all(|row| *row == report.rows[0]), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_counted_not_guessed() {
        let one_too_many = row("ana", "ana") + ",true";
        let too_short = "ana,arn:aws:iam::123456789012:user/ana,2023-01-02T03:04:05+00:00".to_owned();
        let other = row("ana", "bob");
        let no_arn = row("ana", "ana").replace("arn:aws:iam::123456789012:user/t/ana", "N/A");
        let report = parsed(&[one_too_many, too_short, other, no_arn]);
        assert_eq!((report.rows.len(), report.unusable), (0, 4));
    }

    #[test]
    fn a_report_that_says_nothing_gives_none() {
        let nothing = "ana,arn:aws:iam::123456789012:user/ana,N/A,not_supported,no_information,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A";
        let row = &parsed(&[nothing.to_owned()]).rows[0];
        assert_eq!((row.created_at, row.password_enabled, row.mfa_active), (None, None, None));
        assert_eq!(row.access_keys, None);
        let no_keys = nothing.replacen(
            "N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A",
            "FALSE,N/A,N/A,N/A,N/A,FALSE,N/A,N/A,N/A,N/A",
            2,
        );
        assert!(parsed(&[no_keys]).rows.len() == 1);
    }

    #[test]
    fn columns_may_move_and_grow_but_not_vanish() {
        let moved = "mfa_active,arn,something_new,user,password_enabled\ntrue,arn:aws:iam::123456789012:user/ana,x,ana,false\n";
        let report = parse(moved.as_bytes()).unwrap();
        assert_eq!(report.rows[0].mfa_active, Some(true));
        assert_eq!(report.rows[0].access_keys, None);
        assert_eq!(parse(b"user,password_enabled\n").unwrap_err(), "arn");
        assert_eq!(parse(b"").unwrap_err(), "Content");
        assert_eq!(parse(b"\xff\xfe,x\n").unwrap_err(), "Content");
    }

    #[test]
    fn no_key_is_not_an_inactive_key() {
        let text = "user,arn,access_key_1_active,access_key_1_last_rotated,access_key_2_active,access_key_2_last_rotated\n\
                    ana,arn:aws:iam::123456789012:user/ana,false,N/A,FALSE,N/A\n\
                    bob,arn:aws:iam::123456789012:user/bob,false,2023-01-02T03:04:05+00:00,false,N/A\n";
        let report = parse(text.as_bytes()).unwrap();
        assert_eq!(report.rows[0].access_keys, Some(vec![]));
        let bob = report.rows[1].access_keys.as_ref().unwrap();
        assert!(bob.len() == 1 && !bob[0].active);
    }
}
