"""Sealing and signing."""

from __future__ import annotations

import enum
import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Iterable, Iterator, Mapping, NamedTuple, Optional

from . import _call as c
from ._call import Handle, Single, ffi, lib
from .identity import Clock, Identity, PublicIdentity
from .verdicts import InvalidInput, WrongOrder

if TYPE_CHECKING:
    from ._call import BytesLike

__all__ = ["DetachedSigner", "Draft", "Receipts", "SealStream", "Sealed", "Sealer", "Sent", "Session"]


class Receipts(enum.IntFlag):
    """Which receipts are asked for."""

    NONE = 0
    DELIVERED = 1
    STORED = 2
    REJECTED = 4


@dataclass(frozen=True)
class Sent:
    """What was sent: what a receipt is compared with. Keep it until the receipt has come."""

    message_id: bytes
    header_digest: bytes
    opening_digest: bytes
    content_digest: bytes
    content_length: int
    issued: int
    expires: Optional[int]

    @classmethod
    def _of(cls, raw: Any) -> Sent:
        return cls(
            bytes(raw.message_id.bytes),
            bytes(raw.header_digest.bytes),
            bytes(raw.opening_digest.bytes),
            bytes(raw.content_digest.bytes),
            int(raw.content_length),
            int(raw.issued),
            int(raw.expires) if raw.has_expires else None,
        )

    def _write(self, to: Any) -> None:
        to.message_id.bytes = self.message_id
        to.header_digest.bytes = self.header_digest
        to.opening_digest.bytes = self.opening_digest
        to.content_digest.bytes = self.content_digest
        to.content_length = self.content_length
        to.issued = self.issued
        to.expires = self.expires or 0
        to.has_expires = self.expires is not None

    def _raw(self) -> Any:
        place = ffi.new("bulla_sent *")
        self._write(place)
        return place

    def to_bytes(self) -> bytes:
        """As bytes, to be kept; :meth:`from_bytes` reads them on the same kind of machine."""
        return bytes(ffi.buffer(self._raw()))

    @classmethod
    def from_bytes(cls, data: bytes) -> Sent:
        """Reads what :meth:`to_bytes` wrote."""
        place = ffi.new("bulla_sent *")
        if len(data) != ffi.sizeof("bulla_sent"):
            raise InvalidInput("an argument is not acceptable: this is not what Sent.to_bytes() gave")
        ffi.buffer(place)[:] = data
        return cls._of(place)


class Sealed(NamedTuple):
    """An envelope, and what was sent with it."""

    envelope: bytes
    sent: Sent


class Draft(Handle):
    """What is said of a message. It can be used for many; each gets an id of its own."""

    def __init__(
        self,
        context: str,
        *,
        content_type: Optional[str] = None,
        attributes: Optional[Mapping[str, BytesLike]] = None,
        expires_in: Optional[int] = None,
        expires_at: Optional[int] = None,
        sequence: Optional[tuple[bytes, int]] = None,
        answers: Optional[bytes] = None,
        receipts: Receipts = Receipts.NONE,
        reply_to: Optional[PublicIdentity] = None,
        again: Optional[Sent] = None,
    ) -> None:
        """``context`` is the name of the application or protocol, which the reader demands. A file name goes into the attribute
        ``name``. ``receipts`` are sealed to ``reply_to``, the sender's own public identity. ``again`` seals an earlier message
        again, so that readers count both as one; everything else must be as it was the first time.
        """
        super().__init__(c.made(lib.bulla_draft_new, c.text(context), kind="draft"))
        if content_type is not None:
            c.call(lib.bulla_draft_content_type, self._handle, c.text(content_type))
        for name, value in (attributes or {}).items():
            data = c.given(value)
            c.call(lib.bulla_draft_attribute, self._handle, c.text(name), data, len(data))
        if expires_in is not None:
            c.call(lib.bulla_draft_expires_in, self._handle, expires_in)
        if expires_at is not None:
            c.call(lib.bulla_draft_expires_at, self._handle, expires_at)
        if sequence is not None:
            c.call(lib.bulla_draft_sequence, self._handle, sequence[0], len(sequence[0]), sequence[1])
        if answers is not None:
            c.call(lib.bulla_draft_answers, self._handle, c.struct("bulla_digest", answers).bytes)
        if receipts:
            c.call(lib.bulla_draft_ask_receipts, self._handle, int(receipts), c.handle_or_null(reply_to))
        if again is not None:
            c.call(lib.bulla_draft_again, self._handle, again._raw())


