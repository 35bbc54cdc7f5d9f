#!/usr/bin/env python3
"""Writes a C file in which every function of include/bulla.h is defined, empty: the interface without the library."""
import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
plain = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
plain = "\n".join(line for line in plain.splitlines() if not line.startswith("#"))
print("#include <bulla.h>")
found = re.findall(r"^((?:BULLA_MUST_CHECK )?[a-z][\w ]*[ *]bulla_\w+\([^;{]*\));", plain, re.M)
declared = set(re.findall(r"\b(bulla_\w+)\([^;{]*\);", plain))
defined = {re.search(r"(bulla_\w+)\(", declaration).group(1) for declaration in found}
if defined != declared or not defined:
    sys.exit(f"stub.py: these declarations are not understood: {', '.join(sorted(declared ^ defined)) or 'all'}")
for declaration in found:
    head = declaration.replace("BULLA_MUST_CHECK ", "")
    result = head[:head.index("bulla_" + re.search(r"bulla_(\w+)\(", head).group(1) + "(")].strip()
    if result == "void":
        body = "{}"
    elif result.endswith("*") or re.fullmatch(r"\w+_t|bulla_status", result):
        body = "{ return 0; }"
    else:
        body = f"{{ {result} nothing = {{0}}; return nothing; }}"
    print(f"{head} {body}")
