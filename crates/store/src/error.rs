//! What can go wrong in the store, said so that the reader knows what to do.
// size: one closed list of refusals, each with its words; callers match on it as a whole.

use std::io::ErrorKind;
use std::path::PathBuf;

use jiff::Timestamp;
use keyreeve_model::{
    AwsAccountId, ExternalId, Hint, ImportRunId, ImportRunState, JobId, JobState, ProfileName, System,
    SystemId, SystemName, TaskId, TaskKind, TokenId, ambiguous,
};

use crate::{KeyError, OpenDeletion, UrlError};

/// The store refused, or could not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another system in use has the name, perhaps in other case.
    #[error(
        "the name \"{name}\" belongs to another system already (names are unique ignoring case); choose another name"
    )]
    NameTaken {
        /// The name that was wanted.
        name: SystemName,
    },
    /// Another system has, or once had, the System ID, perhaps in other case.
    #[error(
        "the System ID {system_id} is taken already (ids are unique ignoring case, and those of removed systems stay \
         taken, because their history is kept); choose another System ID"
    )]
    SystemIdTaken {
        /// The id that was wanted.
        system_id: SystemId,
    },
    /// No such system.
    #[error("there is no system {system_id}; `keyreeve system list` shows those there are")]
    SystemNotFound {
        /// The id that was asked for.
        system_id: SystemId,
    },
    /// The system was removed: only its history can be read.
    #[error(
        "the system {system_id} was removed; its history can be read, but nothing else can be done with it"
    )]
    SystemRemoved {
        /// The system.
        system_id: SystemId,
    },
    /// The system is not as whoever changes it saw it.
    #[error("the system {system_id} was changed since it was read; read it again, and change what it is now")]
    SystemChanged {
        /// The system.
        system_id: SystemId,
    },
    /// A part of a system is not as whoever changes it saw it.
    #[error("{what} of {system_id} was changed since it was read; read it again, and change what it is now")]
    ChangedSince {
        /// The system.
        system_id: SystemId,
        /// Which part.
        what: String,
    },
    /// Every system has the import profile `default`.
    #[error("the import profile {profile} of {system_id} stays: every system has it")]
    ProfileStays {
        /// The system.
        system_id: SystemId,
        /// The profile.
        profile: ProfileName,
    },
    /// The system is quarantined: nothing runs until it is released.
    #[error(
        "the system {system_id} is quarantined; `keyreeve system show {system_id}` says why, and \
         `keyreeve system release {system_id}` ends it"
    )]
    SystemQuarantined {
        /// The system.
        system_id: SystemId,
    },
    /// The system's AWS account is not in use.
    #[error(
        "the system {system_id} is suspended, because its AWS account is not in use; `keyreeve system show {system_id}` \
         says why, and `keyreeve organization discover` looks again"
    )]
    SystemSuspended {
        /// The system.
        system_id: SystemId,
    },
    /// The system is pinned to another AWS account.
    #[error(
        "the system {system_id} is pinned to AWS account {pinned}, and {given} is another one; register the other \
         AWS account as a system of its own"
    )]
    PinnedElsewhere {
        /// The system.
        system_id: SystemId,
        /// The account it is pinned to.
        pinned: AwsAccountId,
        /// The account that was given.
        given: AwsAccountId,
    },
    /// No such import profile.
    #[error(
        "the system {system_id} has no import profile {profile}; `keyreeve import profile list {system_id}` shows those there are"
    )]
    ProfileNotFound {
        /// The system.
        system_id: SystemId,
        /// The profile that was asked for.
        profile: ProfileName,
    },
    /// No such import run.
    #[error("there is no import run {run}; `keyreeve import list ID` shows those of a system")]
    RunNotFound {
        /// The run that was asked for.
        run: ImportRunId,
    },
    /// The run exists, but its result was never published.
    #[error(
        "import run {run} was not published, so there is nothing to read as of it; `keyreeve import list ID` shows which of a system's runs were"
    )]
    RunNotPublished {
        /// The run.
        run: ImportRunId,
    },
    /// Two runs of different systems cannot be compared.
    #[error("import runs {first} and {second} belong to different systems; compare runs of one system")]
    DifferentSystems {
        /// One run.
        first: ImportRunId,
        /// The other.
        second: ImportRunId,
    },
    /// No such account at that moment.
    #[error(
        "the system {system_id} has no account {name:?} in the import that was read; `keyreeve account list {system_id}` shows those there are"
    )]
    AccountNotFound {
        /// The system.
        system_id: SystemId,
        /// The name or external id that was asked for.
        name: String,
    },
    /// What was asked for is the id of one account and the name of another.
    #[error("{}", ambiguous("account", given, name, external_id.as_str()))]
    AmbiguousAccount {
        /// What was asked for.
        given: String,
        /// The name of whose id it is.
        name: String,
        /// The id of whose name it is.
        external_id: ExternalId,
    },
    /// Another import of the system holds a live lease.
    #[error("import run {run} of this system is under way until {lease_until} at least; wait for it to end")]
    ImportRunning {
        /// The run.
        run: ImportRunId,
        /// When its lease ends unless it is renewed.
        lease_until: Timestamp,
    },
    /// Somebody else saw to a time of a schedule, or the schedule was changed.
    #[error("this time of import profile {profile} of system {system_id} was seen to by another process")]
    TurnTaken {
        /// The system.
        system_id: SystemId,
        /// The profile.
        profile: ProfileName,
    },
    /// The run was taken away: its lease ran out and another took over, or it has ended.
    #[error(
        "import run {run} is no longer ours (its lease ran out and it was ended, or it was ended elsewhere); nothing was written, import again"
    )]
    LeaseLost {
        /// The run.
        run: ImportRunId,
    },
    /// Another run was published since this one began.
    #[error("import run {run} was compared with {}, but {} has been published since; nothing was written, import again", words(*.baseline), words(*.latest))]
    BaselineMoved {
        /// The run.
        run: ImportRunId,
        /// What it was compared with.
        baseline: Option<ImportRunId>,
        /// What is published now.
        latest: Option<ImportRunId>,
    },
    /// A suspended run cannot be accepted any more.
    #[error("import run {run} was compared with {}, but {} has been published since, so its changes are out of date; reject it and import again", words(*.baseline), words(*.latest))]
    Superseded {
        /// The run.
        run: ImportRunId,
        /// What it was compared with.
        baseline: Option<ImportRunId>,
        /// What is published now.
        latest: Option<ImportRunId>,
    },
    /// The kept changes of a run are not those that were recorded.
    #[error(
        "the kept changes of import run {run} do not match their recorded digest, so they were altered; reject the run and import again"
    )]
    EvidenceAltered {
        /// The run.
        run: ImportRunId,
    },
    /// A run cannot move to that state.
    #[error("import run {run} is {}, so it cannot become {}; `keyreeve import show {run}` shows it", from.as_str(), to.as_str())]
    IllegalMove {
        /// The run.
        run: ImportRunId,
        /// The state it is in.
        from: ImportRunState,
        /// The state that was wanted.
        to: ImportRunState,
    },
    /// The changes do not fit what is published.
    #[error(
        "publishing import run {run}: its {object_type} changes do not fit what is published ({expected} to replace, {found} found); nothing was written, import again"
    )]
    ChangesDoNotFit {
        /// The run.
        run: ImportRunId,
        /// Which objects.
        object_type: &'static str,
        /// How many current versions should have been closed.
        expected: u64,
        /// How many there were.
        found: u64,
    },
    /// Nothing had been published at that time.
    #[error("nothing was known of the system {system_id} then; {}", earliest_words(system_id, *.earliest))]
    NothingThen {
        /// The system.
        system_id: SystemId,
        /// When its first run was published; `None` when none was.
        earliest: Option<Timestamp>,
    },
    /// What is asked for needs history that was given up.
    #[error(
        "the history of the system {system_id} before {since} is not kept, and this cannot be told without it; ask for what was later. How long history is kept is said by `history_days`"
    )]
    HistoryNotKept {
        /// The system.
        system_id: SystemId,
        /// As of this moment and later ones, all is kept.
        since: Timestamp,
    },
    /// Nothing was ever published of the system: what is asked for is unknown, and not nothing.
    #[error("{}", not_imported_words(system_id, *.removed))]
    NotImported {
        /// The system.
        system_id: SystemId,
        /// It never will be: it was removed.
        removed: bool,
    },
    /// No such provisioning job.
    #[error("there is no job {job}; `keyreeve job list ID` shows those of a system")]
    JobNotFound {
        /// The job that was asked for.
        job: JobId,
    },
    /// Somebody else does a request now, because this one took too long.
    #[error(
        "the request took so long that a repeat of it is being done instead; nothing was written down for this one"
    )]
    RequestTaken,
    /// Since the plan was made, others asked for so much that a second person must agree.
    #[error("{}", over_cap_words(*kind, [*asked, *recent, *at_most], *retried))]
    OverCap {
        /// The kind of task.
        kind: TaskKind,
        /// How many the job would have.
        asked: u64,
        /// How many count already.
        recent: u64,
        /// How many are allowed.
        at_most: u64,
        /// The job that was to be tried again, if it is not a new one.
        retried: Option<JobId>,
    },
    /// A job cannot move to that state.
    #[error("{}; `keyreeve job show {job}` shows it", job_words(*job, *from, *to))]
    JobState {
        /// The job.
        job: JobId,
        /// The state it is in.
        from: JobState,
        /// The state that was wanted.
        to: JobState,
    },
    /// A job that has not failed is not dismissed.
    #[error(
        "job {job} is {}, and only a job that failed, wholly or in part, is dismissed; `keyreeve job show {job}` shows it",
        state.as_str().replace('_', " ")
    )]
    JobNotFailed {
        /// The job.
        job: JobId,
        /// The state it is in.
        state: JobState,
    },
    /// Somebody has dismissed a job already.
    #[error(
        "{by} has dismissed job {job} at {at} already, and that stays as it is; `keyreeve job show {job}` shows it"
    )]
    JobDismissed {
        /// The job.
        job: JobId,
        /// Who dismissed it.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// What is to be tried again would delete an account that another job is about to delete.
    #[error("{}", deletion_words(*job, account, other.as_deref()))]
    DeletionUnderWay {
        /// The job that was to be tried again.
        job: JobId,
        /// The account.
        account: String,
        /// The other deletion; `None` for whoever may not see its system.
        other: Option<Box<OpenDeletion>>,
    },
    /// A job does not wait for a second person any more, because one has decided.
    #[error(
        "job {job} was {} by {by} at {at} already: it is {}; `keyreeve job show {job}` shows it",
        if *state == JobState::Cancelled { "decided" } else { "approved" },
        state.as_str().replace('_', " ")
    )]
    JobDecided {
        /// The job.
        job: JobId,
        /// Who decided.
        by: String,
        /// When.
        at: Timestamp,
        /// The state it is in.
        state: JobState,
    },
    /// No task of the job can be tried again.
    #[error("job {job} has no task that failed or waits for a person, so there is nothing to retry")]
    NothingToRetry {
        /// The job.
        job: JobId,
    },
    /// Who asked for a job wants to decide it.
    #[error(
        "{actor} asked for job {job}, so somebody else must approve it; `keyreeve token create --owner NAME --role \
         approver` makes them a token"
    )]
    OwnApproval {
        /// The job.
        job: JobId,
        /// Who asked, and now wants to approve.
        actor: String,
    },
    /// Who asked for a job wants to reject it.
    #[error(
        "{actor} asked for job {job}, and whoever asked takes it back instead of rejecting it; `keyreeve job cancel {job}`"
    )]
    OwnRejection {
        /// The job.
        job: JobId,
        /// Who asked, and now wants to reject.
        actor: String,
    },
    /// Who approves a job would approve a change of the account that has their own name.
    #[error(
        "job {job} changes the account {account}, which has the name of {actor}: somebody else must approve it"
    )]
    OwnAccount {
        /// The job.
        job: JobId,
        /// Who wants to approve it.
        actor: String,
        /// The account.
        account: String,
    },
    /// No such task.
    #[error("there is no task {task}; `keyreeve job show` shows those of a job")]
    TaskNotFound {
        /// The task that was asked for.
        task: TaskId,
    },
    /// Another process changes the AWS account by now.
    #[error(
        "the right to change AWS account {place} was lost to another process, which goes on with what is left; nothing was \
         written"
    )]
    PlaceLost {
        /// The AWS account.
        place: String,
    },
    /// The task was taken away: its lease ran out and another took over, or it has ended.
    #[error(
        "task {task} is no longer ours (its lease ran out and it was taken over, or it was ended elsewhere); nothing was written for it"
    )]
    TaskLeaseLost {
        /// The task.
        task: TaskId,
    },
    /// A password was handed over already.
    #[error(
        "this password was shown already, and it is shown once only; if that was not its owner, reset the password"
    )]
    DeliveryUsed,
    /// A password was changed or taken away before anybody opened it.
    #[error(
        "this password does not sign in any more: the account's console password was changed or taken away after it \
         was made, so it was wiped; open what was delivered last, or reset the password"
    )]
    DeliverySuperseded,
    /// There is no password to hand over: it expired, was destroyed, or never was.
    #[error("there is no password to show: it has expired, was destroyed, or never was; reset the password")]
    DeliveryGone,
    /// Nothing like this is on the protect list.
    #[error(
        "the protect list of {system_id} has no {kind} {value:?}; `keyreeve protect list {system_id}` shows what it has"
    )]
    ProtectionNotFound {
        /// The system.
        system_id: SystemId,
        /// Account, path or tag.
        kind: &'static str,
        /// Which.
        value: String,
    },
    /// No such token.
    #[error("there is no token {token}; `keyreeve token list` shows those there are")]
    TokenNotFound {
        /// The token that was asked for.
        token: TokenId,
    },
    /// Another token has the public half.
    #[error("there is a token {token} already; make another one")]
    TokenTaken {
        /// The token that was wanted.
        token: TokenId,
    },
    /// The same asking has made a token before.
    #[error("this was asked for before, and made the token {token}; of its text nothing is kept")]
    TokenMadeBefore {
        /// That one.
        token: TokenId,
    },
    /// Nobody is called so.
    #[error("there is no person {name:?}; `keyreeve person list` shows who there is")]
    PersonNotFound {
        /// Who was asked for.
        name: String,
    },
    /// Somebody is called so already.
    #[error("there is a person {name} already; choose another name")]
    PersonTaken {
        /// The name.
        name: String,
    },
    /// Somebody has no password and no role of ours.
    #[error(
        "an identity provider vouches for {name}: password and role are changed there; here {name} can be disabled or \
         removed"
    )]
    PersonOfProvider {
        /// Who.
        name: String,
    },
    /// Nobody would be left to administer everything.
    #[error(
        "{who} is the last to administer everything, as a person or with a token that does not expire; add another \
         admin first (`keyreeve person add NAME --role admin`)"
    )]
    LastAdmin {
        /// Whose rights, or which token.
        who: String,
    },
    /// No such session.
    #[error("there is no session {session}, or it has ended")]
    SessionNotFound {
        /// Its name.
        session: keyreeve_model::SessionId,
    },
    /// A SCIM client calls something else so already.
    #[error(
        "another {resource_type} of this client has that externalId; externalIds are unique for each client"
    )]
    ScimExternalIdTaken {
        /// `User` or `Group`.
        resource_type: String,
    },
    /// A change over SCIM rests on how a user or a group was, and it has changed since.
    #[error("the resource has changed since; read it again")]
    ScimChanged,
    /// The audit log is not as it was written.
    #[error(
        "the audit log is broken at row {seq}: {what}; keep the store as it is, and compare it with a backup or with an end \
         of the log that was noted (`keyreeve audit verify --head SEQ:HASH`)"
    )]
    AuditBroken {
        /// The first row that is not as it was.
        seq: i64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// No store where one should be.
    #[error("there is no store at {place}; run `keyreeve init` to make one, or mend the address")]
    NoStore {
        /// The address.
        place: String,
    },
    /// A store, or something else, is where a new one should be made.
    #[error("making a store at {place}: something is there already; open it, or choose another place")]
    AlreadyThere {
        /// The address.
        place: String,
    },
    /// No connection to the server of the database.
    #[error("the database server at {place} cannot be used: {why}; {advice}")]
    Unreachable {
        /// Host and port.
        place: String,
        /// Why not.
        why: String,
        /// What to do.
        advice: String,
    },
    /// Something is there, but Keyreeve did not make it.
    #[error(
        "what is at {place} is not a Keyreeve store; mend the address, or run `keyreeve init` with another place"
    )]
    NotAStore {
        /// The address.
        place: String,
    },
    /// The file is damaged.
    #[error("the store at {place} is damaged: {what}; restore a backup with `keyreeve store restore BACKUP`")]
    Damaged {
        /// The address.
        place: String,
        /// What was found.
        what: String,
    },
    /// The tables of the audit log, or the triggers that keep its rows, are not those that were made.
    #[error(
        "the audit log of the store at {place} was altered: its tables or triggers are not those that were made ({what}), \
         so somebody with access to the database changed them; {rows}; keep a copy of the file as it is, and restore a \
         backup with `keyreeve store restore BACKUP`",
        rows = of_rows(*broken)
    )]
    AuditAltered {
        /// The address.
        place: String,
        /// Which of them, and how.
        what: String,
        /// The first row that is not as it was, and what is wrong with it, where the rows were looked at and one was found.
        broken: Option<(i64, &'static str)>,
    },
    /// The file of the audit log's checkpoint is none that was written with this store's key.
    #[error(
        "the checkpoint of the audit log, {}, was altered: it was not written with this store's key, so somebody changed \
         it; keep a copy, look into it, and let it begin anew with `keyreeve audit verify --renew-checkpoint REASON`",
        path.display()
    )]
    CheckpointAltered {
        /// The file.
        path: PathBuf,
    },
    /// A backup cannot take the store's place.
    #[error("{backup} cannot be restored: {why}, and nothing was changed; {advice}")]
    BackupRefused {
        /// The backup.
        backup: String,
        /// What is wrong with it.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// A backup's file cannot be made.
    #[error("backing the store up to {backup}: {why}; {advice}")]
    BackupNotWritten {
        /// The file that was wanted.
        backup: String,
        /// Why not.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// Somebody uses the store whose file is to be replaced.
    #[error("the store at {place} is in use: {by}, and nothing was changed; {advice}")]
    InUse {
        /// The file.
        place: String,
        /// By what.
        by: String,
        /// What to do.
        advice: String,
    },
    /// What a restore would bring back is not what it was compared as.
    #[error(
        "the store at {place} was changed since the backup was compared with it, and was not replaced; look with \
         --plan at what is gone since, then try again"
    )]
    ChangedSinceCompared {
        /// The file.
        place: String,
    },
    /// A store cannot be moved to PostgreSQL.
    #[error("moving the store to PostgreSQL: {why}, and nothing was changed; {advice}")]
    MoveRefused {
        /// Why not.
        why: String,
        /// What to do.
        advice: String,
    },
    /// PostgreSQL gives back something else than what it was given.
    #[error(
        "moving the store to PostgreSQL: what is there of the table {table} is not what was read here, so nothing was \
         changed, here or there; try again and, if it happens again, leave the store where it is and look into the disks \
         and the memory of both machines"
    )]
    MoveDiffers {
        /// Which table.
        table: String,
    },
    /// A store was moved to PostgreSQL, and its file has kept its name.
    #[error(
        "the store is at {to} from now on, but its file {file} could not be given another name ({why}); move it aside by \
         hand, so that nobody works on with it, and set `database` to {to}"
    )]
    MovedNotRenamed {
        /// The file.
        file: String,
        /// Where the store is.
        to: String,
        /// Why not.
        why: String,
    },
    /// Another restore, or another plan of one, has its copy beside the store.
    #[error(
        "another restore of the store at {place} is under way, perhaps waiting for an answer, and nothing was changed; \
         let it end, then try again"
    )]
    RestoreUnderWay {
        /// The file.
        place: String,
    },
    /// A newer Keyreeve made the store.
    #[error(
        "the store at {place} has schema version {found}, made by a newer Keyreeve; this one knows versions up to \
         {known}; run the newer Keyreeve"
    )]
    NewerVersion {
        /// The address.
        place: String,
        /// The version found.
        found: i64,
        /// The greatest version this program knows.
        known: i64,
    },
    /// A migration recorded in the store differs from the one in this program.
    #[error(
        "the store at {place} was made with another text of migration {version} ({name}); it belongs to a different \
         build of Keyreeve: run that one, or restore a backup with `keyreeve store restore BACKUP`"
    )]
    MigrationAltered {
        /// The address.
        place: String,
        /// The version.
        version: i64,
        /// Its name.
        name: String,
    },
    /// The store was made with another key.
    #[error("this store belongs to another key; give the key file it was made with")]
    WrongKey,
    /// The store had this key, until another one took its place.
    #[error(
        "this is key {version} of the store, which key {by} replaced, made {at:.0}{}; give that one. Key {version} opens the \
         backups made before",
        kept_at(kept)
    )]
    KeyReplaced {
        /// Which of the store's keys was given.
        version: i64,
        /// Which one opens it now.
        by: i64,
        /// When that one was made.
        at: Timestamp,
        /// Where that one is kept.
        kept: String,
    },
    /// The store was to have this key, and the change to it was given up.
    #[error(
        "this is key {version} of the store, and the change to it was given up: key {stays} opens the store{}",
        kept_at(kept)
    )]
    KeyGivenUp {
        /// Which of the store's keys was given.
        version: i64,
        /// Which one opens it.
        stays: i64,
        /// Where that one is kept.
        kept: String,
    },
    /// The key is in another kind of place than the one where it was looked for.
    #[error(
        "the key of this store is kept at {kept}, and the configuration looks elsewhere ({why}); set `key` to {kept}"
    )]
    KeptElsewhere {
        /// Where it is kept.
        kept: String,
        /// What was found where it was looked for.
        why: String,
    },
    /// Something of a system is under way that must not be met by this.
    #[error(
        "{by} of system {system_id} is under way until {until:.0} at least; wait for it to end, then try again"
    )]
    SystemBusy {
        /// The system.
        system_id: SystemId,
        /// What is under way.
        by: String,
        /// When its lease ends unless it is renewed.
        until: Timestamp,
    },
    /// The system was given other credentials since this process took them out.
    #[error("the credentials of system {system_id} were replaced since this command began; run it again")]
    CredentialsReplaced {
        /// The system.
        system_id: SystemId,
    },
    /// Somebody else works on the rotation.
    #[error(
        "the rotation of the access key of system {system_id} was taken over or ended elsewhere; look with \
         `keyreeve system rotate-key {system_id} --plan`"
    )]
    RotationLost {
        /// The system.
        system_id: SystemId,
    },
    /// The store's key has changed since the store was opened.
    #[error("the store's key was changed since this command began, and nothing was done; run it again")]
    KeyChanged,
    /// The store's key has changed since the store was opened, or the change to the one it was opened with was given up,
    /// and the one that opens it now could not be fetched.
    #[error(
        "the key that this process began with opens the store no more, and the one that does could not be fetched \
         ({why}); nothing was done, restart `keyreeve serve`, or run the command again, with the key that opens it"
    )]
    KeyNotFetched {
        /// Why.
        why: String,
        /// Whether that is because the change to the key that this process holds was given up.
        given_up: bool,
    },
    /// There is no change of the key to give up.
    #[error("no change of the store's key is under way, so there is none to give up")]
    NoKeyChange,
    /// Giving up a change takes the key that stays.
    #[error(
        "to give the change up takes key {version}, which opens the store without it, and this command was given the new \
         key; name the other for this command: KEYREEVE_KEY={kept}, or where it is kept now"
    )]
    OldKeyNeeded {
        /// Which of the store's keys.
        version: i64,
        /// Where it was kept when it was made.
        kept: String,
    },
    /// A change cannot be given up, because what was sealed meanwhile would be lost.
    #[error(
        "key {version}, the new one, alone opens the data keys of {}, and nothing was done; end the change with that key, \
         kept at {kept}, by `keyreeve secrets rekey`. If it is lost for good, remove each of these systems with `keyreeve \
         system remove`, give the change up, and register them again under other ids; for the audit log's, restore a backup made before",
        whose.join(", ")
    )]
    NewKeyNeeded {
        /// Which of the store's keys.
        version: i64,
        /// Where it was kept when it was made.
        kept: String,
        /// The systems, and the audit log if it is among them.
        whose: Vec<String>,
    },
    /// A key that the store has, or has had, is no new one.
    #[error("that is a key this store has or has had already; a new one must be made")]
    KeyUsed,
    /// The store's key is being changed.
    #[error(
        "the store's key is being changed, so no new system can be registered just now; try again in a moment or, if \
         nobody is at it, end it with `keyreeve secrets rekey`"
    )]
    KeyChanging,
    /// A secret could not be opened. Why is not said, because that could help an attacker.
    #[error(
        "the secret of {row} cannot be opened: it was altered, or sealed with another key; set the credentials anew"
    )]
    SecretUnreadable {
        /// Whose secret.
        row: String,
    },
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The address.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A file operation that only SQLite has.
    #[error("{doing}: a PostgreSQL store is not a file; use PostgreSQL's own tools (pg_dump, pg_restore)")]
    UsePgDump {
        /// What was being done.
        doing: &'static str,
    },
    /// A stored value cannot be understood.
    #[error(
        "reading the store: {what}; the store was changed by something else: restore a backup with `keyreeve store restore BACKUP`"
    )]
    Data {
        /// What is wrong.
        what: String,
    },
    /// No room.
    #[error(
        "{doing}: the disk that holds {place} is full, and nothing was written; make room on it, then try again"
    )]
    DiskFull {
        /// What was being done.
        doing: &'static str,
        /// The address.
        place: String,
    },
    /// The database can be read, but not written.
    #[error(
        "{doing}: {place} cannot be written, and nothing was; let this user write the database, its folder and its \
         file system, then try again"
    )]
    Unwritable {
        /// What was being done.
        doing: &'static str,
        /// The address.
        place: String,
    },
    /// The disk or the network refused.
    #[error("{doing}: {}; nothing was written, {} and try again", storage_words(source).0, storage_words(source).1)]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database refused.
    #[error("{doing}: the database refused; nothing was written")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: DatabaseFailure,
    },
    /// The connection was lost while committing: it may or may not have happened.
    #[error(
        "{doing}: the answer to the commit was lost, so it may or may not have been written; look before repeating"
    )]
    CommitUnknown {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: DatabaseFailure,
    },
}

