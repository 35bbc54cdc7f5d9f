//! Plain claims of several threads go to the server together: a script costs far more than a claim in it.
//!
//! A caller that finds few others at work takes what has queued up and does it with its own claim, on one connection; the
//! others wait for it. When it is done, one of those that wait does the next batch.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use redis::Value;

use super::Store;
use super::fast;
use super::link::unavailable;
use super::record::{self, LAST};
use super::script::Script;
use crate::crypto::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::freshness::entry::Entry;

/// Most claims in a batch.
const BATCH: usize = 128;
/// Batches under way at a time. With more of them each is smaller, and a script costs more than several claims in it.
const LEADERS: usize = 1;
/// How often a leader lets others run first, that their claims may come with its own.
const STEPS_ASIDE: usize = 16;
/// How often one that waits for its answer lets others run before it sleeps: to be put to sleep and woken costs both sides more
/// than a short wait.
const STEPS_AWAKE: usize = 64;
/// How many batches go to the script that can do everything, once a fast one was not enough.
const BEHIND: usize = 8;
/// Entries that a claim may drop besides being made.
const DROPS_PER_CLAIM: usize = 4;

/// What the server said to a plain claim.
#[derive(Clone, Debug)]
pub(super) enum Plain {
    New,
    Forgotten,
    /// An entry is there; and the time to judge by.
    There(Box<Entry>, u64),
}

/// A claim that waits for its answer.
pub(super) struct Job {
    pub(super) key: Digest,
    pub(super) record: Vec<u8>,
    pub(super) stranger: bool,
    pub(super) issued: u64,
    /// When it is over, as the scripts read it.
    pub(super) keep: Vec<u8>,
    /// The fields of `meta` with the sweep mark of its scope, and with the count of its signer.
    pub(super) mark: Vec<u8>,
    pub(super) quota: Vec<u8>,
    pub(super) now: u64,
    place: Mutex<Progress>,
    /// Whether its owner has to be woken. Changed only under the lock of `place`.
    is_asleep: AtomicBool,
    changed: Condvar,
}

enum Progress {
    Waiting,
    /// It is this one's turn to do a batch.
    Leads,
    Done(Result<Plain>),
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Arc<Job>>,
    leaders: usize,
    /// How many claims the last batches had: one less for each that had fewer.
    last: usize,
}

impl Queue {
    /// Takes a claim back that nobody has taken along.
    fn withdraw(&mut self, job: &Arc<Job>) -> bool {
        let mut waiting = self.waiting.iter();
        let place = waiting.position(|other| Arc::ptr_eq(other, job));
        place.and_then(|at| self.waiting.remove(at)).is_some()
    }
}

#[derive(Default)]
pub(super) struct Group {
    queue: Mutex<Queue>,
    /// So many batches more are not tried with the fast scripts: one found that more was to be done.
    behind: AtomicUsize,
    /// How many entries the pool had that was last claimed in.
    places: AtomicU64,
}

impl Group {
    /// Claims for an entry as it is to be inserted.
    pub(super) fn claim(&self, store: &Store, entry: &Entry, now: u64) -> Result<Plain> {
        let job = Arc::new(Job {
            key: entry.claim.key,
            record: record::encode(entry),
            stranger: entry.claim.stranger,
            issued: entry.claim.issued,
            keep: record::digits(entry.claim.keep_until),
            mark: [b"m", &entry.claim.scope.as_bytes()[..]].concat(),
            quota: [
                &[b'q', b'0' + u8::from(entry.claim.stranger)],
                &entry.claim.signer[..],
            ]
            .concat(),
            now,
            place: Mutex::new(Progress::Waiting),
            is_asleep: AtomicBool::new(false),
            changed: Condvar::new(),
        });
        let mut queue = self.lock();
        if queue.leaders < LEADERS.min(store.pool.settings.connections) {
            queue.leaders += 1;
            drop(queue);
            return self.lead(store, &job);
        }
        queue.waiting.push_back(Arc::clone(&job));
        drop(queue);
        let _leaves = Leaves(self, &job);
        self.wait(store, &job)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Every change under this lock is whole in itself.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, store: &Store, job: &Arc<Job>) -> Result<Plain> {
        let settings = &store.pool.settings;
        let patience = settings.connect_timeout + settings.response_timeout;
        // The last look has no patience: by then it is not in the queue, so whoever took it from there has told it to lead, or
        // has sent it and is overdue.
        for patience in [patience, patience, patience, Duration::ZERO] {
            match job.outcome(Instant::now() + patience) {
                Progress::Done(outcome) => return outcome,
                Progress::Leads => return self.lead(store, job),
                Progress::Waiting => {}
            }
            if self.lock().withdraw(job) {
                break;
            }
        }
        Err(unavailable(
            "the server does not answer in time: others still wait for it",
        ))
    }

    /// Does a batch, and passes the lead on.
    fn lead(&self, store: &Store, own: &Arc<Job>) -> Result<Plain> {
        let mut handover = Handover {
            group: self,
            batch: Vec::new(),
            told: 1,
        };
        let mut queue = self.lock();
        // Those whose claims were done a moment ago are about to make the next ones: a batch is worth a step aside for them.
        for _ in 0..STEPS_ASIDE {
            if 1 + queue.waiting.len() >= queue.last {
                break;
            }
            drop(queue);
            std::thread::yield_now();
            queue = self.lock();
        }
        let batch = &mut handover.batch;
        batch.reserve_exact(BATCH.min(1 + queue.waiting.len()));
        batch.push(Arc::clone(own));
        while batch.len() < BATCH
            && let Some(job) = queue.waiting.pop_front()
        {
            batch.push(job);
        }
        queue.last = batch.len().max(queue.last.saturating_sub(1));
        drop(queue);
        let mut outcomes = run(store, batch, self).into_iter();
        let first = outcomes.next();
        for (job, outcome) in handover.batch.iter().skip(1).zip(outcomes) {
            job.tell(Progress::Done(outcome));
            handover.told += 1;
        }
        first.unwrap_or_else(|| Err(ErrorKind::GuardUnavailable.into()))
    }
}

