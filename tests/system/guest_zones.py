#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""In the guest, one socket: joules against the known truth, wrap, faults of zones, containers on pure v2."""
import pathlib
import time

import agent
import cgroups
import containers
import tap
import zones

WRAP_UJ = 400000000  # package-0 wraps every five to twenty seconds, psys every four

t = tap.Tap()
truth = zones.Zones(range_uj=WRAP_UJ, mmio=1)


def module_is_exact():
    """The truth itself: CPU time that the module saw is what cpu.stat has."""
    before = truth.truth()
    box = containers.Oci(t, "burn --cpu-ms=2000", runtime="crun").wait()
    after = truth.truth()
    seen = sum(after[2].values()) - sum(before[2].values())
    t.ok(seen >= box.usage_s() * 0.999, "the zones see the container's CPU time", f"{seen} {box.usage_s()}")
    package = after[0]["package-0"] - before[0]["package-0"]
    t.near(package, 20 * (after[1] - before[1]) + 30 * seen, 0.0001, "zones hold idle and busy power")
    box.remove()


def joules_are_true(kepler):
    """Two containers for the same time: dynamic joules are busy_mw times cpu.stat, all joules the zones'."""
    time.sleep(8)  # scrapes would not let it be idle: the idle floor is learned while little runs
    before_page, before = truth.at_tick(kepler)
    boxes = [containers.Oci(t, "burn --seconds=10 --duty=90", runtime="crun"),
             containers.Oci(t, "burn --seconds=10 --duty=30", runtime="crun")]
    for box in boxes:
        box.wait()
    kepler.settle(*(box.id for box in boxes))
    page, after = truth.at_tick(kepler)
    for box in boxes:
        got, want = float(page.cpu_s(box.id)), box.usage_s()
        t.ok(abs(got - want) <= 0.01 * want + 0.002, "crun on pure v2: CPU time is cpu.stat's", f"{got} {want}")
        for domain, share in (("package", 1.0), ("core", 0.8), ("dram", 0.1)):
            t.near(float(page.joules(box.id, domain, mode="dynamic")), truth.busy_w() * share * want, 0.02,
                   f"dynamic joules of {domain} are the known ones")
    for domain in ("package", "core", "uncore", "dram"):
        node = float(page.sum(f"kepler_node_{domain}_joules_total") - before_page.sum(f"kepler_node_{domain}_joules_total"))
        t.near(node, after[f"{domain}-0"] - before[f"{domain}-0"], 0.002,
               f"the node's joules of {domain} are the zone's, over several wraps and with a mirror of it")
    info = {s.labels["quality"] for s in page.find("kepler_meter_info", domain="package")}
    t.eq(info, {"measured"}, "package is measured")
    for box in boxes:
        box.remove()


def zone_fails(kepler):
    """EIO of dram costs dram only, is counted, and ends without a jump."""
    truth.fail("dram-0", True)
    start = kepler.wait_ticks(2)
    page = kepler.wait_ticks(3)
    t.ok(page.sum("kepler_meter_read_errors_total") > start.sum("kepler_meter_read_errors_total"),
         "EIO of one zone is counted")
    t.ok(page.sum("kepler_node_package_joules_total") > start.sum("kepler_node_package_joules_total"),
         "EIO of dram: package goes on")
    truth.fail("dram-0", False)
    back = agent.wait_for("dram again", lambda: (p := kepler.wait_ticks(1)).sum("kepler_node_dram_joules_total") >
                          page.sum("kepler_node_dram_joules_total") and p)
    t.ok(back, "EIO of dram: it comes back")


def module_reloads(kepler):
    """The driver goes and comes: nothing is invented while it is away, and the count goes on after it."""
    truth.unload()
    gone = kepler.wait_ticks(3)
    still = kepler.wait_ticks(3)
    t.eq(still.sum("kepler_node_package_joules_total"), gone.sum("kepler_node_package_joules_total"),
         "rmmod: no joules are invented")
    t.ok(kepler.status("/metrics") == 200 and kepler.process.poll() is None, "rmmod: the agent lives")
    truth.load()
    first = agent.wait_for("the zones again", lambda: (p := kepler.wait_ticks(1)).sum(
        "kepler_node_package_joules_total") > still.sum("kepler_node_package_joules_total") and p)
    before = truth.truth()[0]["package-0"]
    first = kepler.wait_ticks(1)
    later = kepler.wait_ticks(5)
    got = float(later.sum("kepler_node_package_joules_total") - first.sum("kepler_node_package_joules_total"))
    want = truth.truth()[0]["package-0"] - before
    t.ok(0 < got <= want * 1.02, "insmod: the zones count again, and no more than they hold", f"{got} {want}")


def page_cache_reads(kepler):
    """fentry exists here: reads are counted, page by page."""
    box = containers.Oci(t, "dd if=/dev/zero of=/tmp/f bs=4096 count=2000; sleep 2; touch /w; "
                            "dd if=/tmp/f of=/dev/null bs=4096", runtime="crun")
    box.wait()
    page = kepler.settle(box.id)
    hits = page.sum("kepler_container_bpf_page_cache_hit_total", container_id=box.id)
    # Every page was dirtied and read once; without fentry there are writes only.
    t.ok(hits >= 3600, "page-cache reads are counted where the kernel has fentry", str(hits))
    box.remove()


def rows_add_up(kepler):
    """The machine's run time, as the scheduler told the zones, is the sum of all rows."""
    def at_tick():
        page = kepler.wait_ticks(1)
        return page, sum(truth.truth()[2].values()), time.time() - kepler.tick_time(page)
    before, busy, late = at_tick()
    box = containers.Oci(t, "burn --cpu-ms=3000 --burst-us=200 --threads=2", runtime="crun").wait()
    kepler.settle(box.id)
    after, busy_after, late_after = at_tick()
    name = "kepler_container_bpf_cpu_time_us_total"
    got, want = float(after.sum(name) - before.sum(name)) / 1e6, busy_after - busy
    slack = 2 * abs(late_after - late) + 0.05
    t.ok(abs(got - want) <= 0.01 * want + slack, "the sum of all rows is the machine's run time, with 0.2 ms bursts",
         f"{got:.4f} {want:.4f} +- {slack:.4f}")
    got, want = float(after.cpu_s(box.id)), box.usage_s()
    t.ok(abs(got - want) <= 0.01 * want + 0.002, "0.2 ms bursts: CPU time is cpu.stat's", f"{got} {want}")
    box.remove()


t.ok(not cgroups.HYBRID and "cpu" in pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text().split(),
     "the guest has pure cgroup v2")
module_is_exact()
meter = agent.Agent(t, interval="1s")
for proof in (joules_are_true, rows_add_up, page_cache_reads, zone_fails, module_reloads):
    try:
        proof(meter)
    except (agent.Missing, OSError, RuntimeError) as why:
        t.ok(False, f"{proof.__name__} came to its end", f"{why}\n{meter.log()[-1500:]}")
meter.report(t)
t.eq(meter.end(), 0, "SIGTERM ends the agent well")
t.done()
