from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import bulla
from conftest import CONTEXT, People


def test_what_may_be_shared_is(people: People) -> None:
    sealer, opener, draft = people.sealer(), people.opener(), bulla.Draft(CONTEXT)
    once = sealer.seal(draft, b"once").envelope
    begin = threading.Barrier(8)

    def work(_: int) -> bool:
        begin.wait()
        for _ in range(30):
            assert opener.open(sealer.seal(draft, b"hello").envelope).content == b"hello"
        try:
            return opener.open(once).content == b"once"
        except bulla.Replayed:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 1


def test_the_interpreter_goes_on_during_a_call(people: People) -> None:
    """A protected key file takes long to open: meanwhile another thread runs."""
    text, ticks, done = people.alice.text("a passphrase"), 0, threading.Event()

    def opens() -> None:
        for _ in range(3):
            bulla.Identity.parse(text, "a passphrase")
        done.set()

    thread = threading.Thread(target=opens)
    thread.start()
    while not done.is_set():
        ticks += 1
        time.sleep(0.0005)
    thread.join()
    assert ticks > 10


def test_a_stream_is_for_one_thread_at_a_time(people: People) -> None:
    content = b"x" * 3_000_000
    envelope = people.sealer().seal(bulla.Draft(CONTEXT), content).envelope
    stream, began, refused = people.opener().stream(), threading.Event(), 0
    results: list[bytes] = []

    def first() -> None:
        began.set()
        results.append(stream.update_provisional(envelope))

    thread = threading.Thread(target=first)
    thread.start()
    began.wait()
    while thread.is_alive():
        try:
            stream.stamp
        except bulla.WrongOrder:
            refused += 1
    thread.join()
    assert results and content.startswith(results[0]) and refused > 0
    assert results[0] + stream.finish().content == content


def test_nothing_is_freed_under_a_call(people: People) -> None:
    sealer, draft, content = people.sealer(), bulla.Draft(CONTEXT), b"x" * 2_000_000
    began = threading.Event()

    def work() -> bytes:
        began.set()
        return sealer.seal(draft, content).envelope

    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(work)
        began.wait()
        sealer.close()
        draft.close()
        try:
            assert people.opener().open(made.result()).content == content
        except bulla.InvalidInput:
            pass  # It was closed before the call began.


def test_callbacks_come_from_any_thread(people: People) -> None:
    seen = set()

    def now() -> float:
        seen.add(threading.get_ident())
        return 1000.0

    sealer = bulla.Sealer(people.alice, [people.bob_public], clock=bulla.Clock(now))
    begin = threading.Barrier(4)

    def work(_: int) -> int:
        begin.wait()
        return sealer.seal(bulla.Draft(CONTEXT), b"x").sent.issued

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [1000] * 4
    assert len(seen) == 4
