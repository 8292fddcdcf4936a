//! Many accounts: found in an organization, entered through a role, imported together.

use std::process::Command;

use keyreeve_sandbox::{
    AccountSeed, Effect, FaultMatch, FaultRule, MemberRole, MemberState, Options, OrganizationChange,
    OrganizationSeed, Phase, Population, Trust,
};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, Ran, piped, terminate, until};

pub(crate) const ROLE: &str = "keyreeve";
const FEW: Population = Population { users: 2, groups: 1, customer_policies: 1, roles: 0 };

/// A sandbox whose first account owns an organization of so many others, and a store.
pub(crate) fn organized(members: u32) -> Place {
    let organization = OrganizationSeed::of(ACCOUNT).with_members(members, 7, FEW);
    let accounts = vec![AccountSeed::empty(ACCOUNT)];
    let options = Options { accounts, seed: 7, organization: Some(organization), ..Options::default() };
    let place = Place::with_options(options);
    place.run(&["init"]).code(0);
    place
}

/// As the management account, whose key is in the environment.
fn command(place: &Place, arguments: &[&str]) -> Command {
    let key = place.key(ACCOUNT);
    let mut command = place.command(arguments);
    command.env("AWS_ACCESS_KEY_ID", key.access_key_id);
    command.env("AWS_SECRET_ACCESS_KEY", key.secret_access_key);
    command.env("KEYREEVE_AWS_REQUEST_TIMEOUT_SECONDS", "1");
    command
}

pub(crate) fn run(place: &Place, arguments: &[&str]) -> Ran {
    Ran::of(command(place, arguments).output().unwrap())
}

pub(crate) fn discover(place: &Place, more: &[&str]) -> Ran {
    let arguments = ["organization", "discover", "--role-name", ROLE, "--yes", "--output", "json"];
    run(place, &[&arguments, more].concat())
}

fn change(place: &Place, changes: Value) {
    let changes: Vec<OrganizationChange> = serde_json::from_value(changes).unwrap();
    place.sandbox.reorganize(&changes).unwrap();
}

/// Gives all members the role that the first discovery asked for.
pub(crate) fn put_role(place: &Place, first: &Value) {
    let added = rows(first).find(|row| row["action"] == "add").unwrap();
    let (id, account) = (text(&added["external_id"]), text(&added["account_id"]));
    let external_id = Some(id.replace(account, "${AWS::AccountId}"));
    let role = MemberRole { name: ROLE.to_owned(), path: "/".to_owned(), external_id };
    place.sandbox.reorganize(&[OrganizationChange::PutRole(role)]).unwrap();
}

/// Members that have systems, and let them in.
fn entered(members: u32) -> Place {
    let place = organized(members);
    let first = discover(&place, &[]).code(1).json();
    put_role(&place, &first);
    discover(&place, &[]).code(0);
    place
}

pub(crate) fn rows(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.as_array().unwrap().iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn count(answer: &Value, field: &str, value: &str) -> usize {
    rows(answer).filter(|row| row[field] == value).count()
}

fn of_account<'a>(answer: &'a Value, account: &str) -> &'a Value {
    rows(answer).find(|row| row["account_id"] == account).unwrap()
}

/// AWS's own policies are left out, so that the tests are quick.
fn only_customer_policies(place: &Place) {
    for system in rows(&place.json(&["system", "list"])) {
        let set =
            ["import", "profile", "set", text(&system["system_id"]), "default", "policy_scope=customer"];
        place.run(&set).code(0);
    }
}

fn members(place: &Place) -> Vec<String> {
    place.sandbox.account_ids().into_iter().filter(|id| id != ACCOUNT).collect()
}

fn hangs(account: &str) -> FaultRule {
    fault(account, "*", Effect::Hang, None)
}

fn fault(account: &str, action: &str, effect: Effect, times: Option<u64>) -> FaultRule {
    let on =
        FaultMatch { account: Some(account.to_owned()), action: action.to_owned(), ..FaultMatch::default() };
    FaultRule { on, phase: Phase::Before, effect, times, min_fires: 1 }
}

