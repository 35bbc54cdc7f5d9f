"""A replay guard of one's own, over a store that is there anyway. The guards of the library are the safer choice."""

from __future__ import annotations

import abc
import enum
from typing import Any, Callable, NamedTuple, Optional

from . import _call as c
from ._call import ffi, lib
from ._errors import Error
from .guard import Guard
from .policy import Order
from .verdicts import GuardUnavailable

__all__ = ["Claim", "ClaimAnswer", "Claimed", "HostGuard", "LeaseToken", "Place"]

UNAVAILABLE = int(lib.BULLA_GUARD_UNAVAILABLE)


class Place(NamedTuple):
    """A place in an ordered stream."""

    stream: bytes
    number: int
    #: With ``Order.GAPLESS``: the first number of a stream.
    first: int
    #: From when on every message of the stream that was issued before this one, or with it, is too old.
    keep_until: int
    issued: int
    order: Order
    #: With ``Order.GAPLESS``: how many numbers, from the first missing one on, are accepted.
    window: int

    @classmethod
    def _of(cls, raw: Any) -> Place:
        numbers = (int(raw.number), int(raw.first), int(raw.keep_until), int(raw.issued))
        return cls(bytes(raw.stream.bytes), *numbers, Order(int(raw.order)), int(raw.window))


class Claim(NamedTuple):
    """What a guard is asked to remember. It heeds every field: one that did not would accept what it must not."""

    #: Names the message: reader, signer, message id, context.
    key: bytes
    #: What the message says: equal for an honest re-seal. 32 zero bytes are the same as whatever has the key.
    value: bytes
    #: Reader and context: what is remembered of messages that were dropped is kept for these.
    scope: bytes
    signer: bytes
    issued: int
    #: From when on the entry may be dropped. Of no meaning with a challenge.
    keep_until: int
    place: Optional[Place]
    #: Names the challenge that it answers: it must be expected, and then is used up.
    challenge: Optional[bytes]
    #: The signer was accepted because anyone is.
    stranger: bool
    #: ``keep_until`` comes from the greatest age and not from the expiry.
    bounded_by_age: bool

    @classmethod
    def _of(cls, raw: Any) -> Claim:
        return cls(
            key=bytes(raw.key.bytes),
            value=bytes(raw.value.bytes),
            scope=bytes(raw.scope.bytes),
            signer=bytes(raw.signer.bytes),
            issued=int(raw.issued),
            keep_until=int(raw.keep_until),
            place=Place._of(raw.place) if raw.has_place else None,
            challenge=bytes(raw.challenge.bytes) if raw.has_challenge else None,
            stranger=bool(raw.stranger),
            bounded_by_age=bool(raw.bounded_by_age),
        )


class LeaseToken(NamedTuple):
    """Names one reservation. It is stale once another was made of the same message."""

    key: bytes
    number: int

    @classmethod
    def _of(cls, raw: Any) -> LeaseToken:
        return cls(bytes(raw.key.bytes), int(raw.number))


class ClaimAnswer(enum.IntEnum):
    """What a guard says of a claim. Where several are right, the first of: what an entry that is there says, ``UNASKED``,
    ``FORGOTTEN``, ``SUPERSEDED``, ``GAP``."""

    #: It was not there, and is now.
    NEW = 1
    #: The same message, accepted before.
    SAME = 2
    #: Reserved by somebody whose lease still runs.
    PENDING = 3
    #: There with another value.
    REPLAYED = 4
    #: As old as what was already forgotten, or over.
    FORGOTTEN = 5
    #: Not newer than what was accepted in its stream.
    SUPERSEDED = 6
    #: Too far ahead in its stream.
    GAP = 7
    #: The challenge that it answers is not expected.
    UNASKED = 8


class Claimed(NamedTuple):
    """The answer to a claim."""

    answer: ClaimAnswer
    #: With ``NEW``: the number of the reservation, which grows with each.
    number: int = 0
    #: With ``SAME``: the receipt that was stored, at most 4096 bytes.
    receipt: bytes = b""


class HostGuard(abc.ABC):
    """A guard of one's own. Each method is one atomic step for any number of threads, and is called from any of them.

    A method fails by raising what its description names, or :class:`GuardUnavailable`. Whatever else it raises, or returns, counts
    as :class:`GuardUnavailable`, and then nothing is accepted; the exception becomes the cause.
    """

    def guard(self) -> Guard:
        """Makes a guard of it."""
        functions = ffi.new("bulla_guard_callbacks *")
        functions.size, functions.drop = ffi.sizeof("bulla_guard_callbacks"), c.drop
        for name, callback in _CALLBACKS.items():
            setattr(functions, name, callback)
        with c.Context(self) as context:
            functions.context = context
            return Guard._made(lib.bulla_guard_of_callbacks, functions)

    @abc.abstractmethod
    def observe(self, now: int) -> int:
        """The time to judge by: the greatest that this guard was ever shown, ``now`` included."""

    @abc.abstractmethod
    def claim(self, claim: Claim, now: int, lease: Optional[int]) -> Claimed:
        """Inserts if absent: reserved for so many seconds, or accepted at once if ``lease`` is None. :class:`GuardFull`."""

    @abc.abstractmethod
    def commit(self, token: LeaseToken, receipt: bytes) -> None:
        """Makes a reservation final, and stores the receipt with it. :class:`LeaseLost`, :class:`Superseded`, :class:`GuardFull`."""

    @abc.abstractmethod
    def release(self, token: LeaseToken) -> None:
        """Gives a reservation up: the message may come again. :class:`LeaseLost`."""

    @abc.abstractmethod
    def renew(self, token: LeaseToken, now: int, lease: int) -> None:
        """Extends a reservation to ``now`` + ``lease`` seconds. :class:`LeaseLost`."""

    def sweep(self, now: int, at_most: int) -> int:
        """Drops at most so many entries whose time has come, and tells how many."""
        return 0

    def expect(self, challenge: bytes, until: int, now: int) -> None:
        """Expects one answer to a challenge, until that time. :class:`GuardFull`."""
        raise GuardUnavailable("this guard makes no challenges")

    def missing(self, stream: bytes) -> list[tuple[int, int]]:
        """Which numbers of a stream are missing, as ranges, ascending, with a gap between each and the next."""
        raise GuardUnavailable("this guard does not tell what is missing")

    def skip(self, stream: bytes, before: int) -> None:
        """Waits no longer for the numbers of a stream before this one."""
        raise GuardUnavailable("this guard gives nothing up")

    def forget_stream(self, stream: bytes) -> bool:
        """Forgets a stream, and tells whether it was known."""
        raise GuardUnavailable("this guard forgets no stream")

    def permit(self, what: bytes, now: int, every: int, burst: int) -> bool:
        """Whether something may be done once more, which then counts as done: ``burst`` times at once, then once in ``every``
        seconds."""
        return False

    def look(self, claim: Claim) -> Optional[bytes]:
        """The stored receipt, if this message was accepted before by an entry that holds for this claim. Changes nothing."""
        return None


