"""Opening and verifying: the one gate."""

from __future__ import annotations

import errno
from typing import IO, TYPE_CHECKING, Any, Callable, NamedTuple, Optional, Union

from . import _call as c
from ._call import Handle, Single, ffi, lib
from .message import Message, Stamp
from .policy import Policy
from .guard import Guard
from .identity import Clock, Identity
from .store import Answer, Lease, Reason, Reserved, Store, lease_or_answer
from .verdicts import WrongOrder

if TYPE_CHECKING:
    from ._call import BytesLike, Path

__all__ = ["DetachedStream", "OpenReader", "OpenStream", "Opened", "Opener"]

PIECE = 64 * 1024


class Opened(NamedTuple):
    """A message that passed every check."""

    content: bytes
    message: Message


class OpenStream(Single):
    """An envelope that is pushed in pieces. What it gives before its end is provisional: do not act on it."""

    def __init__(self, handle: Any) -> None:
        super().__init__(handle)
        self._buffer = c.new_buffer()

    def update_provisional(self, envelope: BytesLike) -> bytes:
        """Takes the next piece, without armor, and gives provisional content: put it aside until :meth:`finish` has returned."""
        with self._alone() as handle:
            data = c.given(envelope)
            c.call(lib.bulla_open_stream_update_provisional, handle, data, len(data), self._buffer)
            return c.taken(self._buffer)

    def settle_provisional(self) -> bytes:
        """The end has come: checks all but the guard, and gives the rest of the content, still provisional. For those who make the
        content durable before the message counts as accepted."""
        with self._alone() as handle:
            c.call(lib.bulla_open_stream_settle_provisional, handle, self._buffer)
            return c.taken(self._buffer)

    @property
    def stamp(self) -> Optional[Stamp]:
        """What the sender signed, as soon as it is verified and judged."""
        with self._alone() as handle:
            return Stamp._or_none(lib.bulla_open_stream_stamp(handle))

    def finish(self) -> Opened:
        """Ends the envelope, and claims the message: from now on all of the content counts, of which this gives the rest. If it
        raises, throw away all of the content."""
        with self._alone() as handle:
            message = c.made(lib.bulla_open_stream_finish, handle, self._buffer, kind="message")
            return Opened(c.taken(self._buffer), Message(message))

    def finish_leased(self, seconds: int) -> Union[Reserved, Answer]:
        """As :meth:`finish`, but the message is only reserved. With an answer, throw the content away."""
        with self._alone() as handle:
            outcome = lease_or_answer(lib.bulla_open_stream_finish_leased, handle, seconds, self._buffer)
            return outcome if isinstance(outcome, Answer) else Reserved(c.taken(self._buffer), outcome)

    def refuse_leased(self, seconds: int) -> Union[Lease, Answer]:
        """Reserves a message of which only the stamp is known, in order to reject it."""
        with self._alone() as handle:
            return lease_or_answer(lib.bulla_open_stream_refuse_leased, handle, seconds)


