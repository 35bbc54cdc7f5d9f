"""The command line of open.py; the exit statuses are described there."""
import argparse, json, sys, tempfile, time
from io import BytesIO

from basics import Verdict, unarmor
from keys import read_identity, read_key_file, seed_identity, write_identity
from open import CHUNK, Opener
from policy import Policy
from seal import add_options, seal_from_options
from statements import ATTACHED, CLAIMS, DETACHED, SEALED, read_evidence

STATUS = dict.fromkeys(("Malformed", "UnsupportedVersion", "WrongKind", "NotForMe", "NotAuthentic"), 2) | \
    dict.fromkeys(("Pending", "GuardFull", "GuardUnavailable", "LeaseLost"), 4)  # any other: refused, 3


def named(claims):
    """Claims by name, bytes in hex, for people and for JSON."""
    def show(value):
        if type(value) is dict:
            return {k: show(v) for k, v in value.items()}
        return value.hex() if type(value) is bytes else [show(v) for v in value] if type(value) is list else value
    return {CLAIMS[k][0] if k in CLAIMS else str(k): show(v) for k, v in claims.items()}


class Parser(argparse.ArgumentParser):
    def error(self, message):  # argparse would exit with 2, which is a verdict here
        sys.exit(f"{self.prog}: {message}")


def ours(read, *arguments):
    """Reads what the user gave us, not the sender: what is wrong with it is wrong use and no verdict."""
    try:
        return read(*arguments)
    except Verdict as verdict:
        sys.exit(f"open.py: {read.__name__}: {verdict.name}")


def secret_from(options):
    if options.seed:
        return seed_identity(bytes.fromhex(options.seed))
    passphrase = open(options.passphrase_file).read().rstrip("\n") if options.passphrase_file else None
    return ours(read_key_file, open(options.keyfile, "rb").read(), passphrase)


def main(arguments):
    parser = Parser(prog="open.py")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("open", "verify", "evidence", "id", "seal", "sign"):
        command = commands.add_parser(name)
        if name not in ("verify", "evidence"):
            who = command.add_mutually_exclusive_group(required=True)
            who.add_argument("--seed", help="Ed25519 seed in hex: a seed identity")
            who.add_argument("--keyfile")
            command.add_argument("--passphrase-file")
        if name not in ("evidence", "id"):
            command.add_argument("--context", required=True)
        if name in ("open", "verify"):
            senders = command.add_mutually_exclusive_group(required=True)
            senders.add_argument("--from", dest="senders", action="append", type=str)
            senders.add_argument("--anyone", action="store_true")
            command.add_argument("--max-age", type=int)
            command.add_argument("--now", type=int, default=int(time.time()))
        if name == "verify":
            command.add_argument("--content", help="the content beside a detached envelope")
        if name in ("seal", "sign"):
            add_options(command, name)
    options = parser.parse_args(arguments)
    try:
        run(options)
    except Verdict as verdict:
        print(verdict.name, file=sys.stderr)
        return STATUS.get(verdict.name, 3)
    return 0


def run(options):
    output = sys.stdout.buffer
    if options.command == "id":
        return print(write_identity(secret_from(options).identity))
    if options.command in ("seal", "sign"):
        return output.write(seal_from_options(options, secret_from(options), sys.stdin.buffer.read()))
    stream = sys.stdin.buffer
    if stream.peek(1)[:1] == b"-":
        name = "BULLA EVIDENCE" if options.command == "evidence" else "BULLA ENVELOPE"
        stream = BytesIO(unarmor(stream.read(), [name]))
    if options.command == "evidence":
        claims, length, digest = read_evidence(stream.read(20481))
        return print(json.dumps(named(claims | {-3: length, -4: digest}), indent=1))
    senders = None if options.anyone else {ours(read_identity, line).signing_key for line in options.senders}
    policy = Policy(options.context, senders, options.max_age)
    detached = options.command == "verify" and options.content
    with tempfile.SpooledTemporaryFile(2**24) as held_back:  # nothing leaves before step 8
        opener = Opener(stream, policy, options.now, provisional=held_back.write,
                        kind=SEALED if options.command == "open" else DETACHED if detached else ATTACHED,
                        reader=secret_from(options) if options.command == "open" else None,
                        content=open(detached, "rb") if detached else None)
        opener.open()
        held_back.seek(0)
        while piece := held_back.read(CHUNK):
            output.write(piece)
