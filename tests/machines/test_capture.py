#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/capture-machine: what it takes, what it never takes, and that the agent sees the same machine in it."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import tap

ROOT = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))
import machine  # noqa: E402

DRIVE = sys.argv[1]
TOOL = ROOT.parent.parent / "tools" / "capture-machine"
SECRETS = {
    "cpu": "10000000deadbeef", "mac": "9c:b6:d0:12:ab:cd", "bluetooth": "a0-b1-c2-d3-e4-f5",
    "product": "PF1ZQ7SERIAL", "uuid": "4c4c4544-0043-3510-8052-b4c04f4a3232", "board": "L1HF91S00KX",
    "battery": "01AV405SN77", "meter": "PWRSN0042", "gpu": "7f1e3c5a9b2d4e60", "host": "secret-host-17",
    "builder": "dvs-builder", "ip": "192.0.2.77", "ipv6": "fe80::9eb6:d0ff:fe12:abcd",
    "machine-id": "0123456789abcdef0123456789abcdef",
    # of others: nothing on the machine tells that these are secrets, but their form
    "other mac": "de:ad:be:ef:00:42", "other uuid": "8a4b6a0e-6f4c-4d8c-9b57-2f1f8f0b7c11",
}

t = tap.Tap()
t.require(shutil.which("gzip") and shutil.which("tar"), "tar or gzip is not installed")
work = pathlib.Path(tempfile.mkdtemp(prefix="kepler-capture-"))
t.cleanup(shutil.rmtree, work, ignore_errors=True)
work.chmod(0o755)


def capture(*args, shell=("/bin/sh",), **more):
    return subprocess.run([*shell, TOOL, *args], capture_output=True, text=True, timeout=100, check=False, **more)


def contents(file):
    """{name: text} of a tarball; links hold their target."""
    with tarfile.open(file) as tar:
        members = tar.getmembers()
        owners = {(m.uid, m.gid, m.uname, m.gname) for m in members}
        return {m.name: m.linkname if m.issym() else tar.extractfile(m).read().decode(errors="replace")
                for m in members if not m.isdir()}, owners


def write(folder, path, text):
    where = folder / path
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_text(text, encoding="utf-8")


def plant_driver(folder, names):
    """The version of NVIDIA's driver tells who built it."""
    write(folder, "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  560.35.03  Fri Aug 16 "
          f"21:39:15 UTC 2024 ({names['builder']}@U16)\nGCC version: 12.2.0 ({names['builder']})\n")


def plant(folder, names):
    """Secrets where real machines have them."""
    write(folder, "sys/class/net/eth0/address", names["mac"] + "\n")
    for name in ("product", "board"):
        write(folder, f"sys/class/dmi/id/{name}_serial", names[name] + "\n")
    write(folder, "sys/class/dmi/id/product_uuid", names["uuid"] + "\n")
    write(folder, "sys/class/dmi/id/product_name", "Some Laptop\n")
    write(folder, "proc/sys/kernel/hostname", names["host"] + "\n")
    write(folder, "etc/machine-id", names["machine-id"] + "\n")
    with open(folder / "proc/cpuinfo", "a", encoding="utf-8") as f:
        f.write(f"\nSerial\t\t: {names['cpu']}\n")
    for hwmon in (folder / "sys/class/hwmon").iterdir():
        write(hwmon, "power1_serial_number", names["meter"] + "\n")
        write(hwmon, "device/serial_number", names["battery"] + "\n")
        write(hwmon, "device/unique_id", names["gpu"] + "\n")
        write(hwmon, "temp1_label", f"radio {names['mac']}\n")
        write(hwmon, "temp2_label", f"one ({names['other mac']}) {names['other uuid']}\n")
        write(hwmon, "temp3_label", f"at {names['ip']} and {names['ipv6']}\n")
        write(hwmon, "in0_label", f"of {names['product']}\n")
        with open(hwmon / "device/uevent", "a", encoding="utf-8") as f:
            f.write(f"POWER_SUPPLY_SERIAL_NUMBER={names['battery']}\nHID_UNIQ={names['mac']}\n"
                    f"DEVNAME=by-{names['uuid']}\n")
    write(folder, f"sys/class/hwmon/hwmon90/{names['mac']}_label", "x\n")
    write(folder, f"sys/class/power_supply/hid-{names['bluetooth']}-battery/status", "Full\n")


def zones(tree):
    """What the meters see in a tree: names, domains, labels and devices, and what they have to say of it."""
    run = subprocess.run([DRIVE, *(f"--host.{d}fs={tree}/{d}" for d in ("sys", "proc", "dev"))], text=True,
                         input="tick 1000000000 0\ntick 1000000000 0\nreport\n", capture_output=True, timeout=100,
                         check=True)
    report = json.loads(run.stdout[run.stdout.index("{"):run.stdout.rindex("end")])
    return [(m["name"], m["status"], [(z["domain"], z["package"], z["name"], z["device"], z["status"])
                                      for z in m["zones"]], m["notes"]) for m in report["meters"]]


