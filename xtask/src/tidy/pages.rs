//! What pages may not hold: text that becomes markup without being escaped, and scripts that write markup.

use super::TextFile;

/// Where templates are.
const TEMPLATES: &str = "/templates/";
/// In templates: the filter that leaves text as it is, other escapers, and what a strict policy would refuse anyway.
const OF_TEMPLATES: &[(&str, &str)] = &[
    ("|safe", "text is escaped; what draws markup is a component with `html()`"),
    ("|escape", "text is escaped already, and by no other escaper"),
    ("|e(", "text is escaped already, and by no other escaper"),
    ("<style", "style is in one file"),
    (" style=", "style is in one file"),
    ("javascript:", "links lead to pages"),
];
/// In scripts: whatever makes markup or code of text.
const OF_SCRIPTS: &[&str] = &[
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "createContextualFragment",
    "DOMParser",
    "setHTML",
    "srcdoc",
    "eval(",
    "new Function",
];
/// In sources: templates that leave text as it is.
const OF_SOURCES: &[&str] = &["|safe", "escape = \"none\""];

pub(super) fn problems(file: &TextFile) -> Vec<String> {
    let template = file.is_one_of(&["html"]) && file.path.contains(TEMPLATES);
    let script = file.is_one_of(&["js"]);
    let source = file.is_one_of(&["rs"]) && file.path.starts_with("crates/server/src/");
    let mut found = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        // As filters may stand with spaces around them.
        let close = line.replace("| ", "|").replace(" |", "|");
        // What a browser sends back is escaped for HTML, and for nothing else.
        let close = close.replace("|e(\"value\")", "");
        if template {
            let here = OF_TEMPLATES.iter().filter(|(word, _)| close.contains(word));
            found.extend(here.map(|(word, why)| format!("{}: `{}`: {why}", file.place(number), word.trim())));
            // A handler in an attribute: `onclick=` and its like.
            if close.split_whitespace().any(is_handler) {
                found.push(format!(
                    "{}: a script in an attribute: it belongs into the one file",
                    file.place(number)
                ));
            }
            if close.contains("<script") && !close.contains(" src=") {
                found.push(format!(
                    "{}: a script within the page: it belongs into the one file",
                    file.place(number)
                ));
            }
        }
        let words = if script {
            OF_SCRIPTS
        } else if source {
            OF_SOURCES
        } else {
            &[]
        };
        let here = words.iter().filter(|word| close.contains(**word));
        found.extend(here.map(|word| format!("{}: `{word}`: no text becomes markup", file.place(number))));
    }
    found
}

fn is_handler(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    word.contains('=')
        && name.strip_prefix("on").is_some_and(|event| {
            event.len() > 2 && event.chars().all(|character| character.is_ascii_lowercase())
        })
}

#[cfg(test)]
mod tests {
    use super::{super::planted, *};

    #[test]
    fn markup_of_text_is_found_in_templates() {
        for text in [
            "<p>{{ name|safe }}</p>",
            "<p>{{ name | safe }}</p>",
            "{{ name|escape(\"none\") }}",
            "{{ name|e(\"none\") }}",
            "<p style=\"color: red\">",
            "<script>alert(1)</script>",
            "<button onclick=\"go()\">",
            "<a href=\"javascript:go()\">",
        ] {
            assert_eq!(problems(&planted("crates/server/templates/a.html", text)).len(), 1, "{text}");
        }
        for text in [
            "<p>{{ name }} is safe</p>",
            "<input value=\"{{ name|e(\"value\") }}\">",
            "<script src=\"{{ frame.script }}\" defer></script>",
            "one=1",
        ] {
            assert!(problems(&planted("crates/server/templates/a.html", text)).is_empty(), "{text}");
        }
        assert!(problems(&planted("docs/a.html", "{{ name|safe }}")).is_empty());
    }

    #[test]
    fn markup_of_text_is_found_in_scripts_and_sources() {
        assert_eq!(problems(&planted("crates/server/assets/a.js", "\nlist.innerHTML = text;")).len(), 1);
        assert!(problems(&planted("crates/server/assets/a.js", "list.textContent = text;")).is_empty());
        let source = "#[template(ext = \"html\", source = \"{{ a|safe }}\")]";
        assert_eq!(problems(&planted("crates/server/src/console/a.rs", source)).len(), 1);
        assert!(problems(&planted("crates/engine/src/a.rs", source)).is_empty());
    }
}
