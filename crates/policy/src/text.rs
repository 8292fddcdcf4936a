//! The strings of a policy: their wildcards and variables.

use crate::{Context, context::Substitute, pattern::Pattern, pattern::Piece};

/// A string of a policy, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) raw: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    /// A special character that `${*}`, `${?}` or `${$}` stands for.
    Special(char),
    /// `?`
    One,
    /// `*`
    Run,
    Variable(Variable),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    /// `None` when what stands between the braces cannot be read.
    key: Option<String>,
    default: Option<String>,
}

/// Which strings a wildcard stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wildcards {
    /// It has no special meaning: `*` is an asterisk.
    Literal,
    /// Any characters.
    Free,
    /// Any characters but a colon, as long as fewer than five colons stand before it.
    Fields,
    /// As `Fields`, but an asterisk that ends its field passes over colons.
    FieldEnds,
}

impl Text {
    /// `variables` is whether the version of the document knows policy variables.
    pub(crate) fn new(raw: &str, variables: bool) -> Self {
        Self { raw: raw.to_owned(), tokens: tokens(raw, variables) }
    }

    /// How many colons stand in it, those of variables apart.
    pub(crate) fn colons(&self) -> usize {
        self.tokens.iter().filter(|token| **token == Token::Char(':')).count()
    }

    /// The keys of the request's context that its variables name.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable(variable) => variable.key.as_deref(),
            _ => None,
        })
    }

    /// Whether it has any variable.
    pub(crate) fn has_variables(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Variable(_)))
    }

    /// The pattern it is in `context`; `None` when one of its variables has no value, so that it is equal to
    /// nothing and like nothing (AWS IAM User Guide, "Variables and tags": policy variables with no value).
    pub(crate) fn pattern(&self, context: &Context, wildcards: Wildcards) -> Option<Pattern> {
        let mut pattern = Pattern::default();
        let mut colons = 0;
        for (at, token) in self.tokens.iter().enumerate() {
            let in_head = colons < 5 && matches!(wildcards, Wildcards::Fields | Wildcards::FieldEnds);
            match token {
                Token::Char(char) => {
                    colons += usize::from(*char == ':');
                    pattern.push(Piece::Char(*char));
                }
                Token::Special(char) => pattern.push(Piece::Char(*char)),
                Token::One if wildcards == Wildcards::Literal => pattern.push(Piece::Char('?')),
                Token::Run if wildcards == Wildcards::Literal => pattern.push(Piece::Char('*')),
                Token::One => pattern.push(Piece::One { colon: !in_head }),
                Token::Run => {
                    let ends = matches!(self.tokens.get(at + 1), None | Some(Token::Char(':')));
                    let passes = !in_head || (wildcards == Wildcards::FieldEnds && ends);
                    pattern.push(Piece::Run { colon: passes });
                }
                // A variable before the fifth colon is not supported (same page, "Resource element").
                Token::Variable(_) if in_head => pattern.push_unknown(),
                Token::Variable(variable) => match variable.value(context) {
                    Substitute::Text(value) => pattern.push_literal(value),
                    Substitute::Unknown => pattern.push_unknown(),
                    Substitute::None => return None,
                },
            }
        }
        Some(pattern)
    }
}

impl Variable {
    fn value<'a>(&'a self, context: &'a Context) -> Substitute<'a> {
        let Some(key) = &self.key else { return Substitute::Unknown };
        match (context.substitute(key), &self.default) {
            (Substitute::None, Some(default)) => Substitute::Text(default),
            (value, _) => value,
        }
    }
}

fn tokens(raw: &str, variables: bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = raw;
    while let Some(char) = rest.chars().next() {
        let variable = if variables { rest.strip_prefix("${") } else { None };
        if let Some((inside, after)) = variable.and_then(|body| body.split_once('}')) {
            tokens.push(variable_token(inside));
            rest = after;
            continue;
        }
        tokens.push(match char {
            '*' => Token::Run,
            '?' => Token::One,
            other => Token::Char(other),
        });
        rest = rest.get(char.len_utf8()..).unwrap_or_default();
    }
    tokens
}

/// What stands between `${` and `}`: a special character, a key, or a key with a default in single quotes behind a
/// comma and a space. Other forms are errors to IAM Access Analyzer; what they do is not documented.
fn variable_token(inside: &str) -> Token {
    match inside {
        "*" => return Token::Special('*'),
        "?" => return Token::Special('?'),
        "$" => return Token::Special('$'),
        _ => {}
    }
    let unreadable = Token::Variable(Variable { key: None, default: None });
    let (key, default) = match inside.split_once(',') {
        None => (inside, None),
        Some((key, default)) => {
            let quoted = default.strip_prefix(" '").and_then(|text| text.strip_suffix('\''));
            let Some(text) = quoted else { return unreadable };
            (key, Some(text.to_owned()))
        }
    };
    if key.is_empty() || key.contains(char::is_whitespace) || key.contains(['$', '{', '*', '?', '\'']) {
        return unreadable;
    }
    Token::Variable(Variable { key: Some(key.to_owned()), default })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(raw: &str, wildcards: Wildcards, text: &str) -> bool {
        let context = Context::closed().with("aws:username", "bob*");
        Text::new(raw, true).pattern(&context, wildcards).unwrap().matches(text)
    }

    #[test]
    fn a_wildcard_in_a_value_is_a_character() {
        assert!(matches("user/${aws:username}", Wildcards::Free, "user/bob*"));
        assert!(!matches("user/${aws:username}", Wildcards::Free, "user/bobby"));
        assert!(matches("${*}${?}${$}", Wildcards::Free, "*?$"));
        assert!(!matches("${*}", Wildcards::Free, "x"));
    }

    #[test]
    fn a_variable_without_a_value_is_like_nothing_unless_it_has_a_default() {
        let context = Context::closed();
        assert_eq!(Text::new("a${k:v}", true).pattern(&context, Wildcards::Free), None);
        let text = Text::new("a-${k:v, 'all'}", true).pattern(&context, Wildcards::Free).unwrap();
        assert!(text.matches("a-all"));
    }

    #[test]
    fn without_the_version_for_it_a_variable_is_text() {
        let pattern =
            Text::new("${aws:username}", false).pattern(&Context::closed(), Wildcards::Free).unwrap();
        assert!(pattern.matches("${aws:username}"));
    }
}
