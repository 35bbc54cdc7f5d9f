#!/usr/bin/env python3
"""Fetches a page and gives it out only if it is the one that its author put there.

    check.py AUTHOR STATE URL [HOST] > page     AUTHOR is an identity line or a file with one; STATE a folder that remembers what was seen;
                                                HOST is that of the site, if the URL is of a mirror with another one

The same as the shell script `check`, over the Python package. Exit status: 0 the page is genuine; 1 it could not be fetched; 2 it is not,
or is not provable; 3 it is authentic, but old, or of another place.
"""

import fcntl
import hashlib
import http.client
import os
import pathlib
import re
import sys
import time
import urllib.parse
import urllib.request

import bulla

LONGEST_PAGE, LONGEST_ENVELOPE = 16 << 20, 1 << 20
#: By which the guard knows who reads: the same as of the script `check`, so that both may use one state.
READER = "default"
#: Seconds for one of them, however slowly it comes.
LONGEST_TIME = 60


class Refused(Exception):
    """Why the page is not given out, and with which exit status."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


class NotElsewhere(urllib.request.HTTPRedirectHandler):
    """What refers to another place is no page."""

    def redirect_request(self, *_):
        return None


def fetch(url, most):
    end, data = time.monotonic() + LONGEST_TIME, b""
    try:
        with urllib.request.build_opener(NotElsewhere).open(url, timeout=30) as answer:
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


def verify(author, state, place, page, envelope):
    """Raises unless it is the page of this host and path, and none that is older than what was seen."""
    skew = int(os.environ.get("SKEW", "120"))
    seen = state / "seen" / hashlib.sha256(place.encode()).hexdigest()
    seen.parent.mkdir(parents=True, exist_ok=True)
    # Whose it is, and for which place: before it is counted, so that nobody spoils the count with pages of other places.
    alone = bulla.Opener.unguarded_verifier(bulla.Policy("web", senders=[author], skew=skew))
    message = alone.verify_detached(envelope, page)
    if message.stamp.attributes.get("page") != place.encode():
        raise Refused(3, "authentic, but it is the page of another place")
    # One at a time: between counting a page and noting it nobody else may look.
    with (state / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What was accepted last time is still good until it expires; anything else must be newer than all that was seen.
        if seen.exists() and seen.read_bytes() == envelope:
            return
        # Written before it is counted: if there is no room for it, it is not counted.
        new = seen.with_suffix(".new")
        new.write_bytes(envelope)
        policy = bulla.Policy("web", senders=[author], skew=skew, order=bulla.Order.MONOTONIC)
        with bulla.Database(state / "guard") as database, bulla.Guard.durable(database) as guard:
            bulla.Opener.verifier(READER, policy, guard).verify_detached(envelope, page)
        new.replace(seen)


def check(author, state, url, host=None):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Refused(1, "this is no URL of a page: http://host/path")
    if parts.query or parts.fragment or not re.fullmatch(r"[A-Za-z0-9._/-]*", parts.path):
        raise Refused(1, "only letters, digits, dots, dashes and underscores are for paths")
    host = host or parts.netloc.lower()
    if not re.fullmatch(r"[a-z0-9.:-]+", host):
        raise Refused(1, f"{host} is no host that is known here")
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
        verify(author_of(author), pathlib.Path(state), host + path, page, envelope)
    except bulla.NotAcceptable as error:
        raise Refused(2, error) from error
    except bulla.Refused as error:
        raise Refused(3, error) from error
    except (bulla.Error, OSError) as error:
        raise Refused(1, error) from error
    except ValueError as error:
        raise Refused(1, f"SKEW, or the author's identity, is not as it should be: {error}") from error
    return page


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__.splitlines()[2].strip())
    try:
        sys.stdout.buffer.write(check(*sys.argv[1:]))
    except Refused as refusal:
        print(f"check.py: {sys.argv[3]}: {refusal}", file=sys.stderr)
        sys.exit(refusal.status)


if __name__ == "__main__":
    main()
