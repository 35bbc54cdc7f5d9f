"""Mail that not even the receiving server reads: bulla-deliver opens it, under pipe(8) and by hand."""

import os
import random
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from scenarios_relay import QMAIL
from servers import USER, own, wait_for
from world import compiled


def stored(world, token):
    return world.having(world.b, "erin", token)


def as_user(arguments, data, **more):
    """Runs a program as the owner of the mailbox."""
    return subprocess.run(arguments, input=data, capture_output=True, user=USER, **more)


def agent(world):
    return [str(world.out / "bulla-deliver"), "-c", str(world.conf["erin"]), "-s", "alice@a.test", str(world.b.folder / "mail/erin")]


def sealed_for_erin(world, token):
    """A sealed mail that was caught on its way: as pipe(8) gives it, with LF."""
    world.relay.plan = lambda mail: []
    assert world.submit(world.letter(token, "erin@b.test"), ["erin@b.test"]) == 250
    wait_for(lambda: any(token.encode() in mail[2] for mail in world.relay.seen), "on its way")
    world.relay.plan = lambda mail: [mail]
    return next(mail for mail in reversed(world.relay.seen) if token.encode() in mail[2])[2].replace(b"\r\n", b"\n")


def awaits_stored(world, token):
    wait_for(lambda: world.state_of(token) == ["delivered"], "receipted")


@contextmanager
def configured(world, **changes):
    """Erin's agent with other settings for a while."""
    text = world.conf["erin"].read_text()
    kept = [line for line in text.splitlines() if line.split(" =")[0] not in changes]
    world.conf["erin"].write_text("\n".join(kept + [f"{name} = {value}" for name, value in changes.items()]) + "\n")
    try:
        yield
    finally:
        world.conf["erin"].write_text(text)


def taken_apart(mail):
    """The results on top, and what stands below."""
    end = re.match(rb"Authentication-Results:[^\n]*\n([ \t][^\n]*\n)*", mail).end()
    return mail[:end], mail[end:]


def from_end_to_end(world):
    token = world.token()
    letter = world.letter(token, "erin@b.test")
    assert world.submit(letter, ["erin@b.test", "bob@b.test"]) == 250
    mail = wait_for(lambda: stored(world, token), "stored")
    results, original = taken_apart(mail[0])
    assert len(mail) == 1 and original == letter.encode().replace(b"\r\n", b"\n"), mail
    assert b" mx.b.test;\n\tbulla=pass header.from=alice@a.test\n\tpolicy.signer=" in results and b'policy.outer="same"' in results, results
    wait_for(lambda: world.having(world.b, "bob", token), "Bob has it too")
    wait_for(lambda: world.state_of(token) == ["delivered"] * 2, "both receipted")
    assert "left sealed" in world.milters["open_b"].log_text()
    return "Erin's server leaves it sealed; her agent stores exactly the original; Bob, in the same mail, gets it from the milter; both receipted"


def receipt_cannot_be_sent_and_mail_is_retried(world):
    token = world.token()
    mail = sealed_for_erin(world, token)
    with configured(world, submit="smtp:127.0.0.1:1"):
        codes = [as_user(agent(world), mail).returncode for _ in range(3)]
    assert codes == [75] * 3 and len(stored(world, token)) == 1, codes
    assert as_user(agent(world), mail).returncode == 0 and as_user(agent(world), mail).returncode == 0
    awaits_stored(world, token)
    assert len(stored(world, token)) == 1
    return "three times 75 while the receipt cannot be sent, stored once; then 0, and the same receipt for each copy"


def exit_codes(world):
    token = world.token()
    mail = sealed_for_erin(world, token)
    at = mail.index(b"QlVMTEE") + 900
    damaged = mail[:at] + (b"A" if mail[at:at + 1] != b"A" else b"B") + mail[at + 1:]
    assert as_user(agent(world), damaged).returncode == 65
    assert as_user(agent(world), b"From: alice@a.test\nSubject: x\n\nplain\n").returncode == 77
    assert as_user(agent(world), b"From: stranger@else.test\nSubject: x\n\nplain " + token.encode() + b"\n").returncode == 0
    assert len(stored(world, token)) == 1
    assert as_user([agent(world)[0], "--nonsense"], b"").returncode == 64
    broken = world.folder / "broken.conf"
    broken.write_text("nonsense\n")
    assert as_user([agent(world)[0], "-c", str(broken), str(world.b.folder / "mail/erin")], mail).returncode == 75
    assert as_user(agent(world)[:-1] + ["/proc/nowhere"], mail).returncode == 75
    assert as_user(agent(world), mail).returncode == 0 and len(stored(world, token)) == 2
    return "damaged 65; plain in a sealing author's name 77; of a stranger 0; no folder, or a broken configuration 75; then 0"


