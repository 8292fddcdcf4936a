use super::*;

const ADA: [(&str, &str); 3] = [("first", "Ada"), ("last", "Lovelace"), ("department", "Research Lab")];

#[test]
fn letters_parts_and_functions_work_as_written() {
    for (source, expected) in [
        ("lower(first[0] + last)", "alovelace"),
        ("lower(first[:1] ~ last)", "alovelace"),
        ("(first[0] ~ last) | lower", "alovelace"),
        ("first | lower ~ '.' ~ last | lower", "ada.lovelace"),
        ("attributes.first", "Ada"),
        ("attributes['first']", "Ada"),
        ("last[-1]", "e"),
        ("last[:4]", "Love"),
        ("upper(last)[2:4]", "VE"),
        ("'/' ~ lower(department | replace(' ', '-')) ~ '/'", "/research-lab/"),
        ("replace(department, 'Lab', '') | trim", "Research"),
        ("'staff' if department == 'Research Lab' else 'guests'", "staff"),
        ("'yes' if 'Lab' in department else 'no'", "yes"),
        ("middle | default('-')", "-"),
        ("default(middle, first)", "Ada"),
        ("'none' if middle is undefined else middle", "none"),
        ("system.id ~ ':' ~ system.partition ~ ':' ~ system.account_id", "prod:aws:123456789012"),
        ("first ~ 7", "Ada7"),
        ("'=<&>'", "=<&>"),
    ] {
        assert_eq!(text_of(source, &ADA), Ok(expected.to_owned()), "{source}");
    }
}

#[test]
fn letters_lose_their_marks_and_german_ones_get_their_e() {
    for (source, name, expected) in [
        ("ascii(name)", "Jürgen Weiß", "Jurgen Weiss"),
        ("ascii(name, 'de')", "Jürgen Weiß", "Juergen Weiss"),
        ("name | ascii('de')", "Ju\u{308}rgen", "Juergen"),
        ("ascii(name)", "Ju\u{308}rgen", "Jurgen"),
        ("ascii(name)", "Łukasz Żółć", "Lukasz Zolc"),
        ("ascii(name)", "Søren Ærø", "Soren AEro"),
        ("ascii(name)", "Đặng Thị", "Dang Thi"),
        ("ascii(name)", "François", "Francois"),
        ("ascii(name)", "a\u{f8ff}b", "ab"),
    ] {
        assert_eq!(text_of(source, &[("name", name)]), Ok(expected.to_owned()), "{name}");
    }
    assert!(text_of("ascii(name, 'sv')", &[("name", "å")]).unwrap_err().to_string().contains("only 'de'"));
}

#[test]
fn what_was_not_given_is_named() {
    let missing = |names: &[&str]| MappingError::Missing {
        property: "tags.x".parse().unwrap(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    assert_eq!(text_of("lower(firts[0] + last)", &ADA), Err(missing(&["firts"])));
    assert_eq!(text_of("middle", &ADA), Err(missing(&["middle"])));
    assert_eq!(text_of("lower(middle)", &ADA), Err(missing(&["middle"])));
    assert_eq!(text_of("middle | trim", &ADA), Err(missing(&["middle"])));
    assert_eq!(text_of("first ~ middle", &ADA), Err(missing(&["middle"])));
    assert_eq!(text_of("attributes.middle ~ first", &ADA), Err(missing(&["attributes.middle"])));
    assert_eq!(text_of("first if middle else last", &ADA), Err(missing(&["middle"])));
    assert_eq!(text_of("account.name ~ ''", &ADA), Err(missing(&["account.name"])));
    let error = text_of("one ~ two", &[]).unwrap_err();
    assert_eq!(error.to_string(), "tags.x needs one, two, which are not given");
    let error = text_of("lower(first[0] + last)", &[("first", ""), ("last", "x")]).unwrap_err();
    assert!(matches!(&error, MappingError::Undefined(_)), "{error}");
    let mut unpinned = system();
    unpinned.aws_account_id = None;
    let attributes = BTreeMap::new();
    let values = Values::of(Sources { system: &unpinned, attributes: &attributes }, None);
    let error = values.value(&row("tags.x", Operator::Expression, "system.account_id ~ ''")).unwrap_err();
    assert_eq!(error, missing(&["system.account_id"]));
    let error = values.value(&row("tags.x", Operator::Map, "middle")).unwrap_err();
    assert_eq!(error, missing(&["middle"]));
}

#[test]
fn only_text_comes_out() {
    for source in ["1", "1.5", "true", "none", "[first]", "{'a': first}", "(1, 2)", "attributes", "system"] {
        let error = text_of(source, &ADA).unwrap_err();
        assert!(matches!(&error, MappingError::NotText { .. }), "{source}: {error}");
    }
    let error = text_of("lower(7)", &ADA).unwrap_err().to_string();
    assert!(error.contains("not a number"), "{error}");
    assert!(matches!(text_of("first if false", &ADA), Err(MappingError::Undefined(_))));
}

#[test]
fn nothing_but_values_can_be_reached() {
    for source in [
        "range(3)",
        "dict(a=1)",
        "debug()",
        "namespace()",
        "lipsum()",
        "env('HOME')",
        "include('/etc/passwd')",
        "now()",
        "first.lower()",
        "first.__class__.__mro__",
        "first | map('upper') | join",
        "first | escape",
        "first | tojson",
        "self.x",
        "super()",
        "caller()",
        "loop.index",
    ] {
        assert!(text_of(source, &ADA).is_err(), "{source}");
    }
}

#[test]
fn an_attribute_cannot_stand_in_for_a_function_or_the_system() {
    let attributes =
        [("lower", "x"), ("system", "x"), ("account", "x"), ("attributes", "x"), ("first", "ADA")];
    assert_eq!(text_of("lower(first)", &attributes), Ok("ada".to_owned()));
    assert_eq!(text_of("system.id", &attributes), Ok("prod".to_owned()));
    assert_eq!(text_of("attributes.lower", &attributes), Ok("x".to_owned()));
    assert_eq!(text_of("attributes['attributes']", &attributes), Ok("x".to_owned()));
}

#[test]
fn broken_grammar_is_refused_before_anything_is_kept() {
    for source in ["lower(first", "first +", "{{ first }}", "{% if x %}", "first last", "'open", "a = b", "#"]
    {
        let mut broken = TaskMapping::default_of(MappingName::User);
        broken.rows.push(row("user_name", Operator::Expression, source));
        let error = check(&broken).unwrap_err();
        assert!(matches!(&error, MappingError::Grammar { .. }), "{source}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let mut inside = TaskMapping::default_of(MappingName::User);
    inside.custom_actions.push(CustomAction {
        when: ActionTime::After,
        task: TaskKind::CreateAccount,
        operation: Operation::AddUserToGroup,
        rows: vec![row("group_name", Operator::Expression, "lower(")],
    });
    assert!(check(&inside).is_err());
}
