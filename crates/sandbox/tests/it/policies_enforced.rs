//! What a caller may do is what its policies say, on the resource and with the keys that AWS has for the action.

use keyreeve_sandbox::{ConnectorPolicy, Mutation, Refusal, Running};
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Answer, Client, sandbox};

/// Somebody who may do this alone, beside an administrator.
struct Tried {
    sandbox: Running,
    admin: Client,
    bob: Client,
}

fn arn(resource: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{resource}")
}

fn statement(effect: &str, actions: Value, resources: Value) -> Value {
    json!({"Effect": effect, "Action": actions, "Resource": resources})
}

fn allow(actions: Value, resources: Value) -> Value {
    statement("Allow", actions, resources)
}

fn deny(actions: Value, resources: Value) -> Value {
    statement("Deny", actions, resources)
}

fn when(mut statement: Value, condition: Value) -> Value {
    statement["Condition"] = condition;
    statement
}

fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

impl Tried {
    async fn with(statements: &[Value]) -> Self {
        let sandbox = sandbox(0).await;
        let admin = Client::of(&sandbox, ACCOUNT);
        admin.iam("CreateUser", &[("UserName", "bob"), ("Path", "/staff/")]).await.ok();
        let bob = key_of(&admin, "bob").await;
        let tried = Self { sandbox, admin, bob };
        tried.holds(statements).await;
        tried
    }

    async fn holds(&self, statements: &[Value]) {
        let text = document(statements);
        let params = [("UserName", "bob"), ("PolicyName", "own"), ("PolicyDocument", text.as_str())];
        self.admin.iam("PutUserPolicy", &params).await.ok();
    }

    fn make(&self, changes: &[Mutation]) {
        self.sandbox.mutate(ACCOUNT, changes).unwrap();
    }

    fn user(&self, name: &str, path: &str) {
        let (name, path) = (name.to_owned(), path.to_owned());
        self.make(&[Mutation::CreateUser { name, path, tags: Vec::new(), boundary: None }]);
    }

    /// The call by bob.
    async fn call(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.bob.iam(action, params).await
    }

    /// Why the last call was refused.
    fn refusal(&self) -> Refusal {
        self.sandbox.trace().pop().unwrap().refusal.expect("it was refused because of policies")
    }

    #[track_caller]
    fn refused(&self, answer: &Answer, words: &str) {
        answer.fails(403, "AccessDenied");
        let message = answer.one("Message").unwrap();
        assert!(
            message.starts_with(&format!("User: {} is not authorized to perform: ", arn("user/staff/bob")))
        );
        assert!(message.ends_with(words), "{message}");
    }
}

async fn key_of(admin: &Client, user: &str) -> Client {
    let made = admin.iam("CreateAccessKey", &[("UserName", user)]).await.ok();
    let (key, secret) = (made.one("AccessKeyId").unwrap(), made.one("SecretAccessKey").unwrap());
    Client { key, secret, ..admin.clone() }
}

#[tokio::test]
async fn nothing_is_allowed_unless_a_policy_allows_it_but_asking_who_one_is() {
    let tried = Tried::with(&[allow(json!("s3:*"), json!("*"))]).await;
    let refused = tried.call("ListUsers", &[]).await;
    tried.refused(&refused, "because no identity-based policy allows the iam:ListUsers action");
    let refusal = tried.refusal();
    assert_eq!((refusal.action.as_str(), refusal.silent.as_deref()), ("iam:ListUsers", Some("identity")));
    let gone = tried.call("GetUser", &[("UserName", "nobody")]).await;
    tried.refused(
        &gone,
        "iam:GetUser on resource: user nobody because no identity-based policy allows the iam:GetUser action",
    );
    tried.bob.sts("GetCallerIdentity", &[]).await.ok();
}

#[tokio::test]
async fn a_denial_in_a_policy_is_named_and_wins_over_all_that_allows() {
    let dev = arn("user/dev/*");
    let tried =
        Tried::with(&[allow(json!("iam:*"), json!("*")), deny(json!("iam:Delete*"), json!(dev))]).await;
    tried.user("eve", "/dev/");
    tried.user("mia", "/ops/");
    let refused = tried.call("DeleteUser", &[("UserName", "eve")]).await;
    tried.refused(&refused, "user/dev/eve with an explicit deny in an identity-based policy");
    assert_eq!(tried.refusal().because, ["own of user bob, statement 2"]);
    tried.call("DeleteUser", &[("UserName", "mia")]).await.ok();
}

