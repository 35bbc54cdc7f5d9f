"""Keys that are held elsewhere, and files at any place."""

from __future__ import annotations

import gc
from pathlib import Path

import bulla
import pytest
from bulla import _call
from conftest import CONTEXT, People
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey


def test_keys_held_elsewhere(people: People) -> None:
    signing, opening = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
    keys = [(3, opening.public_key().public_bytes_raw())]
    public = bulla.PublicIdentity.of_keys(signing.public_key().public_bytes_raw(), keys)

    def multiply(suite: int, generation: int, enc: bytes) -> bytes:
        assert (suite, generation) == (1, 3)
        return opening.exchange(X25519PublicKey.from_public_bytes(enc))

    outside = bulla.Identity.external(public, sign=signing.sign, multiply=multiply)
    envelope = bulla.Sealer(outside, [people.bob_public]).seal(bulla.Draft(CONTEXT), b"signed outside").envelope
    assert bulla.Opener.unguarded(people.bob, bulla.Policy(CONTEXT, [public])).open(envelope).content == b"signed outside"
    envelope = bulla.Sealer(people.alice, [public]).seal(bulla.Draft(CONTEXT), b"opened outside").envelope
    assert bulla.Opener.unguarded(outside, people.policy()).open(envelope).content == b"opened outside"
    with pytest.raises(bulla.KeyUnavailable):
        outside.text(None)


def test_holders_that_fail(people: People) -> None:
    def locked(_: bytes) -> bytes:
        raise PermissionError("the token is locked")

    holders = {PermissionError: locked, ValueError: lambda _: b"short", type(None): lambda _: bytes(64)}
    for cause, sign in holders.items():
        outside = bulla.Identity.external(people.alice_public, sign=sign)
        with pytest.raises(bulla.KeyUnavailable) as failure:
            bulla.Sealer(outside).sign(bulla.Draft(CONTEXT), b"x")
        assert type(failure.value.__cause__) is cause
    with pytest.raises(bulla.InvalidInput):
        bulla.Identity.external(people.alice_public, decapsulate=lambda *_: b"", multiply=lambda *_: b"")


def test_sealed_files_are_read_at_any_place(people: People, tmp_path: Path) -> None:
    content = bytes(150_000) + b"here" + bytes(50_000)
    (tmp_path / "file").write_bytes(people.seal(content).envelope)
    opener = people.opener()
    file = bulla.ProvisionalFile(opener, tmp_path / "file")
    assert file.content_length == len(content) and file.stamp is not None and file.stamp.length == len(content)
    assert file.read_provisional(150_000, 4) == b"here" and file.read_provisional(len(content), 4) == b""
    verified, message = file.verify()
    assert verified.read(149_999, 5) == b"\0here" and message.is_fresh and file.stamp is None
    with pytest.raises(bulla.Replayed):
        bulla.ProvisionalFile(opener, tmp_path / "file").verify()


class Memory:
    """A source that can fail."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.wrong: BaseException | None = None
        self.more = b""

    def read_at(self, offset: int, length: int) -> bytes:
        if self.wrong is not None:
            raise self.wrong
        return self.data[offset : offset + length] + self.more

    def length(self) -> int:
        return len(self.data)


def test_a_store_of_ones_own_is_read_at_any_place(people: People) -> None:
    content = bytes(150_000) + b"here" + bytes(50_000)
    source = Memory(people.seal(content).envelope)
    gc.collect()
    before = len(_call._alive)
    file = bulla.ProvisionalFile.of_source(people.opener(), source)
    assert len(_call._alive) == before + 1
    assert file.read_provisional(150_000, 4) == b"here" and file.content_length == len(content)
    for wrong, kind in [(LookupError("gone"), LookupError), (KeyboardInterrupt(), KeyboardInterrupt)]:
        source.wrong = wrong
        with pytest.raises(bulla.Io) as failure:
            file.read_provisional(0, 10)
        assert isinstance(failure.value.__cause__, kind)
    source.wrong, source.more = None, b"more than was asked for"
    with pytest.raises(bulla.Io) as failure:
        file.read_provisional(0, 10)
    assert isinstance(failure.value.__cause__, ValueError)
    source.more = b""
    verified, message = file.verify()
    assert verified.read(149_999, 5) == b"\0here" and message.stamp.signer == people.alice_public.key
    del file, verified
    gc.collect()
    assert len(_call._alive) == before
    with pytest.raises(bulla.Malformed):
        bulla.ProvisionalFile.of_source(people.opener(), Memory(b"no envelope"))
    assert len(_call._alive) == before


def test_generations(people: People) -> None:
    (first,) = people.alice.generations()
    assert first.not_after is None
    before = people.seal(b"to the old key")
    reader = bulla.Identity.parse(people.bob.text(None))
    reader.rotate(old_not_after=2000)
    newest, old = reader.generations()
    assert newest.number == old.number + 1 and (newest.not_after, old.not_after) == (None, 2000)
    *_, key = reader.public().encryption_keys()
    assert key.generation == newest.number and key.suite == 1 and len(key.key) == 32
    # The old key still opens, until it is destroyed.
    assert bulla.Opener.unguarded(reader, people.policy()).open(before.envelope).content == b"to the old key"
    assert reader.destroy_expired(3000) == 1 and reader.generations() == [newest]
    with pytest.raises(bulla.NotForMe):
        bulla.Opener.unguarded(reader, people.policy()).open(before.envelope)
    envelope = bulla.Sealer(people.alice, [reader.public()]).seal(bulla.Draft(CONTEXT), b"to the new one").envelope
    assert bulla.Opener.unguarded(reader, people.policy()).open(envelope).content == b"to the new one"
    assert bulla.key_text(reader.public().key) == reader.public().key.hex()
