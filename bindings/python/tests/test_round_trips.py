from __future__ import annotations

import array
import copy
import pickle
from pathlib import Path
from typing import Any

import bulla
import pytest
from conftest import CONTEXT, People


def test_it_seals_and_opens(people: People) -> None:
    draft = bulla.Draft(
        CONTEXT, content_type="text/plain", attributes={"name": b"a.txt"}, sequence=(b"stream", 7), expires_in=60
    )
    envelope, sent = people.sealer().seal(draft, b"hello")
    content, message = people.opener().open(envelope)
    assert content == b"hello" and message.is_fresh and message.content_length == 5
    stamp = message.stamp
    assert (stamp.signer, stamp.context, stamp.content_type) == (people.alice_public.key, CONTEXT, "text/plain")
    assert (stamp.message_id, stamp.issued, stamp.expires) == (sent.message_id, sent.issued, sent.issued + 60)
    assert (stamp.length, stamp.sequence, dict(stamp.attributes)) == (5, (b"stream", 7), {"name": b"a.txt"})
    assert (message.content_digest, message.header_digest) == (sent.content_digest, sent.header_digest)
    assert message.content_digest == bulla.digest(b"hello")
    assert bulla.Sent.from_bytes(sent.to_bytes()) == sent


@pytest.mark.parametrize("content", [b"", b"x", bytearray(b"abc"), memoryview(b"abcd")[1:3], array.array("H", [1, 2]), b"x" * 100_000])
def test_whatever_holds_bytes_is_taken(people: People, content: Any) -> None:
    assert people.opener().open(bytearray(people.sealer().seal(bulla.Draft(CONTEXT), content).envelope)).content == bytes(content)


def test_text_is_not_taken_for_bytes(people: People) -> None:
    with pytest.raises(TypeError):
        people.sealer().seal(bulla.Draft(CONTEXT), "text")  # type: ignore[arg-type]


def test_a_second_copy_is_refused(people: People) -> None:
    opener, envelope = people.opener(), people.seal(b"hello").envelope
    opener.open(envelope)
    with pytest.raises(bulla.Replayed) as refusal:
        opener.open(envelope)
    assert isinstance(refusal.value, bulla.Refused) and refusal.value.code == 48 and "already received" in str(refusal.value)


def test_many_recipients(people: People) -> None:
    carol = bulla.Identity.generate()
    sealer = bulla.Sealer(people.alice, [people.bob_public, carol.public()], decoys=3, pad=False, extra_entropy=b"dice")
    envelope = sealer.seal(bulla.Draft(CONTEXT), b"both").envelope
    seen = bulla.inspect(envelope)
    assert seen is not None and seen.kind is bulla.Kind.SEALED and seen.stanzas == 5
    for reader in (people.bob, carol):
        assert bulla.Opener.unguarded(reader, people.policy()).open(envelope).content == b"both"
    session = bulla.Session(people.alice)
    sealer = bulla.Sealer(people.alice, [people.bob_public], session=session)
    opener = bulla.Opener(people.bob, people.policy(), bulla.Guard.in_memory(), sessions=4)
    assert [opener.open(sealer.seal(bulla.Draft(CONTEXT), b"x").envelope).content for _ in range(3)] == [b"x"] * 3


def test_signed_and_detached(people: People) -> None:
    verifier = bulla.Opener.verifier("reader", people.policy(), bulla.Guard.in_memory())
    sealer = bulla.Sealer(people.alice)
    assert verifier.open(sealer.sign(bulla.Draft(CONTEXT), b"news").envelope).content == b"news"
    envelope = sealer.sign_detached(bulla.Draft(CONTEXT), b"page").envelope
    with pytest.raises(bulla.NotAuthentic):
        verifier.verify_detached(envelope, b"other")
    stream = verifier.detached_stream(envelope)
    stream.update(b"pa")
    stream.update(b"ge")
    assert stream.finish().stamp.signer == people.alice_public.key
    signer = sealer.detached_signer(bulla.Draft(CONTEXT))
    signer.update(b"page")
    assert bulla.Opener.unguarded_verifier(people.policy()).verify_detached(signer.finish().envelope, b"page").is_fresh


def test_archives_say_that_freshness_was_not_checked(people: People) -> None:
    envelope = people.sealer().seal(bulla.Draft(CONTEXT, expires_at=1), b"old").envelope
    with pytest.raises(bulla.Expired):
        people.opener().open(envelope)
    opened = bulla.Opener.archive(people.bob, people.policy()).open(envelope)
    assert opened.content == b"old" and not opened.message.is_fresh


def test_clocks(people: People) -> None:
    sealer = bulla.Sealer(people.alice, [people.bob_public], clock=bulla.Clock(lambda: 1000.7))
    envelope, sent = sealer.seal(bulla.Draft(CONTEXT), b"x")
    assert sent.issued == 1000
    guard = bulla.Guard.in_memory()
    assert bulla.Opener(people.bob, people.policy(), guard, clock=bulla.Clock(1001)).open(envelope).content == b"x"
    with pytest.raises(bulla.TooOld):
        people.opener().open(envelope)


