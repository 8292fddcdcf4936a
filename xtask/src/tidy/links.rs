//! Links of the documents to files of the project.

use super::TextFile;

/// Links to files that do not exist. Links to the web and within a page are not followed.
pub(super) fn problems(file: &TextFile, paths: &[String]) -> Vec<String> {
    if !file.is_one_of(&["md"]) {
        return Vec::new();
    }
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut fenced = false;
    let mut found = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let broken = targets(line).into_iter().filter(|target| !resolves(folder, target, paths));
        found.extend(
            broken.map(|target| format!("{}: the link to {target} leads nowhere", file.place(number))),
        );
    }
    found
}

/// The local targets of `[text](target)` and `[label]: target` in one line.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let definition =
        line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
    let local = |target: &&str| !target.is_empty() && !target.contains(':') && !target.starts_with('#');
    inline.chain(definition).map(|target| target.trim_matches(['<', '>'])).filter(local).collect()
}

fn resolves(folder: &str, target: &str, paths: &[String]) -> bool {
    let target = target.split('#').next().unwrap_or(target);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            part => parts.push(part),
        }
    }
    let wanted = parts.join("/");
    paths.iter().any(|path| *path == wanted || path.starts_with(&format!("{wanted}/"))) || wanted.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{super::planted, *};

    fn broken(text: &str) -> Vec<String> {
        let paths = ["README.md", "docs/guide/import.md", "crates/model/src/lib.rs"].map(str::to_owned);
        problems(&planted("docs/guide/connect.md", text), &paths)
    }

    #[test]
    fn links_to_files_and_folders_resolve() {
        for text in [
            "[a](import.md)",
            "[a](../../README.md#first-steps)",
            "[a](../../crates/model/)",
            "[a](https://example.com/x.md) and [b](#here)",
            "[label]: ../guide/import.md",
            "```\n[a](gone.md)\n```",
        ] {
            assert_eq!(broken(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn links_to_nothing_are_found_with_their_line() {
        for text in
            ["\n[a](gone.md)", "\n![a](../picture.svg)", "\n[a](../../../outside.md)", "\n[a]: gone.md"]
        {
            let found = broken(text);
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].starts_with("docs/guide/connect.md:2: "), "{found:?}");
        }
    }
}
