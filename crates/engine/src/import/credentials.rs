//! Login profiles and keys: by the account-wide report where that is permitted and fresh, else one by one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use jiff::Timestamp;
use keyreeve_connector::{
    AccountEntry, CredentialReport, CredentialReportRow, CredentialReportState, LoginProfileEntry,
};
use keyreeve_model::{
    AccessKey, Account, CollectionName, CollectionState, ExternalId, LoginProfileSource, Warning,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::claimed::Ours;
use super::holdings::Holdings;
use super::progress::Stage;
use super::reader::{ReadError, Reader};

/// AWS makes a new report at most every four hours; this is that, and some slack for the two clocks.
const FRESH_FOR: Duration = Duration::from_secs(4 * 3600 + 15 * 60);

/// What was read of the users' credentials.
#[derive(Debug, Clone, Default)]
pub(crate) struct CredentialsRead {
    /// The report, if one was used.
    pub(crate) report: Option<ReportIndex>,
    /// Users read one by one. `Err` holds the reason why a user's login profile is unknown.
    pub(crate) login_profiles: HashMap<ExternalId, Result<Option<LoginProfileEntry>, String>>,
    /// State and reason of the two collections.
    pub(crate) report_state: Option<(CollectionState, Option<String>)>,
    pub(crate) login_profiles_state: Option<(CollectionState, Option<String>)>,
    pub(crate) warnings: Vec<Warning>,
    /// Keys and devices of users whom no report vouches for, where they may be read.
    pub(crate) held: HashMap<ExternalId, Held>,
    /// What we changed: no report vouches for that, because it may be older.
    ours: Ours,
}

/// What a user was seen to hold beside a login profile. `None` is what could not be read, or was not asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    pub(crate) access_keys: Option<Vec<AccessKey>>,
    /// The same keys by id: whether they are accepted.
    pub(crate) by_id: Option<HashMap<String, bool>>,
    /// Serial numbers of multi-factor devices.
    pub(crate) devices: Option<Vec<String>>,
    /// The permissions boundary, or that there is none.
    pub(crate) boundary: Option<Option<String>>,
}

/// The report by ARN.
#[derive(Debug, Clone)]
pub(crate) struct ReportIndex {
    pub(crate) generated_at: Timestamp,
    rows: HashMap<String, CredentialReportRow>,
}

impl ReportIndex {
    fn new(report: CredentialReport) -> Self {
        Self {
            generated_at: report.generated_at,
            rows: report.rows.into_iter().map(|mut row| (std::mem::take(&mut row.arn), row)).collect(),
        }
    }

    /// The row that speaks of this very user: same ARN, and made at the same moment. A user who was deleted and
    /// made again under the same name after the report is not vouched for by the old row.
    pub(crate) fn row(&self, arn: &str, created_at: Timestamp) -> Option<&CredentialReportRow> {
        self.rows
            .get(arn)
            .filter(|row| row.created_at.is_some_and(|at| at.as_second() == created_at.as_second()))
            .filter(|row| row.password_enabled.is_some())
    }
}

impl CredentialsRead {
    /// What the report says of a user, if it is no older than what we did to it.
    pub(crate) fn row(
        &self,
        account: &Account,
        created_at: Timestamp,
    ) -> Option<(Timestamp, &CredentialReportRow)> {
        let report = self.report.as_ref()?;
        let row = report.row(&account.arn, created_at)?;
        let young = self.ours.is_younger(&account.external_id, report.generated_at);
        young.then_some((report.generated_at, row))
    }

    /// Whether a user's login profile was read, or is vouched for by the report.
    pub(crate) fn knows(&self, user: &AccountEntry) -> bool {
        self.login_profiles.contains_key(&user.external_id)
            || self.report.as_ref().is_some_and(|report| report.row(&user.arn, user.created_at).is_some())
    }

