//! Nine kinds of things must be gone before a user can be deleted (IAM API Reference, `DeleteUser`).

use keyreeve_connector::Cause;
use keyreeve_model::{AccountCredentialKind, StepCall};

use super::super::seed::{DOCUMENT, READ_ONLY};
use super::super::world::{World, answered, ensure};
use super::super::{Check, Outcome, checks};
use super::credentials::{make, make_device};
use super::{Changes, deletion, said, user};

pub(super) const CHECKS: &[Check] = checks![
    "delete_account.login_profile_blocks", "IAM API Reference, DeleteUser" => login_profile;
    "delete_account.access_key_blocks", "IAM API Reference, DeleteUser" => access_key;
    "delete_account.ssh_key_blocks", "IAM API Reference, DeleteUser" => ssh_key;
    "delete_account.signing_certificate_blocks", "IAM API Reference, DeleteUser" => signing_certificate;
    "delete_account.service_credential_blocks", "IAM API Reference, DeleteUser" => service_credential;
    "delete_account.mfa_device_blocks", "IAM API Reference, DeleteUser" => device;
    "delete_account.inline_policy_blocks", "IAM API Reference, DeleteUser" => inline_policy;
    "delete_account.attached_policy_blocks", "IAM API Reference, DeleteUser" => attached_policy;
    "delete_account.group_blocks", "IAM API Reference, DeleteUser" => group;
    "delete_account.tags_do_not_block", "IAM API Reference, DeleteUser" => tags;
    "delete_account.again_is_gone", "AWS answers 404 NoSuchEntity" => again;
];

/// While the user holds something, the deletion is refused; after its removal it is done.
async fn blocks(world: &World, account: &str, removal: &StepCall) -> Outcome {
    let changes = Changes::of(world).await;
    changes.fails(&deletion(account), Cause::Dependants).await?;
    changes.changed(removal).await?;
    changes.changed(&deletion(account)).await.map(drop)
}

async fn login_profile(world: &World) -> Outcome {
    let account = || "b-login-profile".to_owned();
    user(world, &account()).await?;
    Changes::of(world).await.changed(&StepCall::CreateLoginProfile { account: account() }).await?;
    blocks(world, &account(), &StepCall::DeleteLoginProfile { account: account() }).await
}

async fn credential(world: &World, kind: AccountCredentialKind) -> Outcome {
    let account = format!("b-{}", kind.as_str());
    user(world, &account).await?;
    let credential = make(&world.admin.iam, &account, kind).await?;
    // Switched off, it blocks all the same.
    let off =
        StepCall::SetCredential { account: account.clone(), credential: credential.clone(), active: false };
    Changes::of(world).await.changed(&off).await?;
    blocks(world, &account, &StepCall::DeleteCredential { account: account.clone(), credential }).await
}

async fn access_key(world: &World) -> Outcome {
    credential(world, AccountCredentialKind::AccessKey).await
}

async fn ssh_key(world: &World) -> Outcome {
    credential(world, AccountCredentialKind::SshKey).await
}

async fn signing_certificate(world: &World) -> Outcome {
    credential(world, AccountCredentialKind::SigningCertificate).await
}

async fn service_credential(world: &World) -> Outcome {
    credential(world, AccountCredentialKind::ServiceCredential).await
}

async fn device(world: &World) -> Outcome {
    user(world, "b-device").await?;
    let serial = make_device(&world.admin.iam, "b-device").await?;
    blocks(world, "b-device", &StepCall::DeactivateMfaDevice { account: "b-device".into(), serial }).await
}

async fn inline_policy(world: &World) -> Outcome {
    user(world, "b-inline").await?;
    let put = world.admin.iam.put_user_policy().user_name("b-inline").policy_name("own");
    answered(put.policy_document(DOCUMENT).send().await)?;
    let removal = StepCall::DeleteInlinePolicy { account: "b-inline".into(), name: "own".into() };
    blocks(world, "b-inline", &removal).await
}

async fn attached_policy(world: &World) -> Outcome {
    let (account, policy_arn) = (|| "b-attached".to_owned(), || READ_ONLY.to_owned());
    user(world, &account()).await?;
    let attach = StepCall::AttachPolicy { account: account(), policy_arn: policy_arn() };
    Changes::of(world).await.changed(&attach).await?;
    let detach = StepCall::DetachPolicy { account: account(), policy_arn: policy_arn() };
    blocks(world, &account(), &detach).await
}

async fn group(world: &World) -> Outcome {
    let (account, group) = (|| "b-group".to_owned(), || "ops".to_owned());
    user(world, &account()).await?;
    let add = StepCall::AddToGroup { account: account(), group: group() };
    Changes::of(world).await.changed(&add).await?;
    blocks(world, &account(), &StepCall::RemoveFromGroup { account: account(), group: group() }).await
}

async fn tags(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "b-tags").await?;
    let tags = super::tags(&[("team", "eng")]);
    changes.changed(&StepCall::TagAccount { account: "b-tags".into(), tags }).await?;
    changes.changed(&deletion("b-tags")).await.map(drop)
}

async fn again(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "b-again").await?;
    changes.changed(&deletion("b-again")).await?;
    changes.fails(&deletion("b-again"), Cause::Gone).await?;
    let left = changes.provisioning().get_account_facts("b-again").await.map_err(|error| said(&error))?;
    ensure(left.is_none(), || format!("{left:?} is left"))
}
