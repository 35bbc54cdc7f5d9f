"""What is known of a message."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Mapping, Optional

from . import _call as c
from ._call import Handle, ffi, lib
from .seal import Receipts
from .verdicts import Internal

__all__ = ["Message", "Stamp"]


@dataclass(frozen=True)
class Stamp:
    """What the sender signed: who, when, what for. While a stream goes on, and after a refusal, nothing is known of the content.

    Attributes are data of the sender's: a file name is never a path.
    """

    signer: bytes
    message_id: bytes
    context: str
    content_type: Optional[str]
    issued: int
    expires: Optional[int]
    #: Length of the content, if it was signed up front.
    length: Optional[int]
    #: Its place in a stream: the name of that, and the number.
    sequence: Optional[tuple[bytes, int]]
    #: Which receipts are asked for.
    receipts: Receipts
    attributes: Mapping[str, bytes]

    @classmethod
    def _of(cls, raw: Any) -> Stamp:
        stamp = cls._or_none(raw)
        if stamp is None:
            raise Internal("the library gave no stamp where there must be one")
        return stamp

    @classmethod
    def _or_none(cls, raw: Any) -> Optional[Stamp]:
        if raw == ffi.NULL:
            return None
        stream, number = ffi.new("bulla_view *"), ffi.new("uint64_t *")
        placed = c.call(lib.bulla_stamp_sequence, raw, stream, number) == 0
        return cls(
            c.fixed(lib.bulla_stamp_signer, raw, kind="bulla_key"),
            c.fixed(lib.bulla_stamp_message_id, raw, kind="bulla_message_id"),
            c.viewed(lib.bulla_stamp_context(raw)).decode("utf-8"),
            c.viewed(lib.bulla_stamp_content_type(raw)).decode("ascii") or None,
            int(lib.bulla_stamp_issued(raw)),
            _number(lib.bulla_stamp_expires, raw),
            _number(lib.bulla_stamp_length, raw),
            (c.viewed(stream), int(number[0])) if placed else None,
            Receipts(int(lib.bulla_stamp_receipts(raw)) & 7),
            MappingProxyType(_attributes(raw)),
        )


def _number(function: Any, raw: Any) -> Optional[int]:
    out = ffi.new("uint64_t *")
    return int(out[0]) if c.call(function, raw, out) == 0 else None


def _attributes(raw: Any) -> dict[str, bytes]:
    found = {}
    name, value = ffi.new("bulla_view *"), ffi.new("bulla_view *")
    for index in range(lib.bulla_stamp_attribute_count(raw)):
        c.call(lib.bulla_stamp_attribute_at, raw, index, name, value)
        found[c.viewed(name).decode("utf-8")] = c.viewed(value)
    return found


class Message(Handle):
    """A message that passed every check."""

    def __init__(self, handle: Any, part_of: Optional[Handle] = None) -> None:
        super().__init__(handle)
        # What the handle belongs to, if it is not its own.
        self._part_of = part_of
        self._stamp = Stamp._of(lib.bulla_message_stamp(handle))

    @property
    def stamp(self) -> Stamp:
        """What the sender signed."""
        return self._stamp

    @property
    def is_fresh(self) -> bool:
        """Whether freshness was checked: not for messages from an archive."""
        return bool(lib.bulla_message_is_fresh(self._handle))

    @property
    def content_length(self) -> int:
        """Length of the content, verified."""
        return int(lib.bulla_message_content_length(self._handle))

    @property
    def content_digest(self) -> bytes:
        """Digest (BLAKE3) of the content, verified."""
        return c.fixed(lib.bulla_message_content_digest, self._handle, kind="bulla_digest")

    @property
    def header_digest(self) -> bytes:
        """Names this very envelope."""
        return c.fixed(lib.bulla_message_header_digest, self._handle, kind="bulla_digest")

    def evidence(self) -> bytes:
        """Proof of author, claimed time, context and content, that a third party can check (:class:`Evidence`)."""
        return c.filled(lib.bulla_message_evidence, self._handle)
