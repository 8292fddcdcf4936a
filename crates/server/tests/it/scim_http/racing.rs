//! R36: what is sent several times at once, or again because no answer came, is done once.

use std::time::{Duration, Instant};

use keyreeve_model::{PermissionProfile, Role, SystemSettings};
use keyreeve_sandbox::{Effect, FaultRule};
use keyreeve_server::Server;
use reqwest::StatusCode;
use reqwest::header::IF_MATCH;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::users::{USER, ada, at, created, patch, post};
use super::{answered, each, encoded};
use crate::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r36_five_posts_at_once_make_one_user() {
    let place = Place::start().await;
    let sent: Vec<_> = (0..5).map(|_| tokio::spawn(post(&place, place.admin(), &ada()).send())).collect();
    let mut statuses = Vec::new();
    for one in sent {
        statuses.push(one.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409]);
    assert_eq!(place.calls("CreateUser"), 1);
    // The same externalId under five names: one user, too.
    let named =
        |number: usize| json!({"schemas": [USER], "userName": format!("eve{number}"), "externalId": "x"});
    let sent: Vec<_> =
        (0..5).map(|number| tokio::spawn(post(&place, place.admin(), &named(number)).send())).collect();
    let mut statuses = Vec::new();
    for one in sent {
        statuses.push(one.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409]);
    assert_eq!(place.calls("CreateUser"), 2);
    place.stop().await;
}

/// A client that hangs up, or that waited long enough, finds what it asked for when it asks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r36_what_is_still_under_way_is_said_and_not_done_twice() {
    let place = Place::with(waiting(1)).await;
    let slow = || FaultRule::new("CreateLoginProfile", Effect::Latency { ms: 3_000 }).times(1).min_fires(1);
    place.sandbox.add_fault(slow());
    let (status, late) = answered(post(&place, place.admin(), &ada())).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{late}");
    assert!(late["detail"].as_str().unwrap().contains("job 1 "), "{late}");
    // Asking again while it is under way begins nothing; when it is over, the user is there with all that was said.
    let found = loop {
        let (status, again) = answered(post(&place, place.admin(), &ada())).await;
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {}
            StatusCode::CONFLICT => {
                let filter = encoded("externalId eq \"7\"");
                break place.get(&format!("/scim/v2/prod/Users?filter={filter}")).await;
            }
            _ => panic!("{status} {again}"),
        }
    };
    assert_eq!(each(&found, "displayName"), ["Ada Lovelace"]);
    assert_eq!(place.calls("CreateUser"), 1);
    assert_eq!(place.sandbox.unfired().len(), 0);
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let other = created(&place, place.admin(), &json!({"schemas": [USER], "userName": "eve"})).await;
    place
        .sandbox
        .add_fault(FaultRule::new("DeleteLoginProfile", Effect::Latency { ms: 3_000 }).times(1).min_fires(1));
    let hung_up = tokio::spawn(patch(&place, place.admin(), &at(&other), off.clone()).send());
    while place.calls("DeleteLoginProfile") == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    hung_up.abort();
    let last = loop {
        let (status, last) = answered(patch(&place, place.admin(), &at(&other), off.clone())).await;
        if status == StatusCode::OK {
            break last;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{last}");
    };
    assert_eq!(last["active"], false);
    assert_eq!(place.calls("DeleteLoginProfile"), 1);
    place.stop().await;
}

pub(super) fn waiting(scim_wait_seconds: u32) -> SystemSettings {
    let permission_profile = PermissionProfile::Full;
    SystemSettings { permission_profile, scim_wait_seconds, ..SystemSettings::default() }
}

fn called(name: &str) -> Value {
    json!([{"op": "replace", "path": "displayName", "value": name}])
}

/// Makes a user, and has somebody be at it for some time.
async fn busy(place: &Place, ms: u64) -> (String, tokio::task::JoinHandle<()>) {
    let user = at(&created(place, place.admin(), &ada()).await);
    place.sandbox.add_fault(FaultRule::new("DeleteLoginProfile", Effect::Latency { ms }).times(1));
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let slow = patch(place, place.admin(), &user, off).send();
    let slow = tokio::spawn(async move { drop(slow.await.unwrap()) });
    while place.calls("DeleteLoginProfile") == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (user, slow)
}

