# SPDX-License-Identifier: Apache-2.0
"""In the guest: the synthetic powercap zones and what they truly hold."""
import os
import pathlib
import subprocess
import time

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

    def at_tick(self, kepler):
        """A page and the joules of the zones at its tick. The machine must be at rest: the power of now is
        taken for the time since the tick."""
        page = kepler.wait_ticks(1)
        first, began = self.truth()[0], time.time()
        time.sleep(0.3)
        second, ended = self.truth()[0], time.time()
        late = (began - kepler.tick_time(page)) / (ended - began)
        return page, {zone: first[zone] - (second[zone] - first[zone]) * late for zone in first}

    @staticmethod
    def fail(zone, yes):
        (DEBUG / zone / "fail").write_text("Y" if yes else "N")

    def busy_w(self):
        return self.parameters["busy_mw"] / 1000
