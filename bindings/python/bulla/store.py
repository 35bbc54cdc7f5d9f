"""Reserving and storing: what is committed only when its effect is durable."""

from __future__ import annotations

import enum
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Iterator, NamedTuple, Optional, Union

from . import _call as c
from ._call import Handle, Single, ffi, lib
from .message import Message, Stamp

if TYPE_CHECKING:
    from ._call import BytesLike, Path

__all__ = [
    "LATER",
    "Answer",
    "Lease",
    "LeaseKind",
    "NoRoom",
    "NotWanted",
    "Reason",
    "ReasonCode",
    "Reserved",
    "Store",
    "StoreStream",
    "Stored",
    "Target",
    "TooLarge",
]


class Answer(Handle):
    """What became of a message that is dealt with, and the receipt that may be sent now."""

    DELIVERED = 1
    STORED = 2
    REJECTED = 3

    @property
    def outcome(self) -> int:
        """``DELIVERED``, ``STORED``, ``REJECTED``, or a number of one's own from 128 on. What was rejected is to be rejected again."""
        return int(lib.bulla_answer_outcome(self._handle))

    @property
    def receipt(self) -> Optional[bytes]:
        """To be sent, byte for byte. None if the sender asked for none of this kind."""
        return c.viewed(lib.bulla_answer_receipt(self._handle)) or None

    @property
    def message(self) -> Optional[Message]:
        """What is known of the message; None if it came before, or was refused by its stamp alone."""
        part = lib.bulla_answer_message(self._handle)
        owner = Handle(self._handle)
        return None if part == ffi.NULL else Message(part, owner)

    @property
    def stamp(self) -> Optional[Stamp]:
        """What the sender signed, also of what came before; None if it was refused by its stamp alone just now."""
        return Stamp._or_none(lib.bulla_answer_stamp(self._handle))


class LeaseKind(enum.IntEnum):
    """What a lease is of."""

    #: It was committed or released.
    ENDED = 0
    #: A message whose content is with the caller.
    MESSAGE = 1
    #: A message whose content is in a file.
    STORED = 2
    #: A message that is only to be refused.
    REFUSED = 3


class Lease(Single):
    """A message that is reserved. Make its effect durable, then accept or reject it (:class:`Receipter`), or commit it.

    Closed before that (as at the end of a ``with`` statement), or forgotten, it is released, and may come again.
    """

    @property
    def kind(self) -> LeaseKind:
        """What it is of."""
        with self._alone() as handle:
            return LeaseKind(int(lib.bulla_lease_kind(handle)))

    @property
    def stamp(self) -> Optional[Stamp]:
        """What the sender signed; None once it has ended."""
        with self._alone() as handle:
            return Stamp._or_none(lib.bulla_lease_stamp(handle))

    @property
    def path(self) -> Optional[bytes]:
        """The final name of the file in which the content is stored, as the system has it (``os.fsdecode``)."""
        with self._alone() as handle:
            return c.viewed(lib.bulla_lease_path(handle)) or None

    @property
    def was_there(self) -> bool:
        """Whether that file was there before this message came, whole: it stays if the message is rejected."""
        with self._alone() as handle:
            return bool(lib.bulla_lease_was_there(handle))

    def renew(self, seconds: int) -> None:
        """Holds it for so long from now on."""
        with self._alone() as handle:
            c.call(lib.bulla_lease_renew, handle, seconds)

    def commit(self, outcome: int, answer: BytesLike = b"") -> Answer:
        """Ends it for good, with an answer of one's own. Answer only after this has returned."""
        with self._alone() as handle:
            data = c.given(answer)
            return Answer(c.made(lib.bulla_lease_commit, handle, outcome, data, len(data), kind="answer"))

    def accept_unanswered(self) -> Answer:
        """Ends it for good, as delivered or stored, without a receipt: nobody gets one, also where the sender asked for it."""
        with self._alone() as handle:
            return Answer(c.made(lib.bulla_lease_accept_unanswered, handle, kind="answer"))

    def release(self) -> None:
        """Gives it up: the message may come again, and a stored file is removed."""
        with self._alone() as handle:
            c.call(lib.bulla_lease_release, handle)


@dataclass(frozen=True)
class Reserved:
    """A message that is reserved, and its content."""

    content: bytes
    lease: Lease


