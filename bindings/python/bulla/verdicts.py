"""One class for each verdict. Made by make_verdicts.py out of include/bulla.h: change that, and not this."""

from __future__ import annotations

from ._errors import Error, NotAcceptable, Refused, TryAgain, UsageError

__all__ = [
    "BufferTooSmall",
    "ClockFailed",
    "ContentDiffers",
    "DuplicateRecipient",
    "Expired",
    "Gap",
    "GuardFull",
    "GuardUnavailable",
    "Internal",
    "InvalidInput",
    "Io",
    "KeyUnavailable",
    "LeaseLost",
    "LengthMismatch",
    "Malformed",
    "NameTaken",
    "NoRecipient",
    "NoUsableKey",
    "NotAuthentic",
    "NotForMe",
    "NotYetValid",
    "OutboxUnavailable",
    "OwnMessage",
    "PassphraseNeeded",
    "Pending",
    "RandomFailed",
    "Replayed",
    "SessionOver",
    "Superseded",
    "TooOld",
    "Unbounded",
    "Undecided",
    "UnsupportedVersion",
    "UntrustedSender",
    "WrongChallenge",
    "WrongContext",
    "WrongKind",
    "WrongOrder",
    "WrongPassphrase",
    "WrongReceipt",
    "WrongStatement",
]


class InvalidInput(UsageError):
    """An argument is not acceptable."""

    code = 1


class NoRecipient(UsageError):
    """No recipient: name at least one."""

    code = 2


class DuplicateRecipient(UsageError):
    """Two recipients have the same encryption key: name each once."""

    code = 3


class NoUsableKey(UsageError):
    """This identity has no encryption key that can be used: ask for a newer identity line."""

    code = 4


class RandomFailed(UsageError):
    """The random generator of the system failed: nothing was made."""

    code = 5


class ClockFailed(UsageError):
    """The clock could not be read."""

    code = 6


class KeyUnavailable(UsageError):
    """The key holder (agent, token, HSM) did not answer: see that it is there and unlocked."""

    code = 7


class Io(UsageError):
    """Reading or writing failed."""

    code = 8


class WrongPassphrase(UsageError):
    """The passphrase is wrong, or the key file was changed."""

    code = 9


class PassphraseNeeded(UsageError):
    """This key file is protected: give its passphrase."""

    code = 10


class LengthMismatch(UsageError):
    """The content is not as long as announced: seal it again."""

    code = 11


class SessionOver(UsageError):
    """The sealing session is over: begin a new one."""

    code = 12


class WrongOrder(UsageError):
    """This call is not possible in this state: begin again."""

    code = 13


class BufferTooSmall(UsageError):
    """The buffer is too small for the result: give a longer one, or one that grows."""

    code = 14


class Internal(UsageError):
    """A defect of Bulla was met, and contained: what was in hand is not done; please report it."""

    code = 15


class NameTaken(UsageError):
    """There is a file of that name already, and it is not written over: choose another name."""

    code = 16


class Malformed(NotAcceptable):
    """Not a well-formed Bulla envelope: it was cut, changed, or is something else."""

    code = 20


class UnsupportedVersion(NotAcceptable):
    """This needs a newer version of Bulla: update this program."""

    code = 21


class WrongKind(NotAcceptable):
    """Another kind of envelope: `open` is for sealed ones, `verify` for signed ones, and detached ones need their content."""

    code = 22


class NotForMe(NotAcceptable):
    """Not sealed to this key, or damaged: check which identity it was sealed to."""

    code = 23


class NotAuthentic(NotAcceptable):
    """Not authentic: it was changed, cut or forged on the way; ask for it again."""

    code = 24


class WrongStatement(Refused):
    """Authentic, but not a message (a receipt, perhaps): use the call made for it."""

    code = 40


class OwnMessage(Refused):
    """Authentic, but made with this very key: allow own messages if that is meant."""

    code = 41


class UntrustedSender(Refused):
    """Authentic, but from a sender who is not accepted here: add the sender's identity if you trust it."""

    code = 42


class WrongContext(Refused):
    """Authentic, but made for another context: give it to the application it was made for, or check which context is asked for here."""

    code = 43


class NotYetValid(Refused):
    """Authentic, but dated in the future: check the clocks."""

    code = 44


class Expired(Refused):
    """Authentic, but expired: ask for a new one, or reopen it as an archive."""

    code = 45


class TooOld(Refused):
    """Authentic, but older than accepted here: ask for a new one, raise the greatest age, or reopen it as an archive."""

    code = 46


class Unbounded(Refused):
    """Authentic, but it never expires, and a replay guard cannot remember forever: set a greatest age."""

    code = 47


class Replayed(Refused):
    """Authentic, but already received: a second copy is not accepted; to read it again, reopen it as an archive."""

    code = 48


class Superseded(Refused):
    """Authentic, but a newer one is already known: use that one."""

    code = 49


class Gap(Refused):
    """Authentic, but messages before it are missing: get those first, and then try again."""

    code = 50


class WrongChallenge(Refused):
    """Authentic, but it answers no challenge that is open here: ask anew."""

    code = 51


class WrongReceipt(Refused):
    """An authentic receipt, but not for this message: it settles nothing."""

    code = 52


class ContentDiffers(Refused):
    """THE RECIPIENT HAS OTHER CONTENT than was sent: what is stored there is not this message; look into it, and send it again."""

    code = 53


class Pending(TryAgain):
    """This message is being worked on: try again later."""

    code = 70


class GuardFull(TryAgain):
    """The replay guard is full: try again later, or give it more room."""

    code = 71


class GuardUnavailable(TryAgain):
    """The replay guard cannot be used: see its store, and try again."""

    code = 72


class LeaseLost(TryAgain):
    """The claim on this message ran out before it was finished: try again."""

    code = 73


class OutboxUnavailable(TryAgain):
    """The outbox cannot be used, and nothing was recorded: see its file, and try again."""

    code = 74


class Undecided(TryAgain):
    """The rules of this host could not decide on it, and nothing is reserved: try again later."""

    code = 75


#: The class of each code.
ALL: dict[int, type[Error]] = {
    1: InvalidInput,
    2: NoRecipient,
    3: DuplicateRecipient,
    4: NoUsableKey,
    5: RandomFailed,
    6: ClockFailed,
    7: KeyUnavailable,
    8: Io,
    9: WrongPassphrase,
    10: PassphraseNeeded,
    11: LengthMismatch,
    12: SessionOver,
    13: WrongOrder,
    14: BufferTooSmall,
    15: Internal,
    16: NameTaken,
    20: Malformed,
    21: UnsupportedVersion,
    22: WrongKind,
    23: NotForMe,
    24: NotAuthentic,
    40: WrongStatement,
    41: OwnMessage,
    42: UntrustedSender,
    43: WrongContext,
    44: NotYetValid,
    45: Expired,
    46: TooOld,
    47: Unbounded,
    48: Replayed,
    49: Superseded,
    50: Gap,
    51: WrongChallenge,
    52: WrongReceipt,
    53: ContentDiffers,
    70: Pending,
    71: GuardFull,
    72: GuardUnavailable,
    73: LeaseLost,
    74: OutboxUnavailable,
    75: Undecided,
}
