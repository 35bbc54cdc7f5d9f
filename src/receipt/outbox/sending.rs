//! The rows of what is to be sent (spec/receipts.md §8).

use std::vec::Vec;

use rusqlite::params;

use super::entry::{Due, OutboxEntry};
use super::rows::{ENTRY, Rows, TAKEN, sql};
use crate::crypto::digest::Digest;
use crate::error::Result;
use crate::freshness::sqlite_row::number;

// By the message, which is the key of the entries; most of these may be in one state.
pub(super) const TAKE: &str = "UPDATE outbox_entry SET attempts = attempts + 1, next_due = ?2 \
    WHERE message = (SELECT message FROM outbox_letter WHERE header = ?1) AND header = ?1 AND +state = 0";
pub(super) const TAKEN_LAST: &str = "WHERE e.message = (SELECT message FROM outbox_letter WHERE header = ?1) \
    AND e.header = ?1 AND +e.state = 0 AND e.attempts > 0";

fn due(entry: OutboxEntry) -> Due {
    Due {
        message_id: entry.message_id,
        header_digest: entry.header_digest,
        recipient: entry.recipient,
        attempts: entry.attempts,
        note: entry.note,
    }
}

impl Rows<'_> {
    pub(super) fn take_due(&self, now: u64, at_most: usize) -> Result<Vec<Due>> {
        let find = std::format!(
            "{ENTRY} WHERE e.state = 0 AND e.next_due <= ? AND e.deadline > ? ORDER BY e.next_due LIMIT ?"
        );
        let found = self.entries(
            &find,
            params![number(now), number(now), number(at_most as u64)],
        )?;
        let take = "UPDATE outbox_entry SET attempts = attempts + 1, next_due = ? WHERE message = ? AND recipient = ?";
        for entry in &found {
            let until = number(now.saturating_add(TAKEN));
            sql(self.0.prepare_cached(take).and_then(|mut take| {
                take.execute(params![
                    until,
                    entry.message_id.0,
                    entry.recipient.as_bytes()
                ])
            }))?;
        }
        // What was found is as it was before it was taken.
        let taken = found.into_iter().map(|entry| Due {
            attempts: entry.attempts.saturating_add(1),
            ..due(entry)
        });
        Ok(taken.collect())
    }

    pub(super) fn mark_sent(&self, due: &Due, next: u64) -> Result<()> {
        // Not if somebody else has taken it since: then it counts for him. Nor if another envelope was put in its place
        // meanwhile: that was never sent, and is due at once.
        let mark = "UPDATE outbox_entry SET next_due = ? WHERE message = ? AND recipient = ? AND attempts = ? AND header = ? AND \
                    state = 0";
        sql(self.0.prepare_cached(mark).and_then(|mut mark| {
            mark.execute(params![
                number(next),
                due.message_id.0,
                due.recipient.as_bytes(),
                due.attempts,
                due.header_digest.as_bytes()
            ])
        }))?;
        Ok(())
    }

    /// Gives the envelope to this caller, for each recipient who has not answered.
    pub(super) fn take(&self, header: &Digest, now: u64) -> Result<Vec<Due>> {
        let until = number(now.saturating_add(TAKEN));
        sql(self
            .0
            .prepare_cached(TAKE)
            .and_then(|mut take| take.execute(params![header.as_bytes(), until])))?;
        self.taken(header)
    }

    /// The same as it was taken last.
    pub(super) fn taken(&self, header: &Digest) -> Result<Vec<Due>> {
        let find = std::format!("{ENTRY} {TAKEN_LAST}");
        let found = self.entries(&find, params![header.as_bytes()])?;
        Ok(found.into_iter().map(due).collect())
    }
}