#[tokio::test]
async fn policies_come_from_the_user_its_groups_and_what_is_attached_to_either() {
    let tried = Tried::with(&[allow(json!("iam:ListUsers"), json!("*"))]).await;
    let on = |action: &str| document(&[allow(json!(action), json!("*"))]);
    let group = || "team".to_owned();
    tried.make(&[
        Mutation::CreatePolicy { name: "attached".into(), path: "/".into(), document: on("iam:ListGroups") },
        Mutation::CreatePolicy { name: "grouped".into(), path: "/".into(), document: on("iam:ListRoles") },
        Mutation::CreateGroup { name: group(), path: "/".into() },
        Mutation::AddToGroup { user: "bob".into(), group: group() },
        Mutation::AttachUserPolicy { user: "bob".into(), arn: arn("policy/attached") },
        Mutation::AttachGroupPolicy { group: group(), arn: arn("policy/grouped") },
        Mutation::PutGroupInline {
            group: group(),
            name: "inline".into(),
            document: on("iam:GetAccountSummary"),
        },
        Mutation::AttachUserPolicy {
            user: "bob".into(),
            arn: "arn:aws:iam::aws:policy/IAMUserChangePassword".into(),
        },
    ]);
    let each = ["ListUsers", "ListGroups", "ListRoles", "GetAccountSummary"];
    for action in each {
        tried.call(action, &[]).await.ok();
    }
    // AWS's own, with the user's name in its resource: the password policy is not set, and the old password wrong.
    tried.call("GetAccountPasswordPolicy", &[]).await.fails(404, "NoSuchEntity");
    tried.call("ListPolicies", &[]).await.fails(403, "AccessDenied");
    // Another version counts from now on.
    tried.make(&[
        Mutation::CreatePolicyVersion { arn: arn("policy/attached"), document: on("iam:ListPolicies") },
        Mutation::RemoveFromGroup { user: "bob".into(), group: group() },
    ]);
    tried.call("ListPolicies", &[]).await.ok();
    for action in &each[1..] {
        tried.call(action, &[]).await.fails(403, "AccessDenied");
    }
}

#[tokio::test]
async fn a_boundary_limits_and_grants_nothing() {
    let tried = Tried::with(&[allow(json!("iam:ListUsers"), json!("*"))]).await;
    let boundary = document(&[
        allow(json!(["iam:List*", "iam:GetUser"]), json!("*")),
        deny(json!("iam:ListRoles"), json!("*")),
    ]);
    tried.make(&[
        Mutation::CreatePolicy { name: "bound".into(), path: "/".into(), document: boundary },
        Mutation::SetBoundary { name: "bob".into(), arn: Some(arn("policy/bound")) },
    ]);
    tried.call("ListUsers", &[]).await.ok();
    let refused = tried.call("GetUser", &[]).await;
    tried.refused(&refused, "because no identity-based policy allows the iam:GetUser action");
    tried.holds(&[allow(json!("iam:*"), json!("*"))]).await;
    tried.call("GetUser", &[]).await.ok();
    let refused = tried.call("GetAccountSummary", &[]).await;
    tried.refused(&refused, "because no permissions boundary allows the iam:GetAccountSummary action");
    let refused = tried.call("ListRoles", &[]).await;
    tried.refused(&refused, "with an explicit deny in a permissions boundary");
}

