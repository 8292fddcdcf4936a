//! AWS Organizations on the wire, and the accounts behind it.

use keyreeve_sandbox::{
    ConnectorPolicy, Effect, FaultRule, MemberRole, MemberState, OrganizationChange, OrganizationSeed,
    Population, Running,
};
use serde_json::{Value, json};

use crate::client::{ACCOUNT, Client, OTHER, options, sandbox_with};

const NOBODY: Population = Population { users: 0, groups: 0, customer_policies: 0, roles: 0 };

async fn organized(members: u32) -> Running {
    let organization = OrganizationSeed::of(ACCOUNT).with_members(members, 7, NOBODY);
    sandbox_with(keyreeve_sandbox::Options { organization: Some(organization), ..options(0) }).await
}

struct Said(u16, Value);

impl Said {
    #[track_caller]
    fn ok(self) -> Value {
        assert_eq!(self.0, 200, "{}", self.1);
        self.1
    }

    #[track_caller]
    fn fails(&self, status: u16, code: &str) {
        assert_eq!((self.0, self.1["__type"].as_str()), (status, Some(code)), "{}", self.1);
    }
}

async fn ask(client: &Client, action: &str, params: Value) -> Said {
    let request = client.signed("organizations", params.to_string());
    let request = request
        .header("x-amz-target", format!("AWSOrganizationsV20161128.{action}"))
        .header("content-type", "application/x-amz-json-1.1");
    let response = request.send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "application/x-amz-json-1.1");
    Said(response.status().as_u16(), response.json().await.unwrap())
}

/// All entries of a listing, page by page.
async fn all(client: &Client, action: &str, list: &str, mut params: Value) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let page = ask(client, action, params.clone()).await.ok();
        found.extend(page[list].as_array().unwrap().clone());
        match page.get("NextToken") {
            Some(token) => params["NextToken"] = token.clone(),
            None => return found,
        }
    }
}

#[tokio::test]
async fn accounts_come_in_pages_of_twenty_and_the_token_alone_ends_them() {
    let sandbox = organized(50).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let first = ask(&client, "ListAccounts", json!({})).await.ok();
    assert_eq!(first["Accounts"].as_array().unwrap().len(), 20);
    assert!(first["NextToken"].is_string());
    assert_eq!(all(&client, "ListAccounts", "Accounts", json!({"MaxResults": 7})).await.len(), 51);
    let empty = FaultRule::new("ListAccounts", Effect::EmptyPage).page(1).times(1).min_fires(1);
    sandbox.add_fault(empty);
    assert_eq!(all(&client, "ListAccounts", "Accounts", json!({})).await.len(), 51);
    assert!(sandbox.unfired().is_empty());
    for (params, why) in
        [(json!({"MaxResults": 21}), "MAX_VALUE"), (json!({"NextToken": "x"}), "INVALID_NEXT_TOKEN")]
    {
        let refused = ask(&client, "ListAccounts", params).await;
        refused.fails(400, "InvalidInputException");
        assert!(refused.1["Message"].as_str().unwrap().contains(why), "{}", refused.1);
    }
    let account = &first["Accounts"][0];
    assert_eq!((&account["State"], &account["Status"]), (&json!("ACTIVE"), &json!("ACTIVE")));
    assert!(
        account["Arn"].as_str().unwrap().starts_with(&format!("arn:aws:organizations::{ACCOUNT}:account/o-"))
    );
    let trace = sandbox.trace();
    assert!(trace.iter().all(|call| call.action == "ListAccounts"));
    assert_eq!(trace[1].page, 1);
    assert_eq!(trace[2].page, 2, "the second page is told apart");
}

#[tokio::test]
async fn the_tree_holds_every_account_once() {
    let sandbox = organized(11).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let roots = all(&client, "ListRoots", "Roots", json!({})).await;
    let mut waiting = vec![roots[0]["Id"].clone()];
    let (mut accounts, mut units) = (Vec::new(), Vec::new());
    while let Some(parent) = waiting.pop() {
        let of = json!({"ParentId": parent});
        accounts.extend(all(&client, "ListAccountsForParent", "Accounts", of.clone()).await);
        for unit in all(&client, "ListOrganizationalUnitsForParent", "OrganizationalUnits", of).await {
            let parents = all(&client, "ListParents", "Parents", json!({"ChildId": unit["Id"]})).await;
            assert_eq!(parents[0]["Id"], parent);
            units.push(unit["Name"].as_str().unwrap().to_owned());
            waiting.push(unit["Id"].clone());
        }
    }
    assert_eq!(accounts.len(), 12);
    units.sort();
    assert_eq!(units, ["Infrastructure", "Production", "Sandbox", "Security", "Staging", "Workloads"]);
    let id = &accounts.iter().find(|one| one["Id"] != ACCOUNT).unwrap()["Id"];
    let tags = all(&client, "ListTagsForResource", "Tags", json!({"ResourceId": id})).await;
    assert_eq!(tags[0]["Key"], "stage");
    let described = ask(&client, "DescribeAccount", json!({"AccountId": id})).await.ok();
    assert_eq!(&described["Account"]["Id"], id);
    for (action, params, code) in [
        ("ListAccountsForParent", json!({"ParentId": "ou-none-00000000"}), "ParentNotFoundException"),
        ("ListParents", json!({"ChildId": "000000000000"}), "ChildNotFoundException"),
        ("ListTagsForResource", json!({"ResourceId": "000000000000"}), "TargetNotFoundException"),
        ("DescribeAccount", json!({"AccountId": "000000000000"}), "AccountNotFoundException"),
        ("ListAccountsForParent", json!({}), "InvalidInputException"),
        ("CloseAccount", json!({"AccountId": "000000000000"}), "UnknownOperationException"),
    ] {
        ask(&client, action, params).await.fails(400, code);
    }
}

