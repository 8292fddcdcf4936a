//! Who may assume a role, for how long, and what the session may do then.

use keyreeve_sandbox::{Mutation, Running};
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Answer, Client, OTHER, sandbox};

/// Bob in one account, and the same role in both.
struct Roles {
    sandbox: Running,
    admins: [Client; 2],
    bob: Client,
}

const EVERYTHING: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/teams/auditor")
}

fn bob() -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/staff/bob")
}

fn account(id: &str) -> Value {
    json!({"AWS": format!("arn:aws:iam::{id}:root")})
}

fn trust(principal: &Value, condition: &Value) -> String {
    let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    if condition.is_object() {
        statement["Condition"] = condition.clone();
    }
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

impl Roles {
    async fn new() -> Self {
        let sandbox = sandbox(0).await;
        let admins = [ACCOUNT, OTHER].map(|account| Client::of(&sandbox, account));
        for admin in &admins {
            let nobody = trust(&account("999999999999"), &Value::Null);
            let create = [
                ("RoleName", "auditor"),
                ("Path", "/teams/"),
                ("AssumeRolePolicyDocument", &nobody),
                ("MaxSessionDuration", "7200"),
            ];
            admin.iam("CreateRole", &create).await.ok();
            admin.iam("AttachRolePolicy", &[("RoleName", "auditor"), ("PolicyArn", EVERYTHING)]).await.ok();
        }
        let [admin, _] = &admins;
        admin.iam("CreateUser", &[("UserName", "bob"), ("Path", "/staff/")]).await.ok();
        let made = admin.iam("CreateAccessKey", &[("UserName", "bob")]).await.ok();
        let (key, secret) = (made.one("AccessKeyId").unwrap(), made.one("SecretAccessKey").unwrap());
        let bob = Client { key, secret, ..admin.clone() };
        Self { sandbox, admins, bob }
    }

    /// Says whom the roles of both accounts trust, and under which condition.
    async fn trusting(&self, principal: &Value, condition: &Value) {
        let document = trust(principal, condition);
        for admin in &self.admins {
            let update = [("RoleName", "auditor"), ("PolicyDocument", document.as_str())];
            admin.iam("UpdateAssumeRolePolicy", &update).await.ok();
        }
    }

    /// Lets bob, by his own policy, assume these.
    async fn permitting(&self, effect: &str, resource: &str) {
        let statement = json!({"Effect": effect, "Action": "sts:AssumeRole", "Resource": resource});
        let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let put = [("UserName", "bob"), ("PolicyName", "own"), ("PolicyDocument", document.as_str())];
        self.admins[0].iam("PutUserPolicy", &put).await.ok();
    }

    async fn assume(&self, account: &str, more: &[(&str, &str)]) -> Answer {
        assume(&self.bob, account, more).await
    }
}

async fn assume(client: &Client, account: &str, more: &[(&str, &str)]) -> Answer {
    let role = role(account);
    let params = [&[("RoleArn", role.as_str()), ("RoleSessionName", "import")], more].concat();
    client.sts("AssumeRole", &params).await
}

fn session(answer: &Answer, client: &Client) -> Client {
    Client {
        key: answer.one("AccessKeyId").unwrap(),
        secret: answer.one("SecretAccessKey").unwrap(),
        token: answer.one("SessionToken"),
        ..client.clone()
    }
}

#[tokio::test]
async fn both_accounts_must_allow_it_and_within_one_the_trust_may_suffice() {
    let roles = Roles::new().await;
    let by_arn = || json!({"AWS": bob()});
    let everyone = || json!("*");
    // (who is trusted, whether bob's policy allows it, in the same account, in the other)
    for (principal, policy, here, there) in [
        (by_arn(), false, true, false),
        (by_arn(), true, true, true),
        (everyone(), false, true, false),
        (everyone(), true, true, true),
        (account(ACCOUNT), false, false, false),
        (account(ACCOUNT), true, true, true),
        (json!({"AWS": ACCOUNT}), true, true, true),
        (account("999999999999"), true, false, false),
        (json!({"AWS": format!("{}by", bob())}), true, false, false),
        (json!({"Service": "ec2.amazonaws.com"}), true, false, false),
    ] {
        roles.trusting(&principal, &Value::Null).await;
        let allowed = if policy { "arn:aws:iam::*:role/teams/*" } else { "arn:aws:iam::*:role/other/*" };
        roles.permitting("Allow", allowed).await;
        for (account, expected) in [(ACCOUNT, here), (OTHER, there)] {
            let answer = roles.assume(account, &[]).await;
            assert_eq!(answer.status == 200, expected, "{principal}, {policy}, {account}: {}", answer.body);
            if !expected {
                answer.fails(403, "AccessDenied");
            }
        }
    }
    roles.trusting(&by_arn(), &Value::Null).await;
    roles.permitting("Deny", "*").await;
    let refused = roles.assume(ACCOUNT, &[]).await;
    refused.fails(403, "AccessDenied");
    let words = "role/teams/auditor with an explicit deny in an identity-based policy";
    assert!(refused.one("Message").unwrap().ends_with(words), "{}", refused.body);
}

#[tokio::test]
async fn the_trusts_conditions_are_evaluated() {
    let roles = Roles::new().await;
    roles.permitting("Allow", "*").await;
    let ours = ("ExternalId", "ours-1");
    let theirs = ("ExternalId", "theirs");
    let equals = |value: Value| json!({"StringEquals": {"sts:ExternalId": value}});
    for (condition, allowed, refused) in [
        (equals(json!("ours-1")), vec![vec![ours]], vec![vec![], vec![theirs]]),
        (equals(json!(["theirs", "ours-1"])), vec![vec![ours], vec![theirs]], vec![vec![]]),
        (json!({"StringLike": {"sts:ExternalId": "ours-?"}}), vec![vec![ours]], vec![vec![], vec![theirs]]),
        (json!({"StringLike": {"sts:ExternalId": "*"}}), vec![vec![ours], vec![theirs]], vec![vec![]]),
        (
            json!({"StringNotEquals": {"sts:ExternalId": "theirs"}}),
            vec![vec![], vec![ours]],
            vec![vec![theirs]],
        ),
        (json!({"Null": {"sts:ExternalId": "true"}}), vec![vec![]], vec![vec![ours]]),
        (
            json!({"StringEqualsIfExists": {"sts:ExternalId": "ours-1"}}),
            vec![vec![], vec![ours]],
            vec![vec![theirs]],
        ),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/staff/*"}}), vec![vec![]], vec![]),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/ops/*"}}), vec![], vec![vec![]]),
        (json!({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}), vec![vec![]], vec![]),
        (json!({"StringEquals": {"sts:RoleSessionName": "import"}}), vec![vec![]], vec![]),
        (json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}), vec![], vec![vec![]]),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), vec![], vec![vec![]]),
    ] {
        roles.trusting(&account(ACCOUNT), &condition).await;
        for params in allowed {
            let answer = roles.assume(OTHER, &params).await;
            assert_eq!(answer.status, 200, "{condition} {params:?}: {}", answer.body);
        }
        for params in refused {
            let answer = roles.assume(OTHER, &params).await;
            assert_eq!(answer.code(), "AccessDenied", "{condition} {params:?}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_role_that_is_not_there_is_refused_like_one_that_does_not_trust() {
    let roles = Roles::new().await;
    roles.permitting("Allow", "*").await;
    let untrusted = roles.assume(OTHER, &[]).await.one("Message").unwrap();
    assert!(untrusted.ends_with(&format!("sts:AssumeRole on resource: {}", role(OTHER))), "{untrusted}");
    for arn in
        [role(OTHER).replace("auditor", "nobody"), role(OTHER).replace("/teams/", "/"), role("999999999999")]
    {
        let answer = roles.bob.sts("AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "import")]).await;
        answer.fails(403, "AccessDenied");
        assert_eq!(answer.one("Message").unwrap(), untrusted.replace(&role(OTHER), &arn));
    }
}

#[tokio::test]
async fn a_device_that_is_shown_counts_for_the_trust_and_in_the_session() {
    let roles = Roles::new().await;
    roles.permitting("Allow", "*").await;
    roles.trusting(&account(ACCOUNT), &json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}})).await;
    roles.sandbox.mutate(ACCOUNT, &[Mutation::AddMfa { user: "bob".into(), is_virtual: true }]).unwrap();
    let serial = format!("arn:aws:iam::{ACCOUNT}:mfa/bob");
    let shown = [("SerialNumber", serial.as_str()), ("TokenCode", "123456")];
    roles.assume(OTHER, &[]).await.fails(403, "AccessDenied");
    let other = [("SerialNumber", "arn:aws:iam::111122223333:mfa/eve"), ("TokenCode", "123456")];
    roles.assume(OTHER, &other).await.fails(403, "AccessDenied");
    roles.assume(OTHER, &shown[..1]).await.fails(403, "AccessDenied");
    let with = session(&roles.assume(OTHER, &shown).await.ok(), &roles.bob);
    let only = json!({"Statement": {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}});
    let arn = |name: &str| format!("arn:aws:iam::{OTHER}:policy/{name}");
    roles
        .sandbox
        .mutate(
            OTHER,
            &[
                Mutation::CreatePolicy { name: "mfa".into(), path: "/".into(), document: only.to_string() },
                Mutation::AttachRolePolicy { role: "auditor".into(), arn: arn("mfa") },
            ],
        )
        .unwrap();
    let detach = [("RoleName", "auditor"), ("PolicyArn", EVERYTHING)];
    roles.admins[1].iam("DetachRolePolicy", &detach).await.ok();
    with.iam("ListUsers", &[]).await.ok();
    roles.trusting(&account(ACCOUNT), &Value::Null).await;
    let without = session(&roles.assume(OTHER, &[]).await.ok(), &roles.bob);
    without.iam("ListUsers", &[]).await.fails(403, "AccessDenied");
}

#[tokio::test]
async fn a_session_has_the_roles_policies_within_those_that_were_passed() {
    let roles = Roles::new().await;
    roles.trusting(&json!({"AWS": bob()}), &Value::Null).await;
    let reading = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    let detach = [("RoleName", "auditor"), ("PolicyArn", EVERYTHING)];
    roles.admins[0].iam("DetachRolePolicy", &detach).await.ok();
    let whole = session(&roles.assume(ACCOUNT, &[]).await.ok(), &roles.bob);
    whole.iam("ListUsers", &[]).await.fails(403, "AccessDenied");
    let attach = [("RoleName", "auditor"), ("PolicyArn", reading)];
    roles.admins[0].iam("AttachRolePolicy", &attach).await.ok();
    whole.iam("ListUsers", &[]).await.ok();
    whole.iam("ListGroups", &[]).await.ok();
    whole.iam("CreateUser", &[("UserName", "eve")]).await.fails(403, "AccessDenied");

    let text = |action: &str| {
        json!({"Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}).to_string()
    };
    let (users, everything) = (text("iam:ListUsers"), text("*"));
    let passed = session(&roles.assume(ACCOUNT, &[("Policy", &users)]).await.ok(), &roles.bob);
    passed.iam("ListUsers", &[]).await.ok();
    let refused = passed.iam("ListGroups", &[]).await;
    let words = "because no session policy allows the iam:ListGroups action";
    assert!(refused.one("Message").unwrap().ends_with(words), "{}", refused.body);
    let more = session(&roles.assume(ACCOUNT, &[("Policy", &everything)]).await.ok(), &roles.bob);
    more.iam("CreateUser", &[("UserName", "eve")]).await.fails(403, "AccessDenied");
    let by_arn = [("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")];
    let by_arn = session(&roles.assume(ACCOUNT, &by_arn).await.ok(), &roles.bob);
    by_arn.iam("ListUsers", &[]).await.fails(403, "AccessDenied");
    for (name, bad, code) in [
        ("Policy", "{}", "MalformedPolicyDocument"),
        ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/Nothing", "ValidationError"),
    ] {
        roles.assume(ACCOUNT, &[(name, bad)]).await.fails(400, code);
    }
}

#[tokio::test]
async fn chained_sessions_are_short_and_end_with_the_clock() {
    let roles = Roles::new().await;
    roles.permitting("Allow", "*").await;
    roles.trusting(&account(ACCOUNT), &Value::Null).await;
    roles.assume(ACCOUNT, &[("DurationSeconds", "7201")]).await.fails(400, "ValidationError");
    let first = roles.assume(ACCOUNT, &[("DurationSeconds", "7200")]).await.ok();
    let first = session(&first, &roles.bob);
    // The session is somebody of the account, with the role's own policies; its user's do not count.
    let longer = assume(&first, OTHER, &[("DurationSeconds", "3601")]).await;
    longer.fails(400, "ValidationError");
    assert!(
        longer.body.contains("1 hour session limit for roles assumed by role chaining"),
        "{}",
        longer.body
    );
    let second = assume(&first, OTHER, &[("DurationSeconds", "3600")]).await.ok();
    let second = session(&second, &roles.bob);
    let me = second.sts("GetCallerIdentity", &[]).await.ok();
    assert_eq!(me.one("Arn").unwrap(), format!("arn:aws:sts::{OTHER}:assumed-role/auditor/import"));
    second.iam("ListUsers", &[]).await.ok();
    // Named by its role, the session of bob's role is trusted, and bob is not.
    roles.trusting(&json!({"AWS": role(ACCOUNT)}), &Value::Null).await;
    assume(&first, OTHER, &[]).await.ok();
    roles.assume(OTHER, &[]).await.fails(403, "AccessDenied");
    let condition = json!({"ArnEquals": {"aws:PrincipalArn": role(ACCOUNT)}});
    roles.trusting(&account(ACCOUNT), &condition).await;
    assume(&first, OTHER, &[]).await.ok();
    roles.assume(OTHER, &[]).await.fails(403, "AccessDenied");

    roles.sandbox.advance_clock(3_601);
    second.iam("ListUsers", &[]).await.fails(403, "ExpiredToken");
    first.iam("ListUsers", &[]).await.ok();
    roles.sandbox.advance_clock(3_600);
    first.iam("ListUsers", &[]).await.fails(403, "ExpiredToken");
    assume(&first, OTHER, &[]).await.fails(403, "ExpiredToken");
}

#[tokio::test]
async fn a_session_of_a_role_that_was_made_anew_is_nobodys() {
    let roles = Roles::new().await;
    roles.trusting(&json!({"AWS": bob()}), &Value::Null).await;
    let old = session(&roles.assume(ACCOUNT, &[]).await.ok(), &roles.bob);
    old.iam("ListUsers", &[]).await.ok();
    let trust = keyreeve_sandbox::Trust { principals: vec![bob()], external_id: None };
    let again = Mutation::CreateRole { name: "auditor".into(), path: "/teams/".into(), trust };
    let attach = Mutation::AttachRolePolicy { role: "auditor".into(), arn: EVERYTHING.into() };
    roles.sandbox.mutate(ACCOUNT, &[Mutation::DeleteRole { name: "auditor".into() }, again, attach]).unwrap();
    old.iam("ListUsers", &[]).await.fails(403, "InvalidClientTokenId");
    let new = session(&roles.assume(ACCOUNT, &[]).await.ok(), &roles.bob);
    new.iam("ListUsers", &[]).await.ok();
    roles.assume(ACCOUNT, &[("Tags.member.1.Key", "team")]).await.fails(400, "InvalidInput");
}
