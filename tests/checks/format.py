#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sources have the shape that .clang-format says; `./dev format` gives it to them."""
import os
import re
import shutil
import subprocess

import common

STYLE = os.path.join(common.ROOT, ".clang-format")


def problems(tree):
    names = tree.match(".c", ".h")
    run = subprocess.run(
        ["clang-format", "--style=file:" + STYLE, "--dry-run", "--ferror-limit=0"]
        + [tree.path(n) for n in names], capture_output=True, text=True, check=False)
    out = {}
    for m in re.finditer(r"^(.*?):(\d+):\d+: warning: code should be", run.stderr, re.M):
        out.setdefault(os.path.relpath(m.group(1), tree.root), []).append(m.group(2))
    if run.returncode and not out:
        return ["clang-format: " + run.stderr.strip()]
    return ["%s:%s: %d places differ; run ./dev format" % (n, lines[0], len(lines))
            for n, lines in sorted(out.items())]


if __name__ == "__main__":
    if shutil.which("clang-format"):
        common.main(
            "sources have the project's shape", problems,
            [("spaces for tabs", {"a.c": "int f(void)\n{\n        return 0;\n}\n"}, "a.c:2"),
             ("a brace at the wrong place", {"a.c": "int f(void) {\n\treturn 0;\n}\n"}, "a.c"),
             ("a long line", {"a.c": "int %s(int a, int b);\n" % ("f" * 90)}, "a.c")],
            {"a.c": "int f(void)\n{\n\tif (a)\n\t\treturn 1;\n\treturn 0;\n}\n"})
    else:
        common.tap.Tap().require(False, "clang-format is not installed")
