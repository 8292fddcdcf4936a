//! `keyreeve export --to s3://…`: against moto, which boto3 looks into, and against a store that fails on the way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::export_parquet::read;
use crate::harness::{OTHER_ACCOUNT, Place, Ran, SYSTEM};
use crate::peer::{Emulator, moto_without_policies, program};

const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN";
const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";

/// What boto3 says of the bucket `lake`, which it makes first if it is not there.
fn boto(moto: &Emulator, expression: &str) -> Value {
    const RUN: &str = "import json, sys, boto3; s = boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1', \
        aws_access_key_id='a', aws_secret_access_key='b'); 'lake' in [b['Name'] for b in s.list_buckets()['Buckets']] or s.create_bucket(Bucket='lake'); \
        keys = lambda: [o['Key'] for o in s.list_objects_v2(Bucket='lake').get('Contents', [])]; \
        body = lambda k: s.get_object(Bucket='lake', Key=k)['Body'].read(); \
        head = lambda k: s.head_object(Bucket='lake', Key=k); \
        parts = lambda: s.list_multipart_uploads(Bucket='lake').get('Uploads', []); \
        print(json.dumps(eval(sys.argv[2]), default=str))";
    let mut command = Command::new(program("python").unwrap());
    command.args(["-B", "-c", RUN, &moto.endpoint, expression]).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs the command with an endpoint of S3 and credentials for it.
fn run(place: &Place, endpoint: &str, more: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = place.command(arguments);
    command.env("AWS_ENDPOINT_URL_S3", endpoint).env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    command.env("AWS_SECRET_ACCESS_KEY", SECRET).envs(more.iter().copied());
    let ran = Ran::of(command.output().unwrap());
    for secret in [SECRET, TOKEN, "AWS4-HMAC"] {
        assert!(!ran.stderr.contains(secret) && !ran.stdout.contains(secret), "{}", ran.stderr);
    }
    ran
}

#[test]
fn exports_go_to_a_bucket_whole_and_in_the_layout_of_a_warehouse() {
    let Some(moto) = moto_without_policies() else { return };
    let place = Place::imported(4);
    place.add("other", OTHER_ACCOUNT).code(0);
    place.run(&["import", "profile", "set", "other", "default", "policy_scope=customer"]).code(0);
    place.run(&["import", "run", "other"]).code(0);
    assert_eq!(boto(&moto, "keys()"), json!([]));
    place.sandbox.clear_trace();
    let one = ["export", "accounts", SYSTEM, "--to", "s3://lake/people/now.csv"];
    let said = run(&place, &moto.endpoint, &[("KEYREEVE_AWS_S3_ENCRYPTION", "AES256")], &one).code(0).stderr;
    assert!(said.contains("Written to s3://lake/people/now.csv"), "{said}");
    let csv = place.run(&["export", "accounts", SYSTEM]).code(0).stdout;
    assert_eq!(boto(&moto, "body('people/now.csv').decode()"), json!(csv));
    assert_eq!(boto(&moto, "head('people/now.csv')['ServerSideEncryption']"), "AES256");

    let lake = ["export", "accounts,jobs", "--all-systems", "--format", "parquet", "--to", "s3://lake/iam/"];
    run(&place, &moto.endpoint, &[], &lake).code(0);
    let keys = boto(&moto, "keys()");
    let date = jiff::Timestamp::now().to_string()[..10].to_owned();
    for key in [
        format!("iam/accounts/system={SYSTEM}/date={date}/run=1/all.parquet"),
        format!("iam/accounts/system=other/date={date}/run=2/all.parquet"),
        format!("iam/jobs/system=other/date={date}/all.parquet"),
    ] {
        assert!(keys.as_array().unwrap().contains(&json!(key)), "{key}: {keys}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.parquet");
    let key = format!("iam/accounts/system={SYSTEM}/date={date}/run=1/all.parquet");
    boto(&moto, &format!("open('{}', 'wb').write(body('{key}'))", file.display()));
    let accounts = place.json(&["account", "list", SYSTEM]);
    assert_eq!(
        read(&file, &[]).unwrap()["rows"].as_array().unwrap().len(),
        accounts.as_array().unwrap().len()
    );
    assert!(place.sandbox.trace().is_empty(), "the endpoint of IAM was asked");
}

#[test]
fn what_is_refused_leaves_nothing_there() {
    let Some(moto) = moto_without_policies() else { return };
    let place = Place::imported(2);
    boto(&moto, "keys()");
    let no_bucket = ["export", "accounts", SYSTEM, "--to", "s3://elsewhere/x.csv"];
    let refused = run(&place, &moto.endpoint, &[], &no_bucket).code(1).stderr;
    assert!(refused.contains("s3://elsewhere/x.csv") && refused.contains("NoSuchBucket"), "{refused}");
    // An export that fails before it is whole.
    let gone = ["export", "accounts", "nobody", "--to", "s3://lake/x.csv"];
    run(&place, &moto.endpoint, &[], &gone).code(2);
    for (bad, why) in [
        ("s3://", "bucket"),
        ("s3://a", "bucket"),
        ("s3://user@lake/x", "bucket"),
        ("s3://lake/a//b", "\"a//b\""),
        ("s3://lake//x", "\"/x\""),
        ("s3://lake/../x", "../x"),
    ] {
        let refused = run(&place, &moto.endpoint, &[], &["export", "accounts", SYSTEM, "--to", bad]).code(2);
        assert!(refused.stderr.contains(why), "{bad}: {}", refused.stderr);
    }
    let unknown = [("KEYREEVE_AWS_S3_ENCRYPTION", "rot13")];
    let to_lake = ["export", "accounts", SYSTEM, "--to", "s3://lake/x.csv"];
    let refused = run(&place, &moto.endpoint, &unknown, &to_lake).code(2).stderr;
    assert!(refused.contains("rot13") && refused.contains("aws:kms:dsse"), "{refused}");
    // Those of the system are not used.
    let mut command = place.command(&to_lake);
    let bare = Ran::of(command.env("AWS_ENDPOINT_URL_S3", &moto.endpoint).output().unwrap()).code(2).stderr;
    assert!(bare.contains("no AWS credentials") && bare.contains("AWS_PROFILE"), "{bare}");
    let nobody = format!("http://127.0.0.1:{}", keyreeve_sandbox::free_port().unwrap());
    let refused = run(&place, &nobody, &[], &to_lake).code(1).stderr;
    assert!(refused.contains("could not be reached"), "{refused}");
    assert_eq!(boto(&moto, "keys()"), json!([]));
}

#[test]
fn nothing_goes_in_the_clear_to_another_machine_unless_it_is_asked_for() {
    let Some(moto) = moto_without_policies() else { return };
    let place = Place::imported(2);
    boto(&moto, "keys()");
    let to_lake = ["export", "accounts", SYSTEM, "--to", "s3://lake/x.csv"];
    // It leads to this machine, but no address of it.
    let elsewhere = moto.endpoint.replace("127.0.0.1", "0.0.0.0");
    let refused = run(&place, &elsewhere, &[], &to_lake).code(2).stderr;
    assert!(refused.contains("without TLS") && refused.contains("s3_allow_http"), "{refused}");
    assert_eq!(boto(&moto, "keys()"), json!([]));
    run(&place, &elsewhere, &[("KEYREEVE_AWS_S3_ALLOW_HTTP", "true")], &to_lake).code(0);
    assert_eq!(boto(&moto, "keys()"), json!(["x.csv"]));
}

#[test]
fn endpoints_are_found_where_aws_tools_find_them() {
    let Some(moto) = moto_without_policies() else { return };
    let place = Place::imported(2);
    boto(&moto, "keys()");
    let export = |name: &str, more: &[(&str, &str)]| {
        let to = format!("s3://lake/{name}");
        let mut command = place.command(&["export", "accounts", SYSTEM, "--to", &to]);
        command.env_remove("AWS_ENDPOINT_URL").envs(more.iter().copied());
        Ran::of(command.output().unwrap())
    };
    let key = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    for name in ["KEYREEVE_AWS_ENDPOINT_URL_S3", "KEYREEVE_AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL"] {
        export(name, &[&key[..], &[(name, &moto.endpoint)]].concat()).code(0);
    }
    let wrong = [&key[..], &[("AWS_ENDPOINT_URL_S3", "ftp://user:canary@lake")]].concat();
    let refused = export("wrong", &wrong).code(2).stderr;
    assert!(refused.contains("AWS_ENDPOINT_URL_S3") && !refused.contains("canary"), "{refused}");
    let folder = place.folder.path().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    let endpoint = &moto.endpoint;
    let config =
        format!("[profile lake]\nservices = lake\n[services lake]\ns3 =\n  endpoint_url = {endpoint}\n");
    std::fs::write(folder.join("config"), config).unwrap();
    let keys =
        format!("[lake]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n");
    std::fs::write(folder.join("credentials"), keys).unwrap();
    export("profile", &[("AWS_PROFILE", "lake")]).code(0);
    assert_eq!(
        boto(&moto, "keys()"),
        json!(["AWS_ENDPOINT_URL", "KEYREEVE_AWS_ENDPOINT_URL", "KEYREEVE_AWS_ENDPOINT_URL_S3", "profile"])
    );
}

/// Rows of the audit log of some megabytes.
fn with_a_long_log() -> Place {
    let place = Place::imported(1);
    place.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 13000) INSERT INTO audit_log \
         (seq, at, actor, action, subject, prev_hash, hash) SELECT i, 0, 'local:test', 'noted', \
         json_object('text', hex(randomblob(400))), '', '' FROM n",
    );
    place
}

