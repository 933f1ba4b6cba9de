#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The size budget: what does not fit on a screen, or in a head, is cut in two.

    function  80 lines, 5 parameters, 3 levels of blocks    wanted: 40 lines
    file      800 lines, header 150                         wanted: 500 lines

The width of lines is clang-format's: see format.py.
"""
import common
import csource

FUNCTION_LINES, FUNCTION_WANTED, PARAMS, NESTING = 80, 40, 5, 3
FILE_LINES, FILE_WANTED, HEADER_LINES = 800, 500, 150

# What may be larger, and why: "path" or "path:function" -> reason.
EXCEPTIONS = {
    "src/serve/http.c:on_request": "libmicrohttpd prescribes the handler's signature",
}


def allowed(*keys):
    return any(k in EXCEPTIONS for k in keys)


def file_problems(name, text):
    lines = text.splitlines()
    limit = HEADER_LINES if name.endswith(".h") else FILE_LINES
    if len(lines) > limit and not allowed(name):
        yield "%s: %d lines, the limit is %d" % (name, len(lines), limit)


def function_problems(name, f):
    for what, value, limit in (("lines", f.end - f.line + 1, FUNCTION_LINES),
                               ("parameters", f.params, PARAMS),
                               ("levels of nesting", f.nesting, NESTING)):
        if value > limit and not allowed(name, "%s:%s" % (name, f.name)):
            yield "%s:%d: %s() has %d %s, the limit is %d" % (
                name, f.line, f.name, value, what, limit)


def problems(tree):
    out = []
    for name in tree.match(".c", ".h", ".py", ".js", ".sh"):
        text = tree.read(name)
        out += file_problems(name, text)
        if name.endswith((".c", ".h")):
            for f in csource.functions(text):
                out += function_problems(name, f)
    return out


def notes(tree):
    """What is above the size wanted, for whoever comes by."""
    total = small = 0
    for name in tree.match(".c", under="src/"):
        text = tree.read(name)
        if len(text.splitlines()) > FILE_WANTED:
            yield "%s: %d lines; %d are wanted" % (name, len(text.splitlines()), FILE_WANTED)
        sizes = [f.end - f.line + 1 for f in csource.functions(text)]
        total += len(sizes)
        small += sum(s <= FUNCTION_WANTED for s in sizes)
    if total:
        yield "%d of %d functions in src/ have at most %d lines" % (small, total, FUNCTION_WANTED)


def body(lines):
    return "int f(void)\n{\n" + "\tg();\n" * lines + "}\n"


DEEP = """__attribute__((cold)) static int deep(int a) __attribute__((unused));
static int deep(int a)
{
	for (;;) {
		list_for_each(a, b) {
			if (a) {
				do {
					x = (struct y){ .a = { 1, 2 } };
				} while (0);
			} else if (b) {
				g();
			}
		}
	}
}
"""
GOOD = """#define M(x) ({ if (x) { for (;;) { while (1) { do { } while (0); } } } })
static const struct s table[] = { { .a = { { { { 1 } } } } }, { f(1, 2, 3, 4, 5, 6, "{{{{") } };
struct t { struct u { struct v { struct w { int a; } b; } c; } d; };
int f(int a, int (*cb)(int, int, int, int, int, int), char c[static 3], int d, int e)
{
	/* if (a) { if (b) { if (c) { if (d) { */
	struct s s = { .x = (struct y){ { { { 0 } } } } };
	if (a) {
		switch (b) {
		case 1:
			if (c) {
				h((int[]){ 1 });
			}
		}
	}
	return 0;
}
SEC("iter/task")
int BPF_PROG(prog, int a, int b, int c, int d, int e)
{
	return 0;
}
""" + body(77)

if __name__ == "__main__":
    common.main(
        "sources keep the size budget", problems,
        [("a function of 81 lines", {"src/a.c": body(78)},
          "f() has 81 lines"),
         ("six parameters", {"src/a.c": "int f(int a, int b, int c, int d, int e, int g)\n{\n}\n"},
          "f() has 6 parameters"),
         ("four levels of blocks", {"src/a.c": DEEP}, "deep() has 4 levels"),
         ("a long file", {"src/a.c": "int a;\n" * 801}, "801 lines"),
         ("a long header", {"src/a.h": "int a;\n" * 151}, "151 lines")],
        {"src/a.c": GOOD}, notes)
