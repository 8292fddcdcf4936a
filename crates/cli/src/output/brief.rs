//! What a refusal of AWS comes to. AWS says in each who asked, in hundreds of letters that a list has no room for.

use std::borrow::Cow;

const REFUSED: &str = " is not authorized to perform: ";

/// The same text, with each refusal of AWS cut down to the action, what it was about, and whether something denies it
/// expressly. Whoever wants the whole of it looks at JSON, or at the one run or job.
pub(crate) fn brief(text: &str) -> Cow<'_, str> {
    let Some((before, rest)) = text.split_once(REFUSED) else { return Cow::Borrowed(text) };
    let Some((start, _)) = before.rsplit_once("User: ") else { return Cow::Borrowed(text) };
    let (said, after) = rest.split_at(end_of_refusal(rest));
    let (what, why) = said.split_once(" because ").unwrap_or((said, ""));
    let (action, resource) = what.split_once(" on resource: ").unwrap_or((what, ""));
    let on = if resource.is_empty() { String::new() } else { format!(" on {resource}") };
    let expressly = if why.contains("explicit deny") { ", but denied expressly" } else { "" };
    let after = without_request(after);
    Cow::Owned(format!("{start}{action} is not allowed{on}{expressly}{}", brief(&after)))
}

/// Where the brackets begin that hold the code, else the end of the text.
fn end_of_refusal(text: &str) -> usize {
    text.find(" [").unwrap_or(text.len())
}

/// Without the request's id, which only AWS's support can use.
fn without_request(text: &str) -> String {
    match text.split_once(']') {
        Some((code, rest)) => {
            let code = code.split_once(", request ").map_or(code, |(code, _)| code);
            format!("{code}]{rest}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_cut_down_to_what_it_was_about() {
        let who =
            "User: arn:aws:iam::123456789012:user/keyreeve/keyreeve-connector is not authorized to perform:";
        for (text, expected) in [
            ("it rains [X, request 1]".to_owned(), "it rains [X, request 1]"),
            (
                format!(
                    "ListX (a) failed: {who} iam:ListX on resource: arn:x because no identity-based policy allows the \
                     iam:ListX action [AccessDenied, request 64-a]. Do this"
                ),
                "ListX (a) failed: iam:ListX is not allowed on arn:x [AccessDenied]. Do this",
            ),
            (
                format!(
                    "{who} sts:AssumeRole on resource: arn:r with an explicit deny in a policy [AccessDenied]"
                ),
                "sts:AssumeRole is not allowed on arn:r with an explicit deny in a policy [AccessDenied]",
            ),
            (
                format!(
                    "A: {who} iam:A on resource: * because of an explicit deny [AccessDenied]; B: {who} iam:B"
                ),
                "A: iam:A is not allowed on *, but denied expressly [AccessDenied]; B: iam:B is not allowed",
            ),
        ] {
            assert_eq!(brief(&text), expected);
        }
    }
}
