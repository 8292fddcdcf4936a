//! The first sign-in: every combination of what the account allows, what the user holds, and what denies it.

use keyreeve_model::{FirstSignIn, ObstacleKind, StepCall};
use keyreeve_sandbox::{Mutation, PasswordPolicy};
use serde_json::json;

use super::{full, policy, user, wish};
use crate::harness::World;

const CHANGE: &str = "arn:aws:iam::aws:policy/IAMUserChangePassword";

/// What decides beside the account's own setting.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Held {
    Nothing,
    AwsPolicy,
    ThroughGroup,
    OwnPolicy,
    DenyInline,
    DenyUnlessMfa,
    OnlyOthers,
}

fn document(effect: &str, rest: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"iam:ChangePassword"{rest}}}]}}"#
    )
}

fn changes(held: Held) -> Vec<Mutation> {
    let eve = || "eve".to_owned();
    let mut all = vec![
        user("eve", "/"),
        user("other", "/"),
        Mutation::CreateLoginProfile { user: eve(), reset_required: false },
        Mutation::CreateGroup { name: "all".into(), path: "/".into() },
    ];
    let own = |text: String| Mutation::CreatePolicy { name: "own".into(), path: "/".into(), document: text };
    let attach = |arn: String| Mutation::AttachUserPolicy { user: eve(), arn };
    let inline = |text: String| Mutation::PutUserInline { user: eve(), name: "rule".into(), document: text };
    match held {
        Held::Nothing => {}
        Held::AwsPolicy => all.push(attach(CHANGE.into())),
        Held::ThroughGroup => all.extend([
            Mutation::AttachGroupPolicy { group: "all".into(), arn: CHANGE.into() },
            Mutation::AddToGroup { user: eve(), group: "all".into() },
        ]),
        Held::OwnPolicy => all.extend([
            own(document("Allow", r#","Resource":"arn:aws:iam::*:user/${aws:username}""#)),
            attach(policy("own")),
        ]),
        Held::DenyInline => {
            all.extend([attach(CHANGE.into()), inline(document("Deny", r#","Resource":"*""#))])
        }
        Held::DenyUnlessMfa => all.extend([
            attach(CHANGE.into()),
            inline(document(
                "Deny",
                r#","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#,
            )),
        ]),
        Held::OnlyOthers => all.extend([
            own(document("Allow", r#","Resource":"arn:aws:iam::*:user/other""#)),
            attach(policy("own")),
        ]),
    }
    all
}

/// What the answer is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    /// Nothing is needed.
    Yes,
    /// AWS's policy is attached, or was already: nobody knows better.
    Attached,
    /// It would be attached but is held already, so the task goes on.
    Held,
    /// It is refused.
    Denied,
}

#[tokio::test]
async fn every_combination_has_its_answer() {
    use Expected::{Attached, Denied, Held as IsHeld, Yes};
    for (may_change, held, expected) in [
        (false, Held::Nothing, Attached),
        (true, Held::Nothing, Yes),
        (false, Held::AwsPolicy, Yes),
        (true, Held::AwsPolicy, Yes),
        (false, Held::ThroughGroup, Yes),
        (false, Held::OwnPolicy, Yes),
        (false, Held::OnlyOthers, Attached),
        (true, Held::OnlyOthers, Yes),
        (false, Held::DenyInline, Denied),
        (true, Held::DenyInline, Denied),
        (false, Held::DenyUnlessMfa, IsHeld),
        (true, Held::DenyUnlessMfa, IsHeld),
    ] {
        let mut changes = changes(held);
        let rules = PasswordPolicy { allow_users_to_change: may_change, ..PasswordPolicy::default() };
        changes.push(Mutation::SetPasswordPolicy { policy: Some(rules) });
        let world = World::with(full(), &changes).await;
        let plan =
            world.plan(&[wish(json!({"task": "reset_password", "account": "eve", "deliver": "link"}))]).await;
        let task = &plan.tasks[0];
        let attaches = task.steps.iter().any(
            |step| matches!(&step.call, StepCall::AttachPolicy { policy_arn, .. } if policy_arn == CHANGE),
        );
        let refused = task.obstacles.iter().any(|obstacle| obstacle.kind == ObstacleKind::FirstSignIn);
        let found = (attaches, refused);
        let wanted = (expected == Attached, expected == Denied);
        assert_eq!(found, wanted, "{may_change} {held:?}: {:?} {:?}", task.steps, task.obstacles);
    }
}

#[tokio::test]
async fn the_settings_refuse_and_ignore_do_as_they_say() {
    for (setting, refused) in [(FirstSignIn::Refuse, true), (FirstSignIn::Ignore, false)] {
        let mut setup = full();
        setup.settings.first_sign_in = setting;
        let world = World::with(setup, &changes(Held::Nothing)).await;
        let plan =
            world.plan(&[wish(json!({"task": "reset_password", "account": "eve", "deliver": "link"}))]).await;
        assert_eq!(!plan.is_possible(), refused, "{setting:?}");
        assert_eq!(plan.tasks[0].steps.len(), 1, "{setting:?}: nothing is attached");
    }
}

#[tokio::test]
async fn the_deny_all_policy_that_a_reactivation_takes_away_does_not_stand_in_its_way() {
    let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let deny_all = policy("deny-all");
    let mut setup = full();
    setup.settings.deny_all_policy = Some(deny_all.clone());
    let mut changes = changes(Held::AwsPolicy);
    changes.push(Mutation::CreatePolicy {
        name: "deny-all".into(),
        path: "/".into(),
        document: everything.into(),
    });
    let world = World::with(setup, &changes).await;
    let eve = |task: &str| wish(json!({"task": task, "account": "eve", "deliver": "link"}));
    world.succeeded(&[wish(json!({"task": "deactivate_account", "account": "eve"}))]).await;
    assert_eq!(world.user("eve").unwrap()["attached"], json!([deny_all, CHANGE]), "it was attached");
    // Whoever only gets a new password keeps the policy that denies.
    let reset = world.plan(&[eve("reset_password")]).await;
    assert_eq!(reset.tasks[0].obstacles[0].kind, ObstacleKind::FirstSignIn, "{:?}", reset.tasks);
    world.succeeded(&[eve("reactivate_account")]).await;
    let user = world.user("eve").unwrap();
    assert_eq!(user["attached"], json!([CHANGE]));
    assert!(user["login_profile"].is_object(), "{user}");
}
