//! What a plan finds in the way, whoever put it there: the wish, a task mapping, or an earlier task of the job.

use keyreeve_model::{
    ActionTime, CustomAction, FirstSignIn, MappingName, MappingRow, ObstacleKind, Operation, Operator,
    Protection, ProtectionKind, StepCall, TargetProperty, TaskKind, TaskMapping,
};
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use serde_json::{Value, json};

use super::{full, user, wish};
use crate::harness::World;

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// A custom action with one row, a constant.
fn action(
    task: TaskKind,
    when: ActionTime,
    operation: Operation,
    row: (TargetProperty, &str),
) -> CustomAction {
    let rows = vec![MappingRow::new(row.0, Operator::Constant, row.1)];
    CustomAction { when, task, operation, rows }
}

impl World {
    async fn map(&self, actions: Vec<CustomAction>) {
        let mut mapping = TaskMapping::default_of(MappingName::User);
        mapping.custom_actions.extend(actions);
        self.store
            .set_task_mapping(&self.id, &mapping, ("local:test", None), self.clock.now())
            .await
            .unwrap();
    }

    async fn protect(&self, kind: ProtectionKind) {
        let entry =
            Protection { kind, reason: None, added_by: "local:test".into(), added_at: self.clock.now() };
        self.store.add_protection(&self.id, &entry).await.unwrap();
    }

    /// What stands in the way of one wish.
    async fn in_the_way(&self, one: Value) -> Vec<(ObstacleKind, String)> {
        let plan = self.plan(&[wish(one)]).await;
        plan.tasks[0].obstacles.iter().map(|one| (one.kind, one.message.clone())).collect()
    }
}

#[tokio::test]
async fn what_a_mapping_gives_must_exist_and_fit() {
    use TargetProperty::{GroupName, PolicyArn, Tag};
    let create = TaskKind::CreateAccount;
    let world = World::with(full(), &[user("ada", "/")]).await;
    let zoe = || json!({"task": "create_account", "name": "zoe", "deliver": "link"});
    world
        .map(vec![action(create, ActionTime::After, Operation::AddUserToGroup, (GroupName, "nosuch"))])
        .await;
    let found = world.in_the_way(zoe()).await;
    assert!(
        found.iter().any(|(kind, why)| *kind == ObstacleKind::NotFound && why.contains("nosuch")),
        "{found:?}"
    );
    let nosuch = super::policy("nosuch");
    let attach = |task| action(task, ActionTime::After, Operation::AttachUserPolicy, (PolicyArn, &nosuch));
    world.map(vec![attach(create), attach(TaskKind::UpdateAccount)]).await;
    for one in [zoe(), json!({"task": "update_account", "account": "ada", "new_path": "/x/"})] {
        let found = world.in_the_way(one).await;
        assert!(
            found.iter().any(|(kind, why)| *kind == ObstacleKind::NotFound && why.contains("nosuch")),
            "{found:?}"
        );
    }
    // A tag of a mapping must not make what is made untouchable.
    world.protect(ProtectionKind::Tag("glass".into())).await;
    let tag = || (Tag("glass".into()), "broken");
    world.map(vec![action(create, ActionTime::After, Operation::TagUser, tag())]).await;
    let found = world.in_the_way(zoe()).await;
    assert!(found.iter().any(|(kind, _)| *kind == ObstacleKind::Protected), "{found:?}");
}

#[tokio::test]
async fn fifty_tags_leave_no_room_for_our_own() {
    let world = World::with(full(), &[]).await;
    let create = |count: usize| {
        let tags: serde_json::Map<_, _> = (0..count).map(|n| (format!("t{n}"), json!("x"))).collect();
        json!({"task": "create_account", "name": "zoe", "deliver": "link", "tags": tags})
    };
    assert_eq!(world.in_the_way(create(49)).await, []);
    let found = world.in_the_way(create(50)).await;
    assert!(
        found.len() == 1 && found[0].1.contains("keyreeve:task") && found[0].1.contains("49"),
        "{found:?}"
    );
    world.succeeded(&[wish(create(49))]).await;
}

#[tokio::test]
async fn an_account_is_not_moved_to_where_nobody_may_change_it() {
    let world = World::with(full(), &[user("ada", "/")]).await;
    for kind in [
        ProtectionKind::Account("glass".into()),
        ProtectionKind::Path("/break-glass/".into()),
        ProtectionKind::Tag("glass".into()),
    ] {
        world.protect(kind).await;
    }
    for change in [
        json!({"new_name": "Glass"}),
        json!({"new_path": "/break-glass/x/"}),
        json!({"tags": {"glass": "1"}}),
    ] {
        let mut one = json!({"task": "update_account", "account": "ada"});
        one.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let found = world.in_the_way(one).await;
        assert!(
            found.iter().any(|(kind, why)| *kind == ObstacleKind::Protected && why.contains("protect list")),
            "{change}: {found:?}"
        );
    }
    assert_eq!(
        world.in_the_way(json!({"task": "update_account", "account": "ada", "new_path": "/x/"})).await,
        []
    );
}

