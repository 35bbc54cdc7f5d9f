//! Guards that several processes share: two real processes that race, a holder who is too late, a process that is killed.
//!
//! A test file that uses this has a test named `helper`, which calls [`helper`] with a way to open its guard by name: the
//! file starts itself again, with that test alone, as the other process. How a guard is named is its own business.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use bulla::{Claimed, ErrorKind, LeaseToken, ReplayGuard};

use super::{claim, token};

const ROLE: &str = "BULLA_TEST_ROLE";
const NAME: &str = "BULLA_TEST_GUARD";
const NUMBER: &str = "BULLA_TEST_NUMBER";
const MARK: &str = "@ ";

/// Threads in each process of a race.
const THREADS: u64 = 2;
/// The time in all these tests, in which no lease runs out by itself.
const NOW: u64 = 1000;

/// Another process, which opened the guard of this name.
pub(crate) struct Other {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Other {
    pub(crate) fn start(role: &str, guard: &str, number: u64) -> Self {
        Self::start_as(
            Command::new(std::env::current_exe().unwrap()),
            role,
            guard,
            number,
        )
    }

    /// With another command, to which the arguments of the test file are given.
    pub(crate) fn start_as(mut command: Command, role: &str, guard: &str, number: u64) -> Self {
        let mut child = command
            .args(["helper", "--exact", "--nocapture"])
            .env(ROLE, role)
            .env(NAME, guard)
            .env(NUMBER, number.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// What it says next.
    pub(crate) fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.said.read_line(&mut line).unwrap() > 0 {
            if let Some((_, said)) = line.split_once(MARK)
                && said.ends_with('\n')
            {
                return Some(said.trim_end().to_owned());
            }
            line.clear();
        }
        None
    }

    pub(crate) fn go_on(&mut self) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "go on").unwrap();
    }

    /// All that it says until it ends, well.
    pub(crate) fn finish(mut self) -> Vec<String> {
        let said = std::iter::from_fn(|| self.hear()).collect();
        assert!(self.child.wait().unwrap().success());
        said
    }

    /// Ends it as `kill -9` does, and gives what it had said.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let said = std::iter::from_fn(|| self.hear()).collect();
        self.child.wait().unwrap();
        said
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{what}").unwrap();
    out.flush().unwrap();
}

fn wait_for_parent() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

/// The other process: does what it was started for. As a test by itself it does nothing.
pub(crate) fn helper(open: impl Fn(&str) -> bulla::Result<Box<dyn ReplayGuard>>) {
    let (Ok(role), Ok(name)) = (std::env::var(ROLE), std::env::var(NAME)) else {
        return;
    };
    let number = std::env::var(NUMBER).unwrap().parse().unwrap();
    let guard = match open(&name) {
        Ok(guard) => guard,
        Err(error) => return say(&format!("{error:?}")),
    };
    match role.as_str() {
        "race" => contest(&*guard, number),
        "hold" => hold(&*guard),
        "claim" => claim_on(&*guard, number),
        "fill" => fill(&*guard),
        other => panic!("no such role: {other}"),
    }
}

/// Two processes claim the same `rounds` messages: each is new exactly once.
pub(crate) fn race(guard: &str, rounds: u64) {
    let mut others: Vec<Other> = (0..2)
        .map(|_| Other::start("race", guard, rounds))
        .collect();
    for other in &mut others {
        assert_eq!(other.hear().as_deref(), Some("ready"));
    }
    for other in &mut others {
        other.go_on();
    }
    let mut winners = BTreeMap::new();
    let wins: Vec<usize> = others
        .into_iter()
        .enumerate()
        .map(|(process, other)| {
            let won = other.finish();
            for number in &won {
                let number: u64 = number.parse().unwrap();
                assert_eq!(winners.insert(number, process), None, "{number} won twice");
            }
            won.len()
        })
        .collect();
    println!("{rounds} messages, won by two processes: {wins:?}");
    assert!(winners.into_keys().eq(0..rounds));
    if rounds >= 1000 {
        assert!(wins.iter().all(|wins| *wins > 0), "that was no race");
    }
}

fn contest(guard: &dyn ReplayGuard, rounds: u64) {
    say("ready");
    wait_for_parent();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..rounds).for_each(|number| compete(guard, number)));
        }
    });
}

