"""The replay guard as a state machine in memory (guard.md), written from the specification alone.

Every method is one atomic step. A refusal is raised as the verdict that the gate makes of it (guard.md §3).
"""
from dataclasses import dataclass, field, replace

from basics import H, Verdict, dcbor, require
from policy import FOREVER, MAX_SKEW, plus

UNKNOWN = bytes(32)  # the value of a message whose content is not known (guard.md §3, refusal by the stamp)

# ---- what is claimed (guard.md §2) --------------------------------------------------------------------


@dataclass
class Claim:
    key: bytes
    value: bytes
    scope: bytes
    signer: bytes
    stranger: bool
    issued: int
    keep_until: int
    by_age: bool
    place: tuple | None = None  # stream, number, order, end, issued
    challenge: bytes | None = None


def reader_id(reader, name):
    return reader and reader.public if name is None else H(b"bulla/1 reader name\0" + name.encode())


def stream_name(reader, stamp):
    stream = stamp[-8][0]
    return H(b"bulla/1 guard stream\0" + reader + stamp[-2] + bytes([len(stream)]) + stream + stamp[3].encode())


def challenge_name(reader, challenge, context):
    return H(b"bulla/1 guard challenge\0" + reader + challenge + context.encode())


def make_claim(reader, stamp, content, policy):
    """`content` is (length, digest), as far as it was verified; None where the stamp alone is judged."""
    context = stamp[3].encode()
    told = {k: stamp[k] for k in (3, -1, -2, -3, -4, -6, -7, -8) if k in stamp}
    if content:
        told |= {-3: content[0], -4: content[1]}
    by_exp = stamp.get(4, FOREVER)
    by_age = FOREVER if policy.max_age is None else plus(stamp[6], policy.max_age)
    place = None
    if policy.order is not None and content:  # a refusal by the stamp alone moves no mark
        require(-8 in stamp, "Superseded")
        place = stream_name(reader, stamp), stamp[-8][1], policy.order, plus(by_age, MAX_SKEW), stamp[6]
    return Claim(
        key=H(b"bulla/1 guard key\0" + reader + stamp[-2] + stamp[7] + context),
        value=H(b"bulla/1 guard value\0" + dcbor(told)) if -4 in told else UNKNOWN,
        scope=H(b"bulla/1 guard scope\0" + reader + context),
        signer=stamp[-2], stranger=policy.senders is None, issued=stamp[6],
        keep_until=plus(min(by_exp, by_age), MAX_SKEW), by_age=4 not in stamp or by_age < by_exp, place=place,
        challenge=challenge_name(reader, stamp[-9], policy.context) if policy.challenged else None)


# ---- order (guard.md §5) ------------------------------------------------------------------------------

@dataclass
class Stream:
    mark: int = -1  # everything up to it is settled or given up
    seen: set = field(default_factory=set)  # settled beyond it
    first: Claim | None = None  # by which it became known
    issued: int = 0  # the latest that was settled
    end: int = 0  # from when on it may leave

    def refuses(self, number, order):
        if order == "monotonic":
            return "Superseded" if number <= max(self.seen | {self.mark}) else None
        mark = max(self.mark, order["first"] - 1)
        if number <= mark or number in self.seen:
            return "Superseded"
        return "Gap" if number > mark + min(max(order["window"], 1), 4096) else None

    def settle(self, number, order):
        if order == "monotonic":
            self.mark, self.seen = number, set()
        else:
            self.seen.add(number)
            self.skip(order["first"])

    def skip(self, before):
        self.mark = max(self.mark, before - 1)
        while self.mark + 1 in self.seen:
            self.mark += 1
        self.seen = {n for n in self.seen if n > self.mark}

    def missing(self):
        ranges, after = [], self.mark + 1
        for number in sorted(self.seen):
            if after < number:
                ranges.append([after, number - 1])
            after = number + 1
        return ranges


# ---- answers (guard.md §3) ----------------------------------------------------------------------------

