//! Named points at which a test can end the process, to prove that each of them is safe.
//!
//! Only with the feature `faults`, which no released binary has, and the environment variable `KEYREEVE_CRASH_AT`:
//! the name of a point, and after a colon the how-manieth passing of it ends the process.

/// Declares the points once, so that none can be left out of the list of all.
macro_rules! crash_points {
    ($($(#[$said:meta])* $point:ident = $name:literal in $stage:ident,)*) => {
        /// A point on either side of something that lasts: a commit, or a call that changes AWS.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum CrashPoint {
            $($(#[$said])* $point,)*
        }

        impl CrashPoint {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// The name by which a test asks for it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }

            /// What is under way there.
            #[must_use]
            pub fn stage(self) -> CrashStage {
                match self {
                    $(Self::$point => CrashStage::$stage,)*
                }
            }
        }
    };
}

/// What is under way at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashStage {
    /// A job is written down.
    Queuing,
    /// A task is worked on.
    Working,
    /// An import begins or ends.
    Importing,
    /// The store's key is changed.
    Rekeying,
    /// An access key is rotated.
    Rotating,
    /// The connector's own access is made.
    Bootstrapping,
    /// The store is moved to another database.
    Moving,
    /// Old history is given up.
    Forgetting,
}

crash_points! {
    /// All of a job is written, and not committed.
    BeforeJobCommit = "before_job_commit" in Queuing,
    /// The job is durable, and nobody was told.
    AfterJobCommit = "after_job_commit" in Queuing,
    /// Tasks are taken, and not committed.
    BeforeClaimCommit = "before_claim_commit" in Working,
    /// The leases are durable, and nothing was done.
    AfterClaimCommit = "after_claim_commit" in Working,
    /// A call is about to be written down.
    BeforeAttemptCommit = "before_attempt_commit" in Working,
    /// The attempt is durable, and nothing was sent.
    AfterAttemptCommit = "after_attempt_commit" in Working,
    /// The call was sent, and its answer is awaited.
    AfterSend = "after_send" in Working,
    /// The answer is there, and nobody wrote it down.
    AfterResponse = "after_response" in Working,
    /// What became of a step is about to be written down.
    BeforeResultCommit = "before_result_commit" in Working,
    /// What became of a step is durable.
    AfterResultCommit = "after_result_commit" in Working,
    /// Other steps are about to be written down.
    BeforeReplanCommit = "before_replan_commit" in Working,
    /// The other steps are durable.
    AfterReplanCommit = "after_replan_commit" in Working,
    /// A task is about to be put off.
    BeforePostponeCommit = "before_postpone_commit" in Working,
    /// A task is put off.
    AfterPostponeCommit = "after_postpone_commit" in Working,
    /// The end of a task is about to be written down.
    BeforeEndCommit = "before_end_commit" in Working,
    /// The end of a task is durable.
    AfterEndCommit = "after_end_commit" in Working,
    /// A run is written, and not committed.
    BeforeBeginCommit = "before_begin_commit" in Importing,
    /// The run is durable, and nothing was read.
    AfterBeginCommit = "after_begin_commit" in Importing,
    /// Some of the rows of a run that is published are written.
    MidPublish = "mid_publish" in Importing,
    /// All rows of a run that is published are written, and not committed.
    BeforePublishCommit = "before_publish_commit" in Importing,
    /// Readers see the run.
    AfterPublishCommit = "after_publish_commit" in Importing,
    /// What is given up of history is written, and not committed.
    BeforeHistoryCommit = "before_history_commit" in Forgetting,
    /// Old history is given up, and nothing of it is removed.
    AfterHistoryCommit = "after_history_commit" in Forgetting,
    /// Some of what was given up is removed.
    AfterSomeForgotten = "after_some_forgotten" in Forgetting,
    /// An old part of a table is dropped, and that is not committed.
    BeforePartDropped = "before_part_dropped" in Forgetting,
    /// The next key is in its file, and the store does not know of it.
    AfterNextKey = "after_next_key" in Rekeying,
    /// A step of the change is written, and not committed.
    BeforeRekeyCommit = "before_rekey_commit" in Rekeying,
    /// A step of the change is durable.
    AfterRekeyCommit = "after_rekey_commit" in Rekeying,
    /// The old key file has its second name, and is still in its place.
    BeforeKeySwap = "before_key_swap" in Rekeying,
    /// The new key file is in its place.
    AfterKeySwap = "after_key_swap" in Rekeying,
    /// A step of the rotation is written, and not committed.
    BeforeRotationCommit = "before_rotation_commit" in Rotating,
    /// A step of the rotation is durable.
    AfterRotationCommit = "after_rotation_commit" in Rotating,
    /// A call that changes keys was answered, and nobody wrote it down.
    AfterRotationCall = "after_rotation_call" in Rotating,
    /// A call is written down, or what became of it, and not committed.
    BeforeAccessCommit = "before_access_commit" in Bootstrapping,
    /// A call, or what became of it, is durable.
    AfterAccessCommit = "after_access_commit" in Bootstrapping,
    /// A call was answered, and nobody wrote it down.
    AfterAccessCall = "after_access_call" in Bootstrapping,
    /// Some tables are carried over.
    MidMove = "mid_move" in Moving,
    /// All is carried over, and not committed.
    BeforeMoveCommit = "before_move_commit" in Moving,
    /// The store is in its new place, and its file still in the old one.
    AfterMoveCommit = "after_move_commit" in Moving,
    /// The file has its other name.
    AfterMoveRename = "after_move_rename" in Moving,
}

impl CrashPoint {
    /// Passes the point, unless a test wants the process to end there.
    #[cfg(feature = "faults")]
    pub fn pass(self) {
        use std::sync::atomic::{AtomicU64, Ordering};
        static PASSED: AtomicU64 = AtomicU64::new(0);
        let Some(number) = self.wanted() else { return };
        if PASSED.fetch_add(1, Ordering::SeqCst) + 1 == number {
            // As abrupt as a kill: nothing is flushed, no destructor runs.
            std::process::abort();
        }
    }

    /// Passes the point.
    #[cfg(not(feature = "faults"))]
    pub fn pass(self) {}

    /// Whether a test wants the process to end there.
    #[must_use]
    pub fn is_wanted(self) -> bool {
        #[cfg(feature = "faults")]
        return self.wanted().is_some();
        #[cfg(not(feature = "faults"))]
        return false;
    }

    /// Which passing of it ends the process, from 1.
    #[cfg(feature = "faults")]
    fn wanted(self) -> Option<u64> {
        let wanted = std::env::var("KEYREEVE_CRASH_AT").ok()?;
        let (name, number) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        (name == self.name()).then(|| number.parse().unwrap_or(1))
    }
}
