"""The guard of a fleet, on a real server: for a wheel that was built with Redis (FEATURES=redis)."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import bulla
import pytest
from conftest import People


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real server on loopback, ended with the test."""
    program = shutil.which("redis-server")
    assert program, "redis-server is missing: install it"
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path), "--maxmemory-policy", "noeviction"]
    process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as ask:
                if ask.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def test_a_server_remembers(people: People, server: str) -> None:
    settings = bulla.RedisSettings(prefix="test", limits=bulla.GuardLimits(capacity=100), connections=2)
    guard = bulla.Guard.redis(server, settings)
    envelope = people.seal(b"once").envelope
    bulla.Opener(people.bob, people.policy(), guard).open(envelope)
    known = bulla.Guard.redis(server, bulla.RedisSettings(prefix="test", expected_store=guard.store_id))
    with pytest.raises(bulla.Replayed):
        bulla.Opener(people.bob, people.policy(), known).open(envelope)
    with pytest.raises(bulla.GuardUnavailable):
        bulla.Guard.redis(server, bulla.RedisSettings(prefix="test", expected_store="0" * 32))


def test_a_lease_is_one_for_the_whole_fleet(people: People, server: str) -> None:
    here, there = (bulla.Opener(people.bob, people.policy(), bulla.Guard.redis(server)) for _ in range(2))
    envelope = people.seal(b"one of us").envelope
    reserved = here.open_leased(envelope, 60)
    assert isinstance(reserved, bulla.Reserved)
    with pytest.raises(bulla.Pending):
        there.open(envelope)
    reserved.lease.release()
    assert there.open(envelope).content == b"one of us"


def test_what_is_no_setting_is_refused(server: str) -> None:
    for wrong in (
        bulla.RedisSettings(connect_timeout=60_001),
        bulla.RedisSettings(response_timeout=60_001),
        bulla.RedisSettings(connect_timeout=0xFFFFFFFF),
        bulla.RedisSettings(prefix="a b"),
        bulla.RedisSettings(client_key=b"a key without its certificate"),
        bulla.RedisSettings(root_certificates=b"for TLS"),
    ):
        with pytest.raises(bulla.InvalidInput):
            bulla.Guard.redis(server, wrong)
