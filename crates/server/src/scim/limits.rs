//! How much a request may ask for. What is beyond is refused before it is worked on.

/// Bytes of a body.
pub const BODY_BYTES: usize = 1024 * 1024;
/// Operations of a bulk request.
pub const BULK_OPERATIONS: usize = 1_000;
/// Resources of a page where nobody says how many.
pub const PAGE_DEFAULT: usize = 100;
/// Resources of a page at most.
pub const PAGE_MAXIMUM: usize = 1_000;
/// Seconds for which a cursor can be used (RFC 9865 §4).
pub const CURSOR_SECONDS: u64 = 3_600;
/// Characters of one text.
pub const TEXT_CHARACTERS: usize = 4_096;
/// Operations of a PATCH.
pub const PATCH_OPERATIONS: usize = 1_000;
/// Elements of a list that are not told apart by one of their sub-attributes, such as addresses.
pub const LIST_ELEMENTS: usize = 100;
/// Bytes of a cursor.
pub const CURSOR_BYTES: usize = 64 * 1024;
