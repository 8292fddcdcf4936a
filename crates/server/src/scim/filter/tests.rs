use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::scim::{Model, Switches, urn};

fn model() -> Model {
    Model::new(Switches { password: true, entitlements: true })
}

fn ada() -> Value {
    json!({
        "schemas": [urn::USER, urn::AWS_USER, urn::ENTERPRISE_USER],
        "id": "AIDAADA",
        "externalId": "Ext-1",
        "userName": "Ada.Lovelace",
        "displayName": "Ada \"Countess\" Lovelace",
        "name": {"familyName": "Lovelace", "givenName": "Ada"},
        "active": true,
        "title": "",
        "emails": [
            {"value": "ada@work.example", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"},
        ],
        "groups": [{"value": "AGPA1", "display": "staff", "$ref": "https://x/Groups/AGPA1"}],
        "meta": {"resourceType": "User", "lastModified": "2026-03-01T10:00:00.500Z", "version": "W/\"1\""},
        urn::AWS_USER: {"path": "/staff/", "tags": [{"key": "team", "value": "Red"}]},
        urn::ENTERPRISE_USER: {"department": "Engines"},
        "password": "canary",
    })
}

fn holds(text: &str) -> bool {
    let filter = Filter::parse(&model().user, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    filter.matches(ada().as_object().unwrap())
}

fn refusal(text: &str) -> String {
    let error = Filter::parse(&model().user, text).expect_err(text);
    assert_eq!(error.cause, Cause::InvalidFilter, "{text}");
    error.detail
}

/// RFC 7644 §3.4.2.2, table 3 and 4, and figure 1's examples where we have the attributes.
#[test]
fn operators_do_what_the_rfc_says() {
    for (text, expected) in [
        (r#"userName eq "ada.lovelace""#, true),
        (r#"userName ne "ada.lovelace""#, false),
        (r#"userName co "LOVE""#, true),
        (r#"userName sw "ada""#, true),
        (r#"userName sw "lace""#, false),
        (r#"userName ew "LACE""#, true),
        (r#"userName gt "ada""#, true),
        (r#"userName lt "ada""#, false),
        (r#"userName ge "ada.lovelace""#, true),
        (r#"userName le "ADA.LOVELACE""#, true),
        ("userName pr", true),
        ("title pr", false),
        ("nickName pr", false),
        ("name pr", true),
        ("emails pr", true),
        ("active eq true", true),
        ("active ne true", false),
        (r#"name.familyName co "love""#, true),
        (r#"meta.lastModified gt "2026-03-01T10:00:00Z""#, true),
        (r#"meta.lastModified eq "2026-03-01T12:00:00.5+02:00""#, true),
        (r#"meta.lastModified ge "2026-03-01T10:00:00.500""#, true),
        (r#"meta.lastModified lt "2026-03-01T10:00:00.500Z""#, false),
        (r#"emails co "example""#, true),
        (r#"emails.value ew "home.example""#, true),
        (r#"emails[type eq "work" and value co "@home"]"#, false),
        (r#"emails[type eq "work" and value co "@work"]"#, true),
        (r#"emails.type eq "work" and emails.value co "@home""#, true),
        (r#"emails[primary eq true]"#, true),
        (r#"groups.$ref ew "/AGPA1""#, true),
        (r#"groups[$ref pr and value eq "AGPA1"]"#, true),
        (r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#, true),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn case_counts_only_where_the_schema_says_so() {
    for (text, expected) in [
        (r#"externalId eq "Ext-1""#, true),
        (r#"externalId eq "ext-1""#, false),
        (r#"id eq "aidaada""#, false),
        (r#"USERNAME EQ "ADA.LOVELACE""#, true),
        (r#"Urn:ietf:params:scim:schemas:core:2.0:user:UserName Eq "ada.lovelace""#, true),
        (r#"urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:path eq "/staff/""#, true),
        (r#"urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:path eq "/Staff/""#, false),
        (
            r#"urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:tags[KEY eq "TEAM" AND value eq "Red"]"#,
            true,
        ),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "engines""#, true),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

/// RFC 7644 §3.4.2.2: `not` binds first, then `and`, then `or`; parentheses before all.
#[test]
fn precedence() {
    for (text, expected) in [
        ("userName pr or userName pr and title pr", true),
        ("(userName pr or userName pr) and title pr", false),
        ("title pr and userName pr or userName pr", true),
        ("title pr and (userName pr or userName pr)", false),
        ("not (title pr) and userName pr", true),
        ("not(title pr or userName pr)", false),
        ("NOT (title pr) OR title pr", true),
        ("userName pr and not (not (userName pr))", true),
        (r#"emails[not (type eq "work") and value pr or type eq "none"]"#, true),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_assigned() {
    for (text, expected) in [
        (r#"nickName eq "x""#, false),
        (r#"nickName ne "x""#, true),
        ("nickName eq null", true),
        ("nickName ne null", false),
        ("userName eq null", false),
        ("userName ne null", true),
        ("emails eq null", false),
        ("addresses eq null", true),
        (r#"emails.type ne "work""#, false),
        (r#"emails.type ne "other""#, true),
        (r#"title eq """#, true),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
}

#[test]
fn strings_are_those_of_json() {
    assert!(holds(r#"displayName eq "Ada \"Countess\" Lovelace""#));
    assert!(holds(r#"userName eq "\u0041da.\u004covelace""#));
    assert!(!holds(r#"userName eq "\\""#));
    assert!(!holds(r#"userName eq "a) or (userName pr""#));
    assert!(!holds(r#"userName eq "\u0000""#));
    refusal("userName eq \"a\nb\"");
    refusal(r#"userName eq "\x""#);
    refusal(r#"userName eq "\ud800""#);
    refusal(r#"userName eq 'ada'"#);
}

/// S12, and what else is no filter.
#[test]
fn s12_hostile_filters_are_refused() {
    for text in [
        r#"userName eq "a" or 1=1"#,
        r#"userName eq "a"; drop table users"#,
        r#"userName eq "a" --"#,
        r#"userName co """#,
        r#"userName sw """#,
        r#"emails.value ew """#,
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq ",
        "userName = \"a\"",
        "userName like \"a\"",
        "userName prx",
        "pr",
        "()",
        "(userName pr",
        "userName pr)",
        "userName pr and",
        "userName pr or",
        "and userName pr",
        "userName pr userName pr",
        "userName pr  and",
        "not userName pr",
        "emails[type pr",
        "emails[]",
        "emails[emails[type pr]]",
        "emails]",
        "userName eq ada",
        "userName eq True",
        "userName eq 1",
        "active eq 1",
        r#"active gt true"#,
        "active eq null x",
        "active co true",
        r#"userName gt null"#,
        r#"meta.lastModified eq "yesterday""#,
        "meta.lastModified eq 5",
        r#"meta.lastModified co "2026""#,
        r#"meta.lastModified gt "2026-03-01""#,
        r#"meta eq "x""#,
        r#"name eq "x""#,
        "userName[value pr]",
        "emails.type[value pr]",
        "roles pr",
        "name.nothing pr",
        "emails.value.x pr",
        "urn:example:extension:internal:roles pr",
        r#"(userName pr)and(userName pr)"#,
        "userName\tpr",
        "usеrName pr",
        r#"emails[type eq "work"].value ne "x""#,
        r#"emails[type eq "work"].value pr"#,
        "emails[userName pr]",
        "-1 eq 1",
    ] {
        refusal(text);
    }
}

/// S12: in well below 50 ms, and without a stack to overflow.
#[test]
fn s12_deep_and_long_filters_are_refused_fast() {
    let many = |part: &str, count: usize| part.repeat(count);
    for text in [
        format!("{}userName pr{}", many("(", 10_000), many(")", 10_000)),
        many("(", 10_000),
        many("not (", 3_000),
        many("not ", 4_000),
        many("emails[", 2_000),
        format!("userName pr{}", many(" or userName pr", 1_000)),
        format!("userName eq \"{}\"", many("x", 1_000_000)),
        format!("{}userName pr", many(" ", 1_000_000)),
        many("a", 16_000),
        many("\"", 16_000),
    ] {
        let start = Instant::now();
        refusal(&text);
        assert!(start.elapsed() < Duration::from_millis(50), "{}…: {:?}", &text[..20], start.elapsed());
    }
    let deep = format!("{}userName pr{}", many("(", 32), many(")", 32));
    assert!(holds(&deep), "32 are enough for everybody");
}

/// S12: what may not be asked is refused like what does not exist, before any resource is looked at.
#[test]
fn s12_secrets_are_as_unknown_as_what_does_not_exist() {
    for (secret, unknown) in [
        ("password pr", "passw0rd pr"),
        (r#"password sw "c""#, r#"passw0rd sw "c""#),
        (r#"PASSWORD eq "canary""#, r#"PASSW0RD eq "canary""#),
        (r#"not (password eq null)"#, r#"not (passw0rd eq null)"#),
        (
            r#"userName pr or urn:ietf:params:scim:schemas:core:2.0:User:password pr"#,
            r#"userName pr or urn:ietf:params:scim:schemas:core:2.0:User:passw0rd pr"#,
        ),
    ] {
        assert_eq!(
            refusal(secret).replace("password", "passw0rd").replace("PASSWORD", "PASSW0RD"),
            refusal(unknown)
        );
    }
}

#[test]
fn errors_hold_no_value_and_say_where() {
    assert_eq!(
        refusal(r#"userName eq "canary" x"#),
        "the filter cannot be read at byte 21: nothing more is expected here"
    );
    assert!(!refusal(r#"active eq "canary""#).contains("canary"));
}

#[test]
fn what_a_store_can_look_up_is_split_off() {
    let narrow = |text: &str| Filter::parse(&model().user, text).unwrap().narrow();
    let user_name = || Condition::UserName("Ada".into());
    assert_eq!(narrow(r#"userName eq "Ada""#), [user_name()]);
    assert_eq!(narrow(r#"id eq "AIDA""#), [Condition::Id("AIDA".into())]);
    let both = [Condition::ExternalId("1".into()), user_name()];
    assert_eq!(narrow(r#"externalId eq "1" and (active eq true and userName eq "Ada")"#), both);
    assert_eq!(narrow(r#"userName eq "Ada" and title pr"#), [user_name()]);
    for nothing in [
        r#"userName eq "Ada" or title pr"#,
        r#"not (userName eq "Ada")"#,
        r#"userName ne "Ada""#,
        r#"userName sw "Ada""#,
        "active eq true",
        r#"displayName eq "Ada""#,
        r#"name.givenName eq "Ada""#,
        r#"emails[value eq "Ada"]"#,
        r#"urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:path eq "/""#,
    ] {
        assert_eq!(narrow(nothing), [], "{nothing}");
    }
}

#[test]
fn what_a_filter_asks_for_is_known() {
    let only = |text: &str| {
        Filter::parse(&model().user, text).unwrap().asks_for_nothing_but(&["id", "userName", "active"])
    };
    for text in [r#"userName sw "a""#, r#"not (active eq true) or (id pr and userName co "b")"#] {
        assert!(only(text), "{text}");
    }
    for text in [
        r#"userName sw "a" or title pr"#,
        r#"userName sw "a" and not (externalId eq "1")"#,
        r#"emails[value eq "Ada"]"#,
        r#"urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:path eq "/""#,
    ] {
        assert!(!only(text), "{text}");
    }
}
