//! Files that are read at any place, evidence, armor, and what can be seen without a key.

use super::common::*;

struct Bytes {
    data: Vec<u8>,
    fails: Cell<bool>,
    dropped: Cell<u32>,
}

unsafe extern "C" fn read_at(
    context: *mut c_void,
    offset: u64,
    memory: *mut u8,
    length: usize,
    read: *mut usize,
) -> i32 {
    let at: &Bytes = unsafe { &*context.cast() };
    let rest = at.data.get(offset as usize..).unwrap_or_default();
    // Never as much as was asked for.
    let now = rest.len().min(length).min(1000);
    unsafe {
        memory.copy_from(rest.as_ptr(), now);
        *read = if at.fails.get() { length + 1 } else { now };
    }
    BULLA_OK
}

unsafe extern "C" fn length_of(context: *mut c_void, length: *mut u64) -> i32 {
    let at: &Bytes = unsafe { &*context.cast() };
    unsafe { *length = at.data.len() as u64 };
    BULLA_OK
}

unsafe extern "C" fn drop_bytes(context: *mut c_void) {
    let at: &Bytes = unsafe { &*context.cast() };
    at.dropped.set(at.dropped.get() + 1);
}

#[test]
fn a_file_is_read_at_any_place() {
    let (alice, bob) = (generate(), generate());
    let content: Vec<u8> = (0..50_000_u32).map(|it| it as u8).collect();
    let at = Bytes {
        data: seal(alice, bob, &content),
        fails: Cell::new(false),
        dropped: Cell::new(0),
    };
    let source = bulla_source {
        size: size_of::<bulla_source>(),
        context: (&raw const at).cast_mut().cast(),
        drop: Some(drop_bytes),
        read: Some(read_at),
        length: Some(length_of),
    };
    let policy = policy_for(alice);
    let guard = made(|out, e| unsafe { bulla_guard_in_memory(null(), out, e) });
    let opener = made(|out, e| unsafe { bulla_opener_new(bob, policy, guard, out, e) });

    at.fails.set(true);
    let mut none = null_mut();
    let code = unsafe { bulla_provisional_file_of_source(opener, &source, &mut none, null_mut()) };
    assert_eq!((code, none.is_null()), (ErrorKind::Io.code(), true));
    assert_eq!(at.dropped.get(), 0);
    at.fails.set(false);

    let file = made(|out, e| unsafe { bulla_provisional_file_of_source(opener, &source, out, e) });
    unsafe { bulla_opener_free(opener) };
    assert_eq!(
        unsafe { bulla_provisional_file_content_length(file) },
        50_000
    );
    assert!(!unsafe { bulla_provisional_file_stamp(file) }.is_null());
    let out = buffer();
    done(|e| unsafe { bulla_provisional_file_read(file, 30_000, 7, out, e) });
    assert_eq!(bytes(out), content[30_000..30_007]);
    let (mut verified, mut message) = (null_mut(), null_mut());
    done(|e| unsafe { bulla_provisional_file_verify(file, &mut verified, &mut message, e) });
    let code = unsafe { bulla_provisional_file_read(file, 0, 7, out, null_mut()) };
    assert_eq!(code, ErrorKind::WrongOrder.code());
    assert!(unsafe { bulla_provisional_file_stamp(file) }.is_null());
    unsafe {
        bulla_provisional_file_free(file);
        bulla_buffer_clear(out);
        assert_eq!(at.dropped.get(), 0);
        done(|e| bulla_verified_file_read(verified, 49_990, usize::MAX, out, e));
        assert_eq!(bytes(out), content[49_990..]);
        let code = bulla_verified_file_read(verified, 50_000, 1, out, null_mut());
        assert_eq!(code, BULLA_NOTHING);
        bulla_verified_file_free(verified);
        assert_eq!(at.dropped.get(), 1);
        assert_eq!(bulla_message_is_fresh(message), 1);
    }
    about_evidence(message, &content);
    unsafe {
        bulla_message_free(message);
        bulla_buffer_free(out);
        bulla_guard_free(guard);
        bulla_policy_free(policy);
        bulla_identity_free(alice);
        bulla_identity_free(bob);
    }
}

