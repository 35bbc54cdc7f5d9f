#!/usr/bin/env python3
"""Fetches a page and gives it out only if it is the one that its author put there.

    check.py AUTHOR STATE URL > page     AUTHOR is an identity line or a file with one; STATE a folder that remembers what was seen

The same as the shell script `check`, over the Python package. Exit status: 0 the page is genuine; 1 it could not be fetched; 2 it is not,
or is not provable; 3 it is authentic, but old, or of another place.
"""

import hashlib
import http.client
import os
import pathlib
import sys
import time
import urllib.parse
import urllib.request

import bulla

LONGEST_PAGE, LONGEST_ENVELOPE = 16 << 20, 1 << 20
#: Seconds for one of them, however slowly it comes.
LONGEST_TIME = 60


class Refused(Exception):
    """Why the page is not given out, and with which exit status."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


def fetch(url, most):
    end, data = time.monotonic() + LONGEST_TIME, b""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            while piece := answer.read1(65536):
                data += piece
                if len(data) > most:
                    raise OSError("it is too long")
                if time.monotonic() > end:
                    raise OSError("it takes too long")
    except http.client.HTTPException as error:
        raise OSError(f"the server does not speak HTTP as it should: {error!r}") from error
    return data


def author_of(argument):
    if not argument.startswith("bulla1"):
        try:
            lines = pathlib.Path(argument).read_text().splitlines()
        except OSError as error:
            raise Refused(1, f"the author's identity cannot be read: {error}") from error
        argument = next((line for line in lines if line.startswith("bulla1")), "").strip()
    return bulla.PublicIdentity(argument)


def verify(author, state, path, page, envelope):
    """Raises unless it is the page of this path, and none that is older than what was seen."""
    skew = int(os.environ.get("SKEW", "120"))
    seen = state / "seen" / hashlib.sha256(path.encode()).hexdigest()
    seen.parent.mkdir(parents=True, exist_ok=True)
    # Whose it is, and for which place: before it is counted, so that nobody spoils the count with pages of other places.
    alone = bulla.Opener.unguarded_verifier(bulla.Policy("web", senders=[author], skew=skew))
    message = alone.verify_detached(envelope, page)
    if message.stamp.attributes.get("path") != path.encode():
        raise Refused(3, "authentic, but it is the page of another place")
    # What was accepted last time is still good until it expires; anything else must be newer than all that was seen.
    if seen.exists() and seen.read_bytes() == envelope:
        return
    policy = bulla.Policy("web", senders=[author], skew=skew, order=bulla.Order.MONOTONIC)
    with bulla.Database(state / "guard") as database, bulla.Guard.durable(database) as guard:
        bulla.Opener.verifier("check.py", policy, guard).verify_detached(envelope, page)
    new = seen.with_suffix(".new")
    new.write_bytes(envelope)
    new.replace(seen)


def check(author, state, url):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Refused(1, "this is no URL of a page: http://host/path")
    path = (parts.path or "/") + ("index.html" if (parts.path or "/").endswith("/") else "")
    url = urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    try:
        page = fetch(url, LONGEST_PAGE)
    except OSError as error:
        raise Refused(1, f"it cannot be fetched: {error}") from error
    try:
        envelope = fetch(url + ".bulla", LONGEST_ENVELOPE)
    except OSError as error:
        raise Refused(2, f"there is no envelope beside it: {error}") from error
    try:
        verify(author_of(author), pathlib.Path(state), path, page, envelope)
    except bulla.NotAcceptable as error:
        raise Refused(2, error) from error
    except bulla.Refused as error:
        raise Refused(3, error) from error
    except bulla.Error as error:
        raise Refused(1, error) from error
    return page


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.splitlines()[2].strip())
    try:
        sys.stdout.buffer.write(check(*sys.argv[1:]))
    except Refused as refusal:
        print(f"check.py: {sys.argv[3]}: {refusal}", file=sys.stderr)
        sys.exit(refusal.status)


if __name__ == "__main__":
    main()
