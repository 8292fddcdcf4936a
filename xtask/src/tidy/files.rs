//! Rules on whole files: their size, the machine they betray, merges half done, migrations in pairs, what the README must
//! name.

use std::{collections::BTreeSet, fs, path::Path};

use super::TextFile;

/// Longer source files need a `size:` comment that says why.
const LONGEST: usize = 600;
/// How far down the reason may stand.
const NEAR_THE_TOP: usize = 20;
const SOURCES: &[&str] = &["rs", "sql", "py", "sh", "js", "css", "html"];
/// Where a path begins that exists on one machine only. Written in two halves, so that this file passes.
const MACHINE_PATHS: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("C:", "\\Users"),
];
/// Settings that point at somebody's own package index.
const REGISTRY_SETTINGS: &[&str] = &[
    concat!("index", "-url"),
    concat!("find", "-links"),
    concat!("trusted", "-host"),
    concat!("replace", "-with"),
    concat!("artif", "actory"),
    concat!("sparse", "+http"),
];
/// What git leaves around two sides that could not be joined.
const CONFLICT_MARKS: &[&str] = &["<<<<<<< ", ">>>>>>> ", "||||||| "];
const PUBLIC_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
const MIGRATIONS: &str = "crates/store/migrations";
/// What everybody needs to know first.
const COMMANDS: &[&str] = &["cargo xtask demo", "cargo xtask test"];

pub(super) fn problems(file: &TextFile) -> Vec<String> {
    let mut found: Vec<String> = too_long(file).into_iter().collect();
    for (number, line) in file.text.lines().enumerate() {
        for path in MACHINE_PATHS.iter().filter(|path| begins_path(line, path)) {
            found.push(format!("{}: {path}… is a path of one machine", file.place(number)));
        }
        for setting in REGISTRY_SETTINGS.iter().filter(|setting| line.contains(**setting)) {
            found.push(format!("{}: `{setting}` names a package index of one machine", file.place(number)));
        }
        if CONFLICT_MARKS.iter().any(|mark| line.starts_with(mark)) {
            found.push(format!("{}: two sides of a merge were left unjoined", file.place(number)));
        }
        if file.path.ends_with("Cargo.lock")
            && line.starts_with("source = ")
            && !line.contains(PUBLIC_REGISTRY)
        {
            found.push(format!("{}: {line} is not crates.io", file.place(number)));
        }
    }
    found
}

fn too_long(file: &TextFile) -> Option<String> {
    let lines = file.text.lines().count();
    let reasoned = || {
        let mut top = file.text.lines().take(NEAR_THE_TOP).map(str::trim_start);
        top.any(|line| ["// size: ", "-- size: ", "# size: "].iter().any(|mark| line.starts_with(mark)))
    };
    (file.is_one_of(SOURCES) && lines > LONGEST && !reasoned())
        .then(|| format!("{}: {lines} lines without a `// size: …` reason near the top", file.path))
}

/// Whether `path` stands in `line` as the beginning of an absolute path.
fn begins_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|before| !before.is_alphanumeric() && !"_-.*}~?$>".contains(before))
    })
}

/// Both databases have migrations with the same numbers and names, and no number is missing or taken twice.
pub(super) fn migrations(paths: &[String]) -> Vec<String> {
    let of = |database: &str| -> BTreeSet<&str> {
        let folder = format!("{MIGRATIONS}/{database}/");
        paths
            .iter()
            .filter_map(|path| path.strip_prefix(&folder))
            .filter(|name| name.ends_with(".sql"))
            .collect()
    };
    let (sqlite, postgres) = (of("sqlite"), of("postgres"));
    let lonely = |name: &&str, without: &str| format!("{MIGRATIONS}: {name} is missing for {without}");
    let mut found: Vec<String> = sqlite.difference(&postgres).map(|name| lonely(name, "postgres")).collect();
    found.extend(postgres.difference(&sqlite).map(|name| lonely(name, "sqlite")));
    for (at, name) in sqlite.iter().enumerate() {
        if !name.starts_with(&format!("{:04}_", at + 1)) {
            found.push(format!("{MIGRATIONS}/sqlite/{name}: the next number is {:04}", at + 1));
        }
    }
    found
}