class OpenReader:
    """An envelope that is read from a file. What it gives is provisional: do not act on it before :meth:`finish` has returned.

    What the file raises is raised, and nothing is lost by it: read again to go on.
    """

    def __init__(self, stream: OpenStream, source: IO[bytes]) -> None:
        self._stream = stream
        self._source = source
        self._held = bytearray()
        self._at_end = False
        self._broken = False

    def read_provisional(self, size: int = -1) -> bytes:
        """Reads at most so many bytes of provisional content, or all there is. Nothing comes only at the end of it."""
        self._unbroken()
        while not self._at_end and (size < 0 or len(self._held) < min(size, 1)):
            self._read()
        piece = bytes(self._held if size < 0 else self._held[:size])
        del self._held[: len(piece)]
        return piece

    def _unbroken(self) -> None:
        if self._broken:
            raise WrongOrder("this call is not possible in this state: it has failed before; throw away all that was read")

    def _read(self) -> None:
        piece = self._source.read(PIECE)
        if piece is None:
            raise BlockingIOError(errno.EAGAIN, "the file has nothing now: read again later, or give one that blocks")
        self._broken = True  # Until what comes of it is held, whatever happens.
        if piece:
            self._held += self._stream.update_provisional(piece)
        else:
            self._held += self._stream.settle_provisional()
            self._at_end = True
        self._broken = False

    @property
    def stamp(self) -> Optional[Stamp]:
        """What the sender signed, as soon as it is verified and judged."""
        return self._stream.stamp

    def finish(self) -> Message:
        """Claims the message: from now on all that was read counts. Everything must have been read. If this raises, throw away all
        that was read."""
        self._unbroken()
        while not self._held and not self._at_end:
            self._read()
        if self._held:
            raise WrongOrder("this call is not possible in this state: read_provisional() has more to give")
        return self._stream.finish().message

    def close(self) -> None:
        """Gives it up, unless it is finished. The file is not closed."""
        self._stream.close()

    def __enter__(self) -> OpenReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class DetachedStream(Handle):
    """A detached envelope, judged, whose content comes in pieces."""

    def update(self, content: BytesLike) -> None:
        """Takes the next piece of the content."""
        data = c.given(content)
        c.call(lib.bulla_detached_stream_update, self._handle, data, len(data))

    def finish(self) -> Message:
        """The content has ended: judges the whole."""
        return Message(c.made(lib.bulla_detached_stream_finish, self._handle, kind="message"))


