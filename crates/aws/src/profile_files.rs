//! Whether a profile exists in the AWS configuration files: known without asking AWS anything.

use std::path::{Path, PathBuf};

use crate::options::ConnectError;

/// The two files that profiles are read from ("Shared config and credentials files", AWS SDKs and Tools).
const FILES: [(&str, &str); 2] =
    [("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")];

/// Refuses a profile that is in neither file.
pub(crate) fn check(profile: &str) -> Result<(), ConnectError> {
    let home = std::env::home_dir();
    let Some([config, credentials]) = files(home.as_deref(), |name| std::env::var(name).ok()) else {
        return Ok(());
    };
    let has = |file: &Path| std::fs::read(file).is_ok_and(|text| names(&text, profile));
    if has(&config) || has(&credentials) {
        return Ok(());
    }
    let shown = |file: PathBuf| file.display().to_string();
    Err(ConnectError::NoProfile {
        name: profile.to_owned(),
        config: shown(config),
        credentials: shown(credentials),
    })
}

/// Where they are; `None` when nobody's home is known.
fn files(home: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Option<[PathBuf; 2]> {
    let [config, credentials] =
        FILES.map(|(name, below_home)| match variable(name).filter(|path| !path.is_empty()) {
            Some(path) => match path.strip_prefix("~/") {
                Some(below_home) => home.map(|home| home.join(below_home)),
                None => Some(PathBuf::from(path)),
            },
            None => home.map(|home| home.join(below_home)),
        });
    Some([config?, credentials?])
}

/// Whether a file has a section of that name, with or without the word `profile`, however it is spaced or quoted.
pub(crate) fn names(text: &[u8], profile: &str) -> bool {
    String::from_utf8_lossy(text).lines().any(|line| {
        let header = line.trim().strip_prefix('[').and_then(|rest| rest.split(']').next());
        let name = header.map(|header| {
            let header = header.trim();
            header
                .strip_prefix("profile")
                .filter(|rest| rest.starts_with(char::is_whitespace))
                .unwrap_or(header)
        });
        name.is_some_and(|name| name.trim().trim_matches(['"', '\'']) == profile.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_a_section_of_either_file() {
        let text = b"[default]\nregion = x\n[ profile  work ]\n[old]\n[profile \"two words\"] # so\n[sso-session no]\n";
        for profile in ["default", "work", "old", "two words"] {
            assert!(names(text, profile), "{profile}");
        }
        for profile in ["nope", "no", "region"] {
            assert!(!names(text, profile), "{profile}");
        }
    }

    #[test]
    fn variables_say_where_the_files_are() {
        let home = Path::new("/people/x");
        let set = |name: &str| (name == "AWS_CONFIG_FILE").then(|| "~/c".to_owned());
        let found = files(Some(home), set).unwrap();
        assert_eq!(found, [home.join("c"), home.join(".aws/credentials")]);
        assert!(files(None, |_| None).is_none());
    }
}
