"""Proof for third parties, digests, and what can be seen without a key."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, Optional

from . import _call as c
from ._call import Handle, Single, ffi, lib
from .message import Stamp

if TYPE_CHECKING:
    from ._call import BytesLike

__all__ = ["Evidence", "Hasher", "Inspection", "Kind", "digest", "inspect"]


class Evidence(Handle):
    """Evidence of a message, checked: author's key, claimed time, context and content. Not who the recipients were."""

    def __init__(self, proof: BytesLike) -> None:
        """Checks what :meth:`Message.evidence` gave. Whether signer and context are the ones meant is for the caller to judge."""
        data = c.given(proof)
        super().__init__(c.made(lib.bulla_evidence_check, data, len(data), kind="evidence"))

    @property
    def stamp(self) -> Stamp:
        """What the author signed."""
        handle = self._handle
        return Stamp._of(lib.bulla_evidence_stamp(handle))

    @property
    def content_length(self) -> int:
        """Length of the content that it is about."""
        return int(lib.bulla_evidence_content_length(self._handle))

    @property
    def content_digest(self) -> bytes:
        """Digest (BLAKE3) of the content that it is about."""
        return c.fixed(lib.bulla_evidence_content_digest, self._handle, kind="bulla_digest")

    def is_about(self, content: BytesLike) -> bool:
        """Whether it is about this content."""
        data = c.given(content)
        return bool(lib.bulla_evidence_is_about(self._handle, data, len(data)))


class Hasher(Single):
    """A digest (BLAKE3) over content that comes in pieces."""

    def __init__(self) -> None:
        super().__init__(c.made(lib.bulla_hasher_new, kind="hasher"))

    def update(self, content: BytesLike) -> None:
        """Takes the next piece."""
        with self._alone() as handle:
            data = c.given(content)
            c.call(lib.bulla_hasher_update, handle, data, len(data))

    def digest(self) -> bytes:
        """Of all pieces so far; more may follow."""
        with self._alone() as handle:
            return c.fixed(lib.bulla_hasher_digest, handle, kind="bulla_digest")


def digest(content: BytesLike) -> bytes:
    """The digest (BLAKE3) of content that is there as a whole."""
    data = c.given(content)
    return c.fixed(lib.bulla_digest_of, data, len(data), kind="bulla_digest")


class Kind(enum.IntEnum):
    """What an envelope is."""

    SEALED = 1
    SIGNED = 2
    DETACHED = 3


class Inspection(NamedTuple):
    """What anyone can see of an envelope without a key. None of it is authentic."""

    kind: Kind
    suite: int
    #: At most so many recipients, for some may be decoys.
    stanzas: int
    header_length: int
    header_digest: bytes


def inspect(start: BytesLike) -> Optional[Inspection]:
    """Reads the header of an envelope, of which the beginning is enough; None if more of it is needed."""
    data, raw = c.given(start), ffi.new("bulla_inspection *")
    if c.call(lib.bulla_inspect, data, len(data), raw) == c.MORE:
        return None
    digest = bytes(raw.header_digest.bytes)
    return Inspection(Kind(int(raw.kind)), int(raw.suite), int(raw.stanzas), int(raw.header_length), digest)