#[tokio::test]
async fn who_may_not_look_is_refused_in_the_words_of_the_service() {
    let sandbox = sandbox_with(options(0)).await;
    let (management, other) = (Client::of(&sandbox, ACCOUNT), Client::of(&sandbox, OTHER));
    ask(&management, "ListAccounts", json!({})).await.fails(400, "AWSOrganizationsNotInUseException");
    sandbox.organize(&OrganizationSeed::of(ACCOUNT)).unwrap();
    let joins = serde_json::from_value(json!({"op": "add_account", "account_id": OTHER, "name": "other"}));
    sandbox.reorganize(&[joins.unwrap()]).unwrap();
    ask(&other, "ListAccounts", json!({})).await.fails(400, "AccessDeniedException");
    let described = ask(&other, "DescribeOrganization", json!({})).await.ok();
    assert_eq!(described["Organization"]["MasterAccountId"], ACCOUNT);
    sandbox.deny("*", &["organizations:ListAccounts"]);
    ask(&management, "ListAccounts", json!({})).await.fails(400, "AccessDeniedException");
    sandbox.deny("*", &[]);
    sandbox.add_fault(FaultRule::new("ListAccounts", Effect::Throttle).times(1));
    ask(&management, "ListAccounts", json!({})).await.fails(400, "TooManyRequestsException");
    ask(&management, "ListAccounts", json!({})).await.ok();
    let statement = |action: &str| json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}});
    let permit = |action: &str| {
        let policy = ConnectorPolicy::Documents(vec![statement(action).to_string()]);
        sandbox.permit_connector(ACCOUNT, &policy).unwrap();
    };
    permit("iam:*");
    let refused = ask(&management, "ListAccounts", json!({})).await;
    refused.fails(400, "AccessDeniedException");
    assert!(refused.1["Message"].as_str().unwrap().contains("organizations:ListAccounts"), "{}", refused.1);
    permit("organizations:List*");
    ask(&management, "ListAccounts", json!({})).await.ok();
    ask(&management, "DescribeOrganization", json!({})).await.fails(400, "AccessDeniedException");
    let wrong = Client { secret: "x".repeat(40), ..management.clone() };
    ask(&wrong, "ListAccounts", json!({})).await.fails(400, "InvalidSignatureException");
    let nobody = Client { key: "AKIAAAAAAAAAAAAAAAAA".into(), ..management.clone() };
    ask(&nobody, "ListAccounts", json!({})).await.fails(400, "UnrecognizedClientException");
    let elsewhere = Client { region: "eu-west-1".into(), ..management };
    ask(&elsewhere, "ListAccounts", json!({})).await.fails(400, "InvalidSignatureException");
}

#[tokio::test]
async fn a_member_is_entered_through_its_role_by_the_management_account_alone() {
    let sandbox = organized(2).await;
    let role = MemberRole {
        name: "keyreeve".into(),
        path: "/access/".into(),
        external_id: Some("org:${AWS::AccountId}".into()),
    };
    sandbox.reorganize(&[OrganizationChange::PutRole(role)]).unwrap();
    let client = Client::of(&sandbox, ACCOUNT);
    let member = sandbox.account_ids().into_iter().find(|id| id != ACCOUNT && id != OTHER).unwrap();
    let arn = format!("arn:aws:iam::{member}:role/access/keyreeve");
    let params = |id: &str| {
        [("RoleArn", arn.clone()), ("RoleSessionName", "k1".to_owned()), ("ExternalId", id.to_owned())]
    };
    let assume = async |client: &Client, id: &str| {
        let params = params(id);
        let params: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.sts("AssumeRole", &params).await
    };
    assume(&client, &format!("org:{member}")).await.ok();
    assume(&client, "org:000000000000").await.fails(403, "AccessDenied");
    assume(&Client::of(&sandbox, OTHER), &format!("org:{member}")).await.fails(403, "AccessDenied");
}

#[tokio::test]
async fn the_organization_changes_at_the_admin_port() {
    let sandbox = organized(3).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let url = format!("{}/organization", sandbox.admin_url());
    let before: Value = client.http.get(&url).send().await.unwrap().json().await.unwrap();
    let id = before["members"].as_object().unwrap().keys().find(|id| *id != ACCOUNT).unwrap().clone();
    let changes = json!([
        {"op": "set_state", "account": id, "state": "PENDING_CLOSURE"},
        {"op": "rename_account", "account": id, "name": "renamed"},
        {"op": "move_account", "account": id, "unit": "/Closing"},
        {"op": "tag_account", "account": id, "key": "k", "value": "v"},
    ]);
    let post = async |changes: &Value| {
        client.http.post(format!("{url}/mutate")).json(changes).send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(&changes).await, 200);
    let account = ask(&client, "DescribeAccount", json!({"AccountId": id})).await.ok()["Account"].clone();
    assert_eq!(account["State"], "PENDING_CLOSURE");
    assert_eq!(account["Name"], "renamed");
    let set = |state| OrganizationChange::SetState { account: id.clone(), state };
    sandbox.reorganize(&[set(MemberState::Closed)]).unwrap();
    let account = ask(&client, "DescribeAccount", json!({"AccountId": id})).await.ok()["Account"].clone();
    assert_eq!((&account["State"], &account["Status"]), (&json!("CLOSED"), &json!("SUSPENDED")));
    assert_eq!(post(&json!([{"op": "remove_account", "account": id}])).await, 200);
    assert_eq!(all(&client, "ListAccounts", "Accounts", json!({})).await.len(), 3);
    assert_eq!(post(&json!([{"op": "remove_account", "account": id}])).await, 404);
}
