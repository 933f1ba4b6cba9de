#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""In the guest: the power of the whole machine by a BMC, ACPI and a chip on i2c, through the real drivers."""
import shutil
import statistics
import time

import agent
import board
import tap
import zones

WINDOW_S = 20  # a whole period of the triangles: their mean is known, however late it is told
SETTLE_S = 15  # what is told evenly takes some periods of the meter until as much comes as goes
SOON_S = 25    # ten failed reads, or a retry after a short pause, with room for a slow guest
FAULTS = ("garbage", "short", "busy")
TOOLS = ("i2cset", "ipmitool", "ipmi-dcmi")

ASSIGN = ("--hwmon.assign=ltc4215=platform",)

t = tap.Tap()


def joules(page):
    return float(page.sum("kepler_node_platform_joules_total"))


def sources(page):
    return {s.labels["source"] for s in page.find("kepler_meter_info", domain="platform")}


def up(page, meter):
    return int(page.sum("kepler_meter_up", meter=meter))


def believed(kepler, source):
    """The first page on which @source reports the platform."""
    return agent.wait_for(f"{source} for the platform", lambda: sources(p := kepler.wait_ticks(1)) == {source} and p,
                          SOON_S)


def windows(agents, seconds=WINDOW_S):
    """
    Watts of the platform by each of @agents between ticks that are @seconds apart: the median of some such
    pairs, because a reading may come a tick late.
    """
    points, found = [[] for _ in agents], [{} for _ in agents]
    def look():
        for seen, pairs, kepler in zip(points, found, agents):
            page = kepler.scrape()
            now, energy_j = kepler.tick_time(page), joules(page)
            for then, energy_then_j in seen:
                if abs(now - then - seconds) < 0.3:
                    pairs[now] = (energy_j - energy_then_j) / (now - then)
            seen.append((now, energy_j))
        return min(map(len, found)) >= 3
    agent.wait_for(f"ticks {seconds} s apart", look, step_s=0.2)
    return [statistics.median(pairs.values()) for pairs in found]


def drivers_are_true():
    """The truth itself: what others read through the same drivers."""
    for name, watts, told in bmc.by_others():
        t.eq(watts, told, f"{name} reads what the BMC told")
    watts = board.hwmon_watts("power_meter")
    t.ok(watts and acpi.LOW_W <= watts <= acpi.HIGH_W, "ACPI: power1_average is in the triangle", str(watts))
    t.near(board.hwmon_watts("ltc4215"), chip.watts, 0.001, "i2c: power1_input is what the registers mean")


def each_alone(everything):
    """Three agents at once, each with one meter for the platform; the fourth has all, and takes the best."""
    want = {"ipmi": bmc.MEAN_W, "acpi": acpi.MEAN_W, "hwmon": chip.watts}
    agents = {name: agent.Agent(t, f"--meter.platform={name}", *ASSIGN, interval="1s") for name in want}
    for name, kepler in agents.items():
        agent.wait_for(f"joules by {name}", lambda k=kepler: joules(k.scrape()) > 0)
    time.sleep(SETTLE_S)
    for (name, kepler), got in zip([*agents.items(), ("all", everything)], windows([*agents.values(), everything])):
        one = "ipmi" if name == "all" else name
        t.near(got, want[one], 0.01, f"meters {name}: joules of {WINDOW_S} s are the known ones")
        page = kepler.scrape()
        t.eq((sources(page), up(page, one)), ({one}, 1), f"meters {name}: {one} is reported, and no other")
    asked = [time_s for time_s, _, _ in bmc.log()[2:]]
    often = (len(asked) - 1) / (asked[-1] - asked[0])
    t.ok(often < 2 / 4.5, "two agents ask the BMC every five seconds", f"{often:.3f} per second")
    for name, kepler in agents.items():
        kepler.report(t, f"meter {name} alone: every page balances")
        t.eq(kepler.end(), 0, f"meter {name} alone: SIGTERM ends the agent")


