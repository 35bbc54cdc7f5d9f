"""Policy and an in-memory replay guard (opening.md §1, §4, §5), written from the specification alone."""
from dataclasses import dataclass, field

from basics import H, Verdict, dcbor, require

FOREVER = 2**64 - 1  # the greatest time; additions saturate (opening.md §4)


def plus(a, b):
    return min(a + b, FOREVER)


@dataclass
class Policy:
    context: str
    senders: set | None  # of signing keys; None is "anyone"
    max_age: int | None = None
    skew: int = 120
    own: bool = False  # whether messages from oneself are accepted
    timeless: bool = False  # reopen, for archives

    def judge(self, stamp, own_key, now, guarded):
        issued, expires, age = stamp[6], stamp.get(4), self.max_age
        require(stamp[-1] == 1, "WrongStatement")
        require(self.own or stamp[-2] != own_key, "OwnMessage")
        require(self.senders is None or stamp[-2] in self.senders, "UntrustedSender")
        require(stamp[3] == self.context, "WrongContext")
        if self.timeless:
            return
        require(issued <= plus(now, self.skew), "NotYetValid")
        require(expires is None or now < plus(expires, self.skew), "Expired")
        require(age is None or now < plus(plus(issued, age), self.skew), "TooOld")
        require(not guarded or expires is not None or age is not None, "Unbounded")


@dataclass
class Guard:
    """In memory, without leases: what is claimed is committed."""
    capacity: int = 1_000_000
    entries: dict = field(default_factory=dict)  # key: (value, keep until, scope, iat, whether by age)
    sweep_marks: dict = field(default_factory=dict)  # scope: greatest iat dropped by age
    high_water: int = 0

    def clock(self, now):
        self.high_water = max(self.high_water, now)
        return self.high_water

    def claim(self, reader, stamp, length, digest, policy):
        context = stamp[3].encode()
        key = H(b"bulla/1 guard key\0" + reader + stamp[-2] + stamp[7] + context)
        told = {k: stamp[k] for k in (3, -1, -2, -6, -7, -8) if k in stamp} | {-3: length, -4: digest}
        value = H(b"bulla/1 guard value\0" + dcbor(told))
        scope = H(b"bulla/1 guard scope\0" + reader + context)
        by_exp = stamp.get(4, FOREVER)
        by_age = FOREVER if policy.max_age is None else plus(stamp[6], policy.max_age)
        until = plus(min(by_exp, by_age), 3600)
        self.sweep()
        require(until > self.high_water, "TooOld")
        if key in self.entries:  # Same (no receipt without a lease), or another value
            was, kept, _, issued, aged = self.entries[key]
            self.entries[key] = (was, max(kept, until), scope, max(issued, stamp[6]), aged or by_age < by_exp)
            raise Verdict("Replayed")
        require(scope not in self.sweep_marks or stamp[6] > self.sweep_marks[scope], "TooOld")
        require(len(self.entries) < self.capacity, "GuardFull")
        self.entries[key] = (value, until, scope, stamp[6], by_age < by_exp)

    def sweep(self):
        for key, (_, until, scope, issued, by_age) in list(self.entries.items()):
            if until <= self.high_water:
                del self.entries[key]
                if by_age:
                    self.sweep_marks[scope] = max(issued, self.sweep_marks.get(scope, 0))