#[test]
fn what_is_long_goes_in_parts_and_is_there_whole() {
    let Some(moto) = moto_without_policies() else { return };
    let place = with_a_long_log();
    boto(&moto, "keys()");
    let long = ["export", "audit", "--format", "jsonl", "--to", "s3://lake/audit.jsonl"];
    run(&place, &moto.endpoint, &[], &long).code(0);
    let whole = place.run(&["export", "audit", "--format", "jsonl"]).code(0).stdout;
    assert!(whole.len() > 9 * 1024 * 1024, "{}", whole.len());
    assert_eq!(boto(&moto, "head('audit.jsonl')['ContentLength']"), json!(whole.len()));
    assert!(boto(&moto, "head('audit.jsonl')['ETag']").as_str().unwrap().contains("-2"), "not in two parts");
    assert_eq!(boto(&moto, "body('audit.jsonl').decode()"), json!(whole));
    assert_eq!(boto(&moto, "parts()"), json!([]));
}

#[test]
fn an_upload_that_fails_on_the_way_is_taken_back() {
    let Some(moto) = moto_without_policies() else { return };
    let place = with_a_long_log();
    boto(&moto, "s.put_object(Bucket='lake', Key='audit.jsonl', Body=b'before')['ETag']");
    let long = ["export", "audit", "--format", "jsonl", "--to", "s3://lake/audit.jsonl"];
    let session = [("AWS_SESSION_TOKEN", TOKEN)];
    let (endpoint, refused) = before(&moto.endpoint, &["partNumber=2"]);
    let failed = run(&place, &endpoint, &session, &long).code(1).stderr;
    assert!(failed.contains("AccessDenied") && failed.contains("s3://lake/audit.jsonl"), "{failed}");
    assert_eq!(refused.load(Ordering::SeqCst), 1, "the second part was not refused");
    assert_eq!(boto(&moto, "parts()"), json!([]), "parts are left");
    assert_eq!(boto(&moto, "body('audit.jsonl').decode()"), "before");
    // Where they cannot be taken back, that is said.
    let (endpoint, _) = before(&moto.endpoint, &["partNumber=2", "DELETE "]);
    let failed = run(&place, &endpoint, &session, &long).code(1).stderr;
    assert!(failed.contains("Parts of s3://lake/audit.jsonl are left in the store"), "{failed}");
    assert_eq!(boto(&moto, "len(parts())"), 1);
    assert_eq!(boto(&moto, "body('audit.jsonl').decode()"), "before");
}

