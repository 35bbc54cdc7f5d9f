"""Does what docs/c.md says: compiles its programs, and runs them and its commands in their order, as a new user would.

usage: guide.py LIBRARY PRIVATE-LIBRARIES BULLA     (libbulla.a, what it needs, the command line)
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT}/include"]
# As a lease whose path does not end where its view ends.
REMOVES = """
#include <bulla.h>
#include <stdio.h>

static bulla_view path_of(const bulla_lease *lease)
{
    static const uint8_t path[] = "removed and more";
    bulla_view view = {path, 7};
    (void)lease;
    return view;
}
#define bulla_lease_path path_of
#include "remove.h"

int main(void) { return remove_stored(NULL); }
"""
LETTER = "Dear Bob,\n\nthe barley is in.\n\nAlice\n"


def run(command, folder, path):
    """A command line, which must succeed."""
    print("$", command, flush=True)
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-euc", command], cwd=folder, env=environment, check=True)


def compile_program(source, program, library, private):
    for compiler in ("gcc", "clang"):
        subprocess.run([compiler, *FLAGS, str(source), library, *shlex.split(private), "-o", str(program)], check=True)


def fails(command, folder, path):
    """A command line, which must say that it did not succeed."""
    print("$", command, flush=True)
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
    ended = subprocess.run(["sh", "-uc", command], cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    assert 0 < ended.returncode < 126, (command, ended.returncode)


def what_fails(folder, path):
    """Long and empty letters are whole; what cannot be read or written is told."""
    for length in (0, 65536, 3_000_000):
        (folder / "long").write_bytes(b"x" * length)
        run("seal alice.key bob.pub < long > envelope && open bob.key alice.pub < envelope | cmp - long", folder, path)
    for program in ("seal alice.key bob.pub", "open bob.key alice.pub"):
        fails(f"{program} < . > nothing", folder, path)
        fails(f"{program} < envelope > /dev/full", folder, path)


def main():
    library, private, bulla = (os.path.abspath(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3]))
    guide = (ROOT / "docs/c.md").read_text()
    blocks = re.findall(r"^```(c|sh) ?(file=\S+(?: run=[^\n]*)?|run)\n(.*?)^```$", guide, re.S | re.M)
    # Who adds a block that runs changes this, and sees that it does.
    assert len(blocks) == 6, f"{len(blocks)} blocks of the guide are tried"
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "bin")
        path.mkdir()
        (path / "bulla").symlink_to(bulla)
        compile_program(ROOT / "examples/c/receipt.c", path / "receipt", library, private)
        folder = Path(scratch, "work")
        folder.mkdir()
        (folder / "letter").write_text(LETTER)
        for name in ("alice", "bob"):
            run(f"bulla keygen -o {name}.key > {name}.pub", folder, path)
        for language, attributes, text in blocks:
            if language == "sh":
                run(text.strip(), folder, path)
                continue
            given = dict(word.split("=", 1) for word in shlex.split(attributes))
            source = Path(scratch, given["file"])
            source.write_text(text)
            if "run" not in given:
                continue  # A part of the others.
            compile_program(source, path / source.stem, library, private)
            run(given["run"], folder, path)
            if "same" in given:
                first, second = given["same"].split()
                assert (folder / first).read_bytes() == (folder / second).read_bytes(), given["same"]
        stored = [file.read_text() for file in (folder / "inbox").iterdir()]
        assert stored == [LETTER], stored
        # A copy gets the same answer.
        run('receipt bob.key "$(cat alice.pub)" guide bob.guard inbox < sent > again', folder, path)
        assert (folder / "answer").read_bytes() == (folder / "again").read_bytes()
        what_fails(folder, path)
        (Path(scratch) / "removes.c").write_text(REMOVES)
        compile_program(Path(scratch) / "removes.c", path / "removes", library, private)
        (folder / "removed").write_text("")
        (folder / "removed and more").write_text("")
        run("removes", folder, path)
        assert not (folder / "removed").exists() and (folder / "removed and more").exists()
    print("the guide does as it says: 6 blocks")


if __name__ == "__main__":
    main()
