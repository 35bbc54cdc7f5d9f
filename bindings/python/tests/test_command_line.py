"""Python and the command line, in both directions. BULLA_BIN is the path of `bulla`; without it these tests fail."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import bulla
import pytest

CONTEXT = "interop"
SIZES = [0, 1, 65_535, 65_536, 300_000]


def run(*arguments: object, input: bytes = b"", status: int = 0) -> bytes:
    binary = os.environ.get("BULLA_BIN")
    assert binary, "set BULLA_BIN to the path of the command line; these tests are not to be left out"
    done = subprocess.run([binary, *map(str, arguments)], input=input, capture_output=True, timeout=120)
    assert done.returncode == status, done.stderr.decode(errors="replace")
    return done.stdout


class Rust:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "rust.key"
        self.line = run("keygen", "-o", self.file).decode().strip()
        self.public = bulla.PublicIdentity(self.line)


@pytest.fixture
def rust(tmp_path: Path) -> Rust:
    return Rust(tmp_path)


@pytest.fixture
def python() -> bulla.Identity:
    return bulla.Identity.generate()


@pytest.mark.parametrize("size", SIZES)
def test_python_seals_and_the_command_line_opens(rust: Rust, python: bulla.Identity, size: int) -> None:
    content = os.urandom(size)
    envelope = bulla.Sealer(python, [rust.public]).seal(bulla.Draft(CONTEXT), content).envelope
    arguments = ("open", "-i", rust.file, "--from", python.public().line, "-c", CONTEXT, "--no-guard")
    assert run(*arguments, input=envelope) == content
    assert run(*arguments, input=bulla.armor(envelope).encode()) == content
    run(*arguments, input=envelope[:-1], status=2)


@pytest.mark.parametrize("size", SIZES)
def test_the_command_line_seals_and_python_opens(rust: Rust, python: bulla.Identity, size: int) -> None:
    content = os.urandom(size)
    envelope = run("seal", "-i", rust.file, "-r", python.public().line, "-c", CONTEXT, input=content)
    opener = bulla.Opener(python, bulla.Policy(CONTEXT, [rust.public]), bulla.Guard.in_memory())
    assert opener.open(envelope).content == content
    with pytest.raises(bulla.Replayed):
        opener.open(envelope)


def test_key_files_are_the_same(rust: Rust, python: bulla.Identity, tmp_path: Path) -> None:
    assert bulla.Identity.load(rust.file).public() == rust.public
    (tmp_path / "pass").write_text("a passphrase\n")
    python.save(tmp_path / "python.key", "a passphrase")
    line = run("id", tmp_path / "python.key", "--passphrase-file", tmp_path / "pass").decode().strip()
    assert bulla.PublicIdentity(line) == python.public()


def test_signed_both_ways(rust: Rust, python: bulla.Identity) -> None:
    signed = bulla.Sealer(python).sign(bulla.Draft(CONTEXT), b"news").envelope
    assert run("verify", "--from", python.public().line, "-c", CONTEXT, "--no-guard", input=signed) == b"news"
    signed = run("sign", "-i", rust.file, "-c", CONTEXT, input=b"news")
    assert bulla.Opener.unguarded_verifier(bulla.Policy(CONTEXT, [rust.public])).open(signed).content == b"news"


def test_the_command_line_receives_and_python_settles(rust: Rust, python: bulla.Identity, tmp_path: Path) -> None:
    now = int(time.time())
    draft = bulla.Draft(CONTEXT, receipts=bulla.Receipts.STORED, reply_to=python.public())
    envelope, sent = bulla.Sealer(python, [rust.public]).seal(draft, b"to be kept")
    outbox = bulla.Outbox(bulla.Database(tmp_path / "outbox"))
    outbox.put(bulla.Letter(sent, CONTEXT, [rust.public], now + 1000), envelope, now)
    (tmp_path / "in").mkdir()
    arguments = ("-i", rust.file, "--from", python.public().line, "-c", CONTEXT, "--guard", tmp_path / "guard")
    receipt = run("receive", *arguments, "--dir", tmp_path / "in", input=envelope)
    if bulla.is_armored(receipt):
        receipt = bulla.dearmor(receipt.decode())
    settled = outbox.settle(python, receipt)
    assert settled.is_new and settled.entry.state is bulla.OutboxState.SETTLED
    assert settled.receipt.status is bulla.ReceiptStatus.STORED and settled.receipt.recipient == rust.public.key
    assert [file.read_bytes() for file in (tmp_path / "in").iterdir()] == [b"to be kept"]


def test_python_receives_and_the_command_line_settles(rust: Rust, python: bulla.Identity, tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "in"
    file.write_bytes(b"to be kept")
    folder.mkdir()
    outbox = ("--outbox", tmp_path / "outbox")
    envelope = run("send", "-i", rust.file, "-r", python.public().line, "-c", CONTEXT, *outbox, file)
    opener = bulla.Opener(python, bulla.Policy(CONTEXT, [rust.public]), bulla.Guard.in_memory())
    with opener.store(60).stream(bulla.Target.suggested(folder)) as stream:
        stream.write(envelope)
        stored = stream.finish()
    assert isinstance(stored, bulla.Stored) and (folder / "file").read_bytes() == b"to be kept"
    receipt = bulla.Receipter(python).accept(stored.lease).receipt
    assert receipt is not None
    run("settle", "-i", rust.file, *outbox, input=receipt)
