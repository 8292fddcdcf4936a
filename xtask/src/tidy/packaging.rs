//! S43: what is installed runs as nobody in particular, and cannot write where it does not have to.

use super::TextFile;

/// What a unit of systemd must say.
const UNIT: &[(&str, &str)] = &[
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("LimitCORE", "0"),
    ("UMask", "0077"),
    ("StateDirectoryMode", "0700"),
];
/// What a service of a compose file must say.
const COMPOSE: &[&str] =
    &["read_only: true", "cap_drop: [ALL]", "security_opt: [\"no-new-privileges:true\"]"];

pub(super) fn problems(file: &TextFile) -> Vec<String> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let found = match name {
        "Dockerfile" => image(&file.text),
        "compose.yaml" => compose(&file.text),
        _ if file.is_one_of(&["service"]) => unit(&file.text),
        _ => Vec::new(),
    };
    found.into_iter().map(|why| format!("{}: {why}", file.path)).collect()
}

/// The last stage counts: it is what runs.
fn image(text: &str) -> Vec<String> {
    let last: Vec<&str> = text.lines().map(str::trim).collect();
    let from = last.iter().rposition(|line| line.starts_with("FROM ")).unwrap_or(0);
    let stage = last.get(from..).unwrap_or_default();
    let mut found = Vec::new();
    let user = stage.iter().rev().find_map(|line| line.strip_prefix("USER "));
    if user.is_none_or(is_root) {
        found.push(
            "the image runs as root: its last stage must end with a USER that is a number above 0".to_owned(),
        );
    }
    let base = stage.first().copied().unwrap_or_default();
    if !base.contains(':') || base.contains(":latest") {
        found.push("the image is made from whatever is newest: name a version".to_owned());
    }
    let forks_a_shell = |line: &&str| {
        line.strip_prefix("ENTRYPOINT ")
            .or(line.strip_prefix("CMD "))
            .is_some_and(|rest| !rest.starts_with('['))
    };
    if stage.iter().any(forks_a_shell) {
        found
            .push("ENTRYPOINT and CMD must be lists: a shell before the program swallows SIGTERM".to_owned());
    }
    found
}

fn compose(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found: Vec<String> = COMPOSE
        .iter()
        .filter(|wanted| !lines.contains(wanted))
        .map(|wanted| format!("the service must say `{wanted}`"))
        .collect();
    let user = lines.iter().find_map(|line| line.strip_prefix("user: "));
    if user.is_none_or(|user| is_root(user.trim_matches('"'))) {
        found.push("the service runs as root: `user` must be a number above 0".to_owned());
    }
    if lines.iter().any(|line| line.starts_with("privileged: true")) {
        found.push("the service is privileged".to_owned());
    }
    found
}

/// A name may be anybody's; a number says who it is.
fn is_root(user: &str) -> bool {
    let user = user.split(':').next().unwrap_or_default();
    user.parse::<u32>().map_or(true, |number| number == 0)
}

fn unit(text: &str) -> Vec<String> {
    let settings: Vec<(&str, &str)> = text.lines().filter_map(|line| line.trim().split_once('=')).collect();
    let mut found: Vec<String> = UNIT
        .iter()
        .filter(|wanted| settings.iter().rfind(|(name, _)| *name == wanted.0) != Some(wanted))
        .map(|(name, value)| format!("the service must say `{name}={value}`"))
        .collect();
    let user = settings.iter().rfind(|(name, _)| *name == "User").map(|(_, user)| *user);
    if user.is_none_or(|user| user.is_empty() || user == "root" || user == "0") {
        found.push("the service runs as root: it must say `User=`".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::planted;
    use super::*;

    const IMAGE: &str = include_str!("../../../packaging/Dockerfile");
    const COMPOSED: &str = include_str!("../../../packaging/compose.yaml");
    const SERVICE: &str = include_str!("../../../packaging/keyreeve.service");

    fn found(path: &str, text: &str) -> usize {
        problems(&planted(path, text)).len()
    }

    #[test]
    fn s43_an_image_of_root_is_found() {
        assert_eq!(found("packaging/Dockerfile", IMAGE), 0);
        for (ours, planted) in [
            ("USER 65532:65532\n", ""),
            ("USER 65532:65532", "USER 0"),
            ("USER 65532:65532", "USER 0:65532"),
            ("USER 65532:65532", "USER root"),
            ("USER 65532:65532", "USER 65532\nUSER 0"),
            ("cc-debian12:nonroot", "cc-debian12"),
            ("cc-debian12:nonroot", "cc-debian12:latest"),
            ("ENTRYPOINT [\"/usr/bin/keyreeve\"]", "ENTRYPOINT /usr/bin/keyreeve"),
        ] {
            assert!(IMAGE.contains(ours), "{ours}");
            assert_eq!(found("packaging/Dockerfile", &IMAGE.replace(ours, planted)), 1, "{planted}");
        }
        // Who builds is not who runs.
        assert_eq!(found("Dockerfile", "FROM a:1\nUSER 5\nFROM b:1\nENTRYPOINT [\"x\"]"), 1);
    }

    #[test]
    fn s43_a_root_file_system_that_can_be_written_is_found() {
        assert_eq!(found("packaging/compose.yaml", COMPOSED), 0);
        for (ours, planted) in [
            ("read_only: true", "read_only: false"),
            ("    read_only: true\n", ""),
            ("cap_drop: [ALL]", "cap_drop: []"),
            ("no-new-privileges:true", "no-new-privileges:false"),
            ("user: \"65532:65532\"", "user: \"0:0\""),
            ("pids_limit", "privileged: true\n    pids_limit"),
        ] {
            assert!(COMPOSED.contains(ours), "{ours}");
            assert_eq!(found("packaging/compose.yaml", &COMPOSED.replace(ours, planted)), 1, "{planted}");
        }
    }

    #[test]
    fn s43_a_service_with_rights_it_does_not_need_is_found() {
        assert_eq!(found("packaging/keyreeve.service", SERVICE), 0);
        for (ours, planted) in [
            ("User=keyreeve\n", ""),
            ("User=keyreeve\n", "User=root\n"),
            ("ProtectSystem=strict", "ProtectSystem=full"),
            ("NoNewPrivileges=yes\n", ""),
            ("CapabilityBoundingSet=\n", "CapabilityBoundingSet=CAP_NET_ADMIN\n"),
            ("UMask=0077", "UMask=0022"),
            ("ProtectHome=yes", "ProtectHome=yes\nProtectHome=no"),
        ] {
            assert!(SERVICE.contains(ours), "{ours}");
            assert_eq!(found("packaging/keyreeve.service", &SERVICE.replace(ours, planted)), 1, "{planted}");
        }
    }
}
