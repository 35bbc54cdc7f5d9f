"""Armor, for transports of 7-bit text."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from . import _call as c
from ._call import Single, lib

if TYPE_CHECKING:
    from ._call import BytesLike

__all__ = ["Armor", "ArmorReader", "ArmorWriter", "armor", "dearmor", "is_armored"]


class Armor(enum.IntEnum):
    """What an armor is around."""

    ENVELOPE = 1
    EVIDENCE = 2
    SECRET_KEY = 3
    RECEIPT_PROOF = 4


def is_armored(data: BytesLike) -> bool:
    """Whether input looks armored, by its first bytes."""
    raw = c.given(data)
    return bool(lib.bulla_is_armored(raw, len(raw)))


def armor(data: BytesLike, what: Armor = Armor.ENVELOPE) -> str:
    """Armors bytes, for transports of 7-bit text."""
    raw = c.given(data)
    return c.filled(lib.bulla_armor, int(what), raw, len(raw)).decode("ascii")


def dearmor(text: str, what: Armor = Armor.ENVELOPE) -> bytes:
    """Takes the armor off."""
    raw = c.given(text.encode("utf-8"))
    return c.filled(lib.bulla_dearmor, int(what), raw, len(raw))


class ArmorWriter(Single):
    """Armors bytes that come in pieces."""

    def __init__(self, what: Armor = Armor.ENVELOPE) -> None:
        super().__init__(c.made(lib.bulla_armor_writer_new, int(what), kind="armor_writer"))

    def update(self, data: BytesLike) -> str:
        """Takes the next piece, and gives what it completes of the text."""
        with self._alone() as handle:
            raw = c.given(data)
            return c.filled(lib.bulla_armor_writer_update, handle, raw, len(raw)).decode("ascii")

    def finish(self) -> str:
        """Ends the text, and gives the rest of it."""
        with self._alone() as handle:
            return c.filled(lib.bulla_armor_writer_finish, handle).decode("ascii")


class ArmorReader(Single):
    """Takes the armor off text that comes in pieces. What came out counts only if :meth:`finish` returns."""

    def __init__(self, what: Armor = Armor.ENVELOPE) -> None:
        super().__init__(c.made(lib.bulla_armor_reader_new, int(what), kind="armor_reader"))

    def update(self, text: BytesLike) -> bytes:
        """Takes the next piece, as it came, and gives what it completes of the bytes."""
        with self._alone() as handle:
            raw = c.given(text)
            return c.filled(lib.bulla_armor_reader_update, handle, raw, len(raw))

    def finish(self) -> None:
        """The text has come to its end. If this raises, throw away all that came out."""
        with self._alone() as handle:
            c.call(lib.bulla_armor_reader_finish, handle)
