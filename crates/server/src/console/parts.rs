//! Small components: links, badges, what stands in a cell, facts, empty places.
//!
//! A component is drawn in a template by `html()`, which no text has: `{{ badge.html() }}`.

use askama::Template;
use jiff::Timestamp;

use super::numbers::grouped;
use super::time::Time;

/// Lets templates draw a component.
macro_rules! drawn {
    ($($component:ty),+) => {
        $(impl $component {
            /// For templates.
            pub(crate) fn html(&self) -> askama::filters::Safe<&Self> {
                askama::filters::Safe(self)
            }
        })+
    };
}
pub(super) use drawn;

/// A link to a page of ours.
#[derive(Debug, Clone, Template)]
#[template(ext = "html", source = r#"<a href="{{ address }}">{{ text }}</a>"#)]
pub(crate) struct Link {
    /// As [`super::address`] makes them.
    pub(crate) address: String,
    pub(crate) text: String,
}

impl Link {
    pub(crate) fn new(address: impl Into<String>, text: impl Into<String>) -> Self {
        Self { address: address.into(), text: text.into() }
    }
}

/// How good or bad something is. It is said in words, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Quiet,
    Notice,
    Warning,
    Bad,
}

impl Tone {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Quiet => "quiet",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// A state in a word or two.
#[derive(Debug, Clone, Template)]
#[template(ext = "html", source = r#"<span class="badge {{ tone.as_str() }}">{{ text }}</span>"#)]
pub(crate) struct Badge {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

impl Badge {
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// What stands in a cell of a table, or beside the name of a fact.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"{% match self %}
{%- when Cell::Text(text) %}{{ text }}
{%- when Cell::Code(text) %}<code>{{ text }}</code>
{%- when Cell::Codes(texts) %}{% if texts.len() > 2 %}<details><summary>{{ texts.len() }} of them</summary>{% for text in texts %}<code>{{ text }}</code> {% endfor %}</details>{% else %}{% for text in texts %}<code>{{ text }}</code> {% endfor %}{% endif %}
{%- when Cell::Named(text, word) %}<span title="{{ word }}">{{ text }}</span>
{%- when Cell::Link(link) %}{{ link.html() }}
{%- when Cell::LinkOf(link, text) %}{{ link.html() }} {{ text }}
{%- when Cell::TextOf(text, link) %}{{ text }} {{ link.html() }}
{%- when Cell::Badge(badge) %}{{ badge.html() }}
{%- when Cell::BadgeOf(badge, text) %}{{ badge.html() }} {{ text }}
{%- when Cell::Time(time) %}{{ time.html() }}
{%- when Cell::Before(time, what) %}before {{ time.html() }}, {{ what }}
{%- when Cell::Number(number) %}{{ self::grouped(*number) }}
{%- when Cell::Choice(choice) %}{{ choice.html() }}
{%- when Cell::None %}<span class="none">–</span>
{%- endmatch %}"#
)]
pub(crate) enum Cell {
    Text(String),
    /// An identifier.
    Code(String),
    /// Several of them; many stand behind their number.
    Codes(Vec<String>),
    /// What something is called, and the word that programs have for it.
    Named(String, String),
    Link(Link),
    /// A link, and what is to be known of it.
    LinkOf(Link, String),
    /// The same, said the other way round.
    TextOf(String, Link),
    Badge(Badge),
    /// A state, and what is to be known of it.
    BadgeOf(Badge, String),
    Time(Time),
    /// Some time before that, which was what is said of it.
    Before(Time, &'static str),
    Number(u64),
    /// To be marked.
    Choice(Choice),
    /// There is none, and that is known.
    None,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn link(address: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Link(Link::new(address, text))
    }

    /// The same in a file.
    pub(crate) fn in_a_file(&self) -> String {
        match self {
            Self::Text(text) | Self::Code(text) => text.clone(),
            Self::Codes(texts) => texts.join(", "),
            Self::Named(_, word) => word.clone(),
            Self::Link(link) => link.text.clone(),
            Self::LinkOf(link, text) => format!("{} {text}", link.text),
            Self::TextOf(text, link) => format!("{text} {}", link.text),
            Self::Badge(badge) => badge.text.clone(),
            Self::BadgeOf(badge, text) => format!("{} {text}", badge.text),
            Self::Time(time) => time.instant().to_string(),
            Self::Before(time, what) => format!("before {}, {what}", time.instant()),
            Self::Number(number) => number.to_string(),
            Self::Choice(_) | Self::None => String::new(),
        }
    }
}

/// Where a cell stands among those of its column: what has nothing there first, numbers and times as such, and text ignoring
/// case, with the numbers in it as numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Nothing,
    Number(u64),
    /// Some time before it comes before it.
    Time(Timestamp, bool),
    Text(Vec<Piece>, String),
}

/// A run of digits, or of what is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Piece {
    /// Without the zeros before it; the longer one is the larger.
    Digits(usize, String),
    Other(String),
}