DELIVERED, STORED, REJECTED = 1, 2, 3


def is_outcome(code):
    return code in (DELIVERED, STORED, REJECTED) or 128 <= code <= 255


def make_answer(outcome, receipt):
    require(is_outcome(outcome), "InvalidInput")
    require(len(receipt) <= 4095, "InvalidInput")
    return bytes([outcome]) + receipt


def read_answer(answer):
    """Outcome and receipt."""
    if not answer:
        return DELIVERED, b""  # of what was claimed without a lease
    require(is_outcome(answer[0]), "GuardUnavailable")
    return answer[0], answer[1:]


# ---- the guard (guard.md §3 to §7) --------------------------------------------------------------------

@dataclass
class Entry:
    claim: Claim
    state: str  # "reserved", "released" or "committed"
    token: int = 0
    lease_until: int = 0
    answer: bytes = b""


@dataclass
class Limits:
    known: int = 1_000_000
    strangers: int = 1_000_000
    per_sender: int = 1_000_000
    per_stranger: int = 1_000_000

    def leave_room(self, claims, claim):
        """Whether one more place like those of `claims` can be taken for `claim`."""
        pool, share = (self.strangers, self.per_stranger) if claim.stranger else (self.known, self.per_sender)
        taken = [c.signer for c in claims if c.stranger == claim.stranger]
        return len(taken) < pool and taken.count(claim.signer) < share


