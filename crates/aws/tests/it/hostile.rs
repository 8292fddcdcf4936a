//! Answers that are broken or meant to do harm: each is a classified error, never a panic, never a short listing.

use keyreeve_connector::{Cause, Connector, DetailFilter, Error, Inventory, Page};

use crate::canned::{Canned, NAMESPACE, Reply};

const USER: &str = "<member><Path>/</Path><UserName>ana</UserName><UserId>AIDA1</UserId>\
    <Arn>arn:aws:iam::111122223333:user/ana</Arn><CreateDate>2024-01-01T00:00:00Z</CreateDate></member>";

fn users(namespace: &str, members: &str) -> String {
    format!(
        "<ListUsersResponse{namespace}><ListUsersResult><Users>{members}</Users><IsTruncated>false</IsTruncated>\
         </ListUsersResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ListUsersResponse>"
    )
}

async fn listed(reply: Reply) -> Result<usize, Error> {
    let server = Canned::start(reply).await;
    let answer = server.connector().await.list_accounts("/", None).await.map(|page| page.items.len());
    assert_eq!(server.requests(), 1, "one call, one request");
    answer
}

async fn cause_of(reply: Reply) -> Cause {
    let error = listed(reply).await.unwrap_err();
    assert!(error.to_string().starts_with("ListUsers failed: "), "{error}");
    error.cause
}

#[tokio::test]
async fn the_namespace_does_not_matter() {
    for namespace in [NAMESPACE, "", r#" xmlns="http://example.com/""#] {
        assert_eq!(listed(Reply::xml(users(namespace, USER))).await.unwrap(), 1, "{namespace}");
    }
}

