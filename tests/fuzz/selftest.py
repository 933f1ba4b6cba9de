#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The fuzz runner notices a target that breaks, and keeps the input."""
import os
import shutil
import subprocess
import sys
import tempfile

import tap

HERE = os.path.dirname(os.path.abspath(__file__))
t = tap.Tap()
scratch = tempfile.mkdtemp(prefix="kepler-fuzz-selftest-")
t.cleanup(shutil.rmtree, scratch, ignore_errors=True)


def run(seed):
    seeds = os.path.join(scratch, "seeds", "selftest_broken")
    os.makedirs(seeds, exist_ok=True)
    with open(os.path.join(seeds, "seed"), "wb") as f:
        f.write(seed)
    r = subprocess.run([sys.executable, os.path.join(HERE, "run.py"), "--seconds", "1",
                        "--seeds", os.path.dirname(seeds),
                        "--crashes", os.path.join(scratch, "crashes"), sys.argv[1]],
                       capture_output=True, text=True, check=False)
    return r.returncode, r.stdout


rc, text = run(b"len:!")
t.ok(rc == 1 and "not ok 2" in text and "heap-buffer-overflow" in text,
     "a read past the end is a failure", text)
t.ok(os.listdir(os.path.join(scratch, "crashes")), "the input that broke it is kept", text)
t.done()