/// One call under a policy that allows its action on one resource: allowed there, and refused on every other of these.
async fn on_its_resource(action: &str, params: &[(&str, &str)], resource: &str) {
    let tried = Tried::with(&[allow(json!(format!("iam:{action}")), json!(resource))]).await;
    tried.user("eve", "/dev/");
    let group = Mutation::CreateGroup { name: "team".into(), path: "/teams/".into() };
    let text = document(&[allow(json!("s3:*"), json!("*"))]);
    let policy = Mutation::CreatePolicy { name: "own".into(), path: "/company/".into(), document: text };
    tried.make(&[group, policy, Mutation::CreateAccessKey { user: "eve".into() }]);
    let state = tried.sandbox.state(ACCOUNT).unwrap();
    let eve = state["users"].as_array().unwrap().iter().find(|user| user["name"] == "eve").unwrap();
    let key = eve["keys"][0]["id"].as_str().unwrap().to_owned();
    let policy = arn("policy/company/own");
    let params: Vec<(&str, &str)> = params
        .iter()
        .map(|(name, value)| match *value {
            "(key)" => (*name, key.as_str()),
            "(policy)" => (*name, policy.as_str()),
            value => (*name, value),
        })
        .collect();
    let answer = tried.call(action, &params).await;
    assert_ne!(answer.code(), "AccessDenied", "{action} on {resource}: {}", answer.body);
    let others =
        ["user/dev/eve", "user/eve", "user/dev/new", "group/teams/team", "policy/company/own", "mfa/new"];
    for other in others.map(arn).into_iter().filter(|other| other != resource) {
        tried.holds(&[allow(json!(format!("iam:{action}")), json!(other))]).await;
        let refused = tried.call(action, &params).await;
        assert_eq!(refused.code(), "AccessDenied", "{action} on {other}: {}", refused.body);
    }
}

#[tokio::test]
async fn each_action_is_about_the_resource_that_aws_says() {
    let eve = ("UserName", "eve");
    let password = ("Password", "Correct-horse-1");
    let bucket = document(&[allow(json!("s3:*"), json!("*"))]);
    let user = arn("user/dev/eve");
    let (group, policy) = (arn("group/teams/team"), arn("policy/company/own"));
    for (action, params, resource) in [
        ("ListUsers", vec![], "*"),
        ("GetAccountAuthorizationDetails", vec![], "*"),
        ("GetUser", vec![eve], user.as_str()),
        ("GetLoginProfile", vec![eve], &user),
        ("CreateLoginProfile", vec![eve, password], &user),
        ("DeleteUser", vec![eve], &user),
        ("AttachUserPolicy", vec![eve, ("PolicyArn", "(policy)")], &user),
        ("DetachUserPolicy", vec![eve, ("PolicyArn", "(policy)")], &user),
        ("UpdateAccessKey", vec![eve, ("AccessKeyId", "(key)"), ("Status", "Inactive")], &user),
        ("GetAccessKeyLastUsed", vec![("AccessKeyId", "(key)")], &user),
        ("AddUserToGroup", vec![eve, ("GroupName", "team")], &group),
        ("RemoveUserFromGroup", vec![eve, ("GroupName", "team")], &group),
        ("GetPolicy", vec![("PolicyArn", "(policy)")], &policy),
        ("CreateUser", vec![("UserName", "new"), ("Path", "/dev/")], &arn("user/dev/new")),
        ("CreateGroup", vec![("GroupName", "new"), ("Path", "/x/")], &arn("group/x/new")),
        (
            "CreatePolicy",
            vec![("PolicyName", "new"), ("Path", "/x/"), ("PolicyDocument", &bucket)],
            &arn("policy/x/new"),
        ),
        ("CreateVirtualMFADevice", vec![("VirtualMFADeviceName", "new")], &arn("mfa/new")),
        ("DeleteVirtualMFADevice", vec![("SerialNumber", &arn("mfa/new"))], &arn("mfa/new")),
    ] {
        on_its_resource(action, &params, resource).await;
    }
}

#[tokio::test]
async fn a_user_who_is_renamed_or_moved_must_be_allowed_at_both_ends() {
    let tried = Tried::with(&[allow(json!("iam:UpdateUser"), json!(arn("user/dev/*")))]).await;
    tried.user("eve", "/dev/");
    tried.user("mia", "/ops/");
    let refused = tried.call("UpdateUser", &[("UserName", "eve"), ("NewPath", "/ops/")]).await;
    assert_eq!(tried.refusal().resource, arn("user/ops/eve"));
    tried.refused(&refused, "because no identity-based policy allows the iam:UpdateUser action");
    tried.call("UpdateUser", &[("UserName", "mia"), ("NewPath", "/dev/")]).await.fails(403, "AccessDenied");
    assert_eq!(tried.refusal().resource, arn("user/ops/mia"));
    tried.call("UpdateUser", &[("UserName", "eve"), ("NewUserName", "eva")]).await.ok();
    tried.call("UpdateUser", &[("UserName", "eva"), ("NewPath", "/dev/deep/")]).await.ok();
}

