//! A body that breaks off where it is too large, too slow or nested too deeply.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

use crate::limits::LARGEST_BODY;

/// JSON may be nested so deeply: nothing that is asked for here goes beyond ten.
const DEEPEST: usize = 32;

/// Why a body broke off: it was too …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    Large,
    Slow,
    Deep,
}

#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
struct BrokeOff;

struct Bounded {
    inner: Body,
    seen: usize,
    depth: Option<Depth>,
    late: Pin<Box<Sleep>>,
    broken: Arc<OnceLock<Broken>>,
}

/// The same body, held to the limits. Why it broke off is left in `broken`.
pub(crate) fn bounded(inner: Body, is_json: bool, within: Duration, broken: Arc<OnceLock<Broken>>) -> Body {
    if http_body::Body::is_end_stream(&inner) {
        return inner;
    }
    let depth = is_json.then(Depth::default);
    Body::new(Bounded { inner, seen: 0, depth, late: Box::pin(tokio::time::sleep(within)), broken })
}

impl Bounded {
    fn breaks(&self, why: Broken) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let _ = self.broken.set(why);
        Poll::Ready(Some(Err(axum::Error::new(BrokeOff))))
    }
}

impl http_body::Body for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.late.as_mut().poll(context).is_ready() {
            return self.breaks(Broken::Slow);
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.seen = self.seen.saturating_add(data.len());
            if self.seen > LARGEST_BODY {
                return self.breaks(Broken::Large);
            }
            if self.depth.as_mut().is_some_and(|depth| depth.exceeds(data)) {
                return self.breaks(Broken::Deep);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// How deeply JSON is nested, byte by byte. What is no JSON is refused by whoever reads it.
#[derive(Debug, Default)]
struct Depth {
    open: usize,
    in_text: bool,
    escaped: bool,
}

impl Depth {
    fn exceeds(&mut self, data: &[u8]) -> bool {
        for byte in data {
            match (self.in_text, self.escaped, byte) {
                (true, true, _) => self.escaped = false,
                (true, false, b'\\') => self.escaped = true,
                (true, false, b'"') => self.in_text = false,
                (true, false, _) => {}
                (false, _, b'"') => self.in_text = true,
                (false, _, b'[' | b'{') => self.open += 1,
                (false, _, b']' | b'}') => self.open = self.open.saturating_sub(1),
                (false, _, _) => {}
            }
            if self.open > DEEPEST {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_what_is_open_and_no_brackets_in_texts() {
        let deep = |text: &str| Depth::default().exceeds(text.as_bytes());
        assert!(deep(&"[".repeat(33)) && deep(&"{\"a\":".repeat(33)));
        assert!(!deep(&"[".repeat(32)) && !deep(&"[]".repeat(1000)));
        assert!(!deep(&format!("\"{}\"", "[".repeat(100))));
        assert!(!deep(&format!(r#""\"{}""#, "[".repeat(100))));
        assert!(deep(&format!(r#""\\"{}"#, "[".repeat(100))));
        let mut depth = Depth::default();
        let pieces = "[\"\\\"[".as_bytes().chunks(1);
        assert!(pieces.map(|piece| depth.exceeds(piece)).all(|exceeds| !exceeds));
        assert_eq!((depth.open, depth.in_text), (1, true));
    }
}
