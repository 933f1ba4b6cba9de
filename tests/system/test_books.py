#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The books, to the last digit, at every scrape, for every way to share idle energy, while processes storm."""
import time

import agent
import containers
import tap

t = tap.Tap()
t.require(not containers.why_not("runc"), containers.why_not("runc"))

for policy in ("usage", "equal", "none"):
    kepler = agent.Agent(t, f"--attribution.idle={policy}", interval="200ms")
    boxes = [containers.Oci(t, "forkstorm --seconds=3 --threads=2"), containers.Oci(t, "burn --seconds=3 --duty=30")]
    while not all(box.is_done() for box in boxes):
        kepler.scrape()
        time.sleep(0.05)
    page = kepler.settle(*(box.id for box in boxes))
    for box in boxes:
        box.remove()
    page = kepler.wait_ticks(3)
    kepler.report(t, f"idle shared by {policy}: books balance, no label set twice, no counter falls")
    idle = sum(page.joules(box.id, mode="idle") for box in boxes)
    rest = page.sum("kepler_node_unattributed_joules_total", domain="package", mode="idle")
    if policy == "none":
        t.ok(idle == 0 and rest > 0, "none: idle energy is unattributed, and nobody's", f"{idle} {rest}")
    else:
        t.ok(idle > 0, f"{policy}: a container has idle energy", f"{idle} {rest}")
    dynamic = page.sum("kepler_node_unattributed_joules_total", domain="package", mode="dynamic")
    node = page.sum("kepler_node_package_joules_total", mode="dynamic")
    t.ok(dynamic <= node / 100, f"{policy}: hardly any dynamic energy is unattributed", f"{dynamic} of {node}")
    t.eq(kepler.end(), 0, f"{policy}: SIGTERM ends the agent well")
t.done()
