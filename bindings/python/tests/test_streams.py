from __future__ import annotations

import io
import os
import shutil
from typing import IO, Optional, cast

import bulla
import pytest
from conftest import CONTEXT, People

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def envelope(people: People) -> bytes:
    out = io.BytesIO()
    with people.sealer().seal_stream(bulla.Draft(CONTEXT), out, len(CONTENT)) as stream:
        shutil.copyfileobj(io.BytesIO(CONTENT), stream, 7000)
    assert stream.closed and stream.sent.content_length == len(CONTENT) and not out.closed
    return out.getvalue()


def test_files_both_ways(people: People, envelope: bytes) -> None:
    with people.opener().reader(io.BytesIO(envelope)) as reader:
        assert reader.stamp is None
        pieces = []
        while piece := reader.read_provisional(5000):
            assert len(piece) <= 5000
            pieces.append(piece)
        assert reader.stamp is not None and reader.stamp.signer == people.alice_public.key
        message = reader.finish()
    assert b"".join(pieces) == CONTENT and message.content_length == len(CONTENT)


def test_all_at_once(people: People, envelope: bytes) -> None:
    opener = people.opener()
    reader = opener.reader(io.BytesIO(envelope))
    assert reader.read_provisional() == CONTENT and reader.read_provisional() == b""
    reader.finish()
    reader = opener.reader(io.BytesIO(envelope))
    assert reader.read_provisional() == CONTENT  # Provisional: that it came before shows only at the end.
    with pytest.raises(bulla.Replayed):
        reader.finish()


def test_what_was_not_read_is_not_lost_in_silence(people: People, envelope: bytes) -> None:
    reader = people.opener().reader(io.BytesIO(envelope))
    reader.read_provisional(10)
    with pytest.raises(bulla.WrongOrder, match="more to give"):
        reader.finish()


@pytest.mark.parametrize("cut", [1, 100, 100_000])
def test_what_is_cut_is_never_finished(people: People, envelope: bytes, cut: int) -> None:
    reader = people.opener().reader(io.BytesIO(envelope[:-cut]))
    with pytest.raises(bulla.NotAuthentic):
        reader.read_provisional()
    with pytest.raises(bulla.Error):
        reader.finish()


def test_pushed(people: People, envelope: bytes) -> None:
    stream = people.opener().stream()
    content = b"".join(stream.update_provisional(envelope[at : at + 3000]) for at in range(0, len(envelope), 3000))
    rest, message = stream.finish()
    assert content + rest == CONTENT and message.is_fresh
    with pytest.raises(bulla.WrongOrder):
        stream.update_provisional(b"x")


def test_an_exception_leaves_nothing_that_opens(people: People) -> None:
    out = io.BytesIO()
    with pytest.raises(KeyError):
        with people.sealer().seal_stream(bulla.Draft(CONTEXT), out) as stream:
            stream.write(CONTENT)
            raise KeyError("meanwhile")
    with pytest.raises(bulla.NotAuthentic):
        people.opener().open(out.getvalue())
    with pytest.raises(bulla.WrongOrder):
        stream.sent
    with pytest.raises(bulla.InvalidInput):
        stream.write(b"x")


def test_closing_is_not_finishing(people: People) -> None:
    out = io.BytesIO()
    stream = people.sealer().seal_stream(bulla.Draft(CONTEXT), out)
    stream.write(b"half")
    stream.close()
    del stream
    with pytest.raises(bulla.NotAuthentic):
        people.opener().open(out.getvalue())


def test_the_length_that_was_announced_holds(people: People) -> None:
    with pytest.raises(bulla.LengthMismatch):
        with people.sealer().seal_stream(bulla.Draft(CONTEXT), io.BytesIO(), 5) as stream:
            stream.write(b"more than five")
    with pytest.raises(bulla.LengthMismatch):
        with people.sealer().seal_stream(bulla.Draft(CONTEXT), io.BytesIO(), 5) as stream:
            stream.write(b"less")


def test_padding_is_written_in_pieces(people: People) -> None:
    """However long it is, no more than a little of it is in memory."""
    written: list[int] = []

    class Counting(io.BytesIO):
        def write(self, data: bytes, /) -> int:  # type: ignore[override]
            written.append(len(data))
            return super().write(data)

    to, content = Counting(), bytes((1 << 22) + 1)
    with people.sealer().seal_stream(bulla.Draft(CONTEXT), to, len(content)) as stream:
        stream.write(content)
        written.clear()
    assert sum(written) > 65536 and max(written) < 2 * 65536
    assert people.opener().open(to.getvalue()).content == content


