"""Tests of the reference against the Rust command line.

    BULLA_BIN=path/to/bulla python -m pytest test_interop.py

Without BULLA_BIN they fail; they are not skipped.
"""
import json, os, subprocess, sys, time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import keys
from test_reference import CONTEXT, SIZES, content_of

OPEN_PY = HERE / "open.py"


def bulla(*arguments, input=b""):
    binary = os.environ.get("BULLA_BIN")
    assert binary, "set BULLA_BIN to the path of the Rust command line; these tests are not to be left out"
    return subprocess.run([binary, *map(str, arguments)], input=input, capture_output=True, timeout=120)


def python(*arguments, input=b""):
    command = [sys.executable, OPEN_PY, *map(str, arguments)]
    return subprocess.run(command, input=input, capture_output=True, timeout=120)


def output_of(result):
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    return result.stdout


class Person:
    def __init__(self, folder, name, secret=None):
        self.key_file = folder / name
        if secret is None:  # made by Rust; the public identity is on standard output
            self.identity = output_of(bulla("keygen", "-o", self.key_file)).decode().strip()
        else:  # made by Python
            self.key_file.write_bytes(keys.write_key_file(secret))
            self.key_file.chmod(0o600)
            self.identity = keys.write_identity(secret.identity)


@pytest.fixture(scope="module")
def rust(tmp_path_factory):
    return Person(tmp_path_factory.mktemp("rust"), "rust.key")


@pytest.fixture(scope="module")
def snake(tmp_path_factory):
    return Person(tmp_path_factory.mktemp("python"), "python.key", keys.seed_identity(os.urandom(32)))


def python_opens(envelope, reader, sender, *more, context=CONTEXT):
    return python("open", "--keyfile", reader.key_file, "--from", sender.identity, "--context", context, *more,
                  input=envelope)


def rust_opens(envelope, reader, sender, context=CONTEXT):
    return bulla("open", "-i", reader.key_file, "--from", sender.identity, "-c", context, "--no-guard", "--report", "json",
                 input=envelope)


def rust_seals(content, sender, reader, *more):
    return output_of(bulla("seal", "-i", sender.key_file, "-r", reader.identity, "-c", CONTEXT, *more, input=content))


def python_seals(content, sender, reader, *more):
    return output_of(python("seal", "--keyfile", sender.key_file, "--to", reader.identity, "--context", CONTEXT, *more,
                            input=content))


def test_key_files_of_each_other(rust, snake):
    for person in (rust, snake):
        assert output_of(bulla("id", person.key_file)).decode().strip() == person.identity
        assert output_of(python("id", "--keyfile", person.key_file)).decode().strip() == person.identity


@pytest.mark.parametrize("more", [[], ["--stream"], ["-a"], ["--stream", "-a"], ["--expires", "3d"],
                                  ["--attr", "name=välue", "--type", "text/plain"]], ids=" ".join)
@pytest.mark.parametrize("size", SIZES)
def test_rust_seals_and_python_opens(rust, snake, size, more):
    content = content_of(size)
    envelope = rust_seals(content, rust, snake, *more)
    assert output_of(python_opens(envelope, snake, rust)) == content
    envelope = rust_seals(content, snake, rust, *more)  # and with each other's key files
    assert output_of(python_opens(envelope, rust, snake)) == content


@pytest.mark.parametrize("more", [[], ["--stream"], ["--stream-known"], ["--pad"], ["--pad", "--stream-known"],
                                  ["--armor"], ["--decoys", "7"],
                                  ["--attr", "name=välue", "--type", "text/plain"]], ids=" ".join)
@pytest.mark.parametrize("size", SIZES)
def test_python_seals_and_rust_opens(rust, snake, size, more):
    content = content_of(size)
    assert output_of(rust_opens(python_seals(content, snake, rust, *more), rust, snake)) == content
    assert output_of(rust_opens(python_seals(content, rust, snake, *more), snake, rust)) == content


@pytest.mark.parametrize("size", [5, 40_000])
@pytest.mark.parametrize("stream", [[], ["--stream"]], ids=["one-shot", "stream"])
def test_a_flipped_bit_is_refused_by_both_alike(rust, snake, size, stream):
    for seals in (rust_seals, python_seals):
        envelope = seals(content_of(size), rust, snake, *stream)
        places = [0, 4, 5, 6, 7, 8, 23, 24, 55, 56, 57, 58, 105, 106, 129, 130, 161, 162, 163, 300, len(envelope) // 2,
                  len(envelope) - 17, len(envelope) - 1]
        for place in places:
            flipped = bytearray(envelope)
            flipped[place] ^= 4
            results = rust_opens(bytes(flipped), snake, rust), python_opens(bytes(flipped), snake, rust)
            assert [(r.returncode, r.stdout) for r in results] == [(2, b"")] * 2, place
        for cut in (0, 7, 100, 161, len(envelope) - 16, len(envelope) - 1):
            results = rust_opens(envelope[:cut], snake, rust), python_opens(envelope[:cut], snake, rust)
            assert [(r.returncode, r.stdout) for r in results] == [(2, b"")] * 2, cut


def test_policy_is_refused_by_both_alike(rust, snake, tmp_path):
    now, other = int(time.time()), Person(tmp_path, "other.key", keys.seed_identity(os.urandom(32)))
    good = python_seals(b"hello", snake, rust)
    cases = {"OwnMessage": (python_seals(b"hello", rust, rust), rust, CONTEXT),
             "UntrustedSender": (good, other, CONTEXT),
             "WrongContext": (good, snake, "other"),
             "NotYetValid": (python_seals(b"hello", snake, rust, "--issued", now + 1000), snake, CONTEXT),
             "Expired": (python_seals(b"hello", snake, rust, "--expires", now - 500), snake, CONTEXT)}
    for verdict, (envelope, sender, context) in cases.items():
        results = (rust_opens(envelope, rust, sender, context), python_opens(envelope, rust, sender, context=context))
        assert [(r.returncode, r.stdout) for r in results] == [(3, b"")] * 2, verdict
        assert results[1].stderr.decode().strip() == verdict
        assert json.loads(results[0].stderr.decode().splitlines()[0])["verdict"] == verdict


@pytest.mark.parametrize("size", [0, 1, 16384, 100_000])
def test_signed_by_one_and_verified_by_the_other(rust, snake, size):
    content = content_of(size)
    envelope = output_of(bulla("sign", "-i", rust.key_file, "-c", CONTEXT, input=content))
    assert output_of(python("verify", "--from", rust.identity, "--context", CONTEXT, input=envelope)) == content
    for layout in ([], ["--stream"], ["--stream-known"]):
        envelope = output_of(python("sign", "--keyfile", snake.key_file, "--context", CONTEXT, *layout, input=content))
        arguments = "verify", "--from", snake.identity, "-c", CONTEXT, "--no-guard"
        assert output_of(bulla(*arguments, input=envelope)) == content
        assert bulla(*arguments, input=envelope[:-1]).returncode == 2
