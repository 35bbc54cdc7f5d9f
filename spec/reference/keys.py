"""Public identity lines, secret identities and key files (identity.md), written from the specification alone."""
import hmac, os
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from basics import H, Verdict, acceptable_encryption_key, acceptable_point, armor, require, take, unarmor

# ---- public identity line (identity.md §1) ------------------------------------------------------------
# Bech32m is short; the PyPI package `bech32` is BIP 173 only: no Bech32m, and not more than 90 characters.

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
HUMAN_READABLE = "bulla"


def bech32m_checksum(values):
    """The checksum register of BIP 350 over the human-readable part and `values`: 1 if they end with a good one."""
    state = 1
    prefix = [ord(c) >> 5 for c in HUMAN_READABLE] + [0] + [ord(c) & 31 for c in HUMAN_READABLE]
    for value in prefix + values:
        top, state = state >> 25, (state & 0x1FFFFFF) << 5 ^ value
        for i, g in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= g if top >> i & 1 else 0
    return state ^ 0x2BC830A3 ^ 1


def regroup(values, width, new_width, pad):
    """Bits in groups of `width` to groups of `new_width`; left-over bits are padding and must be zero."""
    bits = "".join(f"{v:0{width}b}" for v in values)
    if pad:
        bits += "0" * (-len(bits) % new_width)
    rest = len(bits) % new_width
    require(rest < width and not (rest and int(bits[-rest:], 2)), "Malformed")
    return [int(bits[i:i + new_width], 2) for i in range(0, len(bits) - rest, new_width)]


class Identity(NamedTuple):
    signing_key: bytes
    entries: list  # of (suite, generation, encryption key), ascending


def write_identity(identity):
    entries = (bytes([suite]) + generation.to_bytes(4, "big") + key for suite, generation, key in identity.entries)
    data = b"\1" + identity.signing_key + b"".join(entries)
    values = regroup(data, 8, 5, pad=True)
    checksum = bech32m_checksum(values + [0] * 6) ^ 1
    return HUMAN_READABLE + "1" + "".join(ALPHABET[v] for v in values + regroup([checksum], 30, 5, pad=False))


def read_identity(line):
    line = line.strip(" \t\r\n")
    start = HUMAN_READABLE + "1"
    require(len(line) <= 1023 and line.startswith(start), "Malformed")
    values = [ALPHABET.find(c) for c in line[len(start):]]
    require(-1 not in values and len(values) >= 6 and bech32m_checksum(values) == 1, "Malformed")
    version, data = take(bytes(regroup(values[:-6], 5, 8, pad=False)), 1)
    require(version == b"\1", "UnsupportedVersion")
    signing_key, data = take(data, 32)
    entries = []
    while data:
        require(data[0] == 1, "UnsupportedVersion")
        entry, data = take(data, 37)
        entries.append((1, int.from_bytes(entry[1:5], "big"), entry[5:]))
        require(acceptable_encryption_key(entry[5:]), "Malformed")
    require(1 <= len(entries) <= 8 and strictly_ascending(entries), "Malformed")
    require(acceptable_point(signing_key), "Malformed")
    return Identity(signing_key, entries)


def strictly_ascending(entries):
    return all(a[:2] < b[:2] for a, b in zip(entries, entries[1:]))


# ---- secret identity and key file (identity.md §2, §3) ------------------------------------------------

class Secret(NamedTuple):
    seed: bytes
    keys: list  # of (suite, generation, not-after, X25519 secret), ascending

    @property
    def public(self):
        return raw_public(Ed25519PrivateKey.from_private_bytes(self.seed))

    @property
    def identity(self):
        return Identity(self.public, [(s, g, raw_public(X25519PrivateKey.from_private_bytes(k)))
                                      for s, g, _, k in self.keys][-8:])


def raw_public(private_key):
    return private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def seed_identity(seed):
    return Secret(seed, [(1, 0, 0, H(b"bulla/1 seed x25519\0" + seed))])


def stretch(passphrase, m, t, p, salt):
    return Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m).derive(passphrase.encode())


def key_file_checksum(data):
    return H(b"bulla/1 key file checksum\0" + data)[:16]


def write_key_file(secret, passphrase=None):
    secrets = secret.seed + bytes([len(secret.keys)])
    for suite, generation, not_after, key in secret.keys:
        secrets += bytes([suite]) + generation.to_bytes(4, "big") + not_after.to_bytes(8, "big") + key
    if passphrase is None:
        data = b"BULLAKEY\1\0" + secrets
        return armor(data + key_file_checksum(data), "BULLA SECRET KEY")
    m, t, p, salt = 65536, 3, 1, os.urandom(16)
    data = b"BULLAKEY\1\1" + b"".join(n.to_bytes(4, "big") for n in (m, t, p)) + salt
    sealed = AESGCM(stretch(passphrase, m, t, p, salt)).encrypt(bytes(12), secrets, b"bulla/1 key file\0" + data)
    return armor(data + sealed, "BULLA SECRET KEY")


def read_key_file(text, passphrase=None):
    require(len(text) <= 8192, "Malformed")
    data = unarmor(text, ["BULLA SECRET KEY"])
    magic, rest = take(data, 8)
    require(magic == b"BULLAKEY" and len(data) <= 4096, "Malformed")
    (version, protection), rest = take(rest, 2)
    require(version == 1 and protection in (0, 1), "UnsupportedVersion")
    if protection == 0:
        secrets, checksum = rest[:-16], rest[-16:]
        require(hmac.compare_digest(checksum, key_file_checksum(data[:-16])), "Malformed")
    else:
        parameters, sealed = take(rest, 28)
        m, t, p = (int.from_bytes(parameters[i:i + 4], "big") for i in (0, 4, 8))
        require(m <= 2**20 and t <= 16 and p <= 16 and m * t <= 2**23, "Malformed")
        require(t >= 1 and p >= 1 and m >= 8 * p, "Malformed")  # RFC 9106 §3.1
        try:
            key = stretch(passphrase or "", m, t, p, parameters[12:])
            secrets = AESGCM(key).decrypt(bytes(12), sealed, b"bulla/1 key file\0" + data[:-len(sealed)])
        except InvalidTag:
            raise Verdict("WrongPassphrase") from None
    seed, secrets = take(secrets, 32)
    (count,), secrets = take(secrets, 1)
    keys = []
    for _ in range(count):
        require(secrets[:1] in (b"", b"\1"), "UnsupportedVersion")
        entry, secrets = take(secrets, 45)
        keys.append((1, int.from_bytes(entry[1:5], "big"), int.from_bytes(entry[5:13], "big"), entry[13:]))
    require(1 <= count <= 32 and not secrets and strictly_ascending(keys), "Malformed")
    return Secret(seed, keys)
