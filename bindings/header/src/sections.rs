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
    section("Identities", &["public.rs", "identity.rs"]),
    section("Clocks", &["clock.rs"]),
    section("What is said of a message", &["draft.rs"]),
    section(
        "Sealing and signing",
        &["session.rs", "sealer.rs", "seal_stream.rs"],
    ),
    section("What is accepted", &["policy.rs", "guard.rs"]),
    section("What is known of a message", &["stamp.rs", "message.rs"]),
    section("Opening and verifying", &["opener.rs", "open_stream.rs"]),
    section("Receipts that came", &["receipt.rs", "receipt_proof.rs"]),
    with_sqlite("Durable files", &["database.rs"]),
    with_sqlite(
        "The outbox",
        &[
            "letter.rs",
            "outbox.rs",
            "outbox_send.rs",
            "outbox_list.rs",
            "outbox_settle.rs",
        ],
    ),
    section("Audits", &["prover.rs", "question.rs", "audit.rs"]),
];
