//! Ports for other programs.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// A port of 127.0.0.1 for a program that is started next and takes a while to listen. Nobody gets it meanwhile who asks
/// the system for any free one: those begin at 32768 on Linux (ip(7), `ip_local_port_range`). Processes that run beside
/// each other have ports of their own.
///
/// # Errors
/// When none of a thousand is free.
pub fn free_port() -> std::io::Result<u16> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    (0..1_000)
        .find_map(|_| {
            let asked = ASKED.fetch_add(1, Ordering::Relaxed);
            let port = u16::try_from(20_000 + (std::process::id().wrapping_mul(8) + asked) % 12_000).ok()?;
            TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
        })
        .ok_or_else(|| std::io::Error::other("no port of 127.0.0.1 between 20000 and 32000 is free"))
}
