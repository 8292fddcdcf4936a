use super::*;
use crate::scim::{Switches, body};

/// A path below `/Users`.
fn users(rest: &str) -> String {
    format!("/Users{rest}")
}

fn read(operations: Value) -> Result<Bulk, Error> {
    let body = json!({"schemas": [urn::BULK_REQUEST], "failOnErrors": 1, "Operations": operations});
    Bulk::read(&Model::new(Switches::default()), &body)
}

fn refusal(operation: Value) -> Cause {
    let bulk = read(json!([operation])).unwrap_or_else(|error| panic!("{operation}: {error}"));
    bulk.operations[0].request.clone().expect_err(&operation.to_string()).cause
}

fn post(bulk_id: &str, refers_to: &[&str]) -> Value {
    let references: Vec<Value> =
        refers_to.iter().map(|name| json!({"value": format!("bulkId:{name}")})).collect();
    json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": {"displayName": bulk_id, "members": references}})
}

fn names(bulk: &Bulk) -> Vec<&str> {
    bulk.operations.iter().map(|operation| operation.bulk_id.as_deref().unwrap_or("-")).collect()
}

/// RFC 7644 §3.7, figure 5.
#[test]
fn operations_are_read() {
    let bulk = read(json!([
        {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"userName": "Alice"}},
        {"method": "PUT", "path": users("/b7c14771"), "version": "W/\"3694e05e9dff595\"", "data": {"userName": "Bob"}},
        {"method": "PATCH", "path": users("/5d8d29d3"), "version": "W/\"edac3253e2c0ef2\"", "data": {"Operations": []}},
        {"method": "DELETE", "path": users("/e9025315"), "version": "W/\"0ee8add0a938e1a\""},
    ]));
    let bulk = bulk.unwrap();
    let requests: Vec<&BulkRequest> =
        bulk.operations.iter().map(|one| one.request.as_ref().unwrap()).collect();
    let methods: Vec<Method> = requests.iter().map(|request| request.method).collect();
    assert_eq!(methods, [Method::Post, Method::Put, Method::Patch, Method::Delete]);
    assert_eq!((requests[0].resource_type, &requests[0].id), ("User", &None));
    assert_eq!(requests[1].id, Some(Reference::Id("b7c14771".into())));
    assert_eq!(requests[1].version.as_deref(), Some("W/\"3694e05e9dff595\""));
    assert_eq!(requests[3].data, None);
    assert!(!bulk.ends_after(0) && bulk.ends_after(1));
    let patient = Bulk { fail_on_errors: None, operations: vec![] };
    assert!(!patient.ends_after(1_000));
}

/// RFC 7644 §3.7.2: what an operation refers to is made before it, wherever it stands.
#[test]
fn what_is_referred_to_comes_first() {
    let add = json!({"method": "PATCH", "path": "/Groups/bulkId:c", "bulkId": "p",
        "data": {"Operations": [{"op": "add", "path": "members", "value": [{"value": "bulkId:d"}]}]}});
    let bulk = read(json!([add, post("a", &["b", "c"]), post("b", &["c"]), post("c", &[]), post("d", &[])]))
        .unwrap();
    assert_eq!(names(&bulk), ["c", "b", "a", "d", "p"]);
    assert!(bulk.operations.iter().all(|operation| operation.request.is_ok()));
    let as_sent = read(json!([post("z", &[]), post("y", &[]), post("x", &[])])).unwrap();
    assert_eq!(names(&as_sent), ["z", "y", "x"]);
}

/// S13: circles end, and take only those with them that depend on them.
#[test]
fn s13_circles_are_found() {
    let bulk = read(json!([
        post("a", &["b"]),
        post("b", &["a"]),
        post("self", &["self"]),
        post("after", &["a"]),
        post("free", &[]),
        post("nobody", &["missing"]),
    ]));
    let bulk = bulk.unwrap();
    let outcome: Vec<(&str, Option<Cause>)> = bulk
        .operations
        .iter()
        .map(|one| (one.bulk_id.as_deref().unwrap(), one.request.as_ref().err().map(|error| error.cause)))
        .collect();
    let circle = Some(Cause::Conflict);
    assert_eq!(
        outcome,
        [
            ("free", None),
            ("nobody", Some(Cause::InvalidValue)),
            ("a", circle),
            ("b", circle),
            ("self", circle),
            ("after", circle),
        ]
    );
    let long: Vec<Value> =
        (0..1_000).map(|n: usize| post(&n.to_string(), &[((n + 1) % 1_000).to_string().as_str()])).collect();
    let bulk = read(json!(long)).unwrap();
    assert!(
        bulk.operations
            .iter()
            .all(|one| one.request.as_ref().is_err_and(|error| error.cause == Cause::Conflict))
    );
}

/// S13.
#[test]
fn s13_too_much_is_refused_as_a_whole() {
    let operation = json!({"method": "DELETE", "path": users("/1")});
    assert_eq!(read(json!(vec![operation.clone(); 1_000])).unwrap().operations.len(), 1_000);
    assert_eq!(read(json!(vec![operation.clone(); 1_001])).unwrap_err().cause, Cause::TooLarge);
    let start = std::time::Instant::now();
    let text = json!({"schemas": [urn::BULK_REQUEST], "Operations": vec![operation; 10_000]}).to_string();
    let body = body::parse(text.as_bytes()).unwrap();
    let error = Bulk::read(&Model::new(Switches::default()), &body).unwrap_err();
    assert_eq!(error.cause.status(), 413);
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
    let large = format!(
        "{{\"schemas\": [\"{}\"], \"Operations\": [{}]}}",
        urn::BULK_REQUEST,
        " ".repeat(limits::BODY_BYTES)
    );
    assert_eq!(body::parse(large.as_bytes()).unwrap_err().cause, Cause::TooLarge);
}

