//! The rows of the outbox, inside a transaction (spec/receipts.md §8).

use std::vec::Vec;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Letter;
use super::entry::{OutboxEntry, OutboxFilter, OutboxState};
use crate::crypto::digest::Digest;
use crate::crypto::sign::VerifyingKey;
use crate::envelope::seal::Sent;
use crate::envelope::stamp::MessageId;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::sqlite_row::number;
use crate::freshness::trouble::{DAMAGED, Trouble};
use crate::receipt::status::Status;

/// For how long what is due is given to one caller alone, in seconds.
pub(super) const TAKEN: u64 = 600;
/// What an entry is made of, in the order of [`entry`].
pub(super) const ENTRY: &str = "SELECT e.message, e.recipient, e.header, e.stored, e.deadline, e.next_due, e.attempts, e.state, e.proof, e.told, \
                     e.note, l.context FROM outbox_entry e JOIN outbox_letter l ON l.header = e.header";

// Each by a key, however much is in the outbox: `+` keeps the index by state out of it, for most may be in one state.
pub(super) const IS_AWAITED: &str =
    "SELECT EXISTS (SELECT 1 FROM outbox_entry WHERE message = ? AND +state = 0)";
pub(super) const IS_FILE_AWAITED: &str = "SELECT EXISTS (SELECT 1 FROM outbox_letter l JOIN outbox_entry e ON e.message = l.message \
                     WHERE l.header = ? AND l.envelope IS NULL AND +e.state = 0)";
pub(super) const FILES_OF: &str =
    "SELECT header FROM outbox_letter WHERE message = ? AND envelope IS NULL";
pub(super) const EMPTY: &str =
    "UPDATE outbox_letter SET envelope = x'' WHERE message = ? AND length(envelope) > 0";

/// The rows, inside a transaction.
pub(super) struct Rows<'a>(pub(super) &'a Connection);

pub(super) fn sql<T>(result: rusqlite::Result<T>) -> Result<T> {
    result.map_err(|error| Trouble::from(error).into())
}

fn back(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0)
}

fn damaged() -> Error {
    Trouble(DAMAGED).into()
}

