# SPDX-License-Identifier: Apache-2.0
"""In the guest: real drivers on hardware whose power is known."""
import os
import pathlib
import re
import subprocess
import time

OUT = pathlib.Path("/out")
I2C = pathlib.Path("/sys/bus/i2c/devices")


def run(*argv):
    """Returns what a program printed; it must not fail."""
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def load(*modules):
    for module in modules:
        run("modprobe", "-d", os.environ["GUEST_KERNEL"], *module.split())


def unload(module):
    """A module that is in use for the moment of a question is tried again."""
    for _ in range(40):
        if subprocess.run(["modprobe", "-d", os.environ["GUEST_KERNEL"], "-r", module], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.25)
    raise RuntimeError(f"{module} is in use")


class Bmc:
    """tests/guest/bmc.py through the kernel's IPMI driver: a triangle of 20 s with a mean of 300 W."""

    MEAN_W, LOW_W, HIGH_W = 300, 200, 400

    def __init__(self):
        self.load()

    @staticmethod
    def load():
        load("-a ipmi_si ipmi_devintf")

    @staticmethod
    def unload():
        unload("ipmi_si")

    @staticmethod
    def fault(text=""):
        (OUT / "bmc.fault").write_text(text)

    @staticmethod
    def log():
        """All questions for power so far: time, watts, fault."""
        lines = (OUT / "bmc.log").read_text().splitlines() if (OUT / "bmc.log").exists() else []
        return [(float(time), int(watts), fault) for time, watts, fault in map(str.split, lines)]

    @staticmethod
    def by_others():
        """Watts as two programs of others understand the same BMC, each with the log's."""
        for argv, pattern in ((["ipmitool", "dcmi", "power", "reading"], r"Instantaneous power reading: +(\d+) Watts"),
                              (["ipmi-dcmi", "--get-system-power-statistics"], r"Current Power +: (\d+) Watts")):
            found = re.search(pattern, run(*argv))
            yield argv[0], found and int(found.group(1)), Bmc.log()[-1][1]


class AcpiMeter:
    """tests/guest/power_meter.asl: a triangle of 20 s with a mean of 150 W."""

    MEAN_W, LOW_W, HIGH_W = 150, 120, 180

    def __init__(self):
        self.load()

    @staticmethod
    def load():
        load("acpi_power_meter")

    @staticmethod
    def unload():
        unload("acpi_power_meter")


class Chip:
    """An LTC4215 hot-swap controller, in registers of i2c-stub. Its driver takes the shunt for 4 mOhm."""

    ADDRESS = 0x44
    SENSE, SOURCE, ADIN = 0x04, 0x05, 0x06
    SENSE_V, ADIN_V, SHUNT_OHM = 151e-6, 60.25e-3, 4e-3  # of one step

    def __init__(self, sense=100, adin=200):
        load("i2c-dev", f"i2c-stub chip_addr={self.ADDRESS}", "ltc4215")
        self.bus = next(bus.name.removeprefix("i2c-") for bus in I2C.glob("i2c-*")
                        if "stub" in (bus / "name").read_text())
        for register, value in ((self.SENSE, sense), (self.SOURCE, adin), (self.ADIN, adin)):
            run("i2cset", "-f", "-y", self.bus, hex(self.ADDRESS), hex(register), str(value))
        self.watts = sense * self.SENSE_V / self.SHUNT_OHM * adin * self.ADIN_V
        self.load()

    def load(self):
        (I2C / f"i2c-{self.bus}/new_device").write_text(f"ltc4215 {self.ADDRESS:#x}")

    def unload(self):
        (I2C / f"i2c-{self.bus}/delete_device").write_text(f"{self.ADDRESS:#x}")


def hwmon_watts(name):
    """What the kernel's own file says, of the device that is called so."""
    for chip in pathlib.Path("/sys/class/hwmon").iterdir():
        for folder in (chip, chip / "device"):
            if (folder / "name").exists() and (folder / "name").read_text().strip() == name:
                file = next(f for f in (folder / "power1_input", folder / "power1_average") if f.exists())
                return int(file.read_text()) / 1e6
    return None


def suspend_to_core():
    """
    Suspends to RAM as far as the kernel can test it: tasks, devices and clocks stop for five seconds, then all
    goes on without the firmware.
    """
    run("insmod", os.path.join(os.environ["GUEST_MODULES"], "virtio_wakeful.ko"))
    pathlib.Path("/sys/power/pm_test").write_text("core")
    try:
        pathlib.Path("/sys/power/state").write_text("mem")
    finally:
        pathlib.Path("/sys/power/pm_test").write_text("none")
        run("rmmod", "virtio_wakeful")
