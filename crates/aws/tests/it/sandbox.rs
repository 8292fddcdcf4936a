//! The connector against the sandbox: whole inventories, roles, other accounts, and everything that goes wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use keyreeve_aws::{AwsConnector, ConnectOptions, Credential, PermissionState};
use keyreeve_connector::{
    AccountEntry, Cause, Connector, CredentialReportState, Detail, DetailFilter, Error, Inventory, Marker,
    Next, Page,
};
use keyreeve_model::{PolicyScope, Secret, digest_hex};
use keyreeve_sandbox::{
    AccountSeed, ConnectorPolicy, Effect, FaultRule, KeyStatus, Malformed, Mutation, Options, PageStyle,
    Phase, Population, ReportStyle, Running, Sandbox, Trust,
};
use serde_json::Value;

const ACCOUNT: &str = "111122223333";
const EVERYTHING: &str = r#"{"Statement": {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}}"#;
const BOTH: DetailFilter = DetailFilter { accounts: true, groups: true };

fn key(sandbox: &Running, account: &str) -> Credential {
    let key = sandbox.connector_key(account).unwrap();
    Credential::AccessKey {
        access_key_id: key.access_key_id,
        secret_access_key: Secret::new(key.secret_access_key),
    }
}

async fn connect_as(sandbox: &Running, credential: Credential) -> AwsConnector {
    let mut options = ConnectOptions::new(credential);
    options.environment.insert("AWS_ENDPOINT_URL".into(), sandbox.endpoint_url());
    options.region = Some("us-east-1".into());
    options.request_timeout = Duration::from_secs(2);
    AwsConnector::connect(options).await.unwrap()
}

async fn connect(sandbox: &Running) -> AwsConnector {
    connect_as(sandbox, key(sandbox, ACCOUNT)).await
}

/// Follows a listing to its end, as the engine does.
async fn whole<T>(
    mut page: impl AsyncFnMut(Option<&Marker>) -> Result<Page<T>, Error>,
) -> Result<Vec<T>, Error> {
    let (mut items, mut after) = (Vec::new(), None);
    for _ in 0..1000 {
        let page = page(after.as_ref()).await?;
        items.extend(page.items);
        match page.next {
            Next::End => return Ok(items),
            Next::More(marker) => after = Some(marker),
            Next::MarkerMissing => panic!("the marker is missing"),
        }
    }
    panic!("the listing does not end");
}

async fn users(connector: &AwsConnector) -> Result<Vec<AccountEntry>, Error> {
    whole(async |after| connector.list_accounts("/", after).await).await
}

fn by_name<'a>(state: &'a Value, kind: &str) -> BTreeMap<&'a str, &'a Value> {
    state[kind].as_array().unwrap().iter().map(|one| (one["name"].as_str().unwrap(), one)).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    let mut texts: Vec<_> = value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    texts.sort_unstable();
    texts
}

