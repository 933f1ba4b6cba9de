#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real NVIDIA GPU: its joules against the power that nvidia-smi shows, and two processes against what they get done.
Skips where there is none."""
import os
import shutil
import subprocess
import threading
import time

import agent
import containers
import tap

SMI = ["nvidia-smi", "--id=0", "--format=csv,noheader,nounits", "--loop-ms=100", "--query-gpu=power.draw"]
NO_GPU = 77  # exit status of gpuburn

t = tap.Tap()


def node_joules(page, **labels):
    return float(page.sum("kepler_node_gpu_joules_total", package="0", **labels))


def process_joules(page, pid, mode="dynamic"):
    return float(page.sum("kepler_process_gpu_joules_total", pid=str(pid), mode=mode))


def burn(*options):
    process = subprocess.Popen([containers.load("gpuburn"), *options], stdout=subprocess.PIPE, text=True)
    t.cleanup(process.wait)
    t.cleanup(process.kill)
    return process


def integrate(process, into):
    """Adds up power times time from the lines of nvidia-smi."""
    before = time.monotonic()
    for line in process.stdout:
        now = time.monotonic()
        into.append((now, float(line) * (now - before)))
        before = now


def energy_is_what_it_draws():
    load = burn("--seconds=60")
    kepler = agent.Agent(t, "--meter.gpu=nvml", interval="1s")
    smi = subprocess.Popen(SMI, stdout=subprocess.PIPE, text=True)
    t.cleanup(smi.wait)
    t.cleanup(smi.kill)
    drawn = []
    threading.Thread(target=integrate, args=(smi, drawn), daemon=True).start()
    first = kepler.wait_ticks(5)  # until the power has settled
    before, begin = len(drawn), kepler.tick_time(first)
    while kepler.tick_time() < begin + 20:
        time.sleep(0.2)
    last, after = kepler.page, len(drawn)
    watts = sum(j for _, j in drawn[before:after]) / (drawn[after - 1][0] - drawn[before - 1][0])
    got = (node_joules(last) - node_joules(first)) / (kepler.tick_time(last) - begin)
    t.near(got, watts, 0.05, "watts under load are those of nvidia-smi")
    mine = process_joules(last, load.pid) - process_joules(first, load.pid)
    dynamic = node_joules(last, mode="dynamic") - node_joules(first, mode="dynamic")
    t.ok(mine > 0.9 * dynamic, "the only load has what was above idle", f"{mine} of {dynamic} J")
    load.kill()
    kepler.report(t)
    kepler.end()


def shares_are_what_they_do():
    kepler = agent.Agent(t, "--meter.gpu=nvml", interval="1s")
    kepler.wait_ticks(2)
    two = [burn("--seconds=40", f"--duty={duty}") for duty in (100, 25)]
    page = kepler.wait_ticks(38)
    joules = [process_joules(page, p.pid) for p in two]
    done = [int(p.communicate(timeout=60)[0].split("=")[1]) for p in two]
    # The driver tells whole percents, averaged over up to a second.
    t.near(joules[0] / max(sum(joules), 1e-9), done[0] / sum(done), 0.10, "two processes share joules as they do work")
    kepler.report(t)
    kepler.end()


def why_not():
    if not os.path.exists("/dev/nvidiactl"):
        return "no NVIDIA GPU here (/dev/nvidiactl)"
    if not shutil.which("nvidia-smi"):
        return "no nvidia-smi to compare with"
    done = subprocess.run([containers.load("gpuburn"), "--seconds=1"], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode == NO_GPU else None


reason = why_not()
t.require(reason is None, reason)
energy_is_what_it_draws()
shares_are_what_they_do()
t.done()
