"""Bulla: seals, signs and freshness-stamps messages, end to end and independent of the transport.

What fails raises :class:`Error`: a class for each verdict, below :class:`UsageError`, :class:`NotAcceptable`, :class:`Refused` and
:class:`TryAgain`. Times are seconds since 1970. Keys, digests and ids are bytes. Whatever holds bytes is taken as input.

Threads: the interpreter's lock is released during each call. What is not named here may be used by several threads at once.
Streams, leases, hashers and detached signers are for one thread at a time: where that is broken the call raises
:class:`WrongOrder`, and nothing is corrupted.
"""

from __future__ import annotations

from . import _call
from ._errors import *
from .armored import *
from .audit import *
from .evidence import *
from .guard import *
from .guard_of_host import *
from .identity import *
from .message import *
from .open import *
from .outbox import *
from .policy import *
from .random_access import *
from .receipt import *
from .seal import *
from .store import *
from .verdicts import *

#: The version of the library.
__version__: str = _call.ffi.string(_call.lib.bulla_version()).decode("ascii")


def has_feature(name: str) -> bool:
    """Whether the library was built with this: ``keyfile``, ``sqlite``, ``redis``."""
    return bool(_call.lib.bulla_has_feature(_call.text(name)))
