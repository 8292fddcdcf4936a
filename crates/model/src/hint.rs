//! What can be done about something, told to each audience in its own words.
//!
//! Sentences of ours are kept with what they are about, and read over the command line, over REST and in the console. A hint
//! stands in them as the command that does it, and is read back from there by whoever has other words for it.

use std::fmt;

use crate::{JobId, SystemId};

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Register a system.
    AddSystem,
    /// Give a system other credentials.
    SetCredential(SystemId),
    /// Give a setting of a system a value.
    Set(SystemId, Setting),
    /// End the quarantine of a system.
    Release(SystemId),
    /// Look whether a system can be reached, and what its credentials may do.
    Check(SystemId),
    /// Replace the access key of a system.
    RotateKey(SystemId),
    /// Write the policy of a system's connector.
    WritePolicy,
    /// Look through an organization.
    Discover,
    /// Set a task mapping.
    SetMapping,
    /// Import a system.
    Import(SystemId),
    /// Take something off the protect list.
    EndProtection,
    /// Give an account a new password.
    ResetPassword,
    /// Look at a job.
    ShowJob(JobId),
    /// Try again what failed of a job.
    RetryJob(JobId),
    /// Approve a job.
    ApproveJob(JobId),
    /// Go on with a job.
    ApplyJob(JobId),
    /// Take a job back.
    CancelJob(JobId),
}

/// A setting, and the value that is advised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// A deletion takes away first what stands in its way.
    PrioritiseDeleteTasks,
    /// All of the life of an account is permitted.
    PermissionProfile,
}

impl Setting {
    const ALL: [(Self, &'static str); 2] = [
        (Self::PrioritiseDeleteTasks, "prioritise_delete_tasks=true"),
        (Self::PermissionProfile, "permission_profile=lifecycle"),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(one, _)| *one == self).map_or("", |(_, word)| word)
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddSystem => write!(f, "`keyreeve system add`"),
            Self::SetCredential(system) => write!(f, "`keyreeve system set {system} --access-key-id ID`"),
            Self::Set(system, setting) => write!(f, "`keyreeve system set {system} {}`", setting.as_str()),
            Self::Release(system) => write!(f, "`keyreeve system release {system}`"),
            Self::Check(system) => write!(f, "`keyreeve system check {system}`"),
            Self::RotateKey(system) => write!(f, "`keyreeve system rotate-key {system}`"),
            Self::WritePolicy => write!(f, "`keyreeve policy generate`"),
            Self::Discover => write!(f, "`keyreeve organization discover`"),
            Self::SetMapping => write!(f, "`keyreeve mapping set`"),
            Self::Import(system) => write!(f, "`keyreeve import run {system}`"),
            Self::EndProtection => write!(f, "`keyreeve protect remove`"),
            Self::ResetPassword => write!(f, "`keyreeve account reset-password`"),
            Self::ShowJob(job) => write!(f, "`keyreeve job show {job}`"),
            Self::RetryJob(job) => write!(f, "`keyreeve job retry {job}`"),
            Self::ApproveJob(job) => write!(f, "`keyreeve job approve {job}`"),
            Self::ApplyJob(job) => write!(f, "`keyreeve job apply {job}`"),
            Self::CancelJob(job) => write!(f, "`keyreeve job cancel {job}`"),
        }
    }
}

impl Hint {
    /// A hint as it stands in a sentence, without what marks it there; `None` of anything else.
    #[must_use]
    pub fn read(quoted: &str) -> Option<Self> {
        let words: Vec<&str> = quoted.strip_prefix("keyreeve ")?.split(' ').collect();
        let job = |job: &str| job.parse().ok().map(JobId);
        let system = |system: &str| system.parse::<SystemId>().ok();
        Some(match words[..] {
            ["system", "add"] => Self::AddSystem,
            ["system", "set", id, "--access-key-id", "ID"] => Self::SetCredential(system(id)?),
            ["system", "set", id, setting] => {
                let known = Setting::ALL.iter().find(|(_, word)| *word == setting)?;
                Self::Set(system(id)?, known.0)
            }
            ["system", "release", id] => Self::Release(system(id)?),
            ["system", "check", id] => Self::Check(system(id)?),
            ["system", "rotate-key", id] => Self::RotateKey(system(id)?),
            ["policy", "generate"] => Self::WritePolicy,
            ["organization", "discover"] => Self::Discover,
            ["mapping", "set"] => Self::SetMapping,
            ["import", "run", id] => Self::Import(system(id)?),
            ["protect", "remove"] => Self::EndProtection,
            ["account", "reset-password"] => Self::ResetPassword,
            ["job", "show", id] => Self::ShowJob(job(id)?),
            ["job", "retry", id] => Self::RetryJob(job(id)?),
            ["job", "approve", id] => Self::ApproveJob(job(id)?),
            ["job", "apply", id] => Self::ApplyJob(job(id)?),
            ["job", "cancel", id] => Self::CancelJob(job(id)?),
            _ => return None,
        })
    }

    /// A sentence with each hint in it said in other words. What is none stays as it is.
    #[must_use]
    pub fn told(sentence: &str, words: impl Fn(&Self) -> String) -> String {
        let mut said = String::with_capacity(sentence.len());
        let mut rest = sentence;
        while let Some((before, (quoted, after))) =
            rest.split_once('`').and_then(|(before, after)| Some((before, after.split_once('`')?)))
        {
            said.push_str(before);
            match Self::read(quoted) {
                Some(hint) => said.push_str(&words(&hint)),
                None => {
                    said.push('`');
                    said.push_str(quoted);
                    said.push('`');
                }
            }
            rest = after;
        }
        said.push_str(rest);
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hint_is_read_back_from_a_sentence_as_it_was() {
        let prod: SystemId = "prod".parse().unwrap();
        let of_system = |hint: fn(SystemId) -> Hint| hint(prod.clone());
        let mut all = vec![
            Hint::AddSystem,
            Hint::WritePolicy,
            Hint::Discover,
            Hint::SetMapping,
            Hint::EndProtection,
            Hint::ResetPassword,
        ];
        all.extend([
            of_system(Hint::SetCredential),
            of_system(Hint::Release),
            of_system(Hint::Check),
            of_system(Hint::RotateKey),
            of_system(Hint::Import),
        ]);
        all.extend(Setting::ALL.map(|(setting, _)| Hint::Set(prod.clone(), setting)));
        let of_job: [fn(JobId) -> Hint; 5] =
            [Hint::ShowJob, Hint::RetryJob, Hint::ApproveJob, Hint::ApplyJob, Hint::CancelJob];
        all.extend(of_job.map(|hint| hint(JobId(6))));
        for hint in all {
            let sentence = format!("do this: {hint}, and `keyreeve serve`, or `that");
            let told = Hint::told(&sentence, |found| {
                assert_eq!(*found, hint);
                "“It”".to_owned()
            });
            assert_eq!(told, "do this: “It”, and `keyreeve serve`, or `that");
        }
        for none in
            ["keyreeve job retry", "keyreeve job retry x", "keyreeve system set prod a=b", "job retry 6", ""]
        {
            assert_eq!(Hint::read(none), None, "{none}");
        }
    }
}
