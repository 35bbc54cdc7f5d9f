//! What receipts settle, and what they do not.

use super::*;

#[test]
fn delivery_settles_where_it_is_enough() {
    let scene = Scene::new();
    let (envelope, sent) = scene.seal(b"content");
    let letter = scene.letter(&sent).until_delivered();
    scene.outbox().put(&letter, &envelope, NOW).unwrap();
    let receipt = scene.delivered(&envelope);
    let settled = scene.settle(&receipt).unwrap();
    assert_eq!(
        (settled.entry.state, settled.is_new),
        (OutboxState::Settled, true)
    );
    let proof = ReceiptProof::check(settled.entry.proof.as_ref().unwrap()).unwrap();
    assert_eq!(proof.message_id(), sent.message_id);
    assert_eq!(settled.entry.told.as_deref(), Some("delivered"));
    // Once more: the same, and no news. A rejection afterwards changes nothing.
    assert!(!scene.settle(&receipt).unwrap().is_new);
    let rejected = scene.settle(&scene.rejected(&envelope)).unwrap();
    assert_eq!(
        (rejected.entry.state, rejected.is_new),
        (OutboxState::Settled, false)
    );
    assert!(scene.outbox().due(NOW + HOUR, 10).unwrap().is_empty());
    // To put it again does not begin it anew.
    scene.outbox().put(&letter, &envelope, NOW).unwrap();
    assert!(scene.outbox().due(NOW + HOUR, 10).unwrap().is_empty());
}

#[test]
fn rejected_is_a_failure_until_it_is_stored() {
    let scene = Scene::new();
    let (envelope, sent) = scene.put(b"content");
    let rejected = scene.settle(&scene.rejected(&envelope)).unwrap();
    assert_eq!(
        (rejected.entry.state, rejected.is_new),
        (OutboxState::Rejected, true)
    );
    assert_eq!(
        scene.outbox().list(OutboxFilter::Failed, 10).unwrap().len(),
        1
    );
    assert!(scene.outbox().due(NOW + HOUR, 10).unwrap().is_empty());
    assert_eq!(scene.outbox().sent(sent.message_id).unwrap(), [sent]);
}

#[test]
fn wrong_receipts_change_nothing() {
    let scene = Scene::new();
    let (envelope, _) = scene.put(b"content");
    let (other, _) = scene.seal(b"other");
    let receipt = scene.delivered(&envelope);
    for (receipt, kind) in [
        (scene.delivered(&other), ErrorKind::WrongReceipt),
        (
            receipt[..receipt.len() - 1].to_vec(),
            ErrorKind::NotAuthentic,
        ),
        (b"BULLA".to_vec(), ErrorKind::Malformed),
        (envelope, ErrorKind::NotForMe),
    ] {
        assert_eq!(scene.settle(&receipt).unwrap_err(), kind);
    }
    let entry = &scene.outbox().list(OutboxFilter::All, 10).unwrap()[0];
    assert_eq!(
        (entry.state, entry.proof.is_none()),
        (OutboxState::Waiting, true)
    );
}

#[test]
fn a_message_that_was_sealed_again() {
    let scene = Scene::new();
    let (first, sent) = scene.put(b"content");
    let reply = scene.alice.public().newest_key().unwrap();
    let draft = Draft::new("test")
        .unwrap()
        .ask_receipts(ALL, reply)
        .unwrap()
        .again(&sent);
    let mut second = Vec::new();
    let resent = Sealer::with(&scene.alice, &FixedClock(NOW + 60), &OsEntropy)
        .to(scene.bob.public())
        .seal_into(&draft, b"content", &mut second)
        .unwrap();
    scene
        .outbox()
        .put(&scene.letter(&resent), &second, NOW + 60)
        .unwrap();
    let due = scene.outbox().due(NOW + 60, 10).unwrap();
    assert_eq!((due.len(), due[0].header_digest), (1, resent.header_digest));
    // A receipt for either will do.
    for envelope in [first, second] {
        assert!(scene.settle(&scene.rejected(&envelope)).is_ok());
    }
}

#[test]
fn several_recipients_each_on_his_own() {
    let scene = Scene::new();
    let carol = Identity::generate(&OsEntropy).unwrap();
    let (envelope, sent) = scene.seal(b"content");
    let recipients = [*scene.bob.verifying_key(), *carol.verifying_key()];
    let letter = Letter::new(sent, "test", recipients, NOW + HOUR)
        .unwrap()
        .until_delivered();
    scene.outbox().put(&letter, &envelope, NOW).unwrap();
    assert_eq!(scene.outbox().due(NOW, 10).unwrap().len(), 2);
    scene.settle(&scene.delivered(&envelope)).unwrap();
    let waiting = scene.outbox().list(OutboxFilter::Waiting, 10).unwrap();
    assert_eq!(
        (waiting.len(), waiting[0].recipient),
        (1, *carol.verifying_key())
    );
    assert!(Letter::new(letter_sent(&scene), "test", [], NOW).is_err());
}

