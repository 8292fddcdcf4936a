//! Names of files that no system misunderstands.

/// The longest part of a name that is taken over, in characters.
const LONGEST: usize = 64;

/// `keyreeve-prod-accounts-run-7.csv`: ASCII letters, digits, `-` and `_` alone, whatever the system is called. It begins
/// with a word of its own, so it is no device (`CON`, `NUL`), no hidden file and no option.
#[must_use]
pub fn file_name(system: &str, what: &str, run: Option<i64>, ending: &str) -> String {
    let safe = |text: &str| {
        let kept = text.chars().take(LONGEST);
        kept.map(|one| if one.is_ascii_alphanumeric() || one == '-' { one } else { '_' }).collect::<String>()
    };
    let run = run.map(|run| format!("-run-{run}")).unwrap_or_default();
    format!("keyreeve-{}-{}{run}.{}", safe(system), safe(what), safe(ending))
}

/// The header `Content-Disposition` for a file of that name (RFC 6266). The name is made safe again, so that nothing in it
/// ends the quoted text; `filename*` (RFC 8187) is not needed, as the name is ASCII.
#[must_use]
pub fn disposition(file_name: &str) -> String {
    let safe = |one: &char| one.is_ascii_alphanumeric() || "-_.".contains(*one);
    let name: String = file_name.chars().filter(safe).take(4 * LONGEST).collect();
    format!("attachment; filename=\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s24_names_of_files_are_safe_whatever_a_system_is_called() {
        for hostile in [
            "../../etc/x",
            "CON",
            "NUL.csv",
            "..",
            "-rf",
            ".hidden",
            "a\"; filename=\"b",
            "a\r\nSet-Cookie: b",
            "C:\\x",
            "名前",
            &"x".repeat(300),
        ] {
            let name = file_name(hostile, "accounts", Some(7), "csv");
            assert!(name.starts_with("keyreeve-") && name.ends_with("-accounts-run-7.csv"), "{name}");
            assert!(name.len() < 120 && name.matches('.').count() == 1, "{name}");
            assert!(name.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one)), "{name}");
            assert_eq!(disposition(&name), format!("attachment; filename=\"{name}\""));
        }
        assert_eq!(file_name("prod", "audit", None, "jsonl"), "keyreeve-prod-audit.jsonl");
        assert_eq!(disposition("a\"b\r\nc/../d"), "attachment; filename=\"abc..d\"");
    }
}
