"""Opens and judges Bulla envelopes: a second implementation, written from the specification alone.

    python open.py open     --keyfile FILE (--from IDENTITY … | --anyone) --context C < envelope > content
    python open.py verify   [--content FILE] (--from … | --anyone) --context C        < envelope > content
    python open.py evidence                                                           < evidence > claims
    python open.py id       (--keyfile FILE | --seed HEX)
    python open.py seal|sign …                                                        see seal.py

Exit status (opening.md §3): 0 accepted, 2 not acceptable, 3 refused, 4 try again, 1 wrong use. The name of the
verdict goes to standard error. The command line has no replay guard.
"""
import sys
from dataclasses import dataclass

from blake3 import blake3
from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from basics import H, Verdict, dcbor, require
from guard import make_claim, read_answer, reader_id
from statements import ATTACHED, DETACHED, SEALED, read_closing, read_opening

HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
CHUNK = 16384

# ---- the one gate (opening.md §2) ---------------------------------------------------------------------

@dataclass
class Opened:
    stamp: dict  # claims by label
    length: int  # of the content, also where a closing told it
    digest: bytes
    evidence: bytes
    header_hash: bytes
    opening_hash: bytes
    token: tuple | None = None  # of the guard
    again: tuple | None = None  # outcome and receipt, of a copy of what was committed, with a lease alone