class Opener(Handle):
    """Opens sealed envelopes, or verifies signed ones (:meth:`verifier`), by a policy and a guard."""

    def __init__(
        self,
        identity: Identity,
        policy: Policy,
        guard: Guard,
        *,
        clock: Optional[Clock] = None,
        reader_name: Optional[str] = None,
        sessions: int = 0,
    ) -> None:
        """``reader_name`` is by which name the guard knows the reader, instead of by its key. ``sessions`` is of how many of the
        senders' sessions it remembers the keys."""
        super().__init__(
            c.made(lib.bulla_opener_new, identity._handle, policy._handle, guard._handle, kind="opener")
        )
        self._set(clock)
        if reader_name is not None:
            c.call(lib.bulla_opener_reader_name, self._handle, c.text(reader_name))
        if sessions:
            c.call(lib.bulla_opener_cache, self._handle, sessions)

    def _set(self, clock: Optional[Clock]) -> None:
        if clock is not None:
            c.call(lib.bulla_opener_clock, self._handle, clock._handle)

    @classmethod
    def _made(cls, clock: Optional[Clock], function: Any, *arguments: Any) -> Opener:
        self = cls.__new__(cls)
        Handle.__init__(self, c.made(function, *arguments, kind="opener"))
        self._set(clock)
        return self

    @classmethod
    def unguarded(cls, identity: Identity, policy: Policy, *, clock: Optional[Clock] = None) -> Opener:
        """One without a guard: the same message is accepted as often as it comes."""
        return cls._made(clock, lib.bulla_opener_new_unguarded, identity._handle, policy._handle)

    @classmethod
    def archive(cls, identity: Identity, policy: Policy) -> Opener:
        """One for archives: everything is checked but freshness, and :attr:`Message.is_fresh` says so."""
        return cls._made(None, lib.bulla_opener_new_archive, identity._handle, policy._handle)

    @classmethod
    def verifier(cls, reader: str, policy: Policy, guard: Guard, *, clock: Optional[Clock] = None) -> Opener:
        """One for signed envelopes. It has no key, so the guard knows it by a name."""
        return cls._made(clock, lib.bulla_verifier_new, c.text(reader), policy._handle, guard._handle)

    @classmethod
    def unguarded_verifier(cls, policy: Policy, *, clock: Optional[Clock] = None) -> Opener:
        """As :meth:`verifier`, without a guard."""
        return cls._made(clock, lib.bulla_verifier_new_unguarded, policy._handle)

    @classmethod
    def archive_verifier(cls, policy: Policy) -> Opener:
        """As :meth:`archive`, for signed envelopes."""
        return cls._made(None, lib.bulla_verifier_new_archive, policy._handle)

    def open(self, envelope: BytesLike) -> Opened:
        """Opens or verifies an envelope, without armor, once. Nothing is given out before everything is checked."""
        data, buffer = c.given(envelope), c.new_buffer()
        message = Message(c.made(lib.bulla_open, self._handle, data, len(data), buffer, kind="message"))
        return Opened(c.taken(buffer), message)

    def verify_detached(self, envelope: BytesLike, content: BytesLike) -> Message:
        """Verifies a detached envelope against the content beside it, once."""
        one, two = c.given(envelope), c.given(content)
        return Message(c.made(lib.bulla_verify_detached, self._handle, one, len(one), two, len(two), kind="message"))

    def open_leased(self, envelope: BytesLike, seconds: int) -> Union[Reserved, Answer]:
        """As :meth:`open`, but the message is only reserved; or it was dealt with before: give that answer again."""
        data, buffer = c.given(envelope), c.new_buffer()
        outcome = lease_or_answer(lib.bulla_open_leased, self._handle, data, len(data), seconds, buffer)
        return outcome if isinstance(outcome, Answer) else Reserved(c.taken(buffer), outcome)

    def stream(self) -> OpenStream:
        """Begins an envelope that is pushed in pieces."""
        return OpenStream(c.made(lib.bulla_open_stream_new, self._handle, kind="open_stream"))

    def reader(self, source: IO[bytes]) -> OpenReader:
        """Begins an envelope that is read from a file."""
        return OpenReader(self.stream(), source)

    def detached_stream(self, envelope: BytesLike) -> DetachedStream:
        """Judges a detached envelope, whose content then comes in pieces."""
        data = c.given(envelope)
        return DetachedStream(
            c.made(lib.bulla_detached_stream_new, self._handle, data, len(data), kind="detached_stream")
        )

    def store(
        self,
        seconds: int,
        *,
        max_content: Optional[int] = None,
        has_room: Optional[Callable[[bytes, Optional[int]], bool]] = None,
        judge: Optional[Callable[[Stamp], Optional[Reason]]] = None,
        resumable: Optional[tuple[Path, int, int]] = None,
    ) -> Store:
        """Makes a store. ``seconds`` is for how long a message is reserved at a time. ``has_room`` is asked, with the folder and the
        length of the content if it is known, before anything is written. ``judge`` is one's own rules about each new message, asked
        with its stamp before anything is written: None, or why it is not accepted, for good; a reason that cannot be sent counts as
        ``ReasonCode.POLICY``. What either raises comes out of the :meth:`StoreStream.write` or :meth:`StoreStream.finish` that asked,
        and the message may come again: never reject it for that. ``resumable`` keeps what has come of
        envelopes that do not come whole: in this folder, of so many, and of each so many bytes."""
        handle = c.made(lib.bulla_store_new, self._handle, seconds, kind="store")
        return Store(handle, max_content, has_room, judge, resumable)

    def challenge(self, seconds: int) -> bytes:
        """Makes a challenge, to be answered once within that time by a draft that ``answers`` it."""
        place = ffi.new("uint8_t[32]")
        c.call(lib.bulla_opener_challenge, self._handle, seconds, place)
        return bytes(place)

    def missing(self, stamp_of: Message) -> list[tuple[int, int]]:
        """Which numbers are missing in the stream of a message, as ranges from the first to the last. Only ``Order.GAPLESS`` counts."""
        stamp = lib.bulla_message_stamp(stamp_of._handle)
        return c.ranges(c.made(lib.bulla_opener_missing, self._handle, stamp, kind="ranges"))

    def skip(self, stamp_of: Message, before: int) -> None:
        """Waits no longer for the numbers before this one in the stream of a message."""
        c.call(lib.bulla_opener_skip, self._handle, lib.bulla_message_stamp(stamp_of._handle), before)

    def forget_stream(self, stamp_of: Message) -> bool:
        """Forgets the stream of a message, and tells whether it was known: its next message begins it anew.

        Whoever held back a message of it that was never accepted can have it accepted now, until it is too old: do this only once the
        last message is older than the greatest age, or if its numbers no longer matter.
        """
        stamp = lib.bulla_message_stamp(stamp_of._handle)
        return bool(c.value(lib.bulla_opener_forget_stream, self._handle, stamp, kind="uint8_t"))
