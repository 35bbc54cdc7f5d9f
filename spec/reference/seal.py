"""Seals and signs: the sender's side of the reference, written from the specification alone.

    python open.py seal (--seed HEX | --keyfile FILE) --to IDENTITY --context C [--stream | --stream-known]
                        [--pad] [--decoys N] [options] < content > envelope
    python open.py sign (--seed HEX | --keyfile FILE) --context C [--detached] [options] < content > envelope

For one recipient, for the HPKE of the library makes a fresh ephemeral key at every call (envelope.md §3).
"""
import os, random, time

import cbor2
from cryptography.cobblestone import Cobblestone256Encryptor
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from basics import H, armor, dcbor
from keys import read_identity
from statements import ATTACHED, DETACHED, SEALED, closing_aad, opening_aad, signed_bytes

HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
ONE_SHOT, STREAMED_KNOWN, STREAMED = 1, 2, 3  # layouts (envelope.md §5)


def sign1(claims, seed, external_aad):  # statements.md §1
    payload = dcbor(claims)
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(signed_bytes(external_aad, payload))
    return dcbor([b"\xa1\x01\x32", {}, payload, signature])


def padme(length):  # envelope.md §5
    e = length.bit_length() - 1
    s = e.bit_length()
    if length < 2 or e < s:
        return length
    mask = 2 ** (e - s) - 1
    return (length + mask) & ~mask


def padding_for(unpadded):
    """The padding claim for which the padding it leads to has the claim's own size. `unpadded(claim)` is the
    length of the plaintext with this claim in it, but without the padding itself."""
    if padme(unpadded(None)) == unpadded(None):
        return None
    least = 0
    while True:
        for example in (1, 24, 2**8, 2**16, 2**32):  # of 1, 2, 3, 5 and 9 bytes of CBOR
            length = unpadded(example)
            padding = padme(max(length, least)) - length
            if padding > 0 and len(cbor2.dumps(padding)) == len(cbor2.dumps(example)):
                return padding
        least = padme(max(unpadded(1), least)) + 1


def make_plaintext(claims, content, seed, header_hash, layout, pad=False, detached=False):
    """envelope.md §5; `claims` without those that describe the content."""
    claims = dict(claims)
    if layout != STREAMED:
        claims[-3] = len(content)
    if layout == ONE_SHOT:
        claims[-4] = H(content)

    def opening(padding):
        return sign1(claims | ({} if padding is None else {-5: padding}), seed, opening_aad(header_hash))

    def closing(opening):
        if layout == ONE_SHOT:
            return b""
        closing = sign1({-1: 6, -3: len(content), -4: H(content)}, seed, closing_aad(header_hash, opening))
        return closing + len(closing).to_bytes(2, "big")

    def assemble(opening, *rest):
        return b"".join([b"\1", len(opening).to_bytes(2, "big"), opening, *rest])

    padding = None
    if pad:
        padding = padding_for(lambda claim: len(assemble(opening(claim), content, closing(b""))))
    signed = opening(padding)
    return assemble(signed) if detached else assemble(signed, content, bytes(padding or 0), closing(signed))


def seal(content, claims, seed, recipient, layout=ONE_SHOT, pad=False, decoys=0):
    nonce, content_key = os.urandom(16), os.urandom(32)
    _, _, public_key = recipient.entries[-1]  # the highest generation (identity.md §1)
    info = b"bulla/1 stanza\0" + nonce + recipient.signing_key
    sealed_key = HPKE.encrypt(content_key, X25519PublicKey.from_public_bytes(public_key), info=info)
    stanzas = [sealed_key[32:], *(os.urandom(48) for _ in range(decoys))]
    random.SystemRandom().shuffle(stanzas)
    header = (b"BULLA\1\1" + bytes([SEALED]) + nonce + sealed_key[:32]
              + len(stanzas).to_bytes(2, "big") + b"".join(stanzas))
    body = Cobblestone256Encryptor(content_key, context=b"bulla/1 body\0" + H(header))
    plaintext = make_plaintext(claims, content, seed, H(header), layout, pad)
    return header + body.update(plaintext) + body.finalize()


def sign(content, claims, seed, layout=ONE_SHOT, detached=False):
    header = b"BULLA\1\1" + bytes([DETACHED if detached else ATTACHED]) + os.urandom(16)
    return header + make_plaintext(claims, content, seed, H(header), layout, detached=detached)


def message(secret, context, issued=None, expires=None, content_type=None, attributes=None, message_id=None):
    """The claims of a message (statements.md §3)."""
    claims = {3: context, 4: expires, 6: int(time.time()) if issued is None else issued,
              7: message_id or os.urandom(16), -1: 1, -2: secret.public, -6: content_type,
              -7: {k: v.encode() for k, v in attributes.items()} if attributes else None}
    return {label: value for label, value in claims.items() if value is not None}


# ---- command line -------------------------------------------------------------------------------------

def add_options(command, name):
    command.add_argument("--issued", type=int)
    command.add_argument("--expires", type=int)
    command.add_argument("--type", dest="content_type")
    command.add_argument("--attr", action="append", default=[], metavar="NAME=VALUE")
    command.add_argument("--armor", action="store_true")
    layout = command.add_mutually_exclusive_group()
    layout.add_argument("--stream", dest="layout", action="store_const", const=STREAMED, default=ONE_SHOT)
    layout.add_argument("--stream-known", dest="layout", action="store_const", const=STREAMED_KNOWN)
    if name == "seal":
        command.add_argument("--to", required=True, metavar="IDENTITY")
        command.add_argument("--pad", action="store_true", help="Padmé; not with --stream")
        command.add_argument("--decoys", type=int, default=0)
    else:
        layout.add_argument("--detached", action="store_true")


def seal_from_options(options, secret, content):
    claims = message(secret, options.context, options.issued, options.expires, options.content_type,
                     dict(pair.split("=", 1) for pair in options.attr))
    if options.command == "sign":
        envelope = sign(content, claims, secret.seed, options.layout, options.detached)
    else:
        if options.pad and options.layout == STREAMED:
            raise SystemExit("open.py: padding needs a length that is known")
        recipient = read_identity(options.to)
        envelope = seal(content, claims, secret.seed, recipient, options.layout, options.pad, options.decoys)
    return armor(envelope, "BULLA ENVELOPE") if options.armor else envelope