@t.case("a machine without sensors, this one perhaps, is captured; nothing of this machine's own is in it")
def _():
    file = work / "here.tar.gz"
    run = capture(file)
    assert run.returncode == 0 and str(file) in run.stdout, run
    found, owners = contents(file)
    assert "README" in found and "proc/cpuinfo" in found, sorted(found)
    assert owners == {(0, 0, "", "")}, owners
    everything = "\n".join([*found, *found.values()])
    for path in pathlib.Path("/sys/class/net").glob("*/address"):
        address = path.read_text(encoding="ascii").strip()
        assert address.strip("0:") == "" or address.lower() not in everything.lower(), address
    assert not re.search(r"(?i)\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", everything)


@t.case("an existing file is not touched, a wrong call is refused, --list writes nothing")
def _():
    file = work / "mine"
    file.write_text("mine", encoding="ascii")
    run = capture(file)
    assert run.returncode == 1 and "exists" in run.stderr and file.read_text(encoding="ascii") == "mine", run
    link = work / "dangling"
    link.symlink_to(work / "nowhere")
    run = capture(link)
    assert run.returncode == 1 and not (work / "nowhere").exists(), run
    for args in (["--bogus"], ["--root"], ["a", "b"]):
        run = capture(*args, cwd=work)
        assert run.returncode == 2 and run.stderr, (args, run)
    assert capture("--root", work / "no-such").returncode == 1
    run = capture("--list", cwd=work)
    assert run.returncode == 0 and "proc/cpuinfo" in run.stdout, run
    assert not (work / "kepler-machine.tar.gz").exists()
    assert "usage" in capture("--help").stdout


for one in sorted(p.parent.name for p in ROOT.glob("*/tree.txt")):
    @t.case(f"{one}: no secret is taken, and the meters see the same zones")
    def _(one=one):
        origin, copy, file = work / one / "origin", work / one / "copy", work / one / "file.tar.gz"
        text = (ROOT / one / "tree.txt").read_text(encoding="utf-8")
        machine.unpack(text, origin)
        plant_driver(origin, SECRETS)
        want = zones(origin)
        (origin / "sys/class/hwmon").mkdir(parents=True, exist_ok=True)
        plant(origin, SECRETS)
        run = capture("--root", origin, file)
        assert run.returncode == 0, run
        found, _owners = contents(file)
        everything = "\n".join([*found, *found.values()]).lower()
        for name, secret in SECRETS.items():
            assert secret.lower() not in everything, f"{name}: {secret}"
        for name in [n for n in found if n.endswith("/temp2_label")]:
            assert found[name] == "one ((removed)) (removed)\n", found[name]
        with tarfile.open(file) as tar:
            tar.extractall(copy, filter="fully_trusted") if hasattr(tarfile, "data_filter") else tar.extractall(copy)
        got = zones(copy)
        assert got == want, "\n".join(f"got  {g}\nwant {w}" for g, w in zip(got, want) if g != w)
        assert machine.parse(machine.pack(copy / "sys")), "it can be packed"


def same_zones(one, change):
    """Changes the machine @one, captures it, and wants the same zones in the copy. Returns those."""
    origin, copy = work / (one + "-changed"), work / (one + "-copy")
    machine.unpack((ROOT / one / "tree.txt").read_text(encoding="utf-8"), origin)
    before = zones(origin)
    change(origin)
    want = zones(origin)
    assert want != before, "the change makes no difference"
    run = capture("--root", origin, work / (one + ".tar.gz"))
    assert run.returncode == 0, run
    with tarfile.open(work / (one + ".tar.gz")) as tar:
        tar.extractall(copy, filter="fully_trusted") if hasattr(tarfile, "data_filter") else tar.extractall(copy)
    got = zones(copy)
    assert got == want, "\n".join(f"got  {g}\nwant {w}" for g, w in zip(got, want) if g != w)


