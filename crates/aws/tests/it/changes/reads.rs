//! The listings of what a user has: what they make of answers, whole and otherwise.

use keyreeve_aws::AwsConnector;
use keyreeve_connector::{
    AccountCredentialEntry, Cause, Connector, Error, Marker, MfaDevice, Next, Page, Provisioning,
};
use keyreeve_model::{AccountCredentialKind, Effect};

use crate::canned::{Canned, NAMESPACE, Reply};

pub(super) const DATE: &str = "2024-01-01T00:00:00Z";

pub(super) fn answer(action: &str, result: &str) -> String {
    format!("<{action}Response{NAMESPACE}><{action}Result>{result}</{action}Result></{action}Response>")
}

/// Asks a server that has only this reply; gives what came, and the form that was sent.
pub(super) async fn asked<T>(
    reply: Reply,
    ask: impl AsyncFnOnce(&dyn Provisioning) -> Result<T, Error>,
) -> (Result<T, Error>, String) {
    let server = Canned::start(reply).await;
    let connector = server.connector().await;
    let answer = ask(connector.provisioning().unwrap()).await;
    assert_eq!(server.requests(), 1, "one call, one request");
    (answer, server.forms().remove(0))
}

fn listing(kind: AccountCredentialKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        AccountCredentialKind::AccessKey => ("ListAccessKeys", "AccessKeyMetadata", "AccessKeyId"),
        AccountCredentialKind::SshKey => ("ListSSHPublicKeys", "SSHPublicKeys", "SSHPublicKeyId"),
        AccountCredentialKind::SigningCertificate => {
            ("ListSigningCertificates", "Certificates", "CertificateId")
        }
        AccountCredentialKind::ServiceCredential => {
            ("ListServiceSpecificCredentials", "ServiceSpecificCredentials", "ServiceSpecificCredentialId")
        }
    }
}

/// A credential as its listing has it, with the fields of all kinds.
fn credential(kind: AccountCredentialKind, owner: &str, id: &str, status: &str) -> String {
    let (_, _, id_field) = listing(kind);
    format!(
        "<member><UserName>{owner}</UserName><{id_field}>{id}</{id_field}><Status>{status}</Status>\
         <CreateDate>{DATE}</CreateDate><UploadDate>{DATE}</UploadDate><CertificateBody>b</CertificateBody>\
         <ServiceUserName>s</ServiceUserName><ServiceName>codecommit.amazonaws.com</ServiceName></member>"
    )
}

async fn credentials(
    kind: AccountCredentialKind,
    members: &str,
    end: &str,
) -> (Result<Page<AccountCredentialEntry>, Error>, String) {
    let (action, list, _) = listing(kind);
    let body = answer(action, &format!("<{list}>{members}</{list}>{end}"));
    asked(Reply::xml(body), async |aws| aws.list_credentials("ana", kind, Some(&Marker("m 1".into()))).await)
        .await
}

#[tokio::test]
async fn credentials_are_listed_page_by_page_with_their_state() {
    for kind in AccountCredentialKind::ALL {
        let all = ["Active", "Inactive", "Expired"].map(|status| credential(kind, "ana", status, status));
        let more = "<IsTruncated>true</IsTruncated><Marker>m2</Marker>";
        let (page, form) = credentials(kind, &all.concat(), more).await;
        let page = page.unwrap();
        let seen: Vec<_> =
            page.items.iter().map(|entry| (entry.credential.id.as_str(), entry.active)).collect();
        assert_eq!(seen, [("Active", true), ("Inactive", false), ("Expired", false)], "{kind:?}");
        for entry in &page.items {
            assert_eq!(entry.credential.kind, kind);
            assert_eq!(entry.created_at.unwrap().to_string(), DATE, "{kind:?}");
        }
        assert_eq!(page.next, Next::More(Marker("m2".into())));
        for field in ["UserName=ana", "MaxItems=1000", "Marker=m%201"] {
            assert!(form.contains(field), "{kind:?}: {form}");
        }
        assert!(form.contains(&format!("Action={}&", listing(kind).0)), "{form}");
    }
}

#[tokio::test]
async fn a_listing_of_credentials_never_guesses() {
    for kind in AccountCredentialKind::ALL {
        for (member, field) in [
            (credential(kind, "bob", "ID1", "Active"), "UserName"),
            (credential(kind, "ana", "", "Active"), "id"),
            (credential(kind, "ana", "ID1", "Frozen"), "Status"),
        ] {
            let (page, _) = credentials(kind, &member, "").await;
            let error = page.unwrap_err();
            assert_eq!((error.cause, error.effect()), (Cause::Unknown, Effect::None), "{kind:?} {field}");
            assert!(error.message.contains(field), "{kind:?}: {error}");
        }
        let member = credential(kind, "ana", "ID1", "Active").replace("<Status>Active</Status>", "");
        assert_eq!(credentials(kind, &member, "").await.0.unwrap_err().cause, Cause::Unknown, "{kind:?}");
        let (page, _) = credentials(kind, "", "<IsTruncated>true</IsTruncated>").await;
        assert_eq!(page.unwrap().next, Next::MarkerMissing, "{kind:?}");
    }
}

