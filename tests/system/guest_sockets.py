#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""In the guest, two sockets: each package has its own zones, and nothing counts twice."""
import time

import agent
import containers
import tap
import zones

t = tap.Tap()
# Busy power well above idle: then a small error of the learned idle floor is small here, too.
truth = zones.Zones(packages=2, busy_mw=60000)
kepler = agent.Agent(t, interval="1s")

time.sleep(8)  # scrapes would not let it be idle: the idle floor is learned while little runs
before_page, before = truth.at_tick(kepler)
box = containers.Oci(t, "burn --seconds=8 --threads=2 --duty=80", runtime="crun").wait()
kepler.settle(box.id)
page, after = truth.at_tick(kepler)


def node(domain, **labels):
    name = f"kepler_node_{domain}_joules_total"
    return float(page.sum(name, **labels) - before_page.sum(name, **labels))


zone = {name: after[name] - before[name] for name in after}
for package in ("0", "1"):
    t.near(node("package", package=package), zone[f"package-{package}"], 0.002, f"package {package} has its own joules")
t.near(node("package"), zone["package-0"] + zone["package-1"], 0.002, "the packages add up")
t.near(node("dram"), zone["dram-0"] + zone["dram-1"], 0.002, "so does memory")
t.near(node("platform"), zone["psys"], 0.002, "platform is psys")
t.near(node("other"), zone["psys"] - sum(zone[z] for z in ("package-0", "package-1", "dram-0", "dram-1")), 0.005,
       "other is platform less package and dram")
t.near(float(page.joules(box.id, "package", mode="dynamic")), truth.busy_w() * box.usage_s(), 0.02,
       "dynamic joules of a container on two sockets are the known ones")
kepler.report(t)
t.done()