def test_signed_streams_through_a_text_wrapper(people: People) -> None:
    out = io.BytesIO()
    with bulla.Sealer(people.alice).sign_stream(bulla.Draft(CONTEXT), out) as stream:
        writer = io.TextIOWrapper(io.BufferedWriter(stream), encoding="utf-8")
        writer.write("ä" * 1000)
        writer.flush()
        writer.detach().detach()
    assert bulla.Opener.unguarded_verifier(people.policy()).open(out.getvalue()).content.decode() == "ä" * 1000


class Moody(io.RawIOBase):
    """A file that fails once: it raises, or takes nothing."""

    def __init__(self, at: int, failure: BaseException | int | None) -> None:
        super().__init__()
        self.calls, self.at, self.failure, self.taken = 0, at, failure, b""

    def write(self, data: "bulla._call.BytesLike", /) -> Optional[int]:  # type: ignore[override, unused-ignore]
        self.calls += 1
        if self.calls == self.at:
            if isinstance(self.failure, BaseException):
                raise self.failure
            return self.failure
        self.taken += bytes(data)
        return len(bytes(data))


@pytest.mark.parametrize("failure", [OSError("no space"), KeyboardInterrupt(), None, 0])
def test_what_a_file_did_not_take_is_never_finished(people: People, failure: BaseException | int | None) -> None:
    expected = type(failure) if isinstance(failure, BaseException) else BlockingIOError
    out = Moody(2, failure)
    stream = people.sealer().seal_stream(bulla.Draft(CONTEXT), cast(IO[bytes], out))
    with pytest.raises(expected):
        stream.write(CONTENT)
    for call in (lambda: stream.write(CONTENT), stream.finish):
        with pytest.raises(bulla.WrongOrder) as refusal:
            call()
        assert isinstance(refusal.value.__cause__, expected)
    with pytest.raises(bulla.WrongOrder):
        stream.sent
    with pytest.raises(bulla.NotAcceptable):
        people.opener().open(out.taken)
    # Also where only the last piece is lost, and what is no content at all breaks nothing.
    stream = people.sealer().seal_stream(bulla.Draft(CONTEXT), cast(IO[bytes], Moody(3, failure)))
    with pytest.raises(TypeError):
        stream.write("text")  # type: ignore[arg-type]
    stream.write(CONTENT)
    with pytest.raises(expected):
        stream.finish()
    with pytest.raises(bulla.WrongOrder):
        stream.finish()
    stream.close()


def test_a_pipe_that_is_full_is_told(people: People) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    with open(read, "rb", 0), open(write, "wb", 0) as full, pytest.raises(BlockingIOError):
        with people.sealer().seal_stream(bulla.Draft(CONTEXT), full) as stream:
            stream.write(CONTENT * 4)


def test_what_was_read_before_a_failure_is_not_lost(people: People, envelope: bytes) -> None:
    class Slow(io.BytesIO):
        turn = 0

        def read(self, size: Optional[int] = -1, /) -> bytes:
            self.turn += 1
            if self.turn % 3 == 0:
                raise InterruptedError("not now")
            return None if self.turn % 3 == 1 else super().read(size)  # type: ignore[return-value]

    for size in (-1, 100_000):
        reader, content, failures = people.opener().reader(Slow(envelope)), b"", 0
        while True:
            try:
                piece = reader.read_provisional(size)
            except (BlockingIOError, InterruptedError):
                failures += 1
                continue
            content += piece
            if not piece:
                break
        assert content == CONTENT and failures > 2
        reader.finish()


def test_what_is_damaged_is_not_read_on(people: People, envelope: bytes) -> None:
    damaged = bytearray(envelope)
    damaged[100_000] ^= 1
    reader = people.opener().reader(io.BytesIO(damaged))
    with pytest.raises(bulla.NotAuthentic):
        reader.read_provisional()
    for call in (reader.read_provisional, reader.finish):
        with pytest.raises(bulla.WrongOrder, match="throw away"):
            call()


def test_an_armor_that_failed_stays_so() -> None:
    reader = bulla.ArmorReader()
    with pytest.raises(bulla.Malformed):
        reader.update(b"this is no armor\n" * 100)
        reader.finish()
    for call in (lambda: reader.update(bulla.armor(b"x").encode()), reader.finish):
        with pytest.raises(bulla.Error):
            call()