@t.case("what tells sensors apart is taken too: a GPU's name and clocks, and what a meter measures")
def _():
    def radeon(origin):
        card = next(origin.glob("sys/devices/**/0000:03:00.0/hwmon")).parent
        write(card, "product_name", "Some Radeon\n")
        (card / "hwmon/hwmon0/power1_cap").unlink()
        write(card, "hwmon/hwmon0/freq2_input", "1000000000\n")

    same_zones("desktop-radeon", radeon)
    origin = work / "acpi"
    machine.unpack((ROOT / "server-acpi-power-meter/tree.txt").read_text(encoding="utf-8"), origin)
    meter = next(origin.glob("sys/devices/**/ACPI000D:00"))
    (meter / "measures").mkdir()
    (meter / "measures/LNXCPU:00").symlink_to("../../LNXCPU:00")
    write(origin, "sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
    write(origin, "proc/driver/nvidia/gpus/0000:01:00.0/power", "Runtime D3 status:  Enabled\nVideo Memory:  Off\n")
    write(origin, "proc/driver/nvidia/gpus/0000:01:00.0/information", f"GPU UUID: GPU-{SECRETS['uuid']}\n")
    run = capture("--root", origin, work / "acpi.tar.gz")
    found, _owners = contents(work / "acpi.tar.gz")
    assert run.returncode == 0 and found[f"{meter.relative_to(origin)}/measures/LNXCPU:00"] == "../../LNXCPU:00", found
    assert found["proc/driver/nvidia/gpus/0000:01:00.0/power"] == "Runtime D3 status:  Enabled\n", found
    assert not any("information" in name for name in found), sorted(found)


@t.case("a file that is put in its place meanwhile is not written to")
def _():
    tools, file, theirs = work / "tools", work / "raced.tar.gz", work / "theirs"
    tools.mkdir()
    theirs.write_text("theirs", encoding="ascii")
    tar = tools / "tar"
    tar.write_text(f"#!/bin/sh\nrm -f '{file}'; ln -s '{theirs}' '{file}'; exec {shutil.which('tar')} \"$@\"\n",
                   encoding="ascii")
    tar.chmod(0o755)
    run = capture("--root", work / "intel-laptop-battery" / "origin", file,
                  env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    assert theirs.read_text(encoding="ascii") == "theirs", "the link was followed"
    assert run.returncode == 1 and "exists" in run.stderr, run


@t.case("names that shells take for more than names are left alone")
def _():
    origin = work / "odd"
    machine.unpack((ROOT / "server-acpi-power-meter/tree.txt").read_text(encoding="utf-8"), origin)
    for name in ("$(touch pwned)_label", "a b_label", "new\nline_label", "*", "-rf_label", "'q\"_label"):
        write(origin, f"sys/class/hwmon/hwmon0/device/x{name}" if name != "*" else "sys/class/hwmon/*", "1\n")
    run = capture("--root", origin, work / "-odd.tar.gz", cwd=work)
    found, _owners = contents(work / "-odd.tar.gz")
    assert run.returncode == 0 and not (work / "pwned").exists(), run
    assert not any(c in name for name in found for c in " \n$*'\""), sorted(found)
    run = capture("--root", origin, "--", cwd=work)
    assert run.returncode == 2, run


@t.case("other shells do the same")
def _():
    origin = work / "intel-laptop-battery" / "origin"
    want = None
    for number, shell in enumerate((["/bin/sh"], ["bash"], ["busybox", "sh"])):
        if not shutil.which(shell[0]):
            continue
        file = work / f"shell{number}.tar.gz"
        run = capture("--root", origin, file, shell=shell)
        assert run.returncode == 0, (shell, run)
        got, _owners = contents(file)
        want = want or got
        assert got == want, shell


@t.case("without root it says what it could not read")
def _():
    t.need(os.geteuid() == 0, "only root can stop being root")
    origin, mine = work / "user", work / "users"
    machine.unpack((ROOT / "intel-ice-lake-server/tree.txt").read_text(encoding="utf-8"), origin)
    for path in origin.rglob("energy_uj"):
        path.chmod(0o400)
    mine.mkdir()
    os.chown(mine, 65534, 65534)
    shutil.copy(TOOL, mine / "tool")
    (mine / "tool").chmod(0o755)
    run = subprocess.run(["/bin/sh", mine / "tool", "--root", origin, mine / "out.tar.gz"], user=65534, group=65534,
                         extra_groups=[], capture_output=True, text=True, timeout=100, check=False, cwd=mine,
                         env={"PATH": os.environ["PATH"], "TMPDIR": str(mine)})
    assert run.returncode == 0 and "could not be read" in run.stderr and "energy_uj" in run.stderr, run
    found, _owners = contents(mine / "out.tar.gz")
    assert "Captured as root: no" in found["README"] and "energy_uj" in found["README"], found["README"]
    assert not any(name.endswith("energy_uj") for name in found), sorted(found)
    assert sorted(p.name for p in mine.iterdir()) == ["out.tar.gz", "tool"], "it leaves nothing behind"


@t.case("what can't be written leaves no half of a file")
def _():
    origin, full, file = work / "intel-laptop-battery" / "origin", work / "full", work / "half.tar.gz"
    run = capture("--root", origin, "/no/such/folder/file")
    assert run.returncode == 1 and "can't make" in run.stderr, run
    full.mkdir()
    cat = full / "cat"  # that finds the disk full only there
    cat.write_text(f"#!/bin/sh\ncase $1 in */tar.gz) echo half; exit 1 ;; esac\nexec {shutil.which('cat')} \"$@\"\n",
                   encoding="ascii")
    cat.chmod(0o755)
    run = capture("--root", origin, file, env={**os.environ, "PATH": f"{full}:{os.environ['PATH']}"})
    assert run.returncode == 1 and run.stderr and not file.exists(), run


t.done()
