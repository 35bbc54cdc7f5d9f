"""Tests of the reference by itself, and of the libraries under it.

    python -m pytest test_reference.py
"""
import hashlib, hmac, os, random, sys
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.insert(0, str(Path(__file__).resolve().parent))
import basics, keys, seal, statements
import open as reader_module
from basics import H, Verdict
from guard import Guard, Limits
from open import HPKE, Opener
from policy import FOREVER, Policy

CONTEXT = "interop/test"
NOW = 1_900_000_000
SIZES = [0, 1, 100, 16383, 16384, 16385, 100_000]
LAYOUTS = [seal.ONE_SHOT, seal.STREAMED_KNOWN, seal.STREAMED]
ALICE, BOB, EVE = (keys.seed_identity(bytes([n]) * 32) for n in (1, 2, 3))


def content_of(size):
    return random.Random(size).randbytes(size)


def policy(**changes):
    return Policy(**{"context": CONTEXT, "senders": {ALICE.public}} | changes)


def try_open(envelope, **options):
    """(verdict, step) or the content."""
    released = bytearray()
    options = {"policy": policy(), "now": NOW, "reader": BOB, "provisional": released.extend} | options
    try:
        Opener(BytesIO(envelope), **options).open()
    except Verdict as verdict:
        return verdict.name, verdict.step
    return bytes(released)


def sealed(content=b"hello", layout=seal.ONE_SHOT, pad=False, decoys=0, **claims):
    claims = seal.message(ALICE, CONTEXT, **{"issued": NOW, "expires": NOW + 60} | claims)
    return seal.seal(content, claims, ALICE.seed, BOB.identity, layout, pad, decoys)


# ---- (a) the reference by itself ----------------------------------------------------------------------

@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_round_trip(size, layout):
    content = content_of(size)
    assert try_open(sealed(content, layout)) == content
    assert try_open(sealed(content, layout, decoys=3)) == content
    claims = seal.message(ALICE, CONTEXT, NOW)
    assert try_open(seal.sign(content, claims, ALICE.seed, layout), kind=statements.ATTACHED, reader=None) == content


@pytest.mark.parametrize("around", [16384, 32768])
def test_every_size_around_a_chunk(around):
    for size in range(around - 1100, around - 180, 40):  # the end of the plaintext crosses the chunk's end
        for layout in LAYOUTS:
            assert try_open(sealed(content_of(size), layout)) == content_of(size)


