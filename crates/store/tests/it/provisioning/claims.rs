//! Claims: opened by outcomes, superseded by later ones, settled by imports.

use keyreeve_model::*;
use keyreeve_store::*;

use super::*;
use crate::place::Place;

/// A task of one step whose outcome claims these facts.
async fn claim_facts(store: &Store, account: &str, facts: Vec<ClaimFact>, now: i64) {
    store.create_job(&job(vec![task(account)]), at(now)).await.unwrap();
    let claimed = claim(store, now).await;
    write(store, &claimed.lease, attempt(1), now).await.unwrap();
    let mut event = outcome(1, StepState::Applied);
    if let JournalEvent::Outcome { claims, .. } = &mut event {
        *claims = facts;
    }
    write(store, &claimed.lease, event, now).await.unwrap();
    write(store, &claimed.lease, finish(TaskState::Succeeded), now).await.unwrap();
}

fn group(name: &str, member: bool) -> ClaimFact {
    let group = name.to_owned();
    if member { ClaimFact::InGroup { group } } else { ClaimFact::NotInGroup { group } }
}

async fn open(store: &Store) -> Vec<(String, ClaimFact)> {
    let claims = store.open_claims(&id("s")).await.unwrap();
    claims.into_iter().map(|(_, claim)| (claim.account, claim.fact)).collect()
}

#[tokio::test]
async fn a_later_claim_about_the_same_supersedes_the_earlier_one_and_no_other() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let policy = |has: bool| {
            let policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned();
            if has { ClaimFact::HasPolicy { policy_arn } } else { ClaimFact::LacksPolicy { policy_arn } }
        };
        let first =
            vec![group("ops", true), group("dev", true), policy(true), ClaimFact::LoginProfilePresent];
        claim_facts(&store, "ada", first, 1).await;
        claim_facts(&store, "bob", vec![group("ops", true)], 2).await;
        let second = vec![group("OPS", false), policy(false), ClaimFact::LoginProfileAbsent];
        claim_facts(&store, "ada", second.clone(), 3).await;
        let ada = |fact: &ClaimFact| ("ada".to_owned(), fact.clone());
        let expected: Vec<_> = [ada(&group("dev", true)), ("bob".to_owned(), group("ops", true))]
            .into_iter()
            .chain(second.iter().map(ada))
            .collect();
        assert_eq!(open(&store).await, expected);
        // So many are not confirmed, and of many systems they are the same.
        let of_many = store.open_claims_of_many(None).await.unwrap();
        let of_one = store.open_claims(&id("s")).await.unwrap();
        assert_eq!(of_many, of_one.into_iter().map(|(_, claim)| claim).collect::<Vec<_>>());
        let oldest = of_many.iter().map(|claim| claim.claimed_at).min().unwrap();
        let found = store.attention(oldest, oldest, None).await.unwrap().unconfirmed;
        let unconfirmed = Unconfirmed { system_id: id("s"), claims: of_many.len() as u64, oldest };
        assert_eq!(found, [unconfirmed]);
        let before = oldest.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap();
        assert_eq!(store.attention(oldest, before, None).await.unwrap().unconfirmed, []);
        assert!(store.open_claims_of_many(Some(&[])).await.unwrap().is_empty());
        let superseded = store.claims(&id("s"), Some(ClaimState::Superseded)).await.unwrap();
        assert_eq!(superseded.len(), 3);
        assert_eq!(store.claims(&id("s"), None).await.unwrap().len(), 8);
        claim_facts(&store, "ada", vec![ClaimFact::AccountGone], 4).await;
        assert_eq!(
            open(&store).await,
            [("bob".to_owned(), group("ops", true)), ada(&ClaimFact::AccountGone)]
        );
        // Those of one job, and no other's.
        let of_job = store.job_claims(JobId(1)).await.unwrap();
        assert_eq!(of_job.len(), 4, "{of_job:?}");
        assert!(of_job.iter().all(|one| one.state == ClaimState::Superseded && one.account == "ada"));
        assert_eq!(store.job_claims(JobId(2)).await.unwrap().len(), 1);
        assert!(store.job_claims(JobId(99)).await.is_err());
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_written_at_once_is_as_if_written_one_after_the_other() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        store.create_job(&job(vec![task("ada"), task("bob")]), at(1)).await.unwrap();
        let (ada, bob) = (claim(&store, 1).await, claim(&store, 1).await);
        let entry = |of: &ClaimedTask, event| JournalEntry { lease: of.lease.clone(), event };
        let claiming = |seq, state, facts: Vec<ClaimFact>| {
            let mut event = outcome(seq, state);
            if let JournalEvent::Outcome { claims, .. } = &mut event {
                *claims = facts;
            }
            event
        };
        use StepState::{Applied, Unknown};
        let entries = vec![
            entry(&ada, attempt(1)),
            entry(&bob, attempt(1)),
            entry(&ada, claiming(1, Unknown, vec![])),
            entry(&bob, claiming(1, Applied, vec![group("ops", true), ClaimFact::LoginProfilePresent])),
            entry(&ada, claiming(1, Applied, vec![group("ops", true), group("dev", true)])),
            entry(&bob, attempt(2)),
            entry(&ada, attempt(2)),
            entry(&bob, claiming(2, Applied, vec![group("OPS", false)])),
            entry(&ada, claiming(2, Applied, vec![ClaimFact::AccountGone])),
            entry(&bob, finish(TaskState::Succeeded)),
            entry(&ada, finish(TaskState::Succeeded)),
        ];
        for answer in store.journal(entries, at(2)).await {
            answer.unwrap();
        }
        let of = |account: &str, fact: ClaimFact| (account.to_owned(), fact);
        let expected = [
            of("bob", ClaimFact::LoginProfilePresent),
            of("bob", group("OPS", false)),
            of("ada", ClaimFact::AccountGone),
        ];
        assert_eq!(open(&store).await, expected);
        assert_eq!(store.claims(&id("s"), None).await.unwrap().len(), 6);
        let done = store.job(ada.task.job).await.unwrap();
        assert_eq!(done.state, JobState::Succeeded);
        let attempts = |task: &Task| task.steps.iter().map(|step| step.attempts).collect::<Vec<_>>();
        assert_eq!(done.tasks.iter().map(attempts).collect::<Vec<_>>(), [[1, 1], [1, 1]]);
        store.close().await;
    }
}

