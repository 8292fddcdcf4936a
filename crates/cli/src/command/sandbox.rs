//! `keyreeve sandbox`

use anyhow::Context as _;
use clap::ValueEnum as _;
use keyreeve_aws::PolicyScope;
use keyreeve_sandbox::{
    AccountSeed, ConnectorPolicy, Options, OrganizationSeed, Population, Running, Sandbox,
};
use serde::Serialize;
use serde_json::Value;

use super::Context;
use crate::args::{PolicyProfile, RunSandbox};
use crate::exit::Ended;
use crate::output::{Format, note, write};
use crate::stop::Stop;

/// Where it answers, and with which keys.
#[derive(Debug, Serialize)]
struct Ready {
    endpoint_url: String,
    admin_url: String,
    accounts: Vec<SandboxAccount>,
}

#[derive(Debug, Serialize)]
struct SandboxAccount {
    account_id: String,
    access_key_id: String,
    /// Of a made-up account in memory, so it may be shown.
    secret_access_key: String,
}

/// Runs until it is asked to stop.
pub(crate) async fn run(context: &Context, arguments: &RunSandbox) -> anyhow::Result<Ended> {
    let mut stop = Stop::listen()?;
    let running = Sandbox::start(options(arguments)?).await.context("starting the sandbox")?;
    let ready = ready(&running, arguments)?;
    match context.output.format() {
        Format::Json => {
            let line = serde_json::to_string(&ready).context("writing where the sandbox answers")?;
            write(&format!("{line}\n"))?;
        }
        Format::Table | Format::Csv => write(&directions(&ready))?,
    }
    note("The sandbox runs until Ctrl-C; then everything in it is gone.");
    stop.requested().await;
    running.shutdown().await;
    Ok(Ended::Done)
}

fn options(arguments: &RunSandbox) -> anyhow::Result<Options> {
    let population = Population {
        users: arguments.users,
        groups: arguments.groups,
        customer_policies: arguments.policies,
        ..Population::default()
    };
    let accounts = arguments.accounts.iter();
    Ok(Options {
        accounts: accounts.map(|id| AccountSeed { account_id: id.to_string(), population }).collect(),
        seed: arguments.seed,
        organization: organization(arguments, population),
        port: arguments.port,
        admin_port: arguments.admin_port,
        connector_policy: connector_policy(&arguments.connector_policies)?,
        ..Options::default()
    })
}

/// A word stands for a generated policy; anything else is a file, as `keyreeve policy generate` writes it: one document,
/// or a list of them.
fn connector_policy(wanted: &[String]) -> anyhow::Result<ConnectorPolicy> {
    if wanted == ["everything"] {
        return Ok(ConnectorPolicy::Everything);
    }
    let mut documents = Vec::new();
    for wanted in wanted {
        match PolicyProfile::from_str(wanted, false) {
            Ok(profile) => documents.extend(PolicyScope::new(profile.into(), "aws").documents()?),
            Err(_) => documents.extend(in_file(wanted)?),
        }
    }
    Ok(ConnectorPolicy::Documents(documents))
}

fn in_file(file: &str) -> anyhow::Result<Vec<String>> {
    let doing = || {
        format!(
            "reading the connector's policy from {file}: name a file, or everything, reference, read, lifecycle or full"
        )
    };
    let text = std::fs::read_to_string(file).with_context(doing)?;
    match serde_json::from_str(&text).with_context(doing)? {
        Value::Array(documents) => Ok(documents.iter().map(Value::to_string).collect()),
        _ => Ok(vec![text]),
    }
}

/// Owned by the first account, which is the system of the guide.
fn organization(arguments: &RunSandbox, population: Population) -> Option<OrganizationSeed> {
    let members = arguments.organization?;
    let management = arguments.accounts.first()?.as_str();
    let mut seed = OrganizationSeed::of(management).with_members(members, arguments.seed, population);
    seed.role.name.clone_from(&arguments.member_role);
    Some(seed)
}

fn ready(running: &Running, arguments: &RunSandbox) -> anyhow::Result<Ready> {
    let mut accounts = Vec::new();
    let asked = |id: &String| arguments.accounts.iter().any(|account| account.as_str() == id);
    for account_id in running.account_ids().into_iter().filter(asked) {
        let key = running.connector_key(&account_id).context("starting the sandbox")?;
        accounts.push(SandboxAccount {
            account_id,
            access_key_id: key.access_key_id,
            secret_access_key: key.secret_access_key,
        });
    }
    Ok(Ready { endpoint_url: running.endpoint_url(), admin_url: running.admin_url(), accounts })
}

/// How to point tools at it.
fn directions(ready: &Ready) -> String {
    let mut text = format!(
        "IAM and STS answer at {}, the admin port at {}.\n\nPoint keyreeve and AWS tools at it:\n\n  \
         export AWS_ENDPOINT_URL={} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n",
        ready.endpoint_url, ready.admin_url, ready.endpoint_url
    );
    for (place, account) in ready.accounts.iter().enumerate() {
        let id = &account.account_id;
        // The first one is the system of the guide.
        let (name, system_id) = match place {
            0 => ("Production".to_owned(), "prod".to_owned()),
            _ => (format!("Sandbox {id}"), format!("sandbox-{id}")),
        };
        text.push_str(&format!(
            "\nAccount {id}:\n\n  export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}\n  \
             echo \"$AWS_SECRET_ACCESS_KEY\" | keyreeve system add --name '{name}' --system-id {system_id} \
             --access-key-id {} --secret-access-key-stdin\n",
            account.access_key_id, account.secret_access_key, account.access_key_id,
        ));
    }
    text
}