#[tokio::test]
async fn a_whole_inventory_is_what_the_sandbox_holds() {
    let population = Population { users: 300, groups: 30, customer_policies: 40, roles: 5 };
    let options = Options {
        accounts: vec![AccountSeed { account_id: ACCOUNT.into(), population }],
        details_pages: PageStyle { short: true, empty: true },
        list_pages: PageStyle { short: true, empty: true },
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let connector = connect(&sandbox).await;
    let state = sandbox.state(ACCOUNT).unwrap();

    let truth = by_name(&state, "users");
    let listed = users(&connector).await.unwrap();
    assert_eq!(listed.len(), truth.len());
    for user in &listed {
        let known = truth[user.name.as_str()];
        assert_eq!(user.external_id.as_str(), known["id"]);
        assert_eq!(
            (user.path.as_str(), user.arn.as_str()),
            (known["path"].as_str().unwrap(), known["arn"].as_str().unwrap())
        );
        let last_used = user.password_last_used_at.map(|at| at.as_second());
        assert_eq!(
            last_used,
            known["password_last_used"].as_str().map(|at| at.parse::<jiff::Timestamp>().unwrap().as_second())
        );
    }

    let groups = by_name(&state, "groups");
    let details = whole(async |after| connector.list_details(BOTH, after).await).await.unwrap();
    assert_eq!(details.len(), truth.len() + groups.len());
    for detail in &details {
        let (known, policies, inline) = match detail {
            Detail::Account(user) => {
                let known = truth[user.name.as_str()];
                let mut held = user.groups.clone();
                held.sort();
                assert_eq!(held, texts(&known["groups"]), "{}", user.name);
                assert_eq!(user.permissions_boundary.as_deref(), known["boundary"].as_str());
                assert_eq!(user.tags.len(), known["tags"].as_array().unwrap().len());
                (known, &user.policies, &user.inline_policies)
            }
            Detail::Group(group) => (groups[group.name.as_str()], &group.policies, &group.inline_policies),
        };
        let mut attached: Vec<_> = policies.iter().map(|policy| policy.arn.as_str()).collect();
        attached.sort_unstable();
        assert_eq!(attached, texts(&known["attached"]));
        let documents = known["inline"].as_object().unwrap();
        assert_eq!(inline.len(), documents.len());
        for policy in inline {
            let document = documents[&policy.name].as_str().unwrap();
            assert_eq!(policy.document_sha256, Some(digest_hex(document.as_bytes())), "{}", policy.name);
        }
    }

    let listed = whole(async |after| connector.list_groups(after).await).await.unwrap();
    assert_eq!(listed.len(), groups.len());
    let own = whole(async |after| connector.list_policies(PolicyScope::Customer, after).await).await.unwrap();
    assert_eq!(own.len(), state["policies"].as_array().unwrap().len());
    let all = whole(async |after| connector.list_policies(PolicyScope::All, after).await).await.unwrap();
    assert!(all.len() > own.len() + 1000);

    for user in listed_some(&truth) {
        let profile = connector.get_login_profile(user).await.unwrap();
        assert_eq!(profile.is_some(), !truth[user]["login_profile"].is_null(), "{user}");
    }
    assert_eq!(connector.count_accounts().await.unwrap(), truth.len() as u64);
}

fn listed_some<'a>(truth: &BTreeMap<&'a str, &Value>) -> Vec<&'a str> {
    truth.keys().copied().take(80).collect()
}

