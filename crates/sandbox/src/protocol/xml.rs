//! Writes the XML of answers. Every text is escaped: paths hold `&`, `<`, `>` and `"` legally.

use std::fmt::Write as _;

use jiff::Timestamp;

#[derive(Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    pub(crate) fn open(&mut self, tag: &str) {
        self.0.push('<');
        self.0.push_str(tag);
        self.0.push('>');
    }

    pub(crate) fn close(&mut self, tag: &str) {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
    }

    pub(crate) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    pub(crate) fn text(&mut self, tag: &str, value: &str) {
        self.open(tag);
        escape(&mut self.0, value);
        self.close(tag);
    }

    pub(crate) fn optional(&mut self, tag: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(tag, value);
        }
    }

    pub(crate) fn flag(&mut self, tag: &str, value: bool) {
        self.text(tag, if value { "true" } else { "false" });
    }

    pub(crate) fn number(&mut self, tag: &str, value: u64) {
        self.open(tag);
        let _ = write!(self.0, "{value}");
        self.close(tag);
    }

    /// A time in ISO 8601, UTC, as IAM writes it: `2026-11-24T10:20:30Z`.
    pub(crate) fn time(&mut self, tag: &str, at: Timestamp) {
        self.open(tag);
        let _ = write!(self.0, "{at}");
        self.close(tag);
    }

    pub(crate) fn element(&mut self, tag: &str, inside: impl FnOnce(&mut Self)) {
        self.open(tag);
        inside(self);
        self.close(tag);
    }

    /// `<tag><member>…</member>…</tag>`, also when there is no member.
    pub(crate) fn list<T>(
        &mut self,
        tag: &str,
        items: impl IntoIterator<Item = T>,
        mut inside: impl FnMut(&mut Self, T),
    ) {
        self.open(tag);
        for item in items {
            self.open("member");
            inside(self, item);
            self.close("member");
        }
        self.close(tag);
    }
}

fn escape(out: &mut String, value: &str) {
    if !value.bytes().any(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')) {
        out.push_str(value);
        return;
    }
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}