/// Why a database refused, without the values that were sent to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DatabaseFailure {
    pub(crate) message: String,
    pub(crate) transient: bool,
    /// A unique index was violated.
    pub(crate) unique: bool,
}

impl StoreError {
    /// Nothing was ever published of this system.
    #[must_use]
    pub fn not_imported(system: &System) -> Self {
        Self::NotImported { system_id: system.system_id.clone(), removed: system.removed_at.is_some() }
    }

    /// Whether the same transaction may succeed when it is simply begun again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Database { source, .. } if source.transient)
    }

    /// The first row of the audit log that is not as it was written, where this says so.
    #[must_use]
    pub const fn broken_row(&self) -> Option<i64> {
        match self {
            Self::AuditBroken { seq, .. } | Self::AuditAltered { broken: Some((seq, _)), .. } => Some(*seq),
            _ => None,
        }
    }

    /// The same refusal once more, for each of those who shared a transaction.
    pub(crate) fn repeated(&self) -> Self {
        match self {
            Self::Io { doing, source } => {
                Self::Io { doing, source: std::io::Error::new(source.kind(), source.to_string()) }
            }
            Self::Database { doing, source } => Self::Database { doing, source: source.clone() },
            Self::CommitUnknown { doing, source } => Self::CommitUnknown { doing, source: source.clone() },
            Self::Damaged { place, what } => Self::Damaged { place: place.clone(), what: what.clone() },
            Self::AuditAltered { place, what, broken } => {
                Self::AuditAltered { place: place.clone(), what: what.clone(), broken: *broken }
            }
            Self::Data { what } => Self::Data { what: what.clone() },
            Self::DiskFull { doing, place } => Self::DiskFull { doing, place: place.clone() },
            Self::Unwritable { doing, place } => Self::Unwritable { doing, place: place.clone() },
            other => Self::Data { what: other.to_string() },
        }
    }
}