    /// Reads users that a second listing brought up, if users are read one by one at all.
    pub(crate) async fn read_more(
        &mut self,
        reader: &Reader<'_>,
        holdings: Holdings<'_>,
        users: Vec<AccountEntry>,
    ) {
        let state = self.login_profiles_state.clone();
        let never = self.report.is_none() && matches!(state, Some((CollectionState::Skipped, _)));
        if users.is_empty() || never {
            return;
        }
        let before = std::mem::take(&mut self.login_profiles);
        let held_before = std::mem::take(&mut self.held);
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        for user in users {
            // The receiver is alive until the end of this function.
            let _ = sender.send(user);
        }
        drop(sender);
        read_one_by_one(reader, holdings, receiver, self).await;
        self.login_profiles.extend(before);
        self.held.extend(held_before);
        if let Some((CollectionState::Cut, _)) = state {
            // What the first reading could not read is still not read.
            self.login_profiles_state = state;
        }
    }
}

/// Reads the credentials of all users that come through the channel.
pub(crate) async fn read_credentials(
    reader: &Reader<'_>,
    holdings: Holdings<'_>,
    source: LoginProfileSource,
    users: UnboundedReceiver<AccountEntry>,
    ours: Ours,
) -> CredentialsRead {
    let mut read = CredentialsRead { ours, ..CredentialsRead::default() };
    if source == LoginProfileSource::PerUser {
        read.report_state = Some((CollectionState::Skipped, None));
    } else {
        read_report(reader, source, &mut read).await;
    }
    if read.report.is_none() && source == LoginProfileSource::CredentialReport {
        let reason = "the profile reads login profiles from the credential report only".to_owned();
        read.login_profiles_state = Some((CollectionState::Skipped, Some(reason)));
        reader.progress.stage(CollectionName::LoginProfiles, Stage::Ended(CollectionState::Skipped));
        return read;
    }
    read_one_by_one(reader, holdings, users, &mut read).await;
    read
}

/// Users the report vouches for need no call of their own; the others get one each, many at a time.
async fn read_one_by_one(
    reader: &Reader<'_>,
    holdings: Holdings<'_>,
    users: UnboundedReceiver<AccountEntry>,
    read: &mut CredentialsRead,
) {
    let name = CollectionName::LoginProfiles;
    reader.progress.stage(name, Stage::Reading);
    let report = read.report.as_ref();
    let ours = &read.ours;
    let reads_itself = |user: &AccountEntry| {
        report.is_some_and(|report| ours.reads_itself(&user.external_id, report.generated_at))
    };
    let unvouched = UnboundedReceiverStream::new(users).filter(|user| {
        let vouched = report.is_some_and(|report| report.row(&user.arn, user.created_at).is_some())
            && !reads_itself(user);
        futures::future::ready(!vouched)
    });
    let mut profiles = HashMap::new();
    let mut all_held = HashMap::new();
    let mut failures = Failures::default();
    let mut answers = unvouched
        .map(|user| async move {
            let answer = reader.call(Some(name), || reader.inventory.get_login_profile(&user.name)).await;
            let row = report.and_then(|report| report.row(&user.arn, user.created_at));
            let wanted = ours.wanted(&user.external_id, report.map(|report| report.generated_at));
            let held = holdings.read(reader, &user, row, wanted).await;
            (user, answer, held)
        })
        .buffer_unordered(reader.concurrency);
    while let Some((user, answer, held)) = answers.next().await {
        reader.progress.add_items(name, u64::from(answer.is_ok()));
        let answer = answer.map_err(|error| failures.note(&error));
        all_held.insert(user.external_id.clone(), held);
        profiles.insert(user.external_id, answer);
    }
    let state = failures.state(profiles.len());
    let skipped = profiles.is_empty() && report.is_some();
    drop(answers);
    read.login_profiles = profiles;
    read.held = all_held;
    let state = if skipped { (CollectionState::Skipped, None) } else { state };
    reader.progress.stage(name, Stage::Ended(of_all_users(reader, state.0)));
    read.login_profiles_state = Some(state);
}

/// All of the users that were listed is not all of the users: then not all login profiles were read, or none.
fn of_all_users(reader: &Reader<'_>, state: CollectionState) -> CollectionState {
    let users = reader.progress.of(CollectionName::Users).stage;
    match state {
        CollectionState::Whole if users == Stage::Ended(CollectionState::Whole) => CollectionState::Whole,
        CollectionState::Whole if reader.progress.of(CollectionName::LoginProfiles).calls == 0 => {
            CollectionState::Skipped
        }
        CollectionState::Whole => CollectionState::Cut,
        other => other,
    }
}

