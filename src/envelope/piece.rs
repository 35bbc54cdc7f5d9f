//! Parts of fixed length out of input that comes in pieces of any size.

use alloc::vec::Vec;

/// What there is of a part.
pub(super) enum Piece<'i> {
    /// More input is needed; all that came is held.
    Incomplete,
    /// It stands in the input as a whole: nothing was copied.
    Given(&'i [u8]),
    /// It is what is held.
    Held,
}

/// Takes `length` bytes from what is held and the input.
pub(super) fn complete<'i>(held: &mut Vec<u8>, input: &mut &'i [u8], length: usize) -> Piece<'i> {
    if held.is_empty()
        && let Some((piece, rest)) = input.split_at_checked(length)
    {
        *input = rest;
        return Piece::Given(piece);
    }
    let (now, rest) = input.split_at(input.len().min(length - held.len()));
    held.extend_from_slice(now);
    *input = rest;
    if held.len() == length {
        Piece::Held
    } else {
        Piece::Incomplete
    }
}
