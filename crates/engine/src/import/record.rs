//! What is kept of a run beside its changes: the completeness of each collection, warnings, and why it failed.

use jiff::Timestamp;
use keyreeve_model::{
    CollectionName, CollectionRecord, CollectionState, Effect, Failure, FailureKind, Suspicion, Warning,
};

use super::collect::Reading;
use super::credentials::CredentialsRead;
use super::progress::{Progress, Stage};

/// The states of the collections, as they became known.
#[derive(Debug, Default)]
pub(crate) struct Completeness {
    states: Vec<(CollectionName, CollectionState, Option<String>)>,
}

impl Completeness {
    /// Notes a listing; a later reading of the same collection replaces an earlier one.
    pub(crate) fn note<T>(&mut self, name: CollectionName, reading: &Reading<T>) {
        self.set(name, reading.state, reading.reason.clone());
    }

    /// Notes what was read of the credentials.
    pub(crate) fn note_credentials(&mut self, read: &CredentialsRead) {
        let skipped = || (CollectionState::Skipped, None);
        let (state, reason) = read.login_profiles_state.clone().unwrap_or_else(skipped);
        self.set(CollectionName::LoginProfiles, state, reason);
        let (state, reason) = read.report_state.clone().unwrap_or_else(skipped);
        self.set(CollectionName::CredentialReport, state, reason);
    }

    fn set(&mut self, name: CollectionName, state: CollectionState, reason: Option<String>) {
        self.states.retain(|(known, _, _)| *known != name);
        self.states.push((name, state, reason));
    }

    /// Why nothing may be published: the first needed collection that is not whole.
    pub(crate) fn shortfall(&self, at: Timestamp) -> Option<Failure> {
        let needed = [
            CollectionName::Users,
            CollectionName::AuthorizationDetails,
            CollectionName::Groups,
            CollectionName::Policies,
        ];
        let (name, state, reason) = self.states.iter().find(|(name, state, _)| {
            needed.contains(name) && matches!(state, CollectionState::Cut | CollectionState::Denied)
        })?;
        let (kind, what, advice) = match state {
            CollectionState::Denied => (
                FailureKind::Denied,
                "may not be read",
                "Grant the action named above, or leave the objects out of the import profile",
            ),
            _ => (
                FailureKind::Inconsistent,
                "could not be read to its end",
                "Run the import again; the last published run stays in force",
            ),
        };
        let reason = reason.as_deref().unwrap_or("no reason is known");
        Some(Failure {
            kind,
            message: format!("{} {what}, so nothing was imported: {reason}. {advice}.", name.as_str()),
            effect: Effect::None,
            at,
        })
    }

    fn is_whole(&self, name: CollectionName) -> bool {
        self.states.iter().any(|(known, state, _)| *known == name && *state == CollectionState::Whole)
    }

    /// The records of all collections, with the calls that were counted.
    pub(crate) fn records(&self, progress: &Progress) -> Vec<CollectionRecord> {
        let record = |name: CollectionName| {
            let counted = progress.of(name);
            let known = self.states.iter().find(|(known, _, _)| *known == name);
            // Begun and not ended: the run stopped in the middle.
            let unfinished = || {
                if counted.stage == Stage::Ended(CollectionState::Whole) {
                    return (CollectionState::Whole, None);
                }
                let state = if counted.calls == 0 { CollectionState::Skipped } else { CollectionState::Cut };
                (state, Some("the run was stopped before this was read to its end".to_owned()))
            };
            let (state, reason) =
                known.map(|(_, state, reason)| (*state, reason.clone())).unwrap_or_else(unfinished);
            let (state, reason) = match (name, state) {
                // All of the users that were listed is not all of the users.
                (CollectionName::LoginProfiles, CollectionState::Whole)
                    if !self.is_whole(CollectionName::Users) =>
                {
                    let state =
                        if counted.calls == 0 { CollectionState::Skipped } else { CollectionState::Cut };
                    (state, Some("the users were not read to their end".to_owned()))
                }
                _ => (state, reason),
            };
            CollectionRecord {
                name,
                state,
                items: counted.items,
                calls: counted.calls,
                retries: counted.retries,
                throttled: counted.throttled,
                reason,
            }
        };
        CollectionName::ALL.map(record).into()
    }
}

/// What the reading of a run came to.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) completeness: Completeness,
    pub(crate) suspicions: Vec<Suspicion>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) credential_report_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(state: CollectionState) -> Reading<()> {
        Reading { items: Vec::new(), state, reason: Some("ListUsers failed".to_owned()) }
    }

    #[test]
    fn only_needed_collections_that_are_not_whole_stop_a_run() {
        use CollectionName::{
            AuthorizationDetails, CredentialReport, Groups, LoginProfiles, Policies, Users,
        };
        use CollectionState::{Cut, Denied, Skipped, Whole};
        for name in [Users, AuthorizationDetails, Groups, Policies] {
            for (state, kind) in [
                (Whole, None),
                (Skipped, None),
                (Cut, Some(FailureKind::Inconsistent)),
                (Denied, Some(FailureKind::Denied)),
            ] {
                let mut completeness = Completeness::default();
                completeness.note(name, &reading(state));
                let shortfall = completeness.shortfall(Timestamp::UNIX_EPOCH);
                assert_eq!(shortfall.as_ref().map(|failure| failure.kind), kind, "{name:?} {state:?}");
                if let Some(failure) = shortfall {
                    assert!(failure.message.contains("ListUsers failed"), "{}", failure.message);
                    assert!(failure.message.starts_with(name.as_str()), "{}", failure.message);
                }
            }
        }
        for name in [LoginProfiles, CredentialReport] {
            let mut completeness = Completeness::default();
            completeness.note(name, &reading(Denied));
            assert_eq!(completeness.shortfall(Timestamp::UNIX_EPOCH), None, "{name:?} is optional");
        }
    }

    #[test]
    fn a_later_reading_replaces_an_earlier_one() {
        let mut completeness = Completeness::default();
        completeness.note(CollectionName::Users, &reading(CollectionState::Whole));
        completeness.note(CollectionName::Users, &reading(CollectionState::Cut));
        assert!(completeness.shortfall(Timestamp::UNIX_EPOCH).is_some());
        completeness.note(CollectionName::Users, &reading(CollectionState::Whole));
        assert_eq!(completeness.shortfall(Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn what_was_begun_and_never_ended_is_cut_and_what_was_not_begun_is_skipped() {
        let progress = Progress::default();
        progress.call(Some(CollectionName::Users), false);
        progress.call(Some(CollectionName::Groups), false);
        progress.stage(CollectionName::Groups, Stage::Ended(CollectionState::Whole));
        let records = Completeness::default().records(&progress);
        assert_eq!(records.len(), CollectionName::ALL.len());
        for record in records {
            if record.name == CollectionName::Groups {
                assert_eq!(record.state, CollectionState::Whole);
                continue;
            }
            let begun = record.name == CollectionName::Users;
            let expected = if begun { CollectionState::Cut } else { CollectionState::Skipped };
            assert_eq!((record.state, record.calls), (expected, u64::from(begun)), "{:?}", record.name);
        }
    }
}