#[test]
fn what_is_no_operation_is_refused_alone() {
    let syntax = Cause::InvalidSyntax;
    for (operation, expected) in [
        (json!({"method": "GET", "path": users("/1")}), syntax),
        (json!({"method": "post", "path": "/Users", "bulkId": "a", "data": {}}), syntax),
        (json!({"method": "POST", "path": "/Users", "data": {}}), syntax),
        (json!({"method": "POST", "path": users("/1"), "bulkId": "a", "data": {}}), syntax),
        (json!({"method": "POST", "path": "/Users", "bulkId": "a"}), syntax),
        (json!({"method": "POST", "path": "/Users", "bulkId": "a", "data": []}), syntax),
        (json!({"method": "PUT", "path": "/Users", "data": {}}), syntax),
        (json!({"method": "PATCH", "path": users("/1")}), syntax),
        (json!({"method": "DELETE"}), syntax),
        (json!({"method": "DELETE", "path": "/Users"}), syntax),
        (json!({"method": "DELETE", "path": users("/")}), Cause::NotFound),
        (json!({"method": "DELETE", "path": "Users/1"}), Cause::NotFound),
        (json!({"method": "DELETE", "path": "/Roles/1"}), Cause::NotFound),
        (json!({"method": "DELETE", "path": users("/1/2")}), Cause::NotFound),
        (json!({"method": "DELETE", "path": users("/..")}), Cause::NotFound),
        (json!({"method": "DELETE", "path": users("/%2e%2e")}), Cause::NotFound),
        (json!({"method": "DELETE", "path": users("/*")}), Cause::NotFound),
        (json!({"method": "DELETE", "path": "/Users?filter=id pr"}), Cause::NotFound),
        (json!({"method": "DELETE", "path": "https://evil.example/Users/1"}), Cause::NotFound),
        (json!({"method": "DELETE", "path": users("/bulkId:nobody")}), Cause::InvalidValue),
    ] {
        assert_eq!(refusal(operation.clone()), expected, "{operation}");
    }
}

#[test]
fn what_is_no_bulk_request_is_refused() {
    let model = Model::new(Switches::default());
    for body in [
        json!([]),
        json!({"Operations": []}),
        json!({"schemas": [urn::PATCH_OP], "Operations": []}),
        json!({"schemas": [urn::BULK_REQUEST]}),
        json!({"schemas": [urn::BULK_REQUEST], "Operations": {}}),
        json!({"schemas": [urn::BULK_REQUEST], "Operations": [1]}),
        json!({"schemas": [urn::BULK_REQUEST], "Operations": [{"method": 1}]}),
        json!({"schemas": [urn::BULK_REQUEST], "Operations": [{"path": "/Users"}]}),
        json!({"schemas": [urn::BULK_REQUEST], "Operations": [{"method": "DELETE", "path": users("/1"), "force": true}]}),
        json!({"schemas": [urn::BULK_REQUEST], "Operations": [], "failOnErrors": -1}),
        json!({"schemas": [urn::BULK_REQUEST], "Operations": [], "failOnErrors": "1"}),
        json!({"schemas": [urn::BULK_REQUEST], "Operations": [post("a", &[]), post("a", &[])]}),
    ] {
        let error = Bulk::read(&model, &body).expect_err(&body.to_string());
        assert_eq!(error.cause, Cause::InvalidSyntax, "{body}");
    }
}

#[test]
fn names_become_ids_where_they_are_whole_values() {
    let mut bulk = read(json!([post("a", &[]), {"method": "PATCH", "path": "/Groups/bulkId:a", "data": {
        "x": "bulkId:a", "y": ["bulkId:a", "see bulkId:a"], "bulkId:a": 1}}]));
    let request = bulk.as_mut().unwrap().operations[1].request.as_mut().unwrap();
    let mut unresolved = request.clone();
    request.resolve(&HashMap::from([("a".to_owned(), "AGPA1".to_owned())])).unwrap();
    assert_eq!(request.id, Some(Reference::Id("AGPA1".into())));
    assert_eq!(request.data, Some(json!({"x": "AGPA1", "y": ["AGPA1", "see bulkId:a"], "bulkId:a": 1})));
    assert_eq!(unresolved.resolve(&HashMap::new()).unwrap_err().cause, Cause::InvalidValue);
}

/// RFC 7644 §3.7.3, figures 6 and 7.
#[test]
fn answers_are_written() {
    let answer = |outcome| BulkAnswer {
        method: "POST".into(),
        bulk_id: Some("qwerty".into()),
        location: None,
        version: None,
        outcome,
    };
    let made = BulkAnswer {
        location: Some("https://x/Users/1".into()),
        version: Some("W/\"1\"".into()),
        ..answer(Ok(201))
    };
    let refused = answer(Err(Error::new(Cause::Uniqueness, "taken")));
    let body = response(&[made, refused]);
    assert_eq!(body["schemas"], json!([urn::BULK_RESPONSE]));
    assert_eq!(
        body["Operations"][0],
        json!({"method": "POST", "bulkId": "qwerty", "status": "201",
        "location": "https://x/Users/1", "version": "W/\"1\""})
    );
    assert_eq!(body["Operations"][1]["status"], "409");
    assert_eq!(body["Operations"][1]["response"]["scimType"], "uniqueness");
}
