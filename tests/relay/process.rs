//! A process in a role, and its death.

use std::io::BufReader;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::frames::{self, Event, Frame, Kind};

/// A process that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);
const SIGKILL: i32 = 9;

/// This program, in another role.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// A role, and who plays it at present.
pub(crate) struct Process {
    role: &'static str,
    folder: PathBuf,
    life: Option<Life>,
    /// How often it was started.
    pub(crate) lives: u64,
    /// How often it was killed.
    pub(crate) kills: u64,
    /// How often of that it had done all that it had to do.
    pub(crate) idle_kills: u64,
    /// At which stages that was, where it had not.
    pub(crate) killed_at: Vec<u64>,
    /// Whether it came to the end of its last round.
    pub(crate) done: bool,
    /// How long a round takes, as far as known.
    pub(crate) round: Duration,
    began: Instant,
}

struct Life {
    child: Arc<Mutex<Child>>,
    input: ChildStdin,
    events: Receiver<Event>,
    killers: Vec<JoinHandle<()>>,
    stage: usize,
}

impl Drop for Life {
    fn drop(&mut self) {
        // Also if the test fails.
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Process {
    pub(crate) fn new(role: &'static str, folder: &Path, stages: usize) -> Self {
        Self {
            role,
            folder: folder.to_path_buf(),
            life: None,
            lives: 0,
            kills: 0,
            idle_kills: 0,
            killed_at: vec![0; stages],
            done: false,
            round: Duration::from_millis(50),
            began: Instant::now(),
        }
    }

    fn start(&mut self, now: u64) -> Life {
        let folder = self.folder.to_str().unwrap();
        let arguments = [self.role, folder, &now.to_string(), &self.lives.to_string()];
        let mut child = command(&arguments).spawn().unwrap();
        self.lives += 1;
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (tell, events) = channel();
        std::thread::spawn(move || {
            loop {
                let event = frames::read(&mut output);
                let over = matches!(event, Event::End(_));
                if tell.send(event).is_err() || over {
                    break;
                }
            }
        });
        Life {
            child: Arc::new(Mutex::new(child)),
            input,
            events,
            killers: Vec::new(),
            stage: 0,
        }
    }

    /// Begins a round: these parcels came. It is killed after that share of the time that a round takes, if one is given.
    pub(crate) fn begin(&mut self, now: u64, parcels: &[(u64, Vec<u8>)], kill: Option<f64>) {
        self.began = Instant::now();
        let mut life = match self.life.take() {
            Some(life) => life,
            None => self.start(now),
        };
        if let Some(share) = kill {
            let (child, delay) = (Arc::clone(&life.child), self.round.mul_f64(share));
            life.killers.push(std::thread::spawn(move || {
                std::thread::sleep(delay);
                child.lock().unwrap().kill().unwrap();
            }));
        }
        // A process that was killed takes nothing: what was sent to it is lost, as anywhere.
        let input = &mut life.input;
        let _ = frames::write(input, Kind::Clock, now, &[])
            .and_then(|()| {
                parcels.iter().try_for_each(|(number, bytes)| {
                    frames::write(input, Kind::Parcel, *number, bytes)
                })
            })
            .and_then(|()| frames::write(input, Kind::Round, 0, &[]));
        self.life = Some(life);
    }

    /// Ends the round: what it said, the frame that was torn by its death, and whether nothing is waiting.
    pub(crate) fn end(&mut self) -> (Vec<Frame>, Option<Frame>, bool) {
        let mut life = self.life.take().unwrap();
        let mut frames = Vec::new();
        let mut over = false;
        self.done = false;
        let began = Instant::now();
        loop {
            match life.events.recv_timeout(PATIENCE) {
                Ok(Event::Frame(frame)) => match frame.kind {
                    Kind::Stage => life.stage = frame.number as usize,
                    Kind::Done => {
                        (over, self.done) = (frame.number == 1, true);
                        if life.killers.is_empty() {
                            let took = self.began.elapsed().max(Duration::from_millis(1));
                            self.round = (self.round + took) / 2;
                            self.life = Some(life);
                            return (frames, None, over);
                        }
                        // It is killed all the same, although it has nothing to do now.
                    }
                    _ => frames.push(frame),
                },
                Ok(Event::End(torn)) => {
                    self.bury(life);
                    return (frames, torn, over && self.done);
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{} hangs since {:?}", self.role, began.elapsed())
                }
                Err(RecvTimeoutError::Disconnected) => unreachable!(),
            }
        }
    }

    fn bury(&mut self, mut life: Life) {
        for killer in life.killers.drain(..) {
            killer.join().unwrap();
        }
        let status = life.child.lock().unwrap().wait().unwrap();
        assert!(
            status.signal() == Some(SIGKILL),
            "{} ended by itself: {status}",
            self.role
        );
        self.kills += 1;
        if self.done {
            self.idle_kills += 1;
        } else {
            self.killed_at[life.stage] += 1;
        }
    }

    /// How often it was killed in the middle of something.
    pub(crate) const fn kills_at_work(&self) -> u64 {
        self.kills - self.idle_kills
    }
}
