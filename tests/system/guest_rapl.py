#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""In the guest: the kernel's own RAPL driver over known registers. Joules, wraps, the driver coming and going."""
import subprocess
import time

import agent
import shim
import tap

WRAP = 1 << 32
LARGEST_J = {d: max(shim.STEP_J[d], shim.KERNEL_STEP_J[d]) * 1.000001 for d in shim.DOMAINS}
ZONES = {"package": "package-0", "core": "core", "uncore": "uncore", "dram": "dram", "psys": "psys"}

t = tap.Tap()


def joules(page, domain):
    name = "platform" if domain == "psys" else domain
    return float(page.sum(f"kepler_node_{name}_joules_total"))


def compare(before, after, what, limit, step_j):
    """Joules of two pages against the registers as they were read for them."""
    (first, then), (last, now) = before, after
    for domain in shim.DOMAINS:
        want = (now[domain] - then[domain]) * step_j[domain]
        t.near(joules(last, domain) - joules(first, domain), want, limit, f"{what}: {domain}")


def driver_is_genuine():
    ranges = shim.Shim.ranges()
    t.eq(sorted(ranges), sorted(ZONES.values()), "the driver's own names")
    t.eq(ranges["package-0"], 262143328850, "the driver's own range of package")
    t.eq(ranges["dram"], 65712999613, "and of dram, which has a unit of its own")


def wraps_cost_nothing(kepler):
    """Twenty seconds with another power in the middle and a wrap of every register in them."""
    before = registers.at_tick(kepler)
    t.ok(all(steps < WRAP for steps in before[1].values()), "no register has wrapped yet", str(before[1]))
    end = time.monotonic() + 20
    time.sleep(8)
    registers.power("package", 110000)
    registers.power("psys", 150000)
    agent.wait_for("a wrap of every register", lambda: min(registers.steps("read").values()) > WRAP)
    time.sleep(max(0, end - time.monotonic()))
    after = registers.at_tick(kepler)
    t.ok(all(steps > WRAP for steps in after[1].values()), "every register has wrapped")
    compare(before, after, "20 s and a wrap, as the kernel rounds its steps", 1e-6, shim.KERNEL_STEP_J)
    compare(before, after, "20 s and a wrap, in truth", 0.01, shim.STEP_J)
    page = after[0]
    t.eq({s.labels["meter"] for s in page.find("kepler_meter_info", domain="package")}, {"rapl-powercap"},
         "powercap feeds package")
    t.eq({s.labels["quality"] for s in page.find("kepler_meter_info", domain="dram")}, {"measured"},
         "dram is measured")


def driver_reloads(kepler):
    """Under load the driver goes and comes back with other counts: nothing is told twice or made up."""
    load = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    t.cleanup(load.kill)
    start, then = registers.at_tick(kepler)
    most = registers.steps("steps")
    registers.unload()
    gone = kepler.wait_ticks(3)
    still = kepler.wait_ticks(3)
    for domain in ("package", "dram"):
        told, held = joules(gone, domain) - joules(start, domain), (most[domain] - then[domain]) * LARGEST_J[domain]
        t.ok(0 <= told <= held, f"rmmod: no joule of {domain} twice", f"told {told}, held {held}")
        t.eq(joules(still, domain), joules(gone, domain), f"rmmod: no joules of {domain} are made up")
    registers.load(wrap_s=1000)
    agent.wait_for("the zones again", lambda: joules(kepler.wait_ticks(1), "package") > joules(still, "package"))
    before = registers.at_tick(kepler)
    kepler.wait_ticks(4)
    after = registers.at_tick(kepler)
    compare(before, after, "after insmod", 1e-6, shim.KERNEL_STEP_J)
    for domain in ("package", "dram"):
        told = joules(after[0], domain) - joules(still, domain)
        held = (after[1][domain] - registers.start[domain]) * LARGEST_J[domain]
        t.ok(0 < told <= held, f"insmod: {domain} tells no more than its new register holds", f"told {told}, held {held}")
    load.kill()
    load.wait()


registers = shim.Shim(wrap_s=25)
driver_is_genuine()
meter = agent.Agent(t, interval="1s")
for proof in (wraps_cost_nothing, driver_reloads):
    try:
        proof(meter)
    except (agent.Missing, OSError, RuntimeError) as why:
        t.ok(False, f"{proof.__name__} came to its end", f"{why}\n{meter.log()[-1500:]}")
meter.report(t)
t.eq(meter.end(), 0, "SIGTERM ends the agent well")
t.done()