/// The README names the two commands everybody needs.
pub(super) fn readme(root: &Path) -> Vec<String> {
    let Ok(text) = fs::read_to_string(root.join("README.md")) else {
        return vec!["README.md is missing".to_owned()];
    };
    let missing = COMMANDS.iter().filter(|command| !text.contains(**command));
    missing.map(|command| format!("README.md does not name `{command}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::planted, *};

    #[test]
    fn a_long_file_needs_its_reason() {
        let long = "\n".repeat(601);
        assert_eq!(problems(&planted("a.rs", &long)).len(), 1);
        assert!(problems(&planted("a.rs", &format!("//! A.\n// size: one table{long}"))).is_empty());
        assert!(problems(&planted("a.rs", &"\n".repeat(600))).is_empty());
        assert!(problems(&planted("a.json", &long)).is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for path in MACHINE_PATHS {
            for text in [format!("see {path}me"), format!("\"{path}me\""), format!("file://{path}me")] {
                assert_eq!(problems(&planted("a.md", &text)).len(), 1, "{text}");
            }
        }
        for text in ["docs/home/page.md", "arn:aws:s3:::bucket/home/*", "the /homes/ and /workers/ of"] {
            assert!(problems(&planted("a.md", text)).is_empty(), "{text}");
        }
    }

    #[test]
    fn sides_of_a_merge_are_found() {
        for mark in CONFLICT_MARKS {
            assert_eq!(problems(&planted("a.md", &format!("text\n{mark}HEAD\n"))).len(), 1, "{mark}");
        }
        assert!(problems(&planted("a.md", "a title\n=======\n")).is_empty());
    }

    #[test]
    fn package_indexes_of_one_machine_are_found() {
        for setting in REGISTRY_SETTINGS {
            assert_eq!(problems(&planted("pip.conf", &format!("--{setting} = x"))).len(), 1, "{setting}");
        }
        let lock = |source: &str| problems(&planted("Cargo.lock", &format!("source = \"{source}\""))).len();
        assert_eq!(lock(PUBLIC_REGISTRY), 0);
        assert_eq!(lock("registry+https://registry.example.com/index"), 1);
        assert_eq!(lock("git+https://example.com/x"), 1);
    }

    #[test]
    fn migrations_come_in_pairs_and_in_order() {
        let paths =
            |names: &[&str]| names.iter().map(|name| format!("{MIGRATIONS}/{name}")).collect::<Vec<_>>();
        let good = ["sqlite/0001_systems.sql", "postgres/0001_systems.sql", "README.md"];
        assert!(migrations(&paths(&good)).is_empty());
        assert_eq!(migrations(&paths(&["sqlite/0001_systems.sql"])).len(), 1);
        assert_eq!(migrations(&paths(&["postgres/0001_systems.sql"])).len(), 1);
        assert_eq!(migrations(&paths(&["sqlite/0001_a.sql", "postgres/0001_b.sql"])).len(), 2);
        assert_eq!(migrations(&paths(&["sqlite/0002_a.sql", "postgres/0002_a.sql"])).len(), 1);
    }

    #[test]
    fn the_readme_is_asked_for_both_commands() {
        let folder = std::env::temp_dir().join(format!("keyreeve-tidy-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let missing = readme(&folder);
        fs::write(folder.join("README.md"), "Run `cargo xtask demo`.").unwrap();
        let one = readme(&folder);
        fs::write(folder.join("README.md"), COMMANDS.join("\n")).unwrap();
        let none = readme(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((missing.len(), one.len(), none.len()), (1, 1, 0));
    }
}
