use super::*;

fn action(when: ActionTime, task: TaskKind, operation: Operation, rows: Vec<MappingRow>) -> CustomAction {
    CustomAction { when, task, operation, rows }
}

#[test]
fn the_default_makes_the_account_before_its_password_and_takes_the_password_before_the_account() {
    let mapping = mapping(vec![row("tags.team", Operator::Map, "team")]);
    let given = Given { name: Some("ada"), path: Some("/staff/"), ..Given::default() };
    let mapped = account_of(&mapping, &[("team", "ops")], given, &[]).unwrap();
    let created = StepCall::CreateAccount {
        account: "ada".to_owned(),
        path: "/staff/".to_owned(),
        tags: pairs(&[("team", "ops")]),
        permissions_boundary: None,
    };
    assert_eq!((mapped.before, mapped.after), (vec![created], Vec::new()));
    let (system, attributes) = (system(), BTreeMap::new());
    let sources = Sources { system: &system, attributes: &attributes };
    let before = |task| map_actions(&mapping, task, ActionTime::Before, sources, "ada", "/").unwrap();
    assert_eq!(before(TaskKind::DeleteAccount), [StepCall::DeleteLoginProfile { account: "ada".to_owned() }]);
    assert_eq!(before(TaskKind::UpdateAccount), []);
    assert_eq!(before(TaskKind::DeactivateAccount), []);
}

#[test]
fn actions_become_calls_in_their_order_and_see_the_account() {
    const CHANGE: &str = "arn:aws:iam::aws:policy/IAMUserChangePassword";
    use ActionTime::{After, Before};
    let mut mapping = mapping(vec![row("user_name", Operator::Map, "name")]);
    let create = TaskKind::CreateAccount;
    mapping.custom_actions.extend([
        action(
            After,
            create,
            Operation::TagUser,
            vec![row("tags.home", Operator::Expression, "account.path ~ account.name")],
        ),
        action(
            Before,
            create,
            Operation::AttachUserPolicy,
            vec![row("policy_arn", Operator::Constant, CHANGE)],
        ),
        action(
            After,
            create,
            Operation::AddUserToGroup,
            vec![row("group_name", Operator::Expression, "'dept-' ~ department")],
        ),
    ]);
    assert_eq!(check(&mapping), Ok(()));
    let attributes = [("name", "ada"), ("department", "lab")];
    let mapped = account_of(&mapping, &attributes, Given::default(), &["ada"]).unwrap();
    let account = "ada2".to_owned();
    assert!(matches!(&mapped.before[0], StepCall::CreateAccount { .. }));
    assert_eq!(
        mapped.before[1..],
        [StepCall::AttachPolicy { account: account.clone(), policy_arn: CHANGE.to_owned() }]
    );
    let tagged = StepCall::TagAccount { account: account.clone(), tags: pairs(&[("home", "/ada2")]) };
    let joined = StepCall::AddToGroup { account, group: "dept-lab".to_owned() };
    assert_eq!(mapped.after, [tagged, joined]);
}

#[test]
fn an_action_without_a_value_is_left_out_and_a_bad_value_is_refused() {
    let mut mapping = mapping(vec![row("user_name", Operator::Map, "name")]);
    let source = "'researchers' if department == 'lab' else department if department != 'none' else ''";
    let rows = vec![row("group_name", Operator::Expression, source)];
    mapping.custom_actions.push(action(
        ActionTime::After,
        TaskKind::CreateAccount,
        Operation::AddUserToGroup,
        rows,
    ));
    let after = |department: &str| {
        let attributes = [("name", "ada"), ("department", department)];
        account_of(&mapping, &attributes, Given::default(), &[]).map(|mapped| mapped.after)
    };
    let group = |name: &str| vec![StepCall::AddToGroup { account: "ada".to_owned(), group: name.to_owned() }];
    assert_eq!(after("lab"), Ok(group("researchers")));
    assert_eq!(after("none"), Ok(Vec::new()));
    assert!(after("a b").unwrap_err().to_string().contains("group_name: \"a b\" cannot be used"));
}

#[test]
fn every_operation_that_can_be_an_action_becomes_a_call() {
    const POLICY: &str = "arn:aws:iam::123456789012:policy/p";
    let (system, attributes) = (system(), BTreeMap::new());
    let sources = Sources { system: &system, attributes: &attributes };
    for (operation, property, value) in [
        (Operation::AddUserToGroup, "group_name", "g"),
        (Operation::RemoveUserFromGroup, "group_name", "g"),
        (Operation::AttachUserPolicy, "policy_arn", POLICY),
        (Operation::DetachUserPolicy, "policy_arn", POLICY),
        (Operation::PutUserPermissionsBoundary, "permissions_boundary", POLICY),
        (Operation::TagUser, "tags.t", "v"),
    ] {
        let mut mapping = TaskMapping::default_of(MappingName::User);
        let rows = vec![row(property, Operator::Constant, value)];
        mapping.custom_actions.push(action(ActionTime::After, TaskKind::UpdateAccount, operation, rows));
        assert_eq!(check(&mapping), Ok(()), "{operation}");
        let calls =
            map_actions(&mapping, TaskKind::UpdateAccount, ActionTime::After, sources, "ada", "/").unwrap();
        assert_eq!(calls.iter().map(Operation::of).collect::<Vec<_>>(), [Some(operation)]);
        let json = serde_json::to_string(&calls).unwrap();
        assert!(json.contains("\"ada\"") && json.contains(value), "{json}");
    }
}
