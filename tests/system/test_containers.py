#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real containers that burn known CPU time: their seconds and joules, and the sum of all rows, against the kernel."""
import agent
import cgroups
import containers
import tap

START_S = 0.002  # a runtime's own start may be charged to its caller

t = tap.Tap()
t.require(not containers.why_not("runc"), containers.why_not("runc"))
kepler = agent.Agent(t)


def charged(page, box):
    """Seconds that the agent charged to @box must be the kernel's within 1 % and 2 ms."""
    got, want = float(page.cpu_s(box.id)), box.usage_s()
    t.ok(abs(got - want) <= 0.01 * want + START_S, f"CPU time of a container of {type(box).__name__} is cpu.stat's",
         f"agent {got:.6f} s, kernel {want:.6f} s ({got / want - 1:+.3%})")


def all_rows(page):
    return float(page.sum("kepler_container_bpf_cpu_time_us_total")) / 1e6


def burn_by_runtime():
    makers = [lambda: containers.Oci(t, "burn --cpu-ms=3000")]
    if containers.why_not("podman"):
        t.skip("a container of podman", containers.why_not("podman"))
    else:
        makers.append(lambda: containers.Podman(t, "burn --cpu-ms=1000 --threads=2"))
    boxes = [make() for make in makers]
    for box in boxes:
        box.wait()
    page = kepler.settle(*(box.id for box in boxes))
    for box in boxes:
        charged(page, box)
        row = page.find("kepler_container_bpf_cpu_time_us_total", container_id=box.id)
        t.ok(len(row) == 1, "one row per container", str(row))
    for box in boxes:
        if isinstance(box, containers.Podman):
            row = page.find("kepler_container_joules_total", container_id=box.id)
            t.ok(row and row[0].labels["container_namespace"] == "podman", "podman's container says so", str(row))
    for box in boxes:
        box.remove()
    page = kepler.wait_ticks(2)
    for box in boxes:
        t.ok(page.cpu_s(box.id) > 1, "an ended container keeps its series")


def joules_in_proportion():
    """Side by side for the same time, so that a CPU second costs the same for both."""
    pair = [containers.Oci(t, "burn --seconds=6 --duty=60"), containers.Oci(t, "burn --seconds=6 --duty=20")]
    for box in pair:
        box.wait()
    page = kepler.settle(*(box.id for box in pair))
    domains = [d for d in ("package", "dram", "platform")
               if page.sum(f"kepler_container_{d}_joules_total", container_id=pair[0].id, mode="dynamic") > 0]
    t.ok(domains, "some domain has dynamic joules")
    for domain in domains:
        first, second = (float(page.joules(box.id, domain, mode="dynamic")) for box in pair)
        seconds = pair[0].usage_s() / sum(box.usage_s() for box in pair)
        t.near(first / (first + second), seconds, 0.01, f"joules of {domain} are in proportion to CPU time")
    for box in pair:
        box.remove()


def sum_of_rows(name, *scripts):
    """Everything that runs on the machine, not just the load, against the root's cpuacct.usage."""
    if not cgroups.ROOT_USAGE.exists():
        t.skip(f"sum of all rows, {name}", "this machine has no cpuacct hierarchy; the guest test does it for v2")
        return
    with cgroups.UsageRecorder() as recorder:
        before = kepler.wait_ticks(1)
        boxes = [containers.Oci(t, script) for script in scripts]
        for box in boxes:
            box.wait()
        after = kepler.settle(*(box.id for box in boxes))
        kernel = recorder.at(kepler.tick_time(after)) - recorder.at(kepler.tick_time(before))
    t.near(all_rows(after) - all_rows(before), kernel, 0.01, f"sum of all rows is the root's cpuacct.usage, {name}")
    for box in boxes:
        charged(after, box)
        box.remove()


burn_by_runtime()
joules_in_proportion()
sum_of_rows("steady", "burn --cpu-ms=3000 --threads=2")
sum_of_rows("bursts of 0.2 ms", "burn --cpu-ms=1500 --burst-us=200 --pause-us=300 --threads=2")
kepler.report(t)
t.done()
