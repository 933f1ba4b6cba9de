#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A test that no build file names is never run: every test program must be in its list."""
import posixpath
import re

import common

# (folder, file name with the listed name in group 1)
KINDS = [
    (r"tests/unit/[^/]+", r"test_(\w+)\.c"),
    (r"tests/fuzz", r"fuzz_(\w+)\.c"),
    (r"tests/(?:system|guest)", r"test_(\w+)\.(?:py|sh)"),
    (r"tests/checks", r"(?!common\.|csource\.)(\w+)\.(?:py|sh)"),
    (r"tests/lib", r"selftest_(\w+)\.py"),
    (r"src/[^/]+", r"(?!main\.c)([\w.]+\.c)"),
]


def problems(tree):
    out = []
    for name in tree.files:
        folder, base = posixpath.split(name)
        for where, pattern in KINDS:
            m = re.fullmatch(pattern, base) if re.fullmatch(where, folder) else None
            if not m:
                continue
            build = folder + "/meson.build"
            text = tree.read(build) if build in tree.files else ""
            text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
            if not re.search(r"'(?:[^'\n]*/)?(%s|%s)'" % (re.escape(m.group(1)),
                                                         re.escape(base)), text):
                out.append("%s: not in %s, so nobody builds or runs it" % (name, build))
    return out


if __name__ == "__main__":
    common.main(
        "every test and source is in a list", problems,
        [("a forgotten unit test", {"tests/unit/a/test_b.c": "", "tests/unit/a/meson.build":
                                    "foreach name : ['c']\n"}, "test_b.c"),
         ("a test that is commented out", {"tests/fuzz/fuzz_b.c": "", "tests/fuzz/meson.build":
                                           "# 'b'\n"}, "fuzz_b.c"),
         ("a system test without a build file", {"tests/system/test_x.py": ""}, "test_x.py"),
         ("a source that is not built", {"src/a/x.c": "", "src/a/meson.build": "files('y.c')\n"},
          "src/a/x.c")],
        {"tests/unit/a/test_b.c": "", "tests/unit/a/meson.build": "foreach name : ['a', 'b']\n",
         "src/a/x.c": "", "src/a/meson.build": "files('x.c')\n", "tests/unit/a/helper.h": ""})