@pytest.mark.parametrize("size", [0, 1, 200, 1000, 65_000, 70_000, 1_000_000])
@pytest.mark.parametrize("layout", [seal.ONE_SHOT, seal.STREAMED_KNOWN])
def test_padding_is_padme(size, layout):
    envelope = sealed(content_of(size), layout, pad=True)
    assert try_open(envelope) == content_of(size)
    chunks = len(envelope) - 58 - 48 - 56
    plaintext = chunks - 16 * (chunks // 16400 + 1)
    assert seal.padme(plaintext) == plaintext


def test_padme():
    assert [seal.padme(n) for n in (0, 1, 2, 8, 9, 10, 100, 1000)] == [0, 1, 2, 8, 10, 10, 104, 1024]


def test_detached():
    claims = seal.message(ALICE, CONTEXT, NOW)
    envelope = seal.sign(b"hello", claims, ALICE.seed, detached=True)
    detached = {"kind": statements.DETACHED, "reader": None}
    assert try_open(envelope, content=BytesIO(b"hello"), **detached) == b"hello"
    for other in (b"hellO", b"hell", b"hello!", b""):
        assert try_open(envelope, content=BytesIO(other), **detached) == ("NotAuthentic", 6)
    assert try_open(envelope + b"!", content=BytesIO(b"hello"), **detached) == ("NotAuthentic", 6)
    assert try_open(envelope, kind=statements.ATTACHED, reader=None) == ("WrongKind", 1)
    assert try_open(envelope) == ("WrongKind", 1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_evidence(layout):
    opened = Opener(BytesIO(sealed(b"hello", layout)), policy(), NOW, reader=BOB).open()
    stamp, length, digest = statements.read_evidence(opened.evidence)
    assert (stamp, length, digest) == (opened.stamp, 5, H(b"hello"))
    for i in range(0, len(opened.evidence), 7):
        changed = bytearray(opened.evidence)
        changed[i] ^= 1
        with pytest.raises(Verdict):
            statements.read_evidence(bytes(changed))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_flipped_bit_and_every_cut_is_not_acceptable(layout):
    envelope = sealed(b"hello", layout)
    for i in range(len(envelope)):
        flipped = bytearray(envelope)
        flipped[i] ^= 1 << i % 8
        verdict, step = try_open(bytes(flipped))
        assert verdict in ("Malformed", "UnsupportedVersion", "WrongKind", "NotForMe", "NotAuthentic")
        assert (verdict == "NotAuthentic") == (step >= 3)
        assert isinstance(try_open(envelope[:i]), tuple)


def test_the_order_of_checks():
    content = content_of(50_000)
    envelope = bytearray(sealed(content))
    envelope[-1] ^= 1  # a fault in the last chunk, step 6
    assert try_open(bytes(envelope)) == ("NotAuthentic", 6)
    for verdict, options in {"OwnMessage": {"reader": keys.Secret(ALICE.seed, BOB.keys)},
                             "UntrustedSender": {"policy": policy(senders={EVE.public})},
                             "WrongContext": {"policy": policy(context="other")},
                             "NotYetValid": {"now": NOW - 121}, "Expired": {"now": NOW + 180},
                             "TooOld": {"now": NOW + 130, "policy": policy(max_age=10)}}.items():
        if verdict == "OwnMessage":  # sealed to Alice's signing key and Bob's encryption key
            claims = seal.message(ALICE, CONTEXT, NOW, NOW + 60)
            odd = keys.Identity(ALICE.public, BOB.identity.entries)
            assert try_open(seal.seal(content, claims, ALICE.seed, odd), **options) == (verdict, 5)
        else:
            assert try_open(bytes(envelope), **options) == (verdict, 5)
    assert try_open(bytes(envelope), reader=EVE) == ("NotForMe", 2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_released_before_a_fault(layout):
    content, released = content_of(50_000), bytearray()
    envelope = bytearray(sealed(content, layout))
    envelope[-1] ^= 1
    assert try_open(bytes(envelope), provisional=released.extend) == ("NotAuthentic", 6)
    assert content.startswith(released) and 49152 - 1000 < len(released) < 49152


def test_guard():
    guard = Guard()
    first, again, other = (sealed(content, message_id=bytes(16)) for content in (b"hello", b"hello", b"other"))
    assert try_open(first, guard=guard) == b"hello"
    assert try_open(first, guard=guard) == ("Replayed", 7)
    assert try_open(again, guard=guard) == ("Replayed", 7)
    assert try_open(other, guard=guard) == ("Replayed", 7)
    assert try_open(first, guard=guard, policy=policy(timeless=True)) == b"hello"
    assert try_open(sealed(expires=None), guard=guard) == ("Unbounded", 5)
    assert try_open(sealed(), guard=Guard(Limits(0))) == ("GuardFull", 7)
    assert try_open(sealed(expires=FOREVER, issued=0), guard=Guard(), now=FOREVER) == ("Expired", 5)


@pytest.mark.parametrize("held, expected", [(10, b"hello"), (11, ("Malformed", 2))])
def test_the_newest_keys_are_tried_as_long_as_the_limit_lasts(monkeypatch, held, expected):
    """envelope.md §3: 100 000 trials are ten keys with all stanzas of the longest header."""
    held = [(1, generation, 0, bytes([generation + 1]) * 32) for generation in range(held)]
    oldest = X25519PrivateKey.from_private_bytes(held[0][3])
    identity = keys.Identity(BOB.public, [(1, 0, keys.raw_public(oldest))])
    claims = seal.message(ALICE, CONTEXT, NOW, NOW + 60)
    envelope = seal.seal(b"hello", claims, ALICE.seed, identity, decoys=9_999)

    class Quick:  # by the library 100 000 trials take long; the key decides, for only the oldest opens any stanza
        def decrypt(self, sealed, private_key, info):
            if private_key.private_bytes_raw() != oldest.private_bytes_raw():
                raise InvalidTag
            return HPKE.decrypt(sealed, private_key, info=info)

    monkeypatch.setattr(reader_module, "HPKE", Quick())
    assert try_open(envelope, reader=keys.Secret(BOB.seed, held)) == expected


def test_sweep_mark():
    guard, envelope = Guard(), sealed(expires=None)
    assert try_open(envelope, guard=guard, policy=policy(max_age=10)) == b"hello"
    later = {"now": NOW + 3611, "guard": guard}  # kept for the greatest skew
    assert try_open(sealed(expires=None, issued=NOW + 3600), policy=policy(max_age=50), **later) == b"hello"
    assert try_open(envelope, policy=policy(max_age=100_000), **later) == ("TooOld", 7)


def test_points():
    generator = 4 * pow(5, -1, basics.P) % basics.P
    assert basics.acceptable_point(generator.to_bytes(32, "little"))
    assert not basics.acceptable_point((2).to_bytes(32, "little"))  # not on the curve
    order_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
    for y in [0, 1, basics.P - 1, order_8, basics.P - order_8] + list(range(basics.P, 2**255)):
        for sign in (0, 2**255):
            assert not basics.acceptable_point((y + sign).to_bytes(32, "little"))
    u_order_8 = [325606250916557431795983626356110631294008115727848805560023387167927233504,
                 39382357235489614581723060781553021112529911719440698176882885853963445705823]
    for u in [0, 1, basics.P - 1, *u_order_8] + list(range(basics.P, 2**255 + 1)):
        assert not basics.acceptable_encryption_key(u.to_bytes(32, "little"))
    assert basics.acceptable_encryption_key((9).to_bytes(32, "little"))


def test_laxness_of_the_library_is_caught():
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    for y in (1, basics.P + 1):
        key, signature = y.to_bytes(32, "little"), (1).to_bytes(32, "little") + bytes(32)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, b"anything")  # the library takes it
        assert not basics.signature_is_valid(key, signature, b"anything")


def test_dcbor_orders_bytewise():
    assert basics.dcbor({-1: 1, 256: b"", 3: 2}).hex() == "a303021901004020" + "01"
    for bad in ("a201020103", "1801", "a2200103020", "bf0102ff", "5f41ff", "0101", "a220010302", "c11a00000000ff", ""):
        with pytest.raises(Verdict):
            basics.read_dcbor(bytes.fromhex(bad[:len(bad) // 2 * 2]))


def test_armor():
    for size in (1, 47, 48, 49, 96, 1000):
        text = basics.armor(content_of(size), "BULLA ENVELOPE")
        assert basics.unarmor(text) == content_of(size)
        assert basics.unarmor(text.replace(b"\n", b" \t\r\n")) == content_of(size)
        for bad in (text[:-1], text + b"\n", b"\n" + text, b" " + text, text.replace(b"\n", b"\r"), text.lower(),
                    text.replace(b"\n", b"\n\n", 1), text.replace(b"END BULLA ENV", b"END BULLA EVI")):
            with pytest.raises(Verdict):
                basics.unarmor(bad)


def test_identity_line():
    line = keys.write_identity(ALICE.identity)
    assert keys.read_identity(f" \t{line}\r\n") == ALICE.identity
    for i in range(len(line)):
        for other in "q", "p", "b", "1":
            if line[i] != other:
                with pytest.raises(Verdict):
                    keys.read_identity(line[:i] + other + line[i + 1:])
    with pytest.raises(Verdict):
        keys.read_identity(line.upper())


@pytest.mark.parametrize("passphrase", [None, "pässword"])
def test_key_file(passphrase):
    secret = keys.Secret(ALICE.seed, [(1, 0, 0, b"k" * 32), (1, 7, NOW, b"l" * 32)])
    text = keys.write_key_file(secret, passphrase)
    assert keys.read_key_file(text, passphrase) == secret
    for i in range(30, len(text) - 30, 1 if passphrase is None else 37):
        changed = bytearray(text)
        changed[i] ^= 1
        with pytest.raises(Verdict):
            keys.read_key_file(bytes(changed), passphrase)


# ---- (b) the libraries, against the definitions computed by hand --------------------------------------

def hkdf_extract(salt, secret, hash="sha256"):
    return hmac.new(salt, secret, hash).digest()


def hkdf_expand(key, info, length, hash):
    output, block = b"", b""
    for i in range(1, 256):
        block = hmac.new(key, block + info + bytes([i]), hash).digest()
        output += block
        if len(output) >= length:
            return output[:length]


def cobblestone_by_hand(key, salt, context):
    """key, base nonce, commitment (envelope.md §4)."""
    output = hkdf_expand(key, b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context, 76, hashlib.sha512)
    return output[:32], int.from_bytes(output[32:44], "big"), output[44:]


@pytest.mark.parametrize("size", SIZES)
def test_cobblestone_by_hand(size):
    secret, salt, context, message = os.urandom(32), os.urandom(24), b"bulla/1 body\0" + bytes(32), content_of(size)
    key, base, commitment = cobblestone_by_hand(secret, salt, context)
    chunks = [message[i:i + 16384] for i in range(0, len(message) + 1, 16384)]  # the last is never full
    body = salt + commitment + b"".join(AESGCM(key).encrypt((base ^ n).to_bytes(12, "big"), chunk, b"")
                                        for n, chunk in enumerate(chunks))
    decryptor = Cobblestone256Decryptor(secret, context=context)
    assert decryptor.update(body) + decryptor.finalize() == message

    encryptor = Cobblestone256Encryptor(secret, context=context)
    body = encryptor.update(message) + encryptor.finalize()
    key, base, commitment = cobblestone_by_hand(secret, body[:24], context)
    assert body[24:56] == commitment
    sealed_chunks = [body[i:i + 16400] for i in range(56, len(body), 16400)]
    assert b"".join(AESGCM(key).decrypt((base ^ n).to_bytes(12, "big"), chunk, b"")
                    for n, chunk in enumerate(sealed_chunks)) == message


def hpke_by_hand(dh, enc, public_key, info):
    """key and base nonce of RFC 9180, mode base, of the suite of envelope.md §3."""
    def extract(suite, salt, label, secret):
        return hkdf_extract(salt, b"HPKE-v1" + suite + label + secret)

    def expand(suite, key, label, info, n):
        return hkdf_expand(key, n.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, n, hashlib.sha256)

    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    shared = expand(kem, extract(kem, b"", b"eae_prk", dh), b"shared_secret", enc + public_key, 32)
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    secret = extract(suite, shared, b"secret", b"")
    return expand(suite, secret, b"key", context, 32), expand(suite, secret, b"base_nonce", context, 12)


def test_hpke_by_hand():
    """One ephemeral key for three recipients: each opens as single-shot HPKE (envelope.md §3)."""
    content_key, nonce, ephemeral = os.urandom(32), os.urandom(16), X25519PrivateKey.generate()
    enc = keys.raw_public(ephemeral)
    for reader in (ALICE, BOB, EVE):
        private_key = X25519PrivateKey.from_private_bytes(reader.keys[0][3])
        public_key, info = keys.raw_public(private_key), b"bulla/1 stanza\0" + nonce + reader.public
        key, base = hpke_by_hand(ephemeral.exchange(private_key.public_key()), enc, public_key, info)
        stanza = AESGCM(key).encrypt(base, content_key, b"")
        assert len(stanza) == 48 and HPKE.decrypt(enc + stanza, private_key, info=info) == content_key
        with pytest.raises(InvalidTag):
            HPKE.decrypt(enc + stanza, private_key, info=info + b"\0")

        made = HPKE.encrypt(content_key, private_key.public_key(), info=info)
        dh = private_key.exchange(X25519PublicKey.from_public_bytes(made[:32]))
        key, base = hpke_by_hand(dh, made[:32], public_key, info)
        assert AESGCM(key).decrypt(base, made[32:], b"") == content_key