/// Every listing of one user's, without its items.
async fn every_listing(aws: &AwsConnector, account: &str) -> Vec<(&'static str, Result<usize, Error>)> {
    let aws = aws.provisioning().unwrap();
    let mut all = vec![
        ("ListMFADevices", aws.list_mfa_devices(account, None).await.map(|page| page.items.len())),
        ("ListGroupsForUser", aws.list_groups_of(account, None).await.map(|page| page.items.len())),
        ("ListAttachedUserPolicies", aws.list_policies_of(account, None).await.map(|page| page.items.len())),
    ];
    for kind in AccountCredentialKind::ALL {
        let listed = aws.list_credentials(account, kind, None).await.map(|page| page.items.len());
        all.push((listing(kind).0, listed));
    }
    all
}

#[tokio::test]
async fn a_listing_without_its_list_is_not_an_empty_one() {
    for (action, required) in [
        ("ListAccessKeys", true),
        ("ListMFADevices", true),
        ("ListSigningCertificates", true),
        ("ListGroupsForUser", true),
        // Not required by the service model.
        ("ListSSHPublicKeys", false),
        ("ListAttachedUserPolicies", false),
        ("ListServiceSpecificCredentials", false),
    ] {
        let body = answer(action, "<IsTruncated>false</IsTruncated>");
        let server = Canned::start(Reply::xml(body)).await;
        for (asked, listed) in every_listing(&server.connector().await, "ana").await {
            let expected = if asked == action && !required { Ok(0) } else { Err(Cause::Unknown) };
            assert_eq!(listed.map_err(|error| error.cause), expected, "{asked} answered by {action}");
        }
    }
}

#[tokio::test]
async fn a_missing_user_and_a_refusal_are_no_empty_listings() {
    for (status, code, cause) in [(404, "NoSuchEntity", Cause::Gone), (403, "AccessDenied", Cause::Denied)] {
        let server = Canned::start(Reply::refusal(status, code, "m")).await;
        for (asked, listed) in every_listing(&server.connector().await, "ana").await {
            let error = listed.unwrap_err();
            assert_eq!(error.cause, cause, "{asked}");
            assert!(error.to_string().starts_with(&format!("{asked} (ana) failed")), "{error}");
        }
    }
}

#[tokio::test]
async fn no_read_is_sent_without_a_name() {
    let server = Canned::start(Reply::refusal(500, "ServiceFailure", "m")).await;
    let connector = server.connector().await;
    for name in ["", "a\nb"] {
        for (asked, listed) in every_listing(&connector, name).await {
            assert_eq!(listed.unwrap_err().cause, Cause::Permanent, "{asked}");
        }
        let aws = connector.provisioning().unwrap();
        assert_eq!(aws.get_account_facts(name).await.unwrap_err().cause, Cause::Permanent);
        assert_eq!(aws.get_inline_policy(name, "own").await.unwrap_err().cause, Cause::Permanent);
        assert_eq!(aws.get_inline_policy("ana", name).await.unwrap_err().cause, Cause::Permanent);
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn devices_groups_policies_and_inline_policies_are_listed() {
    let device = |owner: &str, serial: &str| {
        format!(
            "<member><UserName>{owner}</UserName><SerialNumber>{serial}</SerialNumber><EnableDate>{DATE}</EnableDate></member>"
        )
    };
    let devices = |members: String| {
        Reply::xml(answer("ListMFADevices", &format!("<MFADevices>{members}</MFADevices>")))
    };
    let (virtual_one, hardware) = ("arn:aws:iam::111122223333:mfa/ana", "GAHT12345678");
    let both = devices(device("ana", virtual_one) + &device("ana", hardware));
    let (page, _) = asked(both, async |aws| aws.list_mfa_devices("ana", None).await).await;
    let expected = [(virtual_one, true), (hardware, false)]
        .map(|(serial, is_virtual)| MfaDevice { serial: serial.into(), is_virtual });
    assert_eq!(page.unwrap().items, expected);
    for bad in [device("bob", hardware), device("ana", "")] {
        let (page, _) = asked(devices(bad), async |aws| aws.list_mfa_devices("ana", None).await).await;
        assert_eq!(page.unwrap_err().cause, Cause::Unknown);
    }

    let group = format!(
        "<Groups><member><Path>/</Path><GroupName>devs</GroupName><GroupId>AGPA1</GroupId>\
         <Arn>arn:aws:iam::111122223333:group/devs</Arn><CreateDate>{DATE}</CreateDate></member></Groups>"
    );
    let (page, _) = asked(Reply::xml(answer("ListGroupsForUser", &group)), async |aws| {
        aws.list_groups_of("ana", None).await
    })
    .await;
    let page = page.unwrap();
    assert_eq!((page.items, page.account_ids.len()), (vec!["devs".to_owned()], 1));

    let policy = "<AttachedPolicies><member><PolicyName>p</PolicyName>\
         <PolicyArn>arn:aws:iam::111122223333:policy/p</PolicyArn></member></AttachedPolicies>";
    let (page, _) = asked(Reply::xml(answer("ListAttachedUserPolicies", policy)), async |aws| {
        aws.list_policies_of("ana", None).await
    })
    .await;
    let page = page.unwrap();
    assert_eq!((page.items[0].name.as_str(), page.account_ids.len()), ("p", 1));
}
