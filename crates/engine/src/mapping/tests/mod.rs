mod actions;
mod bounds;
mod expressions;

mod names;

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::*;

use super::*;

/// A pinned system called `prod`.
fn system() -> System {
    let at = "2026-05-01T12:00:00Z".parse().unwrap();
    System {
        system_id: SystemId::new("prod").unwrap(),
        name: SystemName::new("Production").unwrap(),
        category: "cloud".to_owned(),
        technology: Technology::Aws,
        content: Content::AccessRights,
        state: SystemState::Active,
        state_reason: None,
        aws_account_id: Some(AwsAccountId::new("123456789012").unwrap()),
        partition: Some("aws".to_owned()),
        region: None,
        credential: CredentialKind::AccessKey { access_key_id: "AKIAEXAMPLE".to_owned() },
        settings: SystemSettings::default(),
        created_at: at,
        updated_at: at,
        removed_at: None,
    }
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn row(property: &str, operator: Operator, source: &str) -> MappingRow {
    MappingRow::new(property.parse().unwrap(), operator, source)
}

/// The default for accounts, with these rows in the place of those of the same property.
fn mapping(rows: Vec<MappingRow>) -> TaskMapping {
    let mut mapping = TaskMapping::default_of(MappingName::User);
    mapping.rows.retain(|old| rows.iter().all(|new| new.property != old.property));
    mapping.rows.extend(rows);
    assert_eq!(check(&mapping), Ok(()));
    mapping
}

/// What one expression makes of some attributes, as the value of a tag, where nearly everything is allowed.
fn text_of(source: &str, attributes: &[(&str, &str)]) -> Result<String, MappingError> {
    let (system, attributes) = (system(), pairs(attributes));
    let sources = Sources { system: &system, attributes: &attributes };
    let row = row("tags.x", Operator::Expression, source);
    Values::of(sources, None).value(&row)
}

/// The account that comes out when these names are taken.
fn account_of(
    mapping: &TaskMapping,
    attributes: &[(&str, &str)],
    given: Given<'_>,
    taken: &[&str],
) -> Result<MappedAccount, MappingError> {
    let (system, attributes) = (system(), pairs(attributes));
    let sources = Sources { system: &system, attributes: &attributes };
    let taken: BTreeSet<String> = taken.iter().map(|name| name.to_lowercase()).collect();
    map_account(mapping, sources, given, &|name| taken.contains(&name.to_lowercase()))
}
