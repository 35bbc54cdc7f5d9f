#!/usr/bin/env python3
"""Writes the abuse test out of include/bulla.h: every function is called with valid arguments, and then with each argument wrong
in every way that a caller can get wrong and that the header promises to survive. What the comments say of NULL is what is checked.
After each wrong call the same one comes again, with the same handles; then, twice, one with everything put right. A call
that is refused with BULLA_INVALID_INPUT changes nothing: the same one is refused like that again, and the right one then gives what it
gives on handles that nobody abused, unless the header says that what the call is about has ended whatever comes of it.

usage: make_abuse.py include/bulla.h [server] > abuse.c     (server: for a library with Redis; BULLA_SERVER is then the URL of one)

A new function is covered by itself. A type that is not known here ends this with an error: add it to MADE (how a valid one is
made, tests/c/abuse_handles.c) or to NUMBERS, in abuse_tables.py. With nothing wrong a call must succeed, or give what BASELINE
there says: a function that does not needs valid arguments (VALID, VALUES, MADE_FOR and tests/c/abuse_ready.c), or an entry.
"""
import re
import sys

sys.dont_write_bytecode = True  # the tree stays clean
from abuse_header import Header, stop  # noqa: E402
from abuse_tables import (AFTER_THE_END, BASELINE, BORROWED, GREATEST, LEFT_OUT, MADE, MADE_FOR, NOT_ALLOWED, NUMBERS,  # noqa: E402
                          READY, STATES, VALID, VALUES, WHATEVER, WITH_SERVER, WORKING)