fn letter_sent(scene: &Scene) -> Sent {
    scene.seal(b"x").1
}

#[test]
fn one_envelope_in_several_letters() {
    let scene = Scene::new();
    let carol = Identity::generate(&OsEntropy).unwrap();
    let (envelope, sent) = scene.seal(b"content");
    scene
        .outbox()
        .put(&scene.letter(&sent), &envelope, NOW)
        .unwrap();
    let to_carol = Letter::new(sent.clone(), "test", [*carol.verifying_key()], NOW + HOUR).unwrap();
    scene.outbox().put(&to_carol, &envelope, NOW).unwrap();
    assert_eq!(scene.outbox().due(NOW, 10).unwrap().len(), 2);
    // What has failed does not begin again in silence.
    scene.outbox().give_up(NOW + HOUR).unwrap();
    let refused = scene
        .outbox()
        .put(&to_carol, &envelope, NOW + HOUR)
        .unwrap_err();
    assert_eq!(refused, ErrorKind::InvalidInput);
    assert_eq!(scene.outbox().of_message(sent.message_id).unwrap().len(), 2);
}

/// The receipt of one recipient comes while the same long envelope is put for another: it must not be removed.
#[test]
fn a_long_envelope_is_not_removed_while_it_is_put_again() {
    let scene = Scene::new();
    let carol = Identity::generate(&OsEntropy).unwrap();
    let outbox = scene.outbox();
    for round in 0..60_u64 {
        let (envelope, sent) = scene.seal(&vec![round as u8; 70_000]);
        let letter = scene.letter(&sent).until_delivered();
        outbox.put(&letter, &envelope, NOW).unwrap();
        let receipt = scene.delivered(&envelope);
        let to_carol =
            Letter::new(sent.clone(), "test", [*carol.verifying_key()], NOW + HOUR).unwrap();
        let start = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                std::thread::sleep(std::time::Duration::from_micros(100 * (round % 20)));
                outbox.put(&to_carol, &envelope, NOW).unwrap();
            });
            start.wait();
            outbox
                .settle(&scene.alice, &receipt, &FixedClock(NOW + 9))
                .unwrap();
        });
        assert_eq!(read(&outbox, &sent), envelope, "round {round}");
    }
}

/// What was sent is the old sealing; the new one, put meanwhile, was not.
#[test]
fn a_mark_for_one_sealing_does_not_postpone_another() {
    let scene = Scene::new();
    let (_, sent) = scene.put(b"content");
    let due = scene.outbox().due(NOW, 10).unwrap().remove(0);
    let (envelope, mut again) = scene.seal(b"content");
    again.message_id = sent.message_id;
    scene
        .outbox()
        .put(&scene.letter(&again), &envelope, NOW + 1)
        .unwrap();
    scene.outbox().mark_sent(&due, NOW + 2).unwrap();
    let next = scene.outbox().due(NOW + 2, 10).unwrap();
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].header_digest, again.header_digest);
}

#[test]
fn damage_hurries_once_for_each_attempt() {
    let scene = Scene::new();
    let (envelope, _) = scene.put(&[7; 100_000]);
    let policy = Policy::new("test", Senders::only([*scene.alice.verifying_key()])).unwrap();
    let clock = FixedClock(NOW + 5);
    let opener = Opener::with_clock(&scene.bob, &policy, Replay::Guarded(&scene.guard), &clock);
    let mut stream = opener.stream();
    let mut content = Vec::new();
    let cut = &envelope[..50_000];
    stream.update_provisional(cut, &mut content).unwrap();
    let failed = stream.end_provisional(&mut content);
    assert_eq!(failed.unwrap_err(), ErrorKind::NotAuthentic);
    let rate = bulla::Rate { every: 1, burst: 9 };
    let note = Receipter::with(&scene.bob, &clock, &OsEntropy)
        .limited(&scene.guard, rate)
        .damaged(&stream.damaged().unwrap(), "")
        .unwrap()
        .unwrap();
    for attempt in 1..3 {
        let due = scene.outbox().due(NOW + attempt * 1000, 1).unwrap();
        scene
            .outbox()
            .mark_sent(&due[0], NOW + attempt * 1000)
            .unwrap();
        let next = || scene.outbox().list(OutboxFilter::Waiting, 1).unwrap()[0].next_due;
        let planned = next();
        scene.settle(&note).unwrap();
        assert_eq!(next(), NOW + 9);
        // The same note again, after it was sent again at once: it waits as long as it was to.
        scene
            .outbox()
            .mark_sent(&due[0], NOW + attempt * 1000)
            .unwrap();
        scene.settle(&note).unwrap();
        assert_eq!(next(), planned);
    }
}
