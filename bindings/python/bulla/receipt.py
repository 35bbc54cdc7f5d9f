"""Receipts: made for senders, and opened by them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, NamedTuple, Optional, Union

from . import _call as c
from ._call import Handle, ffi, lib
from .guard import Guard
from .identity import Clock, Identity
from .open import OpenStream
from .policy import Policy
from .seal import Sent
from .store import Answer, Lease, Reason, StoreStream

if TYPE_CHECKING:
    from ._call import BytesLike

__all__ = ["ContentName", "Receipt", "ReceiptProof", "ReceiptStatus", "Receipter", "Untold"]


class ReceiptStatus(enum.IntEnum):
    """What a recipient says became of a message."""

    #: Of a newer version.
    UNKNOWN = 0
    DELIVERED = 1
    STORED = 2
    REJECTED = 3
    #: A copy came damaged. This settles nothing: the message stays due.
    DAMAGED = 4


class ContentName(NamedTuple):
    """The content that was verified: its length, and its digest (BLAKE3)."""

    length: int
    digest: bytes


@dataclass(frozen=True)
class Untold:
    """The sender asked to be told of rejections, and may not be told now: so the message was not rejected but released, and may
    come again."""


class Receipter(Handle):
    """Makes receipts, each sealed to the key that the sender asked it to be sent to. A receipt comes only out of a commit."""

    def __init__(
        self, identity: Identity, *, clock: Optional[Clock] = None, limit: Optional[tuple[Guard, int, int]] = None
    ) -> None:
        """``limit`` is how often one sender is told of rejections and of damage: a guard that keeps count, seconds for each, and how
        many at once. Without it no notes of damage are made."""
        super().__init__(c.made(lib.bulla_receipter_new, identity._handle, kind="receipter"))
        if clock is not None:
            c.call(lib.bulla_receipter_clock, self._handle, clock._handle)
        if limit is not None:
            guard, every, burst = limit
            c.call(lib.bulla_receipter_limit, self._handle, guard._handle, every, burst)

    def accept(self, lease: Lease) -> Answer:
        """The message was handed to the application, or its content is on the disk: makes the receipt, commits the message with it,
        and only then gives it. The lease has ended then, whatever comes of this."""
        with lease._alone() as of:
            return Answer(c.made(lib.bulla_receipter_accept, self._handle, of, kind="answer"))

    def reject(self, lease: Lease, code: int = 0, reason: Optional[str] = None) -> Union[Answer, Untold]:
        """The message is rejected for good. The lease has ended then, whatever comes of this. Without a code it is rejected for the
        reason that the store's own rules gave: only what was :class:`NotWanted` has one."""
        out, words = ffi.new("bulla_answer **"), ffi.NULL if reason is None else c.text(reason)
        with lease._alone() as of:
            status = c.call(lib.bulla_receipter_reject, self._handle, of, code, words, out)
        return Untold() if status == c.UNTOLD else Answer(c.owned(out[0], "answer"))

    def damaged(self, stream: Union[OpenStream, StoreStream], words: str) -> Optional[bytes]:
        """A copy came damaged (:class:`NotAuthentic`): makes a note for its sender, if one may be given. It needs a limit."""
        stored = isinstance(stream, StoreStream)
        function = lib.bulla_receipter_damaged_in_store if stored else lib.bulla_receipter_damaged
        buffer = c.new_buffer()
        with stream._alone() as of:
            status = c.call(function, self._handle, of, c.text(words), buffer)
        return None if status == c.NOTHING else c.taken(buffer)


def _status(number: int) -> ReceiptStatus:
    return ReceiptStatus(number) if number in ReceiptStatus._value2member_map_ else ReceiptStatus.UNKNOWN


def _reason(function: Any, handle: Any) -> Optional[Reason]:
    code, words = ffi.new("uint16_t *"), ffi.new("bulla_view *")
    if c.call(function, handle, code, words) == c.NOTHING:
        return None
    return Reason(int(code[0]), c.viewed(words).decode("utf-8"))


def content_name(function: Any, handle: Any) -> Optional[ContentName]:
    length, digest = ffi.new("uint64_t *"), ffi.new("bulla_digest *")
    if c.call(function, handle, length, digest) == c.NOTHING:
        return None
    return ContentName(int(length[0]), bytes(digest.bytes))


