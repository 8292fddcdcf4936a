//! What forms send. Names that a form does not have are refused by the type itself (`deny_unknown_fields`).
//!
//! What changes something has one answer: where it was done, the browser is led on ([`super::visitor::to`], with a
//! [`super::page::Said`]); where it was not, the page comes again with what was sent, and what is wrong with it beside the
//! field.

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{Form, FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use keyreeve_engine::desk::{LONGEST_REASON, fits};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::parts::drawn;
use super::spoken::spoken;
use super::text::typed_as;
use crate::problem::Problem;

/// What a form sends.
pub(crate) struct Sent<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // The form of a page that has a button alone sends no body.
        let has_kind = request.headers().contains_key(CONTENT_TYPE);
        let kind = || {
            Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_a_form",
                "this takes what a form of the console sends",
            )
        };
        if !has_kind {
            return Err(kind());
        }
        let request = with_one_line_break(request).await?;
        // Why it is not understood would repeat what was sent, which may be a secret.
        Form::from_request(request, state).await.map(|Form(value)| Self(value)).map_err(|refused| {
            use axum::extract::rejection::FormRejection as R;
            match refused {
                R::InvalidFormContentType(_) => kind(),
                _ => Problem::bad_request("what was sent is not what the form has"),
            }
        })
    }
}

/// A form as it was filled in: browsers send each line break of a field as two characters.
async fn with_one_line_break(request: Request) -> Result<Request, Problem> {
    let (head, body) = request.into_parts();
    let sent = Bytes::from_request(Request::from_parts(head.clone(), body), &()).await;
    let sent = sent.map_err(|refused| match refused.status() {
        status @ StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(status, "body_too_large", "what was sent is larger than a form may be")
        }
        _ => Problem::bad_request("what was sent is not what the form has"),
    })?;
    let broken = [&b"%0D%0A"[..], b"%0d%0a"].iter().any(|two| sent.windows(two.len()).any(|six| six == *two));
    let body = match (broken, std::str::from_utf8(&sent)) {
        (true, Ok(text)) => Body::from(text.replace("%0D%0A", "%0A").replace("%0d%0a", "%0A")),
        _ => Body::from(sent),
    };
    Ok(Request::from_parts(head, body))
}

/// What a form sends that has a button alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// What is wrong with what was sent: beside a field, or with all of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wrong {
    pub(crate) field: Option<&'static str>,
    pub(crate) why: String,
}

impl Wrong {
    /// With one field.
    pub(crate) fn with(field: &'static str, why: impl ToString) -> Self {
        Self { field: Some(field), why: sentence(&why.to_string()) }
    }

    /// With all of it.
    pub(crate) fn whole(why: impl ToString) -> Self {
        Self { field: None, why: sentence(&why.to_string()) }
    }

    /// What of a problem is of use on the page that led to it: what was refused as things are, not what failed here.
    ///
    /// # Errors
    /// All else is a page of its own.
    pub(crate) fn of(problem: Problem) -> Result<Self, Problem> {
        let status = problem.status();
        let here = [
            StatusCode::BAD_REQUEST,
            StatusCode::CONFLICT,
            StatusCode::PRECONDITION_FAILED,
            StatusCode::UNPROCESSABLE_ENTITY,
            StatusCode::BAD_GATEWAY,
        ];
        let of_right = status == StatusCode::FORBIDDEN && problem.code() == "not_lent";
        if here.contains(&status) || of_right { Ok(Self::whole(problem.detail())) } else { Err(problem) }
    }

    /// What stands beside a field, and what above the form.
    pub(crate) fn parted(wrong: Option<Self>) -> (Option<Self>, Option<String>) {
        match wrong {
            Some(wrong) if wrong.field.is_some() => (Some(wrong), None),
            other => (None, other.map(|wrong| wrong.why)),
        }
    }
}

/// What is wrong, unless it is with one field.
pub(crate) fn whole(wrong: Option<Wrong>) -> Option<String> {
    Wrong::parted(wrong).1
}

/// The status of a page that has a form.
pub(crate) fn status_of(wrong: Option<&Wrong>) -> StatusCode {
    if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
}

