#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone and twice, with all warnings, and begins with #pragma once."""
import os
import platform
import subprocess
from concurrent.futures import ThreadPoolExecutor

import common

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wundef", "-Wshadow"]
HOST = ["gcc", "-std=gnu17", "-D_GNU_SOURCE"]
ARCH = {"x86_64": "x86", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
BPF = ["clang", "--target=bpf", "-g", "-O2", "-D__TARGET_ARCH_" + ARCH,
       "-I/usr/include/%s-linux-gnu" % platform.machine(), "-Wno-unused-function",
       "-Wno-missing-declarations"]
# Headers that only the kernel side includes; the rest of bpf/ is shared and must do both.
KERNEL_SIDE = {"src/bpf/kernel.h"}


def compilers(name):
    if name in KERNEL_SIDE:
        return [BPF]
    if name.startswith("src/bpf/"):
        # the kernel side has the types of kernel.h, not those of <linux/types.h>
        return [HOST, BPF + ["-include", "linux/types.h"]]
    return [HOST]


def check(tree, name):
    out = []
    rest = [x for x in tree.read(name).splitlines() if x.strip()]
    if "#pragma once" not in rest:
        out.append("%s: has no #pragma once" % name)
    include = os.path.relpath(name, "src") if name.startswith("src/") else name
    text = '#include "%s"\n#include "%s"\ntypedef int not_empty;\n' % (include, include)
    for compiler in compilers(name):
        command = compiler + WARNINGS + ["-fsyntax-only", "-I", tree.path("src"), "-I", tree.root,
                                         "-I", os.path.join(BUILD, "src"), "-xc", "-"]
        run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if run.returncode:
            out.append("%s: does not compile alone with %s:\n%s" % (name, compiler[0], run.stderr))
    return out


def problems(tree):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(lambda n: check(tree, n), tree.match(".h", under="src/")), [])


BUILD = os.environ.get("KEPLER_BUILD_ROOT", os.path.join(common.ROOT, "build"))

if __name__ == "__main__":
    common.main(
        "headers compile alone", problems,
        [("a type from nowhere", {"src/a/a.h": "#pragma once\nint f(u64 a);\n"}, "u64"),
         ("a header that is not read once", {"src/a/a.h": "struct a { int b; };\n"}, "pragma once"),
         ("a header that warns", {"src/a/a.h": "#pragma once\nstatic int f(void) { }\n"}, "alone"),
         ("a shared header that the kernel side cannot read",
          {"src/bpf/a.h": "#pragma once\n#include <stdio.h>\nFILE *f(void);\n#ifdef __bpf__\n"
                          "#error no\n#endif\n"}, "clang")],
        {"src/a/a.h": "#pragma once\n#include <stdint.h>\nuint64_t f(void);\n"})
