//! What the engine advises, in the words of the console: where it has a page or a button for what a hint says, it names that.

use keyreeve_model::{Hint, Setting};

/// A sentence of the engine, with what there is here in the place of its hints.
pub(super) fn spoken(sentence: &str) -> String {
    Hint::told(sentence, place)
}

/// How the page of a job is named in a sentence: its number follows, and pages have a link there.
pub(super) const PAGE_OF_JOB: &str = "the page of job ";

/// Where in the console that is done.
fn place(hint: &Hint) -> String {
    match hint {
        Hint::AddSystem => "“New system” under Systems".to_owned(),
        Hint::SetCredential(_) => "“Other credentials” under Connection".to_owned(),
        Hint::Set(_, setting) => format!("“{}” under Settings of the system", label(*setting)),
        Hint::Release(_) => "“Release” under Connection".to_owned(),
        Hint::Check(_) => "“Test the connection” under Connection".to_owned(),
        Hint::RotateKey(_) => "“Replace the access key” under Connection".to_owned(),
        Hint::WritePolicy => "“Policy” of the system".to_owned(),
        Hint::SetMapping => "“Mappings” of the system".to_owned(),
        Hint::Import(_) => "“Import now” of the system".to_owned(),
        Hint::EndProtection => "the protect list under Settings".to_owned(),
        Hint::ResetPassword => "“Reset password” of the account".to_owned(),
        Hint::ShowJob(job) | Hint::ApplyJob(job) => format!("{PAGE_OF_JOB}{job}"),
        Hint::RetryJob(job) => format!("“Try again” on {PAGE_OF_JOB}{job}"),
        Hint::ApproveJob(job) => format!("“Approve” on {PAGE_OF_JOB}{job}"),
        Hint::CancelJob(job) => format!("“Cancel” on {PAGE_OF_JOB}{job}"),
        // That is done on the command line alone.
        Hint::Discover => hint.to_string(),
    }
}

/// What the form calls a setting.
fn label(setting: Setting) -> &'static str {
    match setting {
        Setting::PrioritiseDeleteTasks => "Prioritise delete tasks",
        Setting::PermissionProfile => "Permission profile",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_advises_names_what_there_is_here() {
        let system = || "prod".parse().unwrap();
        for (text, said) in [
            (
                format!("Mend the cause, then use {}", Hint::Release(system())),
                "Mend the cause, then use “Release” under Connection",
            ),
            (
                format!("do so: {}", Hint::Set(system(), Setting::PrioritiseDeleteTasks)),
                "do so: “Prioritise delete tasks” under Settings of the system",
            ),
            (
                format!(
                    "{} shows it; let them, then {}",
                    Hint::ShowJob(keyreeve_model::JobId(6)),
                    Hint::RetryJob(keyreeve_model::JobId(6))
                ),
                "the page of job 6 shows it; let them, then “Try again” on the page of job 6",
            ),
            ("restart `keyreeve serve`, and `".to_owned(), "restart `keyreeve serve`, and `"),
            ("no such `thing`".to_owned(), "no such `thing`"),
        ] {
            assert_eq!(spoken(&text), said);
        }
    }
}
