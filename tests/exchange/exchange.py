"""One of the parties of tests/exchange/run, in Python. What it can do: see exchange.c."""

from __future__ import annotations

import sys
from pathlib import Path

import bulla

CONTEXT = "exchange"


def opener(me: bulla.Identity, sender: bulla.PublicIdentity) -> bulla.Opener:
    return bulla.Opener(me, bulla.Policy(CONTEXT, [sender]), bulla.Guard.in_memory())


def seal(me: bulla.Identity, recipient: bulla.PublicIdentity, file: Path, content: bytes) -> bytes:
    asked = bulla.Receipts.DELIVERED | bulla.Receipts.STORED
    envelope, sent = bulla.Sealer(me, [recipient]).seal(bulla.Draft(CONTEXT, receipts=asked, reply_to=me.public()), content)
    file.write_bytes(sent.to_bytes())
    return envelope


def receipt(me: bulla.Identity, sender: bulla.PublicIdentity, envelope: bytes) -> bytes:
    reserved = opener(me, sender).open_leased(envelope, 60)
    assert isinstance(reserved, bulla.Reserved)
    answer = bulla.Receipter(me).accept(reserved.lease)
    assert answer.receipt is not None
    return answer.receipt


def settle(me: bulla.Identity, recipient: bulla.PublicIdentity, file: Path, answer: bytes) -> bytes:
    opened = bulla.Receipt.open(me, bulla.Policy(CONTEXT, [recipient]), answer)
    opened.check(bulla.Sent.from_bytes(file.read_bytes()))
    return opened.status.name.lower().encode() + b"\n"


def keygen(file: Path) -> bytes:
    made = bulla.Identity.generate()
    made.save(file, None)
    return made.public().line.encode() + b"\n"


def main(verb: str, key: Path, *rest: str) -> bytes:
    if verb == "keygen":
        return keygen(key)
    me, other, given = bulla.Identity.load(key), bulla.PublicIdentity(rest[0]), sys.stdin.buffer.read()
    if verb == "seal":
        return seal(me, other, Path(rest[1]), given)
    if verb == "open":
        return opener(me, other).open(given).content
    if verb == "receipt":
        return receipt(me, other, given)
    if verb == "settle":
        return settle(me, other, Path(rest[1]), given)
    raise SystemExit(f"exchange: {verb} is not known")


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
    except bulla.Error as error:
        raise SystemExit(f"exchange: {error}") from error
