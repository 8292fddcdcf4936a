//! What a call would set, in words: without the values nobody could say what they agree to.

use std::collections::BTreeMap;

use keyreeve_engine::plan::MARKER_TAG;
use keyreeve_model::StepCall;

/// What a call is about, with every value it sends; `path` is the account's present one, where it is known. A call
/// holds no secret.
pub(crate) fn in_words(call: &StepCall, path: Option<&str>) -> String {
    match call {
        StepCall::CreateAccount { account, path, tags, permissions_boundary } => {
            let mut words = vec![value(account), format!("path {}", value(path))];
            if !tags.is_empty() {
                words.push(format!("tags {}", pairs(tags)));
            }
            words.extend(permissions_boundary.as_ref().map(|arn| format!("boundary {}", value(arn))));
            words.join(", ")
        }
        StepCall::UpdateAccount { account, new_name, new_path } => {
            let name = new_name.as_ref().map(|new| format!("name {} → {}", value(account), value(new)));
            let before = path.map(|path| format!("{} ", value(path))).unwrap_or_default();
            let path = new_path.as_ref().map(|new| format!("path {before}→ {}", value(new)));
            name.into_iter().chain(path).collect::<Vec<_>>().join(", ")
        }
        StepCall::TagAccount { tags, .. } => pairs(tags),
        StepCall::UntagAccount { keys, .. } => {
            keys.iter().map(|key| value(key)).collect::<Vec<_>>().join(", ")
        }
        StepCall::SetCredential { credential, active, .. } => {
            let state = if *active { "active" } else { "inactive" };
            format!("{} {} → {state}", credential.kind.as_str().replace('_', " "), value(&credential.id))
        }
        StepCall::DeleteCredential { credential, .. } => {
            format!("{} {}", credential.kind.as_str().replace('_', " "), value(&credential.id))
        }
        other => value(other.object().unwrap_or(other.account())),
    }
}

/// `team=x, cost=1`. The value of our own mark says nothing to anybody.
fn pairs(tags: &BTreeMap<String, String>) -> String {
    let pair = |(key, held): (&String, &String)| match key.as_str() {
        MARKER_TAG => MARKER_TAG.to_owned(),
        _ => format!("{}={}", value(key), value(held)),
    };
    tags.iter().map(pair).collect::<Vec<_>>().join(", ")
}

/// A value as it is where it cannot be taken for several; else in quotes.
fn value(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_+.@-/:".contains(letter);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_pass_for_another_one() {
        let tags = BTreeMap::from([
            ("team".to_owned(), "x, path /staff/".to_owned()),
            ("a=b".to_owned(), "\u{202e}c".to_owned()),
            (MARKER_TAG.to_owned(), "0190".to_owned()),
        ]);
        let call = StepCall::TagAccount { account: "ada".into(), tags };
        let words = in_words(&call, None);
        assert_eq!(words, "\"a=b\"=\"\\u{202e}c\", keyreeve:task, team=\"x, path /staff/\"");
    }

    #[test]
    fn a_change_shows_old_and_new_as_far_as_they_are_known() {
        let call = |new_name: Option<&str>, new_path: Option<&str>| StepCall::UpdateAccount {
            account: "ada".into(),
            new_name: new_name.map(str::to_owned),
            new_path: new_path.map(str::to_owned),
        };
        let both = call(Some("ada2"), Some("/staff/"));
        assert_eq!(in_words(&both, Some("/")), "name ada → ada2, path / → /staff/");
        assert_eq!(in_words(&call(None, Some("/staff/")), None), "path → /staff/");
    }
}
