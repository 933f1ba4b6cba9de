#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what Kepler costs and compares it with its targets.

    ./dev bench              a table: what, measured, reference of the same run, ratio, target
    ./dev bench --check      the same; status 1 when a target is missed
    ./dev bench --markdown   the table as doc/performance.md has it
    ./dev bench --only tick  one part (see PARTS)

Times are CPU time: medians, and ratios the medians of the rounds' own ratios. Takes about four minutes; wants an otherwise idle machine.
"""
import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import namedtuple

from server import Clients, NotMeasured, Server, start_to_ready_s

BUILD = pathlib.Path(os.environ.get("KEPLER_BUILD_ROOT", pathlib.Path(__file__).resolve().parents[1] / "build"))
GROWTH = (500, 2000, 5000, 10000, 20000)
MANY = 8000  # processes of the scrape and memory rows

Row = namedtuple("Row", "what measured reference ratio target met")
Sizes = {}  # swarm size: what bench_tick said, everybody asleep; filled by the parts in turn


def progress(text):
    if sys.stderr.isatty():
        print(f"-> {text}", file=sys.stderr)


def program(name, *args, patience_s=120):
    """Runs a helper and returns the object that it prints."""
    run = subprocess.run([BUILD / "bench" / name, *map(str, args)], capture_output=True, text=True,
                         timeout=patience_s, check=False)
    if run.returncode:
        raise NotMeasured(f"{name}: {run.stderr.strip() or run.returncode}")
    return json.loads(run.stdout)


class Swarm:
    """Processes that live as long as the `with`; they end by themselves when this program does."""

    def __init__(self, count, active=0):
        self.argv = [BUILD / "bench" / "swarm", str(count), str(active)]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            why = self.process.stderr.read().strip()
            self.__exit__()
            raise NotMeasured(why or "the processes did not start")
        time.sleep(1)  # their start is no part of what is measured
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        time.sleep(1)  # nor is their end


def tick_ratio_row(what, got, target):
    ratio = got["tick_bare"]
    return Row(what, f"{got['tick_ns']:,.0f} ns per task", f"bare pass: {got['bare_ns']:,.0f} ns per task",
               f"{ratio:.2f}", f"<= {target}", ratio <= target)


def tick_proc_row(what, got, target):
    """The target is for sleepers, as /proc is read for them all; with everybody active the ratio is reported."""
    ratio = got["proc_tick"]
    return Row(what, f"{got['tick_ns']:,.0f} ns per task", f"/proc: {got['proc_ns']:,.0f} ns per process",
               f"1/{ratio:.1f}", f"<= 1/{target}" if target else "", not target or ratio >= target)


def asleep(count, rounds):
    if count not in Sizes:
        progress(f"tick: {count} tasks asleep")
        with Swarm(count):
            Sizes[count] = program("bench_tick", rounds)
    return Sizes[count]


def measure_tick():
    got = asleep(5000, 12)
    yield tick_ratio_row("tick, 5,000 processes asleep", got, 1.5)
    yield tick_proc_row("the same, against /proc/PID/stat", got, 10)
    progress("tick: 5000 processes active")
    with Swarm(5000, 5000):
        got = program("bench_tick", 12)
    yield tick_ratio_row("tick, 5,000 processes all active", got, 3)
    yield tick_proc_row("the same, against /proc/PID/stat", got, None)


def measure_growth():
    sizes = [asleep(count, 10) for count in GROWTH]
    ratios = [s["tick_bare"] for s in sizes]
    spread = max(ratios) / min(ratios)
    yield Row("tick / bare pass, " + ", ".join(f"{c:,}" for c in GROWTH) + " tasks asleep",
              ", ".join(f"{r:.2f}" for r in ratios), "bare pass at each number", f"{spread:.2f}",
              "largest / smallest <= 1.25", spread <= 1.25)


def measure_switch():
    hooks = program("bench_hooks")["hooks"]
    if "sched_process_free" not in hooks:
        raise NotMeasured("the list of hooks lacks one that must be there")
    count = sum("sched_switch" in h or "finish_task_switch" in h or h.startswith("of a kind") for h in hooks)
    yield Row("programs on the context switch", str(count), f"{len(hooks)} hooks elsewhere", "", "0", count == 0)


def measure_allocations():
    progress("allocations: 1,000 processes, half of them active")
    with Swarm(1000, 500):
        got = program("bench_alloc", 40, 50)
    if got["steady"] < 20:
        raise NotMeasured(f"only {got['steady']} of {got['ticks']} ticks without a birth or an end; "
                          "the machine is too busy")
    where = f" ({got['sites']})" if got["calls"] else ""
    yield Row("heap allocations in steady ticks", f"{got['calls']}{where}",
              f"{got['steady']} ticks, 1,000 processes, half active", "", "0", got["calls"] == 0)


def measure_meter():
    progress("meter: a pass over two sockets")
    got = program("bench_meter", 300)
    yield Row(f"pass of the meters, 2 sockets, {got['zones']} zones", f"{got['pass_ns'] / 1e3:.1f} us",
              f"bare preads: {got['bare_ns'] / 1e3:.1f} us", f"{got['ratio']:.2f}", "<= 1.5", got["ratio"] <= 1.5)


def measure_encoder():
    progress("scrape: the encoder")
    got = program("bench_scrape", MANY)
    series = f"{got['series']:,} series, {MANY:,} processes"
    yield Row(f"scrape as text, {series}", f"{got['text_ns']:.0f} ns per series",
              f"memcpy: {got['copy_ns']:.0f} ns", f"{got['text_ns'] / got['copy_ns']:.2f}", "<= 100 ns",
              got["text_ns"] <= 100)
    yield Row("scrape with gzip", f"{got['gzip_ns']:.0f} ns per series",
              f"zlib -1 alone: {got['zlib_ns']:.0f} ns", f"{got['gzip_ns'] / got['zlib_ns']:.2f}", "<= 400 ns",
              got["gzip_ns"] <= 400)


def measure_ticks(server):
    progress("scrape: four clients at once, does the tick keep its second?")
    first, late_s = server.top(), 0.0
    with Clients(server, gzip=2, text=2) as clients:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            time.sleep(0.2)
            last = server.top()
            late_s = max(late_s, abs(last["interval"] - 1))
    wanted = round(last["time"] - first["time"])
    missed = wanted - (last["tick"] - first["tick"])
    return Row(f"ticks missed while 4 clients scrape {MANY:,} processes", str(missed),
               f"{wanted} ticks, {clients.pages} pages; off by at most {late_s * 1e3:.1f} ms", "", "0",
               missed == 0 and wanted >= 8 and clients.pages > 0)


def resident_row(count, rss, clients):
    limit_mb = 10 + 0.005 * count
    rss_mb = rss / 1e6
    return Row(f"resident memory, {count:,} processes", f"{rss_mb:.1f} MB",
               f"2 clients, {clients.pages} pages with gzip", f"{rss_mb / limit_mb:.2f}",
               f"<= 10 MB + 5 kB each: {limit_mb:.1f} MB", rss_mb <= limit_mb and clients.pages > 0)


def count_processes():
    """All of them have rows, those that were here before too."""
    return sum(name.isdigit() for name in os.listdir("/proc"))


class Sampler(threading.Thread):
    """The largest VmRSS of a process while the `with` lasts."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.largest, self.ending = server, 0, threading.Event()

    def run(self):
        while not self.ending.wait(0.02):
            self.largest = max(self.largest, self.server.resident())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


