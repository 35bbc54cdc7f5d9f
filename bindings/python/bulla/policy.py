"""What is accepted."""

from __future__ import annotations

import enum
from typing import Iterable, Optional, Union

from . import _call as c
from ._call import Handle, lib
from .identity import PublicIdentity

__all__ = ["ANYONE", "Anyone", "Order", "Policy"]


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
                if isinstance(sender, PublicIdentity):
                    c.call(lib.bulla_policy_allow_identity, self._handle, sender._handle)
                else:
                    c.call(lib.bulla_policy_allow, self._handle, c.struct("bulla_key", sender))
        c.call(lib.bulla_policy_max_age, self._handle, lib.BULLA_NO_MAX_AGE if max_age is None else max_age)
        c.call(lib.bulla_policy_skew, self._handle, skew)
        c.call(lib.bulla_policy_allow_own, self._handle, allow_own)
        c.call(lib.bulla_policy_order, self._handle, int(order), window, first)
        c.call(lib.bulla_policy_demand_challenge, self._handle, demand_challenge)
        if max_trials is not None:
            c.call(lib.bulla_policy_max_trials, self._handle, max_trials)