/// Passes the lead on, also after a panic: then nothing is known of the claims of the others that were taken along.
struct Handover<'a> {
    group: &'a Group,
    batch: Vec<Arc<Job>>,
    /// How many of the batch know what became of theirs; the first is the leader's own.
    told: usize,
}

impl Drop for Handover<'_> {
    fn drop(&mut self) {
        for job in self.batch.iter().skip(self.told) {
            job.tell(Progress::Done(Err(ErrorKind::GuardUnavailable.into())));
        }
        let mut queue = self.group.lock();
        match queue.waiting.pop_front() {
            Some(next) => next.tell(Progress::Leads),
            None => queue.leaders -= 1,
        }
    }
}

/// One who waits goes, also after a panic: then nobody is to wait for him to lead.
struct Leaves<'a>(&'a Group, &'a Arc<Job>);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let Self(group, job) = *self;
        if group.lock().withdraw(job) {
            return;
        }
        if let Progress::Leads = job.told() {
            drop(Handover {
                group,
                batch: Vec::new(),
                told: 0,
            });
        }
    }
}

impl Job {
    fn tell(&self, progress: Progress) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        *place = progress;
        let asleep = self.is_asleep.load(Ordering::Relaxed);
        drop(place);
        if asleep {
            self.changed.notify_one();
        }
    }

    /// What it was told last, and has not heard.
    fn told(&self) -> Progress {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        core::mem::replace(&mut *place, Progress::Waiting)
    }

    /// What has become of it until `deadline`.
    fn outcome(&self, deadline: Instant) -> Progress {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let mut steps = STEPS_AWAKE;
        loop {
            match core::mem::replace(&mut *place, Progress::Waiting) {
                Progress::Waiting => {}
                told => return told,
            }
            if steps > 0 {
                steps -= 1;
                drop(place);
                std::thread::yield_now();
                place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            self.is_asleep.store(true, Ordering::Relaxed);
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Progress::Waiting;
            }
            place = self
                .changed
                .wait_timeout(place, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(place, _)| place);
        }
    }
}

/// Counts one down, if there is one.
fn take_one(from: &AtomicUsize) -> bool {
    from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
        count.checked_sub(1)
    })
    .is_ok()
}

fn run(store: &Store, jobs: &[Arc<Job>], group: &Group) -> Vec<Result<Plain>> {
    if fast::suits(jobs) && !take_one(&group.behind) {
        if let Some(outcomes) = fast::claim(store, jobs, &group.places) {
            return outcomes;
        }
        group.behind.store(BEHIND, Ordering::Relaxed);
    }
    let now = latest(jobs).to_string();
    let drops = (DROPS_PER_CLAIM * jobs.len()).to_string();
    let mut args: Vec<&[u8]> = Vec::with_capacity(7 + 2 * jobs.len());
    args.extend([
        store.id.as_bytes(),
        now.as_bytes(),
        store.ahead.as_bytes(),
        drops.as_bytes(),
    ]);
    args.extend(store.limit_texts.iter().map(|limit| limit.as_bytes()));
    for job in jobs {
        args.extend([&job.key.as_bytes()[..], &job.record]);
    }
    let read = |value| read_replies(value, jobs);
    match store.pool.call(Script::Claim, &args, read) {
        Ok(Some(outcomes)) => outcomes,
        Ok(None) => for_all(jobs, || Err(super::lost())),
        Err(error) => failed(jobs, &error),
    }
}

/// The clock that the guard is shown: the latest of them all, as if that claim had come first.
pub(super) fn latest(jobs: &[Arc<Job>]) -> u64 {
    jobs.iter().map(|job| job.now).max().unwrap_or(0).min(LAST)
}

/// One outcome, of all of them.
pub(super) fn for_all(
    jobs: &[Arc<Job>],
    outcome: impl Fn() -> Result<Plain>,
) -> Vec<Result<Plain>> {
    jobs.iter().map(|_| outcome()).collect()
}

/// The same failure, of all of them.
pub(super) fn failed(jobs: &[Arc<Job>], error: &Error) -> Vec<Result<Plain>> {
    for_all(jobs, || Err(Error::with(error.kind(), error.detail())))
}

/// `Some(None)` if the store is another one.
#[allow(clippy::option_option)]
pub(super) fn read_replies<J: core::borrow::Borrow<Job>>(
    value: Value,
    jobs: &[J],
) -> Option<Option<Vec<Result<Plain>>>> {
    let Value::Array(values) = value else {
        return None;
    };
    let mut values = values.into_iter();
    let now = match values.next() {
        None => return Some(None),
        Some(Value::Int(now)) => u64::try_from(now).ok()?,
        Some(_) => return None,
    };
    if values.len() != jobs.len() {
        return None;
    }
    let outcomes = jobs.iter().zip(values).map(|(job, value)| {
        let job: &Job = job.borrow();
        Some(match value {
            Value::Int(1) => Ok(Plain::New),
            Value::Int(2) => Ok(Plain::Forgotten),
            Value::Int(3) => Err(ErrorKind::GuardFull.into()),
            Value::BulkString(bytes) => match record::decode(job.key, &bytes) {
                Some(entry) => Ok(Plain::There(Box::new(entry), now)),
                None => Err(super::foreign()),
            },
            _ => return None,
        })
    });
    outcomes.collect::<Option<Vec<_>>>().map(Some)
}
