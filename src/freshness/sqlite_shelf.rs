//! The shelf of the durable guard: what the shared rules read and write, inside one transaction.

use std::vec::Vec;

use rusqlite::{Connection, params};

use super::entry::Entry;
use super::guard::Claim;
use super::order::Kept;
use super::rules::{Shelf, Swept};
use super::sqlite_counts::Counts;
use super::sqlite_row::{self as row, number, optional, unsigned};
use super::sqlite_stream as streams;
use super::table::{Limits, MAX_LIMITED, MAX_SCOPES};
use super::trouble::{DAMAGED, Trouble};
use crate::crypto::digest::Digest;
use crate::error::{ErrorKind, Result};

/// Dropped at most at a time, of what is limited, when there is no room.
const LIMITED_DROPS: i64 = 1024;

/// Finds what is over by the index of times, however much that is.
pub(super) const DUE: &str =
    "SELECT id, signer, stranger, scope, issued, by_age FROM entry WHERE keep_until <= ?1
    ORDER BY keep_until LIMIT ?2";

/// The part of a pair that is meant.
fn of(pair: &mut [u64; 2], stranger: bool) -> &mut u64 {
    let [known, strangers] = pair;
    if stranger { strangers } else { known }
}

pub(super) struct SqlShelf<'a> {
    connection: &'a Connection,
    limits: Limits,
    counts: Counts,
    loaded: Counts,
    /// What was read last, to write only what changed.
    last: Option<(i64, Entry)>,
}

impl<'a> SqlShelf<'a> {
    pub(super) fn load(connection: &'a Connection, limits: Limits) -> Result<Self, Trouble> {
        let counts = Counts::load(connection)?;
        Ok(Self {
            connection,
            limits,
            loaded: counts.clone(),
            counts,
            last: None,
        })
    }