class Call:
    """The arguments of one function: how each is declared and made, and what can be wrong with it."""

    def __init__(self, header, function):
        self.header, self.function = header, function
        self.lines, self.arguments, self.wrong, self.outputs, self.after = [], [], [], [], []
        self.values = set()  # structures that the caller fills in
        parameters, at = function.parameters, 0
        self.places = []  # of outputs: argument, type
        while at < len(parameters):
            following = parameters[at + 1] if at + 1 < len(parameters) else (None, None)
            at += self.argument(at, *parameters[at], following)
        self.aliases()

    def null(self, at, parameter):
        if self.function.result != "bulla_status" or self.function.may_be_null(parameter):
            wanted = "ANYTHING"
        else:
            wanted = "INVALID"
        self.wrong.append((f"{parameter} is NULL", f"a{at} = NULL;", wanted))

    def argument(self, at, kind, parameter, following):
        """Adds it; how many parameters it took."""
        name, header = f"a{at}", self.header
        self.arguments.append(name)
        base = kind.replace("const ", "").replace(" const", "").replace("*", "").strip()
        stars = kind.count("*")
        array = following[0] == "size_t" and stars > 0
        if stars == 0 and base in NUMBERS:
            self.number(name, base, parameter)
        elif stars == 0 and base in header.callbacks:
            self.lines.append(f"{base} {name} = stub_{base};")
            self.null(at, parameter)
        elif base == "bulla_error":
            self.lines.append(f"bulla_error *{name} = &report;")
            self.wrong.append(("error is NULL", f"{name} = NULL;", "ANYTHING"))
        elif base == "void":
            self.lines.append(f"void *{name} = &abuse_answer;")
            self.null(at, parameter)
        elif base == "char" and stars == 1:
            self.lines.append(f'const char *{name} = abuse_text("{self.function.name}", "{parameter}");')
            self.null(at, parameter)
            self.wrong.append((f"{parameter} is empty", f'{name} = "";', "ANYTHING"))
            self.wrong.append((f"{parameter} is no UTF-8", f'{name} = "\\xff\\xfe";', "ANYTHING"))
            self.wrong.append((f"{parameter} is long", f"{name} = endless;", "ANYTHING"))
        elif base == "uint8_t" and array:
            return self.slice(at, kind, parameter, following)
        elif base in header.handles and stars == 2 and "const" not in kind:
            self.output(at, f"{base} *", parameter)
            if base not in BORROWED:
                # Which outputs are given depends on the answer: a lease or what came of a copy, for example.
                self.after.append(f"if (abuse_given(&o{at}.value, sizeof o{at}.value)) abuse_later(end_{base}, o{at}.value);")
        elif base in header.handles and stars == 2:
            self.lines.append(f"const {base} *one{at} = make_{base}();")
            self.lines.append(f"const {base} *const *{name} = &one{at};")
            return self.count(at, parameter, following)
        elif base in header.handles and stars == 1:
            self.handle(at, base, parameter)
        elif base in header.structs and stars == 1 and kind.startswith("const"):
            self.structure(at, base, parameter)
            if array:
                return self.count(at, parameter, following)
            self.null(at, parameter)
        elif (base in header.structs or base in NUMBERS) and stars == 1 and not kind.startswith("const"):
            many = re.search(r": (\d+) bytes", self.function.said(parameter)) if base == "uint8_t" else None
            self.output(at, base, parameter, int(many.group(1)) if many else None)
        elif base == "uint8_t" and stars == 1:
            self.lines.append(f"const uint8_t *{name} = endless_bytes;")
            self.null(at, parameter)
        elif base in header.handles and stars == 3:
            stop(f"{self.function.name}: {kind}{parameter}")
        else:
            stop(f"{self.function.name}: the type of `{kind} {parameter}` is not known")
        return 1

    def structure(self, at, base, parameter):
        """One that the caller fills in, and what can be wrong in it."""
        value = VALID.get((self.function.name, parameter), VALUES.get(base))
        self.lines.append(f"{base} v{at};")
        self.values.add(f"v{at}")
        self.lines.append(f"const {base} *a{at} = &v{at};")
        self.lines.append(f"; v{at} = {value};" if value else f"; memset(&v{at}, 0, sizeof v{at});")
        fields = re.findall(r"\n  ([\w ]+?) (\**)(\w+)[;\[]", self.header.structs[base])
        for field, _, called in fields:
            if field in self.header.callbacks and (base, called) not in LEFT_OUT:
                self.lines.append(f"; v{at}.{called} = {WORKING.get((base, called), f'stub_{field}')};")
                self.wrong.append((f"{parameter} has no {called}", f"v{at}.{called} = NULL;", "ANYTHING"))
        if fields[0][2] == "size":
            self.lines.append(f"; v{at}.size = sizeof v{at};")
            for size in (0, 7, "SIZE_MAX", f"sizeof v{at} - 1"):
                self.wrong.append((f"{parameter} has the size {size}", f"v{at}.size = {size};", "INVALID"))
        for field, values in NOT_ALLOWED.get(base, {}).items():
            for value in values:
                self.wrong.append((f"{parameter} has {value} in {field}".replace('"', "'"), f"v{at}.{field} = {value};", "INVALID"))
        # Where pointers are in it, all ones is what no library can survive.
        if not any(stars or field in self.header.callbacks for field, stars, _ in fields):
            self.wrong.append((f"{parameter} is all ones", f"memset(&v{at}, 0xff, sizeof v{at});", "ANYTHING"))

    def aliases(self):
        """What points to the same as another argument, where the types permit that."""
        parameters, header = self.function.parameters, self.header
        kinds = [kind.replace(" const", "").strip() for kind, _ in parameters]
        for at, (kind, (_, parameter)) in enumerate(zip(kinds, parameters)):
            base, stars = kind.replace("const ", "").rstrip(" *"), kind.count("*")
            for other, (_, called) in enumerate(parameters):
                if other <= at:
                    continue
                mine, theirs = kinds[at].replace("const ", ""), kinds[other].replace("const ", "")
                # Two outputs, two handles, or what is read and what is written.
                if mine == theirs and stars == 1 and base in header.handles - BORROWED:
                    self.wrong.append((f"{called} is {parameter}", f"a{other} = a{at};", "ANYTHING"))
                elif mine == theirs and stars > 0 and other in self.places and (at in self.places or kind.startswith("const")):
                    self.wrong.append((f"{called} is {parameter}", f"a{other} = ({theirs})a{at};", "ANYTHING"))
            if kind == "const uint8_t *" and at + 1 < len(kinds) and kinds[at + 1] == "size_t":
                for other, (_, called) in enumerate(parameters):
                    if kinds[other].replace("const ", "") == "bulla_buffer *":
                        self.wrong.append((f"{parameter} is what {called} holds", f"hold((bulla_buffer *)a{other}); "
                                           f"a{at} = bulla_buffer_data(a{other}); a{at + 1} = bulla_buffer_length(a{other}); turn = 1;",
                                           "ANYTHING"))
                for other in self.places:
                    self.wrong.append((f"{parameter} is where {parameters[other][1]} goes", f"a{at} = (const uint8_t *)&o{other}.value; "
                                       f"a{at + 1} = sizeof o{other}.value;", "ANYTHING"))

    def number(self, name, base, parameter):
        # Small at first: numbers are often how much work is to be done.
        self.lines.append(f"{base} {name} = {VALID.get((self.function.name, parameter), 1)};")
        for value in ("0", "7", GREATEST[base], f"(({base})({GREATEST[base]} / 2 + 1))"):
            self.wrong.append((f"{parameter} is {value}", f"{name} = {value};", "ANYTHING"))

    def handle(self, at, base, parameter):
        made = "make_durable_guard" if self.function.name.startswith("bulla_guard_durable_") else f"make_{base}"
        ready = MADE_FOR.get(self.function.name)
        if READY.get(ready) == base:
            made = f"make_{ready}"
        self.lines.append(f"{base} *a{at} = ({base} *){made}();" if base in BORROWED else f"{base} *a{at} = {made}();")
        self.null(at, parameter)
        if self.function.name == base + "_free":
            return
        if at > 0 and base not in BORROWED:
            # Freed while others live that were made with it, or are to be used with it.
            wanted = self.wrong[-1][2]
            self.wrong.append((f"{parameter} is freed, and NULL",
                               f"abuse_forget(a{at}); {base}_free(a{at}); a{at} = NULL; k{at} = NULL; gone = 1;", wanted))
        for what, maker_of_it, answers in STATES.get(base, []):
            if self.function.name in answers:
                self.wrong.append((f"{parameter} is {what}", f"a{at} = ({base} *){maker_of_it}(); k{at} = a{at};",
                                   answers[self.function.name]))
        finish = self.header.by_name.get(base + "_finish")
        if finish:
            refused = self.function.result == "bulla_status" and self.function.name not in AFTER_THE_END
            failure = "FAILURE" if refused else "ANYTHING"
            # Some are not at their end by that.
            anew = f"a{at} = k{at} = make_{base}(); " if made == "make_named_store_stream" else ""
            self.wrong.append((f"{parameter} is used up", f"{anew}use_up_{base}(a{at});", failure))
        if base == "bulla_buffer" and self.function.result == "bulla_status":
            for room in (0, 1, 16):
                self.wrong.append((f"{parameter} has room for {room} bytes", f"a{at} = wrapped(room, {room});", "ANYTHING"))
            self.lines.append(f"size_t b{at};")
            self.lines.append(f"; b{at} = bulla_buffer_length(a{at});")
            self.after.append(f"if (status != BULLA_OK && status < 100 && bulla_buffer_length(a{at}) != (a{at} == NULL ? 0 : b{at}))"
                              f' failed("abuse", 0, abuse_what, "a failed call left something in {parameter}");')

    def slice(self, at, kind, parameter, following):
        length = f"a{at + 1}"
        self.lines.append(f"size_t {length} = 0;")
        if kind.startswith("const"):
            self.lines.append(f'const uint8_t *a{at} = abuse_bytes("{self.function.name}", "{parameter}", &{length});')
        else:
            self.lines.append(f"uint8_t *a{at} = abuse_memory(&{length});")
        return self.count(at, parameter, following, declared=True)

    def count(self, at, parameter, following, declared=False):
        """A pointer and how many there are behind it."""
        if not declared:
            self.lines.append(f"size_t a{at + 1} = 1;")
        self.arguments.append(f"a{at + 1}")
        length, refused = following[1], "INVALID" if self.function.result == "bulla_status" else "ANYTHING"
        self.wrong += [
            (f"{parameter} is NULL", f"a{at} = NULL;", refused),
            (f"{parameter} is NULL, {length} 0", f"a{at} = NULL; a{at + 1} = 0;", "ANYTHING"),
            (f"{length} is 0", f"a{at + 1} = 0;", "ANYTHING"),
            (f"{length} is 1", f"a{at + 1} = 1;", "ANYTHING"),
            (f"{length} is SIZE_MAX", f"a{at + 1} = SIZE_MAX;", refused),
            (f"{length} is SIZE_MAX / 2 + 1", f"a{at + 1} = SIZE_MAX / 2 + 1;", refused),
            (f"{parameter} is NULL, {length} SIZE_MAX", f"a{at} = NULL; a{at + 1} = SIZE_MAX;", refused),
        ]
        return 2

    def output(self, at, base, parameter, many=None):
        space, count = "" if base.endswith("*") else " ", f"[{many}]" if many else ""
        self.lines.append(f"struct {{ uint8_t before[CANARIES]; {base}{space}value{count}; uint8_t after[CANARIES]; }} o{at};")
        self.lines.append(f"{base}{space}*a{at} = {'' if many else '&'}o{at}.value;")
        self.outputs.append(f"o{at}")
        self.places.append(at)
        self.null(at, parameter)