def _run(context: Any, work: Callable[[HostGuard], None]) -> int:
    """A failure that has a code is told as such; all else is the one that accepts nothing."""

    def ask(guard: HostGuard) -> int:
        try:
            work(guard)
        except Error as error:
            if error.code == 0:
                raise
            c.raised(error)
            return error.code
        return 0

    return c.contained(context, ask, UNAVAILABLE)


def _append(receipt: bytes, to: Any) -> None:
    data = c.given(receipt)
    # Without a place for more: the error of the call around this one is not to be overwritten.
    if lib.bulla_buffer_append(to, data, len(data), ffi.NULL) != 0:
        raise GuardUnavailable("a receipt is too long")


def _observe(context: Any, now: int, time: Any) -> int:
    def work(guard: HostGuard) -> None:
        time[0] = guard.observe(now)

    return _run(context, work)


def _claim(context: Any, claim: Any, now: int, lease: Any, answer: Any, number: Any, receipt: Any) -> int:
    def work(guard: HostGuard) -> None:
        seconds = None if lease == ffi.NULL else int(lease[0])
        claimed = guard.claim(Claim._of(claim), now, seconds)
        number[0] = claimed.number
        if claimed.answer == ClaimAnswer.SAME:
            _append(claimed.receipt, receipt)
        answer[0] = int(claimed.answer)

    return _run(context, work)


def _commit(context: Any, token: Any, receipt: Any, length: int) -> int:
    return _run(context, lambda guard: guard.commit(LeaseToken._of(token), bytes(ffi.buffer(receipt, length))))


def _release(context: Any, token: Any) -> int:
    return _run(context, lambda guard: guard.release(LeaseToken._of(token)))


def _renew(context: Any, token: Any, now: int, lease: int) -> int:
    return _run(context, lambda guard: guard.renew(LeaseToken._of(token), now, lease))


def _sweep(context: Any, now: int, at_most: int, dropped: Any) -> int:
    def work(guard: HostGuard) -> None:
        dropped[0] = guard.sweep(now, at_most)

    return _run(context, work)


def _expect(context: Any, challenge: Any, until: int, now: int) -> int:
    return _run(context, lambda guard: guard.expect(bytes(challenge.bytes), until, now))


def _missing(context: Any, stream: Any, missing: Any) -> int:
    def work(guard: HostGuard) -> None:
        for first, last in guard.missing(bytes(stream.bytes)):
            if lib.bulla_ranges_add(missing, first, last, ffi.NULL) != 0:
                raise GuardUnavailable("ranges ascend, with a gap between each and the next")

    return _run(context, work)


def _skip(context: Any, stream: Any, before: int) -> int:
    return _run(context, lambda guard: guard.skip(bytes(stream.bytes), before))


def _forget_stream(context: Any, stream: Any, was_known: Any) -> int:
    def work(guard: HostGuard) -> None:
        was_known[0] = bool(guard.forget_stream(bytes(stream.bytes)))

    return _run(context, work)


def _permit(context: Any, what: Any, now: int, every: int, burst: int, permitted: Any) -> int:
    def work(guard: HostGuard) -> None:
        permitted[0] = bool(guard.permit(bytes(what.bytes), now, every, burst))

    return _run(context, work)


def _look(context: Any, claim: Any, found: Any, receipt: Any) -> int:
    def work(guard: HostGuard) -> None:
        stored = guard.look(Claim._of(claim))
        if stored is not None:
            _append(stored, receipt)
        found[0] = stored is not None

    return _run(context, work)


def _callback(name: str, function: Callable[..., int]) -> Any:
    # The types of the header: what is called must be what was declared.
    kind = next(field.type for key, field in ffi.typeof("bulla_guard_callbacks").fields if key == name)
    return ffi.callback(kind, function, error=UNAVAILABLE)


_FUNCTIONS: dict[str, Callable[..., int]] = {
    "observe": _observe,
    "claim": _claim,
    "commit": _commit,
    "release": _release,
    "renew": _renew,
    "sweep": _sweep,
    "expect": _expect,
    "missing": _missing,
    "skip": _skip,
    "forget_stream": _forget_stream,
    "permit": _permit,
    "look": _look,
}
_CALLBACKS = {name: _callback(name, function) for name, function in _FUNCTIONS.items()}
