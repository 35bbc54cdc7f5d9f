//! What a guard knows without a claim (spec/guard.md §3, look).

use bulla::{Claim, Claimed, ErrorKind, ReplayGuard};

pub(super) fn looking_claims_nothing(guard: &dyn ReplayGuard) {
    let (now, mut claim) = (1000, super::claim(1, 1000));
    claim.bounded_by_age = false;
    let claim = &claim;
    let sees = |claim: &Claim| guard.look(claim).unwrap();
    assert_eq!(sees(claim), None, "it is not there");
    let Claimed::New(token) = guard.claim(claim, now, Some(60)).unwrap() else {
        panic!("it is new");
    };
    assert_eq!(sees(claim), None, "it is reserved only");
    guard.commit(&token, b"receipt").unwrap();
    assert_eq!(sees(claim).unwrap(), b"receipt");
    let change = |change: fn(&mut Claim)| {
        let mut claim = claim.clone();
        change(&mut claim);
        claim
    };
    // By the stamp alone.
    let by_stamp = change(|it| it.value = Claim::UNKNOWN);
    assert_eq!(sees(&by_stamp).unwrap(), b"receipt");
    assert_eq!(sees(&change(|it| it.value = it.key)), None, "another value");
    // A time of issue that no age bounds is not joined, and so changes nothing.
    let later = change(|it| it.issued += 1);
    assert_eq!(sees(&later).unwrap(), b"receipt");
    // A copy that lives longer has to be claimed, for the entry must be kept as long.
    let longer = change(|it| it.keep_until += 100);
    for other in [&longer, &change(|it| it.bounded_by_age = true)] {
        assert_eq!(sees(other), None, "{other:?}");
    }
    assert_eq!(
        guard.claim(&longer, now, Some(60)).unwrap(),
        Claimed::Same(b"receipt".to_vec())
    );
    assert_eq!(sees(&longer).unwrap(), b"receipt");
    // Nothing was taken by looking, and what is over is absent.
    assert_eq!(guard.commit(&token, b"").unwrap_err(), ErrorKind::LeaseLost);
    guard.observe(longer.keep_until).unwrap();
    let _ = guard.sweep(longer.keep_until, 0).unwrap();
    assert_eq!(sees(claim), None, "it is over");
}
