"""The replay guards that remember what was accepted."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from . import _call as c
from ._call import Handle, ffi, lib

if TYPE_CHECKING:
    from ._call import Path

__all__ = [
    "Database",
    "EntryState",
    "Guard",
    "GuardCounts",
    "GuardEntry",
    "GuardLimits",
    "GuardStream",
    "RedisSettings",
]


class Database(Handle):
    """A durable file, for guards and outboxes. Nothing else in the process may open it, and it is not to be carried over a fork."""

    def __init__(self, file: Path, *, must_exist: bool = False) -> None:
        """Makes the file if there is none, unless it must exist: where it is lost, what it remembered is lost."""
        function = lib.bulla_database_open_existing if must_exist else lib.bulla_database_open
        super().__init__(c.made(function, c.path(file), kind="database"))


class GuardLimits(NamedTuple):
    """How much a guard remembers; 0: as usual for the others."""

    capacity: int = 0
    strangers: int = 0
    per_sender: int = 0
    per_stranger: int = 0


class GuardCounts(NamedTuple):
    """How much of everything there is in a durable guard."""

    reserved: int
    released: int
    committed: int
    strangers: int
    streams: int
    challenges: int
    high_water: int
    file_bytes: int
    schema_version: int


class EntryState(enum.IntEnum):
    """What became of a message that a guard remembers."""

    RESERVED = 1
    RELEASED = 2
    COMMITTED = 3


@dataclass(frozen=True)
class GuardEntry:
    """What a durable guard remembers of one message. Nothing of it is secret."""

    #: Names the message: reader, signer, message id, context.
    name: bytes
    signer: bytes
    issued: int
    #: From when on it may be dropped.
    keep_until: int
    state: EntryState
    #: Only of what is reserved: when the lease runs out.
    lease_until: Optional[int]
    #: Of what is committed: the length of the receipt or answer that is kept for copies.
    answer_length: int
    #: The signer was accepted because anyone is.
    stranger: bool

    @classmethod
    def _of(cls, raw: Any) -> GuardEntry:
        state = EntryState(int(raw.state))
        until = int(raw.lease_until) if state is EntryState.RESERVED else None
        names, times = (bytes(raw.name.bytes), bytes(raw.signer.bytes)), (int(raw.issued), int(raw.keep_until))
        return cls(*names, *times, state, until, int(raw.answer_length), bool(raw.stranger))


@dataclass(frozen=True)
class GuardStream:
    """An ordered stream that a durable guard knows. Nothing of it is secret."""

    #: Names the stream: reader, signer, context, stream id.
    name: bytes
    signer: bytes
    #: From when on it may be dropped if its room is needed; None: it stays until it is forgotten.
    keep_until: Optional[int]
    #: The greatest number that was accepted or given up.
    greatest: Optional[int]
    stranger: bool
    #: Which numbers before it are missing, as ranges from the first to the last.
    missing: list[tuple[int, int]]

    @classmethod
    def _of(cls, raw: Any, missing: list[tuple[int, int]]) -> GuardStream:
        until = None if raw.stays else int(raw.keep_until)
        greatest = int(raw.greatest) if raw.has_greatest else None
        return cls(bytes(raw.name.bytes), bytes(raw.signer.bytes), until, greatest, bool(raw.stranger), missing)


class _Raw(NamedTuple):
    """A structure for a call, and what it points to."""

    place: Any
    kept: list[Any]


@dataclass(frozen=True)
class RedisSettings:
    """How a guard reaches its server. What is not set is as usual."""

    prefix: Optional[str] = None
    #: Uses only the store of this id (:attr:`Guard.store_id`).
    expected_store: Optional[str] = None
    #: PEM; instead of those of the system.
    root_certificates: bytes = b""
    #: PEM, shown to the server, with its key.
    client_certificate: bytes = b""
    client_key: bytes = b""
    limits: Optional[GuardLimits] = None
    #: Seconds.
    clock_ahead: int = 0
    #: Milliseconds.
    connect_timeout: int = 0
    response_timeout: int = 0
    connections: int = 0
    allow_unknown_eviction: bool = False

    def _raw(self) -> _Raw:
        place = ffi.new("bulla_redis_settings *")
        kept: list[Any] = []
        place.size = ffi.sizeof("bulla_redis_settings")
        for name in ("prefix", "expected_store"):
            if (text := getattr(self, name)) is not None:
                kept.append(ffi.new("char[]", c.text(text)))
                setattr(place, name, kept[-1])
        for name in ("root_certificates", "client_certificate", "client_key"):
            if pem := getattr(self, name):
                kept.append(ffi.new("uint8_t[]", pem))
                setattr(place, name, kept[-1])
                setattr(place, f"{name}_length", len(pem))
        if self.limits is not None:
            kept.append(_limits(self.limits))
            place.how_much = kept[-1]
        for name in ("clock_ahead", "connect_timeout", "response_timeout", "connections", "allow_unknown_eviction"):
            setattr(place, name, int(getattr(self, name)))
        return _Raw(place, kept)


class Guard(Handle):
    """A replay guard: remembers what was accepted, so that nothing is accepted twice."""

    def __init__(self) -> None:
        raise TypeError("use Guard.in_memory(), Guard.durable(), Guard.redis() or HostGuard.guard()")

    @classmethod
    def _made(cls, function: object, *arguments: object) -> Guard:
        self = cls.__new__(cls)
        Handle.__init__(self, c.made(function, *arguments, kind="guard"))
        return self

    @classmethod
    def in_memory(cls, limits: Optional[GuardLimits] = None) -> Guard:
        """It forgets everything when the process ends."""
        return cls._made(lib.bulla_guard_in_memory, _limits(limits))

    @classmethod
    def durable(cls, database: Database, limits: Optional[GuardLimits] = None) -> Guard:
        """It forgets nothing: what was accepted is on the disk."""
        return cls._made(lib.bulla_guard_durable, database._handle, _limits(limits))

    @classmethod
    def redis(cls, url: str, settings: Optional[RedisSettings] = None) -> Guard:
        """One that many processes and machines share, on a Redis or Valkey server, if :func:`has_feature` knows ``redis``. It connects
        at once; where the server cannot be reached nothing is accepted."""
        raw = (settings or RedisSettings())._raw()
        guard = cls._made(lib.bulla_guard_redis, c.text(url), raw.place)
        del raw  # What the settings point to was needed until now.
        return guard

    @property
    def store_id(self) -> Optional[str]:
        """The id of the store on a server, to be expected at the next start; None for other guards."""
        buffer = c.new_buffer()
        known = c.call(lib.bulla_guard_store_id, self._handle, buffer) != c.NOTHING
        return c.taken(buffer).decode("ascii") if known else None

    def sweep(self, now: int, at_most: int) -> int:
        """Drops entries whose time has come, and tells how many. Guards do that by themselves; this is for idle times."""
        return int(c.value(lib.bulla_guard_sweep, self._handle, now, at_most, kind="size_t"))

    def counts(self) -> GuardCounts:
        """How much there is in a durable guard."""
        raw = c.value(lib.bulla_guard_durable_counts, self._handle, kind="bulla_guard_counts")
        return GuardCounts(*(int(getattr(raw, name)) for name in GuardCounts._fields))

    def check(self) -> None:
        """Reads the whole file of a durable guard, and raises if anything in it is damaged."""
        c.call(lib.bulla_guard_durable_check, self._handle)

    def entries(self, at_most: int = 1000, after: Optional[bytes] = None) -> list[GuardEntry]:
        """What a durable guard remembers, in the order of the names, from the first name that follows ``after``."""
        name = ffi.NULL if after is None else c.struct("bulla_digest", after)
        every = c.made(lib.bulla_guard_durable_entries, self._handle, at_most, name, kind="guard_entry_list")
        raw, found = ffi.new("bulla_guard_entry *"), []
        for index in range(lib.bulla_guard_entry_list_count(every)):
            c.call(lib.bulla_guard_entry_list_at, every, index, raw)
            found.append(GuardEntry._of(raw))
        return found

    def streams(self, at_most: int = 1000, after: Optional[bytes] = None) -> list[GuardStream]:
        """The ordered streams that a durable guard knows, in the order of the names."""
        name = ffi.NULL if after is None else c.struct("bulla_digest", after)
        every = c.made(lib.bulla_guard_durable_streams, self._handle, at_most, name, kind="guard_stream_list")
        raw, found = ffi.new("bulla_guard_stream *"), []
        for index in range(lib.bulla_guard_stream_list_count(every)):
            c.call(lib.bulla_guard_stream_list_at, every, index, raw)
            missing = c.made(lib.bulla_guard_stream_list_missing, every, index, kind="ranges")
            found.append(GuardStream._of(raw, c.ranges(missing)))
        return found

    def forget_stream(self, name: bytes) -> bool:
        """Forgets a stream of a durable guard by its name, and tells whether it was known. See :meth:`Opener.forget_stream` for the
        danger."""
        digest = c.struct("bulla_digest", name)
        return bool(c.value(lib.bulla_guard_durable_forget_stream, self._handle, digest, kind="uint8_t"))


def _limits(of: Optional[GuardLimits]) -> object:
    return ffi.NULL if of is None else ffi.new("bulla_guard_limits *", of._asdict())