#[derive(Default)]
struct Failures {
    denied: usize,
    other: usize,
    first: Option<String>,
}

impl Failures {
    fn note(&mut self, error: &ReadError) -> String {
        if error.is_denied() {
            self.denied += 1;
        } else {
            self.other += 1;
        }
        let text = error.to_string();
        self.first.get_or_insert_with(|| text.clone());
        text
    }

    fn state(&self, asked: usize) -> (CollectionState, Option<String>) {
        let state = match (self.denied, self.other) {
            (0, 0) => CollectionState::Whole,
            (denied, 0) if denied == asked => CollectionState::Denied,
            _ => CollectionState::Cut,
        };
        (state, self.first.clone())
    }
}

async fn read_report(reader: &Reader<'_>, source: LoginProfileSource, read: &mut CredentialsRead) {
    let name = CollectionName::CredentialReport;
    reader.progress.stage(name, Stage::Reading);
    let state = match fetch_report(reader).await {
        Ok(report) => {
            reader.check_account(&report.account_ids);
            reader.progress.set_items(name, report.rows.len() as u64);
            accept_report(reader, source, report, read)
        }
        Err(ReadError::Halted) => (CollectionState::Cut, Some(ReadError::Halted.to_string())),
        Err(error) => {
            let state = if error.is_denied() { CollectionState::Denied } else { CollectionState::Cut };
            read.warnings.push(without_report(source, state, &error));
            (state, Some(error.to_string()))
        }
    };
    reader.progress.stage(name, Stage::Ended(state.0));
    read.report_state = Some(state);
}

/// What is not known because there is no report.
fn without_report(source: LoginProfileSource, state: CollectionState, error: &ReadError) -> Warning {
    let (code, what) = match state {
        CollectionState::Denied => ("credential_report_denied", "may not be read"),
        _ => ("credential_report_cut", "could not be read"),
    };
    let unknown = match source {
        LoginProfileSource::CredentialReport => "login profiles, access keys and MFA that only it tells",
        LoginProfileSource::Auto | LoginProfileSource::PerUser => "access keys and MFA, which only it tells",
    };
    Warning::new(code, format!("the credential report {what}, so {unknown} are unknown: {error}"))
}

/// Uses a report that is fresh enough, or that the profile insists on.
fn accept_report(
    reader: &Reader<'_>,
    source: LoginProfileSource,
    report: CredentialReport,
    read: &mut CredentialsRead,
) -> (CollectionState, Option<String>) {
    let mut state = (CollectionState::Whole, None);
    if report.unusable_rows > 0 {
        let message = format!(
            "{} rows of the credential report could not be understood; their users are read one by one, and \
             their access keys and MFA are unknown",
            report.unusable_rows
        );
        state = (CollectionState::Cut, Some(message.clone()));
        read.warnings.push(Warning::new("credential_report_rows_unusable", message));
    }
    let age = reader.clock.now().duration_since(report.generated_at);
    if age.unsigned_abs() > FRESH_FOR && age.is_positive() {
        let message = format!("the credential report is old: it was made at {}", report.generated_at);
        if source == LoginProfileSource::Auto {
            return (CollectionState::Skipped, Some(format!("{message}; users are read one by one instead")));
        }
        read.warnings.push(Warning::new("credential_report_old", message));
    }
    read.report = Some(ReportIndex::new(report));
    state
}

/// Asks for the report until it is made, at once the first time and then ever more slowly, and fetches it.
async fn fetch_report(reader: &Reader<'_>) -> Result<CredentialReport, ReadError> {
    let name = Some(CollectionName::CredentialReport);
    let began = Instant::now();
    let mut wait = Duration::ZERO;
    while reader.call(name, || reader.inventory.generate_credential_report()).await?
        != CredentialReportState::Complete
    {
        if began.elapsed() + wait > reader.patience.report_wait {
            let waited = reader.patience.report_wait.as_secs();
            return Err(ReadError::Broken(format!("AWS did not make the credential report in {waited} s")));
        }
        reader.clock.wait(wait).await;
        wait = (wait * 2).clamp(Duration::from_millis(250), Duration::from_secs(4));
    }
    reader.call(name, || reader.inventory.get_credential_report()).await
}
