#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A GPU of known power, played by a library in the place of the driver's: joules, and whose they are."""
import pathlib
import shutil
import subprocess
import tempfile
import time

import agent
import containers
import tap

WATTS = 120

t = tap.Tap()
work = pathlib.Path(tempfile.mkdtemp(prefix="kepler-test-"))
t.cleanup(shutil.rmtree, work, ignore_errors=True)
(work / "nvidiactl").touch()


def node_joules(page):
    return float(page.sum("kepler_node_gpu_joules_total"))


def process_joules(page, pid):
    return float(page.sum("kepler_process_gpu_joules_total", pid=str(pid), mode="dynamic"))


def burn():
    process = subprocess.Popen([containers.load("burn"), "--seconds=120", "--duty=5"], stdout=subprocess.DEVNULL)
    t.cleanup(process.wait)
    t.cleanup(process.kill)
    return process


two = [burn(), burn()]
env = {"LD_LIBRARY_PATH": str(containers.LOADS), "FAKE_NVML_WATTS": str(WATTS),
       "FAKE_NVML_BUSY": f"{two[0].pid}:60,{two[1].pid}:20"}
kepler = agent.Agent(t, f"--host.devfs={work}", "--meter.gpu=nvml", env=env, interval="1s")
first = kepler.wait_ticks(3)
begin = kepler.tick_time(first)
while kepler.tick_time() < begin + 20:
    time.sleep(0.2)
last = kepler.page
# The counter is asked once a second: one reading may be missing at either end.
t.near(node_joules(last) - node_joules(first), WATTS * (kepler.tick_time(last) - begin), 0.12,
       "joules are watts times time")
a, b = (process_joules(last, p.pid) - process_joules(first, p.pid) for p in two)
t.ok(b > 0, "the processes on the GPU are charged", f"{a} J, {b} J")
t.near(a, 3 * b, 0.05, "three to one, as the driver says")
kepler.report(t)
t.eq(kepler.end(), 0, "SIGTERM ends the agent well")
t.done()
