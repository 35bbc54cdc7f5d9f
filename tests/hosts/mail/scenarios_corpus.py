"""A thousand real and odd mails through seal, relay and open: byte for byte as Postfix stores them without us."""

import re
import smtplib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from corpus import Dkim, collect
from servers import wait_for

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


def why_changed(mail, stored):
    """Why Postfix itself stores something else than it was given."""
    if mail.replace(b"\r\n", b"\n") + b"\n" == stored:
        return "a last line without its end gets one"
    if re.search(rb"\r(?!\n)|(?<!\r)\n", mail):
        return "bare CR or LF"
    head = mail.split(b"\r\n\r\n")[0].lower()
    if re.search(rb"(^|\n)(bcc|return-path|content-length|resent-bcc):", head):
        return "Bcc, Return-Path and Content-Length are dropped"
    if b"\0" in mail:
        return "NUL"
    if re.search(rb"(^|\n)[^\n:]*[ \t]+:", head):
        return "blanks before the colon of a field"
    if not re.match(rb"[!-9;-~]+[ \t]*:", mail) or any(not re.match(rb"[!-9;-~]+[ \t]*:|[ \t]", line) for line in head.split(b"\r\n")):
        return "a line in the header that is no field ends the header"
    return "other"


def a_thousand_mails(world):
    dkim = Dkim(world.folder)
    real, mails = collect(world.folder / "packages", dkim)
    mails = [(name, wire(mail)) for name, mail in mails]
    assert len(mails) == 1000 and len(real) >= 300, (len(mails), len(real))
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
    changed, differ, headless = Counter(), [], []
    for number in taken:
        name, mail = mails[number]
        if number in rejected:
            assert number not in opened, name
            continue
        stored, restored = without_trace(plain[number][0], 1), without_trace(opened[number][0], 3)
        assert len(opened[number]) == len(plain[number]) == 1, name
        if b"\n\n" not in stored and not stored.startswith(b"\n") and restored == stored + b"\n":
            headless.append(name)
        elif restored != stored:
            differ.append((name, stored[:400], restored[:400]))
        if stored != mail.replace(b"\r\n", b"\n"):
            changed[why_changed(mail, stored)] += 1
        if name.startswith("DKIM"):
            assert dkim.verifies(restored.replace(b"\n", b"\r\n")), name
    assert not differ, f"{len(differ)} differ from what Postfix stores without us: {differ[:3]}"
    assert changed["other"] == 0, f"{changed['other']} changed, and nobody knows why"
    said = "; ".join(f"{why}: {count}" for why, count in sorted(changed.items()))
    return (f"{len(mails)} mails, {len(real)} of them real: {wanted - len(headless)} opened, each as Postfix stores it without us, byte for byte; "
            f"{len(headless)} have no empty line after the header, and get one (milters are not told of it); {wanted - sum(changed.values())} "
            f"of those also exactly as given, and Postfix itself changed the others ({said}); {len(rejected)} with two From fields rejected; "
            f"{len(refused)} refused by Postfix with and without us ({', '.join(refused)}); 60 DKIM signatures verify after opening")


ALL = [a_thousand_mails]