def ordered(lines):
    """Declarations before statements, as C99 with -Wdeclaration-after-statement likes it."""
    return [line for line in lines if not line.startswith(";")] + [line[2:] for line in lines if line.startswith(";")]


def test(header, function):
    call = Call(header, function)
    usual = BASELINE.get(function.name, ("BULLA_OK",))[0] if function.result == "bulla_status" else "ANYTHING"
    # What calls back gives what its callbacks answer.
    cases = [("nothing is wrong", ";", f"abuse_answer == BULLA_OK ? {usual} : ANYTHING")] + call.wrong
    freed = function.name.endswith("_free")
    # Where refused arguments leave things as they were.
    kept = function.result == "bulla_status" and not freed and not WHATEVER.search(function.comment)
    print(f"static void abuse_{function.name}(void)\n{{\n    size_t at;")
    if kept:
        print("    bulla_status usual = BULLA_OK;")
    print()
    print(f"    for (at = 0; at < {len(cases)}; at++) {{")
    for line in ["bulla_status status = BULLA_OK;", "int wanted = ANYTHING, gone = 0; /* gone: 1 where it cannot be put right */",
                 "bulla_error report;", "uint8_t room[64];"]:
        print(f"        {line}")
    for line in ordered(call.lines):
        print(f"        {line}")
    print("        memset(room, 0xA5, sizeof room);")
    if not freed:
        print("        {")
        for argument in call.arguments:
            # As it is before anything is wrong with it.
            print(f"        __typeof__({argument}) k{argument[1:]} = {argument};")
        print("        int turn = 0; /* 1 where it can come once: what it reads is gone with what it writes */")
    clear(call)
    print("        switch (at) {")
    for number, (what, change, wanted) in enumerate(cases):
        print(f'        case {number}: abuse_what = "{function.name}: {what}"; {change} wanted = {wanted}; break;')
    print("        }")
    if freed:
        # Made, it is freed by this call, and else by the cleaning up.
        print("        abuse_forget(a0);")
        invoke(function, call)
    else:
        turns(function, call, kept)
    print("        (void)room; (void)wanted; (void)gone;")
    print("        abuse_clean_up();\n    }\n}\n")


