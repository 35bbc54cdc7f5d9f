//! The order of the manual.

pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// Files of `src/ffi`. What a file uses is declared in one before it.
    pub(crate) files: &'static [&'static str],
    /// The feature of the crate that it needs.
    pub(crate) feature: Option<&'static str>,
}

const fn section(title: &'static str, files: &'static [&'static str]) -> Section {
    Section {
        title,
        files,
        feature: None,
    }
}

const fn with_sqlite(title: &'static str, files: &'static [&'static str]) -> Section {
    Section {
        title,
        files,
        feature: Some("sqlite"),
    }
}

pub(crate) const SECTIONS: &[Section] = &[
    section("Values", &["types.rs"]),
    section("Status and errors", &["status.rs"]),
    section("Versions", &["version.rs"]),
    section("Buffers", &["buffer.rs"]),
    section("Identities", &["public.rs", "identity.rs", "keys.rs"]),
    section("Clocks", &["clock.rs"]),
    section("Keys held elsewhere", &["holder.rs"]),
    section("What is said of a message", &["draft.rs"]),
    section(
        "Sealing and signing",
        &["session.rs", "sealer.rs", "seal.rs", "seal_stream.rs"],
    ),
    section("What is accepted", &["policy.rs", "guard.rs"]),
    section(
        "Guards that last, and guards of a fleet",
        &["database.rs", "guard_redis.rs"],
    ),
    section(
        "Guards of the host's own",
        &[
            "ranges.rs",
            "claim.rs",
            "guard_functions.rs",
            "guard_callbacks.rs",
        ],
    ),
    section("What is known of a message", &["stamp.rs", "message.rs"]),
    section(
        "Opening and verifying",
        &["opener.rs", "open.rs", "open_stream.rs"],
    ),
    section(
        "Storing, and answering: receipts",
        &[
            "answer.rs",
            "lease.rs",
            "open_leased.rs",
            "store.rs",
            "store_stream.rs",
            "receipter.rs",
        ],
    ),
    section("Challenges and streams", &["challenge.rs"]),
    section("Reading at any place", &["source.rs", "random_access.rs"]),
    section("Proof for third parties", &["evidence.rs", "hasher.rs"]),
    section("What can be seen without a key", &["inspect.rs"]),
    section("Armor", &["armor.rs"]),
    section("Receipts that came", &["receipt.rs", "receipt_proof.rs"]),
    with_sqlite(
        "The outbox",
        &[
            "letter.rs",
            "outbox.rs",
            "outbox_send.rs",
            "outbox_reader.rs",
            "outbox_list.rs",
            "outbox_settle.rs",
        ],
    ),
    section("Audits", &["prover.rs", "question.rs", "audit.rs"]),
];
