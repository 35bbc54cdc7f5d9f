"""Judges every vector of spec/vectors with the reference implementation (spec/vectors/README.md).

    python check_vectors.py [FOLDER or FILE …]

Prints each failure and at the end one line, "N passed, N failed". Exit status 1 for a failure, or if there are
fewer vectors than there must be.
"""
import base64, json, sys
from io import BytesIO
from pathlib import Path

from blake3 import blake3

from basics import Verdict, unarmor
from command_line import named
from guard import Guard
from keys import Secret, read_identity, read_key_file
from open import Opener
from policy import Policy
import receipts, scripts
from statements import ATTACHED, DETACHED, SEALED, read_evidence

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
AT_LEAST = 1000


def open_all(vector, released):
    """The earlier envelopes, then the one in question; returns its stamp. `released` collects its content."""
    operation, wanted = vector["operation"], vector["policy"]
    senders = wanted["senders"]
    policy = Policy(context=wanted["context"], max_age=wanted.get("max_age"), skew=wanted["skew"],
                    senders=None if senders == "anyone" else {bytes.fromhex(s) for s in senders},
                    own=wanted["own"], timeless=operation == "reopen")
    reader = vector.get("reader")
    common = dict(kind=SEALED if operation != "verify" else DETACHED if "content" in vector else ATTACHED,
                  guard=Guard() if wanted["guard"] else None, reader_name=vector.get("reader_name"),
                  reader=reader and secret(reader))

    def open_one(envelope, provisional):
        content = BytesIO(base64.b64decode(vector["content"])) if "content" in vector else None
        opener = Opener(BytesIO(base64.b64decode(envelope)), policy, vector["now"], content=content,
                        provisional=provisional, **common)
        return opener.open()

    for envelope in vector.get("earlier") or []:
        try:
            open_one(envelope, lambda piece: None)
        except Verdict as verdict:
            raise AssertionError(f"an earlier envelope is {verdict.name}")
    opened = open_one(vector["input"], released.extend)
    return named(opened.stamp | {-3: opened.length, -4: opened.digest})


def judge(vector, released):
    """(stamp, payload) of a good vector; raises Verdict for any other."""
    operation, data = vector["operation"], base64.b64decode(vector["input"])
    if operation in ("open", "verify", "reopen"):
        return open_all(vector, released), None
    if operation == "evidence":
        stamp, length, digest = read_evidence(unarmor(data, ["BULLA EVIDENCE"]) if data[:1] == b"-" else data)
        return named(stamp | {-3: length, -4: digest}), None
    if operation == "armor":
        return None, base64.b64encode(unarmor(data)).decode()
    if operation == "identity":
        identity = read_identity(data.decode("latin-1"))
        return None, {"signing_key": identity.signing_key.hex(),
                      "keys": [{"suite": s, "generation": g, "key": k.hex()} for s, g, k in identity.entries]}
    if operation == "keyfile":
        secret = read_key_file(data, vector.get("passphrase"))
        return None, {"seed": secret.seed.hex(),
                      "keys": [{"suite": s, "generation": g, "not_after": n, "secret": k.hex()}
                               for s, g, n, k in secret.keys]}
    return None, judge_receipt(vector, operation, data)


def judge_receipt(vector, operation, data):
    """receipts.md"""
    if operation == "receipt-proof":
        return receipts.read_proof(unarmor(data, ["BULLA RECEIPT PROOF"]) if data[:1] == b"-" else data)
    reader, now, wanted = secret(vector["reader"]), vector["now"], vector.get("policy")
    if operation == "audit-answer":
        said = vector["question"]
        question = receipts.Question(bytes.fromhex(said["asker"]), bytes.fromhex(said["holder"]), said["context"],
                                     base64.b64decode(said["body"]))
        return receipts.check_answer(data, reader, question, base64.b64decode(vector["content"]), now)
    senders = None if wanted["senders"] == "anyone" else {bytes.fromhex(s) for s in wanted["senders"]}
    if operation == "audit-question":
        return receipts.open_question(data, reader, wanted["context"], senders, now, wanted.get("max_age"))
    if operation == "receipt":
        sent = [receipts.Sent(**{k: bytes.fromhex(v) if type(v) is str else v for k, v in s.items()})
                for s in vector["sent"]]
        return receipts.check_receipt(data, reader, wanted["context"], senders, now, sent)
    raise AssertionError(f"an operation that is not known: {operation}")


def secret(reader):
    keys = [(k["suite"], k["generation"], 0, bytes.fromhex(k["secret"])) for k in reader["keys"]]
    return Secret(bytes.fromhex(reader["seed"]), keys)


def check(vector):
    """What is wrong, in words; nothing for a vector that passes."""
    expect, released, step, stamp, payload = vector["expect"], bytearray(), None, None, None
    try:
        stamp, payload = judge(vector, released)
        verdict = "ok"
    except Verdict as failure:
        verdict, step = failure.name, failure.step
    if "step" not in expect and "released" not in expect:
        step = None  # where the operation is more than an opening no step is named
    if (verdict, step) != (expect["verdict"], expect.get("step")):
        yield f"{verdict} at step {step}, expected {expect['verdict']} at step {expect.get('step')}"
    if limit := expect.get("released"):
        if len(released) > limit["length"] or (verdict == "ok" and len(released) != limit["length"]):
            yield f"{len(released)} bytes released, expected {limit['length']}"
        elif len(released) == limit["length"] and blake3(released).hexdigest() != limit["blake3"]:
            yield "other bytes released than expected"
    elif released:
        yield f"{len(released)} bytes released, expected none"
    if "stamp" in expect and expect["stamp"] != stamp:
        yield f"stamp {stamp}, expected {expect['stamp']}"
    if "payload" in expect and expect["payload"] != payload:
        yield f"payload {payload}, expected {expect['payload']}"


def main(arguments):
    chosen = [Path(a) for a in arguments] or [VECTORS]
    files = sorted(f for path in chosen for f in ([path] if path.is_file() else path.rglob("*.json")))
    failed = 0
    for file in files:
        vector = json.loads(file.read_text())
        try:
            faults = list(scripts.replay(vector) if "steps" in vector else check(vector))
            if vector["name"] != f"{file.parent.name}/{file.stem}":
                faults.append(f"its name is {vector['name']}")
        except Exception as error:  # a fault of this program, or a vector that breaks its own format
            faults = [f"{type(error).__name__}: {error}"]
        for fault in faults:
            print(f"{file.parent.name}/{file.stem}: {fault}")
        failed += bool(faults)
    print(f"{len(files) - failed} passed, {failed} failed")
    if not arguments and len(files) < AT_LEAST:
        sys.exit(f"only {len(files)} vectors, expected at least {AT_LEAST}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
