#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same code twice is a helper that nobody wrote: no run of TOKENS equal tokens in two places.

Names count, so that tables and switches of one shape are no copies of each other."""
import common
import csource

TOKENS = 90
# Pairs that may look alike, and why: (file, file), sorted -> reason.
EXCEPTIONS = {
}


def bodies(tree):
    """Token runs of function bodies: declarations and tables are alike by nature."""
    for name in tree.match(".c", ".h", under="src/"):
        text = tree.read(name)
        toks = csource.tokens(text)
        spans = [(f.line, f.end) for f in csource.functions(text)]
        yield name, [t for t in toks if any(a <= t.line <= b for a, b in spans)]


def problems(tree):
    seen, out, reported = {}, [], set()
    for name, toks in bodies(tree):
        for i in range(len(toks) - TOKENS + 1):
            run = tuple(t.text for t in toks[i:i + TOKENS])
            first = seen.setdefault(run, (name, toks[i].line, i))
            if first[0] == name and i - first[2] < TOKENS:
                continue
            pair = tuple(sorted((first[0], name)))
            if pair not in reported and pair not in EXCEPTIONS:
                reported.add(pair)
                out.append("%s:%d: the same %d tokens as %s:%d" % (
                    name, toks[i].line, TOKENS, first[0], first[1]))
    return out


def function(name, lines, first="a"):
    return "int %s(int x)\n{\n%s}\n" % (
        name, "".join("\tx = %s%d(x, %d);\n" % (first, i, i) for i in range(lines)))


if __name__ == "__main__":
    common.main(
        "no function body stands twice", problems,
        [("a copy in another file", {"src/a/a.c": function("f", 20), "src/b/b.c": function("g", 20)},
          "the same 90 tokens"),
         ("a copy in the same file", {"src/a/a.c": function("f", 20) + function("g", 20)},
          "the same 90 tokens")],
        {"src/a/a.c": function("f", 20) + function("g", 20, "b"), "src/b/b.c": function("h", 5),
         "src/c/c.c": "static const int t[] = { %s};\n" % ("1, " * 200)})
