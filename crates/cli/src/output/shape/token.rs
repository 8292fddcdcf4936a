//! Tokens.

use keyreeve_model::{Secret, SystemId, Token};
use serde::Serialize;

use super::{Column, Columns, Shape, joined, minute, time};
use crate::output::{Facts, Narrow};

/// A list of tokens.
pub(crate) const TOKENS: Shape<Token> = Shape {
    table: &[
        ("id", |token| token.id.to_string()),
        ("owner", |token| token.owner.clone()),
        ("role", |token| token.role.as_str().to_owned()),
        ("systems", systems),
        ("created", |token| minute(Some(token.created_at))),
        ("expires", |token| minute(token.expires_at)),
        ("last_used", |token| minute(token.last_used_at)),
        ("revoked", |token| minute(token.revoked_at)),
    ],
    narrow: Narrow::Shorten,
    csv: Columns::Texts(&[
        ("id", |token| token.id.to_string()),
        ("owner", |token| token.owner.clone()),
        ("role", |token| token.role.as_str().to_owned()),
        ("systems", |token| joined(&token.systems, SystemId::to_string)),
        ("created_at", |token| token.created_at.to_string()),
        ("expires_at", |token| time(token.expires_at)),
        ("last_used_at", |token| time(token.last_used_at)),
        ("revoked_at", |token| time(token.revoked_at)),
    ]),
};

fn systems(token: &Token) -> String {
    match token.systems.is_empty() {
        true => "all".to_owned(),
        false => joined(&token.systems, SystemId::to_string).replace(';', ", "),
    }
}

/// A token with the text that lets its owner in: it is written here and nowhere else.
#[derive(Serialize)]
pub(crate) struct ShownToken {
    #[serde(flatten)]
    token: Token,
    #[serde(rename = "token")]
    text: String,
}

impl ShownToken {
    /// Of a token that was just made.
    pub(crate) fn new(token: Token, text: &Secret) -> Self {
        Self { token, text: text.expose().to_owned() }
    }
}

/// A token that was just made.
pub(crate) const MADE_TOKENS: &[Column<ShownToken>] = &[
    ("id", |one| one.token.id.to_string()),
    ("owner", |one| one.token.owner.clone()),
    ("role", |one| one.token.role.as_str().to_owned()),
    ("systems", |one| joined(&one.token.systems, SystemId::to_string)),
    ("expires_at", |one| time(one.token.expires_at)),
    ("token", |one| one.text.clone()),
];

/// A token that was just made, for eyes.
pub(crate) fn token_facts(one: &ShownToken) -> Facts<'static> {
    vec![
        ("Id", one.token.id.to_string()),
        ("Owner", one.token.owner.clone()),
        ("Role", one.token.role.as_str().to_owned()),
        ("Systems", systems(&one.token)),
        ("Expires", one.token.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string())),
        ("Token", one.text.clone()),
    ]
}
