//! Audit: "do you still have it?" (spec/receipts.md §7).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use bulla::{
    Asked, Asker, Draft, ErrorKind, FixedClock, Identity, MemoryGuard, OsEntropy, Policy, Question,
    Replay, Sealer, Senders, Sent,
};

const NOW: u64 = 1_800_000_000;
const CONTENT: &[u8] = b"eleven bushels of barley";

struct Scene {
    alice: Identity,
    bob: Identity,
    carol: Identity,
    guard: MemoryGuard,
    sent: Sent,
    clock: FixedClock,
}

impl Scene {
    fn new() -> Self {
        let [alice, bob, carol] = [(); 3].map(|()| Identity::generate(&OsEntropy).unwrap());
        let clock = FixedClock(NOW);
        let sent = Sealer::with(&alice, &clock, &OsEntropy)
            .to(bob.public())
            .seal_into(&Draft::new("test").unwrap(), CONTENT, &mut Vec::new())
            .unwrap();
        let guard = MemoryGuard::new(100);
        Self {
            alice,
            bob,
            carol,
            guard,
            sent,
            clock,
        }
    }

    fn by<'a>(&'a self, who: &'a Identity) -> Asker<'a> {
        Asker::with(who, &self.clock, &OsEntropy)
    }

    fn ask(&self, holder: &Identity) -> (Question, Vec<u8>) {
        let reply = self.alice.public().newest_key().unwrap();
        Question::ask(
            self.by(&self.alice),
            holder.public(),
            "test",
            &self.sent,
            reply,
        )
        .unwrap()
    }

    fn asked(&self, holder: &Identity, envelope: &[u8]) -> bulla::Result<Asked> {
        let policy = Policy::new("test", Senders::only([*self.alice.verifying_key()])).unwrap();
        Asked::open(
            holder,
            &policy,
            Replay::Guarded(&self.guard),
            envelope,
            &self.clock,
        )
    }
}

fn proof(question: &Question, content: &[u8]) -> Option<bulla::Proof> {
    let mut prover = question.prover();
    content.chunks(5).for_each(|piece| prover.update(piece));
    prover.finish()
}

#[test]
fn who_has_it_can_prove_it() {
    let scene = Scene::new();
    let (question, envelope) = scene.ask(&scene.bob);
    let question = Question::from_bytes(&question.to_bytes()).unwrap();
    let asked = scene.asked(&scene.bob, &envelope).unwrap();
    assert_eq!(
        asked.question().content(),
        (CONTENT.len() as u64, scene.sent.content_digest)
    );
    assert_eq!(asked.question().message_id(), scene.sent.message_id);
    let held = proof(asked.question(), CONTENT).unwrap();
    let answer = asked.answer(scene.by(&scene.bob), Some(held)).unwrap();
    let got = question
        .answer(&scene.alice, &answer, &scene.clock)
        .unwrap();
    assert_eq!(got, proof(&question, CONTENT));
    assert!(got.is_some());
    // Asked again, the answer is another: the old one is of no use.
    let (second, _) = scene.ask(&scene.bob);
    assert_eq!(
        second
            .answer(&scene.alice, &answer, &scene.clock)
            .unwrap_err(),
        ErrorKind::WrongReceipt
    );
    assert_ne!(proof(&second, CONTENT), got);
    // A question that is replayed is not answered again.
    assert_eq!(
        scene.asked(&scene.bob, &envelope).unwrap_err(),
        ErrorKind::Replayed
    );
}

#[test]
fn who_has_it_no_more_cannot() {
    let scene = Scene::new();
    let (question, envelope) = scene.ask(&scene.bob);
    let asked = scene.asked(&scene.bob, &envelope).unwrap();
    for changed in [&b""[..], b"twelve bushels of barley", &CONTENT[1..]] {
        assert!(proof(asked.question(), changed).is_none());
    }
    let answer = asked.answer(scene.by(&scene.bob), None).unwrap();
    assert_eq!(
        question
            .answer(&scene.alice, &answer, &scene.clock)
            .unwrap(),
        None
    );
}

/// Carol keeps a copy, and Bob, who has thrown his away, hands the challenge on to her: her proof is not his.
#[test]
fn the_proof_of_another_holder_is_of_no_use() {
    let scene = Scene::new();
    let (question, envelope) = scene.ask(&scene.bob);
    assert_eq!(
        scene.asked(&scene.carol, &envelope).unwrap_err(),
        ErrorKind::NotForMe
    );
    let (carols, to_carol) = scene.ask(&scene.carol);
    let asked = scene.asked(&scene.carol, &to_carol).unwrap();
    let carols_proof = proof(asked.question(), CONTENT);
    assert_eq!(carols_proof, proof(&carols, CONTENT));
    assert_ne!(carols_proof, proof(&question, CONTENT));
    let bobs = scene.asked(&scene.bob, &envelope).unwrap();
    let answer = bobs.answer(scene.by(&scene.bob), carols_proof).unwrap();
    let got = question
        .answer(&scene.alice, &answer, &scene.clock)
        .unwrap();
    assert_ne!(got, proof(&question, CONTENT));
    // Nor can Carol answer in his place.
    let answer = asked.answer(scene.by(&scene.carol), carols_proof).unwrap();
    assert_eq!(
        question
            .answer(&scene.alice, &answer, &scene.clock)
            .unwrap_err(),
        ErrorKind::UntrustedSender
    );
}

#[test]
fn bad_questions() {
    let scene = Scene::new();
    let (question, envelope) = scene.ask(&scene.bob);
    // An answer is no question, and a question is no answer.
    assert_eq!(
        question
            .answer(&scene.bob, &envelope, &scene.clock)
            .unwrap_err(),
        ErrorKind::UntrustedSender
    );
    let asked = scene.asked(&scene.bob, &envelope).unwrap();
    let answer = asked.answer(scene.by(&scene.bob), None).unwrap();
    let policy = Policy::new("test", Senders::anyone()).unwrap();
    let opened = Asked::open(
        &scene.alice,
        &policy,
        Replay::Unguarded,
        &answer,
        &scene.clock,
    );
    assert_eq!(opened.unwrap_err(), ErrorKind::WrongStatement);
    // A question that lies around does not live forever.
    let late = FixedClock(NOW + 24 * 3600 + 120);
    let opened = Asked::open(&scene.bob, &policy, Replay::Unguarded, &envelope, &late);
    assert_eq!(opened.unwrap_err(), ErrorKind::Expired);
    let bytes = question.to_bytes();
    for length in 0..bytes.len() {
        assert_eq!(
            Question::from_bytes(&bytes[..length]).unwrap_err(),
            ErrorKind::Malformed
        );
    }
    assert_eq!(
        Question::from_bytes(&[&bytes[..], &[0]].concat()).unwrap_err(),
        ErrorKind::Malformed
    );
}
