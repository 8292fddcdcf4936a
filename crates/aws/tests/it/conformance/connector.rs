//! Whatever a peer does otherwise, the connector reads what is in it.

use std::collections::BTreeSet;

use keyreeve_aws::AwsConnector;
use keyreeve_connector::{
    Connector, CredentialReportState, Detail, DetailFilter, Error, Inventory, Marker, Next, Page,
};
use keyreeve_model::{PolicyScope, digest_hex};

use super::seed::{DOCUMENT, READ_ONLY};
use super::world::World;

async fn whole<T>(mut page: impl AsyncFnMut(Option<&Marker>) -> Result<Page<T>, Error>) -> Vec<T> {
    let (mut items, mut after) = (Vec::new(), None);
    for _ in 0..100 {
        let page = page(after.as_ref()).await.unwrap();
        items.extend(page.items);
        match page.next {
            Next::End => return items,
            Next::More(marker) => after = Some(marker),
            Next::MarkerMissing => panic!("the marker is missing"),
        }
    }
    panic!("the listing does not end");
}

pub(super) async fn reads(world: &World) {
    let connector = world.connector().await;
    let identity = connector.identify().await.unwrap();
    assert_eq!(
        (identity.arn.as_str(), identity.account_id.as_str()),
        (world.user_arn.as_str(), world.account_id.as_str())
    );
    assert!(identity.server_time.is_some(), "{}", world.peer);

    let users = whole(async |after| connector.list_accounts("/", after).await).await;
    assert_eq!(users.len(), 16, "{}", world.peer);
    assert_eq!(whole(async |after| connector.list_accounts("/staff/", after).await).await.len(), 2);
    assert_eq!(whole(async |after| connector.list_groups(after).await).await.len(), 3);
    assert_eq!(
        whole(async |after| connector.list_policies(PolicyScope::Customer, after).await).await.len(),
        3
    );
    assert_eq!(connector.count_accounts().await.unwrap(), 16);
    details(&connector).await;

    assert!(connector.get_login_profile("bob").await.unwrap().is_some());
    assert_eq!(connector.get_login_profile("ana").await.unwrap(), None);
    let ana = connector.get_account("ana").await.unwrap().unwrap();
    assert!(users.contains(&ana), "{}: {ana:?}", world.peer);
    assert_eq!(connector.get_account("nobody").await.unwrap(), None);
    report(&connector, users.iter().map(|user| user.arn.clone()).collect()).await;
}

async fn details(connector: &AwsConnector) {
    let both = DetailFilter { accounts: true, groups: true };
    let details = whole(async |after| connector.list_details(both, after).await).await;
    assert_eq!(details.len(), 19);
    let digest = digest_hex(DOCUMENT.as_bytes());
    for detail in details {
        match detail {
            Detail::Account(ana) if ana.name == "ana" => {
                assert_eq!(
                    (ana.groups, ana.policies[0].name.as_str()),
                    (vec!["devs".to_owned()], "attached")
                );
                assert_eq!(ana.inline_policies[0].document_sha256.as_ref(), Some(&digest));
                assert_eq!(ana.tags["team"], "eng");
            }
            Detail::Group(devs) if devs.name == "devs" => {
                assert_eq!(devs.policies[0].arn, READ_ONLY);
                assert_eq!(devs.inline_policies[0].document_sha256.as_ref(), Some(&digest));
            }
            _ => {}
        }
    }
}

async fn report(connector: &AwsConnector, arns: BTreeSet<String>) {
    let mut asks = 0;
    while connector.generate_credential_report().await.unwrap() == CredentialReportState::InProgress {
        asks += 1;
        assert!(asks < 20, "the report never becomes complete");
    }
    let report = connector.get_credential_report().await.unwrap();
    assert_eq!(report.unusable_rows, 0);
    assert_eq!(report.rows.iter().map(|row| row.arn.clone()).collect::<BTreeSet<_>>(), arns);
    let with_password: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.password_enabled == Some(true))
        .map(|row| row.arn.as_str())
        .collect();
    assert!(with_password.len() == 1 && with_password[0].ends_with("/bob"), "{with_password:?}");
}
