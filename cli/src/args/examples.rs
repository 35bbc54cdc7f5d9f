//! Examples, shown after the help of each command.

pub(super) const BULLA: &str = "\
Examples:
  bulla keygen -o alice.key > alice.pub
  bulla seal -i alice.key -r bob.pub -c letters -o letter.bulla letter.txt
  bulla open -i bob.key --from alice.pub -c letters --guard bob.guard -o letter.txt letter.bulla
  bulla demo

An IDENTITY is a line that begins with bulla1, or a file with one or several such lines (blank lines and lines that \
begin with # are skipped).

Exit status:
  0  done
  1  wrong usage, or reading or writing failed
  2  malformed, not authentic, or not for this key
  3  authentic but refused: sender, context, freshness, or seen before";

pub(super) const KEYGEN: &str = "\
Examples:
  bulla keygen -o alice.key > alice.pub
  bulla keygen -o alice.key --passphrase
  bulla keygen -o alice.key --passphrase-file secret.txt

Give the line that it prints to others. Keep the key file: without it nothing sealed to you can be opened.";

pub(super) const ID: &str = "\
Examples:
  bulla id alice.key > alice.pub
  bulla id --signing-key alice.pub

Reports show an author by the signing key, in hexadecimal digits; an identity line holds that key and an encryption key, \
and so changes with bulla rotate, while the signing key stays.";

pub(super) const ROTATE: &str = "\
Examples:
  bulla rotate alice.key --keep 30d > alice.pub
  bulla rotate alice.key --destroy-expired > alice.pub
  bulla rotate alice.key --destroy-old > alice.pub

Older keys stay, and still open what was sealed to them, until they are destroyed. The signing key, by which others \
know you, stays the same; give the new line to those who seal to you.";

pub(super) const SEAL: &str = "\
Examples:
  bulla seal -i alice.key -r bob.pub -c letters -o letter.bulla letter.txt
  bulla seal -i alice.key -r bob.pub -r carol.pub -c letters --expires 3d -a < letter.txt
  bulla seal -i alice.key -r bob.pub -c photos --type image/jpeg --attr name=holiday.jpg -o out.bulla holiday.jpg
  tar c folder | bulla seal -i alice.key -r bob.pub -c backup --stream > folder.tar.bulla

Without --stream the input is read into memory, and is at most 1 GiB long. With --stream the length of a file is signed \
before its content, and padded; the length of what comes through a pipe is not known before, and is not hidden.";

pub(super) const OPEN: &str = "\
Examples:
  bulla open -i bob.key --from alice.pub -c letters --guard bob.guard -o letter.txt letter.bulla
  bulla open -i bob.key --from friends.pub -c letters --guard bob.guard --max-age 2d < letter.bulla
  bulla open -i bob.key --from-anyone -c letters --no-guard --report json letter.bulla

Nothing is written before everything is verified: a file appears under its name only then, and for standard output the \
content waits in memory (up to 1 MiB) or in a file without a name in the temporary folder (TMPDIR). Text around an \
envelope (-a) is recognized.

If the content is verified and then cannot be written, the guard forgets the message again, unless a part of it went \
out already; use reopen then.";

pub(super) const REOPEN: &str = "\
Examples:
  bulla reopen -i bob.key --from alice.pub -c letters -o letter.txt archive/letter.bulla

Everything is checked but freshness: it may be old, expired, or a copy of what was opened before.";

pub(super) const SIGN: &str = "\
Examples:
  bulla sign -i alice.key -c releases -o app.tar.bulla app.tar
  bulla sign -i alice.key -c releases --detached -a -o app.tar.sig app.tar
  bulla sign -i alice.key -c notices --expires 2w -a < notice.txt

A signed envelope is not encrypted. Without --stream or --detached the input is read into memory, and is at most 1 GiB \
long.";

pub(super) const VERIFY: &str = "\
Examples:
  bulla verify --from alice.pub -c releases --no-guard -o app.tar app.tar.bulla
  bulla verify --from alice.pub -c releases --no-guard --content app.tar app.tar.sig
  bulla verify --from alice.pub -c notices --guard notices.guard --max-age 2d notice.bulla
  bulla verify --from alice.pub -c releases --archive --content app-1.0.tar app-1.0.tar.sig

Nothing is written before everything is verified. With --content nothing is written at all.";

pub(super) const EVIDENCE: &str = "\
Examples:
  bulla evidence export -i bob.key --from alice.pub -c contracts -o contract.evidence contract.bulla
  bulla evidence export --from alice.pub -c releases --content app.tar -a -o app.evidence app.tar.sig
  bulla evidence check --from alice.pub --content contract.pdf contract.evidence

Evidence shows anyone the author's key, the time the author claims, context, attributes, and digest of the content. It \
holds neither the content nor a secret. It does not show who the recipients were, nor when it was really made.";

pub(super) const INSPECT: &str = "\
Examples:
  bulla inspect letter.bulla

None of what it shows is authentic.";

pub(super) const DEMO: &str = "\
Examples:
  bulla demo
  bulla demo holiday.jpg

Each step is shown as the command that one would type, and its outcome. The exit status is 0 only if every step went as \
told.";
