from __future__ import annotations

import os
import time
from pathlib import Path

import bulla
import pytest
from conftest import CONTEXT, People


def test_a_lease_is_committed_with_a_receipt(people: People) -> None:
    envelope, sent = people.seal(b"hello")
    opener, receipter = people.opener(), bulla.Receipter(people.bob)
    reserved = opener.open_leased(envelope, 60)
    assert isinstance(reserved, bulla.Reserved) and reserved.content == b"hello"
    with pytest.raises(bulla.Pending) as pending:
        opener.open_leased(envelope, 60)
    assert isinstance(pending.value, bulla.TryAgain)
    reserved.lease.renew(100)
    assert reserved.lease.stamp is not None and bulla.Receipts.STORED in reserved.lease.stamp.receipts
    answer = receipter.accept(reserved.lease)
    assert answer.outcome == bulla.Answer.DELIVERED and reserved.lease.stamp is None and reserved.lease.path is None
    assert answer.message is not None and answer.message.stamp.message_id == sent.message_id
    again = opener.open_leased(envelope, 60)
    assert isinstance(again, bulla.Answer) and again.receipt == answer.receipt and again.message is None

    receipt = people.receipt(answer.receipt)
    assert receipt.status is bulla.ReceiptStatus.DELIVERED and receipt.reason is None and receipt.context == CONTEXT
    assert receipt.check(sent) == 0 and receipt.check([people.seal(b"x").sent, sent]) == 1
    assert receipt.content == bulla.ContentName(5, bulla.digest(b"hello")) and receipt.message_id == sent.message_id
    with pytest.raises(bulla.WrongReceipt):
        receipt.check(people.seal(b"other").sent)
    proof = bulla.ReceiptProof(receipt.to_proof())
    assert (proof.author, proof.recipient) == (people.alice_public.key, people.bob_public.key)
    assert (proof.status, proof.header_digest, proof.issued) == (receipt.status, sent.header_digest, receipt.issued)


def test_a_lease_that_is_left_is_released(people: People) -> None:
    opener, envelope = people.opener(), people.seal(b"x").envelope
    reserved = opener.open_leased(envelope, 60)
    assert isinstance(reserved, bulla.Reserved)
    with reserved.lease:
        pass
    reserved = opener.open_leased(envelope, 60)
    assert isinstance(reserved, bulla.Reserved)
    assert reserved.lease.commit(200, b"own").receipt == b"own"
    again = opener.open_leased(envelope, 60)
    assert isinstance(again, bulla.Answer) and (again.outcome, again.receipt) == (200, b"own")


def store(store: bulla.Store, envelope: bytes, folder: Path) -> bulla.Stored | bulla.TooLarge | bulla.NoRoom | bulla.NotWanted | bulla.Answer:
    with store.stream(bulla.Target.by_id(folder)) as stream:
        for at in range(0, len(envelope), 500):
            if not stream.write(envelope[at : at + 500]):
                break
        return stream.finish()