fn about_evidence(message: *const bulla_message, content: &[u8]) {
    let (proof, text_out, back) = (buffer(), buffer(), buffer());
    done(|e| unsafe { bulla_message_evidence(message, proof, e) });
    let (data, length) = unsafe { (bulla_buffer_data(proof), bulla_buffer_length(proof)) };
    done(|e| unsafe { bulla_armor(BULLA_ARMOR_EVIDENCE, data, length, text_out, e) });
    let armored = bytes(text_out);
    assert_eq!(unsafe { bulla_is_armored(armored.as_ptr(), 16) }, 1);

    // In pieces, and through memory of the caller's that is too small at first.
    let reader = made(|out, e| unsafe { bulla_armor_reader_new(BULLA_ARMOR_EVIDENCE, out, e) });
    let mut small = [0; 10];
    let wrapped = made(|out, e| unsafe { bulla_buffer_wrap(small.as_mut_ptr(), 10, out, e) });
    let first = armored.as_ptr();
    let code = unsafe { bulla_armor_reader_update(reader, first, 90, wrapped, null_mut()) };
    assert_eq!(code, ErrorKind::BufferTooSmall.code());
    for piece in armored.chunks(90) {
        let (data, length) = (piece.as_ptr(), piece.len());
        done(|e| unsafe { bulla_armor_reader_update(reader, data, length, back, e) });
    }
    done(|e| unsafe { bulla_armor_reader_finish(reader, e) });
    assert_eq!(bytes(back), bytes(proof));
    let writer = made(|out, e| unsafe { bulla_armor_writer_new(BULLA_ARMOR_EVIDENCE, out, e) });
    unsafe { bulla_buffer_clear(text_out) };
    for piece in bytes(back).chunks(31) {
        let (data, length) = (piece.as_ptr(), piece.len());
        done(|e| unsafe { bulla_armor_writer_update(writer, data, length, text_out, e) });
    }
    done(|e| unsafe { bulla_armor_writer_finish(writer, text_out, e) });
    assert_eq!(bytes(text_out), armored);
    unsafe { bulla_buffer_clear(back) };
    let (data, length) = (armored.as_ptr(), armored.len());
    done(|e| unsafe { bulla_dearmor(BULLA_ARMOR_EVIDENCE, data, length, back, e) });

    let proof_bytes = bytes(back);
    let (data, length) = (proof_bytes.as_ptr(), proof_bytes.len());
    let evidence = made(|out, e| unsafe { bulla_evidence_check(data, length, out, e) });
    let hasher = made(|out, e| unsafe { bulla_hasher_new(out, e) });
    for piece in content.chunks(999) {
        done(|e| unsafe { bulla_hasher_update(hasher, piece.as_ptr(), piece.len(), e) });
    }
    let (mut one, mut other) = (bulla_digest::default(), bulla_digest::default());
    done(|e| unsafe { bulla_hasher_digest(hasher, &mut one, e) });
    done(|e| unsafe { bulla_evidence_content_digest(evidence, &mut other, e) });
    assert_eq!(one.bytes, other.bytes);
    unsafe {
        let all = (content.as_ptr(), content.len());
        assert_eq!(bulla_evidence_is_about(evidence, all.0, all.1), 1);
        assert_eq!(bulla_evidence_is_about(evidence, all.0, all.1 - 1), 0);
        assert_eq!(bulla_evidence_content_length(evidence), all.1 as u64);
        assert!(!bulla_evidence_stamp(evidence).is_null());
        bulla_evidence_free(evidence);
        bulla_hasher_free(hasher);
        bulla_armor_reader_free(reader);
        bulla_armor_writer_free(writer);
        for it in [proof, text_out, back, wrapped] {
            bulla_buffer_free(it);
        }
    }
}

#[test]
fn an_envelope_is_inspected_as_far_as_it_has_come() {
    let bob = generate();
    let envelope = seal(bob, bob, b"");
    let mut seen = bulla_inspection::default();
    let look = |length, seen: &mut bulla_inspection| unsafe {
        bulla_inspect(envelope.as_ptr(), length, seen, null_mut())
    };
    assert_eq!(look(40, &mut seen), BULLA_MORE);
    assert_eq!(seen.kind, 0);
    assert_eq!(look(envelope.len(), &mut seen), BULLA_OK);
    assert_eq!(
        (seen.kind, seen.stanzas, seen.suite),
        (BULLA_KIND_SEALED, 1, 1)
    );
    assert_eq!(seen.header_length, 24 + 32 + 2 + 48);
    unsafe { bulla_identity_free(bob) };
}
