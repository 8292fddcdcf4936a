//! The operator's guide, followed word for word on a sandbox of its own: every `sh` block of a page, in order.
//!
//! A line ends with exit code 0 unless it says `# exit code 1` or `# exit code 2`. Where a command asks, the reader says
//! yes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{bare, piped, terminate};

const SANDBOX: &str = include_str!("../../../../docs/guide/sandbox.md");
const IMPORT: &str = include_str!("../../../../docs/guide/import.md");
const RECOVER: &str = include_str!("../../../../docs/guide/recover.md");
const MONTH: &str = include_str!("../../../../docs/guide/month.md");
const MANY_ACCOUNTS: &str = include_str!("../../../../docs/guide/many-accounts.md");
const PERMISSIONS: &str = include_str!("../../../../docs/guide/permissions.md");
const AUDIT: &str = include_str!("../../../../docs/guide/audit.md");
const SIGN_IN: &str = include_str!("../../../../docs/guide/sign-in.md");
const PROVISION: &str = include_str!("../../../../docs/guide/provision.md");

/// Answers for the reader, and stops at the first line that ends otherwise than the page says.
const PRELUDE: &str = r#"
keyreeve() {
    case " $* " in *" --plan "*) "$KEYREEVE_BINARY" "$@"; return ;; esac
    case "$1 $2 $3" in
        "account list "*|"account show "*|"assignment list "*) ;;
        "organization discover "*) set -- "$@" --yes ;;
        "account "*|"assignment "*|"job apply"*|"job approve"*|"job reject"*|"job cancel"*|"job retry"*) set -- "$@" --yes ;;
        "import accept"*|"import reject"*|"store restore"*|"system remove"*|"system rotate-key"*) set -- "$@" --yes ;;
    esac
    "$KEYREEVE_BINARY" "$@"
}
curl() { command curl --silent --show-error --fail-with-body "$@"; }
ended() { [ "$1" = "$2" ] || { echo "ended with $1 instead of $2: $3" >&2; exit 99; }; }
"#;

/// A sandbox started as the guide says, but on free ports.
struct Reader {
    folder: TempDir,
    sandbox: Child,
    endpoint: String,
    admin: String,
}

impl Reader {
    fn begin() -> Self {
        Self::begin_with(SANDBOX)
    }

