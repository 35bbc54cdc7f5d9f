"""Statements: COSE_Sign1, the claims of a stamp, closing, evidence (statements.md), from the specification alone.

COSE is built here with cbor2 rather than with pycose 1.1: pycose knows only the polymorphic algorithm -8 and not
-19 (RFC 9864), it hides the encoding that it decoded, and statements.md §1 leaves exactly one encoding anyway, so
that a COSE_Sign1 is a list of four.
"""
import unicodedata

from basics import H, Verdict, acceptable_encryption_key, dcbor, read_dcbor, require, signature_is_valid

SEALED, ATTACHED, DETACHED = 1, 2, 3  # kinds of envelope (envelope.md §2)

def uint(bits=64):
    return lambda v: type(v) is int and 0 <= v < 2**bits  # `type`, for True is an int in Python

def bstr(least, most=None):
    return lambda v: type(v) is bytes and least <= len(v) <= (most or least)

def tstr(most):
    return lambda v: (type(v) is str and 1 <= len(v.encode()) <= most
                      and not any(unicodedata.category(c) == "Cc" for c in v))

def array(*items):
    return lambda v: type(v) is list and len(v) == len(items) and all(ok(x) for ok, x in zip(items, v))

def attributes(v):
    return type(v) is dict and 1 <= len(v) <= 64 and all(map(tstr(64), v)) and all(map(bstr(0, 4096), v.values()))

CLAIMS = {  # label: name, form (statements.md §3)
    3: ("context", tstr(255)),
    4: ("expires", uint()),
    6: ("issued", uint()),
    7: ("message_id", bstr(16)),
    -1: ("statement_type", uint()),
    -2: ("signer", bstr(32)),
    -3: ("length", uint()),
    -4: ("digest", bstr(32)),
    -5: ("padding", lambda v: uint()(v) and v > 0),
    -6: ("content_type", lambda v: tstr(255)(v) and all(" " <= c <= "~" for c in v)),
    -7: ("attributes", attributes),
    -8: ("sequence", array(bstr(1, 64), uint())),
    -9: ("challenge", bstr(32)),
    -10: ("receipts", lambda v: uint()(v) and 1 <= v <= 7),
    -11: ("reply_key", array(lambda v: v == 1 and type(v) is int, uint(32), bstr(32))),
}


def read_sign1(statement):
    """payload and signature of the only COSE_Sign1 that is valid (statements.md §1)."""
    cose = read_dcbor(statement)
    require(type(cose) is list and len(cose) == 4 and cose[:2] == [b"\xa1\x01\x32", {}]
            and bstr(0, 16384)(cose[2]) and bstr(64)(cose[3]), "Malformed")
    return cose[2:]


def signed_bytes(external_aad, payload):
    return dcbor(["Signature1", b"\xa1\x01\x32", external_aad, payload])


def opening_aad(header_hash):
    return b"bulla/1 opening\0" + header_hash


def closing_aad(header_hash, opening):
    return b"bulla/1 closing\0" + header_hash + H(opening)


def read_claims(payload, kind):
    """The claims of a stamp by their labels, and the layout rules. `kind` is None where there is no header."""
    claims = read_dcbor(payload)
    require(type(claims) is dict and all(type(k) is int and -2**63 <= k < 2**63 for k in claims), "Malformed")
    extensions = [v for k, v in claims.items() if not -256 <= k <= 255]
    require(all(k in CLAIMS for k in claims if -256 <= k <= 255), "UnsupportedVersion")  # critical
    require(type(claims.get(-1)) is not int or 1 <= claims[-1] <= 5, "UnsupportedVersion")
    reply_key = claims.get(-11)  # of another suite: made by a newer version
    require(type(reply_key) is not list or reply_key[:1] in ([], [1]), "UnsupportedVersion")
    require(len(extensions) <= 64 and all(type(v) is bytes for v in extensions), "Malformed")
    require(all(label in claims for label in (3, 6, 7, -1, -2)), "Malformed")
    require(all(CLAIMS[k][1](v) for k, v in claims.items() if k in CLAIMS), "Malformed")
    require(-3 in claims or not (-4 in claims or -5 in claims), "Malformed")
    require((-10 in claims) == (-11 in claims), "Malformed")
    require(kind not in (ATTACHED, DETACHED) or -5 not in claims, "Malformed")
    require(kind != DETACHED or -4 in claims, "Malformed")
    return claims


def read_opening(opening, header_hash, kind):
    """The stamp, once it is verified. In the order of opening.md §2, step 4."""
    payload, signature = read_sign1(opening)
    claims = read_claims(payload, kind)
    reply_key = claims.get(-11)
    require(reply_key is None or acceptable_encryption_key(reply_key[2]), "NotAuthentic")
    require(signature_is_valid(claims[-2], signature, signed_bytes(opening_aad(header_hash), payload)), "NotAuthentic")
    return claims


def read_closing(closing, header_hash, opening, stamp):
    """Length and digest that the closing settles. Anything wrong is NotAuthentic (statements.md §5)."""
    try:
        require(0 < len(closing) <= 512, "NotAuthentic")
        payload, signature = read_sign1(closing)
        claims = read_dcbor(payload)
        require(type(claims) is dict and set(claims) == {-1, -3, -4} and claims[-1] == 6
                and uint()(claims[-3]) and bstr(32)(claims[-4]), "NotAuthentic")
        message = signed_bytes(closing_aad(header_hash, opening), payload)
        require(signature_is_valid(stamp[-2], signature, message), "NotAuthentic")
        require(stamp.get(-3, claims[-3]) == claims[-3], "NotAuthentic")
    except Verdict:
        raise Verdict("NotAuthentic") from None
    return claims[-3], claims[-4]


def read_evidence(evidence, statement=1):
    """(claims, length, digest) that evidence proves (statements.md §6), of a statement of this type."""
    require(len(evidence) <= 20480, "Malformed")
    parts = read_dcbor(evidence)
    require(type(parts) is list and parts and type(parts[0]) is int, "Malformed")
    require(parts[0] == 1, "UnsupportedVersion")
    require(array(uint(), bstr(32), bstr(1, 16384), lambda v: v is None or type(v) is bytes)(parts), "Malformed")
    _, header_hash, opening, closing = parts
    stamp = read_opening(opening, header_hash, None)
    require(stamp[-1] == statement, "WrongStatement")
    require((closing is None) == (-4 in stamp), "NotAuthentic")
    if closing is None:
        return stamp, stamp[-3], stamp[-4]
    return stamp, *read_closing(closing, header_hash, opening, stamp)