/// Until nobody is at the user any more, and longer.
async fn over(place: &Place, user: &str) -> Value {
    loop {
        let now = place.get(user).await;
        if now["active"] == false {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            return place.get(user).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(super) async fn jobs(place: &Place) -> usize {
    place.all("/api/v1/systems/prod/jobs", 1000).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r36_what_was_said_not_to_be_begun_is_never_begun() {
    let place = Place::with(waiting(1)).await;
    let (user, slow) = busy(&place, 3_000).await;
    let before = jobs(&place).await;
    let tags = json!([{"op": "add", "path": "displayName", "value": "late"}, {"op": "replace", "path": "userName",
        "value": "ada.late"}]);
    let (status, late) = answered(patch(&place, place.admin(), &user, tags)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{late}");
    assert!(late["detail"].as_str().unwrap().starts_with("nothing was begun"), "{late}");
    // Nor is what nobody waits for any more.
    let gone = tokio::spawn(patch(&place, place.admin(), &user, called("gone")).send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    gone.abort();
    let now = over(&place, &user).await;
    assert_eq!(
        (now["displayName"].as_str(), now["userName"].as_str()),
        (Some("Ada Lovelace"), Some("ada.scim"))
    );
    assert_eq!(jobs(&place).await, before, "a job was begun for who was told otherwise");
    slow.await.unwrap();
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s14_who_waits_for_a_turn_needs_their_rights_when_it_comes() {
    let place = Place::with(waiting(20)).await;
    let token = place.token(Role::Operator, &["prod"]).await;
    let (user, slow) = busy(&place, 1_500).await;
    let waits = tokio::spawn(answered(patch(&place, &token, &user, called("late"))));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let id = keyreeve_model::TokenId(token.split('_').nth(2).unwrap().to_owned());
    place.store.revoke_token(&id, "local:test", None, place.clock.now()).await.unwrap();
    let (status, refused) = waits.await.unwrap();
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{refused}");
    assert_eq!(over(&place, &user).await["displayName"], "Ada Lovelace");
    slow.await.unwrap();
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_changes_wait_for_one_user_than_may() {
    let place = Place::with(waiting(20)).await;
    let (user, slow) = busy(&place, 4_000).await;
    let begun = Instant::now();
    let sent: Vec<_> = (0..60)
        .map(|number| {
            tokio::spawn(answered(patch(&place, place.admin(), &user, called(&number.to_string()))))
        })
        .collect();
    let (mut done, mut refused) = (0, 0);
    for one in sent {
        let (status, body) = one.await.unwrap();
        if status == StatusCode::OK {
            done += 1;
            continue;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        assert!(body["detail"].as_str().unwrap().starts_with("too many"), "{body}");
        refused += 1;
    }
    assert_eq!((done, refused), (15, 45), "after {:?}", begun.elapsed());
    slow.await.unwrap();
    place.stop().await;
}

/// A second server of a place's store.
pub(super) struct Second {
    pub(super) url: String,
    stop: oneshot::Sender<()>,
    ran: JoinHandle<()>,
}

impl Second {
    /// A place with one. Several processes may serve one store.
    pub(super) async fn beside_the_first() -> (Place, Self) {
        let mut parts = None;
        let place = Place::start_as(|server, of| {
            parts = Some(of);
            server
        })
        .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, asked) = oneshot::channel::<()>();
        let ran = tokio::spawn(Server::new(parts.unwrap()).run(listener, async move {
            let _ = asked.await;
        }));
        (place, Self { url, stop, ran })
    }

    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        self.ran.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r36_of_two_servers_only_one_changes_a_version() {
    let (place, second) = Second::beside_the_first().await;
    let user = at(&created(&place, place.admin(), &ada()).await);
    let client = reqwest::Client::new();
    for round in 0..8 {
        let version = place.get(&user).await["meta"]["version"].as_str().unwrap().to_owned();
        // Every second time AWS has something to do about it.
        let value = |server: &str| match round % 2 {
            0 => called(&format!("{server} {round}")),
            _ => json!([{"op": "replace", "path": "userName", "value": format!("ada.{server}{round}")}]),
        };
        let sent = [(&place.url, "one"), (&second.url, "two")].map(|(base, server)| {
            let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": value(server)});
            let request = client.patch(format!("{base}{user}")).bearer_auth(place.admin());
            answered(request.header(IF_MATCH, &version).json(&body))
        });
        let [one, two] = sent;
        let (one, two) = tokio::join!(one, two);
        let mut statuses = [one.0.as_u16(), two.0.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "round {round}: {one:?} {two:?}");
    }
    second.stop().await;
    place.stop().await;
}