class Receipt(Handle):
    """A receipt that was opened: its recipient really said this, to this author. Whether it is about what was sent, :meth:`check`
    says: settle nothing before."""

    def __init__(self, handle: Any, part_of: Optional[Handle] = None) -> None:
        super().__init__(handle)
        self._part_of = part_of

    @classmethod
    def open(cls, identity: Identity, policy: Policy, envelope: BytesLike, *, clock: Optional[Clock] = None) -> Receipt:
        """Opens one that came to its author. The policy: the context of the message, and as senders those to whom it was sent."""
        data, now = c.given(envelope), c.handle_or_null(clock)
        made = c.made(
            lib.bulla_receipt_open, identity._handle, policy._handle, now, data, len(data), kind="receipt"
        )
        return cls(made)

    def check(self, sent: Union[Sent, Iterable[Sent]]) -> int:
        """Tells which of the sealings of a message it answers. :class:`ContentDiffers` is to be told loudly."""
        every = [sent] if isinstance(sent, Sent) else list(sent)
        raw = ffi.new("bulla_sent[]", len(every))
        for place, one in zip(raw, every):
            one._write(place)
        return int(c.value(lib.bulla_receipt_check, self._handle, raw, len(every), kind="size_t"))

    @property
    def status(self) -> ReceiptStatus:
        """What became of the message."""
        return _status(int(lib.bulla_receipt_status(self._handle)))

    @property
    def reason(self) -> Optional[Reason]:
        """Why it was not accepted; None if it was."""
        return _reason(lib.bulla_receipt_reason, self._handle)

    @property
    def recipient(self) -> bytes:
        """Who says so: the signing key."""
        return c.fixed(lib.bulla_receipt_recipient, self._handle, kind="bulla_key")

    @property
    def message_id(self) -> bytes:
        """The message that it is about, as the recipient says."""
        return c.fixed(lib.bulla_receipt_message_id, self._handle, kind="bulla_message_id")

    @property
    def context(self) -> str:
        """The context that it was made in."""
        return c.viewed(lib.bulla_receipt_context(self._handle)).decode("utf-8")

    @property
    def issued(self) -> int:
        """When it was made, as the recipient says."""
        return int(lib.bulla_receipt_issued(self._handle))

    @property
    def content(self) -> Optional[ContentName]:
        """What the recipient verified; None if the message was rejected by its stamp alone."""
        return content_name(lib.bulla_receipt_content, self._handle)

    def to_proof(self) -> bytes:
        """For a third party, who needs no key to check it (:class:`ReceiptProof`)."""
        return c.filled(lib.bulla_receipt_to_proof, self._handle)


class ReceiptProof(Handle):
    """The proof of a receipt, checked: the recipient signed this about a message of this author."""

    def __init__(self, proof: BytesLike) -> None:
        data = c.given(proof)
        super().__init__(c.made(lib.bulla_receipt_proof_check, data, len(data), kind="receipt_proof"))

    @property
    def status(self) -> ReceiptStatus:
        """What became of the message."""
        return _status(int(lib.bulla_receipt_proof_status(self._handle)))

    @property
    def reason(self) -> Optional[Reason]:
        """Why it was not accepted; None if it was."""
        return _reason(lib.bulla_receipt_proof_reason, self._handle)

    @property
    def recipient(self) -> bytes:
        """Who says so: the signing key."""
        return c.fixed(lib.bulla_receipt_proof_recipient, self._handle, kind="bulla_key")

    @property
    def author(self) -> bytes:
        """Whose message it is about: the signing key."""
        return c.fixed(lib.bulla_receipt_proof_author, self._handle, kind="bulla_key")

    @property
    def message_id(self) -> bytes:
        """The message that it is about."""
        return c.fixed(lib.bulla_receipt_proof_message_id, self._handle, kind="bulla_message_id")

    @property
    def header_digest(self) -> bytes:
        """The envelope that it answers."""
        return c.fixed(lib.bulla_receipt_proof_header_digest, self._handle, kind="bulla_digest")

    @property
    def context(self) -> str:
        """The context that it was made in."""
        return c.viewed(lib.bulla_receipt_proof_context(self._handle)).decode("utf-8")

    @property
    def issued(self) -> int:
        """When it was made, as the recipient says."""
        return int(lib.bulla_receipt_proof_issued(self._handle))

    @property
    def content(self) -> Optional[ContentName]:
        """What the recipient verified."""
        return content_name(lib.bulla_receipt_proof_content, self._handle)
