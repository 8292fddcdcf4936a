//! What well-formed answers become.

use keyreeve_connector::{CredentialReportState, Detail, DetailFilter, Inventory, Marker, Next};
use keyreeve_model::{ManagedBy, PolicyScope, digest_hex};

use crate::canned::{Canned, Reply};

fn paging(truncated: &str, marker: &str) -> String {
    format!(
        "<ListGroupsResponse><ListGroupsResult><Groups/>{truncated}{marker}</ListGroupsResult></ListGroupsResponse>"
    )
}

#[tokio::test]
async fn only_the_flag_says_how_a_listing_goes_on() {
    let (yes, no) = ("<IsTruncated>true</IsTruncated>", "<IsTruncated>false</IsTruncated>");
    let marker = "<Marker>a&amp;b==</Marker>";
    for (body, next) in [
        (paging(no, ""), Next::End),
        (paging("", ""), Next::End),
        (paging(no, marker), Next::End),
        (paging(yes, marker), Next::More(Marker("a&b==".into()))),
        (paging(yes, "<Marker/>"), Next::MarkerMissing),
        (paging(yes, ""), Next::MarkerMissing),
    ] {
        let server = Canned::start(Reply::xml(body.clone())).await;
        let page = server.connector().await.list_groups(None).await.unwrap();
        assert_eq!(page.next, next, "{body}");
    }
}

#[tokio::test]
async fn details_bring_what_users_and_groups_hold() {
    let body = "<GetAccountAuthorizationDetailsResponse><GetAccountAuthorizationDetailsResult>\
        <UserDetailList><member><Path>/t/</Path><UserName>ana</UserName><UserId>AIDA1</UserId>\
        <Arn>arn:aws:iam::111122223333:user/t/ana</Arn><CreateDate>2024-01-01T00:00:00.123456+00:00</CreateDate>\
        <GroupList><member>dev</member></GroupList>\
        <UserPolicyList><member><PolicyName>p</PolicyName><PolicyDocument>%7B%22a%22%3A%20%22b+c%22%7D</PolicyDocument></member>\
        <member><PolicyName>broken</PolicyName><PolicyDocument>%7</PolicyDocument></member></UserPolicyList>\
        <AttachedManagedPolicies><member><PolicyName>X</PolicyName><PolicyArn>arn:aws:iam::aws:policy/X</PolicyArn></member></AttachedManagedPolicies>\
        <PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>arn:b</PermissionsBoundaryArn></PermissionsBoundary>\
        <Tags><member><Key>team</Key><Value></Value></member></Tags></member></UserDetailList>\
        <GroupDetailList><member><Path>/</Path><GroupName>dev</GroupName><GroupId>AGPA1</GroupId>\
        <Arn>arn:aws:iam::111122223333:group/dev</Arn><CreateDate>2024-01-01T00:00:00Z</CreateDate></member></GroupDetailList>\
        <RoleDetailList/><Policies/><IsTruncated>false</IsTruncated>\
        </GetAccountAuthorizationDetailsResult></GetAccountAuthorizationDetailsResponse>";
    let server = Canned::start(Reply::xml(body)).await;
    let connector = server.connector().await;
    let both = DetailFilter { accounts: true, groups: true };
    let page = connector.list_details(both, None).await.unwrap();
    assert_eq!(page.account_ids.len(), 1);
    let [Detail::Account(ana), Detail::Group(dev)] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((ana.groups.as_slice(), ana.policies[0].name.as_str()), (["dev".to_owned()].as_slice(), "X"));
    assert_eq!(ana.created_at.to_string(), "2024-01-01T00:00:00.123456Z");
    assert_eq!(ana.permissions_boundary.as_deref(), Some("arn:b"));
    assert_eq!(ana.tags.get("team").map(String::as_str), Some(""));
    assert_eq!(ana.inline_policies[0].document_sha256, Some(digest_hex(br#"{"a": "b+c"}"#)));
    assert_eq!(ana.inline_policies[1].document_sha256, None);
    assert_eq!((dev.name.as_str(), dev.policies.len()), ("dev", 0));
    let only_groups = DetailFilter { accounts: false, groups: true };
    assert_eq!(connector.list_details(only_groups, None).await.unwrap().items.len(), 1);
    let nothing = DetailFilter { accounts: false, groups: false };
    assert!(connector.list_details(nothing, None).await.is_err());
    assert_eq!(server.requests(), 2, "what asks for nothing is not sent");
}

#[tokio::test]
async fn policies_tell_who_maintains_them() {
    let policy = |id: &str, arn: &str| {
        format!(
            "<member><PolicyName>P</PolicyName><PolicyId>{id}</PolicyId><Arn>{arn}</Arn><Path>/</Path>\
             <DefaultVersionId>v3</DefaultVersionId><IsAttachable>true</IsAttachable></member>"
        )
    };
    let members =
        policy("ANPA1", "arn:aws:iam::aws:policy/P") + &policy("ANPA2", "arn:aws:iam::111122223333:policy/P");
    let body = format!(
        "<ListPoliciesResponse><ListPoliciesResult><Policies>{members}</Policies></ListPoliciesResult></ListPoliciesResponse>"
    );
    let server = Canned::start(Reply::xml(body)).await;
    let page = server.connector().await.list_policies(PolicyScope::All, None).await.unwrap();
    let owners: Vec<_> = page.items.iter().map(|policy| policy.managed_by).collect();
    assert_eq!(owners, [ManagedBy::Aws, ManagedBy::Customer]);
    assert!(page.items[0].attachable && page.items[0].default_version.as_deref() == Some("v3"));
    assert_eq!(page.account_ids.len(), 1);
}

#[tokio::test]
async fn the_making_of_a_report_is_followed() {
    for (state, expected) in [
        ("STARTED", Some(CredentialReportState::InProgress)),
        ("INPROGRESS", Some(CredentialReportState::InProgress)),
        ("COMPLETE", Some(CredentialReportState::Complete)),
        ("LOST", None),
    ] {
        let body = format!(
            "<GenerateCredentialReportResponse><GenerateCredentialReportResult><State>{state}</State>\
             </GenerateCredentialReportResult></GenerateCredentialReportResponse>"
        );
        let server = Canned::start(Reply::xml(body)).await;
        assert_eq!(server.connector().await.generate_credential_report().await.ok(), expected, "{state}");
    }
}

#[tokio::test]
async fn users_are_counted_by_the_summary() {
    let body = |entry: &str| {
        format!(
            "<GetAccountSummaryResponse><GetAccountSummaryResult><SummaryMap>{entry}</SummaryMap>\
             </GetAccountSummaryResult></GetAccountSummaryResponse>"
        )
    };
    let server = Canned::start(Reply::xml(body("<entry><key>Users</key><value>27</value></entry>"))).await;
    assert_eq!(server.connector().await.count_accounts().await.unwrap(), 27);
    let server = Canned::start(Reply::xml(body(""))).await;
    assert!(server.connector().await.count_accounts().await.unwrap_err().message.contains("Users"));
}
