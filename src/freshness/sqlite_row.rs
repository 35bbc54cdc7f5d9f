//! How entries stand in the durable file.

use std::vec::Vec;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::entry::{Entry, State};
use super::guard::{Claim, Place};
use super::order::Order;
use super::trouble::{DAMAGED, Trouble};
use crate::crypto::digest::Digest;

pub(super) const RELEASED: i64 = 0;
pub(super) const RESERVED: i64 = 1;
pub(super) const COMMITTED: i64 = 2;

/// The columns that [`read`] wants, in its order.
const SELECT: &str = "SELECT id, key, value, scope, signer, stranger, issued, keep_until, by_age, place, challenge, state,
    token, lease_until, receipt FROM entry WHERE key = ?1";

/// A time or a number as SQLite keeps it. What is beyond its greatest (as a time, in 292 billion years) is that.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64, Trouble> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| Trouble(DAMAGED))
}

pub(super) fn digest(row: &Row<'_>, column: usize) -> Result<Digest, Trouble> {
    Ok(Digest::from_bytes(row.get(column)?))
}

/// The entry of this key, and the number of its row.
pub(super) fn find(connection: &Connection, key: &Digest) -> Result<Option<(i64, Entry)>, Trouble> {
    let mut select = connection.prepare_cached(SELECT)?;
    let mut rows = select.query(params![key.as_bytes()])?;
    match rows.next()? {
        Some(row) => Ok(Some((row.get(0)?, read(row)?))),
        None => Ok(None),
    }
}

fn read(row: &Row<'_>) -> Result<Entry, Trouble> {
    let place: Option<[u8; PLACE]> = row.get(9)?;
    let challenge: Option<[u8; 32]> = row.get(10)?;
    let claim = Claim {
        key: digest(row, 1)?,
        value: digest(row, 2)?,
        scope: digest(row, 3)?,
        signer: row.get(4)?,
        stranger: row.get(5)?,
        issued: unsigned(row, 6)?,
        keep_until: unsigned(row, 7)?,
        bounded_by_age: row.get(8)?,
        place: match place {
            Some(bytes) => Some(place_from(&bytes).ok_or(Trouble(DAMAGED))?),
            None => None,
        },
        challenge: challenge.map(Digest::from_bytes),
    };
    let state = match row.get(11)? {
        RELEASED => State::Released,
        RESERVED => State::Reserved {
            number: unsigned(row, 12)?,
            until: unsigned(row, 13)?,
        },
        COMMITTED => State::Committed {
            receipt: row.get::<_, Option<Vec<u8>>>(14)?.unwrap_or_default(),
        },
        _ => return Err(Trouble(DAMAGED)),
    };
    Ok(Entry { claim, state })
}

/// Number of the state, token, end of the lease, and receipt.
type StateColumns<'a> = (i64, Option<i64>, Option<i64>, Option<&'a [u8]>);

fn columns(state: &State) -> StateColumns<'_> {
    match state {
        State::Released => (RELEASED, None, None, None),
        State::Reserved {
            number: token,
            until,
        } => (RESERVED, Some(number(*token)), Some(number(*until)), None),
        State::Committed { receipt } => {
            let receipt = (!receipt.is_empty()).then_some(receipt.as_slice());
            (COMMITTED, None, None, receipt)
        }
    }
}

pub(super) fn insert(connection: &Connection, entry: &Entry) -> Result<(), Trouble> {
    let claim = &entry.claim;
    let (state, token, lease_until, receipt) = columns(&entry.state);
    connection
        .prepare_cached(
            "INSERT INTO entry (key, value, scope, signer, stranger, issued, keep_until, by_age, place, challenge, state,
             token, lease_until, receipt) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            claim.key.as_bytes(),
            claim.value.as_bytes(),
            claim.scope.as_bytes(),
            claim.signer,
            claim.stranger,
            number(claim.issued),
            number(claim.keep_until),
            claim.bounded_by_age,
            claim.place.as_ref().map(place_bytes),
            claim.challenge.as_ref().map(Digest::as_bytes),
            state,
            token,
            lease_until,
            receipt
        ])?;
    Ok(())
}

