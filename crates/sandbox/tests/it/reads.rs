use keyreeve_sandbox::{Mutation, PasswordPolicy};
use serde_json::Value;

use crate::client::{ACCOUNT, Client, sandbox};

fn texts(value: &Value, list: &str, field: &str) -> Vec<String> {
    let mut texts: Vec<String> = value[list]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry[field].as_str().unwrap().to_owned())
        .collect();
    texts.sort();
    texts
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

fn mutation(json: Value) -> Mutation {
    serde_json::from_value(json).unwrap()
}

#[tokio::test]
async fn lists_and_details_tell_the_truth() {
    let sandbox = sandbox(80).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let truth = sandbox.state(ACCOUNT).unwrap();
    let all = [("MaxItems", "1000")];
    let users = client.iam("ListUsers", &all).await.ok();
    assert_eq!(sorted(users.all("Arn")), texts(&truth, "users", "arn"));
    let groups = client.iam("ListGroups", &all).await.ok();
    assert_eq!(sorted(groups.all("GroupId")), texts(&truth, "groups", "id"));
    let own = client.iam("ListPolicies", &[("Scope", "Local"), ("MaxItems", "1000")]).await.ok();
    assert_eq!(sorted(own.all("Arn")), texts(&truth, "policies", "arn"));
    let filter = [("Filter.member.1", "User"), ("MaxItems", "1000")];
    let details = client.iam("GetAccountAuthorizationDetails", &filter).await.ok();
    assert_eq!(sorted(details.all("UserName")), texts(&truth, "users", "name"));
    assert!(details.all("RoleName").is_empty() && details.all("GroupName").is_empty());
    let memberships: usize =
        truth["users"].as_array().unwrap().iter().map(|user| user["groups"].as_array().unwrap().len()).sum();
    assert!(memberships > 100);
    let told: usize = details.all("GroupList").iter().map(|list| list.matches("<member>").count()).sum();
    assert_eq!(told, memberships);
    assert_eq!(
        client.iam("GetAccountAuthorizationDetails", &[("Filter.member.1", "Nope")]).await.status,
        400
    );
}