/// Why a job does not do what was asked of it.
fn job_words(job: JobId, from: JobState, to: JobState) -> String {
    match (from, to) {
        (JobState::Cancelled, JobState::Cancelled) => format!("job {job} is cancelled already"),
        (JobState::AwaitingApproval, _) => {
            format!("job {job} waits for a second person's approval (`keyreeve job approve {job}`)")
        }
        (JobState::Queued | JobState::Running, _) => format!("job {job} is {} already", from.as_str()),
        (JobState::Succeeded | JobState::Failed | JobState::PartiallyFailed | JobState::Cancelled, _) => {
            format!("job {job} has ended already: it is {}", from.as_str().replace('_', " "))
        }
    }
}

/// Who asks for too much, and what to do instead.
fn over_cap_words(kind: TaskKind, [asked, recent, at_most]: [u64; 3], retried: Option<JobId>) -> String {
    let of_kind = |number: u64| {
        let (one, many) = match kind {
            TaskKind::DeleteAccount => ("deletion", "deletions"),
            TaskKind::DeactivateAccount => ("deactivation", "deactivations"),
            other => return format!("{number} of {}", other.as_str()),
        };
        format!("{number} {}", if number == 1 { one } else { many })
    };
    let were = |number: u64| if number == 1 { "was" } else { "were" };
    let need = match at_most {
        0 => "every one needs a second person".to_owned(),
        some => format!("more than {some} of them all need a second person"),
    };
    let begun = format!("{} begun lately or not ended", were(recent));
    match retried {
        None => format!(
            "others asked for the same meanwhile: {} {begun}, {asked} more {} asked for here, and {need}; nothing was \
             written: ask again, and the job will wait for a second person's approval",
            of_kind(recent),
            if asked == 1 { "is" } else { "are" },
        ),
        Some(job) => {
            let others = if recent == 0 {
                String::new()
            } else {
                format!("{} {begun} besides, and ", of_kind(recent))
            };
            let it = if asked == 1 { "it" } else { "them" };
            format!(
                "job {job} would begin {} again, and nobody has approved that: {others}{need}; ask for {it} as a new \
                 job, which will wait for a second person's approval",
                of_kind(asked)
            )
        }
    }
}