/// What can change of an entry. Its end only if it did, for that moves it in the index.
pub(super) fn update(
    connection: &Connection,
    id: i64,
    entry: &Entry,
    before: &Entry,
) -> Result<(), Trouble> {
    let claim = &entry.claim;
    let (state, token, lease_until, receipt) = columns(&entry.state);
    connection
        .prepare_cached(
            "UPDATE entry SET value = ?2, issued = ?3, by_age = ?4, place = ?5, state = ?6, token = ?7, lease_until = ?8,
             receipt = ?9, challenge = ?10 WHERE id = ?1",
        )?
        .execute(params![
            id,
            claim.value.as_bytes(),
            number(claim.issued),
            claim.bounded_by_age,
            claim.place.as_ref().map(place_bytes),
            state,
            token,
            lease_until,
            receipt,
            claim.challenge.as_ref().map(Digest::as_bytes)
        ])?;
    if claim.keep_until != before.claim.keep_until {
        connection
            .prepare_cached("UPDATE entry SET keep_until = ?2 WHERE id = ?1")?
            .execute(params![id, number(claim.keep_until)])?;
    }
    Ok(())
}

/// One value, or nothing if there is no row.
pub(super) fn optional<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    name: &[u8; 32],
) -> Result<Option<T>, Trouble> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row(params![name], |row| row.get(0))
        .optional()?)
}

/// Stream, number, order, the order's first number and window, until when the stream is kept, and the time of issue.
const PLACE: usize = 32 + 8 + 1 + 8 + 2 + 8 + 8;

fn place_bytes(place: &Place) -> Vec<u8> {
    let (order, first, window) = match place.order {
        Order::Any => (0, 0, 0),
        Order::Monotonic => (1, 0, 0),
        Order::Gapless { first, window } => (2, first, window),
    };
    let mut bytes = Vec::with_capacity(PLACE);
    bytes.extend_from_slice(place.stream.as_bytes());
    bytes.extend_from_slice(&place.number.to_be_bytes());
    bytes.push(order);
    bytes.extend_from_slice(&first.to_be_bytes());
    bytes.extend_from_slice(&window.to_be_bytes());
    bytes.extend_from_slice(&place.keep_until.to_be_bytes());
    bytes.extend_from_slice(&place.issued.to_be_bytes());
    bytes
}

fn place_from(bytes: &[u8; PLACE]) -> Option<Place> {
    let (stream, rest) = bytes.split_first_chunk::<32>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (order, rest) = rest.split_first()?;
    let (first, rest) = rest.split_first_chunk::<8>()?;
    let (window, rest) = rest.split_first_chunk::<2>()?;
    let window = u16::from_be_bytes(*window);
    let (keep_until, rest) = rest.split_first_chunk::<8>()?;
    let issued = u64::from_be_bytes(*rest.first_chunk::<8>()?);
    let place = Place {
        stream: Digest::from_bytes(*stream),
        number: u64::from_be_bytes(*number),
        order: match order {
            0 => Order::Any,
            1 => Order::Monotonic,
            2 => Order::Gapless {
                first: u64::from_be_bytes(*first),
                window,
            },
            _ => return None,
        },
        keep_until: u64::from_be_bytes(*keep_until),
        issued,
    };
    (place_bytes(&place) == bytes).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_as_they_were() {
        for order in [
            Order::Any,
            Order::Monotonic,
            Order::Gapless {
                first: u64::MAX,
                window: 7,
            },
        ] {
            let place = Place {
                stream: Digest::of(b"stream"),
                number: u64::MAX - 1,
                order,
                keep_until: u64::MAX - 2,
                issued: u64::MAX - 3,
            };
            let bytes: [u8; PLACE] = place_bytes(&place).try_into().unwrap();
            assert_eq!(place_from(&bytes), Some(place));
            let mut odd = bytes;
            odd[40] += 3;
            assert_eq!(place_from(&odd), None);
        }
    }
}