impl Cell {
    /// Where it stands among others.
    pub(crate) fn rank(&self) -> Rank {
        match self {
            Self::None | Self::Choice(_) => Rank::Nothing,
            Self::Number(number) => Rank::Number(*number),
            Self::Before(time, _) => Rank::Time(time.instant(), false),
            Self::Time(time) => Rank::Time(time.instant(), true),
            said => {
                let text = said.in_a_file();
                Rank::Text(pieces(&text.to_lowercase()), text)
            }
        }
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<(bool, String)> = Vec::new();
    for character in text.chars() {
        let is_digit = character.is_ascii_digit();
        match pieces.last_mut() {
            Some((of_digits, piece)) if *of_digits == is_digit => piece.push(character),
            _ => pieces.push((is_digit, character.to_string())),
        }
    }
    let piece = |(is_digit, piece): (bool, String)| match is_digit {
        true => {
            let digits = piece.trim_start_matches('0').to_owned();
            Piece::Digits(digits.len(), digits)
        }
        false => Piece::Other(piece),
    };
    pieces.into_iter().map(piece).collect()
}

/// Something to be marked for a form that stands elsewhere on the page.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"<input type="checkbox" form="{{ form }}" name="{{ name }}" value="{{ value|e("value") }}" aria-label="{{ label }}">"#
)]
pub(crate) struct Choice {
    /// The id of the form.
    pub(crate) form: &'static str,
    pub(crate) name: &'static str,
    pub(crate) value: String,
    /// What marking it is for.
    pub(crate) label: String,
}

/// A place where something would be, and why there is nothing.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"<div class="empty"><p class="empty-title">{{ title }}</p><p>{{ super::time::timed(text).html() }}</p>
{%- if let Some(action) = action %}<p><a class="button" href="{{ action.address }}">{{ action.text }}</a></p>{% endif %}</div>"#
)]
pub(crate) struct Empty {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) action: Option<Link>,
}

/// Names and what they are called by.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"<dl class="facts">{% for (name, cell) in facts %}<dt>{{ name }}</dt><dd>{{ cell.html() }}</dd>{% endfor %}</dl>"#
)]
pub(crate) struct Facts {
    pub(crate) facts: Vec<(&'static str, Cell)>,
}

/// Pages about the same thing.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"<nav class="tabs" aria-label="About this"><ul>
{%- for tab in entries %}<li><a href="{{ tab.address }}"{% if tab.current %} aria-current="page"{% endif %}>{{ tab.label }}</a></li>{% endfor -%}
</ul></nav>"#
)]
pub(crate) struct Tabs {
    pub(crate) entries: Vec<Tab>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Tab {
    pub(crate) label: &'static str,
    pub(crate) address: String,
    pub(crate) current: bool,
}

/// Text to be copied.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"<div class="copied"><pre tabindex="0"><code id="{{ id }}">{{ text }}</code></pre><button type="button" data-copy="{{ id }}"{% if super::text::hides(text) %} data-text="{{ text|e("value") }}"{% endif %} hidden>Copy</button></div>"#
)]
pub(crate) struct Copied {
    /// Of the element; there is none like it on the page.
    pub(crate) id: String,
    pub(crate) text: String,
}

drawn!(Link, Badge, Cell, Choice, Empty, Facts, Tabs, Copied);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_in_the_order_of_what_they_say() {
        let at = |second: i64| Time::at(Timestamp::from_second(second).unwrap());
        let ordered = [
            Cell::None,
            Cell::Number(9),
            Cell::Number(10),
            Cell::Before(at(50), "the first import"),
            Cell::Time(at(50)),
            Cell::Time(at(51)),
            Cell::text(""),
            Cell::text("Run 9"),
            Cell::link("/imports/10", "run 10"),
            Cell::text("run 10 b"),
            Cell::text("Zoe"),
        ];
        for pair in ordered.windows(2) {
            let [one, other] = pair else { unreachable!() };
            assert!(one.rank() < other.rank(), "{one:?} {other:?}");
        }
    }
}