#[tokio::test]
async fn every_read_of_one_user_tells_the_truth() {
    let sandbox = sandbox(80).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let mut changes = vec![mutation(serde_json::json!({"op": "add_mfa", "user": "comma,name"}))];
    for op in ["add_ssh_key", "add_signing_certificate", "add_service_credential", "create_access_key"] {
        changes.push(mutation(serde_json::json!({"op": op, "user": "comma,name"})));
    }
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get+*","Resource":"é"}]}"#;
    changes.push(Mutation::PutUserInline {
        user: "comma,name".to_owned(),
        name: "inline".to_owned(),
        document: document.to_owned(),
    });
    sandbox.mutate(ACCOUNT, &changes).unwrap();
    let truth = sandbox.state(ACCOUNT).unwrap();
    let user = truth["users"].as_array().unwrap().iter().find(|user| user["name"] == "comma,name").unwrap();
    let name = [("UserName", "comma,name")];
    let count = |list: &str| user[list].as_array().unwrap().len();
    for (action, list, tag) in [
        ("ListAccessKeys", "keys", "AccessKeyId"),
        ("ListMFADevices", "mfa", "SerialNumber"),
        ("ListSSHPublicKeys", "ssh_keys", "SSHPublicKeyId"),
        ("ListSigningCertificates", "certificates", "CertificateId"),
        ("ListServiceSpecificCredentials", "service_credentials", "ServiceSpecificCredentialId"),
        ("ListGroupsForUser", "groups", "GroupName"),
        ("ListAttachedUserPolicies", "attached", "PolicyArn"),
        ("ListUserTags", "tags", "Key"),
    ] {
        let answer = client.iam(action, &name).await.ok();
        assert_eq!(answer.all(tag).len(), count(list), "{action}");
        client.iam(action, &[("UserName", "nobody")]).await.fails(404, "NoSuchEntity");
        client.iam(action, &[("UserName", "no body")]).await.fails(400, "ValidationError");
    }
    let inline = client.iam("GetUserPolicy", &[name[0], ("PolicyName", "inline")]).await.ok();
    let encoded = inline.one("PolicyDocument").unwrap();
    assert!(encoded.contains("%20") == document.contains(' ') && !encoded.contains('+'), "{encoded}");
    let decoded = percent_encoding::percent_decode_str(&encoded).decode_utf8().unwrap();
    assert_eq!(decoded, document);
    let told = client.iam("GetUser", &name).await.ok();
    assert_eq!(told.one("UserId").as_deref(), user["id"].as_str());
    client.iam("GetUser", &[("UserName", "COMMA,NAME")]).await.fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn a_missing_user_name_means_the_caller() {
    let sandbox = sandbox(5).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let me = client.iam("GetUser", &[]).await.ok();
    assert_eq!(me.one("UserName").as_deref(), Some("keyreeve-connector"));
    let keys = client.iam("ListAccessKeys", &[]).await.ok();
    assert_eq!(keys.all("AccessKeyId"), std::slice::from_ref(&client.key));
    client.iam("GetLoginProfile", &[]).await.fails(404, "NoSuchEntity");
    client.iam("ListGroupsForUser", &[]).await.fails(400, "ValidationError");
}

#[tokio::test]
async fn a_login_profile_is_told_from_a_missing_user_by_its_message_only() {
    let sandbox = sandbox(60).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let truth = sandbox.state(ACCOUNT).unwrap();
    let (mut with, mut without) = (0, 0);
    for user in truth["users"].as_array().unwrap() {
        let name = user["name"].as_str().unwrap();
        let answer = client.iam("GetLoginProfile", &[("UserName", name)]).await;
        match &user["login_profile"] {
            Value::Null => {
                answer.fails(404, "NoSuchEntity");
                without += 1;
            }
            profile => {
                assert_eq!(answer.one("CreateDate").as_deref(), profile["created"].as_str());
                let reset = profile["reset_required"].as_bool().unwrap().to_string();
                assert_eq!(answer.one("PasswordResetRequired"), Some(reset));
                with += 1;
            }
        }
    }
    assert!(with > 30 && without > 3, "{with} {without}");
    let absent = client.iam("GetLoginProfile", &[("UserName", "nobody")]).await;
    assert_eq!(absent.one("Message").unwrap(), "The user with name nobody cannot be found.");
    client.iam("GetLoginProfile", &[("UserName", &"x".repeat(65))]).await.fails(400, "ValidationError");
}

#[tokio::test]
async fn paths_are_escaped_and_prefixes_are_plain_strings() {
    let sandbox = sandbox(60).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let awkward = ["/a&b/", "/a<b/", "/a>b/", "/a\"b/", "/a'b/", "/%41//b/"];
    for (number, path) in awkward.iter().enumerate() {
        let name = format!("awkward{number}");
        let user = Mutation::CreateUser { name, path: (*path).to_owned(), tags: Vec::new(), boundary: None };
        sandbox.mutate(ACCOUNT, &[user]).unwrap();
        let answer = client.iam("ListUsers", &[("PathPrefix", path)]).await.ok();
        assert_eq!(answer.all("Path"), [(*path).to_owned()]);
    }
    let raw = client.iam("ListUsers", &[("PathPrefix", "/a"), ("MaxItems", "1000")]).await.ok().body;
    for escaped in ["/a&amp;b/", "/a&lt;b/", "/a&gt;b/", "/a&quot;b/", "/a&#39;b/"] {
        assert!(raw.contains(escaped), "{escaped}");
    }
    let users = client.iam("ListUsers", &[("MaxItems", "1000")]).await.ok();
    assert!(users.all("Path").contains(&"/\"><script>/".to_owned()));
    assert!(!users.body.contains("<script>"));
    let some = client.iam("ListUsers", &[("PathPrefix", "/staff/e"), ("MaxItems", "1000")]).await.ok();
    assert!(
        !some.all("Path").is_empty() && some.all("Path").iter().all(|path| path == "/staff/engineering/")
    );
    client.iam("ListUsers", &[("PathPrefix", "staff")]).await.fails(400, "ValidationError");
}

#[tokio::test]
async fn policies_are_listed_by_scope_and_use() {
    let sandbox = sandbox(60).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let (all, _) = client.listing("ListPolicies", &[], "Arn").await.unwrap();
    let (aws, _) = client.listing("ListPolicies", &[("Scope", "AWS")], "Arn").await.unwrap();
    let (own, _) = client.listing("ListPolicies", &[("Scope", "Local")], "Arn").await.unwrap();
    assert!(aws.len() > 1_300 && own.len() == 15 && all.len() == aws.len() + own.len());
    for path in ["/aws-service-role/", "/service-role/", "/job-function/"] {
        let (some, _) = client.listing("ListPolicies", &[("PathPrefix", path)], "Arn").await.unwrap();
        assert!(!some.is_empty() && some.iter().all(|arn| arn.contains(path)), "{path}");
    }
    let used = client.iam("ListPolicies", &[("OnlyAttached", "true"), ("MaxItems", "1000")]).await.ok();
    assert!(used.all("AttachmentCount").iter().all(|count| count != "0"));
    let details =
        client.iam("GetAccountAuthorizationDetails", &[("Filter.member.1", "AWSManagedPolicy")]).await.ok();
    assert!(details.all("Arn").iter().all(|arn| used.all("Arn").contains(arn) || arn.contains("PowerUser")));
    client.iam("ListPolicies", &[("Scope", "Mine")]).await.fails(400, "ValidationError");
    let admin = [("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")];
    client.iam("GetPolicy", &admin).await.ok();
    let document = client.iam("GetPolicyVersion", &[admin[0], ("VersionId", "v1")]).await.ok();
    assert!(document.one("Document").unwrap().contains("%2A"));
    let moved = "arn:aws:iam::aws:policy/service-role/AdministratorAccess";
    client.iam("GetPolicy", &[("PolicyArn", moved)]).await.fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn groups_are_read_with_members_and_policies() {
    let sandbox = sandbox(60).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let truth = sandbox.state(ACCOUNT).unwrap();
    for group in truth["groups"].as_array().unwrap() {
        let name = [("GroupName", group["name"].as_str().unwrap()), ("MaxItems", "1000")];
        let answer = client.iam("GetGroup", &name).await.ok();
        assert_eq!(answer.all("UserName").len(), group["members"].as_array().unwrap().len());
        let attached = client.iam("ListAttachedGroupPolicies", &name).await.ok();
        assert_eq!(attached.all("PolicyArn").len(), group["attached"].as_array().unwrap().len());
        for inline in group["inline"].as_object().unwrap().keys() {
            client.iam("GetGroupPolicy", &[name[0], ("PolicyName", inline)]).await.ok();
        }
    }
    client.iam("GetGroup", &[("GroupName", "nobody")]).await.fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn the_summary_counts_and_the_password_policy_is_absent_until_set() {
    let sandbox = sandbox(60).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let summary = client.iam("GetAccountSummary", &[]).await.ok();
    let (keys, values) = (summary.all("key"), summary.all("value"));
    let value = |name: &str| values[keys.iter().position(|key| key == name).unwrap()].clone();
    assert_eq!((value("Users"), value("UsersQuota")), ("61".to_owned(), "5000".to_owned()));
    assert_eq!((value("Groups"), value("Policies")), ("12".to_owned(), "15".to_owned()));
    client.iam("GetAccountPasswordPolicy", &[]).await.fails(404, "NoSuchEntity");
    let policy = PasswordPolicy { minimum_length: 17, max_age_days: Some(90), ..PasswordPolicy::default() };
    sandbox.mutate(ACCOUNT, &[Mutation::SetPasswordPolicy { policy: Some(policy) }]).unwrap();
    let told = client.iam("GetAccountPasswordPolicy", &[]).await.ok();
    assert_eq!(told.one("MinimumPasswordLength").as_deref(), Some("17"));
    assert_eq!(told.one("MaxPasswordAge").as_deref(), Some("90"));
}

#[tokio::test]
async fn unknown_actions_are_refused_by_name() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    client.iam("ListUnicorns", &[]).await.fails(400, "InvalidAction");
    client.sts("ListUsers", &[]).await.fails(400, "InvalidAction");
}
