//! Replies as the server writes them (RESP 2), read with limits before anything is allocated.

use alloc::string::String;
use alloc::vec::Vec;

/// Longest reply that is read, in bytes: a batch of claims, each of which meets an entry with the longest receipt, is about
/// half of it.
pub(super) const MAX_REPLY: usize = 1 << 20;
/// Longest line: a number, or what a refusal says.
const MAX_LINE: usize = 4096;

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A word, such as OK.
    Word(String),
    Int(i64),
    Bytes(Vec<u8>),
    Nil,
    /// Of anything but lists and refusals: no command that is sent here answers with more.
    List(Vec<Reply>),
    /// What it says: a code, and after a space what is wrong.
    Refused(String),
}

impl Reply {
    pub(super) fn is_okay(&self) -> bool {
        matches!(self, Self::Word(word) if word == "OK")
    }
}

/// How far the bytes that have come go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// A reply, and how many bytes it took.
    Whole(Reply, usize),
    /// It has at least so many bytes.
    Needs(usize),
    /// It is no reply that is understood, or too long.
    Bad,
}

/// Why there is no reply yet.
enum Stop {
    Needs(usize),
    Bad,
}

type Outcome<T> = Result<T, Stop>;

/// Reads the reply at the beginning of `bytes`. What a length in it announces is neither allocated nor waited for beyond
/// [`MAX_REPLY`].
pub(super) fn read(bytes: &[u8]) -> Progress {
    let mut input = Input { bytes, at: 0 };
    match input.reply(true) {
        Ok(reply) => Progress::Whole(reply, input.at),
        Err(Stop::Needs(length)) if length <= MAX_REPLY => Progress::Needs(length),
        Err(_) => Progress::Bad,
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn reply(&mut self, lists: bool) -> Outcome<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_first().ok_or(Stop::Bad)?;
        Ok(match kind {
            b'+' => Reply::Word(text(rest)),
            b'-' if lists => Reply::Refused(text(rest)),
            b':' => Reply::Int(number(rest)?),
            b'$' => match number(rest)? {
                -1 => Reply::Nil,
                length => Reply::Bytes(self.bulk(length)?.to_vec()),
            },
            b'*' if lists => match number(rest)? {
                -1 => Reply::Nil,
                count => self.list(count)?,
            },
            _ => return Err(Stop::Bad),
        })
    }

    fn list(&mut self, count: i64) -> Outcome<Reply> {
        let count = usize::try_from(count).map_err(|_| Stop::Bad)?;
        // The shortest part has four bytes.
        let least = count
            .checked_mul(4)
            .and_then(|length| length.checked_add(self.at))
            .ok_or(Stop::Bad)?;
        self.have(least)?;
        let mut parts = Vec::with_capacity(count);
        for _ in 0..count {
            parts.push(self.reply(false)?);
        }
        Ok(Reply::List(parts))
    }

    fn bulk(&mut self, length: i64) -> Outcome<&'a [u8]> {
        let length = usize::try_from(length).map_err(|_| Stop::Bad)?;
        let end = self.at.checked_add(length).ok_or(Stop::Bad)?;
        let whole = end.checked_add(2).ok_or(Stop::Bad)?;
        self.have(whole)?;
        let bytes = self.bytes.get(self.at..end).ok_or(Stop::Bad)?;
        if self.bytes.get(end..whole) != Some(b"\r\n") {
            return Err(Stop::Bad);
        }
        self.at = whole;
        Ok(bytes)
    }

    fn have(&self, length: usize) -> Outcome<()> {
        if self.bytes.len() < length {
            return Err(Stop::Needs(length));
        }
        Ok(())
    }

    /// A line without its end.
    fn line(&mut self) -> Outcome<&'a [u8]> {
        let rest = self.bytes.get(self.at..).ok_or(Stop::Bad)?;
        let seen = rest.get(..MAX_LINE).unwrap_or(rest);
        match seen.iter().position(|byte| *byte == b'\r') {
            None if rest.len() >= MAX_LINE => Err(Stop::Bad),
            None => Err(Stop::Needs(self.bytes.len() + 1)),
            Some(length) => match rest.get(length + 1) {
                None => Err(Stop::Needs(self.bytes.len() + 1)),
                Some(b'\n') => {
                    self.at += length + 2;
                    rest.get(..length).ok_or(Stop::Bad)
                }
                Some(_) => Err(Stop::Bad),
            },
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number(digits: &[u8]) -> Outcome<i64> {
    let plain = digits.strip_prefix(b"-").unwrap_or(digits);
    if plain.is_empty() || !plain.iter().all(u8::is_ascii_digit) {
        return Err(Stop::Bad);
    }
    core::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(Stop::Bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const LIST: &[u8] = b"*5\r\n:-12\r\n$3\r\na\r\n\r\n$-1\r\n+OK\r\n$0\r\n\r\n";

    #[test]
    fn a_reply_is_read_once_it_is_whole() {
        let reply = Reply::List(vec![
            Reply::Int(-12),
            Reply::Bytes(b"a\r\n".to_vec()),
            Reply::Nil,
            Reply::Word("OK".into()),
            Reply::Bytes(vec![]),
        ]);
        assert_eq!(read(LIST), Progress::Whole(reply, LIST.len()));
        for length in 0..LIST.len() {
            match read(&LIST[..length]) {
                Progress::Needs(least) => assert!(least > length && least <= LIST.len()),
                other => panic!("{length}: {other:?}"),
            }
        }
        let refused = Reply::Refused("ERR no".into());
        assert_eq!(read(b"-ERR no\r\n:1"), Progress::Whole(refused, 9));
        assert_eq!(read(b"*-1\r\n"), Progress::Whole(Reply::Nil, 5));
    }

    #[test]
    fn anything_else_is_not_understood() {
        for bytes in [
            &b"\r\n"[..],
            b"x\r\n",
            b":\r\n",
            b":+1\r\n",
            b":1 \r\n",
            b":1\r1",
            b":9223372036854775808\r\n",
            b"$-2\r\n",
            b"$1\r\nabc",
            b"*-2\r\n",
            b"*1\r\n*0\r\n",
            b"*1\r\n-ERR\r\n",
            b"%1\r\n",
        ] {
            assert_eq!(read(bytes), Progress::Bad, "{:?}", text(bytes));
        }
        assert_eq!(read(&[b'+'; MAX_LINE]), Progress::Bad);
    }

    #[test]
    fn what_is_announced_is_not_waited_for_beyond_the_limit() {
        assert_eq!(read(b"$1000000\r\n"), Progress::Needs(1_000_012));
        for bytes in [
            &b"$1048576\r\n"[..],
            b"$9223372036854775807\r\n",
            b"*262144\r\n",
            b"*9223372036854775807\r\n",
        ] {
            assert_eq!(read(bytes), Progress::Bad, "{}", text(bytes));
        }
    }
}
