//! `demo`: the whole story, each step the command that one would type.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::args::Demo;
use crate::failure::{Failure, reason};
use crate::terminal::{one_line, print};

/// What Alice sends if no file is named.
const LETTER: &str =
    "Dear Bob,\n\nthe barley is in, and it is yours: eleven bushels, on your seal.\n\nAlice\n";
/// Longer files are streamed.
const STREAM_FROM: u64 = 64 << 20;

/// A command, and how it must end.
struct Step<'a> {
    command: &'a str,
    status: i32,
    outcome: &'a str,
}

pub(super) fn demo(args: &Demo) -> Result<(), Failure> {
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::io("cannot make a temporary folder", &error))?;
    let stage = Stage::new(folder.path(), args.file.as_deref())?;
    stage.keys()?;
    stage.sealed()?;
    stage.refusals()?;
    stage.evidence()?;
    if cfg!(unix) {
        stage.transfer()?;
    }
    print("\nEvery step went as told.\n")
}

struct Stage<'a> {
    folder: &'a Path,
    program: PathBuf,
    /// What is sent, as an argument.
    content: PathBuf,
    stream: bool,
}

impl<'a> Stage<'a> {
    fn new(folder: &'a Path, file: Option<&Path>) -> Result<Self, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::io("cannot find this program", &error))?;
        let content = match file {
            Some(file) => file
                .canonicalize()
                .map_err(|error| Failure::io(&format!("cannot read {}", file.display()), &error))?,
            None => {
                std::fs::write(folder.join("letter.txt"), LETTER).map_err(staging)?;
                PathBuf::from("letter.txt")
            }
        };
        let found = folder.join(&content).metadata().map_err(staging)?;
        if !found.is_file() {
            return Err(Failure::usage(format!(
                "{} is not a regular file: name one that Alice can send",
                content.display()
            )));
        }
        Ok(Self {
            folder,
            program,
            content,
            stream: found.len() > STREAM_FROM,
        })
    }

    fn keys(&self) -> Result<(), Failure> {
        say("Alice, Bob and Mallory each make a key, and give away its public half.")?;
        for name in ["alice", "bob", "mallory"] {
            self.run(&Step {
                command: &format!("bulla keygen -o {name}.key > {name}.pub"),
                status: 0,
                outcome: "a key file for its owner alone, and a line for everybody",
            })?;
        }
        Ok(())
    }

    fn sealed(&self) -> Result<(), Failure> {
        say("\nAlice seals a file to Bob. On its way everybody can look at it.")?;
        let stream = if self.stream { "--stream " } else { "" };
        self.run(&Step {
            command: &format!(
                "bulla seal -i alice.key -r bob.pub -c demo --expires 3d {stream}-o sealed.bulla CONTENT"
            ),
            status: 0,
            outcome: "encrypted to Bob, signed by Alice, stamped with the time",
        })?;
        self.run(&Step {
            command: "bulla inspect sealed.bulla",
            status: 0,
            outcome: "that is all that can be seen: neither the author nor the content",
        })?;
        say("\nBob opens it.")?;
        self.run(&Step {
            command: "bulla open -i bob.key --from alice.pub -c demo --guard bob.guard -o received sealed.bulla",
            status: 0,
            outcome: "the author, the time and every bit are verified; only now is there a file",
        })?;
        if !same(
            &self.folder.join(&self.content),
            &self.folder.join("received"),
        )? {
            return Err(broken("what Bob received is not what Alice sent"));
        }
        say("  = what Bob received is what Alice sent, byte for byte")
    }

    fn refusals(&self) -> Result<(), Failure> {
        let open = |who: &str, from: &str, context: &str, envelope: &str| {
            format!(
                "bulla open -i {who}.key --from {from}.pub -c {context} --guard {who}.guard -o refused {envelope}"
            )
        };
        say("\nMallory sends it again, and sends it with one bit flipped.")?;
        self.flip_a_bit()?;
        let steps = [
            (
                open("bob", "alice", "demo", "sealed.bulla"),
                3,
                "refused: Bob has it already",
            ),
            (
                open("bob", "alice", "demo", "flipped.bulla"),
                2,
                "refused: not authentic",
            ),
        ];
        self.run_refused(&steps)?;
        say("\nMallory tries to open it, to pass it off as his own, and to use it elsewhere.")?;
        let steps = [
            (
                open("mallory", "alice", "demo", "sealed.bulla"),
                2,
                "refused: it is not sealed to Mallory",
            ),
            (
                open("bob", "mallory", "demo", "sealed.bulla"),
                3,
                "refused: it is from Alice, not from Mallory",
            ),
            (
                open("bob", "alice", "payments", "sealed.bulla"),
                3,
                "refused: Alice made it for another context",
            ),
        ];
        self.run_refused(&steps)
    }

    fn run_refused(&self, steps: &[(String, i32, &str)]) -> Result<(), Failure> {
        for (command, status, outcome) in steps {
            self.run(&Step {
                command,
                status: *status,
                outcome,
            })?;
            if self.folder.join("refused").exists() {
                return Err(broken("content of a refused envelope was written"));
            }
        }
        Ok(())
    }

    fn evidence(&self) -> Result<(), Failure> {
        say("\nLater Bob shows a judge who wrote it. The judge needs no secret.")?;
        self.run(&Step {
            command: "bulla evidence export -i bob.key --from alice.pub -c demo -a -o evidence.txt sealed.bulla",
            status: 0,
            outcome: "author, time and digest, without the content and without a secret",
        })?;
        self.run(&Step {
            command: "bulla evidence check --from alice.pub --content CONTENT evidence.txt",
            status: 0,
            outcome: "Alice signed this very content",
        })?;
        self.run(&Step {
            command: "bulla evidence check --from mallory.pub evidence.txt",
            status: 3,
            outcome: "and Mallory did not",
        })
    }