#[tokio::test]
async fn the_credential_report_tells_of_every_user_quoted_or_not() {
    for quoted in [true, false] {
        let report = ReportStyle { asks_in_progress: 2, quoted };
        let sandbox = Sandbox::start(Options { report, ..Options::default() }).await.unwrap();
        let comma =
            Mutation::CreateUser { name: "a,b,c".into(), path: "/x,y/".into(), tags: vec![], boundary: None };
        sandbox.mutate(ACCOUNT, &[comma]).unwrap();
        let connector = connect(&sandbox).await;
        assert_eq!(connector.get_credential_report().await.unwrap_err().cause, Cause::Gone);
        let mut asks = 1;
        while connector.generate_credential_report().await.unwrap() == CredentialReportState::InProgress {
            asks += 1;
            assert!(asks < 10, "it never becomes complete");
        }
        assert!(asks > 2, "it was complete at once");
        let report = connector.get_credential_report().await.unwrap();
        let state = sandbox.state(ACCOUNT).unwrap();
        let truth = by_name(&state, "users");
        assert_eq!((report.rows.len(), report.unusable_rows), (truth.len(), 0), "quoted: {quoted}");
        assert_eq!(report.account_ids.len(), 1);
        let by_arn: BTreeMap<_, _> = report.rows.iter().map(|row| (row.arn.as_str(), row)).collect();
        for (name, known) in truth {
            let row = by_arn[known["arn"].as_str().unwrap()];
            assert_eq!(row.password_enabled, Some(!known["login_profile"].is_null()), "{name}");
            assert_eq!(
                row.access_keys.as_ref().unwrap().len(),
                known["keys"].as_array().unwrap().len(),
                "{name}"
            );
            assert_eq!(row.mfa_active, Some(!known["mfa"].as_array().unwrap().is_empty()), "{name}");
        }
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_its_external_id_only() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let trust = Trust { principals: vec![ACCOUNT.into()], external_id: Some("our-id".into()) };
    sandbox
        .mutate(
            ACCOUNT,
            &[
                Mutation::CreateRole { name: "reader".into(), path: "/".into(), trust },
                Mutation::AttachRolePolicy {
                    role: "reader".into(),
                    arn: "arn:aws:iam::aws:policy/IAMReadOnlyAccess".into(),
                },
            ],
        )
        .unwrap();
    let role = |external_id: Option<&str>| Credential::Role {
        role_arn: format!("arn:aws:iam::{ACCOUNT}:role/reader"),
        external_id: external_id.map(str::to_owned),
        base: Box::new(key(&sandbox, ACCOUNT)),
    };
    let connector = connect_as(&sandbox, role(Some("our-id"))).await;
    let identity = connector.identify().await.unwrap();
    assert_eq!(identity.arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/reader/keyreeve"));
    assert!(!users(&connector).await.unwrap().is_empty());
    let assumed = sandbox.trace().iter().filter(|call| call.action == "AssumeRole").count();
    assert!(assumed <= 2, "credentials are kept, not asked for at every call: {assumed}");
    for wrong in [None, Some("other-id")] {
        let error = connect_as(&sandbox, role(wrong)).await.list_groups(None).await.unwrap_err();
        assert_eq!(error.cause, Cause::CredentialBad, "{error}");
    }
}

#[tokio::test]
async fn identity_partition_and_clock_are_read() {
    let sandbox = Sandbox::start(Options { partition: "aws-cn".into(), ..Options::default() }).await.unwrap();
    let connector = connect(&sandbox).await;
    let identity = connector.identify().await.unwrap();
    assert_eq!((identity.partition.as_str(), identity.account_id.as_str()), ("aws-cn", ACCOUNT));
    let skew = identity.server_time.unwrap().duration_since(jiff::Timestamp::now()).as_secs();
    assert!(skew.abs() < 60, "{skew}");
    sandbox.set_clock_skew(3600);
    let error = connector.identify().await.unwrap_err();
    assert!(error.cause == Cause::CredentialBad && error.message.contains("clock"), "{error}");
}

#[tokio::test]
async fn any_region_of_the_partition_reaches_iam() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let mut options = ConnectOptions::new(key(&sandbox, ACCOUNT));
    options.environment.insert("AWS_ENDPOINT_URL".into(), sandbox.endpoint_url());
    options.environment.insert("AWS_REGION".into(), "eu-central-1".into());
    let connector = AwsConnector::connect(options).await.unwrap();
    connector.identify().await.unwrap();
    connector.list_groups(None).await.unwrap();
}

#[tokio::test]
async fn bad_keys_are_bad_credentials() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let own = sandbox.connector_key(ACCOUNT).unwrap();
    let with = |id: &str, secret: &str| Credential::AccessKey {
        access_key_id: id.into(),
        secret_access_key: Secret::new(secret.into()),
    };
    for credential in [with(&own.access_key_id, "CANARY"), with("AKIAIOSFODNN7UNKNOWN", "CANARY")] {
        let error = connect_as(&sandbox, credential).await.list_groups(None).await.unwrap_err();
        assert_eq!(error.cause, Cause::CredentialBad, "{error}");
        assert!(!format!("{error:?}").contains("CANARY"));
    }
    let connector = connect(&sandbox).await;
    sandbox.set_key_status(&own.access_key_id, KeyStatus::Inactive).unwrap();
    assert_eq!(connector.list_groups(None).await.unwrap_err().cause, Cause::CredentialBad);
}

