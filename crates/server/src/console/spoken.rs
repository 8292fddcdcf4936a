//! What the engine advises, in the words of the console. Its sentences, some of which are kept with what they are about, name
//! commands; whoever reads them here has a page or a button for the same, and is told of that.

/// Commands as they begin, the longest first, and what does the same here.
const COMMANDS: [(&str, &str); 21] = [
    ("keyreeve system set * prioritise_delete_tasks=true", "“Prioritise delete tasks” under Settings"),
    ("keyreeve system set * permission_profile", "“Permission profile” under Settings"),
    ("keyreeve system set", "“Other credentials” under Connection"),
    ("keyreeve system release", "“Release” under Connection"),
    ("keyreeve system check", "“Test the connection”"),
    ("keyreeve system rotate-key", "“Replace the access key” under Connection"),
    ("keyreeve system add", "“New system”"),
    ("keyreeve system show", "the page of the system"),
    ("keyreeve job show *", "the page of job *"),
    ("keyreeve job show", "the page of the job"),
    ("keyreeve job retry", "“Try again” on the page of the job"),
    ("keyreeve job approve", "“Approve” on the page of the job"),
    ("keyreeve job cancel", "“Cancel” on the page of the job"),
    ("keyreeve job apply", "the page of the job"),
    ("keyreeve import run", "an import"),
    ("keyreeve import list", "the list of imports"),
    ("keyreeve import show", "the page of the import"),
    ("keyreeve policy generate", "“Policy” of the system"),
    ("keyreeve protect", "the protect list under Settings"),
    ("keyreeve account reset-password", "“Reset password” of the account"),
    ("account reset-password", "“Reset password” of the account"),
];

/// Other words of the command line, and what is said here.
const WORDS: [(&str, &str); 8] = [
    ("then `keyreeve system release` it", "then release it, under Connection"),
    (" or `--access-key-id …`", ""),
    ("set prioritise_delete_tasks=true", "switch on “Prioritise delete tasks” under Settings"),
    ("set scim_password=accept", "have them taken, under Settings"),
    ("set password_delivery=operator", "change “Passwords are handed over” under Settings"),
    ("permission_profile of", "permission profile of"),
    (" (max_deletes)", ""),
    (" (max_deactivations)", ""),
];

/// A text of the engine, with what there is here in the place of commands. A command that nothing here does stays.
pub(super) fn spoken(text: &str) -> String {
    let text = WORDS.iter().fold(text.to_owned(), |text, (word, said)| text.replace(word, said));
    let mut said = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, (quoted, after))) =
        rest.split_once('`').and_then(|(before, after)| Some((before, after.split_once('`')?)))
    {
        said.push_str(before);
        match COMMANDS.iter().find_map(|(command, place)| Some(place.replace('*', &fits(quoted, command)?))) {
            Some(place) => {
                if place.starts_with('“')
                    && let Some(without) = said.strip_suffix("run ")
                {
                    said = format!("{without}use ");
                }
                said.push_str(&place);
            }
            None => {
                said.push('`');
                said.push_str(quoted);
                said.push('`');
            }
        }
        rest = after;
    }
    said.push_str(rest);
    said
}

/// Whether a text begins with the words of a command; what stands in the place of its `*`.
fn fits(quoted: &str, command: &str) -> Option<String> {
    let mut given = quoted.split_whitespace();
    let mut star = String::new();
    for word in command.split(' ') {
        match (word, given.next()?) {
            ("*", one) => one.clone_into(&mut star),
            (word, one) if one.starts_with(word) => {}
            _ => return None,
        }
    }
    Some(star)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_advises_names_what_there_is_here() {
        for (text, said) in [
            (
                "give the system credentials of 1 (`keyreeve system set`), then `keyreeve system release` it",
                "give the system credentials of 1 (“Other credentials” under Connection), then release it, under Connection",
            ),
            (
                "Mend the cause, then run `keyreeve system release prod`",
                "Mend the cause, then use “Release” under Connection",
            ),
            (
                "`keyreeve job show 6` shows what was done; let them, then `keyreeve job retry`",
                "the page of job 6 shows what was done; let them, then “Try again” on the page of the job",
            ),
            ("run `keyreeve import run prod` first", "run an import first"),
            (
                "do so: `keyreeve system set prod prioritise_delete_tasks=true`",
                "do so: “Prioritise delete tasks” under Settings",
            ),
            (
                "an administrator can set password_delivery=operator",
                "an administrator can change “Passwords are handed over” under Settings",
            ),
            ("restart `keyreeve serve`, and `", "restart `keyreeve serve`, and `"),
            ("no such `thing`", "no such `thing`"),
        ] {
            assert_eq!(spoken(text), said);
        }
    }
}