#[tokio::test]
async fn a_creation_with_tags_or_a_boundary_needs_more_and_the_refusal_names_what() {
    let tried = Tried::with(&[allow(json!("iam:CreateUser"), json!("*"))]).await;
    tried.call("CreateUser", &[("UserName", "a")]).await.ok();
    let tags = [("UserName", "b"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "data")];
    let refused = tried.call("CreateUser", &tags).await;
    tried.refused(&refused, "because no identity-based policy allows the iam:TagUser action");
    let bounded = [("UserName", "b"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/PowerUserAccess")];
    let refused = tried.call("CreateUser", &bounded).await;
    tried.refused(
        &refused,
        "because no identity-based policy allows the iam:PutUserPermissionsBoundary action",
    );
    let needed = ["iam:CreateUser", "iam:TagUser", "iam:PutUserPermissionsBoundary"];
    tried.holds(&[allow(json!(needed), json!("*"))]).await;
    tried.call("CreateUser", &[&tags[..], &bounded[1..]].concat()).await.ok();
}

/// Calls under a policy that allows everything under a condition.
async fn under(
    condition: Value,
    allowed: &[(&str, Vec<(&str, &str)>)],
    refused: &[(&str, Vec<(&str, &str)>)],
) {
    let tried = Tried::with(&[when(allow(json!("iam:*"), json!("*")), condition.clone())]).await;
    let tags = vec![("team".to_owned(), "data".to_owned())];
    let make = |name: &str, tags: &[(String, String)], boundary: Option<&str>| Mutation::CreateUser {
        name: name.to_owned(),
        path: "/dev/".to_owned(),
        tags: tags.to_vec(),
        boundary: boundary.map(str::to_owned),
    };
    tried.make(&[
        make("eve", &tags, None),
        make("mia", &[], Some("arn:aws:iam::aws:policy/PowerUserAccess")),
        Mutation::TagUser { name: "bob".into(), key: "team".into(), value: "data".into() },
        Mutation::AddServiceCredential { user: "eve".into() },
    ]);
    for (action, params) in allowed {
        let answer = tried.call(action, params).await;
        assert_ne!(answer.code(), "AccessDenied", "{condition}: {action} {params:?}: {}", answer.body);
    }
    for (action, params) in refused {
        let answer = tried.call(action, params).await;
        assert_eq!(answer.code(), "AccessDenied", "{condition}: {action} {params:?}: {}", answer.body);
    }
}

const READER: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const POWER: &str = "arn:aws:iam::aws:policy/PowerUserAccess";

#[tokio::test]
async fn policies_that_are_attached_and_boundaries_are_keys() {
    let attach = |user, arn| ("AttachUserPolicy", vec![("UserName", user), ("PolicyArn", arn)]);
    under(
        json!({"ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/Read*"}}),
        &[attach("eve", READER), ("DetachUserPolicy", vec![("UserName", "eve"), ("PolicyArn", READER)])],
        &[attach("eve", ADMINISTRATOR), ("DeleteUser", vec![("UserName", "eve")])],
    )
    .await;
    let create = |boundary: Option<&'static str>| {
        let name = [("UserName", "new")].into_iter();
        ("CreateUser", name.chain(boundary.map(|arn| ("PermissionsBoundary", arn))).collect())
    };
    let put = |arn| ("PutUserPermissionsBoundary", vec![("UserName", "eve"), ("PermissionsBoundary", arn)]);
    under(
        json!({"StringEquals": {"iam:PermissionsBoundary": POWER}}),
        &[
            create(Some(POWER)),
            put(POWER),
            attach("mia", READER),
            ("DeleteUserPermissionsBoundary", vec![("UserName", "mia")]),
        ],
        &[create(None), create(Some(ADMINISTRATOR)), put(READER), attach("bob", READER)],
    )
    .await;
}

