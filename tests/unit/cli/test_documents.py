#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The documents that the program prints are the ones in the tree, and bad calls say what is wrong."""
import pathlib
import subprocess
import sys

import tap

program, source = sys.argv[1], pathlib.Path(sys.argv[2])
t = tap.Tap()


def run(*args):
    return subprocess.run([program, *args], capture_output=True, text=True, timeout=60)


for args, name in ((["man"], "doc/kepler.8"), (["metrics"], "doc/metrics.md"),
                   (["config", "--markdown"], "doc/configuration.md")):
    out = run(*args)
    t.ok(out.returncode == 0 and out.stdout == (source / name).read_text(),
         f"kepler {' '.join(args)} prints {name}", f"write it with: kepler {' '.join(args)} > {name}")

help_text = run("--help").stdout
manual = (source / "doc/kepler.8").read_text()
for word in ("serve", "doctor", "--web.listen-address", "--attribution.idle"):
    t.ok(word in help_text, f"--help tells of {word}")
    t.ok(word.lstrip("-") in manual, f"the manual tells of {word}")

for args, code, wanted in ((["--version"], 0, "kepler "), ([], 2, "usage:"), (["sevre"], 2, "sevre"),
                           (["serve", "--check"], 0, "valid"),
                           (["serve", "--check", "--monitor.interval=1"], 2, "monitor.interval"),
                           (["serve", "--check", "--exporter.schemas=current"], 2, "not built"),
                           (["doctor", "--host.sysfs=/no/such"], 1, "/no/such"),
                           (["serve", "--web.listen-address=nowhere"], 2, "listen-address")):
    out = run(*args)
    t.ok(out.returncode == code and wanted in out.stdout + out.stderr,
         f"kepler {' '.join(args)} ends with {code} and says {wanted!r}",
         f"{out.returncode}\n{out.stdout}{out.stderr}")
t.done()