/// Which job deletes an account already, and what to do.
fn deletion_words(job: JobId, account: &str, other: Option<&OpenDeletion>) -> String {
    let account = account.escape_debug();
    let Some(OpenDeletion { job: other, system_id, state }) = other else {
        return format!(
            "a job of another system of this AWS account deletes {account} already, so job {job} does not begin that again"
        );
    };
    let (stands, then) = match state {
        JobState::AwaitingApproval => {
            ("waits for a second person", "have that one approved, or have it taken back first")
        }
        _ => ("has not ended", "try again if that one does not succeed"),
    };
    format!(
        "job {other} of system {system_id}, which {stands}, deletes {account} already (see {}), so job {job} does not begin \
         that again: {then}",
        Hint::ShowJob(*other)
    )
}

fn kept_at(kept: &str) -> String {
    if kept.is_empty() { String::new() } else { format!(" (kept at {kept})") }
}

fn words(run: Option<ImportRunId>) -> String {
    run.map_or_else(|| "an empty history".to_owned(), |run| format!("run {run}"))
}

/// What is wrong with the storage, and what to do.
fn storage_words(error: &std::io::Error) -> (&'static str, &'static str) {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ("the disk is full", "make room on it"),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => (
            "this user may not use the file or its folder",
            "mend their rights and how the file system is mounted",
        ),
        _ => ("the storage failed", "check disk and network"),
    }
}

fn not_imported_words(system_id: &SystemId, removed: bool) -> String {
    match removed {
        false => format!("system {system_id} has not been imported yet"),
        true => {
            format!("system {system_id} was removed before it was ever imported, so nothing is known of it")
        }
    }
}

fn earliest_words(system_id: &SystemId, earliest: Option<Timestamp>) -> String {
    match earliest {
        Some(time) => format!("its history begins at {time}"),
        None => format!("no import has been published yet: run `keyreeve import run {system_id}`"),
    }
}

/// What is said of the rows of a log whose tables or triggers were altered.
fn of_rows(broken: Option<(i64, &'static str)>) -> String {
    match broken {
        Some((seq, what)) => format!("the first row that is not as it was written is row {seq}: {what}"),
        None => {
            "`keyreeve audit verify` names the first row that is not as it was written, if any is".to_owned()
        }
    }
}
