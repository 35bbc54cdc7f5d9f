#!/usr/bin/env python3
"""Does what docs/mail.md says: its configuration and its commands as they stand there, on one machine with both ends.

usage: guide.py BULLA     (the command line)

Only what differs on a test machine is put in: folders, ports and the user; and what a mail server has besides.
"""

import re
import subprocess
import sys
from pathlib import Path

from servers import ROOT, USER, Folder, Milter, Postfix, free_port, need, own, wait_for
from world import build


def blocks(text):
    """Files by name, and the commands in their order."""
    files = {name: body for name, body in re.findall(r"^```conf file=(\S+)\n(.*?)^```$", text, re.S | re.M)}
    return files, re.findall(r"^```sh run\n(.*?)^```$", text, re.S | re.M)


def main(bulla):
    need("swaks", "swaks")
    with Folder() as folder:
        out = build(folder)
        (out / "bulla").symlink_to(bulla)
        ports = {}

        def here(text):
            text = text.replace("/etc/bulla", f"{folder}/etc").replace("/var/lib/bulla", f"{folder}/var").replace("/usr/local/bin", str(out))
            text = re.sub(r"\b([12]0(?:02[56]|89[12]))\b", lambda port: str(ports.setdefault(port[1], free_port())), text)
            return text.replace("user     = bulla", f"user     = {USER}").replace("user=bulla", f"user={USER}").replace("chown bulla", f"chown {USER}")

        for name in ("etc", "var", "cron.d"):
            (folder / name).mkdir()
        own(folder / "var")
        files, commands = blocks((ROOT / "docs/mail.md").read_text())
        assert len(files) == 10 and len(commands) == 4, (sorted(files), len(commands))

        def run(text):
            print("$", text.strip().replace("\n", "\n$ "), flush=True)
            done = subprocess.run(["sh", "-euc", here(text)], env={"PATH": f"{out}:/usr/sbin:/usr/bin:/sbin:/bin"}, capture_output=True, text=True)
            print(done.stdout, end="", flush=True)
            assert done.returncode == 0, done.stderr
            return done.stdout

        for one in "ab":  # step 2, "and at b.test with its name"
            run(commands[0].replace("/a.", f"/{one}."))
        for name, text in files.items():
            if name.startswith("/etc/bulla/"):
                Path(here(name)).write_text(here(text))
        run(commands[1])
        parts = []
        try:
            for line in here(files["/etc/bulla/services"]).splitlines():
                words = line.split()
                made = Milter(out / "bulla-milter", words[2], words[4], int(re.search(r":(\d+)@", words[6])[1]), folder / f"{words[4]}{len(parts)}.log", words[5:])
                parts.append(made)
            servers = {}
            settings = dict(line.split(" = ") for line in files["main.cf"].splitlines())
            route = " ".join(f"{{ {re.sub(' +', '=', line)} }}" for line in files["transport"].splitlines())
            for one, other, user in (("a", "b", "alice"), ("b", "a", "bob")):
                text = here(files[f"{one}/master.cf"])
                here(files[f"{other}/master.cf"])
                inbound = ports["20026" if other == "b" else "10026"]
                servers[one] = Postfix(folder, one, {**settings, "virtual_mailbox_domains": f"{one}.test",
                                                     "virtual_mailbox_maps": f"inline:{{ {{ {user}@{one}.test={user}/ }} }}",
                                                     "transport_maps": f"inline:{{ {route} {{ {other}.test=smtp:[127.0.0.1]:{inbound} }} }}"}, text.splitlines())
                parts.append(servers[one])
            run(commands[2])
            mail = wait_for(lambda: servers["b"].mails("bob"), "Bob has it")[0]
            assert b"bulla=pass header.from=alice@a.test" in mail and b"\nSubject: the barley\n" in mail and b"is in" in mail, mail
            wait_for(lambda: "1 receipted" in subprocess.run([str(out / "bulla-milter"), "-c", f"{folder}/etc/a.conf", "--report"],
                                                             capture_output=True, text=True).stdout, "receipted")
            assert "delivered" in run(commands[3])
            cron = here(files["/etc/cron.d/bulla"]).split(maxsplit=6)[6]
            assert subprocess.run(["sh", "-euc", cron]).returncode == 0
        finally:
            for part in reversed(parts):
                part.stop()
    print("the guide does as it says")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(str(Path(sys.argv[1]).resolve()))
