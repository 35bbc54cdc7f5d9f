//! Sending one envelope of which the name is known, besides what is due.

use std::vec::Vec;

use rusqlite::params;

use super::entry::{Due, OutboxEntry};
use super::rows::{ENTRY, Rows, TAKEN, sql, time};
use crate::crypto::digest::Digest;
use crate::error::Result;

impl Rows<'_> {
    /// Gives the envelope to this caller, for each recipient who has not answered.
    pub(super) fn take(&self, header: &Digest, now: u64) -> Result<Vec<Due>> {
        let take = "UPDATE outbox_entry SET attempts = attempts + 1, next_due = ? WHERE header = ? AND state = 0";
        let until = time(now.saturating_add(TAKEN));
        sql(self.0.execute(take, params![until, header.as_bytes()]))?;
        self.taken(header)
    }

    /// The same as it was taken last.
    pub(super) fn taken(&self, header: &Digest) -> Result<Vec<Due>> {
        let find = std::format!("{ENTRY} WHERE e.header = ? AND e.state = 0 AND e.attempts > 0");
        let found = self.entries(&find, params![header.as_bytes()])?;
        let due = |entry: OutboxEntry| Due {
            message_id: entry.message_id,
            header_digest: entry.header_digest,
            recipient: entry.recipient,
            attempts: entry.attempts,
            note: entry.note,
        };
        Ok(found.into_iter().map(due).collect())
    }
}
