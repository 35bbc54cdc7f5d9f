"""Replays a script of spec/vectors/scripts (spec/scripts.md) over the guard of this reference."""
import base64, pickle
from io import BytesIO

from basics import Verdict
from guard import Guard, Limits, challenge_name, make_answer, reader_id, stream_name
from keys import Secret
from open import Opener
from policy import Policy
from statements import ATTACHED, SEALED


def decode(text):
    return base64.b64decode(text)


class Play:
    def __init__(self, script):
        self.script, self.now, self.leases = script, script["now"], {}
        self.lose()

    def lose(self):
        limits = self.script.get("limits")
        self.guard = Guard(Limits(**limits) if limits else Limits())

    def opener(self, step, **changes):
        reader = self.script["readers"][step["reader"]]
        policy = dict(reader["policy"])
        if policy["senders"] != "anyone":
            policy["senders"] = {bytes.fromhex(key) for key in policy["senders"]}
        else:
            policy["senders"] = None
        keys = reader.get("keys")
        secret = keys and Secret(bytes.fromhex(keys["seed"]), [
            (k["suite"], k["generation"], 0, bytes.fromhex(k["secret"])) for k in keys["keys"]])
        envelope = BytesIO(decode(self.script["envelopes"][step["envelope"]])) if "envelope" in step else None
        return Opener(envelope, Policy(**policy | changes), self.now, kind=SEALED if keys else ATTACHED,
                      reader=secret, reader_name=reader.get("name"), guard=self.guard, lease=step.get("seconds"))

    def stream(self, step):
        opener = self.opener(step, timeless=True)
        return stream_name(opener.reader_id, opener.open().stamp)

    def deliver(self, step, refuse=False):
        opener = self.opener(step)
        if refuse:
            answer, detail = opener.refuse()
        else:
            opened = opener.open()
            answer, detail = ("new", opened.token) if opened.again is None else ("same", opened.again)
        if answer == "same":
            outcome, receipt = detail
            return {"verdict": "again", "outcome": outcome, "receipt": base64.b64encode(receipt).decode()}
        if "as" in step:
            self.leases[step["as"]] = detail

    def commit(self, step):
        token = self.leases.pop(step["lease"])
        try:
            self.guard.commit(token, make_answer(step["outcome"], decode(step["receipt"])))
        except Verdict:
            try:
                self.guard.release(token)
            except Verdict:
                pass
            raise

    def step(self, step):
        """What comes of a step; nothing where it is "ok", or where nothing is said."""
        guard, do = self.guard, step["do"]
        if do in ("open", "lease"):
            return self.deliver(step)
        if do == "refuse":
            return self.deliver(step, refuse=True)
        if do == "commit":
            return self.commit(step)
        if do == "release":
            return guard.release(self.leases.pop(step["lease"]))
        if do == "crash":
            del self.leases[step["lease"]]
        elif do == "renew":
            guard.renew(self.leases[step["lease"]], self.now, step["seconds"])
        elif do == "restart":
            self.guard = pickle.loads(pickle.dumps(guard))
        elif do == "lose":
            self.lose()
        elif do == "sweep":
            guard.sweep(self.now)
        elif do == "challenge":
            policy = self.script["readers"][step["reader"]]["policy"]
            opener = self.opener(step)
            name = challenge_name(opener.reader_id, bytes.fromhex(step["challenge"]), policy["context"])
            guard.expect(name, guard.clock(self.now) + step["seconds"], self.now)
        elif do == "missing":
            return {"missing": guard.missing(self.stream(step))}
        elif do == "skip":
            guard.skip(self.stream(step), step["before"])
        elif do == "forget":
            return {"known": guard.forget(self.stream(step))}
        elif do == "permit":
            return {"permitted": guard.permit(bytes.fromhex(step["what"]), self.now, step["every"], step["burst"])}
        elif do != "clock":
            raise AssertionError(f"a step that is not known: {do}")


def replay(script):
    """What is wrong, in words, with the first step that does not go as it should."""
    play = Play(script)
    for number, step in enumerate(script["steps"], 1):
        standing, play.now = play.now, step.get("now", play.now)
        try:
            found = play.step(step) or {"verdict": "ok"}
        except Verdict as refused:
            found = {"verdict": refused.name}
        if step["do"] != "clock":
            play.now = standing
        if found != step.get("expect", {"verdict": "ok"}):
            yield f"step {number}: {found}, expected {step.get('expect')}"
            return
