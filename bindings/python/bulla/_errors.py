"""The kinds of failure."""

from __future__ import annotations

from typing import Optional

__all__ = ["Error", "NotAcceptable", "Refused", "TryAgain", "UsageError"]


class Error(Exception):
    """Why a call failed: one line, what is wrong and what to do. It never holds a secret."""

    #: The number of the verdict, as in bulla.h.
    code: int = 0

    def __init__(self, text: str = "", code: Optional[int] = None, signer: Optional[bytes] = None) -> None:
        super().__init__(text)
        if code is not None:
            self.code = code
        #: Who signed what was refused as :class:`UntrustedSender`. The text does not name it.
        self.signer = signer


class UsageError(Error):
    """The call was wrong, or something around it failed; nothing is said about the envelope."""


class NotAcceptable(Error):
    """Not acceptable as an envelope for this reader; nobody is known to have said anything."""


class Refused(Error):
    """Authentic, but refused: wrong sender, context, time, or seen before."""


class TryAgain(Error):
    """Nothing is decided. Try again later, and never bounce."""
