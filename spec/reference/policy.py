"""What a reader accepts (opening.md §1, §2, §4), written from the specification alone."""
from dataclasses import dataclass

from basics import require

FOREVER = 2**64 - 1  # the greatest time; additions saturate (opening.md §4)
MAX_SKEW = 3600


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
    order: str | dict | None = None  # "monotonic", or {"first": …, "window": …} (guard.md §5)
    challenged: bool = False  # only answers to challenges (guard.md §4)
    statement: int = 1  # receipts and audits are opened by checks of their own

    def judge(self, stamp, own_key):
        require(stamp[-1] == self.statement, "WrongStatement")
        require(self.own or stamp[-2] != own_key, "OwnMessage")
        require(self.senders is None or stamp[-2] in self.senders, "UntrustedSender")
        require(stamp[3] == self.context, "WrongContext")

    def judge_times(self, stamp, clock, guard):
        """opening.md §4. The guard is shown the clock when times are judged, and not before."""
        if self.timeless:
            return
        age = self.max_age
        require(self.order is None or self.senders is not None or age is not None or self.challenged, "InvalidInput")
        require((-9 in stamp) == self.challenged, "WrongChallenge")
        if self.challenged:
            return
        issued, expires = stamp[6], stamp.get(4)
        now = guard.clock(clock) if guard else clock
        require(issued <= plus(now, self.skew), "NotYetValid")
        require(expires is None or now < plus(expires, self.skew), "Expired")
        require(age is None or now < plus(plus(issued, age), self.skew), "TooOld")
        require(not guard or expires is not None or age is not None, "Unbounded")