    pub(super) fn save(self) -> Result<(), Trouble> {
        if self.counts == self.loaded {
            return Ok(());
        }
        self.counts.save(self.connection)
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize, Trouble> {
        Ok(self.connection.prepare_cached(sql)?.execute(values)?)
    }

    /// Entries and streams of a sender.
    fn of_sender(&self, claim: &Claim) -> Result<(u64, u64), Trouble> {
        let mut select = self.connection.prepare_cached(
            "SELECT entries, streams FROM sender WHERE signer = ?1 AND stranger = ?2",
        )?;
        let mut rows = select.query(params![claim.signer, claim.stranger])?;
        match rows.next()? {
            Some(row) => Ok((unsigned(row, 0)?, unsigned(row, 1)?)),
            None => Ok((0, 0)),
        }
    }

    fn fits(&self, claim: &Claim, mut taken: [u64; 2], own: u64) -> bool {
        let (pool, quota) = self.limits.pool(claim.stranger);
        *of(&mut taken, claim.stranger) < pool as u64 && own < quota as u64
    }

    fn count(
        &self,
        signer: [u8; 32],
        stranger: bool,
        [entries, streams]: [i64; 2],
    ) -> Result<(), Trouble> {
        self.run(
            "INSERT INTO sender VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET entries = entries + excluded.entries, streams = streams + excluded.streams",
            params![signer, stranger, entries, streams],
        )?;
        Ok(())
    }

    /// The entries whose time has come: row, signer, stranger, and what is needed for a mark.
    fn due(&self, now: u64, at_most: usize) -> Result<Vec<Due>, Trouble> {
        let mut select = self.connection.prepare_cached(DUE)?;
        let rows = select.query_map(params![number(now), number(at_most as u64)], |row| {
            Ok(Due {
                id: row.get(0)?,
                signer: row.get(1)?,
                stranger: row.get(2)?,
                scope: row.get(3)?,
                issued: row.get(4)?,
                by_age: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn drop_due(&mut self, due: &Due) -> Result<(), Trouble> {
        self.run("DELETE FROM entry WHERE id = ?1", params![due.id])?;
        let taken = of(&mut self.counts.entries, due.stranger);
        *taken = taken.checked_sub(1).ok_or(Trouble(DAMAGED))?;
        self.leave(
            "UPDATE sender SET entries = entries - 1 WHERE signer = ?1 AND stranger = ?2 AND entries > 0",
            due.signer,
            due.stranger,
        )?;
        if due.by_age {
            self.mark(due.scope, due.issued)
        } else {
            Ok(())
        }
    }

    /// A sender has one place less, of the kind that `sql` counts.
    fn leave(&self, sql: &str, signer: [u8; 32], stranger: bool) -> Result<(), Trouble> {
        if self.run(sql, params![signer, stranger])? != 1 {
            return Err(Trouble(DAMAGED));
        }
        self.run(
            "DELETE FROM sender WHERE signer = ?1 AND stranger = ?2 AND entries = 0 AND streams = 0",
            params![signer, stranger],
        )?;
        Ok(())
    }

    fn forget(&mut self, name: &Digest, kept: &Kept) -> Result<(), Trouble> {
        streams::delete(self.connection, name)?;
        let taken = of(&mut self.counts.streams, kept.stranger);
        *taken = taken.checked_sub(1).ok_or(Trouble(DAMAGED))?;
        self.leave(
            "UPDATE sender SET streams = streams - 1 WHERE signer = ?1 AND stranger = ?2 AND streams > 0",
            kept.signer,
            kept.stranger,
        )
    }

    fn mark(&mut self, scope: [u8; 32], issued: i64) -> Result<(), Trouble> {
        let raised = self.run(
            "UPDATE mark SET issued = max(issued, ?2) WHERE scope = ?1",
            params![scope, issued],
        )?;
        if raised == 0 && self.counts.marks < MAX_SCOPES as u64 {
            self.run("INSERT INTO mark VALUES (?1, ?2)", params![scope, issued])?;
            self.counts.marks += 1;
        } else if raised == 0 {
            self.counts.shared_mark = self.counts.shared_mark.max(Some(issued));
        }
        Ok(())
    }

    /// Writes an entry that was found, if it changed.
    fn put(&mut self, entry: Entry) -> Result<(), Trouble> {
        let known = self
            .last
            .take()
            .filter(|(_, last)| last.claim.key == entry.claim.key);
        let (id, before) = match known {
            Some(known) => known,
            None => row::find(self.connection, &entry.claim.key)?.ok_or(Trouble(DAMAGED))?,
        };
        if before != entry {
            row::update(self.connection, id, &entry, &before)?;
        }
        Ok(())
    }

    fn drop_limited(&mut self, now: u64) -> Result<(), Trouble> {
        let dropped = self.run(
            "DELETE FROM limited WHERE what IN (SELECT what FROM limited WHERE full_at <= ?1 LIMIT ?2)",
            params![number(now), LIMITED_DROPS],
        )?;
        self.counts.limited = self.counts.limited.saturating_sub(dropped as u64);
        Ok(())
    }
}

/// An entry that leaves.
struct Due {
    id: i64,
    signer: [u8; 32],
    stranger: bool,
    scope: [u8; 32],
    issued: i64,
    by_age: bool,
}

impl Shelf for SqlShelf<'_> {
    fn observe(&mut self, now: u64) -> Result<u64> {
        self.counts.high_water = self.counts.high_water.max(now);
        Ok(self.counts.high_water)
    }

    fn next_token(&mut self) -> Result<u64> {
        self.counts.tokens += 1;
        Ok(self.counts.tokens)
    }

    fn entry(&mut self, key: &Digest) -> Result<Option<Entry>> {
        self.last = row::find(self.connection, key)?;
        Ok(self.last.as_ref().map(|(_, entry)| entry.clone()))
    }

    fn insert(&mut self, entry: Entry) -> Result<()> {
        row::insert(self.connection, &entry)?;
        self.count(entry.claim.signer, entry.claim.stranger, [1, 0])?;
        *of(&mut self.counts.entries, entry.claim.stranger) += 1;
        Ok(())
    }

    fn drop_entry(&mut self, entry: Entry) -> Result<()> {
        let Some((id, _)) = self.last.take().filter(|(_, last)| *last == entry) else {
            return Err(Trouble(DAMAGED).into());
        };
        Ok(self.drop_due(&Due {
            id,
            signer: entry.claim.signer,
            stranger: entry.claim.stranger,
            scope: *entry.claim.scope.as_bytes(),
            issued: number(entry.claim.issued),
            by_age: entry.claim.bounded_by_age,
        })?)
    }

    fn update(&mut self, entry: Entry, _before: u64) -> Result<()> {
        Ok(self.put(entry)?)
    }

    fn has_room(&mut self, claim: &Claim) -> Result<bool> {
        let (own, _) = self.of_sender(claim)?;
        Ok(self.fits(claim, self.counts.entries, own))
    }

    fn may_be_forgotten(&mut self, claim: &Claim) -> Result<bool> {
        let own: Option<i64> = optional(
            self.connection,
            "SELECT issued FROM mark WHERE scope = ?1",
            claim.scope.as_bytes(),
        )?;
        // A scope that has a mark of its own never used the shared one: a place, once taken, is never given back.
        let mark = own.or(self.counts.shared_mark);
        Ok(mark.is_some_and(|mark| number(claim.issued) <= mark))
    }

    fn sweep(&mut self, now: u64, at_most: usize) -> Result<Swept> {
        let mut challenges = 0;
        let due = self.due(now, at_most)?;
        for entry in &due {
            self.drop_due(entry)?;
        }
        if self.counts.challenges > 0 {
            challenges = self.run(
                "DELETE FROM challenge WHERE name IN
                 (SELECT name FROM challenge WHERE until <= ?1 ORDER BY until LIMIT ?2)",
                params![number(now), number(at_most as u64)],
            )?;
            self.counts.challenges = self.counts.challenges.saturating_sub(challenges as u64);
        }
        Ok(Swept {
            entries: due.len(),
            most: due.len().max(challenges),
        })
    }

    fn stream(&mut self, name: &Digest) -> Result<Option<Kept>> {
        Ok(streams::find(self.connection, name)?)
    }

    fn has_room_for_stream(&mut self, claim: &Claim) -> Result<bool> {
        let (_, own) = self.of_sender(claim)?;
        Ok(self.fits(claim, self.counts.streams, own))
    }

    fn put_stream(&mut self, name: &Digest, kept: Kept) -> Result<()> {
        if streams::put(self.connection, name, &kept)? {
            self.count(kept.signer, kept.stranger, [0, 1])?;
            *of(&mut self.counts.streams, kept.stranger) += 1;
        }
        Ok(())
    }

    fn drop_stream(&mut self, name: &Digest, kept: Kept) -> Result<()> {
        Ok(self.forget(name, &kept)?)
    }

    fn drop_streams(&mut self, now: u64, at_most: usize) -> Result<()> {
        for (name, kept) in streams::due(self.connection, now, at_most)? {
            self.forget(&name, &kept)?;
            self.mark(*kept.scope.as_bytes(), number(kept.issued))?;
        }
        Ok(())
    }

    fn challenge(&mut self, name: &Digest) -> Result<Option<u64>> {
        let until: Option<i64> = optional(
            self.connection,
            "SELECT until FROM challenge WHERE name = ?1",
            name.as_bytes(),
        )?;
        match until {
            Some(until) => Ok(Some(u64::try_from(until).map_err(|_| Trouble(DAMAGED))?)),
            None => Ok(None),
        }
    }

    fn put_challenge(&mut self, name: &Digest, until: Option<u64>) -> Result<()> {
        let Some(until) = until else {
            let dropped = self.run(
                "DELETE FROM challenge WHERE name = ?1",
                params![name.as_bytes()],
            )?;
            self.counts.challenges = self.counts.challenges.saturating_sub(dropped as u64);
            return Ok(());
        };
        if self.counts.challenges >= self.limits.known as u64 {
            return Err(ErrorKind::GuardFull.into());
        }
        let is_known = self.challenge(name)?.is_some();
        self.run(
            "INSERT INTO challenge VALUES (?1, ?2) ON CONFLICT DO UPDATE SET until = excluded.until",
            params![name.as_bytes(), number(until)],
        )?;
        self.counts.challenges += u64::from(!is_known);
        Ok(())
    }

    fn full_at(&mut self, what: &Digest) -> Result<u64> {
        let full_at: Option<i64> = optional(
            self.connection,
            "SELECT full_at FROM limited WHERE what = ?1",
            what.as_bytes(),
        )?;
        Ok(u64::try_from(full_at.unwrap_or(0)).map_err(|_| Trouble(DAMAGED))?)
    }

    fn put_full_at(&mut self, what: &Digest, full_at: u64, now: u64) -> Result<()> {
        let known = self.run(
            "UPDATE limited SET full_at = ?2 WHERE what = ?1",
            params![what.as_bytes(), number(full_at)],
        )?;
        if known > 0 {
            return Ok(());
        }
        if self.counts.limited >= MAX_LIMITED as u64 {
            self.drop_limited(now)?;
            if self.counts.limited >= MAX_LIMITED as u64 {
                return Err(ErrorKind::GuardFull.into());
            }
        }
        self.run(
            "INSERT INTO limited VALUES (?1, ?2)",
            params![what.as_bytes(), number(full_at)],
        )?;
        self.counts.limited += 1;
        Ok(())
    }
}
