//! Plain claims where nothing else is to be done: scripts that do no more than they must.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use redis::Value;

use super::Store;
use super::group::{Job, Plain, failed, for_all, latest, read_replies};
use super::record::LAST;
use super::script::{Script, number};
use crate::error::{Error, ErrorKind, Result};

/// The fields of `meta` that a script wants before those of the claims.
const FIELDS: [&str; 4] = ["id", "mark", "swept", "shared"];

/// The outcomes of these claims, which [suit](suits); `None` where `lua/claim.lua` has to do them. `places` is how many entries
/// the pool had when it was last heard of.
pub(super) fn claim(
    store: &Store,
    jobs: &[Arc<Job>],
    places: &AtomicU64,
) -> Option<Vec<Result<Plain>>> {
    match jobs {
        [job] => Some(alloc::vec![one(store, job)?]),
        jobs => all_new(store, jobs, places),
    }
}

/// One claim, as `lua/one.lua` does it.
fn one(store: &Store, job: &Job) -> Option<Result<Plain>> {
    let (all, share) = limits(store, job);
    let now = job.now.min(LAST).to_string();
    let args = [
        store.id.as_bytes(),
        now.as_bytes(),
        job.key.as_bytes(),
        &job.record,
        &job.keep,
        &pool(job),
        &job.quota,
        &job.mark,
        all.as_bytes(),
        share.as_bytes(),
    ];
    let read = |reply| match reply {
        Value::Nil => Some(None),
        reply => read_replies(reply, &[job]).map(Some),
    };
    match store.pool.call(Script::One, &args, read) {
        Ok(None) => None,
        Ok(Some(Some(outcomes))) => outcomes.into_iter().next(),
        Ok(Some(None)) => Some(Err(super::lost())),
        Err(error) => if_not_full(error).map(Err),
    }
}

/// Whether these claims can be tried so: of one pool, and no two of one message.
pub(super) fn suits(jobs: &[Arc<Job>]) -> bool {
    if let [_] = jobs {
        return true;
    }
    let mut keys = BTreeSet::new();
    let mut pools = jobs.iter().map(|job| job.stranger);
    let pool = pools.next();
    pools.all(|other| Some(other) == pool) && jobs.iter().all(|job| keys.insert(job.key.as_bytes()))
}

/// Claims of one scope and signer.
struct Group {
    claims: usize,
    earliest: u64,
}

/// By the fields of `meta` that are theirs.
fn grouped(jobs: &[Arc<Job>]) -> BTreeMap<(&[u8], &[u8]), Group> {
    let mut groups = BTreeMap::new();
    for job in jobs {
        let group = groups
            .entry((&job.mark[..], &job.quota[..]))
            .or_insert(Group {
                claims: 0,
                earliest: u64::MAX,
            });
        group.claims += 1;
        group.earliest = group.earliest.min(job.issued);
    }
    groups
}

/// Several claims, as `lua/all_new.lua` does them.
fn all_new(store: &Store, jobs: &[Arc<Job>], places: &AtomicU64) -> Option<Vec<Result<Plain>>> {
    let (first, groups) = (jobs.first()?, grouped(jobs));
    let (all, share) = limits(store, first);
    let now = latest(jobs).to_string();
    let (of_groups, of_claims) = (groups.len().to_string(), jobs.len().to_string());
    let counts: Vec<[String; 2]> = groups
        .values()
        .map(|group| [group.claims.to_string(), group.earliest.to_string()])
        .collect();
    let pool = pool(first);
    // Where the next entries stand in the index: see lua/common.lua. It need not be exact, for it only decides what that costs.
    let place = places.load(Ordering::Relaxed).to_be_bytes();
    let names: Vec<Vec<u8>> = jobs
        .iter()
        .map(|job| [&place[..], job.key.as_bytes()].concat())
        .collect();

    let mut args: Vec<&[u8]> = Vec::with_capacity(12 + 4 * groups.len() + 5 * jobs.len());
    args.extend([store.id.as_bytes(), now.as_bytes()]);
    args.push(&jobs.iter().map(|job| &job.keep).min()?[..]);
    args.extend([&all, &share, &of_groups, &of_claims].map(|text| text.as_bytes()));
    args.extend(FIELDS.map(str::as_bytes));
    args.push(&pool);
    args.extend(groups.keys().flat_map(|(mark, quota)| [*mark, *quota]));
    args.extend(counts.iter().flatten().map(|text| text.as_bytes()));
    args.extend(jobs.iter().map(|job| &job.key.as_bytes()[..]));
    args.extend(
        jobs.iter()
            .flat_map(|job| [&job.key.as_bytes()[..], &job.record]),
    );
    args.extend(
        jobs.iter()
            .zip(&names)
            .flat_map(|(job, name)| [&job.keep[..], name]),
    );
    match store.pool.call(Script::AllNew, &args, read_count) {
        Ok(Count::Unknown) => None,
        Ok(Count::Lost) => Some(for_all(jobs, || Err(super::lost()))),
        Ok(Count::Is(count)) => {
            places.store(count, Ordering::Relaxed);
            Some(for_all(jobs, || Ok(Plain::New)))
        }
        Err(error) => if_not_full(error).map(|error| failed(jobs, &error)),
    }
}

/// What `lua/all_new.lua` gives.
enum Count {
    /// Nothing was done.
    Unknown,
    /// The store is another one.
    Lost,
    Is(u64),
}

fn read_count(reply: Value) -> Option<Count> {
    match reply {
        Value::Nil => Some(Count::Unknown),
        Value::Array(values) => match &values[..] {
            [] => Some(Count::Lost),
            [now, count] => number(now).and(number(count)).map(Count::Is),
            _ => None,
        },
        _ => None,
    }
}

/// It may be a copy, which needs no memory.
fn if_not_full(error: Error) -> Option<Error> {
    (error != ErrorKind::GuardFull).then_some(error)
}

/// Most entries of its pool, and of a signer in it.
fn limits(store: &Store, job: &Job) -> (String, String) {
    let (all, share) = store.limits.pool(job.stranger);
    (all.to_string(), share.to_string())
}

/// The field of `meta` that counts its pool.
fn pool(job: &Job) -> [u8; 2] {
    [b'p', b'0' + u8::from(job.stranger)]
}
