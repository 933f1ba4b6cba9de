#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run libFuzzer targets and say in TAP what they found.

    run.py [--seconds N] [--keep DIR] TARGET-OR-DIRECTORY...

Starts from the seeds in tests/fuzz/corpus/<name>/ for a target fuzz_<name>. New inputs go to
DIR/<name> and are used by the next run; without --keep they are thrown away. An input that
crashes is kept under build-fuzz/crashes/ and named in the message.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
import tap  # noqa: E402

ENV = dict(os.environ,
           ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1",
           UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")


def targets(paths):
    for path in paths:
        if os.path.isdir(path):
            for name in sorted(os.listdir(path)):
                full = os.path.join(path, name)
                if name.startswith("fuzz_") and os.path.isfile(full) and os.access(full, os.X_OK):
                    yield full
        else:
            yield path


def fuzz(t, target, seconds, corpus, seeds, crashes):
    """One target: it has seeds, it ran, and it found nothing."""
    name = os.path.basename(target)
    short = name.removeprefix("fuzz_")
    count = len(os.listdir(seeds)) if os.path.isdir(seeds) else 0
    t.ok(count, "%s has seeds" % short, "put a few valid and broken inputs into " + seeds)
    os.makedirs(crashes, exist_ok=True)
    command = [target, "-max_total_time=%d" % seconds, "-timeout=10", "-rss_limit_mb=2048",
               "-max_len=65536", "-print_final_stats=1", "-verbosity=1",
               "-artifact_prefix=%s/%s-" % (crashes, short), corpus] + ([seeds] if count else [])
    run = subprocess.run(command, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         timeout=seconds + 120, check=False)
    text = run.stdout.decode("utf-8", "replace")
    done = re.search(r"number_of_executed_units:\s*(\d+)", text)
    executed = int(done.group(1)) if done else 0
    kept = re.findall(r"Test unit written to (\S+)", text)
    lines = text.splitlines()
    start = next((i for i, x in enumerate(lines) if re.search(r"ERROR:|runtime error:", x)),
                 max(len(lines) - 40, 0))
    hint = "\n".join(lines[start:start + 40])
    for path in kept:
        hint += "\nagain: %s %s" % (target, path)
    t.ok(run.returncode == 0 and executed > 0, "%s: %d s without a finding" % (short, seconds), hint)
    t.diag("%s: %d inputs tried" % (short, executed))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--keep")
    parser.add_argument("--seeds", default=os.path.join(HERE, "corpus"))
    parser.add_argument("--crashes", default=os.path.join(ROOT, "build-fuzz", "crashes"))
    parser.add_argument("target", nargs="+")
    args = parser.parse_args()
    t = tap.Tap()
    scratch = tempfile.mkdtemp(prefix="kepler-fuzz-")
    t.cleanup(shutil.rmtree, scratch, ignore_errors=True)
    found = list(targets(args.target))
    t.require(found or not os.path.isdir(args.target[0]), "no fuzz targets are built")
    for target in found:
        short = os.path.basename(target).removeprefix("fuzz_")
        corpus = os.path.join(args.keep or scratch, short)
        os.makedirs(corpus, exist_ok=True)
        fuzz(t, target, args.seconds, corpus, os.path.join(args.seeds, short), args.crashes)
    t.done()


if __name__ == "__main__":
    main()
