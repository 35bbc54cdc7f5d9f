"""What guards remember and show, and guards of one's own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Optional

import bulla
import pytest
from conftest import CONTEXT, People


def gapless(people: People) -> bulla.Policy:
    return bulla.Policy(CONTEXT, [people.alice_public], order=bulla.Order.GAPLESS, window=10, first=1)


def numbered(people: People, number: int) -> bytes:
    return people.sealer().seal(bulla.Draft(CONTEXT, sequence=(b"s", number)), b"x").envelope


def test_a_durable_guard_is_looked_into(people: People, tmp_path: Path) -> None:
    guard = bulla.Guard.durable(bulla.Database(tmp_path / "guard"))
    opener = bulla.Opener(people.bob, gapless(people), guard)
    assert (guard.entries(), guard.streams(), guard.store_id) == ([], [], None)
    opener.open(numbered(people, 3))
    reserved = opener.open_leased(numbered(people, 4), 60)
    assert isinstance(reserved, bulla.Reserved)
    first, second = guard.entries()
    assert first.name < second.name and {first.signer, second.signer} == {people.alice_public.key}
    assert {first.state, second.state} == {bulla.EntryState.COMMITTED, bulla.EntryState.RESERVED}
    for entry in (first, second):
        assert (entry.lease_until is None) == (entry.state is bulla.EntryState.COMMITTED)
        assert entry.keep_until > entry.issued and not entry.stranger and entry.answer_length == 0
    assert guard.entries(after=first.name) == [second] and guard.entries(1) == [first] and guard.entries(after=second.name) == []
    reserved.lease.commit(200, b"own")
    assert sorted(entry.answer_length for entry in guard.entries()) == [0, 3]

    (stream,) = guard.streams()
    assert stream.keep_until is None or stream.keep_until > first.issued
    assert (stream.signer, stream.greatest, stream.missing, stream.stranger) == (people.alice_public.key, 4, [(1, 2)], False)
    assert guard.forget_stream(stream.name) and not guard.forget_stream(stream.name) and guard.streams() == []
    memory = bulla.Guard.in_memory()
    for wrong in (memory.entries, memory.streams, lambda: memory.forget_stream(stream.name)):
        with pytest.raises(bulla.InvalidInput):
            wrong()


def test_a_stream_is_forgotten(people: People) -> None:
    opener = bulla.Opener(people.bob, gapless(people), bulla.Guard.in_memory())
    message = opener.open(numbered(people, 9)).message
    with pytest.raises(bulla.Gap):
        opener.open(numbered(people, 30))
    assert opener.forget_stream(message) and not opener.forget_stream(message)
    assert opener.missing(message) == []


class Memory(bulla.HostGuard):
    """Knows accepting and reserving, and one stream."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.high = self.number = self.looks = 0
        self.entries: dict[bytes, tuple[bytes, Optional[bytes]]] = {}
        self.wrong: Optional[BaseException] = None
        self.answer: Optional[bulla.Claimed] = None
        self.expected: set[bytes] = set()

    def observe(self, now: int) -> int:
        self.high = max(self.high, now)
        return self.high

    def claim(self, claim: bulla.Claim, now: int, lease: Optional[int]) -> bulla.Claimed:
        with self.lock:
            if self.wrong is not None:
                raise self.wrong
            if self.answer is not None:
                return self.answer
            if claim.challenge is not None and claim.challenge not in self.expected:
                return bulla.Claimed(bulla.ClaimAnswer.UNASKED)
            known = self.entries.get(claim.key)
            if known is None:
                self.number += 1
                self.entries[claim.key] = (claim.value, None if lease else b"")
                return bulla.Claimed(bulla.ClaimAnswer.NEW, self.number)
            value, receipt = known
            if value != claim.value:
                return bulla.Claimed(bulla.ClaimAnswer.REPLAYED)
            if receipt is None:
                return bulla.Claimed(bulla.ClaimAnswer.PENDING)
            return bulla.Claimed(bulla.ClaimAnswer.SAME, receipt=receipt)

    def commit(self, token: bulla.LeaseToken, receipt: bytes) -> None:
        with self.lock:
            self.entries[token.key] = (self.entries[token.key][0], receipt)

    def release(self, token: bulla.LeaseToken) -> None:
        with self.lock:
            if self.entries.pop(token.key, None) is None:
                raise bulla.LeaseLost("it is not there")

    def renew(self, token: bulla.LeaseToken, now: int, lease: int) -> None:
        raise bulla.LeaseLost("it is over")

    def sweep(self, now: int, at_most: int) -> int:
        return min(at_most, 7)

    def expect(self, challenge: bytes, until: int, now: int) -> None:
        self.expected.add(challenge)

    def missing(self, stream: bytes) -> list[tuple[int, int]]:
        return [(1, 2), (4, 4)]

    def forget_stream(self, stream: bytes) -> bool:
        return len(stream) == 32

    def look(self, claim: bulla.Claim) -> Optional[bytes]:
        self.looks += 1
        known = self.entries.get(claim.key)
        return None if known is None else known[1]


