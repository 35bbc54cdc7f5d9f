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

/// The host keeps what a call did not take: here one that found the store broken by a defect.
#[test]
#[cfg(unix)]
fn what_is_not_taken_is_not_dropped() {
    use core::ffi::c_void;
    use core::ptr::null_mut;
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::status::{BULLA_OK, bulla_error};

    unsafe extern "C" fn dropped(count: *mut c_void) {
        // SAFETY: the counter below, which lives longer than all that has it.
        unsafe { (*count.cast::<AtomicUsize>()).fetch_add(1, Ordering::SeqCst) };
    }
    unsafe extern "C" fn ruled(
        _: *mut c_void,
        _: *const super::stamp::bulla_stamp,
        _: *mut core::ffi::c_char,
    ) -> u16 {
        0
    }
    unsafe extern "C" fn room(_: *mut c_void, _: *const u8, _: usize, _: u64) -> u8 {
        1
    }

    let none: *mut bulla_error = null_mut();
    let count = AtomicUsize::new(0);
    let context = (&raw const count).cast_mut().cast::<c_void>();
    let (mut identity, mut policy, mut guard) = (null_mut(), null_mut(), null_mut());
    let (mut opener, mut store) = (null_mut(), null_mut());
    // SAFETY: handles that live, and places for them.
    unsafe {
        let made = [
            super::identity::bulla_identity_generate(&raw mut identity, none),
            super::policy::bulla_policy_new(c"test".as_ptr(), &raw mut policy, none),
            super::policy::bulla_policy_allow_anyone(policy, none),
            super::guard::bulla_guard_in_memory(core::ptr::null(), &raw mut guard, none),
            super::opener::bulla_opener_new(identity, policy, guard, &raw mut opener, none),
            super::store::bulla_store_new(opener, 60, &raw mut store, none),
            super::store::bulla_store_judge(store, Some(ruled), context, Some(dropped), none),
        ];
        assert_eq!(made, [BULLA_OK; 7]);
        (*store).poison();
        let wrong = ErrorKind::WrongOrder.code();
        for _ in 0..2 {
            let judge =
                super::store::bulla_store_judge(store, Some(ruled), context, Some(dropped), none);
            let asks = super::store::bulla_store_ask_for_room(
                store,
                Some(room),
                context,
                Some(dropped),
                none,
            );
            assert_eq!((judge, asks), (wrong, wrong));
        }
        assert_eq!(count.load(Ordering::SeqCst), 0);
        super::store::bulla_store_free(store);
        assert_eq!(count.load(Ordering::SeqCst), 1);
        super::opener::bulla_opener_free(opener);
        super::guard::bulla_guard_free(guard);
        super::policy::bulla_policy_free(policy);
        super::identity::bulla_identity_free(identity);
    }
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
    assert_eq!(super::guard_redis::bulla_redis_settings::FIRST, 104);
}