    fn transfer(&self) -> Result<(), Failure> {
        std::fs::create_dir(self.folder.join("inbox")).map_err(staging)?;
        say("\nAlice sends the file once more, and wants to know that it is stored.")?;
        self.run(&Step {
            command: "bulla send -i alice.key -r bob.pub -c demo --outbox alice.outbox --deadline 2h -o sent.bulla CONTENT",
            status: 0,
            outcome: "recorded: it stays due until a receipt settles it, or the deadline",
        })?;
        let receive = |receipt: &str| {
            format!(
                "bulla receive -i bob.key --from alice.pub -c demo --guard bob.guard --dir inbox -o {receipt} sent.bulla"
            )
        };
        self.run(&Step {
            command: &receive("receipt.bulla"),
            status: 0,
            outcome: "written, synced, read again from the disk and compared; only then a receipt",
        })?;
        say("\nMallory brings it once more. Bob stores nothing, and gives the same answer.")?;
        self.run(&Step {
            command: &receive("again.bulla"),
            status: 0,
            outcome: "counted once",
        })?;
        let at = |name: &str| self.folder.join(name);
        if !same(&at("receipt.bulla"), &at("again.bulla"))? {
            return Err(broken("a copy got another receipt"));
        }
        if std::fs::read_dir(at("inbox")).map_err(staging)?.count() != 1 {
            return Err(broken("a copy was stored beside the first"));
        }
        say("\nBob's receipt goes back to Alice.")?;
        self.run(&Step {
            command: "bulla settle -i alice.key --outbox alice.outbox receipt.bulla",
            status: 0,
            outcome: "settled: signed by Bob, about this very content",
        })?;
        self.run(&Step {
            command: "bulla outbox --outbox alice.outbox --due",
            status: 0,
            outcome: "nothing is due any more",
        })
    }

    /// Changes one bit in the middle of a copy.
    fn flip_a_bit(&self) -> Result<(), Failure> {
        use std::io::{Read, Seek, SeekFrom, Write};
        let copy = self.folder.join("flipped.bulla");
        let flip = || {
            let length = std::fs::copy(self.folder.join("sealed.bulla"), &copy)?;
            let mut file = std::fs::File::options()
                .read(true)
                .write(true)
                .open(&copy)?;
            let mut byte = [0];
            file.seek(SeekFrom::Start(length / 2))?;
            file.read_exact(&mut byte)?;
            file.seek(SeekFrom::Start(length / 2))?;
            file.write_all(&byte.map(|byte| byte ^ 1))
        };
        flip().map_err(staging)
    }

    /// Runs a step as a process of its own, as a shell would.
    fn run(&self, step: &Step<'_>) -> Result<(), Failure> {
        let shown = step.command.replace("CONTENT", &shell(&self.content));
        say(&format!("\n$ {shown}"))?;
        let (command, redirected) = match step.command.split_once(" > ") {
            Some((command, file)) => (command, Some(file)),
            None => (step.command, None),
        };
        let arguments = command.split(' ').skip(1).map(|word| match word {
            "CONTENT" => self.content.as_path(),
            word => Path::new(word),
        });
        let output = Command::new(&self.program)
            .args(arguments)
            .current_dir(self.folder)
            .env_remove("BULLA_PASSPHRASE_FILE")
            .stdin(Stdio::null())
            .output()
            .map_err(staging)?;
        match redirected {
            Some(file) => {
                std::fs::write(self.folder.join(file), &output.stdout).map_err(staging)?
            }
            None => show(&output.stdout)?,
        }
        show(&output.stderr)?;
        let status = output.status.code().unwrap_or(-1);
        if status != step.status {
            return Err(broken(&format!(
                "it ended with status {status}, not {}",
                step.status
            )));
        }
        say(&format!("  = status {status}: {}", step.outcome))
    }
}

fn say(line: &str) -> Result<(), Failure> {
    print(&format!("{line}\n"))
}

fn show(output: &[u8]) -> Result<(), Failure> {
    String::from_utf8_lossy(output)
        .lines()
        .try_for_each(|line| say(&format!("  {}", one_line(line))))
}

/// A path as one word of a command line.
fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=,:@%".contains(c);
    if text.chars().all(plain) {
        return text;
    }
    one_line(&format!("'{}'", text.replace('\'', "'\\''")))
}

/// Whether two files are the same, read in pieces.
fn same(a: &Path, b: &Path) -> Result<bool, Failure> {
    use std::io::{BufRead, BufReader};
    let compare = || {
        let mut a = BufReader::with_capacity(1 << 16, std::fs::File::open(a)?);
        let mut b = BufReader::with_capacity(1 << 16, std::fs::File::open(b)?);
        loop {
            let (here, there) = (a.fill_buf()?, b.fill_buf()?);
            let length = here.len().min(there.len());
            if here.get(..length) != there.get(..length) {
                return Ok(false);
            }
            if length == 0 {
                return Ok(here.is_empty() && there.is_empty());
            }
            a.consume(length);
            b.consume(length);
        }
    };
    compare().map_err(staging)
}

fn staging(error: std::io::Error) -> Failure {
    Failure::usage(format!(
        "the demonstration cannot go on: {}",
        reason(&error)
    ))
}

fn broken(text: &str) -> Failure {
    Failure::usage(format!(
        "the demonstration failed: {text}; please report this"
    ))
}