def guard_is_away(world):
    token = world.token()
    mail = sealed_for_erin(world, token)
    state = world.folder / "state-erin"
    away = world.folder / "state-away"
    assert as_user(agent(world), b"From: s@else.test\n\nx\n").returncode == 0  # the file is there
    (state / "guard.db").rename(away)
    (state / "guard.db").mkdir()
    assert as_user(agent(world), mail).returncode == 75 and not stored(world, token)
    (state / "guard.db").rmdir()
    away.rename(state / "guard.db")
    own(state / "guard.db")
    assert as_user(agent(world), mail).returncode == 0 and len(stored(world, token)) == 1
    return "75 and nothing stored while the guard cannot be used; then stored"


FORGED = "Authentication-Results: mx.b.test; bulla=pass header.from=boss@b.test\r\n" \
         "authentication-results :\r\n\t(it is) \"mx.b.test\" 1;\r\n\tbulla=pass header.from=boss@b.test\r\n"


def results_are_ours(world):
    token = world.token()
    other = "Authentication-Results: other.test; dkim=pass header.d=a.test\r\n"
    letter = world.letter(token, "erin@b.test", more=FORGED + other)
    assert world.submit(letter, ["erin@b.test"]) == 250
    results, original = taken_apart(wait_for(lambda: stored(world, token), "stored")[0])
    assert b"bulla=pass header.from=alice@a.test" in results
    assert original == letter.replace(FORGED, "").encode().replace(b"\r\n", b"\n"), original
    # What is not sealed.
    token = world.token()
    plain = f"From: stranger@else.test\n{FORGED}{other}Subject: {token}\n\nplain\n".replace("\r\n", "\n")
    assert as_user(agent(world), plain.encode()).returncode == 0
    results, original = taken_apart(stored(world, token)[0])
    assert b"bulla=none" in results and original == plain.replace(FORGED.replace("\r\n", "\n"), "").encode(), (results, original)
    # What is quarantined.
    token = world.token()
    plain = f"From: alice@a.test\n{FORGED}Subject: {token}\n\nplain\n".replace("\r\n", "\n")
    with configured(world, refused="quarantine"):
        assert as_user(agent(world), plain.encode()).returncode == 0
    kept = [path.read_bytes() for path in (world.b.folder / "mail/erin/.Quarantine/new").iterdir()]
    results, original = taken_apart(next(mail for mail in kept if token.encode() in mail))
    assert b"bulla=fail" in results and b"boss" not in original and not stored(world, token)
    return "sealed, plain or quarantined: ours on top, those that others gave in our name are gone, those of others stay; the rest as it was"


