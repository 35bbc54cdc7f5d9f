"""Reading sealed files at any place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Protocol

from . import _call as c
from ._call import Single, ffi, lib
from .message import Message, Stamp
from .open import Opener

if TYPE_CHECKING:
    from ._call import Path

__all__ = ["ProvisionalFile", "Source", "Verified", "VerifiedFile"]

FAILED = int(lib.BULLA_IO)


class Source(Protocol):
    """A store of one's own that is read at any place, by one thread at a time. What it raises becomes the cause of an :class:`Io`."""

    def read_at(self, offset: int, length: int) -> bytes:
        """At most so many bytes from there on; none only at the end."""

    def length(self) -> int:
        """Length of the whole."""


@ffi.callback("bulla_status(void *, uint64_t, uint8_t *, size_t, size_t *)", error=FAILED)  # type: ignore[untyped-decorator, unused-ignore]
def _read(context: Any, offset: int, memory: Any, length: int, read: Any) -> int:
    def work(source: Source) -> int:
        piece = bytes(source.read_at(offset, length))
        if len(piece) > length:
            raise ValueError(f"a source gave {len(piece)} bytes where at most {length} were asked for")
        ffi.memmove(memory, piece, len(piece))
        read[0] = len(piece)
        return 0

    return c.contained(context, work, FAILED)


@ffi.callback("bulla_status(void *, uint64_t *)", error=FAILED)  # type: ignore[untyped-decorator, unused-ignore]
def _length(context: Any, length: Any) -> int:
    def work(source: Source) -> int:
        length[0] = source.length()
        return 0

    return c.contained(context, work, FAILED)


def _piece(function: Any, handle: Any, offset: int, length: int) -> bytes:
    buffer = c.new_buffer()
    return b"" if c.call(function, handle, offset, length, buffer) == c.NOTHING else c.taken(buffer)


class VerifiedFile(Single):
    """A sealed file that was verified as a whole. Keep the file where no co-recipient can write."""

    def read(self, offset: int, length: int) -> bytes:
        """At most so many bytes; fewer, or none, only at the end."""
        with self._alone() as handle:
            return _piece(lib.bulla_verified_file_read, handle, offset, length)


class Verified(NamedTuple):
    """What verifying a file gave."""

    file: VerifiedFile
    message: Message


class ProvisionalFile(Single):
    """A sealed file whose stamp is verified and judged. What it gives is provisional: do not act on it."""

    def __init__(self, opener: Opener, file: Path) -> None:
        super().__init__(
            c.made(lib.bulla_provisional_file_open, opener._handle, c.path(file), kind="provisional_file")
        )

    @classmethod
    def of_source(cls, opener: Opener, source: Source) -> ProvisionalFile:
        """As from a file, from a store of one's own."""
        functions = ffi.new("bulla_source *")
        functions.size, functions.drop = ffi.sizeof("bulla_source"), c.drop
        functions.read, functions.length = _read, _length
        self = cls.__new__(cls)
        with c.Context(source) as context:
            functions.context = context
            handle = c.made(lib.bulla_provisional_file_of_source, opener._handle, functions, kind="provisional_file")
        Single.__init__(self, handle)
        return self

    @property
    def stamp(self) -> Optional[Stamp]:
        """What the sender signed; None after :meth:`verify`."""
        with self._alone() as handle:
            return Stamp._or_none(lib.bulla_provisional_file_stamp(handle))

    @property
    def content_length(self) -> int:
        """Length of the content, as the sender signed it."""
        with self._alone() as handle:
            return int(lib.bulla_provisional_file_content_length(handle))

    def read_provisional(self, offset: int, length: int) -> bytes:
        """At most so many provisional bytes; fewer, or none, only at the end."""
        with self._alone() as handle:
            return _piece(lib.bulla_provisional_file_read, handle, offset, length)

    def verify(self) -> Verified:
        """Reads the whole file once, and claims the message from the guard. If this raises, throw away all that was read."""
        file, message = ffi.new("bulla_verified_file **"), ffi.new("bulla_message **")
        with self._alone() as handle:
            c.call(lib.bulla_provisional_file_verify, handle, file, message)
        return Verified(VerifiedFile(c.owned(file[0], "verified_file")), Message(c.owned(message[0], "message")))
