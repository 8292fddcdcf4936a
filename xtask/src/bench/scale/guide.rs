//! The tables of the guide that a bench has made.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow};

const PAGE: &str = "docs/guide/scale-out.md";

/// Puts what was measured into the guide, between the two remarks that are kept for it.
pub(super) fn write(root: &Path, part: &str, table: &str) -> Result<()> {
    let path = root.join(PAGE);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {PAGE}"))?;
    let text = with(&text, part, table)?;
    fs::write(&path, text).with_context(|| format!("writing {PAGE}"))?;
    println!("{PAGE} has the figures of {part}.");
    Ok(())
}

fn with(text: &str, part: &str, table: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- begin {part} -->\n"), format!("<!-- end {part} -->"));
    let found = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = found.ok_or_else(|| {
        anyhow!("{PAGE} has no place for the figures: `{}` and, below it, `{end}`", begin.trim())
    })?;
    Ok(format!("{before}{begin}{}\n{end}{after}", table.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_remarks_is_replaced() {
        let text = "a\n\n<!-- begin x -->\nold\n<!-- end x -->\n\nb\n<!-- begin y -->\n<!-- end y -->\n";
        let once = with(text, "x", "| new |\n").unwrap();
        assert_eq!(once, text.replace("old", "| new |"));
        assert_eq!(with(&once, "x", "| new |").unwrap(), once);
        assert!(with(&once, "y", "z").unwrap().ends_with("<!-- begin y -->\nz\n<!-- end y -->\n"));
        assert!(with(text, "z", "").is_err());
    }
}