class Session(Handle):
    """Many envelopes under one ephemeral key, which saves most of the work. Relays can tell that they belong together, and who
    steals that one key opens them all: for batches in one trust domain only."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(c.made(lib.bulla_session_new, identity._handle, kind="session"))


class SealStream(io.RawIOBase):
    """An envelope in the making, written to a file as its content comes. In a ``with`` statement it is finished at the end of it,
    but not if that is left by an exception. One that is closed without :meth:`finish` opens to nobody; and once the file has not
    taken what it was given, this takes nothing more, for what is missing would be missed by the reader only."""

    def __init__(self, handle: Any, buffer: Any, to: IO[bytes]) -> None:
        super().__init__()
        self._single = Single(handle)
        self._buffer = buffer
        self._to = to
        self._sent: Optional[Sent] = None
        self._failure: Optional[BaseException] = None
        self._put()

    def _put(self) -> None:
        data = memoryview(c.taken(self._buffer))
        while data:  # Unbuffered files may take less.
            data = data[c.took(self._to.write(data)) :]

    @contextmanager
    def _unbroken(self) -> Iterator[Any]:
        """Gives the handle for a call whose output is written, all of it: else no call is possible after it."""
        with self._single._alone() as handle:
            if self._failure is not None:
                raise WrongOrder("this call is not possible in this state: it has failed before; begin anew") from self._failure
            try:
                yield handle
            except BaseException as error:
                self._failure = error
                raise

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: BytesLike, /) -> int:
        """Takes the next piece of the content."""
        data = c.given(content)
        with self._unbroken() as handle:
            c.call(lib.bulla_seal_stream_update, handle, data, len(data), self._buffer)
            self._put()
        return len(data)

    def finish(self) -> Sent:
        """Ends the envelope. The file is not closed."""
        with self._unbroken() as handle:
            while c.call(lib.bulla_seal_stream_pad, handle, self._buffer) == 0:
                self._put()
            sent = Sent._of(c.value(lib.bulla_seal_stream_finish, handle, self._buffer, kind="bulla_sent"))
            self._put()
        self._sent = sent
        self.close()
        return sent

    @property
    def sent(self) -> Sent:
        """What was sent, once it is finished."""
        if self._sent is None:
            raise WrongOrder("this call is not possible in this state: finish() the stream first")
        return self._sent

    def close(self) -> None:
        """Gives it up, unless it is finished. The file is not closed."""
        self._single.close()
        super().close()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self._sent is None and not self.closed:
            self.finish()
        self.close()


class DetachedSigner(Handle):
    """A detached envelope in the making, over content that comes in pieces."""

    def update(self, content: BytesLike) -> None:
        """Takes the next piece of the content."""
        data = c.given(content)
        c.call(lib.bulla_detached_signer_update, self._handle, data, len(data))

    def finish(self) -> Sealed:
        """Makes the envelope."""
        buffer = c.new_buffer()
        sent = Sent._of(c.value(lib.bulla_detached_signer_finish, self._handle, buffer, kind="bulla_sent"))
        return Sealed(c.taken(buffer), sent)


class Sealer(Handle):
    """Seals to recipients, and signs. All recipients open the same envelope, and do not learn of each other."""

    def __init__(
        self,
        identity: Identity,
        to: Iterable[PublicIdentity] = (),
        *,
        clock: Optional[Clock] = None,
        pad: bool = True,
        decoys: int = 0,
        extra_entropy: Optional[BytesLike] = None,
        session: Optional[Session] = None,
    ) -> None:
        """``pad`` rounds the length up by at most 12 %, so that relays see its size class only. ``decoys`` are stanzas for nobody, so
        that they do not learn how many recipients there are."""
        super().__init__(c.made(lib.bulla_sealer_new, identity._handle, kind="sealer"))
        for recipient in to:
            c.call(lib.bulla_sealer_to, self._handle, recipient._handle)
        if clock is not None:
            c.call(lib.bulla_sealer_clock, self._handle, clock._handle)
        if not pad:
            c.call(lib.bulla_sealer_padding, self._handle, lib.BULLA_PADDING_NONE)
        c.call(lib.bulla_sealer_decoys, self._handle, decoys)
        if extra_entropy is not None:
            data = c.given(extra_entropy)
            c.call(lib.bulla_sealer_extra_entropy, self._handle, data, len(data))
        if session is not None:
            c.call(lib.bulla_sealer_session, self._handle, session._handle)

    def _whole(self, function: Any, draft: Draft, content: BytesLike) -> Sealed:
        buffer, data = c.new_buffer(), c.given(content)
        sent = c.value(function, self._handle, draft._handle, data, len(data), buffer, kind="bulla_sent")
        return Sealed(c.taken(buffer), Sent._of(sent))

    def seal(self, draft: Draft, content: BytesLike) -> Sealed:
        """Seals content to the recipients: private, signed, with a stamp."""
        return self._whole(lib.bulla_seal, draft, content)

    def sign(self, draft: Draft, content: BytesLike) -> Sealed:
        """Signs content, which stays readable for everyone, inside the envelope."""
        return self._whole(lib.bulla_sign, draft, content)

    def sign_detached(self, draft: Draft, content: BytesLike) -> Sealed:
        """Signs content that stays beside the envelope, as for web pages and software."""
        return self._whole(lib.bulla_sign_detached, draft, content)

    def _stream(self, function: Any, draft: Draft, to: IO[bytes], length: Optional[int]) -> SealStream:
        known = lib.BULLA_LENGTH_UNKNOWN if length is None else length
        buffer = c.new_buffer()
        return SealStream(c.made(function, self._handle, draft._handle, known, buffer, kind="seal_stream"), buffer, to)

    def seal_stream(self, draft: Draft, to: IO[bytes], length: Optional[int] = None) -> SealStream:
        """Begins a sealed envelope whose content is written to what this gives. A length that is known is signed up front. For its
        reader the content is provisional until its end: :meth:`seal` is better where the content is at hand."""
        return self._stream(lib.bulla_seal_stream_new, draft, to, length)

    def sign_stream(self, draft: Draft, to: IO[bytes], length: Optional[int] = None) -> SealStream:
        """Begins a signed envelope, as :meth:`seal_stream`."""
        return self._stream(lib.bulla_sign_stream_new, draft, to, length)

    def detached_signer(self, draft: Draft) -> DetachedSigner:
        """Begins a detached envelope over content that comes in pieces."""
        return DetachedSigner(c.made(lib.bulla_detached_signer_new, self._handle, draft._handle, kind="detached_signer"))