/// A reason, if one is given.
pub(crate) fn given(reason: &str) -> Option<&str> {
    Some(reason.trim()).filter(|reason| !reason.is_empty())
}

/// A reason as it is kept, if one is given.
///
/// # Errors
/// It cannot be kept.
pub(crate) fn reasoned(reason: &str) -> Result<Option<&str>, Wrong> {
    let reason = given(reason);
    fits(reason).map_err(|why| Wrong::with("reason", why))?;
    Ok(reason)
}

/// What our own sentences begin with. All else is left as it is: a text begins with somebody's name as often, and a name
/// that is written large is another one.
const OPENINGS: [&str; 39] = [
    "a", "after", "all", "an", "at", "cannot", "choose", "every", "for", "give", "in", "it", "its", "less",
    "making", "more", "no", "nobody", "nothing", "on", "reading", "rejected", "some", "somebody", "taken",
    "that", "the", "there", "these", "they", "this", "those", "type", "what", "whether", "whose", "with",
    "write", "your",
];

/// A text as a sentence, in the words of the console.
pub(crate) fn sentence(text: &str) -> String {
    let text = &spoken(text);
    let (first, rest) = text.split_at_checked(1).unwrap_or_default();
    let opens = text.split_once(' ').is_some_and(|(word, then)| {
        let counts = ["job", "row", "run", "step", "task"].contains(&word);
        OPENINGS.contains(&word) || (counts && then.starts_with(|next: char| next.is_ascii_digit()))
    });
    let end = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    match opens {
        true => format!("{}{rest}{end}", first.to_ascii_uppercase()),
        false => format!("{text}{end}"),
    }
}

/// What a field takes.
#[derive(Debug, Clone)]
pub(crate) enum Takes {
    /// A line, with what may be proposed.
    Line(Vec<String>),
    /// Some lines.
    Lines,
    /// A secret, which is never shown again.
    Secret,
    /// A number.
    Number,
    /// One of these: values and what they are called.
    OneOf(Vec<(String, String)>),
    /// Yes or no.
    Switch,
}

/// A field of a form.
#[derive(Debug, Clone, Template)]
#[template(path = "console/part/field.html")]
pub(crate) struct Field {
    name: &'static str,
    label: &'static str,
    takes: Takes,
    value: String,
    /// How many characters it takes.
    longest: usize,
    hint: &'static str,
    /// Where what can be written there is looked up.
    proposes: Option<String>,
    error: Option<String>,
    required: bool,
    /// Whether it hangs on another field if something has to be in it.
    depends: bool,
}

impl Field {
    pub(crate) fn new(name: &'static str, label: &'static str, takes: Takes) -> Self {
        Self {
            name,
            label,
            takes,
            value: String::new(),
            longest: 2_048,
            hint: "",
            proposes: None,
            error: None,
            required: false,
            depends: false,
        }
    }

    /// A line of text.
    pub(crate) fn line(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Takes::Line(Vec::new()))
    }

    /// Entries, each in a line of its own: names and values may have whatever else stands between things.
    pub(crate) fn lines(name: &'static str, label: &'static str) -> Self {
        Self { longest: 16_384, ..Self::new(name, label, Takes::Lines) }
    }

    /// Why something is done, in the field `name`.
    pub(crate) fn reason(name: &'static str, label: &'static str) -> Self {
        Self { longest: LONGEST_REASON, ..Self::line(name, label) }
    }

    /// With what is in it. A switch is on with `true`.
    #[must_use]
    pub(crate) fn value(mut self, value: impl ToString) -> Self {
        self.value = value.to_string();
        self
    }

    /// With what it is for.
    #[must_use]
    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// That has to have something.
    #[must_use]
    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// That has to have something where another field says so.
    #[must_use]
    pub(crate) fn depends(mut self) -> Self {
        self.depends = true;
        self
    }

    /// Where what can be written there is looked up as one types; of several lines one is looked up, and then added.
    #[must_use]
    pub(crate) fn proposing(mut self, at: String) -> Self {
        self.proposes = Some(at);
        self
    }

    /// With what is wrong, if that is with this field.
    #[must_use]
    pub(crate) fn unless(mut self, wrong: Option<&Wrong>) -> Self {
        let own = wrong.filter(|wrong| wrong.field == Some(self.name));
        self.error = own.map(|wrong| wrong.why.clone());
        self
    }
}

