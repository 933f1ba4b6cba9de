#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A fork storm in one container and a steady 20 % task in another: each pays what it used."""
import agent
import containers
import tap

SECONDS = 20

t = tap.Tap()
t.require(not containers.why_not("runc"), containers.why_not("runc"))
kepler = agent.Agent(t, interval="1s")

storm = containers.Oci(t, f"forkstorm --seconds={SECONDS}")
steady = containers.Oci(t, f"burn --seconds={SECONDS} --duty=20")
for box in (storm, steady):
    box.wait()
page = kepler.settle(storm.id, steady.id)

kernel = {box: box.usage_s() for box in (storm, steady)}
energy = [d for d in ("package", "core", "dram", "platform")
          if page.sum(f"kepler_container_{d}_joules_total", container_id=steady.id, mode="dynamic") > 0]
t.ok(energy, "there are dynamic joules to share")
for domain in energy:
    joules = {box: float(page.joules(box.id, domain, mode="dynamic")) for box in (storm, steady)}
    for name, box in (("storm", storm), ("steady task", steady)):
        t.near(joules[box] / sum(joules.values()), kernel[box] / sum(kernel.values()), 0.01,
               f"{domain}: the {name}'s share of the dynamic joules is its share of cpu.stat")
kepler.report(t)
t.done()
