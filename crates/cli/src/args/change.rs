//! What every command takes that changes something at AWS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use keyreeve_model::{Delivery, JobId, JobState, ResourceName, SystemId, Wish};

use super::Consent;
use super::reason::reason;

/// How a change is carried out.
#[derive(Debug, Clone, Args)]
pub(crate) struct ChangeArguments {
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Why; kept with the job.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
    /// Queue the job and give its number; `keyreeve job apply` carries it out.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// How a password reaches its owner.
#[derive(Debug, Clone, Args)]
pub(crate) struct DeliverArgument {
    /// link (a one-time secret), recipient:KEY (an age or SSH public key), or operator; left out, the system's setting
    /// password_delivery, which is link unless it was set.
    #[arg(long, value_name = "HOW")]
    pub(crate) deliver: Option<Delivery>,
}

/// `account create`
#[derive(Debug, Args)]
pub(crate) struct CreateAccount {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The account's name; left out, the task mapping makes one of the attributes.
    #[arg(long, allow_hyphen_values = true)]
    name: Option<String>,
    /// Its path; left out, the task mapping says.
    #[arg(long)]
    path: Option<String>,
    /// A group it shall be in, by name in its exact case; may be given several times.
    #[arg(long = "group", value_name = "GROUP", allow_hyphen_values = true)]
    groups: Vec<String>,
    /// A policy that shall be attached to it; may be given several times.
    #[arg(long = "policy", value_name = "ARN")]
    policies: Vec<String>,
    /// Something the task mapping may use; may be given several times.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = pair)]
    attributes: Vec<(String, String)>,
    /// A tag; may be given several times.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
    /// The permissions boundary.
    #[arg(long, value_name = "ARN")]
    boundary: Option<String>,
    #[command(flatten)]
    deliver: DeliverArgument,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

/// `account update`
#[derive(Debug, Args)]
pub(crate) struct UpdateAccount {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The account's name, in its exact case.
    #[arg(value_name = "NAME", allow_hyphen_values = true)]
    account: String,
    /// Its new name.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    new_name: Option<String>,
    /// Its new path.
    #[arg(long, value_name = "PATH")]
    new_path: Option<String>,
    /// A tag to set; may be given several times.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
    /// The key of a tag to take away; may be given several times.
    #[arg(long = "untag", value_name = "KEY")]
    untag: Vec<String>,
    /// The permissions boundary to set, or none to take it away.
    #[arg(long, value_name = "ARN")]
    boundary: Option<String>,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

/// `account deactivate` and `account delete`
#[derive(Debug, Args)]
pub(crate) struct ChangeAccount {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The account's name, in its exact case.
    #[arg(value_name = "NAME", allow_hyphen_values = true)]
    account: String,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

/// `account reactivate` and `account reset-password`
#[derive(Debug, Args)]
pub(crate) struct NewPassword {
    #[command(flatten)]
    pub(crate) on: ChangeAccount,
    #[command(flatten)]
    deliver: DeliverArgument,
}

/// `assignment add` and `assignment remove`
#[derive(Debug, Args)]
pub(crate) struct ChangeAssignment {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The account's name, in its exact case.
    #[arg(long, allow_hyphen_values = true)]
    account: String,
    #[command(flatten)]
    what: Held,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Held {
    /// A group, by name in its exact case.
    #[arg(long, allow_hyphen_values = true)]
    group: Option<String>,
    /// A policy, by ARN.
    #[arg(long, value_name = "ARN")]
    policy: Option<String>,
}

/// What can be done with jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// List the jobs of a system, the latest first.
    List(ListJobs),
    /// Show a job with its tasks and every call.
    Show(ShowJob),
    /// Show what the wishes in a file would take, call by call, and what stands in the way.
    Plan(PlanFile),
    /// Carry out the wishes in a file, or a job that is queued.
    Apply(ApplyJob),
    /// Approve a job that somebody else asked for.
    Approve(DecideJob),
    /// Reject a job that somebody else asked for.
    Reject(DecideJob),
    /// Take back what has not begun.
    Cancel(DecideJob),
    /// Note that a job which failed was seen and is left at that: it needs nobody any more.
    Dismiss(DismissJob),
    /// Queue what failed, or what a person has looked at, once more.
    Retry(RetryJob),
}

/// `job list`
#[derive(Debug, Args)]
pub(crate) struct ListJobs {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Only those in a state: awaiting_approval, queued, running, succeeded, failed, partially_failed, cancelled; may be
    /// given several times.
    #[arg(long = "state", value_name = "STATE", value_parser = job_state)]
    pub(crate) states: Vec<JobState>,
}

/// `job show`
#[derive(Debug, Args)]
pub(crate) struct ShowJob {
    /// The job's number.
    #[arg(value_name = "JOB")]
    pub(crate) job: JobId,
    /// Show every task of a large job, not only those that need somebody.
    #[arg(long)]
    pub(crate) tasks: bool,
}

fn job_state(text: &str) -> Result<JobState, String> {
    let word = serde_json::Value::String(text.to_owned());
    serde_json::from_value(word).map_err(|_| {
        "use awaiting_approval, queued, running, succeeded, failed, partially_failed or cancelled".to_owned()
    })
}

/// `job plan`
#[derive(Debug, Args)]
pub(crate) struct PlanFile {
    /// A file of wishes, YAML or JSON; - reads standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The System ID, if the file does not name it.
    #[arg(long = "system", value_name = "ID")]
    pub(crate) system_id: Option<SystemId>,
}

/// `job apply`
#[derive(Debug, Args)]
pub(crate) struct ApplyJob {
    /// A file of wishes, or the number of a job.
    #[arg(value_name = "FILE|JOB")]
    pub(crate) what: String,
    /// The System ID, if the file does not name it.
    #[arg(long = "system", value_name = "ID")]
    pub(crate) system_id: Option<SystemId>,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

/// `job approve`, `job reject`, `job cancel`
#[derive(Debug, Args)]
pub(crate) struct DecideJob {
    /// The job's number.
    #[arg(value_name = "JOB")]
    pub(crate) job: JobId,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Why; kept with the job.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
}

/// `job dismiss`
#[derive(Debug, Args)]
pub(crate) struct DismissJob {
    /// The job's number.
    #[arg(value_name = "JOB")]
    pub(crate) job: JobId,
    /// Why; kept with the job and in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: String,
}

/// `job retry`
#[derive(Debug, Args)]
pub(crate) struct RetryJob {
    /// The job's number.
    #[arg(value_name = "JOB")]
    pub(crate) job: JobId,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

impl ApplyJob {
    /// The job that is meant, unless a file has that name.
    pub(crate) fn job(&self) -> Option<JobId> {
        self.what.parse().ok().filter(|_| !Path::new(&self.what).exists())
    }
}

impl CreateAccount {
    /// The wish.
    pub(crate) fn wish(&self) -> Wish {
        Wish::CreateAccount {
            name: self.name.clone(),
            path: self.path.clone(),
            groups: self.groups.clone(),
            policies: self.policies.clone(),
            attributes: map(&self.attributes),
            tags: map(&self.tags),
            boundary: self.boundary.clone(),
            deliver: self.deliver.deliver.clone(),
        }
    }
}

impl UpdateAccount {
    /// The wish.
    pub(crate) fn wish(&self) -> Wish {
        Wish::UpdateAccount {
            account: self.account.clone(),
            new_name: self.new_name.clone(),
            new_path: self.new_path.clone(),
            tags: map(&self.tags),
            untag: self.untag.clone(),
            boundary: self.boundary.clone(),
        }
    }
}

impl ChangeAccount {
    /// The wish to deactivate.
    pub(crate) fn deactivation(&self) -> Wish {
        Wish::DeactivateAccount { account: self.account.clone() }
    }

