#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kepler doctor over machines of tests/machines: the facts in --json, the same in words, and its exit status."""
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import tap

program, source = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
sys.path.insert(0, str(source / "tests" / "machines"))
import machine  # noqa: E402
import redfish_server  # noqa: E402

for variable in [v for v in os.environ if v.startswith("KEPLER_")]:
    del os.environ[variable]  # the tests' own would be settings to the program

t = tap.Tap()
work = pathlib.Path(tempfile.mkdtemp(prefix="kepler-doctor-"))
t.cleanup(shutil.rmtree, work, ignore_errors=True)
work.chmod(0o755)


class Tree:
    """A machine in a folder. moving() lets its counters run with the clock, as real ones do."""

    def __init__(self, name, alias=None):
        self.folder = work / (alias or name)
        machine.unpack((source / "tests" / "machines" / name / "tree.txt").read_text(encoding="utf-8"), self.folder)
        expect = json.loads((source / "tests" / "machines" / name / "expect.json").read_text(encoding="utf-8"))
        self.watts = {self.folder / path: c["watts"] for path, c in expect["counters"].items()
                      if path.startswith("sys/")}
        self.end = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.move)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()

    def move(self):
        files = [(open(path, "r+", encoding="ascii"), watts) for path, watts in self.watts.items()]
        begin = time.monotonic()
        while not self.end.wait(0.005):
            for file, watts in files:
                # Always of one length, so that a reader never finds half a number.
                file.seek(0)
                file.write(f"{int(1e9 + watts * (time.monotonic() - begin) * 1e6):012d}\n")
                file.truncate()
                file.flush()
        for file, _ in files:
            file.close()

    def flags(self):
        return [f"--host.{name}fs={self.folder}/{name}" for name in ("sys", "proc", "dev")]

    def doctor(self, *args, **more):
        # Not by perf: those would be events of the kernel that this runs on.
        if not any(a.startswith("--meter.cpu=") for a in args):
            args = ("--meter.cpu=rapl-powercap,hwmon", *args)
        return doctor(*self.flags(), "--activity.bpf=false", *args, **more)


def doctor(*args, **more):
    more = {"stdout": subprocess.PIPE, **more}
    return subprocess.run([program, "doctor", *args], stderr=subprocess.PIPE, text=True, timeout=100, check=False,
                          **more)


def report(run):
    found = json.loads(run.stdout)
    return found, {m["name"]: m for m in found["meters"]}


@t.case("a machine with counters: measured, and by whom, with watts, and it ends with 0")
def _():
    with Tree("intel-ice-lake-server") as tree:
        run = tree.doctor("--json")
        text = tree.doctor()
    found, meters = report(run)
    assert run.returncode == 0 and text.returncode == 0, (run, text)
    assert found["verdict"]["measured"] and found["verdict"]["complete"], found["verdict"]
    assert "package, dram by rapl-powercap" in found["verdict"]["text"], found["verdict"]
    assert found["machine"]["cpu"] == "Sunny Cove" and not found["machine"]["virtual"], found["machine"]
    rapl = meters["rapl-powercap"]
    assert rapl["enabled"] and rapl["found"] and rapl["used"] and rapl["permission"] == "granted", rapl
    zones = {z["name"]: z for z in rapl["zones"]}
    assert set(zones) == {f"intel-rapl:{s}{z}" for s in (0, 1) for z in (f" package-{s}", ":0 dram")}, zones
    for zone in zones.values():
        assert zone["used"] and zone["moves"] and zone["status"] == "ok" and zone["power_w"] > 0, zone
        assert zone["quality"] == "measured" and not zone["left_out"], zone
    # 182 W and 21 W in the same time, whatever the clock did
    ratio = zones["intel-rapl:0 package-0"]["power_w"] / zones["intel-rapl:0:0 dram"]["power_w"]
    assert 182 / 21 * 0.9 < ratio < 182 / 21 * 1.1, ratio
    assert not meters["rapl-msr"]["enabled"] and not meters["embedded"]["used"], meters
    assert text.stdout.startswith("This machine is measured: package, dram by rapl-powercap"), text.stdout
    for words in ("yes  rapl-powercap", "off  rapl-msr", "intel-rapl:1:0 dram", " W  measured, ok", "dram-unit"):
        assert words in text.stdout, f"{words!r}\n{text.stdout}"


