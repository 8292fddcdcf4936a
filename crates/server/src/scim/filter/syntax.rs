//! The grammar of filters and paths (RFC 7644 §3.4.2.2, §3.5.2), by recursive descent.
//! Why not a crate's: `docs/decisions/0020-our-own-filter-grammar.md`.

use serde_json::Number;

/// How deep brackets may be nested.
const DEPTH: usize = 32;
/// How many comparisons there may be.
const TERMS: usize = 200;
/// How long a filter may be, in bytes.
const LENGTH: usize = 16 * 1024;

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where, in bytes.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// A filter as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression<'a> {
    Present(&'a str),
    Compare(&'a str, Operator, Literal),
    /// `list[…]`, and Entra's `list[…].sub eq value`.
    Element(&'a str, Box<Expression<'a>>, Option<(&'a str, Operator, Literal)>),
    Not(Box<Expression<'a>>),
    All(Vec<Expression<'a>>),
    Any(Vec<Expression<'a>>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Operator {
    pub(crate) const ALL: [(&'static str, Self); 9] = [
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("co", Self::Co),
        ("sw", Self::Sw),
        ("ew", Self::Ew),
        ("gt", Self::Gt),
        ("ge", Self::Ge),
        ("lt", Self::Lt),
        ("le", Self::Le),
    ];
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
}

/// A path as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawPath<'a> {
    pub(crate) name: &'a str,
    pub(crate) within: Option<Expression<'a>>,
    pub(crate) sub_attribute: Option<&'a str>,
}

/// Reads a whole filter.
pub(crate) fn filter(text: &str) -> Result<Expression<'_>, SyntaxError> {
    let mut reader = Reader::new(text)?;
    reader.spaces();
    let expression = reader.any(Place::Filter)?;
    reader.spaces();
    reader.end()?;
    Ok(expression)
}

/// Reads a whole path.
pub(crate) fn path(text: &str) -> Result<RawPath<'_>, SyntaxError> {
    let mut reader = Reader::new(text)?;
    let name = reader.path_name()?;
    let mut within = None;
    let mut sub_attribute = None;
    if reader.eat(b'[') {
        within = Some(reader.bracket()?);
        if reader.eat(b'.') {
            sub_attribute = Some(reader.name()?);
        }
    }
    reader.end()?;
    Ok(RawPath { name, within, sub_attribute })
}

/// Lists are not looked into inside of lists.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Filter,
    Bracket,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    terms: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Result<Self, SyntaxError> {
        if text.len() > LENGTH {
            return Err(SyntaxError { at: LENGTH, what: "it is longer than 16 KiB" });
        }
        Ok(Self { text, at: 0, depth: 0, terms: 0 })
    }

    /// `a or b or c`, each of which binds by `and` first.
    fn any(&mut self, place: Place) -> Result<Expression<'a>, SyntaxError> {
        let first = self.all(place)?;
        let mut rest = Vec::new();
        while self.connective("or") {
            rest.push(self.all(place)?);
        }
        Ok(joined(first, rest, Expression::Any))
    }

    fn all(&mut self, place: Place) -> Result<Expression<'a>, SyntaxError> {
        let first = self.one(place)?;
        let mut rest = Vec::new();
        while self.connective("and") {
            rest.push(self.one(place)?);
        }
        Ok(joined(first, rest, Expression::All))
    }

    fn one(&mut self, place: Place) -> Result<Expression<'a>, SyntaxError> {
        let negated = self.negation();
        if self.eat(b'(') {
            self.enter()?;
            self.spaces();
            let inner = self.any(place)?;
            self.spaces();
            self.close(b')')?;
            return Ok(if negated { Expression::Not(Box::new(inner)) } else { inner });
        }
        self.terms += 1;
        if self.terms > TERMS {
            return self.wrong("there are more than 200 comparisons");
        }
        let name = self.name()?;
        if place == Place::Filter && self.eat(b'[') {
            let within = self.bracket()?;
            let suffix = if self.eat(b'.') { Some(self.suffix()?) } else { None };
            return Ok(Expression::Element(name, Box::new(within), suffix));
        }
        match self.operator()? {
            None => Ok(Expression::Present(name)),
            Some(operator) => Ok(Expression::Compare(name, operator, self.literal()?)),
        }
    }

    fn suffix(&mut self) -> Result<(&'a str, Operator, Literal), SyntaxError> {
        let sub = self.name()?;
        match self.operator()? {
            None => self.wrong("pr belongs into the brackets"),
            Some(operator) => Ok((sub, operator, self.literal()?)),
        }
    }

    /// What follows a `[`, to the end of the bracket.
    fn bracket(&mut self) -> Result<Expression<'a>, SyntaxError> {
        self.enter()?;
        self.spaces();
        let within = self.any(Place::Bracket)?;
        self.spaces();
        self.close(b']')?;
        Ok(within)
    }

    /// `not` before a parenthesis, with or without spaces between them; elsewhere it is a name.
    fn negation(&mut self) -> bool {
        let start = self.at;
        if self.word().eq_ignore_ascii_case("not") {
            self.spaces();
            if self.peek() == Some(b'(') {
                return true;
            }
        }
        self.at = start;
        false
    }

    /// `and` or `or` between spaces.
    fn connective(&mut self, word: &str) -> bool {
        let start = self.at;
        if self.spaces() > 0 && self.word().eq_ignore_ascii_case(word) && self.spaces() > 0 {
            return true;
        }
        self.at = start;
        false
    }

    /// The operator between spaces; `None` for `pr`, behind which there is no value.
    fn operator(&mut self) -> Result<Option<Operator>, SyntaxError> {
        if self.spaces() == 0 {
            return self.wrong("a space and an operator are expected");
        }
        let start = self.at;
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") && matches!(self.peek(), None | Some(b' ' | b')' | b']')) {
            return Ok(None);
        }
        let found = Operator::ALL.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        match found {
            Some((_, operator)) if self.spaces() > 0 => Ok(Some(operator)),
            Some(_) => self.wrong("a space and a value are expected"),
            None => {
                self.at = start;
                self.wrong("no operator: use eq, ne, co, sw, ew, gt, ge, lt, le or pr")
            }
        }
    }

    fn literal(&mut self) -> Result<Literal, SyntaxError> {
        let start = self.at;
        if self.peek() == Some(b'"') {
            return self.string();
        }
        let word = self.take(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let literal = match word {
            "null" => Some(Literal::Null),
            "true" => Some(Literal::Boolean(true)),
            "false" => Some(Literal::Boolean(false)),
            number => serde_json::from_str(number).ok().map(Literal::Number),
        };
        literal.ok_or(SyntaxError {
            at: start,
            what: "no value: use a text in double quotes, a number, true, false or null",
        })
    }

    /// A string of JSON (RFC 7159 §7).
    fn string(&mut self) -> Result<Literal, SyntaxError> {
        let start = self.at;
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let Some(end) = end else {
            return self.wrong("a text has no end");
        };
        let literal = rest.get(..end + 2).and_then(|string| serde_json::from_str(string).ok());
        self.at += end + 2;
        literal.map(Literal::Text).ok_or(SyntaxError { at: start, what: "no text as JSON writes it" })
    }

    fn name(&mut self) -> Result<&'a str, SyntaxError> {
        self.named(|byte| b":._-$".contains(&byte))
    }

    /// In a path a slash is part of a name, so that it is reported as unknown rather than as no path.
    fn path_name(&mut self) -> Result<&'a str, SyntaxError> {
        self.named(|byte| b":._-$/".contains(&byte))
    }

    fn named(&mut self, besides: fn(u8) -> bool) -> Result<&'a str, SyntaxError> {
        let name = self.take(|byte| byte.is_ascii_alphanumeric() || besides(byte));
        if name.is_empty() { self.wrong("the name of an attribute is expected") } else { Ok(name) }
    }

    fn enter(&mut self) -> Result<(), SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH { self.wrong("brackets are nested more than 32 deep") } else { Ok(()) }
    }

    fn close(&mut self, byte: u8) -> Result<(), SyntaxError> {
        self.depth -= 1;
        if self.eat(byte) {
            Ok(())
        } else if byte == b')' {
            self.wrong("a closing parenthesis, and, or or is expected")
        } else {
            self.wrong("a closing bracket, and, or or is expected")
        }
    }

    fn end(&self) -> Result<(), SyntaxError> {
        if self.rest().is_empty() { Ok(()) } else { self.wrong("nothing more is expected here") }
    }

    fn wrong<T>(&self, what: &'static str) -> Result<T, SyntaxError> {
        Err(SyntaxError { at: self.at, what })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn spaces(&mut self) -> usize {
        self.take(|byte| byte == b' ').len()
    }

    fn word(&mut self) -> &'a str {
        self.take(|byte| byte.is_ascii_alphabetic())
    }

    /// ASCII bytes as long as they fit, so that no character is cut.
    fn take(&mut self, fits: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !byte.is_ascii() || !fits(byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }
}

fn joined<'a>(
    first: Expression<'a>,
    rest: Vec<Expression<'a>>,
    join: fn(Vec<Expression<'a>>) -> Expression<'a>,
) -> Expression<'a> {
    if rest.is_empty() {
        return first;
    }
    join(std::iter::once(first).chain(rest).collect())
}