@dataclass(frozen=True)
class Stored:
    """The content is on the disk, under its final name."""

    lease: Lease


@dataclass(frozen=True)
class TooLarge:
    """Authentic, but longer than the store accepts: to reject or to release."""

    lease: Lease


@dataclass(frozen=True)
class NoRoom:
    """Authentic, but there is no room for it: to reject or to release."""

    lease: Lease


@dataclass(frozen=True)
class NotWanted:
    """Authentic, but one's own rules (``judge``) do not accept it: to reject or to release."""

    lease: Lease


class ReasonCode(enum.IntEnum):
    """Why a message was not accepted; from ``OWN`` on for reasons of the application's own."""

    FULL = 1
    TOO_LARGE = 2
    POLICY = 3
    NO_SUCH_PLACE = 4
    FAILED = 5
    DAMAGED = 6
    OWN = 1024


class Reason(NamedTuple):
    """Why a message was not accepted: a :class:`ReasonCode` or another number, and words."""

    code: int
    text: str


#: What one's own rules (``judge``) give where they cannot tell now. :class:`Undecided` is raised then, by the call that tells what comes
#: of the message; nothing is reserved, and the message may come again.
LATER = Reason(int(lib.BULLA_JUDGE_LATER), "")


@dataclass(frozen=True)
class Target:
    """Where a file is stored."""

    kind: int
    where: Path

    @classmethod
    def path(cls, path: Path) -> Target:
        """Under this path; its folder must be there."""
        return cls(int(lib.BULLA_TARGET_PATH), path)

    @classmethod
    def by_id(cls, folder: Path) -> Target:
        """In this folder, under a name made of message id, reader, sender and context."""
        return cls(int(lib.BULLA_TARGET_BY_ID), folder)

    @classmethod
    def suggested(cls, folder: Path) -> Target:
        """In this folder, under the name that the sender suggests, made harmless."""
        return cls(int(lib.BULLA_TARGET_SUGGESTED), folder)


def lease_or_answer(function: Any, *arguments: Any) -> Union[Lease, Answer]:
    """Calls what gives a lease, or the answer of before."""
    lease, again = ffi.new("bulla_lease **"), ffi.new("bulla_answer **")
    if c.call(function, *arguments, lease, again) == c.AGAIN:
        return Answer(c.owned(again[0], "answer"))
    return Lease(c.owned(lease[0], "lease"))


class StoreStream(Single):
    """An envelope on its way to a file. Closed before :meth:`finish`, it leaves nothing but what is kept to be completed.

    What ``has_room`` or ``judge`` raises comes out of the call that asked, and of every later one: nothing was decided, and the
    message may come again. Tell whoever brought it to try again later.
    """

    __slots__ = ("_failure",)

    def __init__(self, handle: Any) -> None:
        super().__init__(handle)
        self._failure: Optional[BaseException] = None

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        """Gives the handle for a call that may ask the user's functions, and raises what they raise."""
        with self._alone() as handle, c.asking() as raised:
            if self._failure is not None:
                raise self._failure
            try:
                yield handle
            finally:
                if raised:
                    self._failure = raised[0]
                    raise self._failure

    def write(self, envelope: BytesLike) -> bool:
        """Takes the next piece, without armor. Tells whether more of it is wanted: else :meth:`finish` it."""
        data = c.given(envelope)
        with self._asking() as handle:
            return c.call(lib.bulla_store_stream_update, handle, data, len(data)) == c.MORE

    @property
    def stamp(self) -> Optional[Stamp]:
        """What the sender signed, as soon as it is verified and judged."""
        with self._alone() as handle:
            return Stamp._or_none(lib.bulla_store_stream_stamp(handle))

    def retarget(self, target: Target) -> None:
        """Another target on the same file system, after :meth:`finish` has raised :class:`NameTaken`: call that again then. Nothing of
        the envelope is to come again."""
        with self._alone() as handle:
            c.call(lib.bulla_store_stream_retarget, handle, target.kind, c.path(target.where))

    def finish(self) -> Union[Stored, TooLarge, NoRoom, NotWanted, Answer]:
        """The end of the envelope has come. An answer is of a message that came before: give it again. :class:`NameTaken` is raised if
        another file has the name; the content is kept then, to be given :meth:`another target <retarget>`."""
        lease, again = ffi.new("bulla_lease **"), ffi.new("bulla_answer **")
        try:
            with self._asking() as handle:
                status = c.call(lib.bulla_store_stream_finish, handle, lease, again)
        except BaseException:
            lib.bulla_lease_free(lease[0])  # Releases it. NULL is nothing.
            lib.bulla_answer_free(again[0])
            raise
        if status == c.AGAIN:
            return Answer(c.owned(again[0], "answer"))
        kinds: dict[int, Callable[[Lease], Union[Stored, TooLarge, NoRoom, NotWanted]]]
        kinds = {0: Stored, c.TOO_LARGE: TooLarge, c.NO_ROOM: NoRoom, c.REFUSED: NotWanted}
        return kinds[status](Lease(c.owned(lease[0], "lease")))


