#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What no file may hold: a path of somebody's machine, a leftover marker, a secret, a merge mark;
and what only a few may do: print."""
import re

import common
import csource

# Patterns are written so that they do not find themselves.
TEXT = [
    (r"(?<![\w.$}])/(wor[k]|workspac[e])/\w", "a path of one machine"),
    (r"(?<![\w.$}])/(hom[e]|User[s])/(?!NAME|\$|<|\.\.\.)[a-z][\w-]*/", "a path of one machine"),
    (r"(?<![\w.$}])/roo[t]/(?!NAME)\w", "a path of one machine"),
    (r"\b(FIXM[E]|XX[X])\b", "a marker of unfinished work: finish it or write down what is missing"),
    (r"^(<{7}|>{7}) ", "a merge mark"),
    (r"-----BEGIN ([A-Z]+ )?PRIVATE KE[Y]-----", "a private key"),
    (r"\b(deb|security|snapshot)\.debia[n]\.org|\bregistry\.npmj[s]|\bpyp[i]\.org", "a package host"),
    (r"[ \t]+$", "blanks at the end of the line"),
    (r"\u2014", "an em dash; use a comma, a colon or a new sentence"),
]
# Where a pattern may stand, and why: (file, what) -> reason.
EXCEPTIONS = {
}
BINARY = (".png", ".ico", ".gz", ".bin", ".woff2")
ANY_BYTES = ("LICENSE", "LICENSES/", "tests/fuzz/corpus/", "tests/machines/")

# Rooms report errors to their callers; what they write goes to a stream that they are given.
PRINT = re.compile(r"\b(v?printf|puts|putchar|perror|errx?|warnx?)\s*\(|"
                   r"\b(v?fprintf|fputs|fputc|putc|fwrite)\s*\((?:[^;]*,)?\s*std(?:out|err)\b")
MAY_PRINT = ("src/cli/", "src/base/log.c")


def text_problems(tree):
    for name in tree.files:
        if name.endswith(BINARY) or name.startswith(ANY_BYTES):
            continue
        for number, line in enumerate(tree.read(name).split("\n"), 1):
            for pattern, what in TEXT:
                if re.search(pattern, line) and (name, what) not in EXCEPTIONS:
                    yield "%s:%d: %s" % (name, number, what)


def print_problems(tree):
    for name in tree.match(".c", ".h", under="src/"):
        if name.startswith(MAY_PRINT) or name.endswith(".bpf.c"):
            continue
        text = tree.read(name)
        for number, line in enumerate(csource.code(text).split("\n"), 1):
            m = PRINT.search(line)
            if m:
                yield "%s:%d: %s() to the terminal outside cli/ and base/log.c" % (
                    name, number, m.group(1) or m.group(2))


def problems(tree):
    return list(text_problems(tree)) + list(print_problems(tree))


if __name__ == "__main__":
    common.main(
        "no stray words, no stray output", problems,
        [("a path of a developer", {"a.md": "see /hom" + "e/jo/src/kepler\n"}, "a.md:1: a path"),
         ("a path of a workplace", {"a.c": '"/wor' + 'k/main"\n'}, "a.c:1: a path"),
         ("a marker", {"a.c": "int a;\n// FIX" + "ME: later\n"}, "a.c:2: a marker"),
         ("a merge mark", {"a.c": "<" * 7 + " HEAD\n"}, "merge"),
         ("blanks at an end", {"a.c": "int a; \n"}, "blanks"),
         ("a print in a room",
          {"src/meter/a.c": 'void f(void)\n{\n\tfprintf(stderr, "x");\n}\n'}, "src/meter/a.c:3"),
         ("a line to the terminal by fputs",
          {"src/meter/a.c": "void f(void)\n{\n\tfputs(x, stdout);\n}\n"}, "a.c:3"),
         ("a puts in a room", {"src/meter/a.c": "void f(void)\n{\n\tputs(x);\n}\n"}, "a.c:3")],
        {"src/meter/a.c": '/* printf( */ void f(void)\n{\n\tsnprintf(a, 1, "printf(");\n}\n'
                          "void meter_write(FILE *f)\n{\n\tfputs(x, f);\n}\n",
         "src/cli/a.c": 'void f(void)\n{\n\tprintf("x");\n}\n',
         "src/base/path.c": 'static const char p[] = "/proc/self/root/etc";\n',
         "unit": "WorkingDirectory=/var/lib/kepler\nExecStart=$HOME/work/x\n"})