/// Every fourth is reserved first, and committed by who has it.
fn compete(guard: &dyn ReplayGuard, number: u64) {
    let lease = number.is_multiple_of(4).then_some(60);
    match guard.claim(&claim(number, NOW), NOW, lease).unwrap() {
        Claimed::New(token) => {
            if lease.is_some() {
                guard.commit(&token, &number.to_be_bytes()).unwrap();
            }
            say(&number.to_string());
        }
        Claimed::Same(receipt) if lease.is_some() => assert_eq!(receipt, number.to_be_bytes()),
        Claimed::Same(receipt) => assert_eq!(receipt, b""),
        Claimed::Pending => assert!(lease.is_some()),
        other => panic!("{other:?}"),
    }
}

/// A process that lost its lease can do nothing with it, whatever its clock says.
pub(crate) fn a_late_holder(guard: &dyn ReplayGuard, name: &str) {
    let mut late = Other::start("hold", name, 0);
    assert_eq!(late.hear().as_deref(), Some("held"));
    assert_eq!(
        guard.claim(&claim(1, NOW), NOW + 29, Some(30)).unwrap(),
        Claimed::Pending
    );
    let taken_over = token(guard.claim(&claim(1, NOW), NOW + 30, Some(30)));
    late.go_on();
    assert_eq!(late.hear().as_deref(), Some("refused"));
    guard.commit(&taken_over, b"mine").unwrap();
    late.go_on();
    assert_eq!(late.finish(), ["refused"]);
    assert_eq!(
        guard.claim(&claim(1, NOW), NOW + 30, Some(30)).unwrap(),
        Claimed::Same(b"mine".to_vec())
    );
}

fn hold(guard: &dyn ReplayGuard) {
    let held = token(guard.claim(&claim(1, NOW), NOW, Some(30)));
    say("held");
    for _ in 0..2 {
        wait_for_parent();
        // Its clock stands, or is behind, or ahead.
        for now in [NOW, 0, NOW + 31] {
            let lost = [
                guard.renew(&held, now, 1_000_000),
                guard.commit(&held, b"late"),
                guard.release(&held),
            ];
            for result in lost {
                assert_eq!(result.unwrap_err(), ErrorKind::LeaseLost);
            }
        }
        // Neither does a number that was not given.
        let guessed = LeaseToken {
            number: held.number + 1000,
            ..held
        };
        assert_eq!(
            guard.commit(&guessed, b"").unwrap_err(),
            ErrorKind::LeaseLost
        );
        say("refused");
    }
}

/// A process that is killed while it claims, at an instant of which `nap` decides: what it was told is new is there
/// afterwards. Gives the first number that was not tried.
pub(crate) fn killed(
    name: &str,
    first: u64,
    nap: std::time::Duration,
    reopen: &dyn Fn() -> Box<dyn ReplayGuard>,
) -> u64 {
    let mut other = Other::start("claim", name, first);
    assert_eq!(other.hear().as_deref(), Some("ready"));
    std::thread::sleep(nap);
    let said: Vec<u64> = other
        .kill()
        .iter()
        .map(|number| number.parse().unwrap())
        .collect();
    let guard = reopen();
    for number in &said {
        let (receipt, lease) = receipt_of(*number);
        assert_eq!(
            guard.claim(&claim(*number, NOW), NOW, lease).unwrap(),
            Claimed::Same(receipt)
        );
    }
    // Every thread tried at most one more.
    said.into_iter().max().map_or(first, |last| last + 1) + 8
}

fn receipt_of(number: u64) -> (Vec<u8>, Option<u64>) {
    if number.is_multiple_of(3) {
        (format!("receipt {number}").into_bytes(), Some(60))
    } else {
        (Vec::new(), None)
    }
}

fn claim_on(guard: &dyn ReplayGuard, first: u64) {
    let next = AtomicU64::new(first);
    say("ready");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let (receipt, lease) = receipt_of(number);
                    let held = token(guard.claim(&claim(number, NOW), NOW, lease));
                    if lease.is_some() {
                        guard.commit(&held, &receipt).unwrap();
                    }
                    say(&number.to_string());
                }
            });
        }
    });
}

/// Claims until something is in the way, and says how many it made, and what that is.
fn fill(guard: &dyn ReplayGuard) {
    let mut done = 0;
    let error = loop {
        match guard.claim(&claim(done, NOW), NOW, None) {
            Ok(Claimed::New(_)) => done += 1,
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    say(&done.to_string());
    say(&format!("{error:?}"));
    // What was answered before stands, and is answered again without a write.
    match guard.claim(&claim(0, NOW), NOW, None) {
        Ok(Claimed::Same(_)) => say("same"),
        other => say(&format!("{other:?}")),
    }
}

/// A path as the name of a guard.
pub(crate) fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}
