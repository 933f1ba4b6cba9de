# SPDX-License-Identifier: Apache-2.0
"""In the guest: the synthetic powercap zones and what they truly hold."""
import os
import pathlib
import subprocess

DEBUG = pathlib.Path("/sys/kernel/debug/synth_rapl")


class Zones:
    """The loaded module. Powers are in mW, as its parameters are."""

    def __init__(self, **parameters):
        self.parameters = {"idle_mw": 20000, "busy_mw": 30000, **parameters}
        self.load()

    def load(self):
        module = os.path.join(os.environ["GUEST_MODULES"], "synth_rapl.ko")
        subprocess.run(["insmod", module, *(f"{k}={v}" for k, v in self.parameters.items())], check=True)

    @staticmethod
    def unload():
        subprocess.run(["rmmod", "synth_rapl"], check=True)

    @staticmethod
    def truth():
        """One reading: joules per zone without wrap, seconds since load, busy seconds of each CPU."""
        joules, busy, seconds = {}, {}, 0.0
        for line in (DEBUG / "truth").read_text().splitlines():
            words = line.split()
            if words[0] == "zone":
                joules[words[1]] = int(words[3]) / 1e6
            elif words[0] == "cpu":
                busy[int(words[1])] = int(words[3]) / 1e9
            else:
                seconds = int(words[1]) / 1e9
        return joules, seconds, busy

    @staticmethod
    def last_read():
        """Joules that each zone held when its counter was read last."""
        lines = (line.split() for line in (DEBUG / "truth").read_text().splitlines())
        return {words[1]: int(words[5]) / 1e6 for words in lines if words[0] == "zone"}

    def at_tick(self, kepler):
        """A page, and the joules of the zones as its tick read them."""
        for _ in range(20):
            page = kepler.wait_ticks(1)
            read = self.last_read()
            if kepler.tick_time() == kepler.tick_time(page):
                return page, read
        raise RuntimeError("no page could be had between two ticks")

    @staticmethod
    def fail(zone, yes):
        (DEBUG / zone / "fail").write_text("Y" if yes else "N")

    def busy_w(self):
        return self.parameters["busy_mw"] / 1000