#[tokio::test]
async fn a_custom_action_does_not_take_the_last_administrator_either() {
    use TargetProperty::{GroupName, PolicyArn};
    let boss = || "boss".to_owned();
    let deny = super::policy("no");
    let mut setup = full();
    setup.settings.deny_all_policy = Some(deny.clone());
    let statement = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    let world = World::with(
        setup,
        &[
            Mutation::CreatePolicy { name: "no".into(), path: "/".into(), document },
            user("boss", "/"),
            Mutation::CreateLoginProfile { user: boss(), reset_required: false },
            Mutation::AttachUserPolicy { user: boss(), arn: ADMIN.into() },
            Mutation::CreateGroup { name: "admins".into(), path: "/".into() },
        ],
    )
    .await;
    let moved = || json!({"task": "update_account", "account": "boss", "new_path": "/x/"});
    let update = |operation, row| action(TaskKind::UpdateAccount, ActionTime::Before, operation, row);
    world.map(vec![update(Operation::DetachUserPolicy, (PolicyArn, ADMIN))]).await;
    let found = world.in_the_way(moved()).await;
    assert!(
        found.len() == 1 && found[0].1.contains("last account that holds AdministratorAccess"),
        "{found:?}"
    );
    // A group that gives nothing may be left.
    world.map(vec![update(Operation::RemoveUserFromGroup, (GroupName, "admins"))]).await;
    assert_eq!(world.in_the_way(moved()).await, []);
    let found = world.in_the_way(json!({"task": "add_assignment", "account": "boss", "policy": deny})).await;
    assert!(found.iter().any(|(_, why)| why.contains("last account")), "{found:?}");
}

#[tokio::test]
async fn a_later_task_is_planned_on_the_name_that_an_earlier_one_gives() {
    let mut setup = full();
    setup.settings.first_sign_in = FirstSignIn::Attach;
    let esra = || "esra".to_owned();
    let world = World::with(
        setup,
        &[user("esra", "/"), Mutation::CreateLoginProfile { user: esra(), reset_required: false }],
    )
    .await;
    let wishes = [
        wish(json!({"task": "update_account", "account": "esra", "new_name": "esra2"})),
        wish(json!({"task": "update_account", "account": "esra2", "new_name": "esra3"})),
        wish(json!({"task": "reset_password", "account": "esra3", "deliver": "link"})),
    ];
    let plan = world.plan(&wishes).await;
    let last = plan.tasks[2].steps.last().unwrap();
    assert!(matches!(last.call, StepCall::UpdateLoginProfile { .. }), "{:?}", plan.tasks);
    world.succeeded(&wishes).await;
    assert_eq!(world.user("esra3").unwrap()["login_profile"]["reset_required"], true);
}

#[tokio::test]
async fn one_throttled_look_at_whose_credentials_these_are_refuses_nothing() {
    let world = World::with(full(), &[user("ada", "/")]).await;
    world.sandbox.add_fault(FaultRule::new("GetCallerIdentity", Effect::Throttle).times(2).min_fires(2));
    assert!(world.plan(&[wish(json!({"task": "deactivate_account", "account": "ada"}))]).await.is_possible());
    assert_eq!(world.sandbox.unfired(), []);
}

#[tokio::test]
async fn a_policy_of_aws_that_is_on_no_list_may_deny_and_goes_last() {
    let unlisted = "arn:aws:iam::aws:policy/CloudWatchOmniSpaceAccessPolicy";
    let ada = || "ada".to_owned();
    let world = World::with(
        full(),
        &[
            user("ada", "/"),
            Mutation::CreateGroup { name: "zz-devs".into(), path: "/".into() },
            Mutation::AddToGroup { user: ada(), group: "zz-devs".into() },
            Mutation::AttachUserPolicy { user: ada(), arn: unlisted.into() },
            Mutation::CreateAccessKey { user: ada() },
        ],
    )
    .await;
    let plan = world.plan(&[wish(json!({"task": "delete_account", "account": "ada"}))]).await;
    let operations: Vec<&str> = plan.tasks[0].steps.iter().map(|step| &*step.operation).collect();
    let at = |name: &str| operations.iter().position(|one| *one == name).unwrap();
    assert!(at("RemoveUserFromGroup") < at("DetachUserPolicy"), "{operations:?}");
    assert!(at("DeleteAccessKey") < at("DetachUserPolicy"), "{operations:?}");
}
