#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""In the guest: a virtual machine whose CPU has RAPL, but counts nothing. No zero may pass for a measurement."""
import os
import pathlib
import subprocess

import agent
import tap

PMU = pathlib.Path("/sys/bus/event_source/devices/power")
EVENTS = sorted(e.name for e in (PMU / "events").glob("energy-*") if "." not in e.name) if PMU.exists() else []

t = tap.Tap()

t.ok(PMU.exists(), "the kernel has the PMU")
t.eq(EVENTS, ["energy-psys"], "with an event that it does not check: psys of this model")
t.ok(os.path.exists("/dev/cpu/0/msr"), "there are device files of registers")
kepler = agent.Agent(t, "--meter.cpu=rapl-perf,rapl-msr", interval="500ms")
load = subprocess.Popen(["sh", "-c", "while :; do :; done"])
t.cleanup(load.kill)
first = kepler.wait_ticks(1)
page = agent.wait_for("the dead counter to be found", lambda: (p := kepler.wait_ticks(1)).sum(
    "kepler_meter_read_errors_total", meter="rapl-perf", reason="dead") > 0 and p)
page = kepler.wait_ticks(2)
t.eq(page.sum("kepler_meter_up", meter="rapl-perf"), 0, "perf: psys that never moves is no meter")
t.eq(page.sum("kepler_meter_up", meter="rapl-msr"), 0, "registers that read 0 are none")
t.eq([s.labels for s in page.find("kepler_meter_info") if s.labels["quality"] == "measured"], [],
     "nothing is called measured")
t.ok({s.labels["meter"] for s in page.find("kepler_meter_info", domain="package")} == {"embedded"},
     "the estimate stands in")
t.ok(page.sum("kepler_node_package_joules_total") > first.sum("kepler_node_package_joules_total"),
     "and counts")
load.kill()
load.wait()
kepler.report(t)
t.eq(kepler.end(), 0, "SIGTERM ends the agent well")
t.done()