@t.case("every key is described in doc/doctor.md, and every one described is there")
def _():
    with Tree("intel-laptop-lying-psys", "keys") as tree:
        found, meters = report(tree.doctor("--json"))
    keys = set(found)
    keys |= {f"machine.{k}" for k in found["machine"]} | {f"verdict.{k}" for k in found["verdict"]}
    keys |= {f"activity.{k}" for k in found["activity"]} | {f"meters[].{k}" for k in found["meters"][0]}
    keys |= {f"meters[].zones[].{k}" for k in meters["rapl-powercap"]["zones"][0]}
    keys |= {f"meters[].notes[].{k}" for m in found["meters"] for n in m["notes"] for k in n}
    keys -= {"machine", "verdict", "activity", "meters", "meters[].zones", "meters[].notes"}
    wanted = {f"meters[].notes[].{k}" for k in ("severity", "code", "text", "remedy")}
    page = (source / "doc" / "doctor.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([a-z_.\[\]0-9]+)` \|", page, re.M))
    assert keys | wanted == told, f"only in the document: {told - keys - wanted}\nonly in JSON: {keys - told}"


@t.case("counters that stand still get load and are found dead, not called slow")
def _():
    tree = Tree("virtual-machine-dead-psys")
    run = tree.doctor("--json")
    found, meters = report(run)
    assert run.returncode == 1 and not found["verdict"]["measured"], run.stdout
    assert [z["status"] for z in meters["rapl-powercap"]["zones"]] == ["dead", "dead"], meters["rapl-powercap"]
    assert found["machine"]["virtual"], found["machine"]
    text = tree.doctor().stdout
    assert text.startswith("Nothing is measured here: numbers are estimates, +-") and "dead" in text, text


@t.case("a machine without meters: estimates with their error, what to do about it, and it ends with 1")
def _():
    run = Tree("virtual-machine").doctor("--json")
    found, meters = report(run)
    verdict = found["verdict"]
    assert run.returncode == 1 and not verdict["measured"] and not verdict["complete"], run
    assert 0.3 < verdict["error_ratio"] < 1.0 and "host" in verdict["remedy"], verdict
    assert meters["embedded"]["used"] and {z["quality"] for z in meters["embedded"]["zones"]} == {"prior"}, meters
    text = Tree("raspberry-pi-5").doctor()
    assert text.returncode == 1 and "The most promising remedy: " in text.stdout, text.stdout


@t.case("virtual machines of processors that have no flag for it are known by their maker")
def _():
    for vendor, product, virtual in (("Amazon EC2", "m6g.large", True), ("Amazon EC2", "m6g.metal", False),
                                     ("Google", "Google Compute Engine", True), ("QEMU", "KVM Virtual Machine", True),
                                     ("Microsoft Corporation", "Virtual Machine", True), ("Lenovo", "ThinkSystem", False)):
        tree = Tree("ampere-altra", f"maker-{product}")
        folder = tree.folder / "sys/class/dmi/id"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sys_vendor").write_text(vendor + "\n", encoding="ascii")
        (folder / "product_name").write_text(product + "\n", encoding="ascii")
        found, _meters = report(tree.doctor("--json"))
        assert found["machine"]["virtual"] == virtual, (vendor, product, found["machine"])


@t.case("a counter that may not be read: who may not, and the remedy first")
def _():
    t.need(os.geteuid() == 0, "only root can stop being root")
    for path in (pathlib.Path(program), work):
        mode = [p for p in [path, *path.parents] if not p.stat().st_mode & 0o001]
        t.need(not mode, f"others may not enter {mode[:1]}")
    tree = Tree("intel-ice-lake-server", "denied")
    for path in tree.watts:
        path.chmod(0o400)
    run = tree.doctor("--json", user=65534, group=65534, extra_groups=[], cwd="/")
    found, meters = report(run)
    rapl = meters["rapl-powercap"]
    assert run.returncode == 1 and rapl["permission"] == "denied" and rapl["found"] and not rapl["used"], rapl
    assert {z["status"] for z in rapl["zones"]} == {"denied"}, rapl
    assert "root" in found["verdict"]["remedy"], found["verdict"]
    (next(p for p in tree.watts if "intel-rapl:1/" in str(p))).chmod(0o444)
    _found, meters = report(tree.doctor("--json", user=65534, group=65534, extra_groups=[], cwd="/"))
    assert meters["rapl-powercap"]["permission"] == "partly", meters["rapl-powercap"]


@t.case("each warning says what to do, in words and for machines")
def _():
    tree = Tree("virtual-machine-dead-psys", "remedies")
    found, _meters = report(tree.doctor("--json"))
    notes = [n for m in found["meters"] for n in m["notes"] if n["severity"] != "info"]
    text = tree.doctor().stdout
    assert notes and all(n["code"] and n["text"] and n["remedy"] for n in notes), notes
    for note in notes:
        assert note["text"] in text and f"remedy: {note['remedy']}" in text, f"{note}\n{text}"


@t.case("names are other people's bytes: a terminal gets printable ones, JSON stays valid")
def _():
    tree = Tree("ampere-altra")
    label = next(tree.folder.glob("sys/class/hwmon/hwmon0/power2_label"))
    label.write_bytes(b"\x1b[31mIO\x07 power\xff\x9b2J\n")
    run = subprocess.run([program, "doctor", *tree.flags(), "--activity.bpf=false"], capture_output=True, timeout=100,
                         check=False)
    text = run.stdout.decode()  # strictly
    assert all(c == "\n" or c.isprintable() for c in text), ascii(text)
    assert "CPU power" in text, text
    json.loads(tree.doctor("--json").stdout)