/// What is lost on the way once says nothing about an account.
#[test]
fn a_broken_connection_or_throttling_once_does_not_keep_us_out() {
    let place = entered(2);
    place.sandbox.add_fault(fault(ACCOUNT, "AssumeRole", Effect::Reset, Some(1)));
    place.sandbox.add_fault(fault(&members(&place)[0], "GetCallerIdentity", Effect::Throttle, Some(1)));
    let again = discover(&place, &[]).code(0).json();
    assert_eq!(count(&again, "access", "entered"), 2, "{again:#}");
    assert!(place.sandbox.unfired().is_empty());
}

/// Done-when 3 of the issue about access: fifty accounts, one refuses, one is suspended, one never answers.
#[test]
fn of_fifty_accounts_the_47_that_can_be_imported_are() {
    let place = organized(50);
    let first = discover(&place, &[]).code(1);
    assert!(first.stderr.contains("\"sts:ExternalId\": {\n"), "{}", first.stderr);
    let first = first.json();
    assert_eq!((count(&first, "action", "add"), count(&first, "access", "failed")), (50, 50));
    assert_eq!(of_account(&first, ACCOUNT)["action"], "skip");
    put_role(&place, &first);
    let accounts = members(&place);
    let (refuses, suspended, silent) = (&accounts[3], &accounts[17], &accounts[31]);
    let trust = Trust { principals: vec![accounts[0].clone()], external_id: None };
    let trust = keyreeve_sandbox::Mutation::SetTrust { role: ROLE.to_owned(), trust };
    place.sandbox.mutate(refuses, &[trust]).unwrap();
    change(&place, json!([{"op": "set_state", "account": suspended, "state": "SUSPENDED"}]));
    place.sandbox.add_fault(hangs(silent));

    let second = discover(&place, &[]).code(1);
    let found = second.json();
    assert_eq!(count(&found, "access", "entered"), 48 - 1, "{}", second.stderr);
    let reason = |account: &str| text(&of_account(&found, account)["reason"]).to_owned();
    assert!(reason(refuses).contains("not authorized to perform: sts:AssumeRole"), "{}", reason(refuses));
    assert!(reason(silent).contains("in time"), "{}", reason(silent));
    let row = of_account(&found, suspended);
    assert_eq!((&row["action"], &row["access"]), (&json!("suspend"), &json!("not_tried")));
    assert!(rows(&found).all(|row| row["open_without_external_id"] != true), "{found:#}");
    only_customer_policies(&place);

    let import = run(&place, &["import", "run", "--all", "--jobs", "8", "--output", "json"]).code(1);
    let imported = import.json();
    assert_eq!(count(&imported, "state", "published"), 47, "{}", import.stderr);
    assert_eq!((count(&imported, "state", "failed"), count(&imported, "state", "suspended")), (2, 1));
    let of = |account: &str| {
        rows(&imported).find(|row| row["aws_account_id"] == account).unwrap_or_else(|| panic!("{imported:#}"))
    };
    assert!(text(&of(refuses)["reason"]).contains("sts:AssumeRole"), "{}", of(refuses));
    assert!(text(&of(silent)["reason"]).contains("in time"), "{}", of(silent));
    assert!(text(&of(suspended)["reason"]).contains("the account is suspended"), "{}", of(suspended));
    let published = of(&accounts[0]);
    assert!(
        published["aws_calls"].as_u64() > Some(4) && published["seconds"].as_f64() > Some(0.0),
        "{published}"
    );
    assert_eq!(published["changes"]["accounts"]["created"], 3, "two people and the connector's own user");
    assert!(import.stderr.contains("47 of 50 systems went well."), "{}", import.stderr);
    assert!(place.sandbox.unfired().is_empty());
    let table = run(&place, &["system", "list", "--output", "csv"]).code(0).stdout;
    assert_eq!(table.matches(",suspended,").count(), 1, "{table}");
}