#[tokio::test]
async fn an_import_settles_open_claims_once() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        claim_facts(&store, "ada", vec![group("ops", true), group("dev", true), group("qa", true)], 1).await;
        claim_facts(&store, "ada", vec![group("qa", false)], 2).await;
        let all = store.claims(&id("s"), None).await.unwrap();
        assert_eq!((all[0].1.claimed_at, all[0].1.step, all[0].1.settled_by), (at(1), 1, None));
        let settled = vec![
            (all[0].0, ClaimState::Confirmed),
            (all[1].0, ClaimState::Contradicted),
            (all[2].0, ClaimState::Confirmed),
            (all[3].0, ClaimState::Open),
        ];
        let run = published(&store, ClaimsSeen { settled: settled.clone(), restored: Vec::new() }, 4).await;
        published(&store, ClaimsSeen { settled, restored: Vec::new() }, 5).await;
        let all = store.claims(&id("s"), None).await.unwrap();
        let states: Vec<_> = all.iter().map(|(_, claim)| (claim.state, claim.settled_by)).collect();
        use ClaimState::{Confirmed, Contradicted, Open, Superseded};
        let by = Some(run.id);
        assert_eq!(states, [(Confirmed, by), (Contradicted, by), (Superseded, None), (Open, None)]);
        assert_eq!(settlings(&store).await.len(), 1);
        store.close().await;
    }
}

/// A run that changes nothing and saw this of our changes, published.
async fn published(store: &Store, claims: ClaimsSeen, now: i64) -> ImportRun {
    let lease = store.begin_import_run(&id("s"), &profile(), "t", at(now), LEASE).await.unwrap();
    let record = RunRecord { claims, ..record(at(now)) };
    store.publish_import_run(&lease, record, &ChangeSet::default(), at(now)).await.unwrap()
}

async fn settlings(store: &Store) -> Vec<AuditRow> {
    let filter = AuditFilter { action: Some("claims_settled".into()), ..Default::default() };
    store.audit(&filter, 9).await.unwrap()
}