#[tokio::test]
async fn tags_of_the_request_the_resource_and_the_caller_are_keys() {
    let tagged =
        |key, value| vec![("UserName", "mia"), ("Tags.member.1.Key", key), ("Tags.member.1.Value", value)];
    let eve = || vec![("UserName", "eve")];
    let mia = || vec![("UserName", "mia")];
    under(
        json!({"StringEquals": {"aws:RequestTag/team": "data"}}),
        &[("TagUser", tagged("team", "data"))],
        &[("TagUser", tagged("team", "ops")), ("TagUser", tagged("other", "data")), ("GetUser", eve())],
    )
    .await;
    let untag = |keys: &[&'static str]| {
        let names = ["TagKeys.member.1", "TagKeys.member.2"];
        ("UntagUser", mia().into_iter().chain(names.into_iter().zip(keys.iter().copied())).collect())
    };
    under(
        json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}, "Null": {"aws:TagKeys": "false"}}),
        &[("TagUser", tagged("team", "x")), untag(&["team", "cost"])],
        &[("TagUser", tagged("other", "x")), untag(&["team", "other"]), ("GetUser", eve())],
    )
    .await;
    for prefix in ["aws", "iam"] {
        under(
            json!({"StringEquals": {format!("{prefix}:ResourceTag/team"): "data"}}),
            &[("GetUser", eve())],
            &[("GetUser", mia()), ("ListUsers", vec![])],
        )
        .await;
    }
    under(
        json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}),
        &[("GetUser", eve())],
        &[("GetUser", mia())],
    )
    .await;
}

