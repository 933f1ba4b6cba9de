#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The harness itself: what it prints and how it exits, seen from outside."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import tap  # noqa: E402


def run(body):
    code = "import sys; sys.path.insert(0, %r)\nimport tap\n%s" % (HERE, body)
    r = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return r.returncode, r.stdout.splitlines()


t = tap.Tap()
rc, out = run("t=tap.Tap(); t.ok(True,'a'); t.ok(False,'b', 'x\\ny'); t.done()")
t.eq((rc, out), (1, ["TAP version 13", "ok 1 - a", "not ok 2 - b", "# x", "# y", "1..2"]),
     "a failure is printed with its diagnostics and fails the file")
rc, out = run("t=tap.Tap(plan=2); t.ok(True,'a'); t.done()")
t.eq((rc, out[1]), (1, "1..2"), "fewer results than planned is a failure")
rc, out = run("t=tap.Tap()\n@t.case('boom')\ndef f(): raise KeyError('k')\nt.done()")
t.ok(rc == 1 and out[1] == "not ok 1 - boom" and any("KeyError" in line for line in out),
     "an exception in a case is a failure with its traceback", "\n".join(out))
rc, out = run("t=tap.Tap()\n@t.case('later')\ndef f(): t.need(False, 'no kernel # here')\nt.done()")
t.eq((rc, out[1]), (0, "ok 1 - later # SKIP no kernel %23 here"), "a need not met skips the case")
rc, out = run("t=tap.Tap(); t.require(False, 'no qemu'); t.ok(False, 'never')")
t.eq((rc, len(out), out[1].endswith("# SKIP no qemu")), (0, 3, True),
     "a requirement not met skips the file")
rc, out = run("t=tap.Tap(); t.cleanup(print, '# cleaned'); raise SystemExit(3)")
t.eq((rc, out[-1]), (3, "# cleaned"), "clean-ups run when the file ends early")
rc, out = run("import os, signal\nt=tap.Tap(); t.cleanup(print, '# cleaned', flush=True)\n"
              "os.kill(os.getpid(), signal.SIGTERM)\nsignal.pause()")
t.eq((rc, out[-1]), (143, "# cleaned"), "clean-ups run when the harness ends the file")
rc, out = run("t=tap.Tap(); t.bail_out('gone')")
t.eq((rc, out[-1]), (1, "Bail out! gone"), "bailing out is a failure")
rc, out = run("t=tap.Tap(); t.ok(True, 'a\\nok 9 - forged # SKIP'); t.done()")
t.eq(out[1], "ok 1 - a ok 9 - forged %23 SKIP", "a name cannot forge results")
rc, out = run("t=tap.Tap(); t.near(1.02, 1.0, 0.01, 'close'); t.near(1.005, 1.0, 0.01, 'ok'); t.done()")
t.ok(rc == 1 and out[1].startswith("not ok 1") and out[3].startswith("ok 2"),
     "near() tells 2 % from 1 %", "\n".join(out))
t.done()
