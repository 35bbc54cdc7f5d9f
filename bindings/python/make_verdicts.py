"""Makes bulla/verdicts.py, one class of exception for each failure, out of include/bulla.h. With --check it compares instead."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = HERE / "../../include/bulla.h"
PLACE = HERE / "bulla/verdicts.py"
KINDS = ((20, "UsageError"), (40, "NotAcceptable"), (70, "Refused"), (100, "TryAgain"))
HEAD = '''"""One class for each verdict. Made by make_verdicts.py out of include/bulla.h: change that, and not this."""

from __future__ import annotations

from ._errors import Error, NotAcceptable, Refused, TryAgain, UsageError

__all__ = [
%s]


'''
CLASS = '''class %s(%s):
    """%s"""

    code = %d


'''


def verdicts(header: str) -> str:
    found = re.findall(r"/\* ([^*]+?) \*/\n#define BULLA_([A-Z_]+) (\d+)\n", header)
    failures = [(name.title().replace("_", ""), int(code), text) for text, name, code in found if int(code) < 100]
    # What else has a number stands in comments of another form.
    classes = []
    for name, code, text in failures:
        kind = next(kind for end, kind in KINDS if code < end)
        classes.append(CLASS % (name, kind, " ".join((text[0].upper() + text[1:]).split()), code))
    names = "".join(f'    "{name}",\n' for name in sorted(name for name, _, _ in failures))
    table = "ALL: dict[int, type[Error]] = {\n" + "".join(f"    {code}: {name},\n" for name, code, _ in failures) + "}\n"
    return HEAD % names + "".join(classes) + '#: The class of each code.\n' + table


def main() -> int:
    made = verdicts(HEADER.read_text(encoding="utf-8"))
    if "--check" in sys.argv:
        if PLACE.read_text(encoding="utf-8") != made:
            print("bulla/verdicts.py is not what include/bulla.h says: run make_verdicts.py", file=sys.stderr)
            return 1
        return 0
    PLACE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