def test_a_guard_of_ones_own(people: People, tmp_path: Path) -> None:
    host = Memory()
    guard = host.guard()
    opener = bulla.Opener(people.bob, people.policy(), guard)
    envelope = people.seal(b"once").envelope
    assert opener.open(envelope).content == b"once"
    with pytest.raises(bulla.Replayed):
        opener.open(envelope)
    envelope = people.seal(b"leased").envelope
    reserved = opener.open_leased(envelope, 60)
    assert isinstance(reserved, bulla.Reserved)
    with pytest.raises(bulla.Pending):
        opener.open_leased(envelope, 60)
    with pytest.raises(bulla.LeaseLost) as lost:
        reserved.lease.renew(60)
    assert isinstance(lost.value.__cause__, bulla.LeaseLost) and "it is over" in str(lost.value.__cause__)
    reserved.lease.release()
    with pytest.raises(bulla.WrongOrder):
        reserved.lease.release()
    reserved = opener.open_leased(envelope, 60)
    assert isinstance(reserved, bulla.Reserved)
    receipt = bulla.Receipter(people.bob).accept(reserved.lease).receipt
    again = opener.open_leased(envelope, 60)
    assert isinstance(again, bulla.Answer) and again.receipt == receipt and receipt
    # A store looks before it writes, and so before it asks for room.
    asked: list[bytes] = []

    def has_room(folder: bytes, length: Optional[int]) -> bool:
        asked.append(folder)
        return True

    store = opener.store(60, has_room=has_room)
    with store.stream(bulla.Target.by_id(tmp_path)) as stream:
        stream.write(envelope)
        assert isinstance(stream.finish(), bulla.Answer)
    assert (host.looks, asked, list(tmp_path.iterdir())) == (1, [], [])
    assert guard.sweep(0, 3) == 3 and guard.sweep(0, 100) == 7


def test_a_guard_of_ones_own_knows_streams_and_challenges(people: People) -> None:
    guard = Memory().guard()
    opener = bulla.Opener(people.bob, gapless(people), guard)
    message = opener.open(numbered(people, 5)).message
    assert opener.missing(message) == [(1, 2), (4, 4)] and opener.forget_stream(message)
    with pytest.raises(bulla.GuardUnavailable, match="replay guard") as refused:
        opener.skip(message, 3)
    assert "gives nothing up" in str(refused.value.__cause__)
    opener = bulla.Opener(people.bob, bulla.Policy(CONTEXT, [people.alice_public], demand_challenge=True), guard)
    draft = bulla.Draft(CONTEXT, answers=opener.challenge(60))
    assert opener.open(people.sealer().seal(draft, b"asked").envelope).content == b"asked"
    with pytest.raises(bulla.WrongChallenge):
        opener.open(people.sealer().seal(bulla.Draft(CONTEXT, answers=bytes(32)), b"x").envelope)


def test_a_guard_of_ones_own_is_not_trusted(people: People) -> None:
    host = Memory()
    opener = bulla.Opener(people.bob, people.policy(), host.guard())
    envelope = people.seal(b"x").envelope
    failures: list[tuple[BaseException, type[bulla.Error]]] = [
        (bulla.GuardFull("no room"), bulla.GuardFull),
        (bulla.Malformed("nonsense"), bulla.GuardUnavailable),
        (bulla.Error("no code"), bulla.GuardUnavailable),
        (OSError("the disk is gone"), bulla.GuardUnavailable),
        (KeyboardInterrupt(), bulla.GuardUnavailable),
        (SystemExit(3), bulla.GuardUnavailable),
    ]
    for wrong, kind in failures:
        host.wrong = wrong
        with pytest.raises(kind) as failure:
            opener.open(envelope)
        assert failure.value.__cause__ is wrong and type(failure.value) is kind
    host.wrong = None
    nonsense: list[object] = [
        bulla.Claimed(0),  # type: ignore[arg-type]
        bulla.Claimed(9),  # type: ignore[arg-type]
        bulla.Claimed(1 << 40),  # type: ignore[arg-type]
        bulla.Claimed(bulla.ClaimAnswer.SAME, receipt=bytes(4097)),
        None,
        "new",
    ]
    for answer in nonsense:
        host.answer = answer  # type: ignore[assignment]
        if answer is None:
            host.answer = bulla.Claimed(bulla.ClaimAnswer.NEW, -1)
        with pytest.raises(bulla.GuardUnavailable):
            opener.open(envelope)
    host.answer = None
    assert opener.open(envelope).content == b"x"
    host.high = 1 << 70
    with pytest.raises(bulla.GuardUnavailable) as failure:
        opener.open(people.seal(b"y").envelope)
    assert isinstance(failure.value.__cause__, OverflowError)


def test_a_guard_that_is_not_whole() -> None:
    class Half(bulla.HostGuard):
        def observe(self, now: int) -> int:
            return now

    with pytest.raises(TypeError):
        Half()  # type: ignore[abstract]


def test_a_server_that_is_not_there_accepts_nothing() -> None:
    kind = bulla.GuardUnavailable if bulla.has_feature("redis") else bulla.InvalidInput
    with pytest.raises(kind) as failure:
        bulla.Guard.redis("redis://user:hunter2@127.0.0.1:1/", bulla.RedisSettings(connect_timeout=200))
    assert "hunter2" not in str(failure.value)
    with pytest.raises(bulla.InvalidInput):
        bulla.Guard.redis("redis://127.0.0.1:1/", bulla.RedisSettings(prefix="a\0b"))
