//! Where bytes go: a file that appears when it is whole, or standard output.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bulla::{ErrorKind, NewFile};
use tempfile::SpooledTempFile;
use zeroize::Zeroizing;

use crate::args::OutputArgs;
use crate::failure::{Failure, reason};
use crate::input::named;

/// Content up to this length waits in memory for its verdict; more of it in a file without a name.
const IN_MEMORY: usize = 1 << 20;
const STEP: usize = 64 * 1024;
/// How often a reservation is renewed.
const RENEWAL: Duration = Duration::from_secs(10);

/// An output by name; its errors say the name.
pub(crate) struct Output {
    target: Target,
    name: String,
    begun: bool,
}

enum Target {
    /// Appears under its name when it is committed.
    File(NewFile),
    /// Standard output, or a device or pipe that is there already: what is written is out.
    Direct(Box<dyn Write>),
}

impl Output {
    /// Says at once if it cannot be: before anything is read. `private`: for its owner alone.
    pub(crate) fn create(args: &OutputArgs, private: bool) -> Result<Self, Failure> {
        let Some(path) = args
            .output
            .as_deref()
            .filter(|path| *path != Path::new("-"))
        else {
            let stdout =
                stdout().map_err(|e| Failure::io("cannot write to standard output", &e))?;
            return Ok(Self::new(Target::Direct(stdout), "standard output"));
        };
        let name = path.display().to_string();
        let cannot = |error: &io::Error| Failure::io(&format!("cannot write {name}"), error);
        match path.metadata() {
            Ok(found) if found.is_dir() => Err(cannot(&io::ErrorKind::IsADirectory.into())),
            // A device or a pipe is written to, and never replaced by a file.
            Ok(found) if !found.is_file() => {
                let file = OpenOptions::new().write(true).open(path);
                let file = file.map_err(|error| cannot(&error))?;
                Ok(Self::new(Target::Direct(Box::new(file)), &name))
            }
            found => {
                // A link is followed, so that the file behind it is replaced and not the link.
                let path: PathBuf = match found {
                    Ok(_) => path.canonicalize().map_err(|error| cannot(&error))?,
                    Err(_) => path.to_owned(),
                };
                let file = NewFile::create(&path, args.force, private)
                    .map_err(|error| cannot_create(&name, error))?;
                Ok(Self::new(Target::File(file), &name))
            }
        }
    }

    fn new(target: Target, name: &str) -> Self {
        Self {
            target,
            name: name.to_owned(),
            begun: false,
        }
    }

    /// Refuses to write bytes that are not text to a terminal, unless `-o -` says that it is meant.
    pub(crate) fn refuse_terminal(args: &OutputArgs, armor: bool) -> Result<(), Failure> {
        if args.output.is_none() && !armor && io::stdout().is_terminal() {
            return Err(Failure::usage(
                "an envelope is not for a terminal: write it to a file with -o, or as text with -a",
            ));
        }
        Ok(())
    }

    /// Whether what is written is out at once.
    const fn is_direct(&self) -> bool {
        matches!(self.target, Target::Direct(_))
    }

    /// Brings what was written to the disk, where it is a file.
    fn sync(&mut self) -> Result<(), Failure> {
        match &mut self.target {
            Target::File(file) => file
                .sync()
                .map_err(|error| cannot_create(&self.name, error)),
            Target::Direct(_) => Ok(()),
        }
    }