#[tokio::test]
async fn a_listing_cut_anywhere_is_never_a_short_listing() {
    let whole = users(NAMESPACE, &USER.repeat(3));
    for cut in (0..whole.len()).step_by(37) {
        assert_eq!(cause_of(Reply::xml(&whole.as_bytes()[..cut])).await, Cause::Unknown, "cut at {cut}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_on_the_wire_is_unknown() {
    let whole = users(NAMESPACE, USER);
    let half = whole.as_bytes()[..whole.len() / 2].to_vec();
    assert_eq!(cause_of(Reply::BreakOff { promised: whole.len(), body: half }).await, Cause::Unknown);
}

#[tokio::test]
async fn bodies_that_are_no_answer_are_unknown() {
    let bomb = r#"<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
        <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><ListUsersResponse>&c;</ListUsersResponse>"#;
    let deep =
        format!("<ListUsersResponse>{}{}</ListUsersResponse>", "<a>".repeat(50_000), "</a>".repeat(50_000));
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("html", b"<html><body>Welcome</body></html>".to_vec()),
        ("json", b"{\"Users\": []}".to_vec()),
        ("wrong root", users("", USER).replace("ListUsersResponse", "ListGroupsResponse").into_bytes()),
        ("an error with status 200", b"<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>".to_vec()),
        ("no result", b"<ListUsersResponse/>".to_vec()),
        ("no list", b"<ListUsersResponse><ListUsersResult><IsTruncated>false</IsTruncated></ListUsersResult></ListUsersResponse>".to_vec()),
        ("entity bomb", bomb.as_bytes().to_vec()),
        ("unknown entity", users("", &USER.replace("ana", "&nbsp;")).into_bytes()),
        ("deep", deep.into_bytes()),
        ("invalid utf-8", [users("", "").as_bytes(), b"\xc3\x28"].concat()),
        ("nul", users("", &USER.replace("ana", "a\0a")).into_bytes()),
        ("unescaped", users("", &USER.replace("<Path>/</Path>", "<Path>/a&b</Path>")).into_bytes()),
        ("unescaped angle", users("", &USER.replace("<Path>/</Path>", "<Path>/<b/</Path>")).into_bytes()),
        ("two documents", users("", USER).repeat(2).into_bytes()),
        ("bad flag", users("", USER).replace("false", "perhaps").into_bytes()),
        ("bad date", users("", USER).replace("2024-01-01T00:00:00Z", "yesterday").into_bytes()),
    ];
    for (name, body) in bodies {
        assert_eq!(cause_of(Reply::xml(body)).await, Cause::Unknown, "{name}");
    }
}

#[tokio::test]
async fn an_entry_without_what_it_must_have_is_named() {
    for (field, replace) in [
        ("UserName", "<UserName>ana</UserName>"),
        ("UserId", "<UserId>AIDA1</UserId>"),
        ("Path", "<Path>/</Path>"),
        ("Arn", "<Arn>arn:aws:iam::111122223333:user/ana</Arn>"),
        ("CreateDate", "<CreateDate>2024-01-01T00:00:00Z</CreateDate>"),
    ] {
        let error = listed(Reply::xml(users("", &USER.replace(replace, "")))).await.unwrap_err();
        assert_eq!(error.cause, Cause::Unknown, "{field}");
        assert!(error.message.contains(field), "{field}: {error}");
    }
    let foreign = USER.replace("arn:aws:iam::111122223333:user/ana", "user/ana");
    let error = listed(Reply::xml(users("", &foreign))).await.unwrap_err();
    assert!(error.cause == Cause::Unknown && error.message.contains("Arn"), "{error}");
}

#[tokio::test]
async fn details_without_what_they_must_have_are_named() {
    let detail = "<member><Path>/</Path><UserName>ana</UserName><UserId>AIDA1</UserId><GroupList/>\
        <Arn>arn:aws:iam::111122223333:user/ana</Arn><CreateDate>2024-01-01T00:00:00Z</CreateDate></member>";
    let body = |detail: &str| {
        format!(
            "<GetAccountAuthorizationDetailsResponse><GetAccountAuthorizationDetailsResult><UserDetailList>{detail}\
             </UserDetailList></GetAccountAuthorizationDetailsResult></GetAccountAuthorizationDetailsResponse>"
        )
    };
    let read = async |text: String| -> Result<Page<_>, Error> {
        let server = Canned::start(Reply::xml(text)).await;
        let filter = DetailFilter { accounts: true, groups: true };
        server.connector().await.list_details(filter, None).await
    };
    assert_eq!(read(body(detail)).await.unwrap().items.len(), 1);
    for (field, part) in [("UserId", "<UserId>AIDA1</UserId>"), ("UserName", "<UserName>ana</UserName>")] {
        let error = read(body(&detail.replace(part, ""))).await.unwrap_err();
        assert!(error.cause == Cause::Unknown && error.message.contains(field), "{error}");
    }
}

#[tokio::test]
async fn a_large_answer_is_read_and_an_endless_one_is_not() {
    let many = users(NAMESPACE, &USER.repeat(70_000));
    assert!(many.len() > 10_000_000);
    assert_eq!(listed(Reply::xml(many)).await.unwrap(), 70_000);
    let error = listed(Reply::xml(vec![b'a'; 40 * 1024 * 1024])).await.unwrap_err();
    assert!(error.cause == Cause::Unknown && error.message.contains("larger than"), "{error}");
}

#[tokio::test]
async fn hostile_text_comes_through_as_it_is() {
    let hostile = USER
        .replace("<Path>/</Path>", "<Path>/&quot;&gt;&lt;script&gt;&amp;&#x41;/</Path>")
        .replace("<UserName>ana</UserName>", "<UserName>=cmd|jürgen</UserName>");
    let server = Canned::start(Reply::xml(users(NAMESPACE, &hostile))).await;
    let page = server.connector().await.list_accounts("/", None).await.unwrap();
    assert_eq!(page.items[0].path, "/\"><script>&A/");
    assert_eq!(page.items[0].name, "=cmd|jürgen");
}

#[tokio::test]
async fn an_identity_without_its_parts_is_refused() {
    let body = |result: &str| {
        format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult>{result}</GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
    };
    let whole =
        "<Arn>arn:aws-cn:iam::111122223333:user/c</Arn><UserId>AIDA9</UserId><Account>111122223333</Account>";
    let date = "date: Tue, 14 Nov 2023 22:13:20 GMT\r\n".to_owned();
    let reply = Reply::Answer { status: 200, headers: date, body: body(whole).into_bytes() };
    let identity = Canned::start(reply).await.connector().await.identify().await.unwrap();
    assert_eq!((identity.partition.as_str(), identity.account_id.as_str()), ("aws-cn", "111122223333"));
    assert_eq!(identity.server_time.unwrap().to_string(), "2023-11-14T22:13:20Z");
    for (field, part) in
        [("Account", "<Account>111122223333</Account>"), ("UserId", "<UserId>AIDA9</UserId>")]
    {
        let server = Canned::start(Reply::xml(body(&whole.replace(part, "")))).await;
        let error = server.connector().await.identify().await.unwrap_err();
        assert!(error.cause == Cause::Unknown && error.message.contains(field), "{error}");
    }
}