def test_a_store_keeps_and_refuses(people: People, tmp_path: Path) -> None:
    asked: list[tuple[bytes, int | None]] = []
    room = True
    failure: OSError | None = None

    def has_room(folder: bytes, length: int | None) -> bool:
        asked.append((folder, length))
        if failure is not None:
            raise failure
        return room

    receipter = bulla.Receipter(people.bob)
    opener = people.opener()
    disk = opener.store(60, max_content=100, has_room=has_room)
    envelope, sent = people.seal(b"to be kept")
    stored = store(disk, envelope, tmp_path)
    assert isinstance(stored, bulla.Stored) and stored.lease.path is not None and not stored.lease.was_there
    assert asked == [(os.fsencode(tmp_path), 10)]
    assert Path(os.fsdecode(stored.lease.path)).read_bytes() == b"to be kept"
    receipt = people.receipt(receipter.accept(stored.lease).receipt)
    assert receipt.status is bulla.ReceiptStatus.STORED and receipt.check(sent) == 0
    assert isinstance(store(disk, envelope, tmp_path), bulla.Answer)

    large = store(disk, people.seal(b"x" * 101).envelope, tmp_path)
    assert isinstance(large, bulla.TooLarge)
    rejected = receipter.reject(large.lease, bulla.ReasonCode.TOO_LARGE, "at most 100 bytes")
    assert isinstance(rejected, bulla.Answer) and rejected.outcome == bulla.Answer.REJECTED
    refusal = people.receipt(rejected.receipt)
    assert refusal.status is bulla.ReceiptStatus.REJECTED
    assert refusal.reason == bulla.Reason(bulla.ReasonCode.TOO_LARGE, "at most 100 bytes")

    room = False
    squeezed = store(disk, people.seal(b"no room").envelope, tmp_path)
    assert isinstance(squeezed, bulla.NoRoom)
    squeezed.lease.release()
    failure = OSError("the disk is gone")
    with pytest.raises(OSError, match="the disk is gone"):
        store(disk, people.seal(b"who knows").envelope, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_came_in_part_is_completed(people: People, tmp_path: Path) -> None:
    held, content = tmp_path / "held", tmp_path / "content"
    held.mkdir()
    content.mkdir()
    disk = people.opener().store(60, resumable=(held, 10, 1 << 20))
    envelope, sent = people.seal(b"x" * 300_000)
    with disk.stream(bulla.Target.by_id(content)) as stream:
        stream.write(envelope[:200_000])
        with pytest.raises(bulla.NotAuthentic):
            stream.finish()
    at = disk.held(sent.header_digest)
    assert 0 < at <= 200_000
    with disk.resume(sent.header_digest, bulla.Target.by_id(content)) as stream:
        stream.write(envelope[at:])
        stored = stream.finish()
    assert isinstance(stored, bulla.Stored)
    bulla.Receipter(people.bob).accept(stored.lease)
    assert [file.stat().st_size for file in content.iterdir()] == [300_000]


def test_damage_is_noted_where_that_is_allowed(people: People) -> None:
    receipter = bulla.Receipter(people.bob, limit=(bulla.Guard.in_memory(), 60, 1))
    envelope = people.seal(b"x" * 200_000).envelope
    notes = []
    for _ in range(2):
        stream = people.opener().stream()
        with pytest.raises(bulla.NotAuthentic):
            stream.update_provisional(envelope[:-1] + bytes([envelope[-1] ^ 1]))
            stream.settle_provisional()
        notes.append(receipter.damaged(stream, "a bit fell over"))
    assert people.receipt(notes[0]).status is bulla.ReceiptStatus.DAMAGED and notes[1] is None


def test_an_outbox_is_settled_by_receipts(people: People, tmp_path: Path) -> None:
    now = int(time.time())
    outbox = bulla.Outbox(bulla.Database(tmp_path / "outbox"), first=60)
    envelope, sent = people.seal(b"hello")
    letter = bulla.Letter(sent, CONTEXT, [people.bob_public], now + 1000, until_delivered=True, note="to bob")
    outbox.put(letter, envelope, now)
    (due,) = outbox.due(now)
    assert (due.note, due.attempts, due.recipient) == ("to bob", 1, people.bob_public.key)
    assert outbox.envelope(due.header_digest) == envelope
    assert b"".join(outbox.envelope_pieces(due.header_digest, 50)) == envelope
    assert b"".join(outbox.envelope_pieces(due.header_digest, 50, start=20)) == envelope[20:]
    assert list(outbox.envelope_pieces(due.header_digest, start=len(envelope) + 1)) == []
    outbox.mark_sent(due, now)
    assert outbox.due(now) == []
    reserved = people.opener().open_leased(envelope, 60)
    assert isinstance(reserved, bulla.Reserved)
    receipt = bulla.Receipter(people.bob).accept(reserved.lease).receipt
    assert receipt is not None
    settled = outbox.settle(people.alice, receipt)
    assert settled.is_new and settled.entry.state is bulla.OutboxState.SETTLED
    assert settled.receipt.status is bulla.ReceiptStatus.DELIVERED
    assert bulla.ReceiptProof(settled.entry.proof).author == people.alice_public.key
    assert not outbox.settle(people.alice, receipt).is_new
    assert outbox.entries(bulla.OutboxFilter.SETTLED) == outbox.of_message(sent.message_id)
    assert outbox.sent(sent.message_id) == [sent]

    late = people.seal(b"late")
    pieces = (late.envelope[at : at + 100] for at in range(0, len(late.envelope), 100))
    outbox.put_pieces(bulla.Letter(late.sent, CONTEXT, [people.bob_public], now + 1), pieces, now)
    assert [entry.state for entry in outbox.give_up(now + 10)] == [bulla.OutboxState.GIVEN_UP]
    assert outbox.forget(now + 100) == 2
    outbox.clean()


def test_audits(people: People) -> None:
    sent = people.seal(b"held").sent
    envelope, question = bulla.Question.ask(people.alice, people.bob_public, CONTEXT, sent)
    asked = bulla.Asked(people.bob, people.policy(), bulla.Guard.in_memory(), envelope)
    assert asked.question.content == bulla.ContentName(4, bulla.digest(b"held")) and asked.question.context == CONTEXT
    assert (asked.question.asker, asked.question.holder) == (people.alice_public.key, people.bob_public.key)
    assert asked.question.prove([b"lost"]) is None
    answer = asked.answer(people.bob, asked.question.prove([b"he", b"ld"]))
    kept = bulla.Question.from_bytes(question.to_bytes())
    assert kept.answer(people.alice, answer) == kept.prove([b"held"])
    assert kept.answer(people.alice, asked.answer(people.bob, None)) is None


def test_a_host_without_receipts(people: People) -> None:
    opener, envelope = people.opener(), people.seal(b"x").envelope
    reserved = opener.open_leased(envelope, 60)
    assert isinstance(reserved, bulla.Reserved)
    kinds = [reserved.lease.kind]
    answer = reserved.lease.accept_unanswered()
    assert (answer.outcome, answer.receipt) == (bulla.Answer.DELIVERED, None) and answer.message is not None
    assert [*kinds, reserved.lease.kind] == [bulla.LeaseKind.MESSAGE, bulla.LeaseKind.ENDED]
    again = opener.open_leased(envelope, 60)
    assert isinstance(again, bulla.Answer) and again.receipt is None


def test_rules_of_ones_own(people: People, tmp_path: Path) -> None:
    opener, receipter = people.opener(), bulla.Receipter(people.bob)
    verdict: bulla.Reason | None = None
    asked: list[bulla.Stamp] = []

    def judge(stamp: bulla.Stamp) -> bulla.Reason | None:
        asked.append(stamp)
        return verdict

    disk = opener.store(60, judge=judge)
    assert isinstance(store(disk, people.seal(b"welcome").envelope, tmp_path), bulla.Stored)
    expected: list[tuple[bulla.Reason, bulla.Reason]] = [
        (bulla.Reason(bulla.ReasonCode.OWN, "no guests"), bulla.Reason(1024, "no guests")),
        (bulla.Reason(bulla.ReasonCode.OWN, "\u00fc" * 128), bulla.Reason(bulla.ReasonCode.POLICY, "")),
        (bulla.Reason(0, ""), bulla.Reason(bulla.ReasonCode.POLICY, "")),
        (bulla.Reason(1 << 16, ""), bulla.Reason(bulla.ReasonCode.POLICY, "")),
    ]
    for verdict, told in expected:
        refused = store(disk, people.seal(b"x").envelope, tmp_path)
        assert isinstance(refused, bulla.NotWanted) and refused.lease.kind is bulla.LeaseKind.REFUSED
        answer = receipter.reject(refused.lease)
        assert isinstance(answer, bulla.Answer) and people.receipt(answer.receipt).reason == told
    assert len(asked) == 5 and {stamp.signer for stamp in asked} == {people.alice_public.key}


def test_rules_that_cannot_tell(people: People, tmp_path: Path) -> None:
    answers: list[bulla.Reason | None] = [
        bulla.LATER,
        bulla.LATER,
        # It is no final word, whatever is written beside it.
        bulla.LATER._replace(text="x" * 300),
        bulla.LATER._replace(text="a\0b"),
        None,
    ]
    disk = people.opener().store(60, judge=lambda stamp: answers.pop(0))
    envelope = people.seal(b"x" * 300_000).envelope
    for _ in range(4):
        with pytest.raises(bulla.Undecided) as out:
            store(disk, envelope, tmp_path)
        assert isinstance(out.value, bulla.TryAgain) and list(tmp_path.iterdir()) == []
    assert isinstance(store(disk, envelope, tmp_path), bulla.Stored)


def test_a_name_that_is_taken(people: People, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_bytes(b"another")
    stream = people.opener().store(60).stream(bulla.Target.path(taken))
    with pytest.raises(bulla.WrongOrder):
        stream.retarget(bulla.Target.by_id(tmp_path))
    stream.write(people.seal(b"hello").envelope)
    for _ in range(2):
        with pytest.raises(bulla.NameTaken):
            stream.finish()
        with pytest.raises(bulla.WrongOrder):
            stream.write(b"of another envelope")
    with pytest.raises(bulla.InvalidInput):
        stream.retarget(bulla.Target.by_id(tmp_path / "missing"))
    stream.retarget(bulla.Target.by_id(tmp_path))
    stored = stream.finish()
    assert isinstance(stored, bulla.Stored) and stored.lease.path is not None
    assert Path(os.fsdecode(stored.lease.path)).read_bytes() == b"hello" and taken.read_bytes() == b"another"


@pytest.mark.parametrize("failure", [RuntimeError("the database is down"), KeyboardInterrupt()])
@pytest.mark.parametrize("length", [10, 300_000])
def test_rules_that_fail_decide_nothing(people: People, tmp_path: Path, failure: BaseException, length: int) -> None:
    """What they raise comes out, whichever call asked; nothing is reserved or kept; and the same message is welcome later."""
    down = True

    def judge(stamp: bulla.Stamp) -> bulla.Reason | None:
        bulla.Guard.in_memory()  # Calls of the library within do not hide it.
        if down:
            raise failure
        return None

    disk = people.opener().store(60, judge=judge)
    envelope = people.seal(b"x" * length).envelope
    for _ in range(2):
        stream = disk.stream(bulla.Target.by_id(tmp_path))
        with pytest.raises(type(failure)) as out:
            stream.write(envelope)
            stream.finish()
        assert out.value is failure and list(tmp_path.iterdir()) == []
        # Also for those who caught it on their way, and went on.
        for call in (lambda: stream.write(envelope), stream.finish):
            with pytest.raises(type(failure)):
                call()
    down = False
    assert isinstance(store(disk, envelope, tmp_path), bulla.Stored)
