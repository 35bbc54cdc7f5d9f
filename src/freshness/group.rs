//! Work of many threads in one transaction: the first to come leads, and does what the others brought while the disk was
//! busy. So they share one sync of the disk (group commit).

use std::boxed::Box;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use rusqlite::Connection;

use super::trouble::Trouble;
use crate::error::Result;

/// Most pieces of work in one transaction: bounds how long others wait.
const MAX_BATCH: usize = 256;

/// A piece of work, whose owner waits for the answer.
pub(super) trait Job: Send {
    /// Does it. False if the transaction is to be undone.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells the owner: what came of it, or what stood in the way.
    fn answer(&mut self, trouble: Option<Trouble>);
    /// Asks the owner to lead.
    fn lead(&self);
}

struct Task<T, W> {
    work: W,
    result: Option<Result<T>>,
    slot: Arc<Slot<T>>,
}

impl<T: Send, W: FnMut(&Connection) -> Result<T> + Send> Job for Task<T, W> {
    fn run(&mut self, connection: &Connection) -> bool {
        self.result.insert((self.work)(connection)).is_ok()
    }

    fn answer(&mut self, trouble: Option<Trouble>) {
        let result = match trouble {
            Some(trouble) => Err(trouble.into()),
            None => self.result.take().unwrap_or(Err(LOST.into())),
        };
        self.slot.tell(Turn::Done(result));
    }

    fn lead(&self) {
        self.slot.tell(Turn::Lead);
    }
}

const LOST: Trouble = Trouble("the work in hand failed unexpectedly: begin the program anew");

impl<T, W> Drop for Task<T, W> {
    /// Nobody waits in vain, also if another's work panics: the first answer counts.
    fn drop(&mut self) {
        self.slot.tell(Turn::Done(Err(LOST.into())));
    }
}

/// Where an owner waits.
struct Slot<T> {
    turn: Mutex<Turn<T>>,
    told: Condvar,
}

enum Turn<T> {
    Wait,
    Lead,
    Done(Result<T>),
}

impl<T> Slot<T> {
    fn tell(&self, turn: Turn<T>) {
        let mut place = lock(&self.turn);
        if !matches!(*place, Turn::Done(_)) {
            *place = turn;
            self.told.notify_one();
        }
    }

    /// The answer, or `None` if the owner is to lead.
    fn wait(&self) -> Option<Result<T>> {
        let mut place = lock(&self.turn);
        loop {
            match std::mem::replace(&mut *place, Turn::Wait) {
                Turn::Done(result) => return Some(result),
                Turn::Lead => return None,
                Turn::Wait => {
                    place = self
                        .told
                        .wait(place)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// The work that waits.
#[derive(Default)]
pub(super) struct Group {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Box<dyn Job>>,
    is_led: bool,
}

impl Group {
    /// Has `work` done in a transaction, with that of others, and gives its result once the transaction is on the disk.
    /// `transact` does a batch, and answers each job.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T> + Send + 'static,
        transact: impl Fn(&mut [Box<dyn Job>]),
    ) -> Result<T> {
        let slot = Arc::new(Slot {
            turn: Mutex::new(Turn::Wait),
            told: Condvar::new(),
        });
        let job = Box::new(Task {
            work,
            result: None,
            slot: Arc::clone(&slot),
        });
        let is_first = {
            let mut queue = lock(&self.queue);
            queue.jobs.push_back(job);
            !std::mem::replace(&mut queue.is_led, true)
        };
        if is_first {
            self.lead(&transact);
        }
        loop {
            match slot.wait() {
                Some(result) => return result,
                None => self.lead(&transact),
            }
        }
    }

    /// Does one batch, with one's own job in it, and hands the lead over.
    fn lead(&self, transact: &impl Fn(&mut [Box<dyn Job>])) {
        let _handover = Handover(self);
        let mut batch: Vec<Box<dyn Job>> = {
            let mut queue = lock(&self.queue);
            let most = queue.jobs.len().min(MAX_BATCH);
            queue.jobs.drain(..most).collect()
        };
        transact(&mut batch);
    }
}

/// Hands the lead to the first who waits, also after a panic.
struct Handover<'a>(&'a Group);

impl Drop for Handover<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.0.queue);
        match queue.jobs.front() {
            Some(next) => next.lead(),
            None => queue.is_led = false,
        }
    }
}

/// What is behind these locks is whole at every moment: a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
