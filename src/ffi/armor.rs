//! Armor, for transports of 7-bit text.

use super::buffer::bulla_buffer;
use super::handle::{Once, Out, free, shared};
use super::input::bytes;
use super::status::{BULLA_OK, bulla_error, bulla_status, entry, plain};
use crate::{ArmorLabel, ArmorReader, ArmorWriter, Error, ErrorKind, Result, is_armored};

/// The armor of a sealed or signed envelope.
pub const BULLA_ARMOR_ENVELOPE: u32 = 1;
/// The armor of evidence for third parties.
pub const BULLA_ARMOR_EVIDENCE: u32 = 2;
/// The armor of a secret key file.
pub const BULLA_ARMOR_SECRET_KEY: u32 = 3;
/// The armor of the proof of a receipt, for third parties.
pub const BULLA_ARMOR_RECEIPT_PROOF: u32 = 4;

/// Armors bytes that come in pieces.
pub struct bulla_armor_writer {
    writer: Once<ArmorWriter>,
}

/// Takes the armor off text that comes in pieces.
pub struct bulla_armor_reader {
    reader: Once<ArmorReader>,
}

const fn wrong(detail: &'static str) -> Error {
    Error::with(ErrorKind::InvalidInput, detail)
}

/// Begin line and end line, and what is held back of a line, with room to spare.
const FRAME: usize = 256;

/// The most text that so many more bytes can give: 64 characters and a line end for every 48.
fn most_text(bytes: usize) -> Result<usize> {
    bytes
        .div_ceil(48)
        .checked_mul(65)
        .and_then(|text| text.checked_add(FRAME))
        .ok_or(wrong("a length is greater than memory can be"))
}

/// The most bytes that so much more text can give.
const fn most_bytes(text: usize) -> usize {
    // A line that is held back gives at most 48.
    text / 4 * 3 + 64
}

fn label(label: u32) -> Result<ArmorLabel> {
    Ok(match label {
        BULLA_ARMOR_ENVELOPE => ArmorLabel::Envelope,
        BULLA_ARMOR_EVIDENCE => ArmorLabel::Evidence,
        BULLA_ARMOR_SECRET_KEY => ArmorLabel::SecretKey,
        BULLA_ARMOR_RECEIPT_PROOF => ArmorLabel::ReceiptProof,
        _ => return Err(wrong("there is no such label of an armor")),
    })
}

/// Whether the input looks armored, by its first bytes.
///
/// @param input The input, or its first 16 bytes.
/// @param length Its length in bytes.
/// @return 1 or 0; 0 for NULL.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_is_armored(input: *const u8, length: usize) -> u8 {
    plain(0, || {
        // SAFETY: as the contract says.
        let input = unsafe { bytes(input, length, "") }.ok()?;
        Some(u8::from(is_armored(input)))
    })
}

/// Armors bytes: lines of ASCII between a first and a last one that say what it is.
///
/// @param what What the bytes are: BULLA_ARMOR_ENVELOPE, BULLA_ARMOR_EVIDENCE, BULLA_ARMOR_SECRET_KEY or
///        BULLA_ARMOR_RECEIPT_PROOF.
/// @param data The bytes.
/// @param length How many, at least 1.
/// @param text The text is appended to this buffer, without a closing NUL. Memory of the caller's must have room for 65 bytes for
///        every 48, and 256 more.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_BUFFER_TOO_SMALL, BULLA_INVALID_INPUT.
/// Threads: one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_armor(
    what: u32,
    data: *const u8,
    length: usize,
    text: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (data, text) = unsafe {
            (
                bytes(data, length, "data is NULL")?,
                shared(text, "text is NULL")?,
            )
        };
        let mut writer = ArmorWriter::new(label(what)?);
        if data.is_empty() {
            return Err(wrong("there is nothing to armor"));
        }
        text.append(Some(most_text(length)?), |out| {
            writer.update(data, out);
            writer.finish(out);
            Ok(())
        })?;
        Ok(BULLA_OK)
    })
}

/// Takes the armor off.
///
/// @param what What the text must be, as for bulla_armor().
/// @param text The text.
/// @param length Its length in bytes.
/// @param data The bytes are appended to this buffer. Memory of the caller's must have room for 3 bytes for every 4, and 64 more.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, BULLA_MALFORMED for anything but the one form, and for an armor of something else, BULLA_BUFFER_TOO_SMALL,
///         BULLA_INVALID_INPUT.
/// Threads: one at a time for the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_dearmor(
    what: u32,
    text: *const u8,
    length: usize,
    data: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (text, data) = unsafe {
            (
                bytes(text, length, "text is NULL")?,
                shared(data, "data is NULL")?,
            )
        };
        let mut reader = ArmorReader::new(label(what)?);
        data.append(Some(most_bytes(length)), |out| {
            reader.update(text, out)?;
            reader.finish()
        })?;
        Ok(BULLA_OK)
    })
}