#[tokio::test]
async fn a_suspended_run_settles_claims_when_it_is_accepted_and_not_what_was_done_since_then() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        claim_facts(&store, "ada", vec![group("ops", true), group("dev", true), group("qa", true)], 1).await;
        let all = store.open_claims(&id("s")).await.unwrap();
        let settled = vec![
            (all[0].0, ClaimState::Confirmed),
            (all[1].0, ClaimState::Contradicted),
            (all[2].0, ClaimState::Contradicted),
        ];
        let suspend = async |now: i64| {
            let lease = store.begin_import_run(&id("s"), &profile(), "t", at(now), LEASE).await.unwrap();
            let claims = ClaimsSeen { settled: settled.clone(), restored: Vec::new() };
            let record = RunRecord { claims, ..record(at(now)) };
            let outcome = Outcome::Suspended(ChangeSet::default());
            store.finish_import_run(&lease, record, outcome, at(now)).await.unwrap().id
        };
        let rejected = suspend(2).await;
        store.reject_import_run(rejected, "anna", "no", at(3)).await.unwrap();
        assert_eq!(store.open_claims(&id("s")).await.unwrap().len(), 3, "what is rejected settles nothing");
        let run = suspend(4).await;
        assert_eq!(store.open_claims(&id("s")).await.unwrap().len(), 3);
        claim_facts(&store, "ada", vec![group("qa", false)], 5).await;
        store.accept_import_run(run, "anna", "known", at(6)).await.unwrap();
        use ClaimState::{Confirmed, Contradicted, Open, Superseded};
        let by = Some(run);
        let states: Vec<_> = store.claims(&id("s"), None).await.unwrap();
        let states: Vec<_> = states.iter().map(|(_, claim)| (claim.state, claim.settled_by)).collect();
        assert_eq!(states, [(Confirmed, by), (Contradicted, by), (Superseded, None), (Open, None)]);
        let rows = settlings(&store).await;
        assert_eq!((rows.len(), rows[0].subject["run"].as_i64()), (1, Some(run.0)), "{rows:?}");
        let drifts = store.drifts(None, 9).await.unwrap();
        let [drift] = &drifts[..] else { panic!("{drifts:?}") };
        assert_eq!((&drift.claim.fact, drift.claim.settled_by), (&group("dev", true), by));
        assert_eq!((drift.seen_at, drift.actor.as_str()), (at(6), "anna"));
        store.close().await;
    }
}

#[tokio::test]
async fn drift_ends_where_it_is_seen_again_changed_once_more_or_accepted() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let groups = ["again", "changed", "accepted", "stays"];
        claim_facts(&store, "ada", groups.map(|name| group(name, true)).to_vec(), 1).await;
        let all = store.open_claims(&id("s")).await.unwrap();
        let settled = all.iter().map(|(claim, _)| (*claim, ClaimState::Contradicted)).collect();
        published(&store, ClaimsSeen { settled, restored: Vec::new() }, 2).await;
        let drifted = async || store.standing().await.unwrap().contradicted_claims;
        assert_eq!(drifted().await, 4);
        published(&store, ClaimsSeen { settled: Vec::new(), restored: vec![all[0].0] }, 3).await;
        assert_eq!(drifted().await, 3);
        assert_eq!(settlings(&store).await[0].subject["drift_ended"], serde_json::json!([all[0].0]));
        claim_facts(&store, "ada", vec![group("CHANGED", false)], 4).await;
        assert_eq!(drifted().await, 2);
        assert_eq!(
            store
                .accept_drift(
                    &id("s"),
                    &[(all[2].0, Some("Not in it".into())), (all[0].0, None)],
                    ("anna", Some("meant so")),
                    at(5)
                )
                .await
                .unwrap(),
            1
        );
        assert_eq!(
            store.accept_drift(&id("s"), &[(all[2].0, None)], ("anna", None), at(6)).await.unwrap(),
            0
        );
        let filter = AuditFilter { action: Some("drift_accepted".into()), ..Default::default() };
        let rows = store.audit(&filter, 9).await.unwrap();
        assert_eq!((rows.len(), rows[0].actor.as_str()), (1, "anna"));
        assert_eq!(
            (&rows[0].subject["account"], &rows[0].subject["done"], &rows[0].subject["aws_has"]),
            (
                &serde_json::json!("ada"),
                &serde_json::json!(group("accepted", true).words()),
                &serde_json::json!("Not in it")
            )
        );
        let accepted = store.accepted_drift(&id("s"), &[all[2].0, all[0].0]).await.unwrap();
        let told: Vec<_> =
            accepted.iter().map(|one| (one.claim, one.by.as_deref(), one.reason.as_deref())).collect();
        assert_eq!(told, [(all[2].0, Some("anna"), Some("meant so"))]);
        let of_ada = store.accepted_drift_of(&id("s"), &all[0].1.account_external_id, 9).await.unwrap();
        assert_eq!(of_ada, accepted);
        let left = store.drifts(Some(&[id("s")]), 9).await.unwrap();
        assert_eq!(left.iter().map(|drift| &drift.claim.fact).collect::<Vec<_>>(), [&group("stays", true)]);
        assert!(store.drifts(Some(&[]), 9).await.unwrap().is_empty());
        assert_eq!(store.drifted_claims(&id("s")).await.unwrap().len(), 1);
        claim_facts(&store, "ada", vec![ClaimFact::AccountGone], 7).await;
        assert_eq!(drifted().await, 0);
        store.close().await;
    }
}
