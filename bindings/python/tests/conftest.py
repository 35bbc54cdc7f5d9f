"""Two people who know each other."""

from __future__ import annotations

from dataclasses import dataclass

import bulla
import pytest

CONTEXT = "test"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What is skipped is not tested: that fails."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@dataclass
class People:
    alice: bulla.Identity
    bob: bulla.Identity

    @property
    def alice_public(self) -> bulla.PublicIdentity:
        return self.alice.public()

    @property
    def bob_public(self) -> bulla.PublicIdentity:
        return self.bob.public()

    def sealer(self) -> bulla.Sealer:
        return bulla.Sealer(self.alice, [self.bob_public])

    def policy(self) -> bulla.Policy:
        return bulla.Policy(CONTEXT, [self.alice_public])

    def opener(self) -> bulla.Opener:
        return bulla.Opener(self.bob, self.policy(), bulla.Guard.in_memory())

    def seal(self, content: bytes) -> bulla.Sealed:
        """Seals, and asks for every receipt."""
        every = bulla.Receipts.DELIVERED | bulla.Receipts.STORED | bulla.Receipts.REJECTED
        return self.sealer().seal(bulla.Draft(CONTEXT, receipts=every, reply_to=self.alice_public), content)

    def receipt(self, envelope: bytes | None) -> bulla.Receipt:
        """Opens a receipt that came to Alice."""
        assert envelope is not None
        return bulla.Receipt.open(self.alice, bulla.Policy(CONTEXT, [self.bob_public]), envelope)


@pytest.fixture
def people() -> People:
    return People(bulla.Identity.generate(), bulla.Identity.generate())
