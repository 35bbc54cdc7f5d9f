"""A thousand real and odd mails through seal, relay and open: byte for byte as Postfix stores them without us."""

import re
import smtplib
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from corpus import Dkim, collect
from servers import USER, wait_for

SETTINGS = {"max_message": "100M", "receipts_to": "alice@a.test", "resend_first": "1h", "resend_longest": "1h"}


def wire(mail):
    """With CRLF where a file has LF, unless it mixes them."""
    if b"\r\n" not in mail:
        mail = mail.replace(b"\n", b"\r\n")
    return mail


def give(world, number, mail, to):
    with smtplib.SMTP("127.0.0.1", world.ports["a_submit"], "client.test", timeout=300) as smtp:
        smtp.ehlo()
        for line in (f"MAIL FROM:<n{number}@a.test> BODY=8BITMIME", f"RCPT TO:<{to}>", "DATA"):
            code, words = smtp.docmd(line)
            assert code in (250, 354), (line, code, words)
        dotted = re.sub(rb"(^|\r\n)\.", rb"\1..", mail)
        smtp.send(dotted + (b"" if mail.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, words = smtp.getreply()
        return code


def without_trace(mail, received):
    """What stands after the fields that delivery put before: by number from 0 to the last Received of ours."""
    fields = re.compile(rb"(Return-Path|X-Original-To|Delivered-To|Authentication-Results|Received):[^\n]*\n([ \t][^\n]*\n)*")
    at = seen = 0
    while seen < received:
        field = fields.match(mail, at)
        assert field, mail[at:at + 300]
        seen += field.group(1) == b"Received"
        at = field.end()
    return mail[at:]


def collected(server, user):
    boxed = {}
    for mail in server.mails(user):
        number = re.match(rb"Return-Path: <n(\d+)@a.test>", mail)
        assert number, mail[:200]
        boxed.setdefault(int(number.group(1)), []).append(mail)
    return boxed


DROPPED = {b"bcc", b"return-path", b"content-length", b"resent-bcc"}


def header_as_stored(lines, rules):
    """The lines of the header as Postfix stores them, and how many of those it was given they are."""
    stored, dropping = [], False
    for number, line in enumerate(lines):
        field = re.match(rb"([!-9;-~]+)([ \t]*):", line)
        if line[:1] in (b" ", b"\t") and number > 0:
            stored += [] if dropping else [line]
        elif field:
            dropping = field.group(1).lower() in DROPPED
            rules |= {"Bcc, Return-Path and Content-Length are dropped"} if dropping else set()
            rules |= {"blanks before the colon of a field go"} if field.group(2) and not dropping else set()
            stored += [] if dropping else [field.group(1) + line[field.end() - 1:]]
        elif number == 0 and line.startswith(b"From "):
            rules.add("the From line of a mailbox becomes X-Mailbox-Line")
            stored.append(b"X-Mailbox-Line: " + line)
        else:
            if line:
                rules.add("a line in the header that is no field begins the body, after an empty line")
                stored.append(b"")
            return stored, number
    return stored, len(lines)


def as_postfix_stores(mail):
    """What Postfix itself makes of a mail, without us, and by which of its rules it is another than was given."""
    rules = set()
    if not mail.endswith(b"\r\n"):
        mail += b"\r\n"
        rules.add("what does not end with CRLF gets one, as SMTP has it")
    lines = mail.split(b"\n")[:-1]
    if re.search(rb"\r(?!\n)", mail):
        rules.add("bare CR becomes a space, or goes at the end of a line")
    lines = [line.rstrip(b"\r").replace(b"\r", b" ") for line in lines]
    stored, body = header_as_stored(lines, rules)
    return b"".join(line + b"\n" for line in stored + lines[body:]), rules


def compare(mails, numbers, plain, opened, dkim):
    """Each as it came with us, as it came without us, and as it was given. Gives who has no empty line after the header, and the rules."""
    differ, unexplained, headless, changed = [], [], [], []
    for number in numbers:
        name, mail = mails[number]
        assert len(opened[number]) == len(plain[number]) == 1, name
        stored, restored = without_trace(plain[number][0], 1), without_trace(opened[number][0], 3)
        if b"\n\n" not in stored and not stored.startswith(b"\n") and restored == stored + b"\n":
            headless.append(name)
        elif restored != stored:
            differ.append((name, stored[:400], restored[:400]))
        expected, rules = as_postfix_stores(mail)
        changed += [rules] if rules else []
        if stored != expected or (not rules and stored != mail.replace(b"\r\n", b"\n")):
            unexplained.append((name, rules, expected[:400], stored[:400]))
        if name.startswith("DKIM"):
            assert dkim.verifies(restored.replace(b"\n", b"\r\n")), name
    assert not differ, f"{len(differ)} differ from what Postfix stores without us: {differ[:3]}"
    assert not unexplained, f"{len(unexplained)} are stored by Postfix in a way that nobody can explain: {unexplained[:3]}"
    return headless, changed


def gathered(world):
    if not hasattr(world, "gathered"):
        dkim = Dkim(world.folder)
        real, mails = collect(world.folder / "packages", dkim)
        world.gathered = dkim, real, [(name, wire(mail)) for name, mail in mails]
    return world.gathered


def a_thousand_mails(world):
    dkim, real, mails = gathered(world)
    assert len(real) >= 1100, len(real)
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda one: (give(world, one[0], one[1][1], "bob@b.test"), give(world, one[0], one[1][1], "anna@a.test")), enumerate(mails)))
    taken = [number for number, both in enumerate(codes) if both == (250, 250)]
    refused = {mails[number][0]: both for number, both in enumerate(codes) if both != (250, 250)}
    # What Postfix refuses without us it refuses with us.
    assert all(sealed // 100 == plain // 100 for sealed, plain in refused.values()), refused
    rejected = {number for number in taken if len(re.findall(rb"(?im)^from[ \t]*:", mails[number][1].split(b"\r\n\r\n")[0])) > 1}
    wanted = len(taken) - len(rejected)
    wait_for(lambda: len(world.b.mails("bob")) >= wanted and len(world.a.mails("anna")) >= len(taken), "all are there", 300)
    opened, plain = collected(world.b, "bob"), collected(world.a, "anna")
    for number in rejected:
        assert number not in opened, mails[number][0]
    headless, changed = compare(mails, [number for number in taken if number not in rejected], plain, opened, dkim)
    said = "; ".join(f"{why}: {count}" for why, count in sorted(Counter(why for rules in changed for why in rules).items()))
    return (f"{len(mails)} mails, {len(real)} of them real: {wanted - len(headless)} opened, each as Postfix stores it without us, byte for byte; "
            f"{len(headless)} have no empty line after the header, and get one (milters are not told of it): {', '.join(headless)}; "
            f"{wanted - len(changed)} of all those are stored exactly as given, and Postfix itself changed the others by its rules ({said}); {len(rejected)} with two "
            f"From fields rejected; {len(refused)} refused by Postfix with and without us ({', '.join(refused) or 'none'}); 60 DKIM signatures verify after opening")


def strangers_in_clear(world):
    """What nobody here seals for, however broken its From is, comes in without a seal; unless it is one of two, or a bare name."""
    _, real, mails = gathered(world)
    command = [str(world.out / "bulla-deliver"), "-c", str(world.conf["erin"]), "-s", "stranger@else.test", str(world.b.folder / "mail/erin")]

    def given(one):
        done = subprocess.run(command, input=one[1].replace(b"\r\n", b"\n"), capture_output=True, user=USER)
        assert done.returncode in (0, 77), (one[0], done)
        return done.returncode
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(given, mails))
    refused = []
    for (name, mail), code in zip(mails, codes):
        header = re.split(rb"\r?\n\r?\n", mail)[0]
        authors = re.findall(rb"(?im)^from:((?:[^\n]|\n[ \t])*)", header)
        refused += [(name, authors)] if code == 77 else []
    wrong = [(name, authors) for name, authors in refused if len(authors) == 1 and b"@" in authors[0] and b"a.test" not in authors[0]]
    assert not wrong, f"{len(wrong)} of {len(mails)}: {wrong[:20]}"
    return f"{len(mails)} mails, {len(real)} of them real: {len(mails) - len(refused)} come in; {len(refused)} do not: {[authors for _, authors in refused]}"


ALL = [a_thousand_mails, strangers_in_clear]
