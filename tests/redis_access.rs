//! The guard of a fleet, and who may use what: passwords, rights, certificates, servers that evict.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod conformance;
mod redis_server;

use std::process::{Command, Stdio};

use bulla::{Claimed, ErrorKind, RedisGuardBuilder, ReplayGuard};
use conformance::{claim, token};
use redis_server::{Server, builder, guard, unavailable};

#[test]
fn a_wrong_password_is_refused_and_never_told() {
    let server = Server::start(&["--requirepass", "right-secret"]);
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}/", server.port());
    let text = unavailable(|| builder(&url("wrong-secret")).connect());
    assert!(
        text.contains("password") && !text.contains("secret"),
        "{text}"
    );
    unavailable(|| builder(&server.url()).connect());
    let guard = guard(&url("right-secret"));
    token(guard.claim(&claim(1, 1000), 1000, None));
    let shown = format!("{guard:?} {:?}", builder(&url("right-secret")));
    assert!(!shown.contains("secret"), "{shown}");
    let error = RedisGuardBuilder::new("redis://:right-secret@[broken").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}

/// A user of its own who may do only what the guard needs.
#[test]
fn a_user_with_few_rights() {
    let server = Server::start(&[]);
    let rules = "on >pw ~{bulla}:* +evalsha +eval +ping +time \
        +hmget +hget +hset +hsetnx +hdel +hincrby +hexists +hlen +zadd +zrem +zrangebyscore";
    assert!(
        server
            .command(&format!("ACL SETUSER guard {rules}"))
            .starts_with("+OK")
    );
    let url = format!("redis://guard:pw@127.0.0.1:{}/", server.port());
    // It cannot see whether the server evicts: refused, unless that is allowed.
    let text = unavailable(|| builder(&url).connect());
    assert!(text.contains("maxmemory-policy"), "{text}");
    let guard = builder(&url)
        .allow_unknown_eviction(true)
        .connect()
        .unwrap();
    token(guard.claim(&claim(1, 1000), 1000, None));
    let held = token(guard.claim(&claim(2, 1000), 1000, Some(9)));
    guard.commit(&held, b"receipt").unwrap();
    guard.sweep(2000, 10).unwrap();
    // With another prefix it has no right to anything.
    unavailable(|| {
        builder(&url)
            .allow_unknown_eviction(true)
            .prefix("other")
            .connect()
    });
    assert!(server.command("ACL SETUSER guard +info").starts_with("+OK"));
    assert!(builder(&url).connect().is_ok());
}

#[test]
fn a_server_that_evicts_is_refused() {
    let server = Server::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let text = unavailable(|| builder(&server.url()).connect());
    assert!(text.contains("noeviction"), "{text}");
    unavailable(|| {
        builder(&server.url())
            .allow_unknown_eviction(true)
            .connect()
    });
    server.command("CONFIG SET maxmemory-policy noeviction");
    assert!(builder(&server.url()).connect().is_ok());
}

fn openssl(folder: &std::path::Path, args: &str) {
    let done = Command::new("openssl")
        .args(args.split(' '))
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()
        .expect("openssl is missing: install Debian's package openssl");
    assert!(done.success(), "openssl {args}");
}

#[test]
fn over_tls_only_the_right_certificate_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for ca in ["ca", "other"] {
        openssl(
            folder.path(),
            &format!("req -x509 {key} -keyout {ca}.key -out {ca}.pem -days 2 -subj /CN={ca}"),
        );
    }
    std::fs::write(
        folder.path().join("ext"),
        "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    for name in ["server", "client"] {
        openssl(
            folder.path(),
            &format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"),
        );
        openssl(
            folder.path(),
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile ext"
            ),
        );
    }
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let (ca, other, own, own_key) = (
        read("ca.pem"),
        read("other.pem"),
        read("client.pem"),
        read("client.key"),
    );
    let args = "--tls-cert-file server.pem --tls-key-file server.key --tls-ca-cert-file ca.pem --tls-auth-clients yes";
    let server = Server::start_in(folder, &args.split(' ').collect::<Vec<_>>(), true);
    let url = format!("rediss://localhost:{}/", server.port());
    let with = |url: &str, roots: &[u8]| {
        builder(url)
            .root_certificates(roots)
            .client_certificate(&own, &own_key)
    };
    let guard = with(&url, &ca).connect().unwrap();
    token(guard.claim(&claim(1, 1000), 1000, None));
    assert_eq!(
        guard.claim(&claim(1, 1000), 1000, None).unwrap(),
        Claimed::Same(vec![])
    );
    // Signed by somebody else; for another name; by nobody the system knows; no certificate of one's own; no TLS at all.
    unavailable(|| with(&url, &other).connect());
    unavailable(|| with(&url.replace("localhost", "127.0.0.1"), &ca).connect());
    unavailable(|| builder(&url).client_certificate(&own, &own_key).connect());
    unavailable(|| builder(&url).root_certificates(&ca).connect());
    unavailable(|| builder(&server.url()).connect());
    assert_eq!(
        builder(&url)
            .root_certificates(&ca)
            .client_certificate(&own, b"no key")
            .connect()
            .unwrap_err(),
        ErrorKind::InvalidInput
    );
}