#[tokio::test]
async fn answers_of_another_account_show_it() {
    let accounts =
        [ACCOUNT, "222233334444"].map(|id| AccountSeed { account_id: id.into(), ..Default::default() });
    let sandbox = Sandbox::start(Options { accounts: accounts.into(), ..Options::default() }).await.unwrap();
    let connector = connect(&sandbox).await;
    sandbox.add_fault(FaultRule::new("ListUsers", Effect::WrongAccount).times(1).min_fires(1));
    let ids =
        |page: &Page<AccountEntry>| page.account_ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let page = connector.list_accounts("/", None).await.unwrap();
    assert_eq!(ids(&page), ["222233334444"]);
    let page = connector.list_accounts("/", None).await.unwrap();
    assert_eq!(ids(&page), [ACCOUNT]);
    assert!(sandbox.unfired().is_empty());
}

type Read =
    (&'static str, fn(&AwsConnector) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + '_>>);

/// Every read of the inventory, with the result thrown away.
fn reads() -> Vec<Read> {
    vec![
        ("ListUsers", |c| Box::pin(async { c.list_accounts("/", None).await.map(drop) })),
        ("GetAccountAuthorizationDetails", |c| {
            Box::pin(async { c.list_details(BOTH, None).await.map(drop) })
        }),
        ("ListGroups", |c| Box::pin(async { c.list_groups(None).await.map(drop) })),
        ("ListPolicies", |c| Box::pin(async { c.list_policies(PolicyScope::All, None).await.map(drop) })),
        ("GetLoginProfile", |c| {
            Box::pin(async { c.get_login_profile("keyreeve-connector").await.map(drop) })
        }),
        ("GetUser", |c| Box::pin(async { c.get_account("keyreeve-connector").await.map(drop) })),
        ("GetAccountSummary", |c| Box::pin(async { c.count_accounts().await.map(drop) })),
        ("GenerateCredentialReport", |c| Box::pin(async { c.generate_credential_report().await.map(drop) })),
        ("GetCallerIdentity", |c| Box::pin(async { c.identify().await.map(drop) })),
    ]
}

#[tokio::test]
async fn every_read_survives_every_fault_with_its_cause() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let profile = Mutation::CreateLoginProfile { user: "keyreeve-connector".into(), reset_required: false };
    sandbox.mutate(ACCOUNT, &[profile]).unwrap();
    let error = |status, code: &str| Effect::Error { status, code: code.into(), message: "m".into() };
    let broken = |body| Effect::Malformed { body };
    let cases = || {
        vec![
            (Effect::Throttle, Phase::Before, Cause::Throttled(None)),
            (error(500, "ServiceFailure"), Phase::Before, Cause::Unknown),
            (error(503, "ServiceUnavailable"), Phase::Before, Cause::Unknown),
            (error(400, "ValidationError"), Phase::Before, Cause::Permanent),
            (Effect::ExpireCredentials, Phase::Before, Cause::CredentialBad),
            (Effect::Reset, Phase::Before, Cause::Unknown),
            (Effect::Reset, Phase::MidResponse, Cause::Unknown),
            (Effect::Truncate { at_fraction: 0.5 }, Phase::MidResponse, Cause::Unknown),
            (Effect::Truncate { at_fraction: 0.95 }, Phase::MidResponse, Cause::Unknown),
            (broken(Malformed::UnclosedTag), Phase::Before, Cause::Unknown),
            (broken(Malformed::WrongRoot), Phase::Before, Cause::Unknown),
            (broken(Malformed::InvalidUtf8), Phase::Before, Cause::Unknown),
            (broken(Malformed::Nul), Phase::Before, Cause::Unknown),
            (broken(Malformed::DtdBomb), Phase::Before, Cause::Unknown),
            (broken(Malformed::Html500), Phase::Before, Cause::Unknown),
            (broken(Malformed::DeepNesting), Phase::Before, Cause::Unknown),
            (broken(Malformed::Empty200), Phase::Before, Cause::Unknown),
        ]
    };
    for (action, read) in reads() {
        for (effect, phase, cause) in cases() {
            sandbox.clear_faults();
            let connector = connect(&sandbox).await;
            sandbox.add_fault(FaultRule::new(action, effect.clone()).phase(phase).times(1).min_fires(1));
            let error = read(&connector).await.expect_err(&format!("{action} {effect:?} {phase:?}"));
            assert_eq!(error.cause, cause, "{action} {effect:?} {phase:?}: {error}");
            assert_eq!(error.operation, action);
            assert!(sandbox.unfired().is_empty(), "{action} {effect:?} {phase:?} did not happen");
            read(&connector).await.unwrap_or_else(|error| panic!("{action} after {effect:?}: {error}"));
        }
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_or_never_ends_is_unknown() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    for (effect, phase) in [
        (Effect::Hang, Phase::Before),
        (Effect::Hang, Phase::MidResponse),
        (Effect::Malformed { body: Malformed::Huge { bytes: 100 * 1024 * 1024 } }, Phase::Before),
    ] {
        sandbox.clear_faults();
        sandbox.add_fault(FaultRule::new("ListUsers", effect.clone()).phase(phase).times(1).min_fires(1));
        let error = connect(&sandbox).await.list_accounts("/", None).await.unwrap_err();
        assert_eq!(error.cause, Cause::Unknown, "{effect:?}: {error}");
        assert!(sandbox.unfired().is_empty());
    }
}

