//! The life of one account, from its creation to its deletion, with nothing but what every peer can do.

use keyreeve_connector::{Cause, Connector, Inventory};
use keyreeve_model::{AccountCredentialKind, StepCall};

use super::super::seed::{READ_ONLY, policy_arn};
use super::super::world::{World, ensure};
use super::super::{Check, Outcome, checks};
use super::credentials::{make, make_device};
use super::{Changes, STAPLE, creation, deletion, said, whole};

pub(super) const CHECKS: &[Check] = checks![
    "life_cycle.of_one_account", "the order of the calls: IAM User Guide, Removing an IAM user" => life;
    "life_cycle.the_name_comes_back_with_another_id", "IAM User Guide, Unique identifiers" => again;
];

const NAME: &str = "life";

fn account() -> String {
    NAME.to_owned()
}

async fn life(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    join(world, &changes).await?;
    changes
        .with_password(&StepCall::UpdateLoginProfile { account: account() }, STAPLE)
        .await
        .map_err(|error| said(&error))?;
    deactivate(world, &changes).await?;
    leave(world, &changes).await
}

/// A new colleague: an account, a group, two policies, a password.
async fn join(world: &World, changes: &Changes) -> Outcome {
    changes.changed(&creation(NAME)).await?;
    for policy_arn in [READ_ONLY.to_owned(), policy_arn(&world.account_id, 0)] {
        changes.changed(&StepCall::AttachPolicy { account: account(), policy_arn }).await?;
    }
    changes.changed(&StepCall::AddToGroup { account: account(), group: "devs".into() }).await?;
    changes.changed(&StepCall::CreateLoginProfile { account: account() }).await?;
    let profile = changes.connector.get_login_profile(NAME).await.map_err(|error| said(&error))?;
    ensure(profile.is_some(), || "there is no login profile".into())
}

/// Keys off, password gone; both are read back.
async fn deactivate(world: &World, changes: &Changes) -> Outcome {
    let kind = AccountCredentialKind::AccessKey;
    let credential = make(&world.admin.iam, NAME, kind).await?;
    changes.changed(&StepCall::SetCredential { account: account(), credential, active: false }).await?;
    changes.changed(&StepCall::DeleteLoginProfile { account: account() }).await?;
    let keys = whole(async |after| changes.provisioning().list_credentials(NAME, kind, after).await).await?;
    ensure(keys.len() == 1 && !keys[0].active, || format!("the keys are {keys:?}"))?;
    let profile = changes.connector.get_login_profile(NAME).await.map_err(|error| said(&error))?;
    ensure(profile.is_none(), || format!("{profile:?} is left"))
}

/// Everything that blocks the deletion is listed and taken away, then the user.
async fn leave(world: &World, changes: &Changes) -> Outcome {
    make_device(&world.admin.iam, NAME).await?;
    let aws = changes.provisioning();
    for kind in [AccountCredentialKind::AccessKey] {
        for entry in whole(async |after| aws.list_credentials(NAME, kind, after).await).await? {
            let call = StepCall::DeleteCredential { account: account(), credential: entry.credential };
            changes.changed(&call).await?;
        }
    }
    for group in whole(async |after| aws.list_groups_of(NAME, after).await).await? {
        changes.changed(&StepCall::RemoveFromGroup { account: account(), group }).await?;
    }
    for policy in whole(async |after| aws.list_policies_of(NAME, after).await).await? {
        changes.changed(&StepCall::DetachPolicy { account: account(), policy_arn: policy.arn }).await?;
    }
    for device in whole(async |after| aws.list_mfa_devices(NAME, after).await).await? {
        let serial = device.serial;
        changes
            .changed(&StepCall::DeactivateMfaDevice { account: account(), serial: serial.clone() })
            .await?;
        changes.changed(&StepCall::DeleteVirtualMfaDevice { account: account(), serial }).await?;
    }
    changes.changed(&deletion(NAME)).await?;
    changes.fails(&deletion(NAME), Cause::Gone).await?;
    let left = changes.connector.get_account(NAME).await.map_err(|error| said(&error))?;
    ensure(left.is_none(), || format!("{left:?} is left"))?;
    ensure(changes.connector.provisioning().is_some(), || "it changes nothing".into())
}

async fn again(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let made = changes.changed(&creation("life-again")).await?;
        ids.extend(made.account.map(|account| account.external_id));
        changes.changed(&deletion("life-again")).await?;
    }
    ensure(ids.len() == 2 && ids[0] != ids[1], || format!("the ids are {ids:?}"))
}
