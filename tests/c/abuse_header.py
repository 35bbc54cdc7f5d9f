"""What include/bulla.h declares, for make_abuse.py."""
import re
import sys

MAY_BE_NULL = re.compile(r"[Mm]ay be NULL(?! if)|NULL:|NULL is nothing|NULL has nothing|, or NULL\b")


def stop(why):
    sys.exit(f"make_abuse.py: {why}")


class Header:
    def __init__(self, text):
        self.handles = set(re.findall(r"typedef struct (\w+) \1;", text))
        self.structs = {name: body for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\n\} \1;", text, re.S)}
        self.callbacks = {name: (result, arguments) for result, name, arguments in
                          re.findall(r"typedef (\w+) \(\*(\w+)\)\(([^)]*)\);", text)}
        self.functions = []
        for comment, result, name, arguments in re.findall(
                r"/\*\*((?:(?!\*/).)*)\*/\n(?:BULLA_MUST_CHECK )?((?:const )?(?:struct )?\w+ \*?)(bulla_\w+)\(([^;]*)\);", text, re.S):
            comment = re.sub(r"\n \* ?", "\n", comment)
            self.functions.append(Function(name, re.sub(r"\bstruct ", "", result).strip(), arguments, comment))
        self.by_name = {function.name: function for function in self.functions}
        # Nothing of the header may go past this.
        plain = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        declared = set(re.findall(r"\b(bulla_\w+)\([^;{]*\);", plain))
        missed = declared - set(self.by_name)
        if missed or not declared:
            stop(f"these declarations are not understood: {', '.join(sorted(missed)) or 'all of them'}")


class Function:
    def __init__(self, name, result, arguments, comment):
        self.name, self.result, self.comment = name, result, comment
        self.parameters = []
        arguments = " ".join(arguments.split())
        if arguments != "void":
            for argument in arguments.split(","):
                kind, parameter = re.fullmatch(r"\s*(.*?)(\w+)\s*", argument).groups()
                self.parameters.append((re.sub(r"\bstruct ", "", kind).strip(), parameter))

    def said(self, parameter):
        found = re.search(rf"@param {parameter} (.*?)(?=\n@|\nThreads:|\Z)", self.comment, re.S)
        return " ".join(found.group(1).split()) if found else ""

    def may_be_null(self, parameter):
        return bool(MAY_BE_NULL.search(self.said(parameter)))
