use super::*;

fn initial_and_last() -> TaskMapping {
    mapping(vec![row("user_name", Operator::Expression, "lower(first[0] + last)")])
}

const ADA: [(&str, &str); 2] = [("first", "Ada"), ("last", "Lovelace")];

fn name_of(
    mapping: &TaskMapping,
    attributes: &[(&str, &str)],
    taken: &[&str],
) -> Result<String, MappingError> {
    account_of(mapping, attributes, Given::default(), taken).map(|mapped| mapped.account)
}

#[test]
fn a_name_that_is_taken_in_any_case_gets_the_first_free_number() {
    let mapping = initial_and_last();
    assert_eq!(name_of(&mapping, &ADA, &[]), Ok("alovelace".to_owned()));
    assert_eq!(name_of(&mapping, &ADA, &["ALovelace"]), Ok("alovelace2".to_owned()));
    let taken = ["alovelace", "alovelace2", "alovelace4"];
    let mapped = account_of(&mapping, &ADA, Given::default(), &taken).unwrap();
    assert_eq!(
        (mapped.account.as_str(), mapped.taken.as_slice()),
        ("alovelace3", &["alovelace".to_owned(), "alovelace2".to_owned()][..])
    );
}

#[test]
fn a_long_name_gives_way_to_its_number_and_999_is_the_last() {
    let long = mapping(vec![row("user_name", Operator::Map, "name")]);
    let name = "n".repeat(64);
    let short = "n".repeat(63);
    assert_eq!(name_of(&long, &[("name", &name)], &[&name]), Ok(format!("{short}2")));
    let (system, attributes) = (system(), pairs(&[("name", &name)]));
    let sources = Sources { system: &system, attributes: &attributes };
    let asked = std::cell::RefCell::new(Vec::new());
    let error = map_account(&long, sources, Given::default(), &|name| {
        asked.borrow_mut().push(name.to_owned());
        true
    });
    assert_eq!(error, Err(MappingError::NoFreeName(name.clone())));
    let asked = asked.into_inner();
    assert_eq!(asked.len(), 999);
    assert_eq!(asked.last(), Some(&format!("{}999", "n".repeat(61))));
    assert!(asked.iter().all(|name| name.len() == 64));
}

#[test]
fn a_given_name_is_never_changed_and_needs_no_attributes() {
    let given = Given { name: Some("Ada.L"), ..Given::default() };
    let mapped = account_of(&initial_and_last(), &[], given, &["ada.l"]).unwrap();
    assert_eq!((mapped.account.as_str(), mapped.taken.len()), ("Ada.L", 0));
    let given = Given { name: Some("Ada L"), ..Given::default() };
    assert!(matches!(account_of(&initial_and_last(), &[], given, &[]), Err(MappingError::Name { .. })));
}

#[test]
fn a_row_that_is_not_unique_keeps_its_name() {
    let row = MappingRow { unique: Some(false), ..row("user_name", Operator::Map, "name") };
    assert_eq!(name_of(&mapping(vec![row]), &[("name", "ada")], &["ada"]), Ok("ada".to_owned()));
}

#[test]
fn names_and_paths_that_aws_would_refuse_are_refused_here() {
    let mapping = initial_and_last();
    let error = name_of(&mapping, &[("first", "Jü"), ("last", "Straße")], &[]).unwrap_err();
    assert!(error.to_string().starts_with("user_name: the account name \"jstraße\""), "{error}");
    let error = name_of(&mapping, &[("first", "x"), ("last", &"y".repeat(64))], &[]).unwrap_err();
    assert!(matches!(error, MappingError::Name { .. }), "{error}");
    let bare = TaskMapping::default_of(MappingName::User);
    assert_eq!(name_of(&bare, &ADA, &[]), Err(MappingError::NoName));
    let path = self::mapping(vec![
        row("user_name", Operator::Map, "first"),
        row("path", Operator::Expression, "'/' ~ department ~ '/'"),
    ]);
    let of = |department: &str| {
        account_of(&path, &[("first", "ada"), ("department", department)], Given::default(), &[])
    };
    assert_eq!(of("r+d").unwrap().path, "/r+d/");
    assert!(of("r and d").unwrap_err().to_string().starts_with("path: "));
    assert!(of("aws-reserved").is_err());
}

#[test]
fn what_the_wish_says_goes_before_the_mapping() {
    const BOUND: &str = "arn:aws:iam::123456789012:policy/bound";
    const OTHER: &str = "arn:aws:iam::123456789012:policy/other";
    let mapping = mapping(vec![
        row("path", Operator::Expression, "missing"),
        row("permissions_boundary", Operator::Constant, BOUND),
        row("tags.Team", Operator::Map, "missing"),
        row("tags.system", Operator::Expression, "system.id"),
        row("tags.empty", Operator::Expression, "''"),
    ]);
    let tags = pairs(&[("team", "ops")]);
    let given =
        Given { name: Some("ada"), path: Some("/x/"), tags: Some(&tags), permissions_boundary: Some(OTHER) };
    let mapped = account_of(&mapping, &[], given, &[]).unwrap();
    assert_eq!(mapped.path, "/x/");
    assert_eq!(mapped.permissions_boundary.as_deref(), Some(OTHER));
    assert_eq!(mapped.tags, pairs(&[("team", "ops"), ("system", "prod")]));
    let given = Given { path: Some("/x/"), name: Some("ada"), tags: Some(&tags), ..Given::default() };
    assert_eq!(account_of(&mapping, &[], given, &[]).unwrap().permissions_boundary.as_deref(), Some(BOUND));
}

#[test]
fn a_path_without_a_value_is_the_root() {
    let mapping = mapping(vec![
        row("user_name", Operator::Map, "name"),
        row("path", Operator::Expression, "attributes.path | default('')"),
    ]);
    let mapped = account_of(&mapping, &[("name", "ada")], Given::default(), &[]).unwrap();
    assert_eq!(mapped.path, "/");
}
