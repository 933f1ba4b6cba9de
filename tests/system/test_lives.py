#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lives that are easy to get wrong, each in a cgroup of its own, compared with its cpu.stat."""
import os
import subprocess

import agent
import cgroups
import containers
import tap

LIVES = {
    "thread-exits": "threads that end in a process that lives on",
    "leader-first": "a first thread that ends before the others",
    "exec-by-thread": "an exec by a thread that is not the first",
    "zombies": "ended children that nobody waits for",
    "same-pid": "processes that follow each other under one pid",
    "big-comm": "a process with an awkward name",
}

t = tap.Tap()
t.require(os.geteuid() == 0, "cgroups need root")
kepler = agent.Agent(t)


def cpu_is_right(page, group, name):
    got, want = float(page.cpu_s(group.id)), group.usage_s()
    t.ok(abs(got - want) <= 0.01 * want + 0.002, f"{name}: CPU time is cpu.stat's",
         f"agent {got:.6f} s, kernel {want:.6f} s; lost {[(s.labels['source'], int(s.value)) for s in page.find('kepler_lost_events_total') if s.value]}")


def same(page, group, name):
    cpu_is_right(page, group, name)
    rows = page.find("kepler_process_bpf_cpu_time_us_total", container_id=group.id)
    t.near(float(sum(s.value for s in rows)) / 1e6, float(page.cpu_s(group.id)), 0.001, f"{name}: the rows of processes add up to it")


def begin(group, *argv):
    t.cleanup(group.remove)
    process = subprocess.Popen([containers.load("tricky"), *argv], preexec_fn=group.enter)
    t.cleanup(process.wait)
    t.cleanup(process.kill)
    return process


groups = {life: cgroups.Group() for life in LIVES}
started = {life: begin(groups[life], life) for life in LIVES}
first, second = cgroups.Group(), cgroups.Group()
t.cleanup(second.remove)
mover = begin(first, "move", *second.procs_files())
for life, process in (*started.items(), ("move", mover)):
    t.ok(process.wait(agent.PATIENCE_S) == 0, f"{life} came to its end")
page = kepler.settle(first.id, second.id, *(group.id for group in groups.values()))
for life, meaning in LIVES.items():
    same(page, groups[life], meaning)
for name, group in (("left", first), ("entered", second)):
    # The process has one row, in the container where it was first seen: only the containers can be right.
    cpu_is_right(page, group, f"the cgroup that a process {name} half-way")

kernel = page.find("kepler_container_bpf_cpu_time_us_total", container_id="kernel_processes")
t.ok(len(kernel) == 1 and kernel[0].value > 0, "kernel threads have one row, with time in it", str(kernel))
system = page.find("kepler_container_bpf_cpu_time_us_total", container_id="system_processes")
t.ok(len(system) == 1 and system[0].value > 0, "work outside containers has one row, with time in it", str(system))
kepler.report(t)
t.done()
