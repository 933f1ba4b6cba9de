#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every machine of this folder: its counters move at known watts, and the meters must find the same joules,
each once, with the right labels, notes and verdict.

expect.json says for each machine:

    flags       settings of the agent, beside the tree (optional)
    counters    file: {watts, start_uj, range_uj}; start and range have defaults of Intel's packages. The file
                perf/TYPE/CONFIG/CPU is a perf event, which counts in 2^-32 J and begins with 0
    domains     what must be reported: {domain: {meter, watts, packages, devices, zones, gauge}}
                watts: of the whole domain, from the files' truth and not from the program
                gauge: the file holds power and stands still, else it is among the counters
    left_out    names of zones that must be found and not be counted (optional)
    dead        names of zones that must be found dead (optional)
    notes       [[meter, code], ...]: all with severity warning or problem, and no other
    infos       the same of notes that only inform: these at least (optional)
    doubted     [[meter, domain], ...] that are believed for the first minute only (optional)
    verdict     what the first sentence must contain
"""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import tap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import machine  # noqa: E402

DRIVE = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parent
# Power in each tick of a second, as a part of the watts: work comes and goes. Longer than the minute
# after which a platform meter is compared with what is inside it.
PROFILE = [1.0, 1.5, 0.5, 0.25, 1.75] * 26
CPUS = 4
RANGE_UJ = 262143328850  # of a 32-bit counter in steps of 2^-14 J, as powercap shows it

t = tap.Tap()


class Counter:
    """A file that counts energy. It starts so that it wraps while the test runs, unless told otherwise."""

    def __init__(self, path, watts, start_uj=None, range_uj=RANGE_UJ):
        self.path, self.watts = path, watts
        self.modulus = round(range_uj / (2**32 - 1) * 2**32)  # the range is that of all steps but one
        self.uj = int(range_uj - watts * 20e6 if start_uj is None else start_uj)
        self.write()

    def write(self):
        with open(self.path, "r+", encoding="ascii") as f:
            f.write(f"{self.uj % self.modulus if self.modulus else self.uj}\n")
            f.truncate()

    def move(self, part):
        self.uj += round(self.watts * part * 1e6)
        self.write()


class Event(Counter):
    """A perf event: 64 bits in steps of 2^-32 J."""

    def __init__(self, path, watts):
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path, watts, start_uj=0, range_uj=0)

    def write(self):
        self.path.write_bytes(struct.pack("=Q", self.uj * 2**32 // 1000000))


class Drive:
    """The meters of a tree, read step by step, and what they have told since."""

    def __init__(self, tree, flags):
        roots = [f"--host.{name}fs={tree}/{name}" for name in ("sys", "proc", "dev")]
        self.process = subprocess.Popen([DRIVE, *roots, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.last, self.uj = {}, {}

    def ask(self, step):
        self.process.stdin.write(step + "\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "end\n":
                return lines
            lines.append(line)
        raise RuntimeError(f"drive ended with {self.process.wait()} at {step!r}")

    def tick(self):
        for line in self.ask(f"tick 1000000000 {CPUS * 900000000}"):
            zone, status, value, epoch, modulus = line.split()
            if status != "ok":
                continue
            before = self.last.get(zone)
            if before and before[1] == epoch:
                step = int(value) - before[0]
                self.uj[zone] = self.uj.get(zone, 0) + (step % int(modulus) if int(modulus) else step)
            self.last[zone] = (int(value), epoch)

    def report(self):
        return json.loads("".join(self.ask("report")))

    def end(self):
        self.process.stdin.close()
        return self.process.wait(timeout=60)


def run(folder, expect):
    """Moves the machine's counters; returns joules by (meter, domain), the report, the exit status."""
    tree = pathlib.Path(tempfile.mkdtemp(prefix="kepler-machine-"))
    try:
        machine.unpack((folder / "tree.txt").read_text(encoding="utf-8"), tree)
        counters = [(Event if path.startswith("perf/") else Counter)(tree / path, **c)
                    for path, c in expect.get("counters", {}).items()]
        drive = Drive(tree, expect.get("flags", []))
        drive.tick()
        for part in PROFILE:
            for counter in counters:
                counter.move(part)
            drive.tick()
        report = drive.report()
        return joules(drive, report), report, drive.end()
    finally:
        shutil.rmtree(tree)