@t.case("a meter that is not asked for is off; settings count as in serve")
def _():
    with Tree("intel-raptor-lake-desktop") as tree:
        run = tree.doctor("--meter.cpu=none", "--json", "--meter.platform=psys")
        found, meters = report(run)
        assert found["verdict"]["text"].startswith("This machine is measured: platform by rapl-powercap"), found
        run = tree.doctor("--json", "--meter.cpu=none", "--meter.platform=none")
    found, meters = report(run)
    assert run.returncode == 1 and not meters["rapl-powercap"]["enabled"], meters["rapl-powercap"]


@t.case("bad calls end with 2, a place that can't be read or written with 1")
def _():
    for args in (["--bogus"], ["--json=yes"], ["json"], ["--json", "--monitor.interval=soon"]):
        run = doctor(*args)
        assert run.returncode == 2 and args[-1].split("=")[0].strip("-") in run.stderr and not run.stdout, run
    run = doctor("--json", "--host.sysfs=/no/such")
    assert run.returncode == 1 and "/no/such" in run.stderr and not run.stdout, run
    tree = Tree("virtual-machine", "full")
    for args in ([], ["--json"]):
        with open("/dev/full", "wb") as full:
            run = tree.doctor(*args, stdout=full)
        assert run.returncode == 1 and "No space left" in run.stderr, run
    flags = " ".join(tree.flags())
    run = subprocess.run(["/bin/sh", "-c", f"exec '{program}' doctor {flags} >&-"], stderr=subprocess.PIPE, text=True,
                         timeout=100, check=False)
    assert run.returncode == 1, run


def with_bmc(certs):
    """A BMC, and the settings that lead to it."""
    bmc = redfish_server.Bmc(certs.good)
    t.cleanup(bmc.end)
    file = work / "credentials.yaml"
    file.write_text(json.dumps({"nodes": {"n": {"user": redfish_server.USER, "password": redfish_server.PASSWORD}}}),
                    encoding="utf-8")
    file.chmod(0o600)
    return bmc, [f"--redfish.credentials-file={file}", f"--redfish.url={bmc.url}", f"--redfish.ca-file={certs.ca}",
                 "--node.name=n"]


@t.case("a slow meter is waited for: its first answer, and the second where that is near")
def _():
    t.need(shutil.which("openssl"), "openssl is not installed")
    bmc, flags = with_bmc(redfish_server.Certificates(str(work)))
    tree = Tree("virtual-machine", "bmc")
    run = tree.doctor("--json", *flags, "--redfish.interval=1s")
    found, meters = report(run)
    redfish = meters["redfish"]
    assert run.returncode == 0 and redfish["used"] and redfish["answered"], run.stdout
    assert found["verdict"]["text"].startswith("This machine is measured: platform by redfish"), found["verdict"]
    assert abs(redfish["zones"][0]["power_w"] - bmc.watts) < 1, redfish
    text = tree.doctor(*flags).stdout
    assert "watts follow with its next answer" in text, text
    said = run.stdout + text
    assert redfish_server.PASSWORD not in said and json.dumps(redfish_server.PASSWORD) not in said, said


@t.case("a meter that does not answer: the time is told on a terminal, and it has an end")
def _():
    t.need(shutil.which("openssl"), "openssl is not installed")
    bmc, flags = with_bmc(redfish_server.Certificates(str(work)))
    bmc.fault, bmc.fault_at = "hang", redfish_server.ROOT
    mine, its = pty.openpty()
    t.cleanup(os.close, mine)
    tree = Tree("virtual-machine", "hang")
    with subprocess.Popen([program, "doctor", "--json", *tree.flags(), "--activity.bpf=false", *flags],
                          stdout=subprocess.PIPE, stderr=its, text=True) as run:
        os.close(its)
        found = json.loads(run.stdout.read())
        status = run.wait(timeout=60)
    shown = os.read(mine, 65536).decode()
    redfish = next(m for m in found["meters"] if m["name"] == "redfish")
    assert "asking redfish ... 2 s" in shown and shown.endswith("\r\033[K"), ascii(shown)
    assert not redfish["used"] and (not redfish["answered"] or redfish["notes"]), redfish
    assert status == 1 and not found["verdict"]["measured"], found["verdict"]
    assert redfish["answered"] or "not answered yet" in found["verdict"]["remedy"], found["verdict"]


@t.case("without a terminal nothing is written beside the report")
def _():
    run = Tree("virtual-machine", "quiet").doctor("--json")
    assert run.stderr == "", run.stderr


t.done()
