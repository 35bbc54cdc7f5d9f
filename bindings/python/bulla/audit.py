"""Audits: "do you still have it?", which only who has all of the content can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, NamedTuple, Optional

from . import _call as c
from ._call import Handle, ffi, lib
from .guard import Guard
from .identity import Clock, Identity, PublicIdentity
from .policy import Policy
from .receipt import ContentName, content_name
from .seal import Sent
from .verdicts import Internal

if TYPE_CHECKING:
    from ._call import BytesLike

__all__ = ["Asked", "Asking", "AuditProof", "Question"]


class AuditProof(Handle):
    """What proves that one has a content. Proofs are compared in constant time: whether the holder has what the asker has."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AuditProof):
            return NotImplemented
        return bool(lib.bulla_audit_proof_equals(self._handle, other._handle))

    __hash__ = None  # type: ignore[assignment]


class Question(Handle):
    """A question of an audit. Keep it until its answer has come; it holds nothing secret."""

    def __init__(self, handle: Any, part_of: Optional[Handle] = None) -> None:
        super().__init__(handle)
        self._part_of = part_of

    @classmethod
    def ask(
        cls, identity: Identity, holder: PublicIdentity, context: str, sent: Sent, *, clock: Optional[Clock] = None
    ) -> Asking:
        """Asks whether somebody still has the content of a message that was sent. The answer may come for 24 hours."""
        buffer, now = c.new_buffer(), c.handle_or_null(clock)
        who = (identity._handle, now, holder._handle)
        made = c.made(lib.bulla_question_ask, *who, c.text(context), sent._raw(), buffer, kind="question")
        return Asking(c.taken(buffer), cls(made))

    @classmethod
    def from_bytes(cls, data: BytesLike) -> Question:
        """Reads what :meth:`to_bytes` wrote: from one's own store, for nothing in it is signed."""
        raw = c.given(data)
        return cls(c.made(lib.bulla_question_from_bytes, raw, len(raw), kind="question"))

    def to_bytes(self) -> bytes:
        """As bytes, to be kept."""
        return c.filled(lib.bulla_question_to_bytes, self._handle)

    @property
    def message_id(self) -> bytes:
        """The message in question."""
        return c.fixed(lib.bulla_question_message_id, self._handle, kind="bulla_message_id")

    @property
    def content(self) -> ContentName:
        """The content in question."""
        name = content_name(lib.bulla_question_content, self._handle)
        if name is None:
            raise Internal("the library gave no content where there must be one")
        return name

    @property
    def asker(self) -> bytes:
        """Who asks: the signing key."""
        return c.fixed(lib.bulla_question_asker, self._handle, kind="bulla_key")

    @property
    def holder(self) -> bytes:
        """Who is asked: the signing key."""
        return c.fixed(lib.bulla_question_holder, self._handle, kind="bulla_key")

    @property
    def context(self) -> str:
        """The context of it."""
        return c.viewed(lib.bulla_question_context(self._handle)).decode("utf-8")

    def prove(self, content: Iterable[BytesLike]) -> Optional[AuditProof]:
        """Proves that one has the content, given in pieces; None if it is not the one in question. The holder does so, and the asker
        too, to know the right answer."""
        prover = c.made(lib.bulla_question_prover, self._handle, kind="prover")
        for piece in content:
            data = c.given(piece)
            c.call(lib.bulla_prover_update, prover, data, len(data))
        out = ffi.new("bulla_audit_proof **")
        nothing = c.call(lib.bulla_prover_finish, prover, out) == c.NOTHING
        return None if nothing else AuditProof(c.owned(out[0], "audit_proof"))

    def answer(self, identity: Identity, envelope: BytesLike, *, clock: Optional[Clock] = None) -> Optional[AuditProof]:
        """Opens the answer; None if the holder has the content no more. It is the right one only if it equals one's own proof."""
        data, now, out = c.given(envelope), c.handle_or_null(clock), ffi.new("bulla_audit_proof **")
        status = c.call(lib.bulla_question_answer, self._handle, identity._handle, now, data, len(data), out)
        return None if status == c.NOTHING else AuditProof(c.owned(out[0], "audit_proof"))


class Asking(NamedTuple):
    """A question, and the envelope to send."""

    envelope: bytes
    question: Question


class Asked(Handle):
    """A question that came, verified."""

    def __init__(
        self, identity: Identity, policy: Policy, guard: Guard, envelope: BytesLike, *, clock: Optional[Clock] = None
    ) -> None:
        """The policy: the context, and who may ask. Answer only those to whom the content is known already."""
        data, now = c.given(envelope), c.handle_or_null(clock)
        gate = (identity._handle, policy._handle, guard._handle, now)
        super().__init__(c.made(lib.bulla_asked_open, *gate, data, len(data), kind="asked"))

    @property
    def question(self) -> Question:
        """What is asked for."""
        owner = Handle(self._handle)
        return Question(lib.bulla_asked_question(owner._handle), owner)

    def answer(self, identity: Identity, proof: Optional[AuditProof], *, clock: Optional[Clock] = None) -> bytes:
        """The answer, to be sent: the proof that the content is held, or that it is held no more."""
        now = c.handle_or_null(clock)
        if proof is None:
            return c.filled(lib.bulla_asked_answer_not_held, self._handle, identity._handle, now)
        return c.filled(lib.bulla_asked_answer, self._handle, identity._handle, now, proof._handle)
