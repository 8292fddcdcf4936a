use keyreeve_sandbox::{Options, PageStyle, Running};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::client::{ACCOUNT, Client, options, sandbox, sandbox_with};

/// Action, parameters, and the element that stands for an entry.
type Listed = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const LISTINGS: [Listed; 5] = [
    ("ListUsers", &[], "UserId"),
    ("ListGroups", &[], "GroupId"),
    ("ListPolicies", &[("Scope", "Local")], "PolicyId"),
    ("ListRoles", &[], "RoleId"),
    (
        "GetAccountAuthorizationDetails",
        &[("Filter.member.1", "User"), ("Filter.member.2", "Group")],
        "UserId",
    ),
];

fn styled(runtime: &Runtime, style: PageStyle) -> (Running, Client) {
    let options = Options { details_pages: style, list_pages: style, ..options(70) };
    let sandbox = runtime.block_on(sandbox_with(options));
    let client = Client::of(&sandbox, ACCOUNT);
    (sandbox, client)
}

#[test]
fn pages_put_together_are_the_whole_whatever_their_size() {
    let runtime = Runtime::new().unwrap();
    let styles = [(false, false), (true, false), (false, true), (true, true)];
    let worlds: Vec<_> =
        styles.map(|(short, empty)| styled(&runtime, PageStyle { short, empty })).into_iter().collect();
    let whole: Vec<_> = LISTINGS
        .iter()
        .map(|(action, params, tag)| {
            let params = [*params, &[("MaxItems", "1000")]].concat();
            let mut ids = runtime.block_on(worlds[0].1.listing(action, &params, tag)).unwrap().0;
            ids.sort();
            assert!(ids.len() >= 7, "{action}");
            ids
        })
        .collect();
    let sizes = prop_oneof![1_u32..40, 40_u32..=1000];
    proptest!(ProptestConfig::with_cases(24), |(size in sizes, world in 0_usize..4, listing in 0_usize..5)| {
        let (action, params, tag) = LISTINGS[listing];
        let size_text = size.to_string();
        let params = [params, &[("MaxItems", size_text.as_str())]].concat();
        let (mut ids, pages) = runtime.block_on(worlds[world].1.listing(action, &params, tag)).unwrap();
        prop_assert!(pages.iter().all(|entries| *entries <= size as usize));
        ids.sort();
        prop_assert_eq!(&ids, &whole[listing]);
    });
}

#[tokio::test]
async fn pages_may_be_short_or_empty_and_repeat_alike() {
    let style = PageStyle { short: true, empty: true };
    let sandbox = sandbox_with(Options { list_pages: style, ..options(200) }).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let (first, sizes) = client.listing("ListUsers", &[("MaxItems", "10")], "UserId").await.unwrap();
    assert!(sizes[..sizes.len() - 1].contains(&0), "{sizes:?}");
    assert!(sizes.iter().any(|size| (1..10).contains(size)), "{sizes:?}");
    let (second, again) = client.listing("ListUsers", &[("MaxItems", "10")], "UserId").await.unwrap();
    assert_eq!((first, sizes), (second, again));
}

#[tokio::test]
async fn details_mix_kinds_on_a_page() {
    let sandbox = sandbox(60).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let page = client.iam("GetAccountAuthorizationDetails", &[("MaxItems", "60")]).await.ok();
    assert!(!page.all("UserId").is_empty());
    assert!(!page.all("GroupId").is_empty() || !page.all("PolicyId").is_empty());
    assert_eq!(page.one("IsTruncated").as_deref(), Some("true"));
}

#[tokio::test]
async fn markers_of_another_listing_and_garbage_are_refused() {
    let sandbox = sandbox(60).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let page = client.iam("ListUsers", &[("MaxItems", "5")]).await.ok();
    let marker = page.one("Marker").unwrap();
    client.iam("ListUsers", &[("Marker", &marker)]).await.ok();
    client.iam("ListUsers", &[("Marker", &marker), ("MaxItems", "7")]).await.ok();
    let elsewhere: [(&str, &[(&str, &str)]); 4] = [
        ("ListGroups", &[]),
        ("ListUsers", &[("PathPrefix", "/staff/")]),
        ("GetAccountAuthorizationDetails", &[]),
        ("ListPolicies", &[("Scope", "Local")]),
    ];
    for (action, params) in elsewhere {
        let params = [params, &[("Marker", marker.as_str())]].concat();
        let answer = client.iam(action, &params).await;
        answer.fails(400, "ValidationError");
        assert_eq!(answer.one("Message").as_deref(), Some("Invalid Marker."));
    }
    let shorter = &marker[1..];
    for garbled in ["x", "", "ü", shorter, &"A".repeat(321)] {
        client.iam("ListUsers", &[("Marker", garbled)]).await.fails(400, "ValidationError");
    }
    for size in ["0", "1001"] {
        client.iam("ListUsers", &[("MaxItems", size)]).await.fails(400, "ValidationError");
    }
}