#[tokio::test]
async fn who_calls_and_from_where_and_when_are_keys() {
    let bob = arn("user/staff/bob");
    let yes = [
        json!({"StringEquals": {"aws:username": "bob"}}),
        json!({"StringEquals": {"aws:PrincipalArn": bob}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/staff/*"}}),
        json!({"StringEquals": {"aws:PrincipalAccount": ACCOUNT, "aws:PrincipalType": "User"}}),
        json!({"StringLike": {"aws:userid": "AIDA*"}}),
        json!({"StringEquals": {"aws:PrincipalTag/team": "data"}}),
        json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}),
        json!({"Bool": {"aws:SecureTransport": "true"}}),
        json!({"Null": {"aws:MultiFactorAuthPresent": "true"}}),
        json!({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}),
        json!({"NumericGreaterThan": {"aws:EpochTime": "1767225600"}}),
    ];
    let no = [
        json!({"StringEquals": {"aws:username": "eve"}}),
        json!({"StringNotEquals": {"aws:PrincipalArn": bob}}),
        json!({"StringEquals": {"aws:PrincipalAccount": "444455556666"}}),
        json!({"StringLike": {"aws:userid": "AROA*"}}),
        json!({"StringEquals": {"aws:PrincipalTag/team": "ops"}}),
        json!({"NotIpAddress": {"aws:SourceIp": "127.0.0.1/32"}}),
        json!({"Bool": {"aws:SecureTransport": "false"}}),
        json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        json!({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}),
        json!({"StringEquals": {"sts:ExternalId": "x"}}),
        // The sandbox does not look at it, so it is not known.
        json!({"StringLike": {"aws:UserAgent": "*"}}),
    ];
    for condition in yes {
        under(condition, &[("ListUsers", vec![])], &[]).await;
    }
    for condition in no {
        under(condition, &[], &[("ListUsers", vec![])]).await;
    }
}

#[tokio::test]
async fn what_is_not_known_is_refused_and_the_trace_says_what_it_was() {
    let agent = json!({"StringNotLike": {"aws:UserAgent": "curl*"}});
    let tried = Tried::with(&[
        allow(json!("iam:*"), json!("*")),
        when(deny(json!("iam:ListUsers"), json!("*")), agent),
    ])
    .await;
    let refused = tried.call("ListUsers", &[]).await;
    tried.refused(&refused, "because no identity-based policy allows the iam:ListUsers action");
    assert!(tried.refusal().unknown.contains(&"aws:UserAgent".to_owned()), "{:?}", tried.refusal());
    tried.call("ListGroups", &[]).await.ok();
    // A document that AWS would not have taken may say anything.
    let document = "{\"Statement\": 1}".to_owned();
    tried.make(&[Mutation::PutUserInline { user: "bob".into(), name: "odd".into(), document }]);
    tried.call("ListGroups", &[]).await.fails(403, "AccessDenied");
    assert_eq!(tried.refusal().unknown, ["odd of user bob"]);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_not_taken() {
    let tried = Tried::with(&[allow(json!("s3:*"), json!("*"))]).await;
    let unknown = when(allow(json!("iam:*"), json!("*")), json!({"StringIs": {"aws:username": "x"}}));
    for bad in [document(&[unknown]), document(&[allow(json!("*:*"), json!("*"))])] {
        let params = [("UserName", "bob"), ("PolicyName", "own"), ("PolicyDocument", bad.as_str())];
        tried.admin.iam("PutUserPolicy", &params).await.fails(400, "MalformedPolicyDocument");
    }
}

#[tokio::test]
async fn the_connector_holds_a_policy_that_shows_and_can_be_changed() {
    let sandbox = sandbox(3).await;
    let connector = Client::of(&sandbox, ACCOUNT);
    let me = ("UserName", "keyreeve-connector");
    let inline = connector.iam("ListUserPolicies", &[me]).await.ok();
    assert_eq!(inline.all("member"), ["sandbox-everything"]);
    let key = sandbox.administrator_key(ACCOUNT).unwrap();
    assert_eq!(sandbox.administrator_key(ACCOUNT).unwrap(), key);
    let admin = Client { key: key.access_key_id, secret: key.secret_access_key, ..connector.clone() };

    let reading = document(&[allow(json!("iam:List*"), json!("*"))]);
    sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(vec![reading.clone()])).unwrap();
    connector.iam("ListUsers", &[]).await.ok();
    connector.iam("GetUser", &[]).await.fails(403, "AccessDenied");
    let attached = admin.iam("ListAttachedUserPolicies", &[me]).await.ok();
    assert_eq!(attached.all("PolicyArn"), [arn("policy/keyreeve/keyreeve-connector")]);
    let version = [("PolicyArn", attached.one("PolicyArn").unwrap()), ("VersionId", "v1".to_owned())];
    let version = version.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert!(admin.iam("GetPolicyVersion", &version).await.ok().body.contains("iam%3AList"));

    let more = document(&[allow(json!("iam:GetUser"), json!("*"))]);
    admin.iam("PutUserPolicy", &[me, ("PolicyName", "more"), ("PolicyDocument", &more)]).await.ok();
    connector.iam("GetUser", &[]).await.ok();
    sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(vec![reading.clone(), more])).unwrap();
    admin.iam("DeleteUserPolicy", &[me, ("PolicyName", "more")]).await.ok();
    connector.iam("GetUser", &[]).await.ok();
    sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(Vec::new())).unwrap();
    connector.iam("ListUsers", &[]).await.fails(403, "AccessDenied");
    let bad = ConnectorPolicy::Documents(vec!["{}".to_owned()]);
    assert!(sandbox.permit_connector(ACCOUNT, &bad).is_err());
    sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Everything).unwrap();
    connector.iam("ListUsers", &[]).await.ok();
}

#[tokio::test]
async fn the_password_policy_lets_users_change_their_own_password_and_nobody_elses() {
    let tried = Tried::with(&[allow(json!("s3:*"), json!("*"))]).await;
    let change = [("OldPassword", "Correct-horse-1"), ("NewPassword", "Correct-horse-2")];
    let profile = [("UserName", "bob"), ("Password", "Correct-horse-1")];
    tried.admin.iam("CreateLoginProfile", &profile).await.ok();
    tried.call("ChangePassword", &change).await.fails(403, "AccessDenied");
    tried.admin.iam("UpdateAccountPasswordPolicy", &[("AllowUsersToChangePassword", "true")]).await.ok();
    tried.call("GetAccountPasswordPolicy", &[]).await.ok();
    tried.holds(&[deny(json!("iam:ChangePassword"), json!("*"))]).await;
    let refused = tried.call("ChangePassword", &change).await;
    tried.refused(&refused, "with an explicit deny in an identity-based policy");
    tried.holds(&[allow(json!("s3:*"), json!("*"))]).await;
    tried.call("ChangePassword", &change).await.ok();
}
