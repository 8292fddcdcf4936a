//! `keyreeve system check`

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use keyreeve_aws::{ConnectError, PermissionProbe, PermissionState};
use keyreeve_connector::{Cause, Connector as _, Identity};
use keyreeve_engine::check::LastTest;
use keyreeve_engine::systems::{Verdict, identify, verify};
use keyreeve_model::{AccountStatus, CredentialKind, System, SystemId, SystemState};
use keyreeve_store::{AccountFilter, AsOf, Store, StoreError};

use super::{external_id, rights};
use crate::command::Context;
use crate::command::connection::{self, Systems};
use crate::exit::Ended;
use crate::output::shape::{CHECKS, Check, CheckState};
use crate::source::Source;

/// AWS refuses signatures whose time is more than five minutes off (IAM User Guide, "Signature Version 4").
const REFUSED_SKEW_SECONDS: i64 = 300;
/// From here on a person should look.
const ODD_SKEW_SECONDS: i64 = 60;

/// Checks one system.
pub(crate) async fn run(context: &Context, system_id: &SystemId) -> anyhow::Result<Ended> {
    let checks = match Source::server(context)? {
        Some(server) => server.check_system(system_id).await?,
        None => {
            let store = Arc::new(context.store().await?);
            let system = store.get_system(system_id).await?;
            let found = checked(&Systems::of(context, &store), &system).await?;
            let by = (context.actor.name(), context.clock.now());
            LastTest::keep(&store, &system, &found, by).await;
            found
        }
    };
    external_id::warn_of(&checks);
    context.output.list(&checks, &CHECKS, "")?;
    Ok(Ended::done_if(!checks.iter().any(Check::is_bad)))
}

/// What is found of a system.
///
/// # Errors
/// The store's, and what is wrong with this process and not with the system.
pub(in crate::command) async fn checked(systems: &Systems, system: &System) -> anyhow::Result<Vec<Check>> {
    let mut checks = vec![state_of(system)];
    if matches!(system.state, SystemState::Active | SystemState::Quarantined) {
        reach(systems, system, &mut checks).await?;
    }
    Ok(checks)
}

fn state_of(system: &System) -> Check {
    let id = &system.system_id;
    match system.state {
        SystemState::Active => Check::ok("state", "active"),
        SystemState::Removed => {
            Check::new("state", CheckState::Error, "removed", "only its history can be read")
        }
        SystemState::Suspended => {
            let reason = system.state_reason.as_ref().map_or("no reason is known", |reason| &reason.message);
            let advice = "look again with `keyreeve organization discover`";
            Check::new("state", CheckState::Error, format!("suspended: {reason}"), advice)
        }
        SystemState::Quarantined => {
            let reason = system.state_reason.as_ref().map_or("no reason is known", |reason| &reason.message);
            Check::new(
                "state",
                CheckState::Error,
                format!("quarantined: {reason}"),
                format!("mend the cause, then use `keyreeve system release {id}`"),
            )
        }
    }
}

async fn reach(systems: &Systems, system: &System, checks: &mut Vec<Check>) -> anyhow::Result<()> {
    let (store, now) = (&*systems.store, systems.clock);
    let connector = match systems.to(system).await {
        Ok(connector) => connector,
        // The environment is wrong, not this system.
        Err(error) if error.downcast_ref::<ConnectError>().is_some_and(ConnectError::is_surroundings) => {
            return Err(error);
        }
        Err(error) => {
            let advice = match error.chain().find_map(|cause| cause.downcast_ref()) {
                Some(StoreError::KeyChanged | StoreError::KeyNotFetched { .. }) => {
                    "restart `keyreeve serve` with the key that opens the store".to_owned()
                }
                _ => format!("mend it with `keyreeve system set {}`", system.system_id),
            };
            checks.push(Check::new("credentials", CheckState::Error, format!("{error:#}"), advice));
            return Ok(());
        }
    };
    let identity = match identify(&connector, now).await {
        Ok(identity) => identity,
        Err(error) => {
            let role = behind_role(systems, system).await;
            checks.push(not_identified(system, &error, role.as_ref()));
            return Ok(());
        }
    };
    checks.push(Check::ok("reachable", "AWS answers"));
    checks.push(Check::ok("identity", identity.arn.clone()));
    checks.push(account(systems, system, &identity).await?);
    checks.push(partition(system, &identity));
    checks.push(clock(identity.server_time, now.now()));
    if matches!(system.credential, CredentialKind::Role { .. }) {
        let secret = store.get_secret(&system.system_id).await?;
        let region = system.region.as_deref();
        let asked = external_id::asked(&systems.reach, &system.credential, secret.as_ref(), region).await;
        checks.push(asked.check());
    }
    let (needed, optional) = (connector.probe_reads().await, connector.probe_extra_reads().await);
    let probes = [needed.clone(), optional.clone()].concat();
    checks.extend(needed.into_iter().map(permission));
    checks.extend(optional.into_iter().map(extra_permission));
    let disabled = disabled(store, &system.system_id).await?;
    checks.extend(rights::check(&connector, system, &identity, &probes, &disabled).await);
    Ok(())
}

