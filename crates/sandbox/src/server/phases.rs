//! When in a call a fault strikes, and for how long it waits.

use std::time::Duration;

use crate::faults::{Effect, Fired, Phase};
use crate::protocol::paging::PageFault;

/// Waits as long as the rules of these phases say.
pub(super) async fn wait(fired: &[Fired], at: impl Fn(Phase) -> bool) {
    for fired in fired.iter().filter(|fired| at(fired.phase)) {
        if let Effect::Latency { ms } = &fired.effect {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
        }
    }
}

impl Fired {
    /// Whether the effect decides the answer.
    pub(super) fn is_deciding(&self) -> bool {
        self.effect.decides()
    }

    /// Whether the effect replaces the answer to work that has been done. Only a connection can break in
    /// the middle of an answer; an error there comes instead of it.
    pub(super) fn strikes_late(&self) -> bool {
        let breaks = matches!(self.effect, Effect::Reset | Effect::Hang);
        self.strikes_at_a_phase()
            && (self.phase == Phase::AfterApply || (self.phase == Phase::MidResponse && !breaks))
    }

    /// Whether the effect stands instead of an answer, before or after the work is done.
    pub(super) fn strikes_at_a_phase(&self) -> bool {
        !matches!(self.effect, Effect::Truncate { .. } | Effect::Malformed { .. })
            && self.effect.page_fault().is_none()
    }
}

impl Effect {
    pub(super) fn page_fault(&self) -> Option<PageFault> {
        Some(match self {
            Self::DropPage => PageFault::Drop,
            Self::RepeatPage => PageFault::RepeatPage,
            Self::RepeatMarker => PageFault::RepeatMarker,
            Self::Cycle => PageFault::Cycle,
            Self::Endless => PageFault::Endless,
            Self::ClaimLast => PageFault::ClaimLast,
            Self::TruncatedWithoutMarker => PageFault::NoMarker,
            Self::EmptyPage => PageFault::Empty,
            Self::ShrinkPage => PageFault::Shrink,
            Self::DuplicateEntry => PageFault::Duplicate,
            _ => return None,
        })
    }
}
