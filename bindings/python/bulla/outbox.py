"""The sender's durable list of what awaits receipts, so that nothing is lost in silence."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Optional, Union

from . import _call as c
from ._call import Handle, ffi, lib
from .identity import Clock, Identity, PublicIdentity
from .policy import Database
from .receipt import Receipt
from .seal import Sent

if TYPE_CHECKING:
    from ._call import BytesLike

__all__ = ["Due", "Letter", "Outbox", "OutboxEntry", "OutboxFilter", "OutboxState", "Settled"]


class OutboxState(enum.IntEnum):
    """How far a message has come for one of its recipients."""

    WAITING = 1
    SETTLED = 2
    REJECTED = 3
    GIVEN_UP = 4


class OutboxFilter(enum.IntEnum):
    """Which entries are listed."""

    ALL = 0
    WAITING = 1
    SETTLED = 2
    FAILED = 3


class Letter(Handle):
    """What is sent, to whom, and what is awaited."""

    def __init__(
        self,
        sent: Sent,
        context: str,
        recipients: Iterable[Union[PublicIdentity, bytes]],
        deadline: int,
        *,
        until_delivered: bool = False,
        note: Optional[str] = None,
    ) -> None:
        """To these recipients, of whom each is to confirm by the deadline (seconds since 1970) that it is stored, or only delivered.
        ``note`` is what is to be remembered: where to send it, for whom."""
        keys = [one.key if isinstance(one, PublicIdentity) else one for one in recipients]
        raw = ffi.new("bulla_key[]", len(keys))
        for place, key in zip(raw, keys):
            place.bytes = bytes(c.struct("bulla_key", key).bytes)
        super().__init__(
            c.made(lib.bulla_letter_new, sent._raw(), c.text(context), raw, len(keys), deadline, kind="letter")
        )
        if until_delivered:
            c.call(lib.bulla_letter_until_delivered, self._handle)
        if note is not None:
            c.call(lib.bulla_letter_note, self._handle, c.text(note))


@dataclass(frozen=True)
class OutboxEntry:
    """A message and one of its recipients."""

    message_id: bytes
    header_digest: bytes
    recipient: bytes
    deadline: int
    next_due: int
    attempts: int
    state: OutboxState
    awaits_stored: bool
    context: str
    note: str
    #: What the last receipt that counted said, and its proof (:class:`ReceiptProof`); empty if none came.
    told: str
    proof: bytes

    @classmethod
    def _of(cls, raw: Any) -> OutboxEntry:
        return cls(
            bytes(raw.message_id.bytes),
            bytes(raw.header_digest.bytes),
            bytes(raw.recipient.bytes),
            int(raw.deadline),
            int(raw.next_due),
            int(raw.attempts),
            OutboxState(int(raw.state)),
            bool(raw.awaits_stored),
            c.viewed(raw.context).decode("utf-8"),
            c.viewed(raw.note).decode("utf-8"),
            c.viewed(raw.told).decode("utf-8"),
            c.viewed(raw.proof),
        )


@dataclass(frozen=True)
class Due:
    """Something to be sent to somebody, given to this caller alone for ten minutes: send it, and mark it as sent."""

    message_id: bytes
    header_digest: bytes
    recipient: bytes
    #: Which time this is: 1 for the first.
    attempts: int
    note: str
    _list: Any
    _index: int


@dataclass(frozen=True)
class Settled:
    """What a receipt has settled."""

    #: Whether it has changed what the outbox says.
    is_new: bool
    entry: OutboxEntry
    #: Checked, and about a message of this outbox.
    receipt: Receipt


class Outbox(Handle):
    """Put what is sealed before it is sent. Then, again and again: send what is due, and mark it as sent; settle with the receipts
    that come; and tell what is given up. Every step is one transaction on the disk, and may be repeated."""

    def __init__(self, database: Database, *, first: int = 60, longest: int = 6 * 3600) -> None:
        """``first`` and ``longest`` are how many seconds to wait before something is sent again."""
        backoff = ffi.new("bulla_backoff *", {"first": first, "longest": longest})
        super().__init__(c.made(lib.bulla_outbox_new, database._handle, backoff, kind="outbox"))

    def put(self, letter: Letter, envelope: BytesLike, now: int) -> None:
        """Records an envelope before it is sent; it is due at once. If this raises, do not send it."""
        data = c.given(envelope)
        c.call(lib.bulla_outbox_put, self._handle, letter._handle, data, len(data), now)

    def put_pieces(self, letter: Letter, envelope: Iterable[BytesLike], now: int) -> None:
        """As :meth:`put`, for an envelope that comes in pieces."""
        outgoing = c.made(lib.bulla_outbox_begin, self._handle, kind="outgoing")
        for piece in envelope:
            data = c.given(piece)
            c.call(lib.bulla_outgoing_write, outgoing, data, len(data))
        c.call(lib.bulla_outgoing_commit, outgoing, letter._handle, now)

    def due(self, now: int, at_most: int = 100) -> list[Due]:
        """What is to be sent now."""
        return self._dues(lib.bulla_outbox_due, now, at_most)

    def take(self, header_digest: bytes, now: int) -> list[Due]:
        """Takes one envelope in order to send it now, due or not."""
        return self._dues(lib.bulla_outbox_take, c.struct("bulla_digest", header_digest), now)

    def taken(self, header_digest: bytes) -> list[Due]:
        """What was taken last of an envelope: for a process that was told its name alone."""
        return self._dues(lib.bulla_outbox_taken, c.struct("bulla_digest", header_digest))

    def _dues(self, function: Any, *arguments: Any) -> list[Due]:
        every = c.made(function, self._handle, *arguments, kind="due_list")
        found, raw = [], ffi.new("bulla_due *")
        for index in range(lib.bulla_due_list_count(every)):
            c.call(lib.bulla_due_list_at, every, index, raw)
            names = (bytes(raw.message_id.bytes), bytes(raw.header_digest.bytes), bytes(raw.recipient.bytes))
            found.append(Due(*names, int(raw.attempts), c.viewed(raw.note).decode("utf-8"), every, index))
        return found

    def mark_sent(self, due: Due, now: int) -> None:
        """It was handed to the transport: it is due again after a while, unless a receipt comes."""
        c.call(lib.bulla_outbox_mark_sent, self._handle, due._list, due._index, now)

    def envelope(self, header_digest: bytes) -> bytes:
        """An envelope to send: the identical one each time."""
        return c.filled(lib.bulla_outbox_envelope, self._handle, c.struct("bulla_digest", header_digest))

    def envelope_pieces(self, header_digest: bytes, size: int = 64 * 1024, *, start: int = 0) -> Iterator[bytes]:
        """As :meth:`envelope`, in pieces, from this place on: to go on with what was cut off. None if it is not so long."""
        digest = c.struct("bulla_digest", header_digest)
        reader = c.made(lib.bulla_outbox_reader_new, self._handle, digest, kind="outbox_reader")
        if c.call(lib.bulla_outbox_reader_seek, reader, start, ffi.NULL) == c.NOTHING:
            return
        buffer = c.new_buffer()
        while c.call(lib.bulla_outbox_reader_read, reader, size, buffer) != c.NOTHING:
            yield c.taken(buffer)

    def settle(self, identity: Identity, receipt: BytesLike, *, clock: Optional[Clock] = None) -> Settled:
        """Takes a receipt that came, checks it, and settles what it is about. :class:`ContentDiffers` is to be told loudly."""
        data, now = c.given(receipt), c.handle_or_null(clock)
        made = c.made(lib.bulla_outbox_settle, self._handle, identity._handle, now, data, len(data), kind="settled")
        entry = OutboxEntry._of(c.value(lib.bulla_settled_entry, made, kind="bulla_outbox_entry"))
        part = Receipt(lib.bulla_settled_receipt(made), Handle(made))
        return Settled(bool(lib.bulla_settled_is_new(made)), entry, part)

    def give_up(self, now: int) -> list[OutboxEntry]:
        """Gives up what has passed its deadline, and says once what that was: each is a failure to be told to its author."""
        return self._entries(lib.bulla_outbox_give_up, now)

    def entries(self, which: OutboxFilter = OutboxFilter.ALL, at_most: int = 1000) -> list[OutboxEntry]:
        """The entries, the oldest first."""
        return self._entries(lib.bulla_outbox_list, int(which), at_most)

    def of_message(self, message_id: bytes) -> list[OutboxEntry]:
        """The entries of one message, one for each recipient."""
        return self._entries(lib.bulla_outbox_of_message, c.struct("bulla_message_id", message_id))

    def _entries(self, function: Any, *arguments: Any) -> list[OutboxEntry]:
        every = c.made(function, self._handle, *arguments, kind="entry_list")
        found, raw = [], ffi.new("bulla_outbox_entry *")
        for index in range(lib.bulla_entry_list_count(every)):
            c.call(lib.bulla_entry_list_at, every, index, raw)
            found.append(OutboxEntry._of(raw))
        return found

    def sent(self, message_id: bytes) -> list[Sent]:
        """What was sent of a message, one for each sealing."""
        every = c.made(lib.bulla_outbox_sent, self._handle, c.struct("bulla_message_id", message_id), kind="sent_list")
        items = lib.bulla_sent_list_items(every)
        return [Sent._of(items[index]) for index in range(lib.bulla_sent_list_count(every))]

    def forget(self, before: int) -> int:
        """Forgets what is settled or failed for all recipients and was last touched before a time; tells how many messages."""
        return int(c.value(lib.bulla_outbox_forget, self._handle, before, kind="size_t"))

    def clean(self) -> None:
        """Removes what a crash left beside the file."""
        c.call(lib.bulla_outbox_clean, self._handle)

