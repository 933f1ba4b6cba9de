# SPDX-License-Identifier: Apache-2.0
"""In the guest: the kernel's own RAPL driver over registers of known energy."""
import os
import pathlib
import subprocess

DEBUG = pathlib.Path("/sys/kernel/debug/rapl_shim")
POWERCAP = pathlib.Path("/sys/class/powercap")
DOMAINS = ("package", "core", "uncore", "dram", "psys")
STEP_J = {d: 2.0**-16 if d == "dram" else 2.0**-14 for d in DOMAINS}
KERNEL_STEP_J = {d: 15300e-9 if d == "dram" else 61035e-9 for d in DOMAINS}  # whole nanojoules, as the driver has it


class Shim:
    """The loaded module. Each register wraps @wrap_s seconds after loading, at the power it has then."""

    def __init__(self, wrap_s, **mw):
        self.mw = {"package": 60000, "core": 40000, "uncore": 5000, "dram": 8000, "psys": 90000, **mw}
        self.load(wrap_s)

    def load(self, wrap_s):
        module = os.path.join(os.environ["GUEST_MODULES"], "rapl_shim.ko")
        self.start = {d: (1 << 32) - int(wrap_s * self.mw[d] / 1000 / STEP_J[d]) for d in DOMAINS}
        subprocess.run(["insmod", module, "start=" + ",".join(str(self.start[d]) for d in DOMAINS),
                        "mw=" + ",".join(str(self.mw[d]) for d in DOMAINS)], check=True)

    @staticmethod
    def unload():
        subprocess.run(["rmmod", "rapl_shim"], check=True)

    def power(self, domain, mw):
        (DEBUG / f"{domain}_mw").write_text(str(mw))
        self.mw[domain] = mw

    @staticmethod
    def steps(column):
        """Steps of each register without wrap, "steps" now or "read" as the driver read it last."""
        lines = (line.split() for line in (DEBUG / "truth").read_text().splitlines())
        return {words[0]: int(words[{"steps": 2, "read": 4}[column]]) for words in lines}

    def at_tick(self, kepler):
        """A page, and the steps of the registers as its tick read them."""
        for _ in range(20):
            page = kepler.wait_ticks(1)
            read = self.steps("read")
            if kepler.tick_time() == kepler.tick_time(page):
                return page, read
        raise RuntimeError("no page could be had between two ticks")

    @staticmethod
    def ranges():
        """max_energy_range_uj of each zone by its kernel name."""
        return {(zone / "name").read_text().strip(): int((zone / "max_energy_range_uj").read_text())
                for zone in POWERCAP.glob("intel-rapl:*")}
