//! What is not awaited any more takes no room.

use super::*;

const LENGTH: usize = 50_000;

/// The file's length in bytes once nobody has it open, and its log is in it.
fn length(scene: &Scene) -> u64 {
    std::fs::metadata(scene.path()).unwrap().len()
}

fn is_gone(scene: &Scene, sent: &Sent) {
    let gone = scene.outbox().envelope(&sent.header_digest).unwrap_err();
    assert_eq!(gone, ErrorKind::InvalidInput);
    assert!(gone.detail().contains("nobody awaits"), "{gone}");
}

#[test]
fn a_settled_envelope_is_not_kept_in_the_file() {
    let scene = Scene::new();
    let first = scene.seal(b"content");
    let letter = scene.letter(&first.1).until_delivered();
    scene.outbox().put(&letter, &first.0, NOW).unwrap();
    for round in 0..40 {
        let (envelope, sent) = scene.seal(&[7; LENGTH]);
        let letter = scene.letter(&sent).until_delivered();
        scene.outbox().put(&letter, &envelope, NOW).unwrap();
        let rejected = round % 2 == 0;
        let receipt = match rejected {
            true => scene.rejected(&envelope),
            false => scene.delivered(&envelope),
        };
        scene.settle(&receipt).unwrap();
        is_gone(&scene, &sent);
    }
    // Another one is as it was.
    assert_eq!(read(&scene.outbox(), &first.1), first.0);
    assert!(length(&scene) < 10 * LENGTH as u64, "{}", length(&scene));
}

#[test]
fn what_is_put_again_for_somebody_else_is_there_again() {
    let scene = Scene::new();
    let carol = Identity::generate(&OsEntropy).unwrap();
    for length in [LENGTH, 3 * LENGTH] {
        let (envelope, sent) = scene.seal(&vec![7; length]);
        let letter = scene.letter(&sent).until_delivered();
        scene.outbox().put(&letter, &envelope, NOW).unwrap();
        scene.settle(&scene.delivered(&envelope)).unwrap();
        is_gone(&scene, &sent);
        let letter = Letter::new(sent.clone(), "test", [*carol.verifying_key()], NOW + HOUR);
        scene
            .outbox()
            .put(&letter.unwrap(), &envelope, NOW)
            .unwrap();
        assert_eq!(read(&scene.outbox(), &sent), envelope);
        // Two recipients: it stays while one of them is awaited.
        let to_dave = Identity::generate(&OsEntropy).unwrap();
        let letter = Letter::new(
            sent.clone(),
            "test",
            [*to_dave.verifying_key()],
            NOW + 2 * HOUR,
        );
        scene
            .outbox()
            .put(&letter.unwrap(), &envelope, NOW)
            .unwrap();
        assert_eq!(scene.outbox().give_up(NOW + HOUR).unwrap().len(), 1);
        assert_eq!(read(&scene.outbox(), &sent), envelope);
    }
}

#[test]
fn what_is_forgotten_is_counted_and_its_room_given_back() {
    let scene = Scene::new();
    let carol = Identity::generate(&OsEntropy).unwrap();
    let outbox = scene.outbox();
    for _ in 0..300 {
        let (envelope, sent) = scene.seal(&[7; LENGTH]);
        let recipients = [*scene.bob.verifying_key(), *carol.verifying_key()];
        let letter = Letter::new(sent, "test", recipients, NOW + HOUR).unwrap();
        outbox.put(&letter, &envelope, NOW).unwrap();
    }
    drop(outbox);
    let before = length(&scene);
    assert!(before > 300 * LENGTH as u64, "{before}");
    assert_eq!(scene.outbox().give_up(NOW + HOUR).unwrap().len(), 600);
    // That something beside the file cannot be read is no matter of what is forgotten.
    std::fs::write(scene.folder.path().join("outbox.d"), b"no folder").unwrap();
    assert_eq!(scene.outbox().clean().unwrap_err(), ErrorKind::Io);
    assert_eq!(scene.outbox().forget(NOW + 2 * HOUR).unwrap(), 300);
    assert_eq!(scene.outbox().forget(NOW + 2 * HOUR).unwrap(), 0);
    let after = length(&scene);
    assert!(after < before / 2, "{before}, then {after}");
}
