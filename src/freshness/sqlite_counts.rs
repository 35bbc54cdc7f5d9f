//! The one row of the durable guard that changes with nearly every claim, so that a claim never counts.

use rusqlite::{Connection, params};

use super::sqlite_row::{number, unsigned};
use super::trouble::{DAMAGED, Trouble};

/// The row of the guard: read at the beginning of a step, written at its end if it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) high_water: u64,
    pub(super) tokens: u64,
    /// Of listed senders, of strangers.
    pub(super) entries: [u64; 2],
    pub(super) streams: [u64; 2],
    pub(super) challenges: u64,
    pub(super) limited: u64,
    pub(super) marks: u64,
    /// The mark of all scopes that found no place of their own.
    pub(super) shared_mark: Option<i64>,
}

impl Counts {
    pub(super) fn load(connection: &Connection) -> Result<Self, Trouble> {
        let mut select = connection.prepare_cached(
            "SELECT high_water, tokens, known, strangers, known_streams, stranger_streams, challenges, limited, marks,
             shared_mark FROM guard WHERE id = 1",
        )?;
        let mut rows = select.query([])?;
        let row = rows.next()?.ok_or(Trouble(DAMAGED))?;
        Ok(Self {
            high_water: unsigned(row, 0)?,
            tokens: unsigned(row, 1)?,
            entries: [unsigned(row, 2)?, unsigned(row, 3)?],
            streams: [unsigned(row, 4)?, unsigned(row, 5)?],
            challenges: unsigned(row, 6)?,
            limited: unsigned(row, 7)?,
            marks: unsigned(row, 8)?,
            shared_mark: row.get(9)?,
        })
    }

    pub(super) fn save(&self, connection: &Connection) -> Result<(), Trouble> {
        let ([known, strangers], [known_streams, stranger_streams]) = (self.entries, self.streams);
        connection
            .prepare_cached(
                "UPDATE guard SET high_water = ?1, tokens = ?2, known = ?3, strangers = ?4, known_streams = ?5,
                 stranger_streams = ?6, challenges = ?7, limited = ?8, marks = ?9, shared_mark = ?10 WHERE id = 1",
            )?
            .execute(params![
                number(self.high_water),
                number(self.tokens),
                number(known),
                number(strangers),
                number(known_streams),
                number(stranger_streams),
                number(self.challenges),
                number(self.limited),
                number(self.marks),
                self.shared_mark
            ])?;
        Ok(())
    }
}
