//! Work of many threads in one transaction: the first to come leads, and does what the others brought while the disk was
//! busy. So they share one sync of the disk (group commit).

use std::boxed::Box;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::vec::Vec;

use rusqlite::Connection;

use super::trouble::Trouble;
use crate::error::Result;

/// Most pieces of work in one transaction: bounds how long others wait.
const MAX_BATCH: usize = 256;
/// A leader waits for those who are about to come for this part of what the last transaction took.
const PATIENCE: u32 = 4;
/// After so many waits in vain, one of [`RETRY`] is tried.
const VAIN: u32 = 4;
const RETRY: u32 = 16;

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
    /// Told when work comes.
    came: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Box<dyn Job>>,
    is_led: bool,
    /// Owners who wait for an answer, or lead.
    inside: usize,
    /// The most of them at a time since the last batch was taken.
    peak: usize,
    /// What the last transaction took.
    took: Duration,
    /// How often in a row a leader waited for others, and they did not come.
    vain: u32,
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
            queue.inside += 1;
            queue.peak = queue.peak.max(queue.inside);
            !std::mem::replace(&mut queue.is_led, true)
        };
        let _leaves = Leaves(self);
        self.came.notify_one();
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
            let mut queue = self.gather();
            queue.peak = queue.inside;
            let most = queue.jobs.len().min(MAX_BATCH);
            queue.jobs.drain(..most).collect()
        };
        let began = Instant::now();
        transact(&mut batch);
        lock(&self.queue).took = began.elapsed();
    }

    /// The queue, once those have come who were here a moment ago: their work is done, and they are about to bring more. Without
    /// that, two halves of few threads would take turns, and share no sync. Who is alone waits for nobody; and where waiting
    /// is in vain, it is given up for most batches.
    fn gather(&self) -> MutexGuard<'_, Queue> {
        let mut queue = lock(&self.queue);
        let wanted = queue.peak.min(MAX_BATCH);
        if queue.jobs.len() >= wanted {
            return queue;
        }
        if queue.vain >= VAIN && !queue.vain.is_multiple_of(RETRY) {
            queue.vain = queue.vain.wrapping_add(1);
            return queue;
        }
        let deadline = Instant::now() + queue.took / PATIENCE;
        while queue.jobs.len() < wanted {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                queue.vain = queue.vain.wrapping_add(1);
                return queue;
            }
            (queue, _) = self
                .came
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        queue.vain = 0;
        queue
    }
}

/// An owner goes, also after a panic.
struct Leaves<'a>(&'a Group);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        lock(&self.0.queue).inside -= 1;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Few threads come together in one batch; without a wait for each other, they would go in two halves.
    #[test]
    fn those_who_were_here_a_moment_ago_come_along() {
        let (group, batches) = (Group::default(), AtomicUsize::new(0));
        let transact = |batch: &mut [Box<dyn Job>]| {
            let connection = Connection::open_in_memory().unwrap();
            std::thread::sleep(Duration::from_millis(8));
            batches.fetch_add(1, Ordering::Relaxed);
            for job in batch {
                job.run(&connection);
                job.answer(None);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..50 {
                        assert_eq!(group.run(move |_| Ok(number), transact).unwrap(), number);
                    }
                });
            }
        });
        let batches = batches.into_inner();
        assert!(batches <= 70, "{batches} batches for 200 pieces of work");
        assert_eq!(lock(&group.queue).inside, 0);
    }
}
