//! Users: made, renamed, tagged, bounded.

use keyreeve_connector::{AccountFacts, Cause};
use keyreeve_model::StepCall;

use super::super::seed::policy_arn;
use super::super::world::{World, ensure};
use super::super::{Check, Outcome, checks};
use super::{Changes, creation, said, tags, user};

pub(super) const CHECKS: &[Check] = checks![
    "create_account.gives_the_account", "IAM API Reference, CreateUser" => creates;
    "create_account.keeps_tags", "IAM API Reference, CreateUser" => creates_tagged;
    "create_account.keeps_the_boundary", "IAM API Reference, CreateUser" => creates_bounded;
    "create_account.twice_is_already_there", "AWS answers 409 EntityAlreadyExists" => creates_twice;
    "create_account.other_case_is_already_there", "IAM API Reference, CreateUser: names are not distinguished by case" => creates_other_case;
    "update_account.renames_and_moves", "IAM User Guide, Renaming an IAM user: the unique id stays" => renames;
    "update_account.a_taken_name_is_already_there", "service model, UpdateUser: EntityAlreadyExists" => renames_to_taken;
    "update_account.nobody_is_gone", "service model, UpdateUser: NoSuchEntity" => renames_nobody;
    "tag_account.sets_and_overwrites", "IAM API Reference, TagUser" => sets_tags;
    "untag_account.takes_only_what_is_named", "IAM API Reference, UntagUser" => takes_tags;
    "boundary.is_set_and_replaced", "IAM API Reference, PutUserPermissionsBoundary" => sets_boundary;
    "boundary.is_taken_away_and_again", "IAM API Reference, DeleteUserPermissionsBoundary" => takes_boundary;
];

async fn facts(changes: &Changes, account: &str) -> Result<AccountFacts, String> {
    let facts = changes.provisioning().get_account_facts(account).await.map_err(|error| said(&error))?;
    facts.ok_or_else(|| format!("there is no {account}"))
}

async fn creates(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    let made = changes.changed(&creation("c-made")).await?;
    let account = made.account.ok_or("no account came back")?;
    let arn = format!("arn:aws:iam::{}:user/changes/c-made", world.account_id);
    ensure(account.arn == arn && made.request_id.is_some(), || format!("it gave {account:?}"))?;
    let facts = facts(&changes, "c-made").await?;
    ensure(facts.entry == account && facts.tags.is_empty(), || format!("it became {facts:?}"))
}

async fn creates_tagged(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    let mut call = creation("c-tagged");
    let wanted = tags(&[("team", "eng"), ("cost centre", "")]);
    if let StepCall::CreateAccount { tags, .. } = &mut call {
        tags.clone_from(&wanted);
    }
    changes.changed(&call).await?;
    let facts = facts(&changes, "c-tagged").await?;
    ensure(facts.tags == wanted, || format!("its tags are {:?}", facts.tags))
}

async fn creates_bounded(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    let mut call = creation("c-bounded");
    let boundary = Some(policy_arn(&world.account_id, 2));
    if let StepCall::CreateAccount { permissions_boundary, .. } = &mut call {
        permissions_boundary.clone_from(&boundary);
    }
    changes.changed(&call).await?;
    let facts = facts(&changes, "c-bounded").await?;
    ensure(facts.permissions_boundary == boundary, || format!("it is {:?}", facts.permissions_boundary))
}

async fn creates_twice(world: &World) -> Outcome {
    user(world, "c-twice").await?;
    Changes::of(world).await.fails(&creation("c-twice"), Cause::AlreadyThere).await
}

async fn creates_other_case(world: &World) -> Outcome {
    user(world, "c-case").await?;
    Changes::of(world).await.fails(&creation("C-Case"), Cause::AlreadyThere).await
}

fn update(account: &str, name: Option<&str>, path: Option<&str>) -> StepCall {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    StepCall::UpdateAccount { account: account.into(), new_name: owned(name), new_path: owned(path) }
}

async fn renames(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-before").await?;
    let before = facts(&changes, "c-before").await?.entry;
    changes.changed(&update("c-before", Some("c-after"), Some("/elsewhere/"))).await?;
    let after = facts(&changes, "c-after").await?.entry;
    ensure(after.external_id == before.external_id, || format!("it became {after:?}"))?;
    let arn = format!("arn:aws:iam::{}:user/elsewhere/c-after", world.account_id);
    ensure(after.arn == arn && after.path == "/elsewhere/", || format!("it became {after:?}"))
}

async fn renames_to_taken(world: &World) -> Outcome {
    user(world, "c-one").await?;
    user(world, "c-two").await?;
    Changes::of(world).await.fails(&update("c-one", Some("c-two"), None), Cause::AlreadyThere).await
}

async fn renames_nobody(world: &World) -> Outcome {
    Changes::of(world).await.fails(&update("nobody", Some("c-three"), None), Cause::Gone).await
}

async fn sets_tags(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-tags").await?;
    for set in [tags(&[("a", "1"), ("b", "2")]), tags(&[("a", "3")])] {
        changes.changed(&StepCall::TagAccount { account: "c-tags".into(), tags: set }).await?;
    }
    let facts = facts(&changes, "c-tags").await?;
    ensure(facts.tags == tags(&[("a", "3"), ("b", "2")]), || format!("its tags are {:?}", facts.tags))
}

async fn takes_tags(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-untag").await?;
    let set = tags(&[("a", "1"), ("b", "2")]);
    changes.changed(&StepCall::TagAccount { account: "c-untag".into(), tags: set }).await?;
    for _ in 0..2 {
        let keys = vec!["a".to_owned(), "never".to_owned()];
        changes.changed(&StepCall::UntagAccount { account: "c-untag".into(), keys }).await?;
    }
    let facts = facts(&changes, "c-untag").await?;
    ensure(facts.tags == tags(&[("b", "2")]), || format!("its tags are {:?}", facts.tags))
}

async fn sets_boundary(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-fenced").await?;
    for policy in [2, 1] {
        let policy_arn = policy_arn(&world.account_id, policy);
        let call = StepCall::SetBoundary { account: "c-fenced".into(), policy_arn: policy_arn.clone() };
        changes.changed(&call).await?;
        let facts = facts(&changes, "c-fenced").await?;
        ensure(facts.permissions_boundary == Some(policy_arn), || format!("it became {facts:?}"))?;
    }
    Ok(())
}

async fn takes_boundary(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-unfenced").await?;
    let account = || "c-unfenced".to_owned();
    let policy_arn = policy_arn(&world.account_id, 2);
    changes.changed(&StepCall::SetBoundary { account: account(), policy_arn }).await?;
    changes.changed(&StepCall::RemoveBoundary { account: account() }).await?;
    let facts = facts(&changes, "c-unfenced").await?;
    ensure(facts.permissions_boundary.is_none(), || format!("it became {facts:?}"))?;
    // Whether AWS says that there was none is not known; it is no failure either way.
    changes
        .perform(&StepCall::RemoveBoundary { account: account() })
        .await
        .map(drop)
        .map_err(|error| said(&error))
}
