//! Who is connected: as many as there is room for, and of one network no more than its share.
//!
//! A connection on which nothing is asked holds a place only until somebody else needs one. It is closed where no request
//! of it has begun, so that nothing is lost that was asked for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use keyreeve_engine::people::network_of;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::limits::Limits;

/// A connection on which nothing is asked is left alone for so long: its request may be on the way.
const LEFT_ALONE: Duration = Duration::from_millis(500);
/// Where nobody can be sent away, it is looked again after so long.
const LOOKED_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// The connections there are.
#[derive(Clone)]
pub(crate) struct Crowd {
    room: Arc<Semaphore>,
    of_one_network: usize,
    here: Arc<Mutex<HashMap<u64, Guest>>>,
}

/// One connection, as the others see it.
struct Guest {
    network: String,
    /// Since when nothing is asked; `None` while something is.
    idle_since: Option<Instant>,
    leave: Arc<Notify>,
}

/// The place of a connection. It is free again when this is dropped.
pub(crate) struct Seat {
    id: u64,
    crowd: Crowd,
    leave: Arc<Notify>,
    _room: OwnedSemaphorePermit,
}

impl Crowd {
    pub(crate) fn new(limits: &Limits) -> Self {
        let room = Arc::new(Semaphore::new(limits.connections.max(1)));
        Self { room, of_one_network: limits.of_one_network.max(1), here: Arc::default() }
    }

    /// A place for a connection from there, as soon as there is one; `None` where its network has its share, all of it
    /// in use.
    pub(crate) async fn seat(&self, id: u64, from: IpAddr) -> Option<Seat> {
        let network = network_of(from);
        let of_network = self.here().values().filter(|guest| guest.network == network).count();
        if of_network >= self.of_one_network && !self.send_one_away(Some(&network)) {
            return None;
        }
        let room = loop {
            if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
                break room;
            }
            self.send_one_away(None);
            tokio::select! {
                room = Arc::clone(&self.room).acquire_owned() => break room.ok()?,
                () = tokio::time::sleep(LOOKED_AGAIN_AFTER) => {}
            }
        };
        let leave = Arc::new(Notify::new());
        let guest = Guest { network, idle_since: Some(Instant::now()), leave: Arc::clone(&leave) };
        self.here().insert(id, guest);
        Some(Seat { id, crowd: self.clone(), leave, _room: room })
    }

    /// Asks the connection on which nothing was asked for longest to go. Whether there is one.
    fn send_one_away(&self, of: Option<&str>) -> bool {
        let here = self.here();
        let idle = here.values().filter(|guest| of.is_none_or(|network| guest.network == network));
        let longest = idle
            .filter_map(|guest| Some((guest.idle_since?, guest)))
            .filter(|(since, _)| since.elapsed() >= LEFT_ALONE)
            .min_by_key(|(since, _)| *since);
        if let Some((_, guest)) = longest {
            guest.leave.notify_one();
        }
        longest.is_some()
    }

    fn here(&self) -> MutexGuard<'_, HashMap<u64, Guest>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_idle(&self, id: u64, since: Option<Instant>) {
        if let Some(guest) = self.here().get_mut(&id) {
            guest.idle_since = since;
        }
    }
}

impl Seat {
    /// Ends when the connection is to go and nothing is asked on it.
    pub(crate) async fn is_needed(&self) {
        loop {
            self.leave.notified().await;
            if self.crowd.here().get(&self.id).is_some_and(|guest| guest.idle_since.is_some()) {
                return;
            }
        }
    }

    /// Who notes what is asked.
    pub(crate) fn watch(&self) -> Watch {
        Watch { id: self.id, crowd: self.crowd.clone() }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.crowd.here().remove(&self.id);
    }
}

/// Notes what is asked on one connection.
#[derive(Clone)]
pub(crate) struct Watch {
    id: u64,
    crowd: Crowd,
}

impl Watch {
    /// Something is asked, until what is given is dropped.
    pub(crate) fn asked(&self) -> Asked {
        self.crowd.set_idle(self.id, None);
        Asked(self.clone())
    }
}

/// Something is asked on a connection, or being answered.
pub(crate) struct Asked(Watch);

impl Asked {
    /// The same body; it is answered when that has been sent.
    pub(crate) fn until_sent(self, body: Body) -> Body {
        Body::new(Answering { body, _asked: self })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.crowd.set_idle(self.0.id, Some(Instant::now()));
    }
}

struct Answering {
    body: Body,
    _asked: Asked,
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