#[test]
fn a_plan_writes_nothing_and_shows_everything() {
    let place = organized(3);
    let plan = ["organization", "discover", "--role-name", ROLE, "--plan", "--output", "json"];
    let planned = run(&place, &plan).code(0);
    assert_eq!(count(&planned.json(), "action", "add"), 3);
    assert!(planned.stderr.contains("3 add") && planned.stderr.contains("--plan"), "{}", planned.stderr);
    // An id that would not be the one to use is not shown; from the first discovery on it is.
    let ids = |listed: &Value| {
        let added = rows(listed).filter(|row| row["role_arn"].is_string());
        added.map(|row| text(&row["external_id"]).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&planned.json()), ["<made when this is carried out>"; 3]);
    assert!(
        planned.stderr.contains("The external ids are made when this is carried out"),
        "{}",
        planned.stderr
    );
    assert_eq!(place.json(&["system", "list"]), json!([]));
    assert!(place.sandbox.trace().iter().all(|call| call.action != "AssumeRole"));
    let unasked = ["organization", "discover", "--role-name", ROLE];
    let refused = run(&place, &unasked).code(2);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    let found = discover(&place, &[]).code(1);
    assert_eq!(ids(&run(&place, &plan).json()), ids(&found.json()));
}

#[test]
fn what_was_registered_once_stays_as_people_set_it_and_changes_in_aws_are_said() {
    let place = entered(3);
    let (first, second) = (members(&place)[0].clone(), members(&place)[1].clone());
    let (kept, removed) = (format!("aws-{first}"), format!("aws-{second}"));
    place.run(&["system", "set", &kept, "name=Ours", "category=Mine", "max_deletes=3"]).code(0);
    place.run(&["system", "remove", &removed, "--yes"]).code(0);
    let before = place.json(&["system", "show", &kept]);
    change(
        &place,
        json!([
            {"op": "rename_account", "account": first, "name": "renamed-by-aws"},
            {"op": "move_account", "account": first, "unit": "/Elsewhere"},
        ]),
    );
    let again = discover(&place, &[]).code(0).json();
    let row = of_account(&again, &first);
    assert_eq!((&row["action"], &row["access"]), (&json!("keep"), &json!("entered")));
    assert_eq!((&row["name"], &row["unit"]), (&json!("renamed-by-aws"), &json!("/Elsewhere")));
    let reason = text(&row["reason"]);
    assert!(reason.contains("was named") && reason.contains("the account was in /"), "{reason}");
    let after = place.json(&["system", "show", &kept]);
    for field in ["name", "category", "settings", "credential", "state"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let row = of_account(&again, &second);
    assert_eq!((&row["action"], &row["system_id"]), (&json!("skip"), &Value::Null));
    assert!(text(&row["reason"]).contains("was removed"), "{row}");
    let third = discover(&place, &[]).code(0).json();
    assert_eq!(of_account(&third, &first)["reason"], Value::Null, "it is said once");
}

#[test]
fn an_account_that_is_closed_is_left_alone_until_it_is_in_use_again() {
    let place = entered(2);
    let account = members(&place)[0].clone();
    let id = format!("aws-{account}");
    only_customer_policies(&place);
    run(&place, &["import", "run", "--all"]).code(0);
    let people = place.json(&["account", "list", &id]);
    let state = |state| OrganizationChange::SetState { account: account.clone(), state };
    place.sandbox.reorganize(&[state(MemberState::PendingClosure)]).unwrap();
    let found = discover(&place, &[]).code(0).json();
    assert_eq!(of_account(&found, &account)["action"], "suspend");
    let shown = place.json(&["system", "show", &id]);
    assert_eq!(
        (&shown["state"], &shown["state_reason"]["kind"]),
        (&json!("suspended"), &json!("account_inactive"))
    );
    place.sandbox.clear_trace();
    let refused = run(&place, &["import", "run", &id]).code(2);
    assert!(refused.stderr.contains("being closed"), "{}", refused.stderr);
    run(&place, &["account", "create", &id, "--name", "ada", "--yes"]).code(2);
    let all = run(&place, &["import", "run", "--all", "--output", "json"]).code(1).json();
    assert_eq!((count(&all, "state", "published"), count(&all, "state", "suspended")), (1, 1));
    let into = |call: &keyreeve_sandbox::TraceEntry| {
        call.resource.as_ref().is_some_and(|arn| arn.contains(&account))
    };
    assert!(!place.sandbox.trace().iter().any(into), "nobody knocks at a closed door");
    let released = run(&place, &["system", "release", &id]).code(2);
    assert!(released.stderr.contains("organization discover"), "{}", released.stderr);
    assert_eq!(place.json(&["account", "list", &id]), people, "its history stays");

    place.sandbox.reorganize(&[state(MemberState::Active)]).unwrap();
    assert_eq!(of_account(&discover(&place, &[]).code(0).json(), &account)["action"], "resume");
    run(&place, &["import", "run", &id]).code(0);
    assert_eq!(place.json(&["import", "list", &id]).as_array().unwrap().len(), 2);

    change(&place, json!([{"op": "remove_account", "account": account}]));
    let left = discover(&place, &[]).code(0).json();
    let row = of_account(&left, &account);
    assert_eq!((&row["action"], &row["account_state"]), (&json!("suspend"), &json!("gone")));
    assert_eq!(place.json(&["system", "show", &id])["state"], "suspended");
}

#[test]
fn units_accounts_and_tags_choose() {
    let place = organized(10);
    let planned = |more: &[&str]| {
        let plan = ["organization", "discover", "--role-name", ROLE, "--plan", "--output", "json"];
        let ran = run(&place, &[&plan, more].concat());
        let added = if ran.code == 0 { count(&ran.json(), "action", "add") } else { 0 };
        (ran.code, added, ran.stderr)
    };
    // Two in each of five units.
    for (more, added) in [
        (&["--include-ou", "/Workloads"][..], 4),
        (&["--include-ou", "/Workloads/Production", "--include-ou", "/Sandbox/"], 4),
        (&["--exclude-ou", "/Workloads"], 6),
        (&["--include-tag", "stage=prod"], 2),
        (&["--exclude-tag", "stage=prod", "--include-ou", "/Workloads"], 2),
        (&["--include-account", &members(&place)[0]], 1),
        (&["--exclude-account", &members(&place)[0]], 9),
    ] {
        assert_eq!(planned(more).1, added, "{more:?}");
    }
    for (more, why) in [
        (&["--exclude-ou", "/Workload"][..], "there is no organizational unit /Workload"),
        (&["--include-account", "000000000000"], "has no account 000000000000"),
        (&["--system-id-pattern", "prod"], "{account_id}"),
        (&["--include-tag", "stage"], "key=value"),
    ] {
        let (code, _, stderr) = planned(more);
        assert!(code == 2 && stderr.contains(why), "{more:?}: {stderr}");
    }
    let wildcard = run(&place, &["organization", "discover", "--role-name", "key*", "--plan"]).code(2);
    assert!(wildcard.stderr.contains("a role's name"), "{}", wildcard.stderr);
    place.sandbox.deny("*", &["organizations:ListOrganizationalUnitsForParent"]);
    let (code, added, stderr) = planned(&[]);
    assert!(code == 0 && added == 10 && stderr.contains("in which unit"), "{stderr}");
    let (code, _, stderr) = planned(&["--exclude-ou", "/Workloads"]);
    assert!(code == 2 && stderr.contains("nothing was changed"), "{stderr}");
    assert!(stderr.contains("hint: whoever asks must be allowed"), "{stderr}");
    place.sandbox.deny("*", &["organizations:ListTagsForResource"]);
    let found =
        run(&place, &["organization", "discover", "--plan", "--exclude-tag", "a=b", "--output", "json"]);
    assert_eq!(count(&found.code(1).json(), "action", "failed"), 11, "what cannot be told is not let in");
}

#[test]
fn an_organization_that_cannot_be_read_whole_changes_nothing() {
    let place = organized(45);
    for (fault, why) in [
        (
            FaultRule::new("ListAccounts", Effect::AccessDenied),
            "is not authorized to perform: organizations:ListAccounts",
        ),
        (FaultRule::new("ListAccounts", Effect::RepeatMarker).page(2), "marker"),
        (FaultRule::new("ListAccounts", Effect::Truncate { at_fraction: 0.5 }), "could not be read"),
        (FaultRule::new("DescribeOrganization", Effect::Hang), "in time"),
    ] {
        place.sandbox.add_fault(fault.clone().min_fires(1));
        let refused = discover(&place, &[]).code(2);
        assert!(refused.stderr.contains(why), "{fault:?}: {}", refused.stderr);
        assert!(place.sandbox.unfired().is_empty(), "{fault:?}");
        place.sandbox.clear_faults();
        assert_eq!(place.json(&["system", "list"]), json!([]));
    }
    for fault in [
        FaultRule::new("ListAccounts", Effect::Throttle).times(3),
        FaultRule::new("ListAccounts", Effect::EmptyPage).page(1),
        FaultRule::new("ListAccounts", Effect::DuplicateEntry),
    ] {
        place.sandbox.clear_faults();
        place.sandbox.add_fault(fault.clone().min_fires(1));
        let plan = ["organization", "discover", "--plan", "--output", "json"];
        assert_eq!(count(&run(&place, &plan).code(0).json(), "action", "add"), 45, "{fault:?}");
        assert!(place.sandbox.unfired().is_empty(), "{fault:?}");
    }
    let member = members(&place)[0].clone();
    let key = place.key(&member);
    let mut asking = command(&place, &["organization", "discover", "--plan"]);
    asking.env("AWS_ACCESS_KEY_ID", key.access_key_id).env("AWS_SECRET_ACCESS_KEY", key.secret_access_key);
    let refused = Ran::of(asking.output().unwrap()).code(2);
    assert!(refused.stderr.contains("ListAccounts"), "{}", refused.stderr);
}

/// The states of all systems.
fn states(place: &Place) -> Vec<String> {
    rows(&place.json(&["system", "list"])).map(|system| text(&system["state"]).to_owned()).collect()
}

#[test]
fn what_one_listing_leaves_out_is_never_gone() {
    let place = entered(4);
    let (left_out, gone) = (members(&place)[0].clone(), members(&place)[1].clone());
    let before = states(&place);
    // Without the account that owns the organization it cannot be all of it.
    for effect in [Effect::DropPage, Effect::Omit { name: ACCOUNT.to_owned() }] {
        place.sandbox.clear_faults();
        place.sandbox.add_fault(FaultRule::new("ListAccounts", effect.clone()).min_fires(1));
        let refused = discover(&place, &[]).code(1);
        assert!(refused.stderr.contains("not whole, so nothing was changed"), "{}", refused.stderr);
        assert!(place.sandbox.unfired().is_empty(), "{effect:?}");
        assert_eq!(states(&place), before, "{effect:?}");
    }
    // One that is left out is asked for alone; the others are looked at.
    place.sandbox.clear_faults();
    let omit = FaultRule::new("ListAccounts", Effect::Omit { name: left_out.clone() });
    place.sandbox.add_fault(omit.min_fires(1));
    change(&place, json!([{"op": "rename_account", "account": gone, "name": "renamed"}]));
    let found = discover(&place, &[]).code(1).json();
    let row = of_account(&found, &left_out);
    assert_eq!((&row["action"], &row["account_state"]), (&json!("failed"), &json!("active")), "{row}");
    assert!(text(&row["reason"]).contains("asked for alone it is in the organization"), "{row}");
    assert_eq!(of_account(&found, &gone)["name"], "renamed");
    assert_eq!(states(&place), before);
    // Where it cannot be asked for, nothing is known; where the tree has it, the two disagree.
    place.sandbox.add_fault(FaultRule::new("DescribeAccount", Effect::AccessDenied));
    let found = discover(&place, &[]).code(1).json();
    assert!(
        text(&of_account(&found, &left_out)["reason"]).contains("could not be asked for alone"),
        "{found:#}"
    );
    place.sandbox.clear_faults();
    place.sandbox.add_fault(FaultRule::new("ListAccounts", Effect::Omit { name: left_out.clone() }));
    let (status, code) = (400, "AccountNotFoundException".to_owned());
    let message = String::new();
    place.sandbox.add_fault(FaultRule::new("DescribeAccount", Effect::Error { status, code, message }));
    let found = discover(&place, &[]).code(1).json();
    assert!(text(&of_account(&found, &left_out)["reason"]).contains("but the list of /"), "{found:#}");
    assert_eq!(states(&place), before);
    // A tree that cannot be read proves nothing.
    place.sandbox.add_fault(FaultRule::new("ListRoots", Effect::AccessDenied).min_fires(1));
    let found = discover(&place, &[]).code(1).json();
    let row = of_account(&found, &left_out);
    assert!(text(&row["reason"]).contains("could not be read, and it may be in one of them"), "{row}");
    assert_eq!((&row["action"], states(&place)), (&json!("failed"), before));
    assert!(place.sandbox.unfired().is_empty());
    // One that has left is gone by all of them.
    place.sandbox.clear_faults();
    change(&place, json!([{"op": "remove_account", "account": gone}]));
    let found = discover(&place, &[]).code(0).json();
    assert_eq!(of_account(&found, &gone)["action"], "suspend");
    assert_eq!(of_account(&discover(&place, &[]).code(0).json(), &gone)["account_state"], "gone");
}

#[test]
fn an_account_whose_unit_is_not_known_is_not_let_past_an_exclusion() {
    let place = organized(10);
    let all = members(&place).len();
    let excluding = |more: &[&str]| {
        let plan = ["organization", "discover", "--role-name", ROLE, "--plan", "--output", "json"];
        run(&place, &[&plan, more].concat()).json()
    };
    let excluded = ["--exclude-ou", "/Workloads"];
    assert_eq!(count(&excluding(&excluded), "action", "add"), 6);
    // A page of the tree is without its accounts, though it says that it is all.
    place.sandbox.add_fault(FaultRule::new("ListAccountsForParent", Effect::DropPage).min_fires(1));
    let blind = excluding(&excluded);
    assert_eq!(
        (count(&blind, "action", "add"), count(&blind, "action", "failed")),
        (0, all + 1),
        "{blind:#}"
    );
    let why = text(&of_account(&blind, &members(&place)[0])["reason"]).to_owned();
    assert!(why.contains("is not known"), "{why}");
    assert_eq!(count(&excluding(&[]), "action", "add"), 10, "without an exclusion it does not matter");
}

#[test]
fn tags_that_one_answer_leaves_out_let_nobody_past_an_exclusion() {
    let place = organized(10);
    let discovering = ["organization", "discover", "--role-name", ROLE, "--output", "json"];
    let excluding =
        |consent| run(&place, &[&discovering[..], &["--exclude-tag", "stage=prod", consent]].concat()).json();
    let rightly = excluding("--plan");
    let excluded: Vec<String> = rows(&rightly)
        .filter(|row| row["action"] == "exclude")
        .map(|row| text(&row["account_id"]).to_owned())
        .collect();
    assert_eq!(excluded.len(), 2, "{rightly:#}");
    let lost = || FaultRule::new("ListTagsForResource", Effect::DropPage).subject(&excluded[0]).min_fires(1);
    // Two answers must agree; here the second and the third do.
    place.sandbox.add_fault(lost().times(1));
    let found = excluding("--yes");
    assert_eq!(of_account(&found, &excluded[0])["action"], "exclude", "{found:#}");
    assert!(place.sandbox.unfired().is_empty());
    let registered = place.json(&["system", "list"]);
    assert!(
        rows(&registered).all(|system| system["aws_account_id"] != excluded[0].as_str()),
        "{registered:#}"
    );
    // Where no two in a row agree, nothing is known.
    let place = organized(10);
    place.sandbox.add_fault(lost().attempt(1));
    place.sandbox.add_fault(lost().attempt(3));
    let found = run(&place, &[&discovering[..], &["--include-tag", "stage=prod", "--plan"]].concat()).json();
    assert!(place.sandbox.unfired().is_empty());
    let row = of_account(&found, &excluded[0]);
    assert_eq!(row["action"], "failed", "{row}");
    assert!(text(&row["reason"]).contains("three answers in a row were different"), "{row}");
}

#[test]
fn an_account_that_is_suspended_and_excluded_is_left_alone_too() {
    let place = entered(2);
    let account = members(&place)[0].clone();
    let id = format!("aws-{account}");
    let excluding = || discover(&place, &["--exclude-account", &account]).code(0).json();
    change(&place, json!([{"op": "set_state", "account": account, "state": "SUSPENDED"}]));
    let row = of_account(&excluding(), &account).clone();
    assert_eq!(row["action"], "suspend");
    assert!(text(&row["reason"]).contains("suspended; its account is excluded"), "{row}");
    assert_eq!(place.json(&["system", "show", &id])["state"], "suspended");
    run(&place, &["import", "run", &id]).code(2);
    assert_eq!(of_account(&excluding(), &account)["action"], "exclude");
    change(&place, json!([{"op": "set_state", "account": account, "state": "ACTIVE"}]));
    let row = of_account(&excluding(), &account).clone();
    assert!(text(&row["reason"]).contains("stays suspended until"), "{row}");
    assert_eq!(of_account(&discover(&place, &[]).code(0).json(), &account)["action"], "resume");
}

#[test]
fn two_discoveries_at_once_register_each_account_once() {
    let place = organized(12);
    let arguments = ["organization", "discover", "--role-name", ROLE, "--yes", "--output", "json"];
    let children: Vec<_> = (0..3).map(|_| piped(command(&place, &arguments))).collect();
    let ids = children.into_iter().map(|child| {
        let found = Ran::of(child.wait_with_output().unwrap()).code(1).json();
        assert_eq!(count(&found, "action", "failed"), 0, "{found:#}");
        let ids: Vec<_> =
            rows(&found).map(|row| (row["system_id"].clone(), row["external_id"].clone())).collect();
        ids
    });
    let ids: Vec<_> = ids.collect();
    assert!(ids.iter().all(|of_one| *of_one == ids[0]), "they do not agree: {ids:#?}");
    assert_eq!(place.json(&["system", "list"]).as_array().unwrap().len(), 12);
}

#[test]
fn the_role_that_aws_makes_works_and_is_warned_of() {
    let place = organized(2);
    let found = run(&place, &["organization", "discover", "--yes", "--output", "json"]).code(0);
    assert_eq!(count(&found.json(), "access", "entered"), 2);
    assert!(rows(&found.json()).filter(|row| row["open_without_external_id"] == true).count() == 2);
    for said in ["WARNING", "OrganizationAccountAccessRole", "AdministratorAccess", "2 of the accounts"] {
        assert!(found.stderr.contains(said), "{said}: {}", found.stderr);
    }
}

#[test]
fn a_role_that_opens_another_account_quarantines_its_system_and_no_other() {
    let place = entered(3);
    only_customer_policies(&place);
    let account = members(&place)[0].clone();
    let on = FaultMatch { account: Some(account.clone()), ..FaultMatch::default() };
    let elsewhere =
        FaultRule { on, phase: Phase::Before, effect: Effect::WrongAccount, times: None, min_fires: 1 };
    place.sandbox.add_fault(elsewhere);
    let found = discover(&place, &[]).code(1).json();
    assert_eq!((count(&found, "access", "failed"), count(&found, "access", "entered")), (1, 2));
    assert!(text(&of_account(&found, &account)["reason"]).contains("quarantined"), "{found:#}");
    let all = run(&place, &["import", "run", "--all", "--output", "json"]).code(1).json();
    assert_eq!((count(&all, "state", "quarantined"), count(&all, "state", "published")), (1, 2), "{all:#}");
}

#[test]
fn a_connected_system_may_ask_and_categories_choose_what_is_imported() {
    let place = entered(3);
    place.add("management", ACCOUNT).code(0);
    let found = discover(&place, &["--system", "management"]).code(0).json();
    let row = of_account(&found, ACCOUNT);
    assert_eq!((&row["action"], &row["system_id"]), (&json!("keep"), &json!("management")));
    only_customer_policies(&place);
    let first = format!("aws-{}", members(&place)[0]);
    place.run(&["system", "set", &first, "category=Pilot"]).code(0);
    let pilot =
        run(&place, &["import", "run", "--all", "--category", "Pilot", "--output", "json"]).code(0).json();
    assert_eq!(rows(&pilot).map(|row| text(&row["system_id"])).collect::<Vec<_>>(), [first]);
    let none = run(&place, &["import", "run", "--all", "--category", "Nobody"]).code(2);
    assert!(none.stderr.contains("Nobody"), "{}", none.stderr);
    run(&place, &["import", "run", "management", "--jobs", "2"]).code(2);
}

#[test]
fn an_import_of_many_that_is_stopped_ends_those_under_way_and_begins_no_others() {
    let place = entered(6);
    only_customer_policies(&place);
    place.sandbox.add_fault(FaultRule::new("ListGroups", Effect::Hang).min_fires(2));
    let mut import = command(&place, &["import", "run", "--all", "--jobs", "2", "--output", "json"]);
    import.env("KEYREEVE_AWS_REQUEST_TIMEOUT_SECONDS", "30");
    let child = piped(import);
    until("two imports under way", || place.sandbox.unfired().is_empty().then_some(()));
    terminate(&child);
    let ran = Ran::of(child.wait_with_output().unwrap()).code(1);
    let all = ran.json();
    assert_eq!((count(&all, "state", "failed"), count(&all, "state", "not_imported")), (2, 4), "{all:#}");
    assert!(
        rows(&all).filter(|row| row["state"] == "failed").all(|row| row["failure"]["kind"] == "interrupted")
    );
    assert!(ran.stderr.contains("Stopping"), "{}", ran.stderr);
    place.sandbox.clear_faults();
    run(&place, &["import", "run", "--all"]).code(0);
}

#[test]
fn why_an_account_cannot_be_entered_is_said_once_in_a_list_and_whole_in_json() {
    let place = organized(2);
    let ran = run(&place, &["organization", "discover", "--role-name", ROLE, "--yes"]).code(1);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(said.matches("sts:AssumeRole is not allowed on").count(), 2, "{said}");
    assert!(!said.contains("is not authorized to perform"), "{said}");
    let again = discover(&place, &[]).code(1).json();
    let whole = |row: &&Value| text(&row["reason"]).contains("is not authorized to perform: sts:AssumeRole");
    assert_eq!(rows(&again).filter(whole).count(), 2, "{again:#}");
}

#[test]
fn discovery_is_for_administrators_of_all_systems_and_leaves_a_word() {
    let place = organized(1);
    let operator = place.token("olga", "operator", &[]);
    let mut asked = command(&place, &["organization", "discover", "--plan"]);
    let refused = Ran::of(asked.env("KEYREEVE_TOKEN", operator).output().unwrap()).code(2);
    assert!(refused.stderr.contains("this takes admin"), "{}", refused.stderr);
    discover(&place, &["--reason", "ticket 7"]).code(1);
    let log = place.json(&["audit", "list"]);
    let actions: Vec<&str> = rows(&log).map(|row| text(&row["action"])).collect();
    for action in ["system_registered", "membership_noted", "organization_discovered"] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    let whole = rows(&log).find(|row| row["action"] == "organization_discovered").unwrap();
    assert_eq!(whole["subject"]["reason"], "ticket 7");
    place.run(&["audit", "verify"]).code(0);
}