    /// The end: a file gets its name.
    pub(crate) fn commit(self) -> Result<(), Failure> {
        let name = self.name;
        match self.target {
            Target::File(file) => file.commit().map_err(|error| cannot_create(&name, error)),
            Target::Direct(mut out) => out
                .flush()
                .map_err(|error| Failure::io(&format!("cannot write {name}"), &error)),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.target {
            Target::File(file) => file.write(bytes),
            Target::Direct(out) => out.write(bytes),
        };
        match written {
            Ok(written) => {
                self.begun |= written > 0;
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(named("cannot write", &self.name, &error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::File(file) => file.flush(),
            Target::Direct(out) => out.flush(),
        }
    }
}

fn cannot_create(name: &str, error: bulla::Error) -> Failure {
    let known = Failure::from(error);
    let text = match known.kind() {
        ErrorKind::NameTaken => {
            format!("{name} exists already: choose another name, or replace it with --force")
        }
        _ => format!("cannot write {name}: {}", known.text()),
    };
    Failure::verdict(known.kind(), text)
}

/// Standard output without the buffer of lines that the standard library puts before it.
fn stdout() -> io::Result<Box<dyn Write>> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let owned = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Box::new(File::from(owned)))
    }
    #[cfg(not(unix))]
    Ok(Box::new(io::stdout()))
}

/// Ends standard output, so that whoever reads it need not wait for the end of this process.
pub(crate) fn end_stdout() {
    #[cfg(unix)]
    if let Ok(nowhere) = OpenOptions::new().write(true).open("/dev/null") {
        // If it stays open, it ends with the process.
        let _ = rustix::stdio::dup2_stdout(nowhere);
    }
}

/// Takes provisional content, and lets nobody have it before the verdict, unless told to.
pub(crate) struct Sink {
    output: Output,
    spool: Option<SpooledTempFile>,
}

/// The content is verified, but could not be delivered.
pub(crate) struct Undelivered {
    pub(crate) failure: Failure,
    /// Whether somebody may have seen a part of it.
    pub(crate) seen: bool,
}

impl Sink {
    pub(crate) fn new(output: Output, provisional: bool) -> Self {
        let spooled = output.is_direct() && !provisional;
        Self {
            output,
            spool: spooled.then(|| SpooledTempFile::new(IN_MEMORY)),
        }
    }

    /// The content is verified, and `rest` the last of it: brings it all to where it waits for the guard's answer.
    pub(crate) fn settle(&mut self, rest: &[u8]) -> Result<(), Failure> {
        self.write_all(rest).map_err(bulla::Error::from)?;
        self.output.sync()
    }

    /// The guard has said yes: delivers. If that takes long, `renew` is called from time to time.
    pub(crate) fn deliver(
        mut self,
        renew: impl FnMut() -> bulla::Result<()>,
    ) -> Result<(), Undelivered> {
        let delivered = self
            .unspool(renew)
            .map_err(|error| Failure::from(bulla::Error::from(error)));
        let seen = self.output.is_direct() && self.output.begun;
        delivered
            .and_then(|()| self.output.commit())
            .map_err(|failure| Undelivered { failure, seen })
    }

    fn unspool(&mut self, mut renew: impl FnMut() -> bulla::Result<()>) -> io::Result<()> {
        let Some(spool) = &mut self.spool else {
            return Ok(());
        };
        spool.seek(SeekFrom::Start(0)).map_err(|e| spooling(&e))?;
        let mut buffer = Zeroizing::new(vec![0; STEP]);
        let mut last = Instant::now();
        loop {
            if last.elapsed() > RENEWAL {
                renew()?;
                last = Instant::now();
            }
            match spool.read(&mut buffer).map_err(|e| spooling(&e))? {
                0 => return Ok(()),
                read => self
                    .output
                    .write_all(buffer.get(..read).unwrap_or_default())?,
            }
        }
    }
}

fn spooling(error: &io::Error) -> io::Error {
    let text = format!(
        "cannot keep the content in {} until it is verified: {}; name another folder in TMPDIR, or use -o",
        std::env::temp_dir().display(),
        reason(error)
    );
    io::Error::new(error.kind(), text)
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.spool {
            Some(spool) => spool.write(bytes).map_err(|error| match error.kind() {
                io::ErrorKind::Interrupted => error,
                _ => spooling(&error),
            }),
            None => self.output.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// For content that nobody wants: it is verified and dropped.
pub(crate) fn nowhere() -> Output {
    Output::new(Target::Direct(Box::new(io::sink())), "nowhere")
}