#[tokio::test]
async fn a_broken_document_loses_its_digest_and_nothing_else() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let put = |document: &str| Mutation::PutUserInline {
        user: "keyreeve-connector".into(),
        name: "own".into(),
        document: document.into(),
    };
    sandbox.mutate(ACCOUNT, &[put(EVERYTHING)]).unwrap();
    sandbox.permit_connector(ACCOUNT, &ConnectorPolicy::Documents(Vec::new())).unwrap();
    let broken = Effect::Malformed { body: Malformed::BadPercentDocument };
    sandbox.add_fault(FaultRule::new("GetAccountAuthorizationDetails", broken).min_fires(1));
    let connector = connect(&sandbox).await;
    let details = whole(async |after| connector.list_details(BOTH, after).await).await.unwrap();
    let own = details.iter().find_map(|detail| match detail {
        Detail::Account(user) if user.name == "keyreeve-connector" => Some(&user.inline_policies),
        _ => None,
    });
    let [policy] = own.unwrap().as_slice() else { panic!("{own:?}") };
    assert_eq!((policy.name.as_str(), &policy.document_sha256), ("own", &None));
    assert!(sandbox.unfired().is_empty());
}

#[tokio::test]
async fn a_truncated_page_without_a_marker_says_so() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    sandbox.add_fault(FaultRule::new("ListPolicies", Effect::TruncatedWithoutMarker).times(1).min_fires(1));
    let connector = connect(&sandbox).await;
    assert_eq!(connector.list_policies(PolicyScope::All, None).await.unwrap().next, Next::MarkerMissing);
    assert!(sandbox.unfired().is_empty());
}

#[tokio::test]
async fn probes_see_what_is_denied_and_nothing_is_written() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let connector = connect(&sandbox).await;
    let probes = connector.probe_reads().await;
    assert!(probes.iter().all(|probe| probe.state == PermissionState::Allowed), "{probes:?}");
    sandbox.clear_trace();
    sandbox.deny("keyreeve-connector", &["iam:ListGroups", "iam:GetLoginProfile"]);
    let probes = connector.probe_reads().await;
    let denied: Vec<_> = probes
        .iter()
        .filter(|probe| probe.state == PermissionState::Denied)
        .map(|probe| probe.action)
        .collect();
    assert_eq!(denied, ["iam:ListGroups", "iam:GetLoginProfile"]);
    let called: Vec<_> = sandbox.trace().into_iter().map(|call| call.action).collect();
    assert_eq!(called.len(), 5);
    assert!(
        called.iter().all(|action| action.starts_with("List") || action.starts_with("Get")),
        "{called:?}"
    );
}