/// A place before an endpoint that passes everything on but what it refuses, by the first line of requests.
fn before(endpoint: &str, refuses: &'static [&str]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let behind = endpoint.strip_prefix("http://").unwrap().to_owned();
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refused);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (behind, counted) = (behind.clone(), Arc::clone(&counted));
            std::thread::spawn(move || pass(client.unwrap(), &behind, (refuses, &counted)));
        }
    });
    (address, refused)
}

fn pass(client: TcpStream, behind: &str, (refuses, refused): (&[&str], &AtomicUsize)) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut client = client;
    let line = head.lines().next().unwrap();
    if refuses.iter().any(|what| line.contains(what)) {
        refused.fetch_add(1, Ordering::SeqCst);
        // S3 says what was signed, and tokens.
        let said = format!(
            "<Error><Code>AccessDenied</Code><CanonicalRequest>{head}</CanonicalRequest><Message>no</Message></Error>"
        );
        let length = said.len();
        write!(
            client,
            "HTTP/1.1 403 Forbidden\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{said}"
        )
        .unwrap();
        return;
    }
    let mut server = TcpStream::connect(behind).unwrap();
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
    server.write_all(&body).unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    // The other end takes it for the last on this connection.
    let answered = String::from_utf8_lossy(&answer).into_owned();
    let (first, rest) = answered.split_once("\r\n").unwrap();
    let _ = client.write_all(format!("{first}\r\nConnection: close\r\n{rest}").as_bytes());
}
