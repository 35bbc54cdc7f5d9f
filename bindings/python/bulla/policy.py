"""What is accepted: policies, and the replay guards that remember what was."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Iterable, NamedTuple, Optional, Union

from . import _call as c
from ._call import Handle, ffi, lib
from .identity import PublicIdentity

if TYPE_CHECKING:
    from ._call import Path

__all__ = ["ANYONE", "Anyone", "Database", "Guard", "GuardCounts", "GuardLimits", "Order", "Policy"]


class Anyone(enum.Enum):
    """See :data:`ANYONE`."""

    ANYONE = "anyone"


#: Accepts messages of anyone. The sender is then known by the key in the stamp alone: look at it.
ANYONE = Anyone.ANYONE


class Order(enum.IntEnum):
    """Demands on the order of the messages of a stream."""

    ANY = 0
    #: Only what is newer than all before it.
    MONOTONIC = 1
    #: Everything, within a window, and it is known what is missing.
    GAPLESS = 2


class Policy(Handle):
    """What a reader accepts: one context, and the senders that are named."""

    def __init__(
        self,
        context: str,
        senders: Union[Iterable[Union[PublicIdentity, bytes]], Anyone] = (),
        *,
        max_age: Optional[int] = 30 * 86400,
        skew: int = 120,
        allow_own: bool = False,
        order: Order = Order.ANY,
        window: int = 0,
        first: int = 0,
        demand_challenge: bool = False,
        max_trials: Optional[int] = None,
    ) -> None:
        """``senders`` are public identities, or their keys. Times are seconds; ``max_age=None`` accepts messages until they expire.
        ``window`` and ``first`` are for ``Order.GAPLESS``: how many numbers may be missing, and with which streams begin."""
        super().__init__(c.made(lib.bulla_policy_new, c.text(context), kind="policy"))
        if isinstance(senders, Anyone):
            c.call(lib.bulla_policy_allow_anyone, self._handle)
        else:
            for sender in senders:
                key = sender.key if isinstance(sender, PublicIdentity) else sender
                c.call(lib.bulla_policy_allow, self._handle, c.struct("bulla_key", key))
        c.call(lib.bulla_policy_max_age, self._handle, lib.BULLA_NO_MAX_AGE if max_age is None else max_age)
        c.call(lib.bulla_policy_skew, self._handle, skew)
        c.call(lib.bulla_policy_allow_own, self._handle, allow_own)
        c.call(lib.bulla_policy_order, self._handle, int(order), window, first)
        c.call(lib.bulla_policy_demand_challenge, self._handle, demand_challenge)
        if max_trials is not None:
            c.call(lib.bulla_policy_max_trials, self._handle, max_trials)


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


class Guard(Handle):
    """A replay guard: remembers what was accepted, so that nothing is accepted twice."""

    def __init__(self) -> None:
        raise TypeError("use Guard.in_memory() or Guard.durable()")

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


def _limits(of: Optional[GuardLimits]) -> object:
    return ffi.NULL if of is None else ffi.new("bulla_guard_limits *", of._asdict())
