#!/usr/bin/env python3
"""Writes, out of include/bulla.h, the test of a library with neither SQLite nor Redis: every function of which the header says that it
returns BULLA_INVALID_INPUT there is called once, with arguments that are right or NULL. It must say so, name what is missing, and write
nothing else.

usage: make_bare.py include/bulla.h > bare.c
"""
import re
import sys

sys.dont_write_bytecode = True  # the tree stays clean
from abuse_header import Header, stop  # noqa: E402

SECTION = re.compile(r'^/\* In a library without the feature "(\w+)" these return BULLA_INVALID_INPUT\. \*/$(.*?)(?=^/\* )', re.S | re.M)
ALONE = re.compile(r'in a library without the feature "(\w+)"')
# What is said of one that is "as" another.
AS = {"bulla_database_open_existing": "bulla_database_open"}


def missing(header, text):
    """Each such function, by name, and what it needs."""
    found = {}
    for feature, section in SECTION.findall(text):
        declared = re.sub(r"/\*.*?\*/", "", section, flags=re.S)
        found |= {name: feature for name in header.by_name if re.search(rf"\b{name}\(", declared)}
    for function in header.functions:
        said = ALONE.search(function.comment)
        if said:
            found[function.name] = said.group(1)
    for name, other in AS.items():
        found[name] = found[other]
    return found


def argument(header, kind):
    """Right, or NULL where there is nothing that could be right."""
    base = kind.replace("const", "").strip()
    if base == "bulla_error *":
        return "&error"
    if base == "char *":
        return '"test"'
    if base.endswith("**"):
        return f"({kind})&place"
    return "NULL" if base.endswith("*") else "0"


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    header = Header(text)
    found = missing(header, text)
    if {"sqlite", "redis"} - set(found.values()) or len(found) < 30:
        stop("the header does not say any more what needs a feature, or not in these words")
    print('/* Made by tests/c/make_bare.py out of include/bulla.h. */\n#include "harness.h"\n')
    print("static void *place = &place;\n")
    print("static void says(const char *function, bulla_status status, const char *word)\n{")
    print("    if (status != BULLA_INVALID_INPUT || error.code != status)")
    print('        failed("bare", 0, function, bulla_status_name(status));')
    print('    else if (strstr(error.text, "was built without") == NULL || strstr(error.text, word) == NULL)')
    print('        failed("bare", 0, function, error.text);')
    print("    if (place != (void *)&place)")
    print('        failed("bare", 0, function, "wrote to a place for what it gives");\n}\n')
    print("int main(void)\n{")
    for feature in sorted(set(found.values())):
        print(f'    CHECK(bulla_has_feature("{feature}") == 0);')
    called = 0
    for name in sorted(found):
        function = header.by_name[name]
        call = f"{name}({', '.join(argument(header, kind) for kind, _ in function.parameters)})"
        if function.result == "bulla_status":
            print(f'    before();\n    says("{name}", {call}, "{found[name]}");')
            called += 1
        elif function.result == "void":
            print(f"    {call};")
        else:
            print(f"    CHECK({call} == 0);")
    print(f'    printf("{called} functions say what they are built without, %d failed checks\\n", failures);')
    print("    return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;\n}")


if __name__ == "__main__":
    main()
