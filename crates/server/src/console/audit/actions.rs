//! What the audit log says that was done, in plain words.

use crate::console::states::Words;

/// The words of the log, and what they say.
pub(super) const ACTIONS: &Words = &[
    ("access_call_attempted", "Call about the connector's access begun"),
    ("access_call_settled", "Call about the connector's access ended"),
    ("access_refused", "Request refused"),
    ("audit_checkpoint_renewed", "Checkpoint of the log made anew"),
    ("audit_key_replaced", "Key of the log replaced"),
    ("claims_settled", "Changes confirmed or contradicted by an import"),
    ("credentials_replaced", "Credentials of the system replaced"),
    ("drift_accepted", "Drift accepted"),
    ("history_trimmed", "Old history given up"),
    ("import_accepted", "Import accepted"),
    ("import_rejected", "Import rejected"),
    ("job_approved", "Job approved"),
    ("job_cancel_asked", "Job's cancelling asked for"),
    ("job_cancelled", "Job cancelled"),
    ("job_created", "Job asked for"),
    ("job_dismissed", "Failed job dismissed"),
    ("job_ended", "Job ended"),
    ("job_held", "Job held back"),
    ("job_rejected", "Job rejected"),
    ("job_released", "Job let go on"),
    ("job_retried", "Job tried again"),
    ("job_started", "Job begun"),
    ("key_rotation_abandoned", "Replacing of an access key given up"),
    ("key_rotation_begun", "Replacing of an access key begun"),
    ("key_rotation_finished", "Replacing of an access key ended"),
    ("key_rotation_handed_over", "New access key taken into use"),
    ("key_rotation_key_made", "New access key made"),
    ("key_rotation_old_key_off", "Old access key switched off"),
    ("key_rotation_taken_over", "Replacing of an access key taken over"),
    ("manifest_kept", "What was switched off noted"),
    ("mapping_reset", "Task mapping set back to the default"),
    ("mapping_set", "Task mapping set"),
    ("membership_noted", "Place in the organization noted"),
    ("organization_discovered", "Accounts of the organization looked for"),
    ("password_destroyed", "Password destroyed"),
    ("password_expired", "Password's link expired"),
    ("password_opened", "Password opened"),
    ("password_second_attempt", "Password's link opened again"),
    ("password_superseded", "Password superseded by another one"),
    ("password_unclaimed", "Password opened by nobody"),
    ("person_added", "Person added"),
    ("person_changed", "Person changed"),
    ("person_disabled", "Person disabled"),
    ("person_enabled", "Person enabled"),
    ("person_password_set", "Person's password set"),
    ("person_removed", "Person removed"),
    ("profile_removed", "Import profile removed"),
    ("profile_set", "Import profile set"),
    ("protection_added", "Put on the protect list"),
    ("protection_removed", "Taken off the protect list"),
    ("recreate_package_kept", "What was deleted noted"),
    ("rekey_abandoned", "Change of the store's key given up"),
    ("rekey_begun", "Change of the store's key begun"),
    ("rekey_finished", "Change of the store's key ended"),
    ("scim_resource_deleted", "Taken away over SCIM"),
    ("scim_resource_kept", "Noted over SCIM"),
    ("secrets_renewed", "Secrets sealed anew"),
    ("session_ended", "Signed out"),
    ("sign_in_failed", "Sign-in failed"),
    ("signed_in", "Signed in"),
    ("step_attempted", "Call to AWS begun"),
    ("step_not_made", "Call to AWS not made"),
    ("step_planned_again", "Step planned again"),
    ("step_settled", "Call to AWS ended"),
    ("steps_replaced", "Steps planned anew"),
    ("store_migrated", "Store moved to another database"),
    ("store_restored", "Store restored from a backup"),
    ("system_changed", "System changed"),
    ("system_pinned", "System bound to an AWS account"),
    ("system_quarantined", "System put into quarantine"),
    ("system_registered", "System registered"),
    ("system_released", "System released from quarantine"),
    ("system_removed", "System removed"),
    ("system_suspended", "System suspended"),
    ("task_cancelled", "Task cancelled"),
    ("task_crash_withdrawn", "Crash of a task taken back"),
    ("task_created", "Task asked for"),
    ("task_ended", "Task ended"),
    ("task_failed", "Task failed"),
    ("task_lease_lost", "Task lost by its worker"),
    ("task_postponed", "Task put off"),
    ("task_queued", "Task queued"),
    ("task_started", "Task begun"),
    ("task_taken_over", "Task taken over by another worker"),
    ("token_created", "Token made"),
    ("token_revoked", "Token revoked"),
];

/// What an action is called; one of a later version by its word.
pub(super) fn called(action: &str) -> &str {
    ACTIONS.iter().find(|(one, _)| *one == action).map_or(action, |(_, called)| called)
}

#[cfg(test)]
mod tests {
    use keyreeve_store::AUDIT_ACTIONS;

    use super::*;

    #[test]
    fn each_action_of_the_log_is_called_something() {
        assert_eq!(ACTIONS.iter().map(|(one, _)| *one).collect::<Vec<_>>(), AUDIT_ACTIONS);
        let mut names: Vec<&str> = ACTIONS.iter().map(|(_, called)| *called).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ACTIONS.len());
        assert_eq!(called("of_tomorrow"), "of_tomorrow");
    }
}
