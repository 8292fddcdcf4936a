//! Who is at the command line, as runs and decisions record it.

/// `local:` and the user of the operating system, by the process's user id rather than by a variable.
pub(crate) fn local() -> String {
    let user = whoami::account().unwrap_or_else(|_| "unknown".to_owned());
    format!("local:{user}")
}
