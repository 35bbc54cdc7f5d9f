"""Does what docs/c.md says, as its reader sees it: saves the programs of steps 1 to 6 under the names that stand before them, and runs the
commands as they stand there, in their order, in one shell, beginning with an empty home folder.

usage: guide.py PREFIX BULLA     (where the library is installed, the command line)

Stand-ins take the place of what step 1 gets from the network and compiles: `sudo`, `curl` and the file of rustup do nothing;
`bindings/install.sh --prefix` and `cargo install --path cli --root` put there what PREFIX and BULLA are. They take no other arguments.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["-std=c99", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
INSTALL = r"""#!/bin/sh -e
[ $# = 2 ] && [ "$1" = --prefix ] || { echo "install.sh: not as in the guide: $*" >&2; exit 1; }
mkdir "$2"
cp -a "@PREFIX@/include" "@PREFIX@/lib" "$2"
sed -i "s|^prefix=.*|prefix=$2|" "$2/lib/pkgconfig/bulla.pc"
"""
CARGO = r"""#!/bin/sh -e
[ $# = 6 ] && [ "$1 $2 $3 $4 $5" = "install --locked --path cli --root" ] && [ -e cli/Cargo.toml ] ||
    { echo "cargo: not as in the guide: $*" >&2; exit 1; }
mkdir -p "$6/bin"
cp "@BULLA@" "$6/bin/bulla"
"""
NOTHING = "#!/bin/sh\n"


def fail(what):
    sys.exit(f"the C guide: {what}")


def split(guide):
    """The script that steps 1 to 6 make, and the C code that is no file of theirs: excerpts in the steps, functions in the rest."""
    script, excerpts, parts = ["set -euxo pipefail"], [], []
    sections = re.split(r"^## ", guide, flags=re.M)[1:]
    steps = [section for section in sections if re.match(r"\d+\. ", section)]
    if [int(step.split(".")[0]) for step in steps] != list(range(1, 7)) or sections[:6] != steps:
        fail("it does not begin with steps 1 to 6")
    for section in sections:
        for before, language, text in re.findall(r"([^\n]*)\n\n```(\w*)\n(.*?)^```$", section, re.S | re.M):
            name = re.search(r"`([\w.]+\.[ch])`:$", before)
            if section not in steps:
                parts += [text] if language == "c" else []
            elif language == "sh":
                script.append(text)
            elif language != "c":
                fail(f"a block of a step is neither C nor for the shell: {text}")
            elif name:
                script.append(f"cat > {name.group(1)} <<'END OF THE FILE'\n{text}END OF THE FILE\n")
            else:
                excerpts.append(text)
    # As many as are to be seen, with whatever stands before them.
    if len(script) + len(excerpts) - 1 != sum(step.count("\n```\n") for step in steps):
        fail("a block stands where no block is found")
    return "\n".join(script), excerpts, "\n".join(parts)


def prepare(place, prefix, bulla):
    """A home folder with nothing, the sources, and the stand-ins."""
    home, sources, tools = place / "home", place / "sources", place / "tools"
    for folder in (home, sources / "bindings", tools):
        folder.mkdir(parents=True)
    for folder, but in ((Path("."), {"bindings", "target", ".git"}), (Path("bindings"), {"install.sh"})):
        for entry in (ROOT / folder).iterdir():
            if entry.name not in but:
                (sources / folder / entry.name).symlink_to(entry)
    stands = {sources / "bindings/install.sh": INSTALL, tools / "cargo": CARGO, tools / "sudo": NOTHING, tools / "curl": NOTHING}
    for file, text in stands.items():
        file.write_text(text.replace("@PREFIX@", prefix).replace("@BULLA@", bulla))
        file.chmod(0o755)
    (home / ".cargo").mkdir()
    (home / ".cargo/env").touch()
    return home, sources, tools


class Reader:
    """Whoever goes through the guide."""

    def __init__(self, home, sources, tools):
        self.folder, self.sources = home / "letters", sources
        # Nothing that would help: neither pkg-config nor the loader knows where the library is.
        self.environment = {"HOME": str(home), "PATH": f"{tools}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}

    def follow(self, script):
        """All steps; the environment is then as they have left it."""
        script += "\nenv -0 > \"$HOME/environment\"\n"
        ended = subprocess.run(["bash", "-c", script], cwd=self.sources, env=self.environment, stdout=subprocess.PIPE, text=True)
        print(ended.stdout, end="")
        if ended.returncode != 0:
            fail(f"a step fails: status {ended.returncode}")
        left = Path(self.environment["HOME"], "environment").read_text()
        self.environment = dict(entry.split("=", 1) for entry in left.split("\0") if entry)
        return ended.stdout

    def runs(self, command):
        print("$", command, flush=True)
        return subprocess.run(["bash", "-euc", command], cwd=self.folder, env=self.environment, stderr=subprocess.DEVNULL).returncode

    def must(self, command):
        if self.runs(command) != 0:
            fail(f"this fails: {command}")

    def must_not(self, command):
        """It says that it did not succeed."""
        if not 0 < self.runs(command) < 126:
            fail(f"this does not fail, or crashes: {command}")


def what_came_of_it(reader, said):
    """What the guide says of its own programs."""
    letter = (reader.folder / "letter").read_text()
    stored = [file.read_text() for file in (reader.folder / "inbox").iterdir()]
    if stored != [letter] or not letter.startswith("Dear Bob"):
        fail(f"stored is {stored}")
    if not said.endswith("settled: stored\n"):
        fail("the receipt does not settle the letter")
    # A copy gets the same answer.
    reader.must('./receipt bob.key "$(cat alice.pub)" guide bob.guard inbox < sent | cmp - answer')
    # Long and empty letters are whole; what cannot be read or written is told.
    for length in (0, 65536, 3_000_000):
        (reader.folder / "long").write_bytes(b"x" * length)
        reader.must("./seal alice.key bob.pub < long > envelope && ./open bob.key alice.pub < envelope | cmp - long")
    for program in ("./seal alice.key bob.pub", "./open bob.key alice.pub"):
        reader.must_not(f"{program} < . > nothing")
        reader.must_not(f"{program} < envelope > /dev/full")


def compiles(reader, parts):
    """Everything with both compilers, strictly; and the functions for hosts do what is said of them."""
    (reader.folder / "parts.h").write_text(parts)
    for compiler in ("gcc", "clang"):
        strict = " ".join([compiler, *FLAGS])
        reader.must(f"for file in *.c; do {strict} $(pkg-config --cflags bulla) -fsyntax-only $file; done")
        reader.must(f"{strict} -I. -I{ROOT}/tests/c $(pkg-config --cflags bulla) {ROOT}/tests/c/guide_parts.c {ROOT}/tests/c/harness.c "
                    "$(pkg-config --libs bulla) -o parts && SCRATCH=$PWD ./parts")


def main():
    prefix, bulla = (os.path.abspath(argument) for argument in sys.argv[1:])
    script, excerpts, parts = split((ROOT / "docs/c.md").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        reader = Reader(*prepare(Path(scratch), prefix, bulla))
        what_came_of_it(reader, reader.follow(script))
        for excerpt in excerpts:
            if not any(excerpt in file.read_text() for file in reader.folder.glob("*.c")):
                fail(f"this is in no program of the guide:\n{excerpt}")
        compiles(reader, parts)
    print(f"the guide does as it says: {script.count('cat > ')} files, {len(excerpts)} excerpts")


if __name__ == "__main__":
    main()
