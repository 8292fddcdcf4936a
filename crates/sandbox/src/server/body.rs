//! Bodies of answers: whole, cut short, or endless.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::Cut;
use super::wire::Cutter;

/// What happens where a body is cut.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    /// The connection closes.
    Close,
    /// The connection is reset.
    Reset(Cutter),
    /// Nothing happens any more.
    Hang,
}

#[derive(Debug)]
pub(crate) enum ReplyBody {
    Whole(Option<Bytes>),
    /// `full_length` is what `Content-Length` says.
    Cut {
        start: Option<Bytes>,
        flushed: bool,
        full_length: u64,
        ending: Ending,
    },
    /// A beginning, `filler` bytes of blanks, an end.
    Filled {
        start: Option<Bytes>,
        filler: u64,
        end: Option<Bytes>,
        length: u64,
    },
}

impl ReplyBody {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }

    pub(crate) fn cut(bytes: impl Into<Bytes>, fraction: f64, ending: Ending) -> Self {
        let bytes: Bytes = bytes.into();
        let full_length = bytes.len() as u64;
        // Never the whole body, also where it is asked for: then nothing would be cut.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let kept = ((bytes.len() as f64) * fraction.clamp(0.0, 1.0)) as usize;
        let kept = kept.min(bytes.len().saturating_sub(1));
        Self::Cut { start: Some(bytes.slice(..kept)), flushed: false, full_length, ending }
    }

    pub(crate) fn filled(start: Bytes, filler: u64, end: Bytes) -> Self {
        let length = start.len() as u64 + filler + end.len() as u64;
        Self::Filled { start: Some(start), filler, end: Some(end), length }
    }

    /// What `Content-Length` is to say.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Cut { full_length, .. } => *full_length,
            Self::Filled { length, .. } => *length,
        }
    }
}

const BLANKS: &[u8] = &[b' '; 64 * 1024];

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let frame = |bytes: Bytes| Poll::Ready(Some(Ok(Frame::data(bytes))));
        match self.get_mut() {
            Self::Whole(bytes) => bytes.take().map_or(Poll::Ready(None), frame),
            Self::Cut { start, flushed, ending, .. } => {
                if let Some(bytes) = start.take().filter(|bytes| !bytes.is_empty()) {
                    return frame(bytes);
                }
                if !*flushed {
                    // Hyper sends what it has when the body has nothing ready; then the cut comes.
                    *flushed = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                match ending {
                    Ending::Hang => return Poll::Pending,
                    Ending::Reset(cutter) => cutter.end_with_reset(),
                    Ending::Close => {}
                }
                Poll::Ready(Some(Err(Cut)))
            }
            Self::Filled { start, filler, end, .. } => {
                if let Some(bytes) = start.take() {
                    return frame(bytes);
                }
                if *filler > 0 {
                    let size = usize::try_from(*filler).unwrap_or(usize::MAX).min(BLANKS.len());
                    *filler -= size as u64;
                    return frame(Bytes::from_static(BLANKS).slice(..size));
                }
                end.take().map_or(Poll::Ready(None), frame)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Cut { .. } => SizeHint::default(),
            other => SizeHint::with_exact(other.length()),
        }
    }
}
