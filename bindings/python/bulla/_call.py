"""How the C interface is called: handles, errors, bytes, callbacks. Nothing here is for users.

The library runs without the interpreter's lock during a call (cffi releases it). A handle is freed when nothing refers to it any
more, and a call refers to its arguments: so none is freed under a call, whatever other threads do.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Iterator, Optional, TypeVar, Union

from ._errors import Error, NotAcceptable, Refused, TryAgain, UsageError
from ._native import ffi, lib
from .verdicts import ALL, InvalidInput, WrongOrder

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, StrOrBytesPath

    BytesLike = ReadableBuffer
    Path = StrOrBytesPath

__all__ = ["ffi", "lib"]

if lib.bulla_abi_version() != lib.BULLA_ABI_VERSION:
    raise ImportError("the library is not the one that this package was made for: install the package again")

AGAIN, NOTHING, TOO_LARGE, NO_ROOM, MORE, UNTOLD, REFUSED = (
    int(lib.BULLA_AGAIN),
    int(lib.BULLA_NOTHING),
    int(lib.BULLA_TOO_LARGE),
    int(lib.BULLA_NO_ROOM),
    int(lib.BULLA_MORE),
    int(lib.BULLA_UNTOLD),
    int(lib.BULLA_REFUSED),
)
#: The kind of a failure by its class: also of one of a newer library.
KINDS: dict[int, type[Error]] = {
    int(lib.BULLA_CLASS_NOT_ACCEPTABLE): NotAcceptable,
    int(lib.BULLA_CLASS_REFUSED): Refused,
    int(lib.BULLA_CLASS_TRY_AGAIN): TryAgain,
}


_H = TypeVar("_H", bound="Handle")


class Handle:
    """What belongs to the library. It is freed when nothing refers to it any more."""

    __slots__ = ("__weakref__", "_handle")

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def close(self) -> None:
        """Lets go of it now. Any call on it raises :class:`InvalidInput` from then on."""
        self._handle = ffi.NULL

    def __enter__(self: _H) -> _H:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} cannot be pickled or copied")


class Single(Handle):
    """What is for one thread at a time: what it shows lives until the next call on it, so it is held during each."""

    __slots__ = ("_lock",)

    def __init__(self, handle: Any) -> None:
        super().__init__(handle)
        self._lock = threading.Lock()

    @contextmanager
    def _alone(self) -> Iterator[Any]:
        """Gives the handle for a call, and what follows from it."""
        if not self._lock.acquire(blocking=False):
            raise WrongOrder("this call is not possible in this state: another thread is using the same object")
        try:
            yield self._handle
        finally:
            self._lock.release()


class _Raised(threading.local):
    """What a function of the user's raised in a call of this thread."""

    error: Optional[BaseException] = None


_raised = _Raised()


def call(function: Any, *arguments: Any) -> int:
    """Calls, and raises if it failed. Answers that are no failures are returned."""
    error = ffi.new("bulla_error *")
    _raised.error = None
    status = int(function(*arguments, error))
    if 0 < status < 100:
        text = ffi.string(error.text) if error.code == status else ffi.string(lib.bulla_status_text(status))
        signer = bytes(error.signer.bytes) if error.code == status and error.has_signer else None
        kind = ALL.get(status) or KINDS.get(int(lib.bulla_status_class(status)), UsageError)
        cause, _raised.error = _raised.error, None
        raise kind(text.decode("utf-8", "replace"), status, signer) from cause
    return status


def made(function: Any, *arguments: Any, kind: str) -> Any:
    """Calls what makes a handle of this kind, and owns that."""
    out = ffi.new(f"bulla_{kind} **")
    call(function, *arguments, out)
    return owned(out[0], kind)


def owned(handle: Any, kind: str) -> Any:
    return ffi.gc(handle, getattr(lib, f"bulla_{kind}_free"))


def new_buffer() -> Any:
    return made(lib.bulla_buffer_new, kind="buffer")


def taken(buffer: Any) -> bytes:
    """What is in a buffer, which is then empty, and wiped."""
    data = bytes(ffi.buffer(lib.bulla_buffer_data(buffer), lib.bulla_buffer_length(buffer)))
    lib.bulla_buffer_clear(buffer)
    return data


def filled(function: Any, *arguments: Any) -> bytes:
    """Calls what fills a buffer, its last parameter but for the error."""
    buffer = new_buffer()
    call(function, *arguments, buffer)
    return taken(buffer)


