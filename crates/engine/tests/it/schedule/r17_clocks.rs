//! R17: clocks that jump while schedules are followed: no time is lost, and none runs twice.

use jiff::SignedDuration;
use keyreeve_model::ImportRunState;

use super::{Office, PATIENCE, at, id};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r17_a_clock_that_jumps_forward_is_followed_by_one_import() {
    let office = Office::open(1).await;
    office.schedule(0, "default", "0 * * * *").await;
    let mut shift = office.run();
    // An hour, a day, and beyond the second in January 2038 in which 32 bits run out.
    for hours in [1, 24, 14 * 366 * 24] {
        office.advance(HOUR * hours);
        let (system, _, time) = shift.began().await;
        assert_eq!(system, id(0));
        let late = office.clock.now().duration_since(time);
        assert!(late < HOUR && !late.is_negative(), "{hours}: {late}");
        assert_eq!(shift.ended().await.state, ImportRunState::Published);
    }
    assert!(shift.stop().await.is_empty());
    assert_eq!(office.runs(0).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r17_a_clock_that_goes_back_runs_nothing_twice_and_loses_nothing_that_comes() {
    let office = Office::open(2).await;
    office.schedule(0, "default", "0 * * * *").await;
    let mut shift = office.run();
    office.set_clock(at("10T05:00"));
    assert_eq!(shift.began().await.2, at("10T05:00"));
    shift.ended().await;
    // By a little: five o'clock comes a second time and is left alone. That it was looked at, another system tells.
    office.set_clock(at("10T04:45"));
    office.schedule(1, "default", "7,57 4,5 * * *").await;
    for time in ["10T04:57", "10T05:07"] {
        office.set_clock(at(time));
        assert_eq!(shift.began().await, (id(1), "default".to_owned(), at(time)));
        shift.ended().await;
    }
    office.set_clock(at("10T06:00"));
    assert_eq!(shift.began().await, (id(1), "default".to_owned(), at("10T05:57")));
    assert_eq!(shift.began().await, (id(0), "default".to_owned(), at("10T06:00")));
    shift.ended().await;
    shift.ended().await;
    // By a day: the clock was wrong, and from now on it is believed.
    office.set_clock(at("09T10:20"));
    begun_anew(&office).await;
    office.set_clock(at("09T11:00"));
    assert_eq!(shift.began().await, (id(0), "default".to_owned(), at("09T11:00")));
    assert_eq!(shift.ended().await.state, ImportRunState::Published);
    assert!(shift.stop().await.is_empty());
    assert_eq!(office.runs(0).await.len(), 3);
}

/// Until the scheduler has noticed that the clock went back.
async fn begun_anew(office: &Office) {
    let noticed = async {
        loop {
            let now = office.clock.now();
            if office.store.import_schedules(now).await.unwrap().iter().all(|seen| seen.taken_for <= now) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, noticed).await.expect("it is not begun anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r17_a_clock_that_was_years_ahead_for_a_moment_does_not_silence_a_schedule() {
    let office = Office::open(1).await;
    office.schedule(0, "default", "30 2 * * *").await;
    let mut shift = office.run();
    office.advance(HOUR * 24 * 366 * 20);
    shift.began().await;
    shift.ended().await;
    office.set_clock(at("10T01:00"));
    begun_anew(&office).await;
    office.set_clock(at("10T02:30"));
    assert_eq!(shift.began().await.2, at("10T02:30"));
    assert_eq!(shift.ended().await.state, ImportRunState::Published);
    assert!(shift.stop().await.is_empty());
}
