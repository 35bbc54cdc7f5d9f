//! Buffers, from within.
#![allow(clippy::unwrap_used)]

use super::buffer::{bulla_buffer, bulla_buffer_data, bulla_buffer_length};
use crate::{ErrorKind, Result};

/// The bytes in a buffer, as C has them.
fn seen(buffer: &bulla_buffer) -> (*const u8, usize) {
    unsafe { (bulla_buffer_data(buffer), bulla_buffer_length(buffer)) }
}

#[test]
fn what_is_in_it_may_be_read_by_what_appends_to_it() {
    let buffer = bulla_buffer::owning(b"abc".to_vec());
    for about in [0, 1000] {
        let (data, length) = seen(&buffer);
        let before = buffer.copy(usize::MAX).unwrap().unwrap();
        buffer
            .append_about(about, |out| {
                // More than was foreseen, and read after room was made for it.
                out.resize(5000, 7);
                // SAFETY: what is in the buffer is not moved before the call has ended.
                out.extend_from_slice(unsafe { core::slice::from_raw_parts(data, length) });
                Ok(())
            })
            .unwrap();
        let after = buffer.copy(usize::MAX).unwrap().unwrap();
        assert!(after.starts_with(&before) && after.ends_with(&before));
    }
}

#[test]
fn a_failure_leaves_what_was_there() {
    for start in [&b""[..], b"abc"] {
        let buffer = bulla_buffer::owning(start.to_vec());
        let failed: Result<()> = buffer.append(Some(100), |out| {
            out.extend_from_slice(b"secret");
            Err(ErrorKind::NotAuthentic.into())
        });
        assert_eq!(failed.unwrap_err(), ErrorKind::NotAuthentic);
        assert_eq!(buffer.copy(100).unwrap().unwrap(), start);
    }
}

#[test]
fn more_than_memory_is_refused_before_anything_is_done() {
    let buffer = bulla_buffer::owning(b"abc".to_vec());
    let failed = buffer.append(Some(isize::MAX as usize), |_| -> Result<()> {
        unreachable!()
    });
    assert_eq!(failed.unwrap_err(), ErrorKind::InvalidInput);
}

/// A host that was built with the first header says these sizes for ever, whatever is added since.
#[test]
#[cfg(target_pointer_width = "64")]
fn first_sizes_stay() {
    use super::guard_functions::bulla_guard_callbacks;
    use super::input::Grows;

    assert_eq!(super::holder::bulla_holder::FIRST, 48);
    #[cfg(unix)]
    assert_eq!(super::source::bulla_source::FIRST, 40);
    assert_eq!(bulla_guard_callbacks::FIRST, 120);
    #[cfg(feature = "redis")]
    assert_eq!(super::guard_redis::bulla_redis_settings::FIRST, 104);
}
