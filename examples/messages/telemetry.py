#!/usr/bin/env python3
"""Short messages between programs, over anything that carries bytes. The same as `telemetry.rs`, with which it talks:

telemetry.py send KEYFILE PEER [FIRST [LIFETIME]] < lines > frames    each line is a message, numbered from FIRST (1) on, valid for
                                                                      LIFETIME seconds (10)
telemetry.py read KEYFILE PEER GUARD < frames > report                each message counts once; what is missing is told
telemetry.py ask KEYFILE PEER GUARD < frames > challenge              takes one message, which must answer the challenge
telemetry.py answer KEYFILE PEER TEXT < challenges > frames           answers each challenge

PEER is a file with the identity line of the other program. A frame is a length of 4 bytes, big-endian, and so many bytes.
"""

import pathlib
import struct
import sys

import bulla

CONTEXT, STREAM = "telemetry", b"readings"
#: Seconds for which a message is valid, if nothing else is said; and the oldest that is read.
LIFETIME = 10
#: Seconds by which the clocks of the two may differ.
SKEW = 1
#: How far ahead of the first missing message others are taken.
WINDOW = 1000
LONGEST_FRAME = 1 << 20


def write_frame(data):
    sys.stdout.buffer.write(struct.pack(">I", len(data)) + data)
    sys.stdout.buffer.flush()


def exactly(length):
    data = sys.stdin.buffer.read(length)
    if len(data) < length:
        sys.exit("telemetry.py: the last frame is cut off")
    return data


def line_of(content):
    """One line, whatever the peer wrote: it could look like a report."""
    return "".join(one if one.isprintable() else "?" for one in content.decode(errors="replace"))


def frames():
    while first := sys.stdin.buffer.read(1):
        (length,) = struct.unpack(">I", first + exactly(3))
        if length > LONGEST_FRAME:
            sys.exit("telemetry.py: a frame is too long: this is no channel of ours")
        yield exactly(length)


def send(me, peer, first=1, lifetime=LIFETIME):
    sealer = bulla.Sealer(me, to=[peer])
    for number, line in enumerate(sys.stdin.buffer, int(first)):
        draft = bulla.Draft(CONTEXT, expires_in=int(lifetime), sequence=(STREAM, number))
        write_frame(sealer.seal(draft, line.rstrip(b"\n")).envelope)


def read(me, peer, guard):
    policy = bulla.Policy(CONTEXT, senders=[peer], max_age=LIFETIME, skew=SKEW, order=bulla.Order.GAPLESS, window=WINDOW, first=1)
    opener = bulla.Opener(me, policy, bulla.Guard.durable(bulla.Database(guard)))
    counts = dict.fromkeys(("accepted", "duplicates", "refused", "damaged"), 0)
    last = None
    # What is not decided (bulla.TryAgain) is not lost, but this program cannot go on: it ends with that.
    for frame in frames():
        try:
            content, last = opener.open(frame)
            counts["accepted"] += 1
            print("accepted", last.stamp.sequence[1], line_of(content))
        except bulla.Replayed:
            counts["duplicates"] += 1
            print("duplicate")
        except bulla.Refused as refusal:
            counts["refused"] += 1
            print("refused", type(refusal).__name__)
        except bulla.NotAcceptable:
            counts["damaged"] += 1
            print("damaged")
    # It is asked for the sender of a message that was accepted; without one there may be gaps all the same.
    missing = ",".join(f"{first}-{last}" for first, last in opener.missing(last)) if last is not None else "unknown"
    print(*(f"{name}={count}" for name, count in counts.items()), f"missing={missing}")


def ask(me, peer, guard):
    policy = bulla.Policy(CONTEXT, senders=[peer], skew=SKEW, demand_challenge=True)
    opener = bulla.Opener(me, policy, bulla.Guard.durable(bulla.Database(guard)))
    write_frame(opener.challenge(LIFETIME))
    for frame in frames():
        try:
            print("answered", line_of(opener.open(frame).content), file=sys.stderr)
            return
        except (bulla.Refused, bulla.NotAcceptable) as refusal:
            print("refused", type(refusal).__name__, file=sys.stderr)
    sys.exit("telemetry.py: nobody answered")


def answer(me, peer, text):
    sealer = bulla.Sealer(me, to=[peer])
    for challenge in frames():
        draft = bulla.Draft(CONTEXT, expires_in=LIFETIME, answers=challenge)
        write_frame(sealer.seal(draft, text.encode()).envelope)


def main():
    commands = {"send": send, "read": read, "ask": ask, "answer": answer}
    if len(sys.argv) < 4 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    me = bulla.Identity.load(sys.argv[2])
    peer = bulla.PublicIdentity(pathlib.Path(sys.argv[3]).read_text().strip())
    commands[sys.argv[1]](me, peer, *sys.argv[4:])


if __name__ == "__main__":
    main()