def actions_are_followed(world):
    quarantine = world.b.folder / "mail/erin/.Quarantine/new"

    def held(token):
        return [path for path in quarantine.iterdir() if token.encode() in path.read_bytes()] if quarantine.exists() else []

    token = world.token()
    mail = sealed_for_erin(world, token)
    changed = mail.replace(b"\nTo: Bob <erin@b.test>", b"\nTo: Everybody <all@b.test>").replace(b"\nTo: erin@b.test", b"\nTo: all@b.test")
    changed = changed.replace(b"Subject: ", b"Subject: " + token.encode() + b" ", 1)
    assert b"all@b.test" in changed
    with configured(world, differing="reject"):
        assert as_user(agent(world), changed).returncode == 77 and not stored(world, token)
    with configured(world, differing="quarantine"):
        assert as_user(agent(world), changed).returncode == 0 and not stored(world, token) and len(held(token)) == 1
    time.sleep(0.5)
    assert world.state_of(token) == ["waiting"], "whoever changed it on the way made us answer"
    assert as_user(agent(world), mail).returncode == 0 and len(stored(world, token)) == 1
    awaits_stored(world, token)
    # Signed by another than From names.
    table = (world.folder / "keys-b").read_text()
    codes = []
    for action in ("reject", "quarantine"):
        token = world.token()
        mail = sealed_for_erin(world, token)
        (world.folder / "keys-b").write_text(f"alice@a.test {world.folder}/erin.pub\n@c.test {world.folder}/a.pub\n")
        with configured(world, refused=action, keys=world.folder / "keys-b"):
            codes.append(as_user(agent(world), mail.replace(b"Subject: ", b"Subject: " + token.encode() + b" ", 1)).returncode)
        (world.folder / "keys-b").write_text(table)
        assert not stored(world, token) and len(held(token)) == (action == "quarantine")
        wait_for(lambda: world.state_of(token) == ["rejected"], "rejected, signed")
    assert codes == [77, 0], codes
    # What is rejected for good comes again as a copy: it must lie in the quarantine by then, and once.
    token = world.token()
    mail = sealed_for_erin(world, token).replace(b"Subject: ", b"Subject: " + token.encode() + b" ", 1)
    (world.folder / "keys-b").write_text(f"alice@a.test {world.folder}/erin.pub\n@c.test {world.folder}/a.pub\n")
    try:
        with configured(world, refused="quarantine", keys=world.folder / "keys-b", submit="/bin/false"):
            assert as_user(agent(world), mail).returncode == 75 and len(held(token)) == 1
        with configured(world, refused="quarantine", keys=world.folder / "keys-b"):
            assert [as_user(agent(world), mail).returncode for _ in range(2)] == [0, 0] and len(held(token)) == 1
    finally:
        (world.folder / "keys-b").write_text(table)
    wait_for(lambda: world.state_of(token) == ["rejected"], "rejected, signed")
    return "an outer header that differs: rejected or set aside as configured, and released; a wrong signer: rejected for good, and set aside once as configured, also if its receipt cannot be sent"


def bounces_are_bounces(world):
    token = world.token()
    bounce = (f"From: MAILER-DAEMON@a.test (Mail Delivery System)\r\nTo: erin@b.test\r\nSubject: {token}\r\n\r\n"
              "Your mail could not be delivered.\r\n")
    assert world.submit(bounce, ["erin@b.test"], sender="", port=world.ports["b_in"]) == 250
    mail = wait_for(lambda: stored(world, token), "a bounce, which no server seals, under pipe(8)")
    assert len(mail) == 1 and b"bulla=none" in mail[0]
    return "pipe(8) gives the empty sender as it is: a bounce is taken, though its domain seals"


def from_line_of_local(world):
    token = world.token()
    mail = b"From alice@a.test  Sun Nov 22 10:00:00 2026\nReturn-Path: <alice@a.test>\n" + sealed_for_erin(world, token)
    assert as_user(agent(world), mail).returncode == 0
    assert b"bulla=pass" in taken_apart(stored(world, token)[0])[0]
    # In what is not sealed it would stand below our results, in the middle of the header.
    token = world.token()
    plain = f"From: stranger@else.test\nSubject: {token}\n\nplain\n".encode()
    assert as_user(agent(world), b"From stranger@else.test  Sun Nov 22 10:00:00 2026\n" + plain).returncode == 0
    assert taken_apart(stored(world, token)[0])[1] == plain
    return "the From line that local(8) puts before what it gives to a command is taken off"


def sender_of_the_environment(world):
    """As local(8) gives it to a command in .forward: a receipt beside other content is a mail if it has a sender."""
    without = [word for word in agent(world) if word not in ("-s", "alice@a.test")]
    token = world.token()
    mail = (f"From: Dora <dora@else.test>\nSubject: {token}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
            f"--x\n\nlook at this {token}\n--x\nContent-Type: application/vnd.bulla.receipt\nContent-Transfer-Encoding: base64\n\n"
            "QUJD\n--x--\n").encode()
    assert as_user(without, mail, env={**os.environ, "SENDER": "dora@else.test"}).returncode == 0
    assert len(stored(world, token)) == 1
    for none in ("", "MAILER-DAEMON"):
        assert as_user(without, mail, env={**os.environ, "SENDER": none}).returncode == 65
    assert len(stored(world, token)) == 1
    return "without -s the sender is the environment's SENDER: a forwarded receipt of somebody is his mail, one without a sender is not"


