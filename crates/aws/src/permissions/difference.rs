//! What another text of a policy gives and takes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

/// What comes and what goes when one policy document takes the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What the new text says and the one before did not.
    pub comes: Vec<Grant>,
    /// What the one before said and the new text does not.
    pub goes: Vec<Grant>,
    /// Whether the new text may allow something that the one before did not.
    pub wider: bool,
}

/// Actions that are allowed or denied on the same resources, under the same condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// `Allow` or `Deny`.
    pub effect: String,
    /// The actions; one that begins with `all but` names those that are left out.
    pub actions: Vec<String>,
    /// The resources; the same holds for them.
    pub resources: Vec<String>,
    /// The condition, as the document has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
}

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    effect: String,
    action: String,
    resource: String,
    /// As JSON, with its keys in order; empty without one.
    condition: String,
}

impl Difference {
    /// Compares two documents; `None` when one of them cannot be read. Without one before, everything comes.
    #[must_use]
    pub fn between(before: Option<&str>, after: &str) -> Option<Self> {
        let before = before.map_or_else(|| Some(BTreeSet::new()), pieces)?;
        let after = pieces(after)?;
        let comes: Vec<&Piece> = after.difference(&before).collect();
        let goes: Vec<&Piece> = before.difference(&after).collect();
        let allows_more = |piece: &&&Piece| {
            piece.effect == "Allow" && !before.iter().any(|was| was.effect == "Allow" && was.covers(piece))
        };
        let wider = comes.iter().any(|piece| allows_more(&piece))
            || goes.iter().any(|was| {
                was.effect == "Deny" && !after.iter().any(|now| now.effect == "Deny" && now.covers(was))
            });
        Some(Self { comes: together(&comes), goes: together(&goes), wider })
    }
}

impl Piece {
    /// Whether whatever is said by the other is said by this one too.
    fn covers(&self, other: &Self) -> bool {
        matches(&self.action.to_ascii_lowercase(), &other.action.to_ascii_lowercase())
            && matches(&self.resource, &other.resource)
            && (self.condition.is_empty() || self.condition == other.condition)
    }
}

/// Whether a pattern with `*` and `?` fits a text, whose own are letters like others.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut in_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&letter) = text.get(in_text) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(&wanted) if wanted == letter || (wanted == '?' && letter != '*') => {
                (at, in_text) = (at + 1, in_text + 1);
            }
            _ => match star {
                Some((back, from)) => {
                    (at, in_text) = (back + 1, from + 1);
                    star = Some((back, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|&letter| letter == '*')
}

fn pieces(document: &str) -> Option<BTreeSet<Piece>> {
    let document: Value = serde_json::from_str(document).ok()?;
    let statements = match document.get("Statement")? {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let mut pieces = BTreeSet::new();
    for statement in &statements {
        let condition = statement.get("Condition").map(ToString::to_string).unwrap_or_default();
        let effect = statement.get("Effect")?.as_str()?;
        for action in named(statement, "Action", "NotAction")? {
            for resource in named(statement, "Resource", "NotResource")? {
                pieces.insert(Piece {
                    effect: effect.to_owned(),
                    action: action.clone(),
                    resource,
                    condition: condition.clone(),
                });
            }
        }
    }
    Some(pieces)
}

/// What a statement names; all that it leaves out as one.
fn named(statement: &Value, field: &str, but: &str) -> Option<Vec<String>> {
    match (statement.get(field), statement.get(but)) {
        (Some(named), None) => texts(named),
        (None, Some(left_out)) => {
            let mut left_out = texts(left_out)?;
            left_out.sort();
            Some(vec![format!("all but {}", left_out.join(", "))])
        }
        _ => None,
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(list) => list.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// Pieces that say the same of several actions or resources, in one.
fn together(pieces: &[&Piece]) -> Vec<Grant> {
    let mut actions: BTreeMap<(&str, &str, &str), Vec<String>> = BTreeMap::new();
    for piece in pieces {
        let of = (piece.effect.as_str(), piece.resource.as_str(), piece.condition.as_str());
        actions.entry(of).or_default().push(piece.action.clone());
    }
    let mut resources: BTreeMap<(&str, Vec<String>, &str), Vec<String>> = BTreeMap::new();
    for ((effect, resource, condition), actions) in actions {
        resources.entry((effect, actions, condition)).or_default().push(resource.to_owned());
    }
    let grant = |((effect, actions, condition), resources): ((&str, Vec<String>, &str), Vec<String>)| Grant {
        effect: effect.to_owned(),
        actions,
        resources,
        condition: serde_json::from_str(condition).ok(),
    };
    resources.into_iter().map(grant).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(statements: Value) -> String {
        json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
    }

    fn allow(action: Value, resource: &str) -> Value {
        json!({ "Effect": "Allow", "Action": action, "Resource": resource })
    }

    #[test]
    fn what_comes_and_goes_is_said_once_for_all_it_is_the_same_for() {
        let before = document(json!([allow(json!(["iam:A", "iam:B"]), "arn:user/idm/*")]));
        let after = document(json!([
            allow(json!(["iam:B", "iam:A"]), "arn:user/*"),
            allow(json!("iam:C"), "arn:user/*"),
            { "Effect": "Deny", "NotAction": ["iam:List*", "iam:Get*"], "Resource": ["x", "y"] },
        ]));
        let found = Difference::between(Some(&before), &after).unwrap();
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        assert_eq!(found.comes.len(), 2);
        assert_eq!(found.comes[0].actions, texts(&["iam:A", "iam:B", "iam:C"]));
        assert_eq!(found.comes[0].resources, texts(&["arn:user/*"]));
        assert_eq!(found.comes[1].actions, texts(&["all but iam:Get*, iam:List*"]));
        assert_eq!(found.comes[1].resources, texts(&["x", "y"]));
        assert_eq!(found.goes[0].resources, texts(&["arn:user/idm/*"]));
        assert!(found.wider);
        assert!(Difference::between(None, &after).unwrap().goes.is_empty());
        assert!(Difference::between(Some("{}"), &after).is_none());
    }

    #[test]
    fn narrower_is_told_from_wider() {
        let wider = |before: Value, after: Value| {
            Difference::between(Some(&document(before)), &document(after)).unwrap().wider
        };
        let of = |resource| json!([allow(json!("iam:A"), resource)]);
        assert!(!wider(of("user/*"), of("user/idm/*")));
        assert!(wider(of("user/idm/*"), of("user/*")));
        assert!(!wider(json!([allow(json!("IAM:*"), "*")]), of("user/x")));
        let when = json!([{ "Effect": "Allow", "Action": "iam:A", "Resource": "user/*",
                            "Condition": { "ArnLike": { "iam:PolicyARN": "x" } } }]);
        assert!(!wider(of("user/*"), when.clone()));
        assert!(wider(when, of("user/*")));
        let denying = json!([allow(json!("iam:A"), "user/*"),
                             { "Effect": "Deny", "Action": "iam:A", "Resource": "user/x" }]);
        assert!(wider(denying.clone(), of("user/*")));
        assert!(!wider(of("user/*"), denying));
    }
}
