#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tests' own tools against the kernel: loads use the CPU time they say, containers come and go cleanly."""
import os
import subprocess

import agent
import cgroups
import containers
import tap

t = tap.Tap()
t.require(os.geteuid() == 0, "cgroups need root")


def leftovers():
    return [str(p) for tree in cgroups.trees() for p in tree.glob("kepler-test*")]


def in_group(argv):
    group = cgroups.Group()
    t.cleanup(group.remove)
    done = subprocess.run(argv, preexec_fn=group.enter, capture_output=True, text=True, check=False)
    t.ok(done.returncode == 0, f"{os.path.basename(argv[0])} {' '.join(argv[1:3])[:60]} ends well", done.stderr)
    return group, done.stdout


for options in (["--cpu-ms=500", "--threads=2"], ["--cpu-ms=300", "--burst-us=200"]):
    group, said = in_group([containers.load("burn"), *options])
    t.near(group.usage_s(), int(said.split("=")[1]) / 1e9, 0.01, "the kernel charges what burn says it used")

for threads in (1, 4):
    group, said = in_group([containers.load("forkstorm"), "--seconds=2", "--workers=2", f"--threads={threads}"])
    started = int(said.split("=")[1])
    t.ok(started >= 2000, f"a storm of {threads} thread(s) starts 1,000 processes a second", said)

for life in ("thread-exits", "leader-first", "exec-by-thread", "zombies", "same-pid", "big-comm"):
    group, said = in_group([containers.load("tricky"), life])
    t.near(group.usage_s(), 1.0, 0.15, f"the life {life} uses a second")

other = cgroups.Group()
t.cleanup(other.remove)
group, said = in_group([containers.load("tricky"), "move", *other.procs_files()])
t.near(group.usage_s(), 0.5, 0.1, "a mover leaves half a second in its first cgroup")
t.near(other.usage_s(), 0.5, 0.1, "a mover leaves half a second in its second cgroup")

for runtime, make in (("runc", containers.Oci), ("podman", containers.Podman)):
    reason = containers.why_not(runtime)
    if reason:
        t.skip(f"{runtime} runs a load", reason)
        continue
    box = make(t, "burn --cpu-ms=500").wait()
    t.near(box.usage_s(), box.number("cpu_ns") / 1e9, 0.1, f"a container of {runtime} burns what it should")
    t.ok(box.id in box.path and len(box.id) == 64, f"the cgroup of {runtime} has the container's id", box.path)
    path = cgroups.V2 / box.path.lstrip("/")
    box.remove()
    agent.wait_for("the end of the cgroup", lambda: not path.exists())
    t.ok(not path.exists(), f"{runtime} leaves no cgroup")

t._run_cleanups()
t.eq(leftovers(), [], "nothing of the tests is left in any hierarchy")
t.done()