def turns(function, call, kept):
    """Twice what is wrong, and twice with everything put right."""
    if kept:
        print("        const int unchanged = wanted == INVALID && !gone;")
    print("        for (; turn < 4; turn++) {")
    clear(call)
    invoke(function, call)
    if kept:
        print("        if (at == 0 && turn == 0) usual = status;")
    if not kept:
        # What is wrong may be told in another way the second time.
        print("        if (wanted == INVALID) wanted = FAILURE;")
    print("        if (at == 0) wanted = ANYTHING;")
    print("        if (turn == 1) {\n        wanted = ANYTHING;")
    print("        " + " ".join(f"{it} = k{it[1:]};" for it in call.arguments))
    for value in sorted(call.values):
        # What was made wrong in place, too.
        print("        " + " ".join(line[2:] for line in call.lines if re.match(rf"; (memset\(&)?{value}\b", line)))
    if kept:
        print("        if (unchanged) wanted = usual;")
    print("        } else if (turn == 2) wanted = ANYTHING;")
    print("        }\n        }")


def clear(call):
    """Nothing is in the places for what a call gives."""
    print("        memset(&report, 0xA5, sizeof report);")
    for output in call.outputs:
        print(f"        memset(&{output}, 0xA5, sizeof {output});")


def invoke(function, call):
    """One call, and what is to be seen of it."""
    status = function.result == "bulla_status"
    for line in call.lines:
        buffer = re.match(r"; b(\d+) = ", line)
        if buffer:
            print(f"        {line[2:]}")
    invoked = f"{function.name}({', '.join(call.arguments)})"
    print(f"        {'status = ' if status else '' if function.result == 'void' else '(void)'}{invoked};")
    if status:
        error = f"a{[kind for kind, _ in function.parameters].index('bulla_error *')}"
        print(f"        abuse_judge(status, wanted, {error});")
    for output in call.outputs:
        print(f"        abuse_untouched(status, &{output}, sizeof {output}, sizeof {output}.value);")
    for line in call.after:
        print(f"        {line}")
    print("        (void)status; (void)report;")


