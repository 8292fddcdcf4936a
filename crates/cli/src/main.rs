//! The keyreeve command.
fn main() {}