def measure_server():
    for count, seconds in ((100, 5), (MANY, 15)):
        progress(f"memory: {count} processes")
        with Swarm(count, count // 10), Server() as server:
            time.sleep(2)
            with Sampler(server) as sampler:
                with Clients(server, gzip=2) as clients:
                    time.sleep(seconds)
                ticks = measure_ticks(server) if count == MANY else None
                everybody = count_processes()
            yield resident_row(everybody, sampler.largest, clients)
            if ticks:
                yield ticks


def measure_start():
    progress("start")
    times = [start_to_ready_s() for _ in range(5)]
    middle = statistics.median(times)
    yield Row("start to first complete sample", f"{middle * 1e3:.0f} ms",
              f"{min(times) * 1e3:.0f} to {max(times) * 1e3:.0f} ms in 5 starts", "", "< 300 ms", middle < 0.3)


PARTS = {
    "tick": measure_tick,
    "growth": measure_growth,
    "switch": measure_switch,
    "allocations": measure_allocations,
    "meter": measure_meter,
    "encoder": measure_encoder,
    "server": measure_server,
    "start": measure_start,
}


def measure(names):
    rows = []
    for name in names:
        try:
            rows += PARTS[name]()
        except (NotMeasured, OSError, subprocess.TimeoutExpired) as why:
            rows.append(Row(name, f"not measured: {why}", "", "", "", False))
    return rows


HEAD = ("what", "measured", "reference in the same run", "ratio", "target", "")


def cells(row):
    return [*row[:5], ("met" if row.met else "MISSED") if row.target else "reported"]


def print_plain(rows):
    table = [HEAD, *map(cells, rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
    for line in table:
        print("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip())


def print_markdown(rows):
    print("| " + " | ".join(HEAD) + " |")
    print("| --- " * len(HEAD) + "|")
    for row in rows:
        print("| " + " | ".join(cells(row)) + " |")


def print_sizes(rows_of):
    """The sizes of the growth row one by one, and its fixed part: the line through first and last."""
    if len(rows_of) < 2:
        return
    sizes = [rows_of[c] for c in sorted(rows_of)]
    first, last = sizes[0], sizes[-1]
    print("\ntasks    tick us  bare us  /proc us  tick/bare  (all asleep)")
    for s in sizes:
        print(f"{s['tasks']:6,} {s['tick_us']:9,.0f} {s['bare_us']:8,.0f} {s['proc_us']:9,.0f} "
              f"{s['tick_bare']:10.2f}")
    for name in ("tick", "bare"):
        slope_us = (last[name + "_us"] - first[name + "_us"]) / (last["tasks"] - first["tasks"])
        print(f"{name}: {first[name + '_us'] - slope_us * first['tasks']:,.0f} us and "
              f"{slope_us * 1e3:,.0f} ns per task")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="status 1 when a target is missed")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only; may be repeated")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        rows = measure(options.only or PARTS)
    except KeyboardInterrupt:
        return 130
    missed = [row for row in rows if not row.met]
    if options.markdown:
        print_markdown(rows)
    else:
        print_plain(rows)
        print_sizes(Sizes)
        print(f"\n{sum(1 for row in rows if row.target) - len(missed)} of {sum(1 for row in rows if row.target)} targets met")
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
