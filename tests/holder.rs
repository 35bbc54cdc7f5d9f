//! Keys held elsewhere: an agent that the library asks, and that never gives its secrets away.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use bulla::{
    Decapsulator, Draft, EncryptionKey, ErrorKind, KemPublicKey, Opener, Policy, PublicIdentity,
    Replay, Sealer, Secret, Senders, Signer, VerifyingKey, kem_shared_secret,
};
use ed25519_dalek::Signer as _;
use std::sync::mpsc::{Receiver, Sender, channel};

enum Question {
    Sign(Vec<u8>, Sender<[u8; 64]>),
    Multiply([u8; 32], Sender<[u8; 32]>),
}

/// What the library sees of an agent: public keys, and a line to it.
struct Agent {
    line: std::sync::Mutex<Sender<Question>>,
    verifying: VerifyingKey,
    keys: Vec<EncryptionKey>,
}

/// Keeps the secrets in a thread of its own, as an HSM or ssh-agent would, with primitives of its own. It can sign and
/// multiply; it knows nothing of HPKE.
fn agent(seed: [u8; 32]) -> Agent {
    let signing = ed25519_dalek::SigningKey::from_bytes(&seed);
    let secret = blake3::derive_key("an agent's own way to make a key", &seed);
    let public = x25519_dalek::x25519(secret, x25519_dalek::X25519_BASEPOINT_BYTES);
    let verifying = VerifyingKey::from_bytes(signing.verifying_key().as_bytes()).unwrap();
    let (line, questions): (Sender<Question>, Receiver<Question>) = channel();
    std::thread::spawn(move || {
        for question in questions {
            let _ = match question {
                Question::Sign(message, answer) => {
                    answer.send(signing.sign(&message).to_bytes()).is_ok()
                }
                Question::Multiply(point, answer) => {
                    answer.send(x25519_dalek::x25519(secret, point)).is_ok()
                }
            };
        }
    });
    Agent {
        line: std::sync::Mutex::new(line),
        verifying,
        keys: vec![EncryptionKey::new(
            7,
            KemPublicKey::from_bytes(&public).unwrap(),
        )],
    }
}

impl Agent {
    fn public(&self) -> PublicIdentity {
        PublicIdentity::new(self.verifying, self.keys.clone()).unwrap()
    }

    fn ask<T>(&self, question: impl FnOnce(Sender<T>) -> Question) -> bulla::Result<T> {
        let (answer, answers) = channel();
        let sent = self.line.lock().unwrap().send(question(answer));
        sent.map_err(|_| ErrorKind::KeyUnavailable)?;
        answers.recv().map_err(|_| ErrorKind::KeyUnavailable.into())
    }
}

impl Signer for Agent {
    fn signer_key(&self) -> VerifyingKey {
        self.verifying
    }

    fn sign(&self, message: &[u8]) -> bulla::Result<[u8; 64]> {
        self.ask(|answer| Question::Sign(message.to_vec(), answer))
    }
}

impl Decapsulator for Agent {
    fn reader_key(&self) -> VerifyingKey {
        self.verifying
    }

    fn encryption_keys(&self) -> &[EncryptionKey] {
        &self.keys
    }

    fn decapsulate(&self, key: &EncryptionKey, enc: &[u8]) -> bulla::Result<Option<Secret<32>>> {
        let dh = self.ask(|answer| Question::Multiply(enc.try_into().unwrap(), answer))?;
        Ok(kem_shared_secret(&Secret::new(dh), enc, key.key()))
    }
}

#[test]
fn an_agent_seals_and_opens() {
    let (alice, bob) = (agent([1; 32]), agent([2; 32]));
    let draft = Draft::new("agent").unwrap();
    let envelope = Sealer::new(&alice)
        .to(&bob.public())
        .seal(&draft, b"kept apart")
        .unwrap();
    let policy = Policy::new("agent", Senders::only([alice.verifying])).unwrap();
    let message = Opener::new(&bob, &policy, Replay::Unguarded)
        .open(&envelope)
        .unwrap();
    assert_eq!(message.content(), b"kept apart");
    // Also in a stream, whose closing the agent signs at the end.
    let mut streamed = Vec::new();
    let sealer = Sealer::new(&alice).to(&bob.public());
    sealer
        .seal_io(&draft, None, &mut [7; 40_000].as_slice(), &mut streamed)
        .unwrap();
    let message = Opener::new(&bob, &policy, Replay::Unguarded)
        .open(&streamed)
        .unwrap();
    assert_eq!(message.content(), [7; 40_000]);
}

/// Wraps an agent and spoils its answers.
struct Faulty {
    agent: Agent,
    fault: Fault,
}

enum Fault {
    Silent,
    WrongSignature,
    ZeroSecret,
}

impl Signer for Faulty {
    fn signer_key(&self) -> VerifyingKey {
        self.agent.verifying
    }

    fn sign(&self, message: &[u8]) -> bulla::Result<[u8; 64]> {
        let mut signature = self.agent.sign(message)?;
        match self.fault {
            Fault::Silent => return Err(ErrorKind::KeyUnavailable.into()),
            Fault::WrongSignature => signature[3] ^= 1,
            Fault::ZeroSecret => {}
        }
        Ok(signature)
    }
}

impl Decapsulator for Faulty {
    fn reader_key(&self) -> VerifyingKey {
        self.agent.verifying
    }

    fn encryption_keys(&self) -> &[EncryptionKey] {
        &self.agent.keys
    }

    fn decapsulate(&self, key: &EncryptionKey, enc: &[u8]) -> bulla::Result<Option<Secret<32>>> {
        match self.fault {
            Fault::Silent => Err(ErrorKind::KeyUnavailable.into()),
            Fault::ZeroSecret => Ok(kem_shared_secret(&Secret::default(), enc, key.key())),
            Fault::WrongSignature => self.agent.decapsulate(key, enc),
        }
    }
}

#[test]
fn a_holder_that_fails_is_noticed() {
    let bob = agent([2; 32]);
    let draft = Draft::new("agent").unwrap();
    for fault in [Fault::Silent, Fault::WrongSignature] {
        let alice = Faulty {
            agent: agent([1; 32]),
            fault,
        };
        let mut out = b"before".to_vec();
        let sealer = Sealer::new(&alice).to(&bob.public());
        let failed = sealer.seal_into(&draft, b"x", &mut out);
        assert_eq!(failed.unwrap_err(), ErrorKind::KeyUnavailable);
        assert_eq!(out, b"before");
    }
    let alice = agent([1; 32]);
    let envelope = Sealer::new(&alice)
        .to(&bob.public())
        .seal(&draft, b"x")
        .unwrap();
    let policy = Policy::new("agent", Senders::only([alice.verifying])).unwrap();
    for (fault, verdict) in [
        (Fault::Silent, ErrorKind::KeyUnavailable),
        (Fault::ZeroSecret, ErrorKind::NotForMe),
    ] {
        let reader = Faulty {
            agent: agent([2; 32]),
            fault,
        };
        let opened = Opener::new(&reader, &policy, Replay::Unguarded).open(&envelope);
        assert_eq!(opened.unwrap_err(), verdict);
    }
}

/// Everything that does work can be shared between threads, or handed to another.
#[test]
fn what_may_cross_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Sealer<'_>>();
    shared::<Opener<'_>>();
    shared::<bulla::Verifier<'_>>();
    shared::<bulla::OpenStream<'_>>();
    shared::<bulla::SealStream<'_>>();
    shared::<bulla::Identity>();
    shared::<bulla::Opened>();
    shared::<bulla::MemoryGuard>();
    shared::<bulla::Session>();
    shared::<bulla::Error>();
}
