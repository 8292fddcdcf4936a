//! Identity and roles.

use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;

use super::seed::EXTERNAL_ID;
use super::world::{Clients, Key, World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "identity.is_the_user_of_the_key", "STS API Reference, GetCallerIdentity" => identity;
    "assume_role.with_external_id", "STS API Reference, AssumeRole" => assume;
    "assume_role.without_external_id_is_refused", "IAM User Guide, Access to AWS accounts owned by third parties" => without;
    "assume_role.with_wrong_external_id_is_refused", "IAM User Guide, Access to AWS accounts owned by third parties" => wrong;
    "assume_role.of_unknown_role_is_refused", "STS API Reference, AssumeRole: AccessDenied" => unknown;
    "assume_role.short_session_name_is_refused", "service model, roleSessionNameType: 2 to 64" => short_name;
    "assume_role.session_may_identify_itself", "STS API Reference, GetCallerIdentity" => session;
];

fn request(world: &World, role: &str) -> AssumeRoleFluentBuilder {
    let clients = Clients::new(&world.endpoint, &world.user_key);
    let arn = format!("arn:aws:iam::{}:role/{role}", world.account_id);
    clients.sts.assume_role().role_arn(arn).role_session_name("keyreeve")
}

async fn identity(world: &World) -> Outcome {
    let clients = Clients::new(&world.endpoint, &world.user_key);
    let answer = answered(clients.sts.get_caller_identity().send().await)?;
    let (arn, account) = (answer.arn().unwrap_or_default(), answer.account().unwrap_or_default());
    ensure(arn == world.user_arn && account == world.account_id, || format!("it is {arn} of {account}"))
}

async fn assume(world: &World) -> Outcome {
    let answer = answered(request(world, "partner").external_id(EXTERNAL_ID).send().await)?;
    let arn = answer.assumed_role_user().map(|user| user.arn()).unwrap_or_default();
    let expected = format!("arn:aws:sts::{}:assumed-role/partner/keyreeve", world.account_id);
    ensure(arn == expected, || format!("the session is {arn}"))
}

async fn session(world: &World) -> Outcome {
    let answer = answered(request(world, "partner").external_id(EXTERNAL_ID).send().await)?;
    let keys = answer.credentials().ok_or("it gives no credentials")?;
    let token = Some(keys.session_token().to_owned());
    let key = Key { token, ..Key::new(keys.access_key_id(), keys.secret_access_key()) };
    let identity = answered(Clients::new(&world.endpoint, &key).sts.get_caller_identity().send().await)?;
    let arn = identity.arn().unwrap_or_default();
    ensure(arn.ends_with(":assumed-role/partner/keyreeve"), || format!("the session is {arn}"))
}

async fn without(world: &World) -> Outcome {
    refused(request(world, "partner").send().await, 403, "AccessDenied")
}

async fn wrong(world: &World) -> Outcome {
    refused(request(world, "partner").external_id("somebody-else").send().await, 403, "AccessDenied")
}

async fn unknown(world: &World) -> Outcome {
    refused(request(world, "nobody").external_id(EXTERNAL_ID).send().await, 403, "AccessDenied")
}

async fn short_name(world: &World) -> Outcome {
    let request = request(world, "partner").external_id(EXTERNAL_ID).role_session_name("k");
    refused(request.send().await, 400, "ValidationError")
}
