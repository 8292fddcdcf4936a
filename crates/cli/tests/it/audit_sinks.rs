//! The audit log leaves the machine while `serve` runs: all of it, in order, whatever dies or does not answer meanwhile,
//! and nothing waits for it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Place, Ran, SYSTEM};
use crate::http::ask;
use crate::serve::{LOG, serve, terminate};

const SECRET: &str = "canary-0123456789abcdef0123456789abcdef";
const TOKEN: &str = "canary-token-of-the-collector";
/// A line of its own, a cleared screen, the ends of what syslog has, and other ends of lines.
const HOSTILE: &str = "x\n{\"seq\":1}\r\u{1b}[2J\"]\\ \u{85}\u{2028}\u{202e}<109>1 y";

/// A system in which changes may be made.
fn ready() -> Place {
    let place = Place::registered(1);
    place.run(&["system", "set", SYSTEM, "permission_profile=full"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place
}

/// The configuration file with these sinks.
fn configured(place: &Place, sinks: &str) -> PathBuf {
    let path = place.folder.path().join("sinks.toml");
    std::fs::write(&path, sinks).unwrap();
    path
}

fn file_sink(path: &Path) -> String {
    format!("[[audit.sinks]]\nname = \"disk\"\nkind = \"file\"\npath = \"{}\"\n", path.display())
}

fn secret(place: &Place, name: &str, text: &str) -> String {
    let path = place.folder.path().join(name);
    std::fs::write(&path, format!("{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

fn http_sink(place: &Place, url: &str) -> String {
    let (secret, token) = (secret(place, "secret", SECRET), secret(place, "token", TOKEN));
    format!(
        "[[audit.sinks]]\nname = \"siem\"\nkind = \"http\"\nurl = \"{url}\"\nsecret_file = \"{secret}\"\n\
         token_file = \"{token}\"\nnetworks = [\"127.0.0.1/32\"]\n"
    )
}

/// Waits for something that may take its time.
#[track_caller]
fn at_last<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn create(place: &Place, name: &str) {
    // Between its quotes an expression may hold anything; what else people write shows.
    let row = json!({"property": "tags.note", "operator": "Expression", "source": format!("'{HOSTILE}'")});
    let action = json!({"when": "Before", "task": "add_assignment", "operation": "TagUser", "rows": [row]});
    let main = json!({"add_assignment": "AddUserToGroup", "remove_assignment": "RemoveUserFromGroup"});
    let mapping = json!({"name": "AWS - Group Assignment", "main": main, "custom_actions": [action]});
    let path = place.folder.path().join("mapping.json");
    std::fs::write(&path, mapping.to_string()).unwrap();
    let file = path.to_str().unwrap();
    place.run(&["mapping", "set", SYSTEM, "group assignment", "--file", file]).code(0);
    place.run(&["account", "create", SYSTEM, "--name", name, "--yes", "--reason", "asked for"]).code(0);
}

/// The log as the store has it, the oldest row first.
fn log(place: &Place) -> Vec<Value> {
    let mut rows = place.json(&["audit", "list"]).as_array().unwrap().clone();
    rows.reverse();
    rows
}

/// How far a sink is.
fn sent(place: &Place) -> i64 {
    let rows = place.rows("SELECT sent_seq FROM audit_sinks");
    rows.as_array().unwrap().first().map_or(0, |row| row[0].as_i64().unwrap())
}

#[track_caller]
fn all_sent(place: &Place) -> Vec<Value> {
    let rows = log(place);
    at_last("everything to be sent", || (sent(place) == rows.len() as i64).then_some(()));
    rows
}

/// Waits until a sink has taken nothing more than once.
#[track_caller]
fn tried_again(place: &Place) {
    let again = "SELECT failures FROM audit_sinks WHERE failures > 1";
    at_last("another try", || (!place.rows(again).as_array().unwrap().is_empty()).then_some(()));
}

/// What `doctor` says of a sink.
fn checked(place: &Place, settings: &Path, name: &str) -> Value {
    let mut command = place.command(&["doctor", "--output", "json"]);
    let checks = Ran::of(command.env("KEYREEVE_CONFIG", settings).output().unwrap()).json();
    let found = checks.as_array().unwrap().iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("{checks}")).clone()
}

fn said(place: &Place) -> String {
    std::fs::read_to_string(place.folder.path().join(LOG)).unwrap()
}

/// Rows that came from one or more files or requests: repeats may be among them, gaps and others may not.
#[track_caller]
fn assert_whole(received: &[Value], rows: &[Value]) {
    let numbers: BTreeSet<i64> = received.iter().map(|row| row["seq"].as_i64().unwrap()).collect();
    let expected: BTreeSet<i64> = (1..=rows.len() as i64).collect();
    assert_eq!(numbers, expected);
    let mut next = 1;
    for row in received {
        let seq = row["seq"].as_i64().unwrap();
        assert!(seq <= next, "row {next} is passed over: {row}");
        assert_eq!(row, &rows[seq as usize - 1]);
        next = next.max(seq + 1);
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_ascii() && text.ends_with('\n'), "{text}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn r02_a_file_has_every_row_though_the_process_is_killed_again_and_again_and_the_file_moved_away() {
    let place = ready();
    let path = place.folder.path().join("audit.jsonl");
    let moved = place.folder.path().join("audit.jsonl.1");
    let settings = configured(&place, &file_sink(&path));
    for round in 0..4 {
        let (mut killed, _) = serve(&place, &[("KEYREEVE_CONFIG", &settings)]);
        create(&place, &format!("killed-{round}"));
        std::thread::sleep(Duration::from_millis(700 * round));
        killed.kill().unwrap();
        killed.wait().unwrap();
        if round == 2 {
            // As after a crash in the middle of a write, and then as logrotate does.
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
            file.write_all(b"{\"seq\":7,\"at").unwrap();
            drop(file);
            // Something is left to be sent, whatever was before the end: what was cut goes when rows come.
            create(&place, "unsent");
            let (child, _) = serve(&place, &[("KEYREEVE_CONFIG", &settings)]);
            all_sent(&place);
            terminate(child);
            std::fs::rename(&path, &moved).unwrap();
        }
    }
    let (child, _) = serve(&place, &[("KEYREEVE_CONFIG", &settings)]);
    create(&place, "eve");
    let rows = all_sent(&place);
    terminate(child);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_whole(&[lines(&moved), lines(&path)].concat(), &rows);
    // Whoever reads the file can hold the chain against itself, with nothing of ours.
    let chain = "import datetime, hashlib, json, sys\n\
        rows = {}\n\
        for name in sys.argv[1:]:\n\
        \x20   for line in open(name):\n\
        \x20       row = json.loads(line); rows[row['seq']] = row\n\
        before = '0' * 64\n\
        for seq in range(1, len(rows) + 1):\n\
        \x20   row = rows[seq]; own = row.pop('hash')\n\
        \x20   assert row['prev_hash'] == before, seq\n\
        \x20   at = datetime.datetime.fromisoformat(row['at'])\n\
        \x20   row['at'] = round(at.timestamp() * 1000)\n\
        \x20   text = json.dumps(row, sort_keys=True, separators=(',', ':'), ensure_ascii=False)\n\
        \x20   before = hashlib.sha256(text.encode()).hexdigest()\n\
        \x20   assert before == own, text\n\
        print(before)";
    let told = Command::new("python3").args(["-c", chain]).args([&moved, &path]).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let head = place.json(&["audit", "verify"]);
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), head["hash"].as_str().unwrap());
}

/// One request: its head, and the rows in its body.
struct Request {
    stream: TcpStream,
    head: String,
    body: String,
}

impl Request {
    /// The next request to this listener.
    fn next(listener: &TcpListener) -> Self {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut reader = BufReader::new(&mut stream);
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).unwrap();
        }
        for line in head.lines() {
            if let Some(found) = line.to_lowercase().strip_prefix("content-length: ") {
                length = found.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        Self { stream, head, body: String::from_utf8(body).unwrap() }
    }

    fn rows(&self) -> Vec<Value> {
        assert!(self.body.is_ascii());
        self.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn answer(&mut self, answer: &str) {
        write!(self.stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").unwrap();
    }
}

#[test]
fn a_receiver_that_was_down_gets_everything_in_order_and_nothing_waited_for_it() {
    let place = ready();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let settings = configured(&place, &http_sink(&place, &format!("http://{at}/in?key=canary-of-the-query")));
    let levels = PathBuf::from("info");
    let variables = [("KEYREEVE_CONFIG", &settings), ("KEYREEVE_LOG", &levels)];
    let (mut killed, address) = serve(&place, &variables);
    at_last("the sink to fall behind", || said(&place).contains("falls behind").then_some(()));
    create(&place, "ada");
    create(&place, "ben");
    let check = checked(&place, &settings, "audit_sink");
    assert_eq!(check["state"], "warning");
    let message = check["message"].as_str().unwrap();
    assert!(message.contains(&format!("{} behind", log(&place).len())), "{message}");
    assert!(message.contains("no connection"), "{message}");
    let viewer = place.token("prometheus", "viewer", &[]);
    let metrics = ask(&address, "GET", "/metrics", &format!("Authorization: Bearer {viewer}\r\n"), "").body;
    let behind = format!("keyreeve_audit_sink_rows_behind{{sink=\"siem\"}} {}\n", log(&place).len());
    assert!(metrics.contains(&behind), "{behind}: {metrics}");
    assert!(metrics.contains("keyreeve_audit_sink_error{sink=\"siem\",error=\"no connection"), "{metrics}");
    assert!(metrics.contains("keyreeve_audit_sink_seconds_behind{sink=\"siem\"} "), "{metrics}");
    tried_again(&place);
    assert_eq!(said(&place).matches("falls behind").count(), 1, "{}", said(&place));

    // It is there again, and takes what is sent; but before it can say so, the process is killed.
    let listener = TcpListener::bind(at).unwrap();
    let unanswered = Request::next(&listener);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let log_before = said(&place);
    let first = unanswered.rows();
    assert_eq!(first[0]["seq"], 1);
    drop(unanswered);
    let (child, _) = serve(&place, &variables);
    let mut refused = Request::next(&listener);
    assert_eq!(refused.rows()[..first.len()], first, "it was not taken, and is sent again");
    refused.answer("503 Service Unavailable\r\nRetry-After: 1");
    create(&place, "eve");
    let rows = log(&place);
    let mut received = Vec::new();
    while received.len() < rows.len() {
        let mut request = Request::next(&listener);
        received.extend(request.rows());
        let signed = "import hashlib, hmac, sys\n\
            key, moment, mark = sys.argv[1].encode(), *sys.argv[2].split(',')\n\
            text = moment[2:] + '.' + sys.stdin.read()\n\
            assert mark == 'v1=' + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()";
        let header = |name: &str| request.head.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let mut python = Command::new("python3");
        python.args(["-c", signed, SECRET, header("keyreeve-signature: ")]).stdin(Stdio::piped());
        let mut python = python.spawn().unwrap();
        python.stdin.take().unwrap().write_all(request.body.as_bytes()).unwrap();
        assert!(python.wait().unwrap().success(), "the signature does not fit");
        assert!(
            request.head.starts_with("POST /in?key=canary-of-the-query HTTP/1.1\r\n"),
            "{}",
            request.head
        );
        assert_eq!(header("authorization: "), format!("Bearer {TOKEN}"));
        let numbers: Vec<i64> = request.rows().iter().map(|row| row["seq"].as_i64().unwrap()).collect();
        assert_eq!(header("keyreeve-rows: "), format!("{}-{}", numbers[0], numbers[numbers.len() - 1]));
        request.answer("204 No Content");
    }
    assert_eq!(received, rows, "each row once, in order");
    at_last("the position to be kept", || (sent(&place) == rows.len() as i64).then_some(()));
    assert_eq!(checked(&place, &settings, "audit_sink")["state"], "ok");
    terminate(child);
    assert_eq!(said(&place).matches("takes rows again").count(), 1, "{}", said(&place));
    // Neither key, nor token, nor what an address carries is found anywhere but in the files they were given in.
    let everything =
        [log_before, said(&place), metrics, log(&place).iter().map(Value::to_string).collect()].concat();
    let kept = place.rows("SELECT * FROM audit_sinks").to_string();
    assert!(!everything.contains("canary") && !kept.contains("canary"), "{kept}");
    place.audit();
}

#[test]
fn s25_each_row_is_one_message_of_syslog_whatever_it_holds() {
    let place = ready();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sink = format!(
        "[[audit.sinks]]\nname = \"siem\"\nkind = \"syslog\"\naddress = \"tcp://{}\"\nnetworks = [\"127.0.0.0/8\"]\n",
        listener.local_addr().unwrap()
    );
    let settings = configured(&place, &sink);
    create(&place, "ada");
    let rows = log(&place);
    let hostile = Value::from(HOSTILE).to_string();
    let holds_it = |row: &Value| row["subject"].to_string().contains(hostile.trim_matches('"'));
    assert!(rows.iter().any(holds_it), "{rows:?}");
    let (child, _) = serve(&place, &[("KEYREEVE_CONFIG", &settings)]);
    let mut received = Vec::new();
    while received.len() < rows.len() {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let mut rest = text.as_str();
        while let Some((length, behind)) = rest.split_once(' ') {
            let (message, next) = behind.split_at(length.parse().unwrap());
            rest = next;
            assert!(
                message.starts_with("<109>1 20") && !message.chars().any(char::is_control),
                "{message:?}"
            );
            assert!(!message.contains(['\u{85}', '\u{2028}', '\u{202e}']), "{message:?}");
            let (_, json) = message.split_once("\"] ").unwrap();
            received.push(serde_json::from_str::<Value>(json).unwrap());
        }
    }
    terminate(child);
    assert_eq!(received, rows);
}

#[test]
fn what_cannot_be_written_blocks_nothing_is_told_and_is_made_up_for() {
    let place = ready();
    let path = place.folder.path().join("audit.jsonl");
    let settings = configured(&place, &file_sink(&path));
    let (child, _) = serve(&place, &[("KEYREEVE_CONFIG", &settings)]);
    all_sent(&place);
    std::fs::rename(&path, place.folder.path().join("before.jsonl")).unwrap();
    std::fs::create_dir(&path).unwrap();
    create(&place, "ben");
    at_last("the failure", || said(&place).contains("it is no file").then_some(()));
    create(&place, "ada");
    assert_eq!(checked(&place, &settings, "audit_sink_file")["state"], "error");
    let message = checked(&place, &settings, "audit_sink")["message"].to_string();
    assert!(message.contains("it is no file"), "{message}");
    tried_again(&place);
    std::fs::remove_dir(&path).unwrap();
    let rows = all_sent(&place);
    terminate(child);
    let before = lines(&place.folder.path().join("before.jsonl"));
    assert_whole(&[before, lines(&path)].concat(), &rows);
    assert_eq!(checked(&place, &settings, "audit_sink")["state"], "ok");
}

/// What `serve` says when it does not start.
#[track_caller]
fn not_started(place: &Place, settings: &Path) -> String {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    Ran::of(command.env("KEYREEVE_CONFIG", settings).output().unwrap()).code(2).stderr
}

#[test]
fn the_log_is_never_added_to_a_file_of_ours_or_of_somebody_else() {
    let place = Place::registered(0);
    let folder = place.folder.path().canonicalize().unwrap();
    let (data, at) = (place.data().canonicalize().unwrap(), |name: &str| folder.join(name));
    let key = secret(&place, "hmac", SECRET);
    let other = format!(
        "[[audit.sinks]]\nname = \"web\"\nkind = \"http\"\nurl = \"https://example.org/\"\nsecret_file = \"{key}\"\n"
    );
    std::fs::write(at("other.txt"), "one line\nhalf a line").unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    std::fs::hard_link(data.join("keyreeve.key"), at("second-name")).unwrap();
    std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    place.run(&["store", "backup", "copy.db"]).code(0);
    let copy = ["copy.db", "data/copy.db"].map(at).into_iter().find(|path| path.exists());
    // Nobody reads a pipe or a device to its end.
    let before = |path: &Path| path.is_file().then(|| std::fs::read(path).ok()).flatten();
    for (path, why) in [
        (data.join("keyreeve.db"), "a file of the database"),
        (data.join("../").join(data.file_name().unwrap()).join("keyreeve.db"), "a file of the database"),
        (data.join("keyreeve.db-wal"), "a file of the database"),
        (data.join("keyreeve.db.replaced-1"), "a file of the database"),
        (data.join("keyreeve.key"), "a file of the store's key"),
        (data.join("keyreeve.key.old-abc"), "a file of the store's key"),
        (at("second-name"), "a file of the store's key"),
        (data.join("audit-checkpoint-x"), "the checkpoint"),
        (at("sinks.toml"), "the configuration"),
        (PathBuf::from(&key), "the file of a secret"),
        (copy.unwrap(), "something else than an audit log"),
        (at("other.txt"), "something else than an audit log"),
        (at("folder"), "no file"),
        (at("pipe"), "no file"),
        (at("link"), "symbolic link"),
        (at("missing/audit.jsonl"), "its folder"),
        (PathBuf::from("/dev/null"), ""),
    ] {
        let settings = configured(&place, &[other.as_str(), &file_sink(&path)].concat());
        let held = before(&path);
        let refused = not_started(&place, &settings);
        assert!(before(&path) == held, "{} was changed", path.display());
        assert!(refused.contains(why) && refused.contains("sink disk"), "{}: {refused}", path.display());
        let check = checked(&place, &settings, "audit_sink_file");
        assert!(check["state"] == "error" && check["message"].as_str().unwrap().contains(why), "{check}");
    }
    // Two sinks would write between each other's lines, whatever each calls the file.
    std::fs::write(at("taken"), "").unwrap();
    std::fs::hard_link(at("taken"), at("taken-too")).unwrap();
    for same in ["folder/../taken", "taken-too"] {
        let first = file_sink(&at("taken")).replace("disk", "first");
        let settings = configured(&place, &[first, file_sink(&at(same))].concat());
        let refused = not_started(&place, &settings);
        assert!(refused.contains("it is the file of sink"), "{same}: {refused}");
    }
    place.audit();
}

/// The sink's file may not grow beyond so much, as if there were no room for more.
const ROOM: u64 = 64 * 1024 * 1024;

#[test]
fn a_full_disk_leaves_no_half_line_and_is_made_up_for() {
    let place = ready();
    let path = place.folder.path().join("audit.jsonl");
    let settings = configured(&place, &file_sink(&path));
    let mut full = std::fs::File::create(&path).unwrap();
    full.write_all(b"{\"seq\":0,\"prev_hash\":\"\",\"hash\":\"\"}\n").unwrap();
    full.set_len(ROOM - 1_001).unwrap();
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"\n").unwrap();
    let before = path.metadata().unwrap().len();
    let mut command = Command::new("bash");
    let limited = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", ROOM / 1024);
    command.env_clear().args(["-c", &limited, "bash", env!("CARGO_BIN_EXE_keyreeve")]);
    command.args(["serve", "--listen", "127.0.0.1:0", "--output", "json"]);
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", place.folder.path());
    command.env("KEYREEVE_DATA_DIR", place.data()).env("KEYREEVE_CONFIG", &settings);
    command.env("AWS_ENDPOINT_URL", place.sandbox.endpoint_url()).env("AWS_REGION", "us-east-1");
    let errors = std::fs::File::create(place.folder.path().join(LOG)).unwrap();
    let mut child = command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    at_last("the failure", || said(&place).contains("falls behind").then_some(()));
    assert!(said(&place).contains("too large"), "{}", said(&place));
    create(&place, "ada");
    tried_again(&place);
    assert_eq!((path.metadata().unwrap().len(), sent(&place)), (before, 0), "a half line stays");
    std::fs::rename(&path, place.folder.path().join("full")).unwrap();
    let rows = all_sent(&place);
    terminate(child);
    assert_whole(&lines(&path), &rows);
}

#[test]
fn s27_the_audit_log_goes_to_no_inner_address() {
    let place = ready();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let secret = secret(&place, "secret", SECRET);
    let http = |url: &str| format!("kind = \"http\"\nurl = \"{url}\"\nsecret_file = \"{secret}\"\n");
    let syslog = |address: &str| format!("kind = \"syslog\"\naddress = \"{address}\"\n");
    for sink in [
        http("https://169.254.169.254/"),
        http(&format!("http://127.0.0.1:{port}/")),
        http(&format!("https://localhost:{port}/")),
        syslog(&format!("tcp://127.0.0.1:{port}")),
        syslog("tcp://logs.example.org:514"),
        syslog("tcp://192.0.43.8:514"),
        syslog(&format!("tls://127.0.0.1:{port}")),
    ] {
        let settings = configured(&place, &format!("[[audit.sinks]]\nname = \"inner\"\n{sink}"));
        let refused = not_started(&place, &settings);
        let said = refused.contains("its address is") && refused.contains("`networks");
        assert!(said && !refused.contains("169.254"), "{sink}: {refused}");
        assert!(checked(&place, &settings, "serve")["message"].to_string().contains("audit_sinks"), "{sink}");
    }
    assert!(listener.accept().is_err(), "somebody was called");
}

#[test]
fn a_sink_that_is_named_again_goes_on_and_one_with_a_new_name_begins_where_it_is_told() {
    let place = ready();
    let folder = place.folder.path();
    let at = |name: &str| folder.join(name);
    let sink = |name: &str, from: &str| {
        let path = at(name);
        format!(
            "[[audit.sinks]]\nname = \"{name}\"\nkind = \"file\"\npath = \"{}\"\nfrom = \"{from}\"\n",
            path.display()
        )
    };
    let sent_of = |name: &str| {
        place.rows(&format!("SELECT sent_seq FROM audit_sinks WHERE name = '{name}'"))[0][0]
            .as_i64()
            .unwrap_or(-1)
    };
    let run_with = |sinks: &[String], names: &[&str]| {
        let settings = configured(&place, &sinks.concat());
        let (child, _) = serve(&place, &[("KEYREEVE_CONFIG", &settings)]);
        // What came before it began is not for who begins now.
        at_last("the places", || names.iter().all(|name| sent_of(name) >= 0).then_some(()));
        place.token("amy", "viewer", &[]);
        let end = log(&place).len() as i64;
        at_last("everything to be sent", || names.iter().all(|name| sent_of(name) == end).then_some(()));
        terminate(child);
        settings
    };
    run_with(&[sink("one", "start")], &["one"]);
    let before = log(&place).len();
    let settings = run_with(&[sink("two", "now"), sink("three", "start")], &["two", "three"]);
    let rows = log(&place);
    assert_eq!(lines(&at("one")), rows[..before]);
    assert_eq!(lines(&at("two")), rows[before..]);
    assert_eq!(lines(&at("three")), rows);
    let mut doctor = place.command(&["doctor", "--output", "json"]);
    let checks = Ran::of(doctor.env("KEYREEVE_CONFIG", settings).output().unwrap()).stdout;
    assert!(checks.contains("one is not configured"), "{checks}");
    run_with(&[sink("one", "now")], &["one"]);
    let rows = log(&place);
    assert_eq!(lines(&at("one")), rows, "what came meanwhile is not passed over");
}

#[test]
fn sinks_that_are_configured_wrongly_are_refused_with_what_to_do() {
    let place = Place::registered(0);
    let (short, good) = (secret(&place, "short", "canary"), secret(&place, "good", SECRET));
    let sink = |rest: &str| format!("[[audit.sinks]]\nname = \"siem\"\n{rest}");
    let http = |rest: &str| sink(&format!("kind = \"http\"\nurl = \"https://example.org/\"\n{rest}"));
    for (text, why) in [
        ("[[audit.sinks]]\nkind = \"file\"\npath = \"/x\"".to_owned(), "missing field `name`"),
        (
            "[[audit.sinks]]\nname = \"A b\"\nkind = \"file\"\npath = \"/x\"".to_owned(),
            "a-z, 0-9 and hyphens",
        ),
        (sink("kind = \"udp\""), "`file`, `syslog`, `http`"),
        (sink("kind = \"file\""), "`path` is missing"),
        (sink("kind = \"file\"\npath = \"audit.jsonl\""), "whole path"),
        (sink("kind = \"file\"\npath = \"/x\"\nurl = \"canary\""), "`url` is not of its kind"),
        (sink("kind = \"file\"\npath = \"/x\"\nfrom = \"yesterday\""), "`start` or `now`"),
        (
            [sink("kind = \"file\"\npath = \"/x\""), sink("\nkind = \"file\"\npath = \"/y\"")].join("\n"),
            "called siem",
        ),
        (
            [
                sink("kind = \"file\"\npath = \"/x\""),
                "[[audit.sinks]]\nname=\"b\"\nkind=\"file\"\npath=\"/x\"".into(),
            ]
            .join("\n"),
            "the file of another one",
        ),
        (sink("kind = \"syslog\"\naddress = \"udp://logs.example.org:514\""), "loses messages"),
        (sink("kind = \"syslog\"\naddress = \"logs.example.org\""), "tls://HOST:PORT"),
        (http(""), "`secret_file` is missing"),
        (http(&format!("secret_file = \"{short}\"")), "shorter than"),
        (http("secret_file = \"/nowhere/secret\""), "secret_file /nowhere/secret"),
        (http(&format!("secret_file = \"{good}\"\nsecret = \"canary\"")), "secret"),
        (
            sink(&format!("kind = \"http\"\nurl = \"http://canary.example.org\"\nsecret_file = \"{good}\"")),
            "https:// URL",
        ),
        ("[audit]\nsink = 1".to_owned(), "sink"),
    ] {
        let file = configured(&place, &text);
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        let refused = Ran::of(command.env("KEYREEVE_CONFIG", file).output().unwrap()).code(2);
        assert!(
            refused.stderr.contains(why) && !refused.stderr.contains("canary"),
            "{why}: {}",
            refused.stderr
        );
    }
    std::fs::set_permissions(&good, std::fs::Permissions::from_mode(0o644)).unwrap();
    let settings = configured(&place, &http(&format!("secret_file = \"{good}\"")));
    let check = checked(&place, &settings, "audit_sink_secret");
    assert!(check["state"] == "error" && check["advice"].as_str().unwrap().contains("chmod 600"), "{check}");
    assert_eq!(checked(&place, &settings, "audit_sink")["state"], "warning");
}
