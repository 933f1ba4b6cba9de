#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on real machines stays where it is, is counted, and leaves nothing behind."""
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import agent
import cgroups
import containers
import tap

HALF_OPEN = 2000
START_S = 0.002  # what a process ran before it entered its cgroup
LEVELS = "node,container,vm"

t = tap.Tap()
t.require(os.geteuid() == 0, "cgroups need root")
work = pathlib.Path(tempfile.mkdtemp(prefix="kepler-test-"))
t.cleanup(shutil.rmtree, work, ignore_errors=True)



def burn_in(group, *options):
    t.cleanup(group.remove)
    process = subprocess.Popen([containers.load("burn"), *options], preexec_fn=group.enter, stdout=subprocess.DEVNULL)
    t.cleanup(process.wait)
    t.cleanup(process.kill)
    return process


def source(page):
    return [s.labels["source"] for s in page.find("kepler_activity_info")]


def bpf_refused():
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    kepler = agent.Agent(t, wrapper=drop, levels=LEVELS)
    t.eq(source(kepler.scrape()), ["proc"], "BPF refused: the page says that /proc has taken over")
    t.ok("bpf" in kepler.log().lower(), "BPF refused: the log says why", kepler.log()[-1500:])
    group = cgroups.Group()
    burn_in(group, "--cpu-ms=2000").wait()
    page = kepler.settle(group.id)
    # /proc loses the end of a process since the last tick: half a second of two at most.
    got, want = float(page.cpu_s(group.id)), group.usage_s()
    t.ok(0.70 * want <= got <= 1.02 * want, "BPF refused: a steady load is still accounted",
         f"agent {got:.3f} s, kernel {want:.3f} s")
    kepler.report(t, "BPF refused: books balance, no label set twice, no counter falls")
    t.eq(kepler.end(), 0, "BPF refused: SIGTERM ends the agent well")


def cgroups_vanish(kepler):
    before = kepler.wait_ticks(1)
    total = 0.0
    ids = []
    for _ in range(30):
        group = cgroups.Group()
        burn_in(group, "--cpu-ms=20").wait()
        total += group.usage_s()
        ids.append(group.id)
        group.remove()
    page = kepler.settle(*ids)
    got = float(sum(page.cpu_s(i) - before.cpu_s(i) for i in ids))
    t.ok(abs(got - total) <= 0.01 * total + len(ids) * START_S,
         "cgroups that vanish at once: their CPU time is accounted to them", f"agent {got:.4f} s, kernel {total:.4f} s")


def ring_overflows():
    """The agent sleeps through a storm of more threads than the ring has room for."""
    kepler = agent.Agent(t, levels=LEVELS)
    before = kepler.wait_ticks(1)
    box = containers.Oci(t, "forkstorm --seconds=5 --workers=2 --threads=4 --life-us=200")
    kepler.process.send_signal(signal.SIGSTOP)
    box.wait()
    kepler.process.send_signal(signal.SIGCONT)
    page = kepler.settle(box.id)
    full = page.sum("kepler_lost_events_total", source="ring_full") - before.sum("kepler_lost_events_total",
                                                                              source="ring_full")
    t.ok(full > 0, "full ring: the loss is counted", f"{full} of {box.number('started') * 4} threads")
    t.near(float(page.cpu_s(box.id)), box.usage_s(), 0.01, "full ring: the container's total is not lost")
    kepler.report(t, "full ring: books balance, no label set twice, no counter falls")
    box.remove()
    kepler.stop()


def unreadable_process():
    """One process's /proc entries give errors, in the agent's own view only."""
    for flag in ("--activity.bpf=true", "--activity.bpf=false"):
        victim, other = cgroups.Group(), cgroups.Group()
        process = burn_in(victim, "--seconds=60", "--duty=10")
        hide = work / "hide"
        for name in ("stat", "status", "cgroup", "comm", "cmdline"):
            (hide / name).mkdir(parents=True, exist_ok=True)
        script = f"mount --make-rprivate / && mount --bind {hide} /proc/{process.pid} && exec \"$@\""
        kepler = agent.Agent(t, flag, levels=LEVELS, wrapper=["unshare", "-m", "sh", "-c", script, "sh"])
        worker = burn_in(other, "--cpu-ms=2000")
        agent.wait_for("the other's CPU time", lambda: float(kepler.scrape().cpu_s(other.id)) > 1.2)
        worker.wait()
        page = kepler.settle(other.id)
        want = other.usage_s()
        tolerance = 0.01 if flag.endswith("true") else 0.35
        t.near(float(page.cpu_s(other.id)), want, tolerance, f"unreadable process, {flag}: the others' time is right")
        kepler.report(t, f"unreadable process, {flag}: books balance")
        process.kill()
        t.eq(kepler.end(), 0, f"unreadable process, {flag}: SIGTERM ends the agent well")


