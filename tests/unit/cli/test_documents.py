#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The documents that the program prints are the ones in the tree, and bad calls say what is wrong."""
import contextlib
import os
import pathlib
import subprocess
import sys
import time

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
                           (["serve", "--web.listen-address=nowhere"], 2, "listen-address"),
                           (["serve", "--check", "--web.listen-address=a.example:80"], 2, "listen-address"),
                           (["config", "--bogus"], 2, "--bogus"), (["config", "--markdown", "x"], 2, '"x"'),
                           (["version", "foo"], 2, "foo"), (["metrics", "x"], 2, '"x"'), (["man", "x"], 2, '"x"'),
                           (["help", "serve"], 2, "serve")):
    out = run(*args)
    t.ok(out.returncode == code and wanted in out.stdout + out.stderr,
         f"kepler {' '.join(args)} ends with {code} and says {wanted!r}",
         f"{out.returncode}\n{out.stdout}{out.stderr}")

# Nowhere to print to, and nothing to print to: an error, and never into a file that took the number.
for args in (["config"], ["metrics"], ["man"], ["version"], ["help"]):
    with open("/dev/full", "wb") as full:
        out = subprocess.run([program, *args], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    t.ok(out.returncode == 1 and "No space left" in out.stderr, f"kepler {args[0]} tells that it could not print",
         f"{out.returncode} {out.stderr}")
agent = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" serve --web.listen-address=127.0.0.1:0 <&- >&- 2>&-', program])
t.cleanup(agent.wait)
t.cleanup(agent.kill)


def files():
    """The names of the agent's open files by their numbers; a file may close meanwhile."""
    names = {}
    for number in os.listdir(f"/proc/{agent.pid}/fd"):
        with contextlib.suppress(OSError):
            names[number] = os.readlink(f"/proc/{agent.pid}/fd/{number}")
    return names


END = time.monotonic() + 20
while not any(x.startswith("socket:") for x in files().values()) and time.monotonic() < END:
    time.sleep(0.05)
t.eq([files().get(n) for n in "012"], ["/dev/null"] * 3, "closed standard files become /dev/null")
t.done()
