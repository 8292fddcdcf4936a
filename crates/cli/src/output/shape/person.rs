//! People.

use keyreeve_model::{Person, SystemId};

use super::{Columns, Shape, joined, minute, text, time};
use crate::output::Narrow;

/// A list of people.
pub(crate) const PEOPLE: Shape<Person> = Shape {
    table: &[
        ("name", |one| one.name.clone()),
        ("shown_as", |one| text(one.shown_as.as_ref())),
        ("role", |one| one.role.as_str().to_owned()),
        ("systems", systems),
        ("signs_in", |one| if one.is_of_provider() { "oidc" } else { "password" }.to_owned()),
        ("signed_in", |one| minute(one.signed_in_at)),
        ("disabled", |one| minute(one.disabled_at)),
    ],
    narrow: Narrow::Shorten,
    csv: Columns::Texts(&[
        ("name", |one| one.name.clone()),
        ("issuer", |one| text(one.issuer.as_ref())),
        ("subject", |one| text(one.subject.as_ref())),
        ("shown_as", |one| text(one.shown_as.as_ref())),
        ("role", |one| one.role.as_str().to_owned()),
        ("systems", |one| joined(&one.systems, SystemId::to_string)),
        ("created_at", |one| one.created_at.to_string()),
        ("password_changed_at", |one| time(one.password_changed_at)),
        ("signed_in_at", |one| time(one.signed_in_at)),
        ("disabled_at", |one| time(one.disabled_at)),
    ]),
};

fn systems(person: &Person) -> String {
    match person.systems.is_empty() {
        true => "all".to_owned(),
        false => joined(&person.systems, SystemId::to_string).replace(';', ", "),
    }
}