def maker(header, handle, done):
    """Defines make_X(), and before it what that needs."""
    if handle in done:
        return
    done.add(handle)
    if handle in MADE:
        body = [f"    {handle} *made = ({handle} *){MADE[handle]}();"]
    else:
        giving = [function for function in header.functions if function.result == "bulla_status" and
                  f"{handle} **" in [kind for kind, _ in function.parameters]]
        if not giving:
            stop(f"nothing gives a {handle}: add it to MADE")
        # The one with the fewest arguments.
        giving = min(giving, key=lambda function: (len(function.parameters), function.name))
        for kind, _ in giving.parameters:
            base = kind.replace("const ", "").replace("*", "").strip()
            if base in header.handles and base != handle:
                maker(header, base, done)
        call = Call(header, giving)
        lines = [line for line in ordered(call.lines) if not re.match(r"(size_t )?b\d+", line)]
        body = ["    " + line for line in lines]
        given = f"o{[kind for kind, _ in giving.parameters].index(handle + ' **')}.value"
        body = ["    bulla_error report;", f"    {handle} *made;"] + body
        body += ["    memset(&report, 0, sizeof report);", f"    {given} = NULL;",
                 f"    if ({giving.name}({', '.join(call.arguments)}) != BULLA_OK)",
                 f'        failed("abuse", 0, "{giving.name} (to make a {handle})", report.text);',
                 f"    made = {given};"]
    free = "" if handle in BORROWED else f"    abuse_later(end_{handle}, made);\n"
    print(f"static {handle} *make_{handle}(void)\n{{\n" + "\n".join(body) + f"\n{free}    return made;\n}}\n")