def faults_of_the_bmc(kepler):
    """Whatever it answers, ticks go on; it counts as an error, and it comes back."""
    errors = kepler.scrape().sum("kepler_meter_read_errors_total", meter="ipmi")
    first, begin = kepler.tick_time(), time.monotonic()
    for fault in FAULTS:
        asked = len(bmc.log())
        bmc.fault(fault)
        agent.wait_for(f"a question for {fault}", lambda n=asked: len(bmc.log()) > n)
    bmc.fault("silent")
    page = believed(kepler, "acpi")
    t.eq(up(page, "ipmi"), 0, "a BMC that does not answer is not up, and ACPI takes over")
    late = time.monotonic() - begin - (kepler.tick_time() - first)
    t.ok(late < 2, "faults of the BMC: ticks go on", f"{late:.3f} s late")
    t.ok(page.sum("kepler_meter_read_errors_total", meter="ipmi") > errors, "faults of the BMC are counted")
    bmc.fault()
    t.eq(up(believed(kepler, "ipmi"), "ipmi"), 1, "a BMC that answers again is up, and takes over")


def drivers_go_and_come(kepler):
    """One after the other goes, and what remains is told once, by the next in the order."""
    for device, left, watts in ((bmc, "acpi", acpi.MEAN_W), (acpi, "hwmon", chip.watts)):
        device.unload()
        believed(kepler, left)
        kepler.wait_ticks(5)
        got = windows([kepler], 3)[0]
        t.ok(0.75 * watts <= got <= 1.25 * watts, f"rmmod: {left} takes over, with its own power", f"{got} {watts}")
    chip.unload()
    believed(kepler, "rapl-sysfs")
    t.ok(True, "without a sensor of the platform, psys is believed")
    for device in (chip, acpi, bmc):
        device.load()
    page = believed(kepler, "ipmi")
    t.ok(True, "modprobe: the BMC is believed again")
    agent.wait_for("joules by ipmi", lambda: joules(kepler.scrape()) > joules(page))
    got = windows([kepler], 5)[0]
    t.ok(bmc.LOW_W * 0.7 <= got <= bmc.HIGH_W, "modprobe: the count goes on, once", f"{got} W")
    agent.wait_for("all meters up", lambda: (p := kepler.wait_ticks(1)) and up(p, "acpi") and up(p, "hwmon"))
    t.ok(True, "modprobe: all read well again")


def sleep_of_the_machine(kepler):
    """After a suspend nothing falls, and no joule of the time asleep is made up."""
    first, before = truth.at_tick(kepler)
    begin = time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()
    board.suspend_to_core()
    end = time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()
    slept = end[0] - begin[0] - (end[1] - begin[1])
    t.ok(slept > 3, "the machine slept", f"{slept:.3f} s")
    kepler.wait_ticks(2)
    page, after = truth.at_tick(kepler)
    got = float(page.sum("kepler_node_package_joules_total") - first.sum("kepler_node_package_joules_total"))
    # The machine draws a quarter more in the same time when what it slept is made up.
    t.near(got, after["package-0"] - before["package-0"], 0.05, "suspend: joules of package are the zone's")
    awake = time.monotonic() - begin[1]
    got = joules(page) - joules(first)
    t.ok(got <= bmc.HIGH_W * (awake + 1), "suspend: the BMC's power is counted for the time awake",
         f"{got:.0f} J in {awake:.1f} s awake and {slept:.1f} s asleep")
    later = agent.wait_for("platform goes on", lambda: (p := kepler.wait_ticks(1)) and joules(p) > joules(page) and p)
    t.eq(up(later, "ipmi"), 1, "suspend: the BMC is read as before")


def attempt(proof, *arguments):
    began = time.monotonic()
    try:
        proof(*arguments)
    except (agent.Missing, OSError, RuntimeError, board.subprocess.CalledProcessError) as why:
        t.ok(False, f"{proof.__name__} came to its end", f"{why}\n" + "".join(a.log()[-1500:] for a in arguments))
    t.diag(f"{proof.__name__}: {time.monotonic() - began:.1f} s")


t.require(all(map(shutil.which, TOOLS)), f"there is not all of {' '.join(TOOLS)}")
bmc, acpi, chip = board.Bmc(), board.AcpiMeter(), board.Chip()
truth = zones.Zones()
attempt(drivers_are_true)
meter = agent.Agent(t, *ASSIGN, interval="500ms")
for each in (each_alone, faults_of_the_bmc, drivers_go_and_come, sleep_of_the_machine):
    attempt(each, meter)
meter.report(t)
t.eq(meter.end(), 0, "SIGTERM ends the agent well")
t.done()
