from __future__ import annotations

import inspect

import bulla
import pytest
from bulla import _call, verdicts
from conftest import CONTEXT, People


def test_there_is_a_class_for_each_verdict_of_the_library() -> None:
    lib, string = _call.lib, _call.ffi.string
    names = {code: string(lib.bulla_status_name(code)).decode() for code in range(1, 100)}
    known = {code: name for code, name in names.items() if name != "Unknown"}
    assert known == {code: kind.__name__ for code, kind in verdicts.ALL.items()}
    for code, kind in verdicts.ALL.items():
        text = string(lib.bulla_status_text(code)).decode()
        assert kind.code == code and getattr(bulla, kind.__name__) is kind
        assert inspect.getdoc(kind) == text[0].upper() + text[1:] + "."
        expected = "UsageError NotAcceptable Refused TryAgain".split()[(code >= 20) + (code >= 40) + (code >= 70)]
        assert kind.__mro__[1].__name__ == expected and issubclass(kind, bulla.Error)


def test_the_version_is_that_of_the_header() -> None:
    assert _call.ffi.string(_call.lib.bulla_version()).decode() == bulla.__version__
    assert bulla.has_feature("sqlite") and bulla.has_feature("keyfile") and not bulla.has_feature("no such")


def test_an_unknown_sender_is_told_beside_the_text(people: People) -> None:
    opener = bulla.Opener.unguarded(people.bob, bulla.Policy(CONTEXT, [people.bob_public]))
    with pytest.raises(bulla.UntrustedSender) as refusal:
        opener.open(people.seal(b"x").envelope)
    assert refusal.value.signer == people.alice_public.key and refusal.value.signer.hex() not in str(refusal.value)
    anyone = bulla.Opener(people.bob, bulla.Policy(CONTEXT, bulla.ANYONE), bulla.Guard.in_memory())
    assert anyone.open(people.seal(b"x").envelope).message.stamp.signer == people.alice_public.key


def test_what_is_wrong_with_the_envelope(people: People) -> None:
    opener, envelope = people.opener(), people.seal(b"x").envelope
    for wrong, kind in [(b"", bulla.Malformed), (b"no envelope at all", bulla.Malformed), (envelope[:-1] + b"\0", bulla.NotAuthentic)]:
        with pytest.raises(kind) as refusal:
            opener.open(wrong)
        assert isinstance(refusal.value, bulla.NotAcceptable)
    with pytest.raises(bulla.NotForMe):
        bulla.Opener.unguarded(bulla.Identity.generate(), people.policy()).open(envelope)
    with pytest.raises(bulla.WrongContext):
        bulla.Opener.unguarded(people.bob, bulla.Policy("other", [people.alice_public])).open(envelope)
    with pytest.raises(bulla.NoRecipient):
        bulla.Sealer(people.alice).seal(bulla.Draft(CONTEXT), b"x")


def test_a_nul_cuts_nothing(people: People) -> None:
    for wrong in (
        lambda: bulla.Draft("te\0st"),
        lambda: bulla.PublicIdentity("bulla1\0"),
        lambda: people.alice.text("pass\0word"),
        lambda: bulla.Identity.load("/tmp/a\0b"),
    ):
        with pytest.raises(bulla.InvalidInput):
            wrong()
    with pytest.raises(bulla.InvalidInput):
        bulla.Policy(CONTEXT, [b"short"])


def test_what_is_closed_cannot_be_used(people: People) -> None:
    with people.opener() as opener:
        pass
    with pytest.raises(bulla.InvalidInput):
        opener.open(people.seal(b"x").envelope)
    opener.close()
    people.alice.close()
    assert repr(people.alice) == "<bulla.Identity, closed>"


def test_what_a_clock_raises_is_the_cause(people: People) -> None:
    def broken() -> float:
        raise LookupError("no time")

    sealer = bulla.Sealer(people.alice, [people.bob_public], clock=bulla.Clock(broken))
    with pytest.raises(bulla.ClockFailed) as failure:
        sealer.seal(bulla.Draft(CONTEXT), b"x")
    assert isinstance(failure.value.__cause__, LookupError)
    with pytest.raises(bulla.Malformed) as other:
        bulla.PublicIdentity("x")
    assert other.value.__cause__ is None


def test_callbacks_are_let_go(people: People) -> None:
    before = len(_call._alive)
    clock = bulla.Clock(lambda: 1000.0)
    sealer = bulla.Sealer(people.alice, [people.bob_public], clock=clock)
    assert len(_call._alive) == before + 1
    del clock
    assert sealer.seal(bulla.Draft(CONTEXT), b"x").sent.issued == 1000
    del sealer
    assert len(_call._alive) == before
