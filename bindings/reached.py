#!/usr/bin/env python3
"""Every function of include/bulla.h is used by a binding, or its unreached.txt says why not.

usage: reached.py FOLDER

FOLDER/unreached.txt has lines `function = reason`. A line about a function that is used, or that there is none of, is an error too.
"""

import re
import sys
from pathlib import Path

HEADER = Path(__file__).resolve().parent.parent / "include/bulla.h"


def declared() -> set[str]:
    """Comments name functions too, and do not count."""
    code = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.S)
    return set(re.findall(r"\b(bulla_\w+)\([^;{]*\);", code))


def used(folder: Path) -> set[str]:
    found: set[str] = set()
    for file in [*folder.rglob("*.hpp"), *folder.glob("bulla/*.py")]:
        text = file.read_text(encoding="utf-8")
        text = re.sub(r"//[^\n]*", "", text) if file.suffix == ".hpp" else re.sub(r"#[^\n]*", "", text)
        found |= set(re.findall(r"\bbulla_\w+", text))
        # Python frees what it owns by the name of its kind.
        found |= {f"bulla_{kind}_free" for kind in re.findall(r'"([a-z_]+)"', text)}
    return found


def main() -> int:
    folder = Path(sys.argv[1])
    functions, reached = declared(), used(folder)
    wrong = [] if functions else ["the header declares nothing"]
    excused = set()
    for line in (folder / "unreached.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, _, reason = line.partition(" = ")
        excused.add(name)
        if name not in functions:
            wrong.append(f"{name}: there is no such function")
        elif name in reached:
            wrong.append(f"{name}: is used, so strike its line")
        elif not reason.strip():
            wrong.append(f"{name}: no reason is given")
    wrong += [f"{name}: is not used, and no line says why" for name in sorted(functions - reached - excused)]
    for line in wrong:
        print(f"{folder}: {line}", file=sys.stderr)
    print(f"{len(functions & reached)} functions are used, {len(excused)} are not, for a reason")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