class Opener:
    """Opens one envelope. `provisional` is called with content that is worthless until `open` returns."""

    def __init__(self, stream, policy, now, *, kind=SEALED, reader=None, reader_name=None, guard=None,
                 content=None, provisional=lambda piece: None, lease=None):
        self.stream, self.policy, self.now, self.kind, self.guard = stream, policy, now, kind, guard
        self.own_key, self.keys = (reader.public, reader.keys) if reader else (None, [])
        self.reader_id, self.lease = reader_id(reader, reader_name), lease
        self.detached_content, self.provisional = content, provisional
        self.step, self.pending = 1, b""  # pending: plaintext that is decrypted, but not yet used

    def open(self):
        return self.named(self.checks)

    def refuse(self):
        """Claims the message by its stamp alone, to refuse it (guard.md §3): ("new", token) or ("same", (outcome, receipt))."""
        return self.named(lambda: self.claim(self.judged_stamp(), None))

    def named(self, checks):
        try:
            return checks()
        except InvalidTag:  # from the body; stanzas are caught where they are tried
            verdict = Verdict("NotAuthentic")
        except Verdict as raised:
            verdict = raised
        verdict.step = self.step
        raise verdict

    def checks(self):
        stamp = self.judged_stamp()
        self.step = 6
        length, digest, closing = self.read_content(stamp)
        answer, detail = self.claim(stamp, (length, digest))
        evidence = dcbor([1, self.header_hash, self.opening, closing])
        opened = Opened(stamp, length, digest, evidence, self.header_hash, H(self.opening))
        if answer == "new":
            opened.token = detail
        elif answer == "same":
            require(self.lease is not None, "Replayed")
            opened.again = detail
        return opened

    def claim(self, stamp, content):  # step 7
        if not self.guard or self.policy.timeless:
            return None, None
        self.step = 7
        self.policy.judge_times(stamp, self.now, self.guard)
        claim = make_claim(self.reader_id, stamp, content, self.policy)
        answer, detail = self.guard.claim(claim, self.now, self.lease)
        if answer == "same" and self.lease is not None:
            detail = read_answer(detail)
        return answer, detail

    def judged_stamp(self):  # steps 1 to 5
        self.read_header()
        if self.kind == SEALED:
            self.step = 2
            content_key = self.find_content_key()
            self.step = 3
            body = Cobblestone256Decryptor(content_key, context=b"bulla/1 body\0" + self.header_hash)
            salt_and_commitment = self.stream.read(56)
            require(len(salt_and_commitment) == 56, "NotAuthentic")
            body.update(salt_and_commitment)  # the library compares the commitment at once
            self.pieces = self.decrypt(body)
        else:
            self.pieces = iter(lambda: self.stream.read(CHUNK), b"")
        self.step = 4
        stamp = self.read_stamp()
        self.step = 5
        self.policy.judge(stamp, self.own_key)
        self.policy.judge_times(stamp, self.now, self.guard)
        return stamp

    def read_header(self):  # envelope.md §2
        header = bytearray()

        def take(n):
            piece = self.stream.read(n)
            require(len(piece) == n, "Malformed")
            header.extend(piece)
            return piece

        require(take(5) == b"BULLA", "Malformed")
        require(take(1) == b"\1", "UnsupportedVersion")
        require(take(1) == b"\1", "UnsupportedVersion")
        kind = take(1)[0]
        require(kind in (SEALED, ATTACHED, DETACHED), "UnsupportedVersion")
        self.nonce = take(16)
        if kind == SEALED:
            self.enc, count = take(32), int.from_bytes(take(2), "big")
            require(1 <= count <= 10_000, "Malformed")
            self.stanzas = [take(48) for _ in range(count)]
        require(kind == self.kind, "WrongKind")
        self.header_hash = H(bytes(header))

    def find_content_key(self):  # envelope.md §3
        info, trials = b"bulla/1 stanza\0" + self.nonce + self.own_key, 100_000
        for _, _, _, secret in sorted((key for key in self.keys if key[0] == 1), reverse=True):  # newest first
            trials -= len(self.stanzas)
            require(trials >= 0, "Malformed")
            private_key = X25519PrivateKey.from_private_bytes(secret)
            for stanza in self.stanzas:
                try:
                    return HPKE.decrypt(self.enc + stanza, private_key, info=info)
                except InvalidTag:  # also for a Diffie-Hellman result that is all zero
                    continue
        raise Verdict("NotForMe")

    def decrypt(self, body):  # envelope.md §4
        """Chunk by chunk, so that a fault in a later chunk is not seen before the stamp is judged."""
        while len(chunk := self.stream.read(CHUNK + 16)) == CHUNK + 16:
            yield body.update(chunk)
        yield body.update(chunk) + body.finalize()

    def have(self, n):
        """Whether there are n more bytes of plaintext; if so, they are in `pending`."""
        while len(self.pending) < n and (piece := next(self.pieces, None)) is not None:
            self.pending += piece
        return len(self.pending) >= n

    def take(self, n, verdict):
        require(self.have(n), verdict)
        piece, self.pending = self.pending[:n], self.pending[n:]
        return piece

    def read_stamp(self):  # envelope.md §5
        require(self.take(1, "Malformed") == b"\1", "UnsupportedVersion")
        length = int.from_bytes(self.take(2, "Malformed"), "big")
        require(1 <= length <= 16384, "Malformed")
        self.opening = self.take(length, "Malformed")
        return read_opening(self.opening, self.header_hash, self.kind)

    def take_at_most(self, n):
        """Some of the n bytes that the stamp promised: what is there, at least one."""
        require(self.have(1), "NotAuthentic")
        return self.take(min(n, len(self.pending)), "NotAuthentic")

    def read_content(self, stamp):  # envelope.md §5, the three layouts
        if self.kind == DETACHED:  # nothing follows the opening; the content stands beside
            require(not self.have(1), "NotAuthentic")
            self.pieces = iter(lambda: self.detached_content.read(CHUNK), b"")
        hasher, length, tail = blake3(), 0, b""
        if -3 in stamp:
            while length < stamp[-3]:
                piece = self.take_at_most(stamp[-3] - length)
                length += len(piece)
                hasher.update(piece)
                self.provisional(piece)
            padding = stamp.get(-5, 0)
            while padding:
                piece = self.take_at_most(padding)
                padding -= len(piece)
                require(not any(piece), "NotAuthentic")
        else:
            while self.have(515):  # the last 514 bytes may be the closing
                piece = self.take(len(self.pending) - 514, "NotAuthentic")
                length += len(piece)
                hasher.update(piece)
                self.provisional(piece)
        require(not self.have(1 if -4 in stamp else 515), "NotAuthentic")  # this also reads the last chunk
        closing = None
        expected = stamp.get(-3), stamp.get(-4)
        if -4 not in stamp:
            require(len(self.pending) >= 2, "NotAuthentic")
            rest, size = self.pending[:-2], int.from_bytes(self.pending[-2:], "big")
            require(1 <= size <= min(512, len(rest)) and (size == len(rest) or -3 not in stamp), "NotAuthentic")
            tail, closing = rest[:-size], rest[-size:]
            hasher.update(tail)
            expected = read_closing(closing, self.header_hash, self.opening, stamp)
        require((length + len(tail), hasher.digest()) == expected, "NotAuthentic")
        if tail:
            self.provisional(tail)
        return *expected, closing


if __name__ == "__main__":
    from command_line import main
    sys.exit(main(sys.argv[1:]))
