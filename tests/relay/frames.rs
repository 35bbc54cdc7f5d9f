//! What goes through the pipes between the relay and the two processes.

use std::io::{self, Read, Write};
use std::sync::Mutex;

use crate::world::ToldClock;

/// Longest frame: what is longer means that a program of this test is wrong.
const LONGEST: usize = 64 << 20;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// To a process: the time is `number`.
    Clock,
    /// To a process: do what is to be done now, and say [`Kind::Done`].
    Round,
    /// To a process: an envelope that came, in a parcel of this number.
    Parcel,
    /// From the sender: the envelope of message `number`, to be carried.
    Send,
    /// From the receiver: the answer to the parcel of this number: the digest of its header, and the receipt.
    Answer,
    /// From a process: what came in the parcel of this number counts for nothing, and why.
    Refused,
    /// From the sender: the receipt in the parcel of this number is checked; bytes: the state.
    Settled,
    /// From the sender: message `number` is given up.
    GaveUp,
    /// From a process: it has come to this point.
    Stage,
    /// From a process: the round is over; `number` is 1 if nothing is waiting.
    Done,
}

const KINDS: [Kind; 10] = [
    Kind::Clock,
    Kind::Round,
    Kind::Parcel,
    Kind::Send,
    Kind::Answer,
    Kind::Refused,
    Kind::Settled,
    Kind::GaveUp,
    Kind::Stage,
    Kind::Done,
];

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
}

/// What is read from a pipe.
#[derive(Debug)]
pub(crate) enum Event {
    Frame(Frame),
    /// The other end is closed; maybe in the middle of a frame, of which this much came.
    End(Option<Frame>),
}

pub(crate) fn write(
    pipe: &mut impl Write,
    kind: Kind,
    number: u64,
    bytes: &[u8],
) -> io::Result<()> {
    let mut frame = Vec::with_capacity(13 + bytes.len());
    frame.push(kind as u8);
    frame.extend_from_slice(&number.to_be_bytes());
    frame.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(bytes);
    pipe.write_all(&frame)
}

pub(crate) fn read(pipe: &mut impl Read) -> Event {
    let mut head = [0; 13];
    if fill(pipe, &mut head) < head.len() {
        return Event::End(None);
    }
    let length = u32::from_be_bytes(head[9..].try_into().unwrap()) as usize;
    assert!(length <= LONGEST, "a frame of {length} bytes");
    let mut bytes = vec![0; length];
    let read = fill(pipe, &mut bytes);
    bytes.truncate(read);
    let frame = Frame {
        kind: KINDS[usize::from(head[0])],
        number: u64::from_be_bytes(head[1..9].try_into().unwrap()),
        bytes,
    };
    if read < length {
        Event::End(Some(frame))
    } else {
        Event::Frame(frame)
    }
}

/// How much came before the end.
fn fill(pipe: &mut impl Read, buffer: &mut [u8]) -> usize {
    let mut at = 0;
    while at < buffer.len() {
        match pipe.read(&mut buffer[at..]) {
            Ok(0) => break,
            Ok(read) => at += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    at
}

/// How many threads a process works with: what they commit at one time shares the syncs of the disk.
const THREADS: usize = 8;

/// The output of a process in a role: what it says goes out at once, so that a kill cuts where it strikes.
pub(crate) struct Mouth(Mutex<std::fs::File>);

impl Mouth {
    pub(crate) fn say(&self, kind: Kind, number: u64, bytes: &[u8]) {
        if write(&mut *self.0.lock().unwrap(), kind, number, bytes).is_err() {
            // Nobody listens any more.
            std::process::exit(0);
        }
    }

    pub(crate) fn stage(&self, stage: usize) {
        self.say(Kind::Stage, stage as u64, &[]);
    }
}

/// A process in a role.
pub(crate) trait Role: Sync {
    fn mouth(&self) -> &Mouth;
    fn clock(&self) -> &ToldClock;
    /// Takes one parcel; several threads do so at once.
    fn parcel(&self, frame: &Frame);
    /// Does what is to be done once the parcels are taken, and says whether nothing is waiting.
    fn round(&mut self) -> bool;
}

/// The output of this process.
pub(crate) fn mouth() -> Mouth {
    use std::os::fd::AsFd;
    let output = io::stdout().as_fd().try_clone_to_owned().unwrap();
    Mouth(Mutex::new(output.into()))
}

/// Plays a role until the input ends.
pub(crate) fn play(role: &mut impl Role) {
    let mut input = io::stdin().lock();
    let mut parcels = Vec::new();
    role.mouth().stage(1);
    while let Event::Frame(frame) = read(&mut input) {
        match frame.kind {
            Kind::Clock => role.clock().set(frame.number),
            Kind::Parcel => parcels.push(frame),
            Kind::Round => {
                in_parallel(std::mem::take(&mut parcels), |frame| role.parcel(&frame));
                let over = role.round();
                role.mouth().stage(1);
                role.mouth().say(Kind::Done, u64::from(over), &[]);
            }
            other => panic!("{other:?} is not for a process"),
        }
    }
}

/// Does the work on each, beginning in their order, by several threads.
pub(crate) fn in_parallel<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync) {
    let threads = THREADS.min(items.len());
    let items = Mutex::new(items.into_iter());
    let next = || items.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(item) = next() {
                    work(item);
                }
            });
        }
    });
}
