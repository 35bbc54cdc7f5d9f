#!/usr/bin/env python3
"""How many mails a second one core takes: Postfix alone, with bulla-milter sealing, opening, and with OpenDKIM signing.

usage: throughput.py [MAILS]

All four on one core (the clients too), over sockets in the file system as in the guide (by TCP a mail took 20 ms
longer), in turns, three rounds; the best round of each counts. Mails of 4 KB go to Postfix's
discard transport; each is on the disk when Postfix says 250.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
import smtplib

from servers import Folder, OpenDkim, Postfix, free_port, wait_for
from world import WithSockets, build


class Bench(WithSockets):
    """The world, and one Postfix with a port for each way."""

    def begin(self, b_postfix):
        super().begin(b_postfix)
        self.dkim = OpenDkim(self.folder)
        self.parts.append(self.dkim)
        self.ways = {name: free_port() for name in ("Postfix alone", "bulla-milter, seal", "bulla-milter, open", "OpenDKIM, sign")}
        milters = {"Postfix alone": "", "bulla-milter, seal": self.place_of("seal_a"),
                   "bulla-milter, open": self.place_of("open_b"), "OpenDKIM, sign": f"unix:{self.dkim.socket}"}
        self.bench = Postfix(self.folder, "bench", {"relay_domains": "b.test", "default_transport": "discard", "relay_transport": "discard",
                                                    "transport_maps": "inline:{ { bulla-confirm.invalid=bulla-confirm: } }",
                                                    "bulla-confirm_destination_recipient_limit": "1", "smtpd_recipient_restrictions": "permit_mynetworks"},
                             [f"127.0.0.1:{port} inet n - n - - smtpd -o smtpd_milters={milters[name]}" for name, port in self.ways.items()] +
                             [f"bulla-confirm unix - n n - - pipe flags=R user=nobody argv={self.out}/bulla-milter -c {self.conf['b']} --confirm ${{recipient}}"])
        self.parts.append(self.bench)

    def run(self, name, mails):
        """Mails a second over four connections."""
        def some(part):
            with smtplib.SMTP("127.0.0.1", self.ways[name], "client.test", timeout=120) as smtp:
                for mail in part:
                    smtp.sendmail("alice@a.test", ["bob@b.test"], mail)
        began = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(some, [mails[start::4] for start in range(4)]))
        return len(mails) / (time.monotonic() - began)


def main(count):
    os.sched_setaffinity(0, {0})  # everything that is started from here on stays on one core
    with Folder() as folder:
        world = Bench(folder / "world", build_in(folder), {"receipts": "delivered", "resend_first": "1h", "resend_longest": "1h"})
        try:
            best = {name: 0.0 for name in world.ways}
            for turn in range(3):
                for name in world.ways:
                    filler = "lorem ipsum dolor sit amet consetetur sadipscing elitr\r\n" * 70
                    mails = [world.letter(world.token(), body=filler).encode() for _ in range(count)]
                    if name.endswith("open"):
                        mails = sealed(world, mails)
                    best[name] = max(best[name], world.run(name, mails))
                    wait_for(lambda: world.bench.queued() == 0, "the queue is empty", 120)
            for name, rate in best.items():
                print(f"{name:20} {rate:6.0f} mails/s   {1000 / rate:6.2f} ms/mail   {rate / best['Postfix alone']:5.0%}")
            assert "fail" not in world.milters["seal_a"].log_text() + world.milters["open_b"].log_text()
        finally:
            world.end()


def build_in(folder):
    (folder / "world").mkdir()
    return build(folder)


def sealed(world, mails):
    """The same mails as the relay would bring them."""
    world.relay.seen.clear()
    world.relay.plan = lambda mail: []
    for mail in mails:
        assert world.submit(mail) == 250
    wait_for(lambda: len(world.relay.seen) >= len(mails), "sealed", 120)
    return [mail[2] for mail in world.relay.seen]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
