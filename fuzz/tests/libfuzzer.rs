//! One target under libFuzzer: its name is in `KEYREEVE_FUZZ_TARGET`, everything else is libFuzzer's own options.
#![no_main]

use std::sync::LazyLock;

use keyreeve_fuzz::{Target, target};
use libfuzzer_sys::{Corpus, fuzz_target};

static CHOSEN: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("KEYREEVE_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| panic!("KEYREEVE_FUZZ_TARGET names no target: {name:?}"))
});

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if bytes.len() > CHOSEN.longest {
        return Corpus::Reject;
    }
    (CHOSEN.run)(bytes);
    Corpus::Keep
});