/// ARNs of the accounts that are disabled by the last import.
async fn disabled(store: &Store, system_id: &SystemId) -> anyhow::Result<BTreeSet<String>> {
    if store.latest_published(system_id).await?.is_none() {
        return Ok(BTreeSet::new());
    }
    let filter = AccountFilter { status: Some(AccountStatus::Disabled), ..AccountFilter::default() };
    let accounts = store.list_accounts(system_id, AsOf::Now, &filter).await?;
    Ok(accounts.into_iter().map(|account| account.arn).collect())
}

/// The role of a system, and who would assume it.
struct BehindRole {
    role_arn: String,
    /// Whom AWS says the credentials behind the role belong to; `None` when it does not.
    arn: Option<String>,
    /// Whether they are whatever this process finds.
    ambient: bool,
}

async fn behind_role(systems: &Systems, system: &System) -> Option<BehindRole> {
    let CredentialKind::Role { role_arn, base, via, .. } = &system.credential else { return None };
    let identified = async {
        let secret = systems.store.get_secret(&system.system_id).await.ok()?;
        let credential = connection::behind_role(base.as_ref(), via, secret).ok()?;
        let connector = systems.reach.connect(credential, system.region.as_deref()).await.ok()?;
        connector.identify().await.ok().map(|identity| identity.arn)
    };
    let ambient = base.is_none() && via.is_empty();
    Some(BehindRole { role_arn: role_arn.clone(), arn: identified.await, ambient })
}

fn not_identified(system: &System, error: &keyreeve_connector::Error, role: Option<&BehindRole>) -> Check {
    let id = &system.system_id;
    let (name, state, advice) = match (error.cause, role) {
        (Cause::CredentialBad | Cause::Denied, Some(role)) => {
            ("identity", CheckState::Error, not_let_in(id, role))
        }
        (Cause::CredentialBad | Cause::Denied, None) => (
            "identity",
            CheckState::Error,
            format!("give working credentials: `keyreeve system set {id} --access-key-id AKIA…` (or another kind)"),
        ),
        (Cause::NoCredentials, Some(role)) => (
            "identity",
            CheckState::Error,
            format!(
                "give it what {} is assumed with: credentials in the environment, or `keyreeve system set {id} \
                 --role-arn {} --aws-profile …`",
                role.role_arn, role.role_arn
            ),
        ),
        (Cause::NoCredentials, None) => (
            "identity",
            CheckState::Error,
            format!("give it credentials in the environment, or of its own: `keyreeve system set {id} --aws-profile …`"),
        ),
        (Cause::NotSent, _) => (
            "reachable",
            CheckState::Error,
            "check the network, the proxy, the region and AWS_ENDPOINT_URL; `keyreeve doctor` names the endpoint"
                .to_owned(),
        ),
        _ => ("reachable", CheckState::Unknown, "try again".to_owned()),
    };
    Check::new(name, state, error.to_string(), advice)
}

/// Why a role does not open, and what to do: seldom the credentials, mostly the trust policy or the wrong shell.
fn not_let_in(id: &SystemId, BehindRole { role_arn, arn, ambient }: &BehindRole) -> String {
    let Some(arn) = arn else {
        return format!(
            "the credentials that {role_arn} is assumed with do not work either: mend those (environment, profile, or \
             `keyreeve system set {id} --role-arn {role_arn} --aws-profile …`)"
        );
    };
    let shell = match ambient {
        true => {
            ". If that is not whom Keyreeve is to sign in as, such as an administrator whose AWS_ACCESS_KEY_ID is still set \
             in this shell, run it with the credentials that are"
        }
        false => "",
    };
    format!(
        "{role_arn} does not let in {arn}: its trust policy must name it, or its AWS account, and ask for the external \
         id that `keyreeve system show {id}` shows; and a policy of {arn} must allow sts:AssumeRole on the role{shell}"
    )
}