def bounce_with_a_sealed_mail(world):
    """Bob's, that comes back to Erin: it is not sealed to her."""
    token, count = world.token(), len(world.relay.seen)
    world.relay.plan = lambda mail: []
    assert world.submit(world.letter(token)) == 250
    wait_for(lambda: len(world.relay.seen) > count, "on its way")
    world.relay.plan = lambda mail: [mail]
    sealed = world.relay.seen[count][2].replace(b"\r\n", b"\n")
    head = f"From: MAILER-DAEMON@r.test\nSubject: Undelivered {token}\n"
    report = (head + "MIME-Version: 1.0\nContent-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/rfc822\n\n").encode() + sealed + b"\n--x--\n"
    qmail = (head + "\n" + QMAIL.replace("\r\n", "\n")).encode() + sealed
    without = [word if word != "alice@a.test" else "" for word in agent(world)]
    for number, bounce in enumerate((report, qmail), 1):
        assert as_user(agent(world), bounce).returncode == 65
        assert as_user(without, bounce).returncode == 0 and len(stored(world, token)) == number
    assert all(b"bulla=none" in mail for mail in stored(world, token))
    # It is the words of a mail server that make it one.
    assert as_user(without, qmail.replace(b"Hi. This is", b"Hey. This is")).returncode == 65
    return "a report without a sender, or what qmail writes for one, that brings back a mail sealed to somebody else is stored as it is; with a sender it is 65"


HANGING = """#!/bin/sh
sleep 1000 &
echo $$ $! >> {pids}
wait
"""


def runs(pid):
    """Whether it does: somebody may not have been told of its end yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] not in "ZX"
    except OSError:
        return False


def command_that_hangs(world):
    """The command that `submit` names: it has a minute, and here two seconds."""
    compiled(world.folder / "impatient", "-DCOMMAND_SECONDS=2", "bulla-deliver")
    command, pids = world.folder / "hanging", world.folder / "state-erin/pids"
    command.write_text(HANGING.format(pids=pids))
    command.chmod(0o755)
    token = world.token()
    mail = sealed_for_erin(world, token)
    began = time.monotonic()
    with configured(world, submit=command):
        done = as_user([str(world.folder / "impatient/bulla-deliver"), *agent(world)[1:]], mail, timeout=60)
    took = time.monotonic() - began
    assert done.returncode == 75 and b"failed with -1" in done.stderr and 2 <= took < 30, (done, took)
    left = pids.read_text().split()
    assert len(left) == 2 and not any(runs(pid) for pid in left), left
    assert len(stored(world, token)) == 1 and as_user(agent(world), mail).returncode == 0
    awaits_stored(world, token)
    return "a command for receipts that never ends: killed when its time is over, with what it started; 75, stored once; then 0, receipted"


def killed_at_random_instants(world, seed=1, count=60):
    """kill -9 while it works, four at a time, then again until it says 0, as the queue does."""
    tokens, lock = [world.token() for _ in range(count)], threading.Lock()
    kills, after = [], []
    mails = {token: sealed_for_erin(world, token) for token in tokens}
    began = time.monotonic()
    assert as_user(agent(world), mails[tokens[0]]).returncode == 0
    usual = time.monotonic() - began

    def deliver(number):
        token, rounds = tokens[number], random.Random(seed * 1000 + number)
        for attempt in range(100):
            process = subprocess.Popen(agent(world), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, user=USER)
            try:
                process.stdin.write(mails[token])
                process.stdin.close()
            except BrokenPipeError:
                pass
            if attempt < 4:
                time.sleep(rounds.random() ** 2 * usual * 3)
                if process.poll() is None:
                    os.kill(process.pid, signal.SIGKILL)
                    with lock:
                        kills.append(token)
                        after.extend([token] * (len(stored(world, token)) > 0))
            code = process.wait()
            if code == 0:
                return
            if code == 75:
                time.sleep(0.3)
        raise AssertionError(f"seed {seed}: {token} ends with {code}")

    with configured(world, lease="1s"), ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver, range(count)))
    assert len(kills) >= 30, kills
    for token in tokens:
        assert len(stored(world, token)) == 1, f"seed {seed}: {token}: {len(stored(world, token))}"
    for token in tokens:
        awaits_stored(world, token)
    return f"seed {seed}: {count} mails, four at a time, {len(kills)} kills ({len(after)} after the mail lay in new): each stored once, none lost, each receipted"


ALL = [from_end_to_end, receipt_cannot_be_sent_and_mail_is_retried, exit_codes, guard_is_away, results_are_ours, actions_are_followed, bounces_are_bounces, from_line_of_local,
       bounce_with_a_sealed_mail, command_that_hangs, sender_of_the_environment, killed_at_random_instants]
