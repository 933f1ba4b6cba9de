#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The count of ./dev test, against real meson runs of programs that fail in every way we know."""
import os
import shutil
import subprocess
import sys
import tempfile

import tap

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = [  # name, suite, protocol, shell text
    ("silent", "", "tap", "true"),
    ("case/skip", "kernel", "tap", "echo ok 1 - a '# SKIP no kernel'; echo 1..1"),
    ("plan/skip", "", "tap", "echo 1..0 '# SKIP no qemu'"),
    ("crash", "", "tap", "echo ok 1 - a; kill -SEGV $$"),
    ("bad", "", "tap", "echo 1..3; echo ok 1 - a; echo not ok 2 - b; echo '# why b'; echo ok 3; exit 1"),
    ("leak", "", "tap", "echo ok 1 - a; echo 1..1; echo LeakSanitizer >&2; exit 23"),
    ("short", "", "tap", "echo 1..5; echo ok 1 - a"),
    ("slow", "", "tap", "echo ok 1 - a; sleep 60"),
    ("exit0", "", "exitcode", "true"),
    ("exit1", "", "exitcode", "echo boo; exit 1"),
    ("exit77", "", "exitcode", "echo no root; exit 77"),
    ("control", "", "tap", "echo not ok 1 - x; printf '# \\001bad\\n'; echo 1..1"),
]
PASSED = {"crash": 1, "bad": 2, "leak": 1, "short": 1, "slow": 1, "exit0": 1}
FAILED = ["silent", "crash", "bad: b", "leak", "short", "slow", "exit1", "control: x"]
SKIPPED = ["case/skip: a: no kernel", "plan/skip: no qemu", "exit77: no root"]


def project(folder, cases):
    with open(os.path.join(folder, "meson.build"), "w", encoding="utf-8") as f:
        f.write("project('p')\nsh = find_program('sh')\n")
        for name, suite, protocol, text in cases:
            script = os.path.join(folder, name.replace("/", "-") + ".sh")
            with open(script, "w", encoding="utf-8") as s:
                s.write(text + "\n")
            f.write("test('%s', sh, args: ['%s'], protocol: '%s', timeout: 2%s)\n" % (
                name, script, protocol, ", suite: '%s'" % suite if suite else ""))
    build = os.path.join(folder, "b")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["meson", "setup", build, folder], check=True, **quiet)
    status = subprocess.run(["meson", "test", "-C", build], check=False, **quiet).returncode
    return "%s:%d" % (build, status)


def summary(*args):
    r = subprocess.run([sys.executable, os.path.join(HERE, "summary.py"), *args],
                       capture_output=True, text=True, check=False)
    return r.returncode, r.stdout.splitlines(), r.stdout + r.stderr


t = tap.Tap()
t.require(shutil.which("meson"), "meson is not installed")
scratch = tempfile.mkdtemp(prefix="kepler-summary-")
t.cleanup(shutil.rmtree, scratch, ignore_errors=True)
for sub in ("all", "good", "one"):
    os.mkdir(os.path.join(scratch, sub))
everything = project(os.path.join(scratch, "all"), CASES)
good = project(os.path.join(scratch, "good"), [c for c in CASES if c[0] in ("exit0", "case/skip")])
one = project(os.path.join(scratch, "one"), [c for c in CASES if c[0] == "case/skip"])

rc, lines, text = summary(everything)
t.eq(lines[-1], "%d passed, %d failed, %d skipped"
     % (sum(PASSED.values()), len(FAILED), len(SKIPPED)), "the last line counts cases")
t.eq(rc, 1, "a failure is the exit status")
t.eq(sorted(x[8:] for x in lines if x.startswith("FAILED")), sorted(FAILED),
     "crashes, time-outs, silence and short plans are failures")
t.eq(sorted(x[8:] for x in lines if x.startswith("SKIPPED")), sorted(SKIPPED),
     "every skip is named with its reason")
t.ok("        why b" in lines and "        boo" in lines and "LeakSanitizer" in text,
     "messages of failures are shown", text)
t.ok(any("signal 11" in x for x in lines) and any("time limit" in x for x in lines),
     "how a program ended is said", text)
t.eq(summary(good)[:2], (0, ["SKIPPED case/skip: a: no kernel", "1 passed, 0 failed, 1 skipped"]),
     "a good run is green")
rc, lines, _ = summary("--strict", "kernel", good)
t.eq((rc, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"), "a strict suite may not skip")
rc, lines, _ = summary("--strict", "kernel", one)
t.eq(lines, ["FAILED  case/skip: a", "        skipped, where a skip is a failure: no kernel",
             "0 passed, 1 failed, 0 skipped"], "also where a build has one suite only")
rc, lines, _ = summary(good, good)
t.eq((rc, lines[-1]), (0, "2 passed, 0 failed, 2 skipped"), "runs are added up")
rc, lines, _ = summary(good.split(":")[0] + ":3")
t.eq((rc, lines[-1]), (1, "1 passed, 1 failed, 1 skipped"), "an unexplained status is a failure")
rc, lines, _ = summary(os.path.join(scratch, "none") + ":1")
t.eq((rc, lines[-1]), (1, "0 passed, 1 failed, 0 skipped"), "a run that failed without a log is a failure")
rc, lines, _ = summary()
t.eq((rc, len(lines), lines[-1]), (1, 2, "0 passed, 0 failed, 0 skipped"), "nothing run is not green")
t.done()