    /// The wish to delete.
    pub(crate) fn deletion(&self) -> Wish {
        Wish::DeleteAccount { account: self.account.clone() }
    }
}

impl NewPassword {
    /// The wish to reactivate.
    pub(crate) fn reactivation(&self) -> Wish {
        Wish::ReactivateAccount { account: self.on.account.clone(), deliver: self.deliver.deliver.clone() }
    }

    /// The wish for a new password.
    pub(crate) fn reset(&self) -> Wish {
        Wish::ResetPassword { account: self.on.account.clone(), deliver: self.deliver.deliver.clone() }
    }
}

impl ChangeAssignment {
    fn resource(&self) -> ResourceName {
        match (&self.what.group, &self.what.policy) {
            (Some(group), _) => ResourceName::Group(group.clone()),
            (None, policy) => ResourceName::Policy(policy.clone().unwrap_or_default()),
        }
    }

    /// The wish to give.
    pub(crate) fn addition(&self) -> Wish {
        Wish::AddAssignment { account: self.account.clone(), resource: self.resource() }
    }

    /// The wish to take.
    pub(crate) fn removal(&self) -> Wish {
        Wish::RemoveAssignment { account: self.account.clone(), resource: self.resource() }
    }
}

fn map(pairs: &[(String, String)]) -> BTreeMap<String, String> {
    pairs.iter().cloned().collect()
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it must look like KEY=VALUE".to_owned()),
    }
}