def test_identities(people: People, tmp_path: Path) -> None:
    file = tmp_path / "alice"
    people.alice.save(file, "a passphrase")
    with pytest.raises(bulla.NameTaken):
        people.alice.save(file, None)
    with pytest.raises(bulla.PassphraseNeeded):
        bulla.Identity.load(file)
    with pytest.raises(bulla.WrongPassphrase):
        bulla.Identity.load(file, b"another")
    read = bulla.Identity.load(file, "a passphrase")
    assert read.public() == people.alice_public and read.public().line == people.alice_public.line
    assert bulla.Identity.parse(read.text(None)).public() == people.alice_public
    read.rotate(old_not_after=1000)
    assert read.public() != people.alice_public and read.public().key == people.alice_public.key
    assert read.destroy_expired(2000) == 1
    read.replace(file, None)
    assert bulla.Identity.load(file).public() == bulla.PublicIdentity(read.public().line)


def test_nothing_shows_secrets(people: People) -> None:
    secret = people.alice.text(None)
    # The text is armored base64: no run of it may be shown.
    shown = repr(people.alice) + str(people.alice) + repr(people.sealer()) + repr(people.opener())
    lines = [line for line in secret.decode("ascii").splitlines() if not line.startswith("-")]
    assert lines and not any(line[i : i + 8] in shown for line in lines for i in range(len(line) - 8))
    assert people.alice_public.key.hex() in repr(people.alice)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(people.alice)


def test_order_and_challenges(people: People) -> None:
    policy = bulla.Policy(CONTEXT, [people.alice_public], order=bulla.Order.GAPLESS, window=10, first=1)
    opener = bulla.Opener(people.bob, policy, bulla.Guard.in_memory())
    numbers = (1, 4, 5)
    opened = [
        opener.open(people.sealer().seal(bulla.Draft(CONTEXT, sequence=(b"s", number)), b"x").envelope) for number in numbers
    ]
    assert opener.missing(opened[-1].message) == [(2, 3)]
    opener.skip(opened[-1].message, 4)
    assert opener.missing(opened[-1].message) == []
    policy = bulla.Policy(CONTEXT, [people.alice_public], demand_challenge=True)
    opener = bulla.Opener(people.bob, policy, bulla.Guard.in_memory())
    with pytest.raises(bulla.WrongChallenge):
        opener.open(people.seal(b"x").envelope)
    draft = bulla.Draft(CONTEXT, answers=opener.challenge(60))
    assert opener.open(people.sealer().seal(draft, b"x").envelope).content == b"x"


def test_evidence_and_armor(people: People) -> None:
    proof = people.opener().open(people.seal(b"hello").envelope).message.evidence()
    evidence = bulla.Evidence(proof)
    assert evidence.stamp.signer == people.alice_public.key and evidence.content_length == 5
    assert evidence.is_about(b"hello") and not evidence.is_about(b"other")
    hasher = bulla.Hasher()
    hasher.update(b"hel")
    hasher.update(b"lo")
    assert hasher.digest() == evidence.content_digest
    text = bulla.armor(proof, bulla.Armor.EVIDENCE)
    assert bulla.is_armored(text.encode()) and not bulla.is_armored(proof)
    assert bulla.dearmor(text, bulla.Armor.EVIDENCE) == proof
    with pytest.raises(bulla.Malformed):
        bulla.dearmor(text)
    assert bulla.inspect(people.seal(b"x").envelope[:10]) is None


def test_durable_guards(people: People, tmp_path: Path) -> None:
    envelope = people.seal(b"once").envelope
    with pytest.raises(bulla.GuardUnavailable):
        bulla.Database(tmp_path / "guard", must_exist=True)
    for times in range(2):
        guard = bulla.Guard.durable(bulla.Database(tmp_path / "guard"), bulla.GuardLimits(capacity=1000))
        opener = bulla.Opener(people.bob, people.policy(), guard)
        if times == 0:
            opener.open(envelope)
        else:
            with pytest.raises(bulla.Replayed):
                opener.open(envelope)
        assert guard.counts().committed == 1
        guard.check()
        assert guard.sweep(0, 10) == 0


def test_armor_in_pieces(people: People) -> None:
    envelope = people.seal(b"x" * 1000).envelope
    writer = bulla.ArmorWriter()
    text = "".join(writer.update(envelope[at : at + 7]) for at in range(0, len(envelope), 7)) + writer.finish()
    assert text == bulla.armor(envelope)
    reader = bulla.ArmorReader()
    raw = text.encode()
    assert b"".join(reader.update(raw[at : at + 11]) for at in range(0, len(raw), 11)) == envelope
    reader.finish()
    with pytest.raises(bulla.WrongOrder):
        reader.finish()
    reader = bulla.ArmorReader(bulla.Armor.EVIDENCE)
    with pytest.raises(bulla.Malformed):
        reader.update(raw)
    cut = bulla.ArmorReader()
    cut.update(raw[:-5])
    with pytest.raises(bulla.Malformed):
        cut.finish()