@ffi.callback("uint8_t(void *, const uint8_t *, size_t, uint64_t)", error=0)  # type: ignore[untyped-decorator, unused-ignore]
def _has_room(context: Any, folder: Any, length: int, content: int) -> int:
    def ask(function: Callable[[bytes, Optional[int]], bool]) -> int:
        known = None if content == int(lib.BULLA_CONTENT_UNKNOWN) else int(content)
        return int(bool(function(bytes(ffi.buffer(folder, length)), known)))

    return c.answered(context, ask, 0)


@ffi.callback("uint16_t(void *, const bulla_stamp *, char *)", error=int(lib.BULLA_JUDGE_LATER))  # type: ignore[untyped-decorator, unused-ignore]
def _judge(context: Any, stamp: Any, words: Any) -> int:
    def ask(function: Callable[[Stamp], Optional[Reason]]) -> int:
        reason = function(Stamp._of(stamp))
        if reason is None:
            return 0
        if reason.code == LATER.code:
            return LATER.code  # It has no words, so none can be wrong.
        text = reason.text.encode("utf-8")
        if not 0 < reason.code < 1 << 16 or len(text) >= lib.BULLA_REASON_TEXT or b"\0" in text:
            return ReasonCode.POLICY
        ffi.memmove(words, text + b"\0", len(text) + 1)
        return int(reason.code)

    return c.answered(context, ask, LATER.code)


class Store(Handle):
    """Opens envelopes to files, and says ``Stored`` only of what it has read again from the disk. See :meth:`Opener.store`."""

    def __init__(
        self,
        handle: Any,
        max_content: Optional[int],
        has_room: Optional[Callable[[bytes, Optional[int]], bool]],
        judge: Optional[Callable[[Stamp], Optional[Reason]]],
        resumable: Optional[tuple[Path, int, int]],
    ) -> None:
        super().__init__(handle)
        if max_content is not None:
            c.call(lib.bulla_store_max_content, handle, max_content)
        if has_room is not None:
            with c.Context(has_room) as context:
                c.call(lib.bulla_store_ask_for_room, handle, _has_room, context, c.drop)
        if judge is not None:
            with c.Context(judge) as context:
                c.call(lib.bulla_store_judge, handle, _judge, context, c.drop)
        if resumable is not None:
            folder, envelopes, length = resumable
            c.call(lib.bulla_store_resumable, handle, c.path(folder), envelopes, length)

    def stream(self, target: Target) -> StoreStream:
        """Begins to store an envelope."""
        return StoreStream(
            c.made(lib.bulla_store_stream_new, self._handle, target.kind, c.path(target.where), kind="store_stream")
        )

    def held(self, header_digest: bytes) -> int:
        """From which byte of an envelope on it is to be sent, to be completed."""
        digest = c.struct("bulla_digest", header_digest)
        return int(c.value(lib.bulla_store_held, self._handle, digest, kind="uint64_t"))

    def resume(self, header_digest: bytes, target: Target) -> StoreStream:
        """Begins to complete an envelope, from the byte on that :meth:`held` tells."""
        digest, where = c.struct("bulla_digest", header_digest), c.path(target.where)
        return StoreStream(
            c.made(lib.bulla_store_stream_resume, self._handle, digest, target.kind, where, kind="store_stream")
        )

    def clean(self, folder: Path) -> int:
        """Removes what killed processes left behind in a folder more than a day ago, and tells how many files."""
        return int(c.value(lib.bulla_store_clean, self._handle, c.path(folder), kind="size_t"))