impl Rows<'_> {
    /// Records an envelope; `inside` holds it unless it is in the folder.
    pub(super) fn put(&self, letter: &Letter, inside: Option<&[u8]>, now: u64) -> Result<()> {
        let sent = &letter.sent;
        let put = "INSERT INTO outbox_letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                   ON CONFLICT DO UPDATE SET envelope = excluded.envelope WHERE length(envelope) = 0";
        sql(self.0.prepare_cached(put).and_then(|mut put| {
            put.execute(params![
                sent.header_digest.as_bytes(),
                sent.message_id.0,
                sent.opening_digest.as_bytes(),
                sent.content_digest.as_bytes(),
                // All 64 bits are kept: the sign is one of them.
                sent.content_length as i64,
                number(sent.issued),
                sent.expires.map(number),
                letter.context,
                inside,
                number(now),
            ])
        }))?;
        // Another envelope of a message that is waiting is sent in place of the first; the same one changes nothing, and
        // what is settled stays so.
        let put = "INSERT INTO outbox_entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, NULL, NULL, ?7, ?6) \
                   ON CONFLICT DO UPDATE SET header = ?3, next_due = ?6 WHERE state = 0 AND header <> ?3";
        for recipient in &letter.recipients {
            sql(self.0.prepare_cached(put).and_then(|mut put| {
                put.execute(params![
                    sent.message_id.0,
                    recipient.as_bytes(),
                    sent.header_digest.as_bytes(),
                    letter.awaits_stored,
                    number(letter.deadline),
                    number(now),
                    letter.note,
                ])
            }))?;
            let state = self
                .one(sent.message_id, recipient)?
                .map(|entry| entry.state);
            if matches!(state, Some(OutboxState::Rejected | OutboxState::GivenUp)) {
                return Err(Error::with(
                    ErrorKind::InvalidInput,
                    "this message has failed for a recipient already: seal it anew, or forget the failure first",
                ));
            }
        }
        Ok(())
    }

    /// What was sent of a message to this recipient in this context.
    pub(super) fn sent(
        &self,
        id: MessageId,
        recipient: &VerifyingKey,
        context: &str,
    ) -> Result<Vec<Sent>> {
        let entry = self.one(id, recipient)?;
        let wrong = |detail| Error::with(ErrorKind::WrongReceipt, detail);
        match entry {
            None => Err(wrong(
                "it is about nothing that this outbox awaits from its signer",
            )),
            Some(entry) if entry.context != context => {
                Err(wrong("it was made in another context than the message"))
            }
            Some(_) => self.all_sent(id),
        }
    }

    pub(super) fn all_sent(&self, id: MessageId) -> Result<Vec<Sent>> {
        let find = "SELECT header, opening, digest, length, issued, expires FROM outbox_letter WHERE message = ?";
        let mut find = sql(self.0.prepare_cached(find))?;
        let rows = sql(find.query_map([id.0], |row| {
            Ok(Sent {
                message_id: id,
                header_digest: Digest::from_bytes(row.get(0)?),
                opening_digest: Digest::from_bytes(row.get(1)?),
                content_digest: Digest::from_bytes(row.get(2)?),
                content_length: row.get::<_, i64>(3)? as u64,
                issued: back(row.get(4)?),
                expires: row.get::<_, Option<i64>>(5)?.map(back),
            })
        }))?;
        sql(rows.collect())
    }

    /// What a checked receipt changes: the entry as it then is, and whether it is another than before.
    pub(super) fn settle(
        &self,
        id: MessageId,
        recipient: &VerifyingKey,
        status: &Status,
        proof: &[u8],
        now: u64,
    ) -> Result<(OutboxEntry, bool)> {
        let gone = || Error::with(ErrorKind::WrongReceipt, "its message was forgotten");
        let before = self.one(id, recipient)?.ok_or_else(gone)?;
        let state = match status {
            // Also after a rejection, and after it was given up: it is there.
            Status::Stored => OutboxState::Settled,
            Status::Delivered if !before.awaits_stored => match before.state {
                OutboxState::Rejected => OutboxState::Rejected,
                _ => OutboxState::Settled,
            },
            Status::Rejected(_) if before.state != OutboxState::Settled => OutboxState::Rejected,
            _ => before.state,
        };
        if state != before.state {
            let change = "UPDATE outbox_entry SET state = ?, proof = ?, told = ?, touched = ? WHERE message = ? AND recipient = ?";
            sql(self.0.execute(
                change,
                params![
                    state.code(),
                    proof,
                    std::string::ToString::to_string(status),
                    number(now),
                    id.0,
                    recipient.as_bytes()
                ],
            ))?;
            self.empty(id)?;
        } else if matches!(status, Status::Damaged(_)) {
            // Once for each time that it was sent: a relay may bring the same note again and again.
            let hurry = "UPDATE outbox_entry SET next_due = min(next_due, ?), hurried = attempts \
                         WHERE message = ? AND recipient = ? AND state = 0 AND hurried < attempts";
            sql(self
                .0
                .execute(hurry, params![number(now), id.0, recipient.as_bytes()]))?;
        }
        let after = self.one(id, recipient)?.ok_or_else(gone)?;
        Ok((after, state != before.state))
    }

    pub(super) fn give_up(&self, now: u64) -> Result<Vec<OutboxEntry>> {
        let find = std::format!("{ENTRY} WHERE e.state = 0 AND e.deadline <= ?");
        let mut over = self.entries(&find, params![number(now)])?;
        let change =
            "UPDATE outbox_entry SET state = ?, touched = ? WHERE state = 0 AND deadline <= ?";
        sql(self.0.execute(
            change,
            params![OutboxState::GivenUp.code(), number(now), number(now)],
        ))?;
        for entry in &mut over {
            entry.state = OutboxState::GivenUp;
            self.empty(entry.message_id)?;
        }
        Ok(over)
    }

    pub(super) fn list(&self, which: OutboxFilter, at_most: usize) -> Result<Vec<OutboxEntry>> {
        let filter = match which {
            OutboxFilter::All => "0, 1, 2, 3",
            OutboxFilter::Waiting => "0",
            OutboxFilter::Settled => "1",
            OutboxFilter::Failed => "2, 3",
        };
        let find = std::format!(
            "{ENTRY} WHERE e.state IN ({filter}) ORDER BY l.put_at, e.message LIMIT ?"
        );
        self.entries(&find, params![number(at_most as u64)])
    }

    pub(super) fn of_message(&self, id: MessageId) -> Result<Vec<OutboxEntry>> {
        self.entries(&std::format!("{ENTRY} WHERE e.message = ?"), params![id.0])
    }

    fn one(&self, id: MessageId, recipient: &VerifyingKey) -> Result<Option<OutboxEntry>> {
        let find = std::format!("{ENTRY} WHERE e.message = ? AND e.recipient = ?");
        let found = self.entries(&find, params![id.0, recipient.as_bytes()])?;
        Ok(found.into_iter().next())
    }

    /// Says how many messages.
    pub(super) fn forget(&self, before: u64) -> Result<usize> {
        let over = "SELECT message FROM outbox_entry GROUP BY message HAVING min(state) > 0 AND max(touched) < ?";
        let count = std::format!("SELECT count(*) FROM ({over})");
        let count: i64 = sql(self.0.query_row(&count, [number(before)], |row| row.get(0)))?;
        let letters = std::format!("DELETE FROM outbox_letter WHERE message IN ({over})");
        sql(self.0.execute(&letters, params![number(before)]))?;
        let entries =
            "DELETE FROM outbox_entry WHERE message NOT IN (SELECT message FROM outbox_letter)";
        sql(self.0.execute(entries, []))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// The envelope, if it is in the file; `Some(None)` if it is in the folder; `None` if it is not here any more.
    pub(super) fn envelope(&self, header: &Digest) -> Result<Option<Option<Vec<u8>>>> {
        let find = "SELECT envelope FROM outbox_letter WHERE header = ?";
        sql(self
            .0
            .query_row(find, [header.as_bytes()], |row| row.get(0))
            .optional())
    }

    /// Whether this envelope is in the folder and is still to be sent to somebody.
    pub(super) fn is_file_awaited(&self, header: &Digest) -> Result<bool> {
        let mut find = sql(self.0.prepare_cached(IS_FILE_AWAITED))?;
        sql(find.query_row([header.as_bytes()], |row| row.get(0)))
    }

    /// Names of a message's envelopes in the folder, if none of its recipients is awaited any more.
    pub(super) fn files_of(&self, id: MessageId) -> Result<Vec<Digest>> {
        if self.is_awaited(id)? {
            return Ok(Vec::new());
        }
        let mut find = sql(self.0.prepare_cached(FILES_OF))?;
        let rows = sql(find.query_map([id.0], |row| Ok(Digest::from_bytes(row.get(0)?))))?;
        sql(rows.collect())
    }

    fn is_awaited(&self, id: MessageId) -> Result<bool> {
        let mut find = sql(self.0.prepare_cached(IS_AWAITED))?;
        sql(find.query_row([id.0], |row| row.get(0)))
    }

    /// Makes room: an envelope of this message in the file is sent to nobody any more, unless it is put again.
    fn empty(&self, id: MessageId) -> Result<()> {
        if !self.is_awaited(id)? {
            sql(self
                .0
                .prepare_cached(EMPTY)
                .and_then(|mut empty| empty.execute([id.0])))?;
        }
        Ok(())
    }

    pub(super) fn entries(
        &self,
        find: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<OutboxEntry>> {
        let mut find = sql(self.0.prepare_cached(find))?;
        let mut rows = sql(find.query(values))?;
        let mut entries = Vec::new();
        while let Some(row) = sql(rows.next())? {
            entries.push(sql(entry(row))?.ok_or_else(damaged)?);
        }
        Ok(entries)
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Option<OutboxEntry>> {
    let recipient = VerifyingKey::from_bytes(&row.get(1)?);
    let (Some(recipient), Some(state)) = (recipient, OutboxState::of(row.get(7)?)) else {
        return Ok(None);
    };
    Ok(Some(OutboxEntry {
        message_id: MessageId(row.get(0)?),
        recipient,
        header_digest: Digest::from_bytes(row.get(2)?),
        awaits_stored: row.get(3)?,
        deadline: back(row.get(4)?),
        next_due: back(row.get(5)?),
        attempts: row.get(6)?,
        state,
        proof: row.get(8)?,
        told: row.get(9)?,
        note: row.get(10)?,
        context: row.get(11)?,
    }))
}
