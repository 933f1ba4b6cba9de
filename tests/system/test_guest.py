#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs guest_*.py in a guest with real powercap zones and pure cgroup v2, and hands on what they report."""
import os
import re
import signal
import subprocess
import sys

import agent
import tap

GUEST = agent.SOURCE / "tests/guest/guest"
HERE = os.path.dirname(os.path.abspath(__file__))
# Name, machine, script. The limits are for a guest that hangs; a run takes about 40 s, the
# last one two minutes.
RUNS = (
    ("one socket", ["--cpus=2", "--sockets=1"], "guest_zones.py"),
    ("two sockets", ["--cpus=4", "--sockets=2"], "guest_sockets.py"),
    ("real driver", ["--cpus=2", "--modules=intel_rapl_common"], "guest_rapl.py"),
    # The model is Sapphire Rapids', whose psys event the kernel offers without a look at its counter.
    ("zeros", ["--cpus=2", "--cpu-model=Skylake-Server,model=143", "--modules=rapl msr"], "guest_zeros.py"),
    ("whole machine", ["--cpus=2", "--bmc", f"--acpi={GUEST.parent}/power_meter.asl", "--limit=400"], "guest_meters.py"),
)

t = tap.Tap()
t.require(os.geteuid() == 0, "the guest's tools need root")


def hand_on(name, text):
    """Results of the guest become results here, with their diagnostics."""
    results = 0
    for line in text.splitlines():
        found = re.match(r"(not )?ok \d+ - (.*)", line)
        if found and " # SKIP " in line:
            t.skip(f"{name}: " + found.group(2).split(" # SKIP ")[0], line.split(" # SKIP ")[1])
        elif found:
            t.ok(not found.group(1), f"{name}: {found.group(2)}")
            results += 1
        elif not re.match(r"TAP version|1\.\.\d+$", line):
            t.diag(line.removeprefix("# "))
    return results


def run(name, machine, script):
    environment = "KEPLER KEPLER_BUILD_ROOT KEPLER_SOURCE_ROOT PYTHONPATH PYTHONDONTWRITEBYTECODE"
    argv = [sys.executable, str(GUEST), "run", *machine, f"--env={environment}", "/usr/bin/python3",
            os.path.join(HERE, script)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    t.cleanup(lambda: process.poll() is None and process.send_signal(signal.SIGTERM))
    said, complained = process.communicate()
    if process.returncode == 77:
        t.skip(name, complained.strip())
        return
    results = hand_on(name, said)
    t.ok(process.returncode == 0 and results > 0, f"{name}: the guest came to its end",
         f"status {process.returncode}\n{said[-1500:] if not results else ''}\n{complained[-2000:]}")


for each in RUNS:
    run(*each)
t.done()