/// Something that is not undone by itself: what follows from it is said, and a name is typed.
#[derive(Debug, Clone, Template)]
#[template(path = "console/part/dangerous.html")]
pub(crate) struct Dangerous {
    pub(crate) action: String,
    pub(crate) title: &'static str,
    /// What follows from it, each in a sentence.
    pub(crate) consequences: Vec<String>,
    /// What must be typed. The server looks once more ([`Dangerous::typed`]).
    pub(crate) confirm: String,
    pub(crate) button: &'static str,
    /// What it is done as: hidden fields.
    pub(crate) hidden: Vec<(&'static str, String)>,
    /// The reason that was given before something else was refused.
    pub(crate) reason: String,
    pub(crate) wrong: Option<Wrong>,
}

impl Dangerous {
    /// That the name was typed as it is, or as it is shown where it has what does not show.
    ///
    /// # Errors
    /// It was not.
    pub(crate) fn typed(confirm: &str, name: &str) -> Result<(), Wrong> {
        if confirm == name || confirm == typed_as(name) {
            Ok(())
        } else {
            Err(Wrong::with("confirm", format!("type {} to go on; nothing was done", typed_as(name))))
        }
    }

    fn to_type(&self) -> String {
        typed_as(&self.confirm)
    }

    fn of_reason(&self) -> Field {
        Field::reason("reason", "Reason").value(&self.reason).unless(self.wrong.as_ref())
    }

    fn of_confirm(&self) -> Option<&str> {
        let wrong = self.wrong.as_ref().filter(|wrong| wrong.field != Some("reason"));
        wrong.map(|wrong| wrong.why.as_str())
    }
}

drawn!(Field, Dangerous);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_field_stands_beside_it_and_its_secret_nowhere() {
        let wrong = Wrong::with("secret", "the secret access key is empty");
        let field = |name| Field::new(name, "Secret", Takes::Secret).value("canary").unless(Some(&wrong));
        let text = field("secret").render().unwrap();
        assert!(
            text.contains("The secret access key is empty.") && text.contains("aria-invalid=\"true\""),
            "{text}"
        );
        assert!(!text.contains("canary"), "{text}");
        let other = field("other").render().unwrap();
        assert!(!other.contains("empty") && !other.contains("aria-invalid"), "{other}");
    }

    #[test]
    fn a_sentence_that_begins_with_a_name_leaves_it_as_it_is() {
        for (text, said) in [
            ("the name is taken", "The name is taken."),
            ("with this, ada may do everything", "With this, ada may do everything."),
            ("taken back before anything of it was done", "Taken back before anything of it was done."),
            ("rejected by bea", "Rejected by bea."),
            ("job 7 is running", "Job 7 is running."),
            ("job has no console password", "job has no console password."),
            ("ada.smith has no console password", "ada.smith has no console password."),
            ("arn:aws:iam::1:policy/x cannot be attached!", "arn:aws:iam::1:policy/x cannot be attached!"),
            ("\u{e9}mile", "\u{e9}mile."),
            ("", "."),
        ] {
            assert_eq!(sentence(text), said);
        }
    }

    #[test]
    fn a_name_is_typed_as_it_is() {
        assert!(Dangerous::typed("prod", "prod").is_ok());
        for other in ["", "Prod", "prod ", "pro"] {
            assert_eq!(Dangerous::typed(other, "prod").unwrap_err().field, Some("confirm"), "{other}");
        }
        // What cannot be typed is typed as it is shown.
        for (name, shown) in [("x\u{202e}y", r"x\u{202e}y"), ("a  b ", "a b")] {
            assert!(
                Dangerous::typed(name, name).is_ok() && Dangerous::typed(shown, name).is_ok(),
                "{name:?}"
            );
        }
        assert!(Dangerous::typed("", " ").is_err());
    }
}
