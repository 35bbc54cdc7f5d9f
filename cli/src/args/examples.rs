//! Examples, shown after the help of each command.

pub(super) const BULLA: &str = "\
Examples:
  bulla keygen -o alice.key > alice.pub
  bulla seal -i alice.key -r bob.pub -c letters -o letter.bulla letter.txt
  bulla open -i bob.key --from alice.pub -c letters --guard bob.guard -o letter.txt letter.bulla
  bulla send -i alice.key -r bob.pub -c photos --outbox alice.outbox photo.jpg | \
    ssh bob bulla receive -i bob.key --from alice.pub -c photos --guard bob.guard --dir photos | \
    bulla settle -i alice.key --outbox alice.outbox
  bulla demo

An IDENTITY is a line that begins with bulla1, or a file with one or several such lines (blank lines and lines that \
begin with # are skipped).

Exit status:
  0  done
  1  wrong usage, or reading or writing failed
  2  malformed, not authentic, or not for this key
  3  authentic but refused: sender, context, freshness, or seen before
  4  awaiting a receipt still, or rejected, or given up";

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

If the content is verified and then cannot be written, the message may come again, unless a part of it went out already; \
use reopen then. If bulla is killed in between, it may come again after half a minute. With --order gapless the report says \
which numbers of the stream are missing.";

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

pub(super) const SEND: &str = "\
Examples:
  bulla send -i alice.key -r bob.pub -c photos --outbox alice.outbox photo.jpg | \
    ssh bob bulla receive -i bob.key --from alice.pub -c photos --guard bob.guard --dir photos | \
    bulla settle -i alice.key --outbox alice.outbox
  bulla send -i alice.key -r bob.pub -c photos --outbox alice.outbox --deadline 2h -o out.bulla photo.jpg

The message is on the disk, in the outbox, before the first byte of it is given out. If no receipt comes it is due again \
after about a minute, and later at longer intervals: see bulla outbox. The receipt is asked for to the newest key of \
KEYFILE.";

pub(super) const RECEIVE: &str = "\
Examples:
  bulla receive -i bob.key --from alice.pub -c photos --guard bob.guard --dir photos -o receipt.bulla photo.bulla
  bulla receive -i bob.key --from friends.pub -c photos --guard bob.guard --dir photos --suggested-name --max-size 2G
  bulla receive -i bob.key --from alice.pub -c photos --guard bob.guard --dir photos --resumable < cut.bulla
  bulla receive -i bob.key --from alice.pub -c photos --guard bob.guard --dir photos --held DIGEST
  tail -c +$((HELD + 1)) photo.bulla | bulla receive ... --resumable --resume DIGEST

The receipt says stored only after the file was written, synced, given its name and read again from the disk. A copy of \
what was stored gives the same receipt. An answer that is known before all has come is given at once; the rest is then awaited \
and read, up to 8 MiB, so that whoever writes it does not fail. What fails without an answer ends at once. What is longer than --max-size is rejected for good, with a receipt that says so, \
and status 3; so are its copies. An author who asked for that receipt but may not be told, for he is not listed or was told \
of too many refusals lately, is refused with status 3, but not for good: the message may come again. Without room nothing is \
kept, the status is 1, and the message may come again; with --reject-full it is rejected for good instead.

A copy whose stamp is authentic, but which was damaged or cut off, fails with status 2; if its author is listed and asked \
to be told of rejections, as bulla send does, a note of the damage is given in place of a receipt, at the same rate. It is \
not final: nothing is stored, and the message stays due.

What a receive that was killed left of a file is removed by later ones after a day. What was cut off and not completed \
within a day is removed by a later --resumable. Of one envelope at most --max-size and \
1 MiB is kept.

Resuming: --held prints how many bytes of the envelope (without armor) are kept; send what follows them, from byte HELD + 1 \
on as tail counts, to --resume. DIGEST is the header digest that bulla inspect shows.";

pub(super) const SETTLE: &str = "\
Examples:
  bulla settle -i alice.key --outbox alice.outbox receipt.bulla
  bulla settle -i alice.key --outbox alice.outbox --proof photo.proof < receipt.bulla

Exit status: 0 if this recipient confirmed what is awaited; 4 if that is still awaited, no receipt came, or the message was \
rejected or given up; 3 or 2 if the receipt is not accepted: then nothing has changed. To settle twice changes nothing. A \
note that a copy came damaged settles nothing: the message is due again at once, and the status is 4.

The proof is that of the receipt that made the message final, whatever comes later. A file of that name that holds it already \
is fine; one that holds something else stays as it is, and the status is 1, although the message is settled: settle the same \
receipt again with another name.";

pub(super) const OUTBOX: &str = "\
Examples:
  bulla outbox --outbox alice.outbox
  bulla outbox --outbox alice.outbox --due --json
  bulla outbox --outbox alice.outbox --envelope DIGEST -o again.bulla
  bulla outbox --outbox alice.outbox --sent DIGEST
  bulla outbox --outbox alice.outbox --failed
  bulla outbox --outbox alice.outbox --forget 30d

To send again what got no answer: for each envelope that --due lists, write it with --envelope, give it to the transport, and \
then say --sent. An envelope that nobody awaits any more is not kept: if its receipt comes between --due and --envelope, that \
fails with status 1 and says so, and there is nothing to send.

Exit status: 4 with --due if anything was given up by this very call, and with --failed if anything is listed; 0 otherwise.";

pub(super) const AUDIT: &str = "\
Examples:
  bulla audit ask -i alice.key -r bob.pub --outbox alice.outbox --message ID --question q.keep -o question.bulla
  bulla audit answer -i bob.key --from alice.pub -c photos --guard bob.guard question.bulla
  bulla audit answer -i bob.key --from alice.pub -c photos --guard bob.guard --file photo.jpg -o answer.bulla question.bulla
  bulla audit check -i alice.key --question q.keep --content photo.jpg answer.bulla

Only who has all of the content can answer. Without --file or --missing, answer shows what is asked and answers nothing.

Exit status of check: 0 held, and proven; 4 not held; 3 or 2 if the answer is not acceptable.";

pub(super) const CHALLENGE: &str = "\
Examples:
  bulla challenge -i bob.key -c door --guard bob.guard --lifetime 5m
  bulla seal -i alice.key -r bob.pub -c door --answers HEX -o answer.bulla request.txt
  bulla open -i bob.key --from alice.pub -c door --guard bob.guard --challenged answer.bulla
  bulla challenge --reader-name default -c door --guard bob.guard

An answer is fresh without trust in any clock but the reader's own. A challenge needs no secrecy.";

pub(super) const GUARD: &str = "\
Examples:
  bulla guard bob.guard
  bulla guard --entries 20 --json bob.guard
  bulla guard --sweep --check bob.guard
  bulla guard --forget-stream NAME bob.guard

A guard that is not used for long may be swept; claims sweep a little by themselves.";
