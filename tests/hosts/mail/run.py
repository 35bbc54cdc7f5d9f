#!/usr/bin/env python3
"""The tests of the mail hosts: real Postfix servers, and a bad relay between them.

usage: run.py [NAME]...     every scenario whose name, or whose file's name, contains one of these; else all

It runs as root, finds the library by pkg-config (PKG_CONFIG_PATH), and says what is missing. BULLA_KEEP=1 keeps the folder.
"""

import importlib
import os
import sys
import time
import traceback

from servers import Folder, Logging, Postfix, need
from world import World, build

FILES = ["scenarios_relay", "scenarios_receipts", "scenarios_server", "scenarios_recipients", "scenarios_names", "scenarios_strangers",
         "scenarios_egress", "scenarios_sender", "scenarios_process", "scenarios_deliver", "scenarios_disk", "scenarios_again", "scenarios_redis",
         "scenarios_opensmtpd", "scenarios_kill", "scenarios_corpus"]


def main(names):
    if os.geteuid() != 0:
        raise SystemExit("mail tests: they start Postfix, and so must run as root")
    for command, package in [("postfix", "postfix"), ("cc", "gcc"), ("make", "make"), ("pkg-config", "pkg-config"), ("redis-server", "redis-server")]:
        need(command, package)
    if not os.path.exists("/usr/include/libmilter/mfapi.h"):
        raise SystemExit("mail tests: libmilter is missing: apt-get install -y --no-install-recommends libmilter-dev")
    failed, count, began = [], 0, time.monotonic()
    with Folder() as folder:
        out = build(folder)
        for file in FILES:
            module = importlib.import_module(file)
            chosen = [one for one in module.ALL if not names or any(name in one.__name__ or name in file for name in names)]
            if not chosen:
                continue
            (folder / file).mkdir()
            world = module.make(folder / file, out) if hasattr(module, "make") else World(folder / file, out, getattr(module, "SETTINGS", None))
            try:
                for scenario in chosen:
                    count += 1
                    for relay in (world.relay, getattr(world, "back", world.relay)):
                        relay.plan = lambda mail: [mail]
                    for part in [part for part in world.parts if isinstance(part, Logging)]:
                        part.mark()
                    try:
                        print(f"{scenario.__name__.replace('_', ' ')}: {scenario(world)}", flush=True)
                    except Exception:  # the next one is to run all the same
                        failed.append(scenario.__name__)
                        print(f"FAILED {scenario.__name__}\n{traceback.format_exc()}", flush=True)
                        if hasattr(world, "server"):
                            print((world.folder / "smtpd.log").read_text()[-3000:], flush=True)
                        for name, milter in getattr(world, "milters", {}).items():
                            print(f"--- {name}\n" + "\n".join(milter.log_text().splitlines()[-6:]), flush=True)
                        for server in [part for part in world.parts if isinstance(part, Postfix)]:
                            lines = [line for line in server.log_text().splitlines() if "connect" not in line]
                            print(f"--- Postfix {server.name}\n" + "\n".join(lines[-6:]), flush=True)
            finally:
                world.end()
    print(f"mail: {count - len(failed)} of {count} scenarios passed in {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        raise SystemExit(f"mail tests: failed: {' '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