/// Begins an armor around bytes that come in pieces.
///
/// @param what What the bytes are, as for bulla_armor().
/// @param writer Receives the writer; free it with bulla_armor_writer_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_armor_writer_new(
    what: u32,
    writer: *mut *mut bulla_armor_writer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(writer, "writer is NULL")?;
        let writer = Once::new(ArmorWriter::new(label(what)?));
        out.give(bulla_armor_writer { writer });
        Ok(BULLA_OK)
    })
}

/// Takes the next piece.
///
/// @param writer The writer.
/// @param data The piece.
/// @param length Its length in bytes.
/// @param text Text is appended to this buffer: put it away, clear it, use it again. Memory of the caller's must have room for 65
///        bytes for every 48, and 256 more.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_BUFFER_TOO_SMALL, and then the piece was not taken; BULLA_WRONG_ORDER after the end;
///         BULLA_INVALID_INPUT for NULL.
/// Threads: one at a time for each writer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_armor_writer_update(
    writer: *mut bulla_armor_writer,
    data: *const u8,
    length: usize,
    text: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (writer, data, text) = unsafe {
            (
                shared(writer, "writer is NULL")?,
                bytes(data, length, "data is NULL")?,
                shared(text, "text is NULL")?,
            )
        };
        text.append(Some(most_text(length)?), |out| {
            writer.writer.with(|writer| {
                writer.update(data, out);
                Ok(())
            })
        })?;
        Ok(BULLA_OK)
    })
}

/// Writes the rest, and the last line. The writer can then only be freed.
///
/// @param writer The writer.
/// @param text The text is appended to this buffer; at most 256 bytes, and memory of the caller's must have room for so many.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_BUFFER_TOO_SMALL, and then it was not ended; BULLA_WRONG_ORDER after the end; BULLA_INVALID_INPUT for
///         NULL.
/// Threads: one at a time for each writer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_armor_writer_finish(
    writer: *mut bulla_armor_writer,
    text: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (writer, text) = unsafe {
            (
                shared(writer, "writer is NULL")?,
                shared(text, "text is NULL")?,
            )
        };
        // Taken only once there is room.
        text.append(Some(FRAME), |out| {
            writer.writer.take()?.finish(out);
            Ok(())
        })?;
        Ok(BULLA_OK)
    })
}

/// Frees a writer, and wipes what it held back.
///
/// @param writer The writer; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_armor_writer_free(writer: *mut bulla_armor_writer) {
    // SAFETY: as the contract says.
    unsafe { free(writer) }
}

/// Begins to take the armor off text that comes in pieces.
///
/// @param what What the text must be, as for bulla_armor().
/// @param reader Receives the reader; free it with bulla_armor_reader_free().
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK, or BULLA_INVALID_INPUT.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_armor_reader_new(
    what: u32,
    reader: *mut *mut bulla_armor_reader,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        let out = Out::new(reader, "reader is NULL")?;
        let reader = Once::new(ArmorReader::new(label(what)?));
        out.give(bulla_armor_reader { reader });
        Ok(BULLA_OK)
    })
}

/// Takes the next piece of the text.
///
/// @param reader The reader.
/// @param text The piece.
/// @param length Its length in bytes.
/// @param data Bytes are appended to this buffer: use them, clear it, use it again. Memory of the caller's must have room for 3
///        bytes for every 4, and 64 more.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_MALFORMED, and then nothing more is taken; BULLA_BUFFER_TOO_SMALL, and then the piece was not taken;
///         BULLA_WRONG_ORDER after the end; BULLA_INVALID_INPUT for NULL.
/// Threads: one at a time for each reader.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_armor_reader_update(
    reader: *mut bulla_armor_reader,
    text: *const u8,
    length: usize,
    data: *mut bulla_buffer,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let (reader, text, data) = unsafe {
            (
                shared(reader, "reader is NULL")?,
                bytes(text, length, "text is NULL")?,
                shared(data, "data is NULL")?,
            )
        };
        data.append(Some(most_bytes(length)), |out| {
            reader.reader.with(|reader| reader.update(text, out))
        })?;
        Ok(BULLA_OK)
    })
}

/// The text has ended. The reader can then only be freed. What came out before counts only if this succeeds.
///
/// @param reader The reader.
/// @param error May be NULL; see bulla_error.
/// @return BULLA_OK; BULLA_MALFORMED if the last line has not come; BULLA_WRONG_ORDER after the end; BULLA_INVALID_INPUT for NULL.
/// Threads: one at a time for each reader.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_armor_reader_finish(
    reader: *mut bulla_armor_reader,
    error: *mut bulla_error,
) -> bulla_status {
    entry(error, || {
        // SAFETY: as the contract says.
        let reader = unsafe { shared(reader, "reader is NULL") }?;
        reader.reader.take()?.finish()?;
        Ok(BULLA_OK)
    })
}

/// Frees a reader, and wipes what it held back.
///
/// @param reader The reader; NULL is nothing.
/// Threads: when no other call uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bulla_armor_reader_free(reader: *mut bulla_armor_reader) {
    // SAFETY: as the contract says.
    unsafe { free(reader) }
}
