//! How a refusal travels: as a response that is a text.

/// The codec number of a response that says why there is none: a text.
pub(super) const REFUSED: u32 = 255;

/// The longest text of a refusal, in bytes.
pub(super) const LONGEST_REFUSAL: usize = 4096;

/// Returns as much of a text as has so many bytes.
pub(super) fn cut(text: &str, most: usize) -> &[u8] {
    let mut end = text.len().min(most);
    // Cut between two characters, so that the text stays valid.
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text.as_bytes()[..end]
}
