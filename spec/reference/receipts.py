"""Receipts, their proofs, audits (receipts.md), written from the specification alone."""
from io import BytesIO
from typing import NamedTuple

from blake3 import blake3

from basics import H, acceptable_point, dcbor, read_dcbor, require
from open import Opener
from policy import Policy, plus
from statements import array, bstr, read_evidence, uint

RECEIPT, AUDIT = 2, 4  # statement types (statements.md §4)
STATUS = {1: "delivered", 2: "stored", 3: "rejected", 4: "damaged"}
CONTENT = array(uint(), bstr(32))


def text(v):
    return type(v) is str and len(v.encode()) <= 255 and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in v)


# ---- the body of a receipt (receipts.md §2) -----------------------------------------------------------

FORMS = {1: bstr(16), 2: bstr(32), 3: bstr(32), 4: bstr(32), 5: CONTENT, 6: lambda v: uint()(v) and v > 0,
         7: array(uint(16), text)}


def read_body(body):
    require(len(body) <= 1024, "Malformed")
    claims = read_dcbor(body)
    require(type(claims) is dict and all(type(k) is int and k >= 1 for k in claims), "Malformed")
    known = {k: v for k, v in claims.items() if k <= 7}
    require({1, 2, 3, 4, 6} <= set(known) and all(FORMS[k](v) for k, v in known.items()), "Malformed")
    require(len(known) == len(claims) and claims[6] in STATUS, "UnsupportedVersion")
    require((7 in claims) == (claims[6] in (3, 4)), "Malformed")
    require(5 in claims or claims[6] in (3, 4), "Malformed")
    require(5 not in claims or claims[6] != 4, "Malformed")
    return claims


def told(claims, stamp):
    """What a receipt says, by name."""
    payload = {"status": STATUS[claims[6]], "message_id": claims[1].hex(), "recipient": stamp[-2].hex(),
               "author": claims[4].hex(), "context": stamp[3], "issued": stamp[6], "header_digest": claims[2].hex()}
    if 5 in claims:
        payload["content"] = [claims[5][0], claims[5][1].hex()]
    if 7 in claims:
        payload["reason"] = claims[7]
    return payload


# ---- checking (receipts.md §4) ------------------------------------------------------------------------

class Sent(NamedTuple):
    message_id: bytes
    header_digest: bytes
    opening_digest: bytes
    content_length: int
    content_digest: bytes
    issued: int


def open_statement(envelope, reader, policy, now):
    """Stamp and content of a sealed statement that is no message."""
    content = bytearray()
    opened = Opener(BytesIO(envelope), policy, now, reader=reader, provisional=content.extend).open()
    return opened.stamp, bytes(content)


def check_receipt(envelope, reader, context, recipients, now, sent):
    policy = Policy(context, recipients, own=True, statement=RECEIPT)
    stamp, body = open_statement(envelope, reader, policy, now)
    claims = read_body(body)
    require(claims[4] == reader.public, "WrongReceipt")
    answered = [s for s in sent if (s.message_id, s.header_digest) == (claims[1], claims[2])]
    require(answered and answered[0].opening_digest == claims[3], "WrongReceipt")
    content = [answered[0].content_length, answered[0].content_digest]
    require(claims.get(5, content) == content, "ContentDiffers")
    require(plus(stamp[6], 120) >= answered[0].issued, "TooOld")
    return told(claims, stamp)


# ---- proof for third parties (receipts.md §6) ---------------------------------------------------------

def read_proof(proof):
    require(len(proof) <= 20480 + 1024 + 16, "Malformed")
    parts = read_dcbor(proof)
    require(type(parts) is list and len(parts) == 3 and type(parts[0]) is int, "Malformed")
    require(parts[0] == 1, "UnsupportedVersion")
    _, evidence, body = parts
    require(type(evidence) is bytes and type(body) is bytes, "Malformed")
    stamp, length, digest = read_evidence(evidence, RECEIPT)
    require((len(body), H(body)) == (length, digest), "NotAuthentic")
    claims = read_body(body)
    require(acceptable_point(claims[4]), "NotAuthentic")
    return told(claims, stamp)


# ---- audits (receipts.md §7) --------------------------------------------------------------------------

AUDIT_FORMS = {1: bstr(16), 2: CONTENT, 3: bstr(32), 4: lambda v: v is None or bstr(32)(v)}


def read_audit(body):
    require(len(body) <= 1024, "Malformed")
    claims = read_dcbor(body)
    require(type(claims) is dict and {1, 2, 3} <= set(claims) and all(type(k) is int for k in claims), "Malformed")
    known = {k: v for k, v in claims.items() if k <= 4}
    require(all(k in AUDIT_FORMS and AUDIT_FORMS[k](v) for k, v in known.items()), "Malformed")
    require(len(known) == len(claims), "UnsupportedVersion")
    return claims


class Question(NamedTuple):
    asker: bytes
    holder: bytes
    context: str
    body: bytes

    def proof(self, content):
        claims = read_audit(self.body)
        length, digest = claims[2]
        key = H(b"bulla/1 audit\0" + claims[3] + self.asker + self.holder + claims[1] + length.to_bytes(8, "big")
                + digest)
        assert [len(content), H(content)] == [length, digest]
        return blake3(content, key=key).digest()


def open_question(envelope, holder, context, askers, now, max_age=None):
    policy = Policy(context, askers, max_age=max_age, statement=AUDIT)
    stamp, body = open_statement(envelope, holder, policy, now)
    claims = read_audit(body)
    require(4 not in claims and -11 in stamp, "WrongStatement")
    return {"message_id": claims[1].hex(), "content": [claims[2][0], claims[2][1].hex()], "asker": stamp[-2].hex(),
            "holder": holder.public.hex(), "context": stamp[3]}


def check_answer(envelope, asker, question, content, now):
    policy = Policy(question.context, {question.holder}, own=True, statement=AUDIT)
    _, body = open_statement(envelope, asker, policy, now)
    claims = read_audit(body)
    require(4 in claims and dcbor({k: claims[k] for k in (1, 2, 3)}) == question.body, "WrongReceipt")
    if claims[4] is None:
        return "not held"
    return "held" if claims[4] == question.proof(content) else "wrong proof"