def use_up(header, handle):
    finish = header.by_name.get(handle + "_finish")
    if not finish:
        return
    call = Call(header, finish)
    lines = [line for line in ordered(call.lines) if not re.match(r"(size_t )?b\d+", line) and not re.search(r" \*a0 = ", line)]
    print(f"static void use_up_{handle}({handle} *a0)\n{{\n    bulla_error report;")
    print("\n".join("    " + line for line in lines))
    print("    memset(&report, 0, sizeof report);\n    if (a0 == NULL) return;")
    for output in call.outputs:
        print(f"    memset(&{output}, 0xA5, sizeof {output});")
    print(f"    if ({finish.name}({', '.join(call.arguments)}) < 0) return;")
    for line in call.after:
        if "abuse_later" in line:
            print("    " + line)
    print("}\n")


def main():
    header = Header(open(sys.argv[1], encoding="utf-8").read())
    if sys.argv[2:] == ["server"]:
        BASELINE.update(WITH_SERVER)
    print("/* Made by tests/c/make_abuse.py out of include/bulla.h. */\n#include \"abuse_world.h\"\n")
    print("static char endless[70000];\nstatic const uint8_t endless_bytes[4096];\n")
    for name, (result, arguments) in header.callbacks.items():
        parameters = [argument.strip() for argument in arguments.split(",") if argument.strip() != "void"]
        unused = " ".join(f"(void){re.split(r'[^A-Za-z0-9_]', parameter)[-1]};" for parameter in parameters)
        answer = "" if result == "void" else f" return ({result})abuse_answer;"
        print(f"static {result} stub_{name}({arguments})\n{{\n    {unused}{answer}\n}}\n")
    for handle in sorted(header.handles - BORROWED):
        if handle + "_free" not in header.by_name:
            stop(f"{handle} has no _free(): add it to BORROWED if it belongs to something else")
        print(f"static void end_{handle}(void *thing)\n{{\n    {handle}_free(thing);\n}}\n")
    print("static bulla_buffer *wrapped(uint8_t *room, size_t length)\n{\n    bulla_buffer *made = NULL;\n")
    print("    if (bulla_buffer_wrap(room, length, &made, NULL) == BULLA_OK) abuse_later(end_bulla_buffer, made);")
    print("    return made;\n}\n")
    print("/* Has something in it, for calls that read what they write to. */\nstatic void hold(bulla_buffer *buffer)\n{")
    print("    if (bulla_buffer_append(buffer, endless_bytes, 100, NULL) != BULLA_OK)")
    print('        failed("abuse", 0, abuse_what, "a buffer takes nothing");\n}\n')
    for made, handle in READY.items():
        print(f"static {handle} *make_{made}(void)\n{{\n    {handle} *made = abuse_{made}();\n")
        print(f"    abuse_later(end_{handle}, made);\n    return made;\n}}\n")
    for name in {*BASELINE, *MADE_FOR, *(function for function, _ in VALID)} - set(header.by_name):
        stop(f"there is no {name}, of which abuse_tables.py knows something")
    done = set()
    for handle in sorted(header.handles):
        maker(header, handle, done)
    for handle in sorted(header.handles):
        use_up(header, handle)
    for function in header.functions:
        test(header, function)
    print("int main(void)\n{\n    static const bulla_status ANSWERS[] = {0, 1, 7, 48, 99, 101, -1, 12345, INT32_MIN};\n    size_t at;\n")
    print("    memset(endless, 'x', sizeof endless - 1);\n    abuse_begin();")
    print("    for (at = 0; at < sizeof ANSWERS / sizeof ANSWERS[0]; at++) {\n        abuse_answer = ANSWERS[at];")
    for function in header.functions:
        # What calls nobody back is the same whatever they answer.
        always = any(kind in header.callbacks or kind == "bulla_clock *" or kind == "const bulla_clock *" or
                     kind.replace("const ", "").rstrip(" *") in header.structs and any(
                         c in header.structs[kind.replace("const ", "").rstrip(" *")] for c in header.callbacks)
                     for kind, _ in function.parameters)
        print(f"        {'' if always else 'if (at == 0) '}abuse_{function.name}();")
    print("    }\n    abuse_end();")
    print(f'    printf("{len(header.functions)} functions abused, %d failed checks\\n", failures);')
    print("    return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;\n}")


if __name__ == "__main__":
    main()