@dataclass
class Guard:
    limits: Limits = field(default_factory=Limits)
    entries: dict = field(default_factory=dict)  # key: Entry
    sweep_marks: dict = field(default_factory=dict)  # scope: greatest time of issue that was dropped by age
    streams: dict = field(default_factory=dict)  # name: Stream
    challenges: dict = field(default_factory=dict)  # name: until when an answer is expected
    full_at: dict = field(default_factory=dict)  # what is limited: when its burst is whole again
    high_water: int = 0
    tokens: int = 0

    def clock(self, now):
        self.high_water = max(self.high_water, now)
        return self.high_water

    def claim(self, claim, now, lease=None):
        """("new", token) or ("same", answer)."""
        now = self.clock(now)
        self.sweep(now)  # so an entry that is over is absent
        entry = self.entries.get(claim.key)
        if entry:
            if entry.state == "committed" or (entry.state == "reserved" and now < entry.lease_until):
                self.join_times(entry, claim)
                require(entry.claim.value == claim.value or UNKNOWN in (entry.claim.value, claim.value), "Replayed")
                require(entry.state == "committed", "Pending")
                return "same", entry.answer
        claim, used = self.judge(claim, entry, now)
        if entry is None:
            require(self.limits.leave_room([e.claim for e in self.entries.values()], claim), "GuardFull")
        stream_room = self.stream_room(claim)
        if entry is None and claim.challenge is None:  # the streams that left may have raised the mark
            self.judge_age(claim, now)
        require(stream_room, "GuardFull")
        self.challenges.pop(used, None)
        if entry is None:
            entry = self.entries[claim.key] = Entry(claim, "released")
        else:
            self.join_times(entry, claim)
            kept = max(entry.claim.keep_until, claim.keep_until) if used else entry.claim.keep_until
            entry.claim = replace(entry.claim, value=claim.value, place=claim.place, keep_until=kept,
                                  challenge=claim.challenge or entry.claim.challenge)
        self.tokens += 1
        if lease is None:
            entry.state, entry.answer = "committed", b""
            self.settle(entry.claim)
        else:
            entry.state, entry.token = "reserved", self.tokens
            self.hold(entry, plus(now, lease))
        return "new", (claim.key, self.tokens)

    def join_times(self, entry, claim):
        if claim.challenge is None:
            entry.claim.keep_until = max(entry.claim.keep_until, claim.keep_until)
            if claim.by_age:  # what leaves by its signed end needs no mark, and raises none
                entry.claim.issued = max(entry.claim.issued, claim.issued) if entry.claim.by_age else claim.issued
                entry.claim.by_age = True

    def judge(self, claim, entry, now):
        """The claim as it is to be kept, and the challenge that it uses up."""
        claim, used = replace(claim), None
        if claim.challenge is not None and (entry is None or entry.claim.challenge != claim.challenge):
            used = claim.challenge
            require(now < self.challenges.get(used, 0), "WrongChallenge")
            claim.keep_until, claim.by_age = plus(self.challenges[used], MAX_SKEW), False
            claim.issued = 0
        elif entry is None:
            self.judge_age(claim, now)
        self.judge_order(claim)
        return claim, used

    def judge_age(self, claim, now):
        require(now < claim.keep_until and claim.issued > self.sweep_marks.get(claim.scope, -1), "TooOld")

    def judge_order(self, claim):
        if claim.place:
            name, number, order, *_ = claim.place
            refused = self.streams.get(name, Stream()).refuses(number, order)
            require(refused is None, refused)

    def stream_room(self, claim):
        """Whether the message is of no new stream, or there is room for that; what is over leaves for it."""
        if claim.place is None or claim.place[0] in self.streams:
            return True
        if self.limits.leave_room([s.first for s in self.streams.values()], claim):
            return True
        for name, stream in list(self.streams.items()):
            if stream.end < FOREVER and stream.end <= self.high_water:
                del self.streams[name]
                scope = stream.first.scope
                self.sweep_marks[scope] = max(stream.issued, self.sweep_marks.get(scope, 0))
        return self.limits.leave_room([s.first for s in self.streams.values()], claim)

    def settle(self, claim):
        if claim.place:
            name, number, order, end, issued = claim.place
            stream = self.streams.setdefault(name, Stream(first=claim))
            stream.settle(number, order)
            stream.issued = max(stream.issued, issued)
            stream.end = max(stream.end, end if claim.stranger and claim.challenge is None else FOREVER)

    def hold(self, entry, until):
        entry.lease_until = until
        entry.claim.keep_until = max(entry.claim.keep_until, until)

    def held(self, token):
        key, number = token
        entry = self.entries.get(key)
        require(entry and entry.state == "reserved" and entry.token == number
                and self.high_water < entry.claim.keep_until, "LeaseLost")
        return entry

    def commit(self, token, answer):
        require(len(answer) <= 4096, "InvalidInput")
        entry = self.held(token)
        try:
            self.judge_order(entry.claim)
        except Verdict:
            entry.state = "released"
            raise
        require(self.stream_room(entry.claim), "GuardFull")
        entry.state, entry.answer = "committed", answer
        self.settle(entry.claim)

    def release(self, token):
        self.held(token).state = "released"

    def renew(self, token, now, lease):
        now = self.clock(now)
        self.hold(self.held(token), plus(now, lease))

    def sweep(self, now):
        now = self.clock(now)
        for key, entry in list(self.entries.items()):
            claim = entry.claim
            if claim.keep_until <= now:
                del self.entries[key]
                if claim.by_age:
                    self.sweep_marks[claim.scope] = max(claim.issued, self.sweep_marks.get(claim.scope, 0))
        self.challenges = {name: until for name, until in self.challenges.items() if now < until}

    def expect(self, challenge, until, now):
        self.sweep(now)
        require(len(self.challenges) < self.limits.known, "GuardFull")
        self.challenges[challenge] = until

    def missing(self, stream):
        return self.streams[stream].missing() if stream in self.streams else []

    def skip(self, stream, before):
        if stream in self.streams:
            self.streams[stream].skip(before)

    def forget(self, stream):
        return self.streams.pop(stream, None) is not None

    def permit(self, what, now, every, burst):
        now = self.clock(now)
        full_at = max(self.full_at.get(what, 0), now) + every
        if full_at > FOREVER or full_at - now > min(every * burst, FOREVER):
            return False
        self.full_at[what] = full_at
        return True
