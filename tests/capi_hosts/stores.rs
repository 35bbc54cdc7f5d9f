//! Guards that last, on a disk and on a server, and libraries without them.

use super::common::*;

#[cfg(all(feature = "sqlite", unix))]
#[test]
fn a_durable_guard_remembers() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guard");
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    let mut none = null_mut();
    let code = unsafe { bulla_database_open_existing(path.as_ptr(), &mut none, null_mut()) };
    assert_eq!((code, none.is_null()), (GUARD_UNAVAILABLE, true));

    let (alice, bob) = (generate(), generate());
    let (policy, envelope) = (policy_for(alice), seal(alice, bob, b"kept"));
    let mut codes = Vec::new();
    for _ in 0..2 {
        let database = made(|out, e| unsafe { bulla_database_open(path.as_ptr(), out, e) });
        let guard = made(|out, e| unsafe { bulla_guard_durable(database, null(), out, e) });
        let opener = made(|out, e| unsafe { bulla_opener_new(bob, policy, guard, out, e) });
        unsafe { bulla_database_free(database) };
        codes.push(open(opener, &envelope).0);
        let mut counts = bulla_guard_counts::default();
        done(|e| unsafe { bulla_guard_durable_counts(guard, &mut counts, e) });
        assert_eq!((counts.committed, counts.reserved), (1, 0));
        done(|e| unsafe { bulla_guard_durable_check(guard, e) });
        unsafe {
            bulla_guard_free(guard);
            bulla_opener_free(opener);
        }
    }
    assert_eq!(codes, [BULLA_OK, ErrorKind::Replayed.code()]);
    let plain = made(|out, e| unsafe { bulla_guard_in_memory(null(), out, e) });
    let mut error = no_error();
    let code = unsafe { bulla_guard_durable_check(plain, &mut error) };
    assert_eq!(code, INVALID, "{}", text(&error));
    unsafe {
        bulla_guard_free(plain);
        bulla_policy_free(policy);
        bulla_identity_free(alice);
        bulla_identity_free(bob);
    }
}

fn redis(url: &CStr, settings: *const bulla_redis_settings) -> (i32, String) {
    let (mut guard, mut error) = (null_mut(), no_error());
    let code = unsafe { bulla_guard_redis(url.as_ptr(), settings, &mut guard, &mut error) };
    assert!(guard.is_null());
    (code, text(&error).to_owned())
}

#[cfg(feature = "redis")]
#[test]
fn a_server_remembers_and_is_known_again() {
    let server = crate::redis_server::Server::start(&[]);
    let url = std::ffi::CString::new(server.url()).unwrap();
    let guard = made(|out, e| unsafe { bulla_guard_redis(url.as_ptr(), null(), out, e) });
    let (alice, bob) = (generate(), generate());
    let (policy, envelope) = (policy_for(alice), seal(alice, bob, b"to the fleet"));
    let opener = made(|out, e| unsafe { bulla_opener_new(bob, policy, guard, out, e) });
    assert_eq!(open(opener, &envelope).0, BULLA_OK);
    let id = buffer();
    done(|e| unsafe { bulla_guard_store_id(guard, id, e) });

    // SAFETY: pointers and numbers.
    let mut settings: bulla_redis_settings = unsafe { std::mem::zeroed() };
    settings.size = size_of::<bulla_redis_settings>();
    let known = std::ffi::CString::new(bytes(id)).unwrap();
    settings.expected_store = known.as_ptr();
    let limits = bulla_guard_limits {
        capacity: 10,
        strangers: 0,
        per_sender: 0,
        per_stranger: 0,
    };
    settings.how_much = &limits;
    let again = made(|out, e| unsafe { bulla_guard_redis(url.as_ptr(), &settings, out, e) });
    let other = made(|out, e| unsafe { bulla_opener_new(bob, policy, again, out, e) });
    assert_eq!(open(other, &envelope).0, ErrorKind::Replayed.code());
    settings.expected_store = c"another".as_ptr();
    assert_eq!(redis(&url, &settings).0, GUARD_UNAVAILABLE);
    let plain = made(|out, e| unsafe { bulla_guard_in_memory(null(), out, e) });
    let none = unsafe { bulla_guard_store_id(plain, id, null_mut()) };
    assert_eq!(none, BULLA_NOTHING);
    unsafe {
        for it in [guard, again, plain] {
            bulla_guard_free(it);
        }
        bulla_opener_free(opener);
        bulla_opener_free(other);
        bulla_policy_free(policy);
        bulla_buffer_free(id);
        bulla_identity_free(alice);
        bulla_identity_free(bob);
    }
}

/// Nobody listens there, and nobody may read the password in an error.
#[cfg(feature = "redis")]
#[test]
fn an_unreachable_server_is_told_without_its_password() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = std::ffi::CString::new(format!("redis://u:hunter2@127.0.0.1:{port}/0")).unwrap();
    // SAFETY: pointers and numbers.
    let mut settings: bulla_redis_settings = unsafe { std::mem::zeroed() };
    assert_eq!(redis(&url, &settings).0, INVALID);
    settings.size = size_of::<bulla_redis_settings>();
    settings.connect_timeout = 200;
    let (code, said) = redis(&url, &settings);
    assert_eq!(code, GUARD_UNAVAILABLE, "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    for wrong in [
        c"hunter2",
        c"redis://u:hunter2@[/",
        c"rediss://u:hunter2@h/#insecure",
    ] {
        let (code, said) = redis(wrong, null());
        assert_eq!(code, INVALID, "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let prefix = c"with space".as_ptr();
    let (code, said) = redis(&url, &bulla_redis_settings { prefix, ..settings });
    assert_eq!(code, INVALID, "{said}");
    // What the header does not allow is refused, not made something else.
    for timeout in [60_001, u32::MAX] {
        for connecting in [false, true] {
            let mut wrong = settings;
            if connecting {
                wrong.connect_timeout = timeout;
            } else {
                wrong.response_timeout = timeout;
            }
            let (code, said) = redis(&url, &wrong);
            assert_eq!(code, INVALID, "{said}");
            assert!(said.contains("timeout"), "{said}");
        }
    }
    for at in 0..3 {
        let mut wrong = settings;
        wrong.reserved[at] = 1;
        let (code, said) = redis(&url, &wrong);
        assert_eq!(code, INVALID, "{said}");
        assert!(said.contains("reserved"), "{said}");
    }
}

#[cfg(not(feature = "redis"))]
#[test]
fn without_redis_it_says_so() {
    let (code, said) = redis(c"redis://u:hunter2@127.0.0.1/", null());
    assert_eq!(code, INVALID);
    assert!(
        said.contains("built without") && !said.contains("hunter2"),
        "{said}"
    );
}

#[cfg(not(feature = "sqlite"))]
#[test]
fn without_sqlite_it_says_so() {
    let (mut database, mut error) = (null_mut(), no_error());
    let file = c"/nowhere/guard".as_ptr();
    let code = unsafe { bulla_database_open(file, &mut database, &mut error) };
    assert_eq!((code, database.is_null()), (INVALID, true));
    assert!(text(&error).contains("built without"), "{}", text(&error));
}
