"""What every other module here needs: verdicts, deterministic CBOR, key checks, strict signatures, armor.

Written from the specification alone: statements.md §1, identity.md §1, envelope.md §6.
"""
import base64, re

import cbor2
from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Verdict(Exception):
    """A failure by its name in opening.md; `step` is the step of opening.md §2, where there is one."""

    def __init__(self, name):
        super().__init__(name)
        self.name, self.step = name, None


def require(condition, verdict):
    if not condition:
        raise Verdict(verdict)


def H(data):
    return blake3(data).digest()


def take(data, n):
    """The first n bytes and the rest; an input that ends before is malformed."""
    require(len(data) >= n, "Malformed")
    return data[:n], data[n:]


# ---- deterministic CBOR (RFC 8949 §4.2.1) -------------------------------------------------------------

def dcbor(value):
    """cbor2's `canonical` orders keys by length first (RFC 7049); here the order is bytewise."""
    def head(major, n):
        first, *rest = cbor2.dumps(n)
        return bytes([first | major << 5, *rest])
    if type(value) is dict:
        return head(5, len(value)) + b"".join(k + v for k, v in sorted((dcbor(k), dcbor(v)) for k, v in value.items()))
    if type(value) is list:
        return head(4, len(value)) + b"".join(map(dcbor, value))
    return cbor2.dumps(value, canonical=True)


def read_dcbor(data):
    """Decodes, encodes again and compares: this refuses trailing bytes, double keys, wrong order, long forms."""
    try:
        value = cbor2.loads(data)
        same = dcbor(value) == data
    except Exception:  # whatever the library trips over (dates, rationals, depth …) is no statement
        raise Verdict("Malformed") from None
    require(same, "Malformed")
    return value


# ---- acceptable keys and strict signatures (identity.md §1, statements.md §1) -------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def acceptable_point(raw):
    """The canonical encoding of a point on edwards25519 that is not of small order. The library checks neither
    (it decodes only when it verifies, reduces y, and takes small orders), so it is done here."""
    y = int.from_bytes(raw, "little") % 2**255  # the top bit is the sign of x
    y2 = y * y % P
    # y² = 1: orders 1 and 2. y = 0: order 4. Twice a point of order 8 has y = 0, so x² = -y², and then the
    # curve's equation says D·y⁴ + 2y² - 1 = 0. (x = 0 only with y² = 1, so its sign needs no check.)
    if len(raw) != 32 or y >= P or y * (y2 - 1) * (D * y2 * y2 + 2 * y2 - 1) % P == 0:
        return False
    x2 = (y2 - 1) * pow(D * y2 + 1, -1, P) % P
    return pow(x2, (P - 1) // 2, P) == 1


def acceptable_encryption_key(raw):
    """A canonical u-coordinate that is not of small order: u = 0 (order 1, 2), u² = 1 (order 4 here and on the
    twist), or its double is u = 1 (order 8)."""
    u = int.from_bytes(raw, "little")
    w = u * u - 1
    return len(raw) == 32 and u < P and u * w * (w * w - 4 * u * (u * u + 486662 * u + 1)) % P != 0


def signature_is_valid(key, signature, message):
    """The library compares R bytewise with [S]B - [k]A (cofactorless); the rest of the strictness is ours."""
    if not (acceptable_point(key) and acceptable_point(signature[:32])
            and int.from_bytes(signature[32:], "little") < L):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


# ---- armor (envelope.md §6) ---------------------------------------------------------------------------

NAMES = ("BULLA ENVELOPE", "BULLA EVIDENCE", "BULLA SECRET KEY", "BULLA RECEIPT PROOF")


def armor(data, name):
    text = base64.b64encode(data)
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return b"\n".join([f"-----BEGIN {name}-----".encode(), *lines, f"-----END {name}-----".encode(), b""])


def unarmor(text, names=NAMES):
    """Removes what readers accept (CRLF, blanks before a line end); the rest must be what a writer writes."""
    require(all(len(line) <= 256 for line in text.split(b"\n")), "Malformed")
    text = re.sub(rb"[ \t]*\r?\n", b"\n", text)
    for name in names:
        begin, end = f"-----BEGIN {name}-----\n".encode(), f"-----END {name}-----\n".encode()
        if text.startswith(begin) and text.endswith(end):
            try:
                data = base64.b64decode(text[len(begin):-len(end)])
            except ValueError:
                break
            if data and armor(data, name) == text:
                return data
    raise Verdict("Malformed")