def value(function: Any, *arguments: Any, kind: str) -> Any:
    """Calls what writes a plain value of this kind."""
    out = ffi.new(f"{kind} *")
    call(function, *arguments, out)
    return out[0]


def fixed(function: Any, *arguments: Any, kind: str) -> bytes:
    """As :func:`value`, for keys, digests and ids."""
    return bytes(value(function, *arguments, kind=kind).bytes)


def given(data: BytesLike) -> Any:
    """Bytes for a call, without a copy. With ``len()``."""
    return ffi.from_buffer("uint8_t[]", data)


def struct(kind: str, data: BytesLike) -> Any:
    """A key, digest or id for a call."""
    raw = bytes(data)
    place = ffi.new(f"{kind} *")
    if len(raw) != len(place.bytes):
        raise InvalidInput(f"an argument is not acceptable: a {kind} has {len(place.bytes)} bytes")
    place.bytes = raw
    return place


def text(of: str) -> bytes:
    return _whole(of.encode("utf-8"))


def path(of: Path) -> bytes:
    return _whole(os.fsencode(of))


def secret(of: Union[str, bytes, None]) -> Any:
    """A passphrase, which may be missing."""
    if of is None:
        return ffi.NULL
    return text(of) if isinstance(of, str) else _whole(bytes(of))


def _whole(encoded: bytes) -> bytes:
    if b"\0" in encoded:
        raise InvalidInput("an argument is not acceptable: there is a NUL in the text")
    return encoded


def ranges(owned_ranges: Any) -> list[tuple[int, int]]:
    """What is in ranges, from the first to the last of each."""
    found: list[tuple[int, int]] = []
    first, last = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    while call(lib.bulla_ranges_get, owned_ranges, len(found), first, last) == 0:
        found.append((int(first[0]), int(last[0])))
    return found


def viewed(view: Any) -> bytes:
    """What a view shows, copied."""
    return bytes(ffi.buffer(view.data, view.length)) if view.length else b""


def handle_or_null(of: Optional[Handle]) -> Any:
    return ffi.NULL if of is None else of._handle


_alive: dict[int, Any] = {}


@ffi.callback("void(void *)")  # type: ignore[untyped-decorator, unused-ignore]
def drop(context: Any) -> None:
    """Given to the library with each context."""
    _alive.pop(int(ffi.cast("uintptr_t", context)), None)


class Context:
    """A Python object for callbacks. It is kept until the library drops it, or until the call that it was made for fails."""

    def __init__(self, of: object) -> None:
        self.pointer = ffi.new_handle(of)
        self._number = int(ffi.cast("uintptr_t", self.pointer))

    def __enter__(self) -> Any:
        _alive[self._number] = self.pointer
        return self.pointer

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            _alive.pop(self._number, None)


def contained(context: Any, work: Callable[[Any], int], failure: int) -> int:
    """Runs a function of the user's in a callback. What it raises becomes the cause of what the call around it raises."""
    try:
        return work(ffi.from_handle(context))
    except BaseException as error:
        raised(error)
        return failure


class _Asked(threading.local):
    """Where what is raised by a function of the user's that only answers, in a call of this thread, is put."""

    raised: Optional[list[BaseException]] = None


_asked = _Asked()


@contextmanager
def asking() -> Iterator[list[BaseException]]:
    """Around a call within which :func:`answered` may run: gives what was raised there. The call itself does not fail by it, so
    whoever calls has to."""
    before, _asked.raised = _asked.raised, []
    try:
        yield _asked.raised
    finally:
        _asked.raised = before


def answered(context: Any, work: Callable[[Any], int], instead: int) -> int:
    """Runs a function of the user's in a callback that knows no failure. What it raises is for :func:`asking`."""
    try:
        return work(ffi.from_handle(context))
    except BaseException as error:
        if _asked.raised is not None:
            _asked.raised.append(error)
        return instead


def took(count: Optional[int]) -> int:
    """How many bytes a file took. Files that do not block say None, or 0, where they take none: asked again at once, for ever."""
    if not count:
        raise BlockingIOError(errno.EAGAIN, "the file takes nothing now: give one that blocks")
    return count


def raised(error: BaseException) -> None:
    """What a function of the user's raised: it becomes the cause of what the call around it raises."""
    _raised.error = error