def half_open(kepler):
    host, port = kepler.url[len("http://"):].split(":")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, HALF_OPEN + 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    t.ok(wanted > HALF_OPEN, "this process may open 2,000 connections", str(hard))
    connections = []
    for i in range(HALF_OPEN):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex((host, int(port)))
        connections.append(one)
        if i % 100 == 0:
            time.sleep(0.01)
    for i, one in enumerate(connections):
        try:
            one.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + (b"\r\n" if i % 20 == 0 else b"X-Slow: "))
        except OSError:
            pass  # the server may refuse it: that is its right
    page = agent.wait_for("an honest scrape", lambda: _try(kepler), patience_s=30)
    t.ok(page is not None, "2,000 half-open connections and 100 slow readers: an honest scrape succeeds")
    seen = kepler.tick_time(page)
    t.ok(agent.wait_for("the next tick", lambda: (p := _try(kepler)) and kepler.tick_time(p) > seen),
         "2,000 half-open connections: ticks go on")
    for one in connections:
        one.close()


def _try(kepler):
    try:
        return kepler.scrape()
    except OSError:
        return None


def flat(kepler, fds, resident_kb):
    """After all the above nothing has leaked."""
    agent.wait_for("closed connections", lambda: open_fds(kepler) <= fds + 2, patience_s=60)
    t.ok(open_fds(kepler) <= fds + 2, "no file descriptor leaks", f"{fds} -> {open_fds(kepler)}")
    t.ok(resident(kepler) < resident_kb + 16384, "resident memory stays flat", f"{resident_kb} -> {resident(kepler)} kB")


def open_fds(kepler):
    return len(os.listdir(f"/proc/{kepler.process.pid}/fd"))


def resident(kepler):
    for line in pathlib.Path(f"/proc/{kepler.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def signals():
    for number in (signal.SIGTERM, signal.SIGINT):
        kepler = agent.Agent(t, interval="10s" if number == signal.SIGINT else "1s")
        t.eq(kepler.end(number), 0, f"{number.name} ends the agent at once and well")


def reload():
    file = work / "kepler.yaml"
    file.write_text("exporter:\n  retention: 1m\n")
    kepler = agent.Agent(t, f"--config.file={file}", interval="200ms")

    def reloads(text, want):
        file.write_text(text)
        kepler.process.send_signal(signal.SIGHUP)
        agent.wait_for(f"reload {want}",
                       lambda: kepler.scrape().sum("kepler_config_last_reload_successful") == want)
        return True

    t.ok(reloads("exporter:\n  retention: nonsense\n", 0), "SIGHUP with a bad file: the page says so")
    t.ok("kepler.yaml:2" in kepler.log(), "SIGHUP with a bad file: the log names file and line", kepler.log()[-1500:])
    t.ok(reloads("exporter:\n  retention: 2m\n", 1), "SIGHUP with a good file: the page says so")
    kepler.report(t, "reload: books balance, no label set twice, no counter falls")
    t.eq(kepler.end(), 0, "reload: SIGTERM ends the agent well")


def steady_faults():
    kepler = agent.Agent(t, levels=LEVELS)
    cgroups_vanish(kepler)
    for _ in range(50):
        kepler.scrape()
    fds, resident_kb = open_fds(kepler), resident(kepler)
    half_open(kepler)
    for _ in range(50):
        kepler.scrape()
    flat(kepler, fds, resident_kb)
    kepler.report(t, "faults: books balance, no label set twice, no counter falls")
    t.eq(kepler.end(), 0, "faults: SIGTERM ends the agent well")


for fault in (signals, reload, bpf_refused, steady_faults, unreadable_process):
    try:
        fault()
    except (agent.Missing, OSError, RuntimeError) as why:
        t.ok(False, f"{fault.__name__} came to its end", f"{type(why).__name__}: {why}")
if containers.why_not("runc"):
    t.skip("full ring", containers.why_not("runc"))
else:
    ring_overflows()
t.done()