    /// With the sandbox that a page starts first of all.
    fn begin_with(page: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let line = commands(page).remove(0);
        let arguments: Vec<&str> = line.split(' ').skip(1).filter(|word| *word != "4567").collect();
        let arguments = arguments.into_iter().flat_map(|word| match word {
            "--admin-port" => vec!["--admin-port", "0", "--port", "0", "--output", "json"],
            word => vec![word],
        });
        let mut sandbox = piped(bare(&arguments.collect::<Vec<_>>(), folder.path()));
        let mut line = String::new();
        BufReader::new(sandbox.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { endpoint: url("endpoint_url"), admin: url("admin_url"), folder, sandbox }
    }

    /// Follows these lines in one shell, and gives what they said.
    #[track_caller]
    fn follow(&self, lines: &[String]) -> String {
        let mut script = PRELUDE.to_owned();
        for line in lines {
            let expected = ["1", "2"].into_iter().find(|code| line.ends_with(&format!("# exit code {code}")));
            let quoted = line.replace('\'', r"'\''");
            script.push_str(&format!("{line}\nended $? {} '{quoted}'\n", expected.unwrap_or("0")));
        }
        let script = script.replace("http://127.0.0.1:4566", &self.endpoint);
        let output = self.bash(&script.replace("http://127.0.0.1:4567", &self.admin));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    fn bash(&self, script: &str) -> Output {
        let mut bash = Command::new("bash");
        bash.env_clear().current_dir(self.folder.path()).env("HOME", self.folder.path());
        bash.env("PATH", std::env::var_os("PATH").unwrap()).env("AWS_EC2_METADATA_DISABLED", "true");
        bash.env("KEYREEVE_BINARY", env!("CARGO_BIN_EXE_keyreeve"));
        bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let path = self.folder.path().join("page.sh");
        std::fs::File::create(&path).unwrap().write_all(script.as_bytes()).unwrap();
        bash.arg(path).stdin(Stdio::null()).output().unwrap()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        terminate(&self.sandbox);
        let _ = self.sandbox.wait();
    }
}

/// The commands of a page's `sh` blocks, each as it stands there; one may have several lines.
fn commands(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut commands = Vec::new();
    for block in blocks {
        let mut open = String::new();
        for line in block.lines().filter(|line| !line.is_empty()) {
            open.push_str(line);
            let here_document = open.contains("<<'END'") && !open.ends_with("\nEND");
            if open.ends_with('\\') || open.matches('\'').count() % 2 == 1 || here_document {
                open.push('\n');
            } else {
                commands.push(std::mem::take(&mut open));
            }
        }
        assert!(open.is_empty(), "a command that does not end: {open}");
    }
    commands
}

/// What comes before every page: all of the sandbox's page up to its first import.
fn beginning() -> Vec<String> {
    let all = commands(SANDBOX);
    let end = all.iter().position(|line| line.starts_with("keyreeve import run")).unwrap();
    all[1..=end].to_vec()
}

#[test]
fn the_page_about_the_sandbox_works_as_printed() {
    let reader = Reader::begin();
    let said = reader.follow(&commands(SANDBOX)[1..]);
    assert!(said.contains("keyreeve-connector"), "{said}");
}

#[test]
fn the_page_about_signing_in_works_as_printed() {
    let reader = Reader::begin();
    let said = reader.follow(&[beginning(), commands(SIGN_IN)].concat());
    assert!(said.contains("bea") && said.contains("operator"), "{said}");
}

#[test]
fn the_page_about_the_audit_log_works_as_printed() {
    let reader = Reader::begin();
    let said = reader.follow(&[beginning(), commands(AUDIT)].concat());
    let verified = reader.bash("KEYREEVE_DATA_DIR=$PWD/try \"$KEYREEVE_BINARY\" audit verify --output json");
    let head: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert!(said.contains(&format!("{} {}\n", head["seq"], head["hash"].as_str().unwrap())), "{said}");
}

#[test]
fn the_page_about_changes_works_as_printed() {
    let reader = Reader::begin();
    let said = reader.follow(&[beginning(), commands(PROVISION)].concat());
    assert!(said.contains("delete_account ada.king is succeeded"), "{said}");
    assert!(said.contains("create_account grace and 2 more"), "{said}");
    assert!(!said.contains("drift"), "{said}");
}

#[test]
fn the_page_about_a_months_work_works_as_printed() {
    let reader = Reader::begin();
    let said = reader.follow(&[beginning(), commands(MONTH)].concat());
    for word in
        ["nora.berg", "awaiting_approval", "delete_account emil.frank is succeeded", "drift", "job_approved"]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn the_page_about_imports_works_as_printed() {
    let reader = Reader::begin();
    let said = reader.follow(&[beginning(), commands(IMPORT)].concat());
    for state in ["previewed", "suspended", "rejected", "published"] {
        assert!(said.contains(state), "{state}: {said}");
    }
}

#[test]
fn the_page_about_many_accounts_works_as_printed() {
    let reader = Reader::begin_with(MANY_ACCOUNTS);
    let said = reader.follow(&commands(MANY_ACCOUNTS)[1..]);
    for word in ["entered", "published", "suspend", "resume", "payments-live"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn the_page_about_permissions_works_as_printed() {
    let reader = Reader::begin_with(PERMISSIONS);
    let said = reader.follow(&commands(PERMISSIONS)[1..]);
    for word in
        ["KeyreeveNeverItself", "CreateAccessKey", "access_call_settled", "does not let in", "published"]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
}

/// Every page is listed, once.
#[test]
fn the_list_of_pages_is_whole() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide");
    let list = std::fs::read_to_string(format!("{folder}/README.md")).unwrap();
    let names = |folder: &str| {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let mut text = String::new();
    for name in names(folder).into_iter().filter(|name| name != "images") {
        let expected = if name == "README.md" { 0 } else { 1 };
        assert_eq!(list.matches(&format!("]({name})")).count(), expected, "{name}");
        text += &std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    }
    for picture in names(&format!("{folder}/images")) {
        assert_eq!(text.matches(&format!("](images/{picture})")).count(), 1, "{picture}");
    }
}

#[test]
fn the_page_about_what_went_wrong_works_as_printed() {
    let reader = Reader::begin();
    let said = reader.follow(&[beginning(), commands(RECOVER)].concat());
    assert!(said.contains("keyreeve-2026-05-01.db"), "{said}");
}

#[test]
fn the_sandbox_prints_what_its_page_shows() {
    let folder = tempfile::tempdir().unwrap();
    let line = commands(SANDBOX).remove(0).replace("--admin-port 4567", "--admin-port 0 --port 0");
    let arguments: Vec<&str> = line.split(' ').skip(1).collect();
    let mut sandbox = piped(bare(&arguments, folder.path()));
    let lines = BufReader::new(sandbox.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut shown = Vec::new();
    for line in lines {
        let last = line.contains("system add");
        shown.push(line.trim().to_owned());
        if last {
            break;
        }
    }
    terminate(&sandbox);
    sandbox.wait().unwrap();
    let copied: Vec<&String> =
        shown.iter().filter(|line| line.starts_with("export ") || line.starts_with("echo ")).collect();
    assert_eq!(copied.len(), 3, "{shown:?}");
    let page = commands(SANDBOX);
    for line in copied {
        let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next());
        let line = port.map_or_else(|| line.clone(), |port| line.replace(port, "4566"));
        assert!(page.contains(&line), "{line}\nis not on the page:\n{page:#?}");
    }
}