/// Holds the identity against the pin: pins at the first success, quarantines on a mismatch.
async fn account(systems: &Systems, system: &System, identity: &Identity) -> anyhow::Result<Check> {
    let verdict =
        verify(&systems.store, systems.clock, system, identity).await.context("checking the AWS account")?;
    Ok(match (verdict, &system.aws_account_id) {
        (Verdict::Pinned, Some(account)) => Check::ok("account", format!("{account}, as pinned")),
        (Verdict::Pinned, None) => {
            Check::ok("account", format!("{}: the system is pinned to it from now on", identity.account_id))
        }
        (Verdict::Quarantined(failure), _) => Check::new(
            "account",
            CheckState::Error,
            format!("{}; the system is quarantined now", failure.message),
            "give it credentials of its own account, or register the other account as a system of its own",
        ),
    })
}

fn partition(system: &System, identity: &Identity) -> Check {
    match &system.partition {
        Some(known) if *known != identity.partition => Check::new(
            "partition",
            CheckState::Error,
            format!("{}, but the system is in {known}", identity.partition),
            "check the region: it decides the partition",
        ),
        _ => Check::ok("partition", identity.partition.clone()),
    }
}

fn clock(server: Option<Timestamp>, now: Timestamp) -> Check {
    let Some(server) = server else {
        return Check::new(
            "clock",
            CheckState::Warning,
            "AWS did not say what time it is",
            "check the clock yourself",
        );
    };
    let off = now.as_second().saturating_sub(server.as_second());
    let found = format!("{} s {}", off.abs(), if off < 0 { "behind AWS" } else { "ahead of AWS" });
    let advice = "set the clock of this machine; AWS refuses requests that are more than 5 minutes off";
    match off.abs() {
        0..=ODD_SKEW_SECONDS => Check::ok("clock", found),
        seconds if seconds <= REFUSED_SKEW_SECONDS => Check::new("clock", CheckState::Warning, found, advice),
        _ => Check::new("clock", CheckState::Error, found, advice),
    }
}

fn permission(probe: PermissionProbe) -> Check {
    let message = probe.message.unwrap_or_default();
    match probe.state {
        PermissionState::Allowed => Check::ok(probe.action, "allowed"),
        PermissionState::Denied => Check::new(
            probe.action,
            CheckState::Error,
            message,
            "attach the policy of `keyreeve policy generate`; if it is attached, a boundary or an organisation's \
             policy forbids it",
        ),
        PermissionState::Unknown => Check::new(probe.action, CheckState::Unknown, message, "try again"),
    }
}

fn extra_permission(probe: PermissionProbe) -> Check {
    let without = match probe.action {
        "iam:GetUser" => {
            "without it nothing is unknown: missing users are looked for by listing all of them again"
        }
        "iam:GetAccountSummary" => "without it nothing is unknown: AWS's own count of users is not compared",
        _ => "without it access keys and MFA stay unknown, and login profiles are read one by one",
    };
    let message = probe.message.unwrap_or_default();
    let check = match probe.state {
        PermissionState::Allowed => Check::ok(probe.action, "allowed"),
        PermissionState::Denied => {
            let advice = format!("{without}; `keyreeve policy generate --profile read` has it");
            Check::new(probe.action, CheckState::Warning, message, advice)
        }
        PermissionState::Unknown => {
            Check::new(probe.action, CheckState::Unknown, message, format!("{without}; try again"))
        }
    };
    check.optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_judged_by_how_far_it_is_off() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let judged = |ours, theirs| clock(Some(at(theirs)), at(ours)).state;
        assert_eq!(judged(1000, 1060), CheckState::Ok);
        assert_eq!(judged(1000, 939), CheckState::Warning);
        assert_eq!(judged(1000, 1300), CheckState::Warning);
        assert_eq!(judged(1000, 1301), CheckState::Error);
        assert_eq!(clock(None, at(1)).state, CheckState::Warning);
        assert!(clock(Some(at(70)), at(5)).message.contains("65 s behind"));
    }
}