def joules(drive, report):
    """Zones are numbered in the order in which they were found, over all meters."""
    sums = {}
    for meter in report["meters"]:
        for zone in meter["zones"]:
            key = (meter["name"], zone["domain"])
            sums[key] = sums.get(key, 0) + drive.uj.get(str(zone["index"]), 0) / 1e6
    return {key: value for key, value in sums.items() if value}


def check_domains(expect, sums, report):
    used = {}
    for meter in report["meters"]:
        for zone in meter["zones"]:
            if zone["used"]:
                used.setdefault(zone["domain"], []).append((meter["name"], zone))
    wanted = expect["domains"]
    t.eq(sorted(used), sorted(wanted), "the domains that are reported")
    for domain, want in wanted.items():
        zones = [zone for _, zone in used.get(domain, [])]
        t.eq({name for name, _ in used.get(domain, [])}, {want["meter"]}, f"{domain}: its meter")
        if "packages" in want:
            t.eq(sorted(z["package"] or "" for z in zones), sorted(want["packages"]), f"{domain}: its labels")
        if "devices" in want:
            t.eq(sorted(z["device"] or "" for z in zones), sorted(want["devices"]), f"{domain}: its devices")
        t.eq(len(zones), want.get("zones", len(want.get("packages", want.get("devices", [1])))),
             f"{domain}: its number of zones")
        if "watts" in want:
            truth = want["watts"] * (len(PROFILE) if want.get("gauge") else sum(PROFILE))
            got = sums.get((want["meter"], domain), 0)
            t.ok(abs(got - truth) < 0.001 * len(zones) + truth * 1e-6, f"{domain}: no joule lost, none twice",
                 f"got {got} J, truth {truth} J")


def check_words(expect, report):
    zones = [(z["name"], z) for m in report["meters"] for z in m["zones"]]
    for name in expect.get("left_out", []):
        t.ok(any(n == name and z["left_out"] for n, z in zones), f"{name} is left out", zones)
    for name in expect.get("dead", []):
        t.ok(any(n == name and z["status"] == "dead" for n, z in zones), f"{name} is dead", zones)
    notes = [(m["name"], n["code"], n["severity"], n) for m in report["meters"] for n in m["notes"]]
    loud = sorted([m, c] for m, c, severity, _ in notes if severity != "info")
    t.ok(loud == sorted(expect["notes"]), "its warnings and problems", f"got {loud}\n{notes}")
    for meter, code in expect.get("infos", []):
        t.ok(any((m, c) == (meter, code) for m, c, *_ in notes), f"{meter} tells of {code}", notes)
    t.ok(expect["verdict"] in report["verdict"]["text"], f"the verdict: {expect['verdict']}", report["verdict"])


def check(folder):
    expect = json.loads((folder / "expect.json").read_text(encoding="utf-8"))
    sums, report, status = run(folder, expect)
    t.eq(status, 0, "the meters end well")
    t.eq(report["machine"]["cpu"], expect["cpu"], "the CPU is known")
    check_domains(expect, sums, report)
    check_words(expect, report)
    expected_sums = {(want["meter"], domain) for domain, want in expect["domains"].items()}
    expected_sums |= {tuple(one) for one in expect.get("doubted", [])}
    if report["verdict"]["measured"]:
        other = {key: value for key, value in sums.items() if key not in expected_sums and value > 10}
        t.eq(other, {}, "nobody else has told joules")


NAMES = sys.argv[2:] or sorted(p.parent.name for p in ROOT.glob("*/tree.txt"))
plain_ok = t.ok
for one in NAMES:
    t.ok = lambda cond, name, diag="", one=one: plain_ok(cond, f"{one}: {name}", diag)
    try:
        check(ROOT / one)
    except Exception as why:  # a machine that can't be read is a failure of that machine
        t.ok(False, "it can be tried", repr(why))
t.ok = plain_ok
t.ok(len(NAMES) > 0, "there are machines")
t.done()
