//! PostgreSQL behind something that breaks connections: a pooler, or a server that another one takes over from (R24, R25).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use keyreeve_store::{AuditFilter, Store, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::place::{Place, postgres_url};
use crate::provisioning::{job, task, with_system};
use crate::sample::*;

/// What stands between a store and PostgreSQL.
#[derive(Default)]
struct Between {
    /// The next commit is carried out, and its answer is another one: an error with this code.
    answer: std::sync::Mutex<Option<&'static str>>,
    /// Nobody gets through.
    closed: AtomicBool,
    refused: AtomicU32,
    /// All that clients have said.
    heard: std::sync::Mutex<Vec<u8>>,
}

impl Between {
    /// Begins to listen, and gives the address of the place by way of it.
    async fn start(place: &Place) -> (Arc<Self>, String) {
        let url = postgres_url();
        let beyond = url.split_once("://").expect("a scheme").1.split(['/', '?']).next().expect("a server");
        // Who signs in, and with what, stands before it.
        let server = beyond.rsplit('@').next().expect("a host and a port").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap().to_string();
        let between = Arc::new(Self::default());
        let (mine, to) = (Arc::clone(&between), server.clone());
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if mine.closed.load(Ordering::SeqCst) {
                    mine.refused.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let (mine, to) = (Arc::clone(&mine), to.clone());
                tokio::spawn(async move { mine.carry(client, TcpStream::connect(&to).await.unwrap()).await });
            }
        });
        let schema = place.schema.as_ref().unwrap();
        let through = format!("{}?options=-csearch_path%3D{schema}", url.replace(&server, &here));
        (between, through)
    }

    async fn carry(&self, mut client: TcpStream, mut server: TcpStream) {
        let (mut asked, mut said) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            if self.closed.load(Ordering::SeqCst) {
                return;
            }
            tokio::select! {
                read = client.read(&mut asked) => {
                    let Ok(count @ 1..) = read else { return };
                    self.heard.lock().unwrap().extend(&asked[..count]);
                    if server.write_all(&asked[..count]).await.is_err() {
                        return;
                    }
                    let is_commit = asked[..count].starts_with(b"Q") && asked[..count].ends_with(b"COMMIT\0");
                    let code = if is_commit { self.answer.lock().unwrap().take() } else { None };
                    if let Some(code) = code {
                        let count = server.read(&mut said).await.unwrap();
                        assert!(said[..count].starts_with(b"C"), "it was committed");
                        client.write_all(&error(code)).await.unwrap();
                        return;
                    }
                }
                read = server.read(&mut said) => {
                    let Ok(count @ 1..) = read else { return };
                    if client.write_all(&said[..count]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// An error as the server would say it (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).
fn error(code: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0Mserver conn crashed?\0\0");
    let mut message = vec![b'E'];
    message.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
    message.extend(fields.as_bytes());
    message
}

#[tokio::test]
async fn a_commit_that_was_answered_by_who_saw_the_connection_break_is_not_done_twice() {
    // What pgbouncer says, and what a server says that is shut down while it waits for its standby.
    for code in ["08P01", "57P01", "08006"] {
        let place = Place::postgres().await;
        with_system(&place).await.close().await;
        let (between, through) = Between::start(&place).await;
        let store = Store::open(&through.parse().unwrap(), place.key.clone()).await.unwrap();
        *between.answer.lock().unwrap() = Some(code);
        // The audit log tells that it happened.
        let made = store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        assert!(between.answer.lock().unwrap().is_none());
        let jobs = store.jobs(&id("s"), None, 9).await.unwrap();
        assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [made.id], "{code}");
        let rows = store.audit(&AuditFilter::default(), 1000).await.unwrap();
        assert_eq!(rows.iter().filter(|row| row.action == "job_created").count(), 1, "{code}");
        // Of what the log does not tell of, it is not known.
        *between.answer.lock().unwrap() = Some(code);
        let begun = store.begin_import_run(&id("s"), &profile(), "t", at(2), LEASE).await;
        assert!(matches!(begun, Err(StoreError::CommitUnknown { .. })), "{code}: {begun:?}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_database_that_is_away_for_a_while_is_waited_for() {
    let place = Place::postgres().await;
    with_system(&place).await.close().await;
    let (between, through) = Between::start(&place).await;
    let store = Store::open(&through.parse().unwrap(), place.key.clone()).await.unwrap();
    between.closed.store(true, Ordering::SeqCst);
    let (made, ()) = tokio::join!(async { store.create_job(&job(vec![task("ada")]), at(1)).await }, async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        between.closed.store(false, Ordering::SeqCst);
    });
    made.unwrap();
    assert!(between.refused.load(Ordering::SeqCst) > 4);
    assert_eq!(store.jobs(&id("s"), None, 9).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn where_a_pooler_gives_each_transaction_another_connection_nothing_is_kept_in_one() {
    for (parameter, kept) in [("", true), ("&statement-cache-capacity=0", false)] {
        let place = Place::postgres().await;
        with_system(&place).await.close().await;
        let (between, through) = Between::start(&place).await;
        let store =
            Store::open(&format!("{through}{parameter}").parse().unwrap(), place.key.clone()).await.unwrap();
        store.create_job(&job(vec![task("ada")]), at(1)).await.unwrap();
        assert_eq!(store.jobs(&id("s"), None, 9).await.unwrap().len(), 1);
        store.close().await;
        let heard = between.heard.lock().unwrap();
        // What the driver calls statements that are to last.
        let named = heard.windows(7).any(|words| words == b"sqlx_s_");
        assert_eq!(named, kept, "{parameter}");
        assert!(!heard.windows(18).any(|words| words == b"extra_float_digits"), "poolers do not know that");
    }
}
