//! What a policy says, laid out for reading, and what two versions of it say otherwise. It is text, whatever it is.

use std::time::Duration;

use askama::Template;
use keyreeve_model::{InlineDocument, canonical, in_one_order, laid_out};
use similar::{ChangeTag, TextDiff};

use super::parts::drawn;

/// So much of a document is shown, in bytes; no document that IAM takes is laid out longer.
const LONGEST: usize = 65_536;
/// So long may be looked for the shortest difference of two texts; after that a longer one will do.
const LOOKING: Duration = Duration::from_millis(50);
/// So many lines around what is different are shown.
const AROUND: usize = 3;

/// A document.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"{% if let Some(text) = text %}<div class="copied"><pre tabindex="0" aria-label="{{ name }}"><code id="{{ id }}">{{ text }}</code></pre><button type="button" data-copy="{{ id }}"{% if super::text::hides(text) %} data-text="{{ text|e("value") }}"{% endif %} hidden>Copy</button></div>
{%- if cut %}<p class="hint">It is longer than what is shown here; REST has all of it.</p>{% endif %}
{%- else %}<p class="muted">What it says is not known: no import has read it in a form that can be shown.</p>{% endif %}"#
)]
pub(crate) struct Document {
    /// Of the element; there is none like it on the page.
    id: String,
    name: String,
    text: Option<String>,
    cut: bool,
}

impl Document {
    pub(crate) fn new(id: impl Into<String>, name: impl Into<String>, document: Option<&str>) -> Self {
        let (text, cut) = document.map_or((None, false), |document| {
            let (text, cut) = bounded(laid_out(document));
            (Some(text), cut)
        });
        Self { id: id.into(), name: name.into(), text, cut }
    }
}

/// The inline policies of somebody, each to be opened.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"{% for (name, document) in policies %}<details class="document"><summary>Policy of its own: <code>{{ name }}</code></summary>{{ document.html() }}</details>{% endfor %}"#
)]
pub(crate) struct Inline {
    policies: Vec<(String, Document)>,
}

impl Inline {
    pub(crate) fn of(documents: Vec<InlineDocument>) -> Self {
        let one = |(place, one): (usize, InlineDocument)| {
            let document = Document::new(format!("inline-{place}"), &*one.name, one.document.as_deref());
            (one.name, document)
        };
        Self { policies: (1..).zip(documents).map(one).collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }
}

/// A line of two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Same(String),
    Gone(String),
    New(String),
    /// Lines of both that are left out.
    Between,
}

/// What two documents say otherwise, line by line.
#[derive(Debug, Clone, Template)]
#[template(
    ext = "html",
    source = r#"{% if lines.is_empty() %}<p class="muted">They say the same{% if otherwise %}, written in another order or form{% endif %}.</p>{% else %}<div class="copied"><pre tabindex="0" aria-label="What is different"><code>
{%- for line in lines %}{% match line %}
{%- when Line::Same with (text) %}  {{ text }}
{% when Line::Gone with (text) %}<del>- {{ text }}</del>
{% when Line::New with (text) %}<ins>+ {{ text }}</ins>
{% when Line::Between %}  …
{% endmatch %}{% endfor -%}
</code></pre></div>{% if cut %}<p class="hint">They are longer than what is compared here; REST has all of them.</p>{% endif %}{% endif %}"#
)]
pub(crate) struct Compared {
    lines: Vec<Line>,
    cut: bool,
    /// They say the same in other words.
    otherwise: bool,
}

impl Compared {
    /// What comes and goes from one to the other. What AWS takes for the same is no difference: both are put in one order
    /// first, where both can be read.
    pub(crate) fn between(from: &str, to: &str) -> Self {
        if let (Some(one), Some(other)) = (canonical(from), canonical(to))
            && one == other
        {
            let otherwise = laid_out(from) != laid_out(to);
            return Self { lines: Vec::new(), cut: false, otherwise };
        }
        let (from, to) = match (in_one_order(from), in_one_order(to)) {
            (Some(from), Some(to)) => (from, to),
            _ => (from.to_owned(), to.to_owned()),
        };
        let ((from, cut), (to, also)) = (bounded(laid_out(&from)), bounded(laid_out(&to)));
        let compared = TextDiff::configure().timeout(LOOKING).diff_lines(from.as_str(), to.as_str());
        let mut lines = Vec::new();
        for (place, group) in compared.grouped_ops(AROUND).iter().enumerate() {
            if place > 0 {
                lines.push(Line::Between);
            }
            for change in group.iter().flat_map(|piece| compared.iter_changes(piece)) {
                let text = change.value().trim_end_matches('\n').to_owned();
                lines.push(match change.tag() {
                    ChangeTag::Equal => Line::Same(text),
                    ChangeTag::Delete => Line::Gone(text),
                    ChangeTag::Insert => Line::New(text),
                });
            }
        }
        Self { lines, cut: cut || also, otherwise: false }
    }
}

drawn!(Document, Inline, Compared);

/// No more than can be shown, and whether anything is left out.
fn bounded(mut text: String) -> (String, bool) {
    let cut = text.len() > LONGEST;
    text.truncate(text.floor_char_boundary(LONGEST));
    (text, cut)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documents_are_laid_out_and_nothing_of_them_is_lost() {
        let text =
            r#"{"Version":"2012-10-17","Statement":[{"Action":["s3:*","a:\\\"b"],"Action":{},"N":[ ]}]}"#;
        let expected = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Action\": [\n        \
                        \"s3:*\",\n        \"a:\\\\\\\"b\"\n      ],\n      \"Action\": {},\n      \"N\": []\n    }\n  ]\n}";
        assert_eq!(laid_out(text), expected);
        assert_eq!(laid_out("no: JSON, \"and\nopen"), "no: JSON,\n\"and\\u{a}open");
        let deep = "[".repeat(100_000);
        assert!(laid_out(&deep).len() < 10_000_000);
    }

    proptest! {
        #[test]
        fn only_white_space_becomes_another(text in "[ \\[\\]{},:a\"\\\\]{0,60}") {
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(bare(&laid_out(&text)), bare(&text));
        }
    }

    #[test]
    fn what_is_different_is_said_line_by_line() {
        let (from, to) = (r#"{"a":[1,2],"b":3}"#, r#"{"a":[1,4],"b":3}"#);
        let same = Compared::between(r#"{"a":["x"],"b":3}"#, r#"{"b":3,"a":"x"}"#).render().unwrap();
        assert!(same.contains("They say the same, written in another order or form."), "{same}");
        let moved =
            Compared::between(r#"{"a":["y","x"],"b":3}"#, r#"{"b":4,"a":["x","y"]}"#).render().unwrap();
        assert_eq!((moved.matches("<del>").count(), moved.matches("<ins>").count()), (1, 1), "{moved}");
        let page = Compared::between(from, to).render().unwrap();
        assert!(page.contains("<del>-     2</del>") && page.contains("<ins>+     4</ins>"), "{page}");
        assert!(Compared::between(from, from).render().unwrap().contains("They say the same."));
        let evil = Compared::between("<script>", "\u{202e}<img>").render().unwrap();
        assert!(
            !evil.contains("<script>") && !evil.contains("<img>") && evil.contains("\\u{202e}"),
            "{evil}"
        );
        // Two texts that have nothing in common take no longer than is given to them.
        let many = |from: u32| (from..from + 30_000).map(|n| format!("{n},")).collect::<String>();
        let began = std::time::Instant::now();
        Compared::between(&many(0), &many(50_000));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
