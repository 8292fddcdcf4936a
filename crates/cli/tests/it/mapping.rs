//! Task mappings.

use keyreeve_sandbox::Mutation;
use serde_json::json;

use crate::harness::{Place, Ran, SYSTEM, user};

const NAMED: &str = "\
name: AWS - User
main:
  create_account: CreateLoginProfile
  update_account: UpdateUser
  delete_account: DeleteUser
rows:
  - {property: user_name, operator: Expression, source: 'lower(first[0] + last)'}
  - {property: path, operator: Expression, source: \"'/' ~ lower(department) ~ '/'\"}
  - {property: tags.cost-center, operator: Map, source: cost_center}
  - {property: tags.system, operator: Expression, source: \"system.id ~ ':' ~ system.account_id\"}
custom_actions:
  - {when: Before, task: create_account, operation: CreateUser}
  - when: After
    task: create_account
    operation: AddUserToGroup
    rows: [{property: group_name, operator: Expression, source: \"'dept-' ~ lower(department)\"}]
  - {when: Before, task: delete_account, operation: DeleteLoginProfile}
";

const ADA: [&str; 8] = [
    "--attribute",
    "first=Ada",
    "--attribute",
    "last=Lovelace",
    "--attribute",
    "department=Lab",
    "--attribute",
    "cost_center=4711",
];

fn set(place: &Place, text: &str) -> Ran {
    std::fs::write(place.folder.path().join("mapping"), text).unwrap();
    place.run(&["mapping", "set", SYSTEM, "user", "--file", "mapping", "--output", "json"])
}

#[test]
fn a_change_of_a_mapping_can_be_planned_and_its_reason_is_kept() {
    let place = Place::registered(0);
    let before = place.json(&["mapping", "show", SYSTEM, "user"]);
    std::fs::write(place.folder.path().join("mapping"), NAMED).unwrap();
    let arguments =
        ["mapping", "set", SYSTEM, "user", "--file", "mapping", "--reason", "CHG-5", "--output", "json"];
    let planned = place.run(&[&arguments[..], &["--plan"]].concat()).code(0);
    assert!(planned.stderr.contains("Nothing was done, because of --plan"), "{}", planned.stderr);
    assert_eq!(place.json(&["mapping", "show", SYSTEM, "user"]), before);
    let set = place.run(&[&arguments[..], &["--yes"]].concat()).code(0);
    assert_eq!(planned.json(), set.json());
    let rows = place.json(&["audit", "list", "--system", SYSTEM]);
    let row = rows.as_array().unwrap().iter().find(|row| row["action"] == "mapping_set").unwrap();
    assert_eq!(row["subject"]["reason"], "CHG-5", "{row}");
}

#[test]
fn a_protection_can_be_planned() {
    let place = Place::registered(0);
    let add = ["protect", "add", SYSTEM, "--path", "/x/", "--output", "json"];
    let listed =
        |more: &str| place.run(&[&add[..], &[more]].concat()).code(0).json().as_array().unwrap().len();
    assert_eq!((listed("--plan"), listed("--yes")), (0, 1));
    let remove = ["protect", "remove", SYSTEM, "--path", "/x/", "--output", "json"];
    let left =
        |more: &str| place.run(&[&remove[..], &[more]].concat()).code(0).json().as_array().unwrap().len();
    assert_eq!((left("--plan"), left("--yes")), (1, 0));
}

#[test]
fn a_system_begins_with_the_reference_behaviour() {
    let place = Place::registered(0);
    let list = place.json(&["mapping", "list", SYSTEM]);
    let names: Vec<_> = list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let expected =
        ["AWS - User", "AWS - Group Assignment", "AWS - Attached Policy Assignment", "AWS - Password Reset"];
    assert_eq!(names, expected);
    assert!(list.as_array().unwrap().iter().all(|one| one["default"] == true && one["updated_by"].is_null()));
    let table = place.run(&["mapping", "show", SYSTEM, "AWS - User"]).code(0).stdout;
    let line = |words: &[&str]| table.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(line(&["main call", "create_account", "CreateLoginProfile"]), "{table}");
    assert!(line(&["custom action", "create_account", "Before", "CreateUser"]), "{table}");
    assert!(line(&["custom action", "delete_account", "Before", "DeleteLoginProfile"]), "{table}");
    assert!(line(&["row", "password_reset_required", "Constant", "true"]), "{table}");
    let csv = place.run(&["mapping", "show", SYSTEM, "password reset", "--output", "csv"]).code(0).stdout;
    assert_eq!(
        csv.lines().collect::<Vec<_>>(),
        [
            "part,task,when,operation,property,operator,source,unique",
            "main_call,reset_password,,UpdateLoginProfile,,,,",
            "row,,,,password_reset_required,Constant,true,false"
        ]
    );
}

#[test]
fn what_show_writes_set_reads_and_default_goes_back() {
    let place = Place::registered(0);
    let begun = place.json(&["mapping", "show", SYSTEM, "user"]);
    let shown = set(&place, NAMED).code(0);
    assert!(shown.stderr.contains("permission_profile=lifecycle"), "{}", shown.stderr);
    assert_eq!(place.json(&["mapping", "show", SYSTEM, "user"]), shown.json());
    let again = set(&place, &shown.stdout).code(0);
    assert_eq!(again.json(), shown.json());
    let arguments = ["mapping", "set", SYSTEM, "user", "--file", "-", "--output", "json"];
    assert_eq!(place.run_with_input(&arguments, &shown.stdout).code(0).json(), shown.json());
    let list = place.json(&["mapping", "list", SYSTEM]);
    assert_eq!(list[0]["default"], false);
    assert!(
        list[0]["updated_by"].as_str().unwrap().starts_with("local:") && list[0]["updated_at"].is_string()
    );
    assert_eq!(list[1]["default"], true);
    place.run(&["mapping", "set", SYSTEM, "user", "--default"]).code(0);
    assert_eq!(place.json(&["mapping", "show", SYSTEM, "user"]), begun);
    place.run(&["system", "set", SYSTEM, "permission_profile=lifecycle"]).code(0);
    assert_eq!(set(&place, NAMED).code(0).stderr, "");
}

#[test]
fn a_trial_shows_what_would_be_sent_and_which_names_are_taken() {
    let place = Place::registered(2);
    place.mutate(&[user("ALovelace"), user("alovelace2")]);
    place.run(&["import", "run", SYSTEM]).code(0);
    set(&place, NAMED).code(0);
    let attempt =
        |more: &[&str]| place.run(&[&["mapping", "try", SYSTEM, "user", "--output", "json"], more].concat());
    // A group that nobody has made yet would leave half an account.
    let objected = attempt(&ADA).code(1).json();
    assert_eq!(objected["obstacles"], json!(["the last import saw no group \"dept-lab\""]));
    place.mutate(&[Mutation::CreateGroup { name: "dept-lab".into(), path: "/".into() }]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let trial = attempt(&ADA).code(0).json();
    assert_eq!(trial["account"], "alovelace3");
    assert_eq!(trial["taken"], json!(["alovelace", "alovelace2"]));
    assert_eq!(trial["path"], "/lab/");
    assert_eq!(trial["tags"], json!({"cost-center": "4711", "system": "example:123456789012"}));
    let calls: Vec<_> = trial["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| (call["when"].as_str().unwrap(), call["operation"].as_str().unwrap()))
        .collect();
    assert_eq!(
        calls,
        [("Before", "CreateUser"), ("Main", "CreateLoginProfile"), ("After", "AddUserToGroup")]
    );
    assert_eq!(trial["calls"][0]["details"]["path"], "/lab/");
    assert_eq!(trial["calls"][2]["details"]["group"], "dept-lab");

    let given = attempt(&[&ADA[4..], &["--name", "Ada.L"]].concat()).code(0).json();
    assert_eq!((&given["account"], &given["taken"]), (&json!("Ada.L"), &json!([])));
    let clash = attempt(&[&ADA[4..], &["--name", "alovelace"]].concat()).code(1);
    assert_eq!(clash.json()["taken"], json!(["alovelace"]));
    assert!(clash.stderr.contains("is taken"), "{}", clash.stderr);

    let missing = attempt(&ADA[..2]).code(2);
    assert!(missing.stderr.contains("user_name needs last, which is not given"), "{}", missing.stderr);
    let table = place.run(&[&["mapping", "try", SYSTEM, "user"], &ADA[..]].concat()).code(0).stdout;
    assert!(table.contains("alovelace3") && table.contains("dept-lab"), "{table}");
    let csv = place.run(&[&["mapping", "try", SYSTEM, "user", "--output", "csv"], &ADA[..]].concat()).code(0);
    assert!(csv.stdout.contains("CreateUser;CreateLoginProfile;AddUserToGroup"), "{}", csv.stdout);
}

#[test]
fn the_example_of_the_guide_does_what_the_guide_says() {
    let guide = include_str!("../../../../docs/guide/mapping.md");
    let example = guide.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let place = Place::registered(1);
    place.mutate(&[Mutation::CreateGroup { name: "researchers".into(), path: "/".into() }]);
    place.run(&["import", "run", SYSTEM]).code(0);
    set(&place, example).code(0);
    let ada = ["first=Ada", "last=Lovelace", "department=Research Lab", "cost_center=4711"];
    let attributes = ada.iter().flat_map(|attribute| ["--attribute", attribute]).collect::<Vec<_>>();
    let trial = place.json(&[&["mapping", "try", SYSTEM, "user"], &attributes[..]].concat());
    assert_eq!(trial["account"], "alovelace");
    assert_eq!(trial["path"], "/research-lab/");
    assert_eq!(trial["tags"], json!({"cost-center": "4711", "managed-by": "keyreeve"}));
    assert_eq!(trial["calls"][2]["details"]["group"], "researchers");
}

#[test]
fn other_tasks_and_files_that_are_not_set_can_be_tried() {
    let place = Place::imported(3);
    let name = place.names()[0].clone();
    let deletion = ["mapping", "try", SYSTEM, "user", "--task", "delete_account", "--name", &name];
    let trial = place.json(&deletion);
    assert_eq!(trial["calls"][0]["operation"], "DeleteLoginProfile");
    assert_eq!(trial["calls"][1]["details"], json!({"call": "delete_account", "account": name}));
    let reset = place.json(&["mapping", "try", SYSTEM, "password reset", "--name", &name.to_uppercase()]);
    assert_eq!((&reset["task"], &reset["account"]), (&json!("reset_password"), &json!(name)));
    std::fs::write(place.folder.path().join("new.yaml"), NAMED).unwrap();
    let file = [&["mapping", "try", SYSTEM, "user", "--file", "new.yaml"], &ADA[..]].concat();
    let tried = place.run(&[&file[..], &["--output", "json"]].concat()).code(1).json();
    assert_eq!((&tried["account"], tried["obstacles"].as_array().unwrap().len()), (&json!("alovelace"), 1));
    assert_eq!(place.json(&["mapping", "list", SYSTEM])[0]["default"], true);
    let unknown = place.run(&["mapping", "try", SYSTEM, "group assignment", "--name", "nobody"]).code(0);
    assert!(unknown.stderr.contains("No account nobody is known"), "{}", unknown.stderr);
}

#[test]
fn a_mapping_that_cannot_be_used_is_refused_and_nothing_is_kept() {
    let place = Place::registered(0);
    for (from, to, words) in [
        (
            "  - {when: Before, task: create_account, operation: CreateUser}\n",
            "",
            "needs the custom action CreateUser",
        ),
        ("operation: AddUserToGroup", "operation: CreateAccessKey", "line 15, column 16: unknown variant"),
        ("when: After", "when: Afterwards", "line 13, column "),
        ("lower(first[0] + last)", "lower(first[0] + last", "the expression for user_name is not understood"),
        ("lower(first[0] + last)", "last * 9", "no multiplication"),
        ("lower(first[0] + last)", "lowr(first)", "there is no function lowr"),
        ("system.id ~", "system.nme ~", "there is no system.nme"),
        ("tags.cost-center", "tags.aws:cost", "reserved to AWS"),
        ("name: AWS - User", "name: AWS - Password Reset", "holds the task mapping AWS - Password Reset"),
        ("rows:\n", "rows: []\nrows:\n", "line 7, column 1: the key \"rows\" is there twice"),
        ("rows:\n", "approved_by: me\nrows:\n", "line 6, column 1: unknown field"),
        ("source: cost_center", "source: 4711", "must be quoted"),
    ] {
        let broken = NAMED.replacen(from, to, 1);
        assert_ne!(broken, NAMED, "{from}");
        let refused = set(&place, &broken).code(2);
        assert!(refused.stderr.contains(words), "{to}: {}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
    assert!(set(&place, &" ".repeat(1024 * 1024 + 1)).code(2).stderr.contains("more than 1 MiB"));
    assert_eq!(place.json(&["mapping", "list", SYSTEM])[0]["default"], true);
    for (arguments, words) in [
        (&["mapping", "show", SYSTEM, "role"][..], "AWS - Group Assignment"),
        (&["mapping", "show", "nobody", "user"], "no system nobody"),
        (&["mapping", "set", SYSTEM, "user"], "--file"),
        (&["mapping", "set", SYSTEM, "user", "--file", "x", "--default"], "cannot be used"),
        (&["mapping", "set", SYSTEM, "user", "--file", "none.yaml"], "reading none.yaml"),
        (&["mapping", "try", SYSTEM, "user"], "no name was given"),
        (&["mapping", "try", SYSTEM, "user", "--attribute", "first"], "key=value"),
        (&["mapping", "try", SYSTEM, "user", "--attribute", "a=1", "--attribute", "a=2"], "given twice"),
        (&["mapping", "try", SYSTEM, "user", "--task", "dance"], "create_account"),
        (&["mapping", "try", SYSTEM, "user", "--task", "reset_password"], "does not serve"),
        (&["mapping", "try", SYSTEM, "user", "--task", "delete_account"], "give its name"),
        (&["mapping", "try", SYSTEM, "user", "--name", "a b"], "1 to 64 letters"),
    ] {
        let refused = place.run(arguments).code(2);
        assert!(refused.stderr.contains(words), "{arguments:?}: {}", refused.stderr);
    }
}

#[test]
fn a_custom_action_of_a_deletion_that_removes_what_is_held_is_not_made_twice_nor_before_its_time() {
    use keyreeve_sandbox::Mutation;
    let place = Place::registered(0);
    let group = |name: &str| Mutation::CreateGroup { name: name.into(), path: "/".into() };
    let join = Mutation::AddToGroup { user: "ada".into(), group: "devs".into() };
    let password = Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false };
    place.mutate(&[group("devs"), group("ops"), user("ada"), join, password]);
    place.run(&["import", "run", SYSTEM]).code(0);
    let leave = |group: &str| {
        format!(
            "  - when: Before\n    task: delete_account\n    operation: RemoveUserFromGroup\n    \
             rows: [{{property: group_name, operator: Constant, source: {group}}}]\n"
        )
    };
    set(&place, &format!("{NAMED}{}{}", leave("devs"), leave("ops"))).code(0);
    let plan = place.json(&["account", "delete", SYSTEM, "ada", "--plan"]);
    let calls: Vec<_> = plan["tasks"][0]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["operation"].as_str().unwrap(), step["group"].as_str().unwrap_or_default()))
        .collect();
    let expected = [
        ("RemoveUserFromGroup", "ops"),
        ("DeleteLoginProfile", ""),
        ("RemoveUserFromGroup", "devs"),
        ("DeleteUser", ""),
    ];
    assert_eq!(calls, expected);
}
