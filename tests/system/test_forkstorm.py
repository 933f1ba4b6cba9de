#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Processes that live a millisecond, thousands of them, in a container: none of their time is lost."""
import time

import agent
import containers
import tap

SECONDS = 10
DROPS = {"ring_full", "overflow_full", "cgroup_event", "bad_record", "pass_failed", "task_storage"}

t = tap.Tap()
t.require(not containers.why_not("runc"), containers.why_not("runc"))
kepler = agent.Agent(t, interval="1s")


def lost(page):
    return {s.labels["source"]: int(s.value) for s in page.find("kepler_lost_events_total")}


for threads in (1, 4):
    before = lost(kepler.scrape())
    box = containers.Oci(t, f"forkstorm --seconds={SECONDS} --workers=2 --threads={threads}")
    while not box.is_done():
        kepler.scrape()
        time.sleep(0.5)
    page = kepler.settle(box.id)
    t.ok(box.number("started") >= 1000 * SECONDS, f"{threads} thread(s): a storm of 1,000 processes a second",
         box.output())
    kernel, charged = box.usage_s(), float(page.cpu_s(box.id))
    t.ok(0.99 * kernel <= charged <= 1.01 * kernel + 0.002,
         f"{threads} thread(s): 99 % of the storm's CPU time is accounted to its container",
         f"agent {charged:.6f} s, kernel {kernel:.6f} s")
    t.diag(f"{charged / kernel:.4%} of {kernel:.3f} s in {box.number('started')} processes")
    now = lost(page)
    drops = {source: count - before.get(source, 0) for source, count in now.items() if count > before.get(source, 0)}
    # Ends in places that BPF cannot see are counted too, and are no drop: nothing was full.
    t.ok(not DROPS & set(drops), f"{threads} thread(s): no drop", str(drops))
    t.diag(f"counted as lost: {drops}")
    processes = page.find("kepler_process_bpf_cpu_time_us_total", container_id=box.id)
    named = float(sum(s.value for s in processes)) / 1e6
    t.near(named, charged, 0.005, f"{threads} thread(s): the rows of its processes add up to the container")
    t.ok(len(processes) < 3000, f"{threads} thread(s): ended processes do not pile up as series", str(len(processes)))
    box.remove()

kepler.report(t)
t.done()
