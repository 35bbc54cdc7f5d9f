"""Who one is, who others are, and what time it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, NamedTuple, Optional, Union

from . import _call as c
from ._call import Handle, ffi, lib

if TYPE_CHECKING:
    from ._call import BytesLike, Path

__all__ = ["Clock", "EncryptionKey", "Generation", "Identity", "PublicIdentity", "key_text"]

Passphrase = Union[str, bytes, None]
Derive = Callable[[int, int, bytes], bytes]
UNAVAILABLE = int(lib.BULLA_KEY_UNAVAILABLE)


def _put(made: bytes, to: Any, length: int) -> int:
    if len(made) != length:
        raise ValueError(f"a key holder gave {len(made)} bytes instead of {length}")
    ffi.memmove(to, made, length)
    return 0


@ffi.callback("bulla_status(void *, const uint8_t *, size_t, uint8_t *)", error=UNAVAILABLE)  # type: ignore[untyped-decorator, unused-ignore]
def _sign(context: Any, message: Any, length: int, to: Any) -> int:
    return c.contained(context, lambda it: _put(it[0](bytes(ffi.buffer(message, length))), to, 64), UNAVAILABLE)


def _deriving(index: int) -> Any:
    def derive(context: Any, suite: int, generation: int, enc: Any, length: int, to: Any) -> int:
        def ask(functions: Any) -> int:
            return _put(functions[index](suite, generation, bytes(ffi.buffer(enc, length))), to, 32)

        return c.contained(context, ask, UNAVAILABLE)

    signature = "bulla_status(void *, uint32_t, uint32_t, const uint8_t *, size_t, uint8_t *)"
    return ffi.callback(signature, derive, error=UNAVAILABLE)


_decapsulate, _multiply = _deriving(1), _deriving(2)


class EncryptionKey(NamedTuple):
    """A public encryption key of an identity."""

    suite: int
    #: A higher one is newer.
    generation: int
    key: bytes


class Generation(NamedTuple):
    """An encryption key that a secret identity holds."""

    #: A higher one is newer.
    number: int
    #: When it may be destroyed, in seconds since 1970; None: never, or the holder does not tell.
    not_after: Optional[int]


def _each(function: Any, handle: Any, kind: str) -> Iterable[Any]:
    """What a function tells by numbers, until there is nothing more."""
    out, index = ffi.new(f"{kind} *"), 0
    while c.call(function, handle, index, out) != c.NOTHING:
        yield out
        index += 1


def key_text(key: bytes) -> str:
    """A signing key as the command line shows it."""
    return c.filled(lib.bulla_key_text, c.struct("bulla_key", key)).decode("ascii")


class PublicIdentity(Handle):
    """A public identity: a signing key, and the encryption keys of whom it belongs to."""

    def __init__(self, line: str) -> None:
        """Reads an identity line (``bulla1…``); white space around it is an error."""
        super().__init__(c.made(lib.bulla_public_parse, c.text(line), kind="public"))

    @classmethod
    def _of(cls, handle: Any) -> PublicIdentity:
        self = cls.__new__(cls)
        Handle.__init__(self, handle)
        return self

    @classmethod
    def of_keys(cls, signing_key: bytes, encryption_keys: Iterable[tuple[int, bytes]]) -> PublicIdentity:
        """Makes one of the keys that an external holder tells: Ed25519, and X25519 with the generation of each, ascending."""
        keys = list(encryption_keys)
        raw = ffi.new("bulla_encryption_key[]", len(keys))
        for place, (generation, key) in zip(raw, keys):
            place.suite, place.generation, place.bytes = 1, generation, bytes(c.struct("bulla_key", key).bytes)
        return cls._of(
            c.made(lib.bulla_public_of_keys, c.struct("bulla_key", signing_key), raw, len(keys), kind="public")
        )

    @property
    def line(self) -> str:
        """The identity line, to be given to others."""
        return c.filled(lib.bulla_public_line, self._handle).decode("ascii")

    @property
    def key(self) -> bytes:
        """The signing key, 32 bytes: the name by which policies, guards and receipts know it."""
        return c.fixed(lib.bulla_public_key, self._handle, kind="bulla_key")

    def encryption_keys(self) -> list[EncryptionKey]:
        """Its encryption keys; the last is the newest."""
        found = _each(lib.bulla_public_encryption_key, self._handle, "bulla_encryption_key")
        return [EncryptionKey(int(key.suite), int(key.generation), bytes(key.bytes)) for key in found]

    def __eq__(self, other: object) -> bool:
        return self.line == other.line if isinstance(other, PublicIdentity) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.line)

    def __repr__(self) -> str:
        return f"<bulla.PublicIdentity {self.key.hex()}>" if self._handle != ffi.NULL else "<bulla.PublicIdentity, closed>"


class Identity(Handle):
    """A secret identity: a signing key and encryption keys. Its secrets are wiped when it, and all that was made with it, is gone."""

    def __init__(self) -> None:
        raise TypeError("use Identity.generate(), Identity.load() or Identity.parse()")

    @classmethod
    def _of(cls, handle: Any) -> Identity:
        self = cls.__new__(cls)
        Handle.__init__(self, handle)
        return self

    @classmethod
    def generate(cls) -> Identity:
        """Makes a new one, with the generator of the system."""
        return cls._of(c.made(lib.bulla_identity_generate, kind="identity"))

    @classmethod
    def load(cls, file: Path, passphrase: Passphrase = None) -> Identity:
        """Reads a key file. The passphrase is used only if the file is protected."""
        return cls._of(c.made(lib.bulla_identity_load, c.path(file), c.secret(passphrase), kind="identity"))

    @classmethod
    def parse(cls, text: BytesLike, passphrase: Passphrase = None) -> Identity:
        """Reads a key file from memory, as from a secret store."""
        data = c.given(text)
        return cls._of(c.made(lib.bulla_identity_parse, data, len(data), c.secret(passphrase), kind="identity"))

    @classmethod
    def external(
        cls,
        public: PublicIdentity,
        *,
        sign: Optional[Callable[[bytes], bytes]] = None,
        decapsulate: Optional[Derive] = None,
        multiply: Optional[Derive] = None,
    ) -> Identity:
        """One whose keys are held elsewhere: by an agent, a token, an HSM. What is not given it cannot do.

        ``sign`` gives the pure Ed25519 signature (64 bytes) of a message; it is checked before it is used. ``decapsulate`` and
        ``multiply`` are given suite, generation and ``enc``, and use the secret half of that encryption key: the one gives the
        shared secret (RFC 9180 section 4.1), the other only the result of X25519, and the library does the rest. One of the two is
        enough. What they raise becomes the cause of a :class:`KeyUnavailable`.
        """
        functions = ffi.new("bulla_holder *")
        functions.size, functions.drop = ffi.sizeof("bulla_holder"), c.drop
        functions.sign = ffi.NULL if sign is None else _sign
        functions.decapsulate = ffi.NULL if decapsulate is None else _decapsulate
        functions.multiply = ffi.NULL if multiply is None else _multiply
        with c.Context((sign, decapsulate, multiply)) as context:
            functions.context = context
            return cls._of(c.made(lib.bulla_identity_external, public._handle, functions, kind="identity"))

    def save(self, file: Path, passphrase: Passphrase) -> None:
        """Writes a new key file, readable by its owner alone. It is an error if there is one. ``None``: it is not protected."""
        c.call(lib.bulla_identity_save, self._handle, c.path(file), c.secret(passphrase))

    def replace(self, file: Path, passphrase: Passphrase) -> None:
        """Replaces a key file in one step, as after :meth:`rotate`."""
        c.call(lib.bulla_identity_replace, self._handle, c.path(file), c.secret(passphrase))

    def text(self, passphrase: Passphrase) -> bytes:
        """The text of a key file, to be kept secret. Python does not wipe it: :meth:`save` is better where there is a disk."""
        return c.filled(lib.bulla_identity_text, self._handle, c.secret(passphrase))

    def public(self) -> PublicIdentity:
        """What others need of it."""
        return PublicIdentity._of(c.made(lib.bulla_identity_public, self._handle, kind="public"))

    def rotate(self, old_not_after: Optional[int] = None) -> None:
        """Makes a new encryption key. Those so far still open, and may be destroyed at that time (seconds since 1970).

        Nothing that was made with it may live. Write the key file again with :meth:`replace`.
        """
        c.call(lib.bulla_identity_rotate, self._handle, old_not_after or 0)

    def destroy_expired(self, now: int) -> int:
        """Destroys the encryption keys whose end has come, but for the newest, and tells how many."""
        return int(c.value(lib.bulla_identity_destroy_expired, self._handle, now, kind="size_t"))

    def generations(self) -> list[Generation]:
        """Its encryption keys; the first is the newest."""
        found = _each(lib.bulla_identity_generation, self._handle, "bulla_generation")
        return [Generation(int(one.generation), int(one.not_after) or None) for one in found]

    def __repr__(self) -> str:
        return f"<bulla.Identity of {self.public().key.hex()}>" if self._handle != ffi.NULL else "<bulla.Identity, closed>"


@ffi.callback("bulla_status(void *, uint64_t *)", error=int(lib.BULLA_CLOCK_FAILED))  # type: ignore[untyped-decorator, unused-ignore]
def _now(context: Any, now: Any) -> int:
    def tell(function: Callable[[], float]) -> int:
        now[0] = int(function())
        return 0

    return c.contained(context, tell, int(lib.BULLA_CLOCK_FAILED))


class Clock(Handle):
    """A clock of one's own, or one that stands still. Without one, the clock of the system is used."""

    def __init__(self, now: Union[Callable[[], float], int]) -> None:
        """A function that tells the seconds since 1970, or a time at which the clock stands still.

        The function may be called from any thread. What it raises becomes the cause of a :class:`ClockFailed`.
        """
        if callable(now):
            with c.Context(now) as context:
                handle = c.made(lib.bulla_clock_new, _now, context, c.drop, kind="clock")
        else:
            handle = c.made(lib.bulla_clock_fixed, now, kind="clock")
        super().__init__(handle)
