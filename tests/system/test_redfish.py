#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A BMC that hangs, recovers and hangs again: ticks go on, and its joules are counted while it tells them."""
import json
import os
import pathlib
import shutil
import tempfile
import time

import agent
import redfish_server
import tap

WATTS = 230.0

t = tap.Tap()
t.require(shutil.which("openssl"), "openssl is not installed")
work = pathlib.Path(tempfile.mkdtemp(prefix="kepler-test-"))
t.cleanup(shutil.rmtree, work, ignore_errors=True)
certificates = redfish_server.Certificates(str(work))
bmc = redfish_server.Bmc(certificates.good)
t.cleanup(bmc.end)
bmc.watts = WATTS
secrets = work / "redfish.yaml"
secrets.write_text(json.dumps({"nodes": {"node-7": {
    "url": bmc.url, "user": redfish_server.USER, "password": redfish_server.PASSWORD}}}))
os.chmod(secrets, 0o600)
pages = []


def up(page):
    return [float(s.value) for s in page.find("kepler_meter_up", meter="redfish")]


def joules(page):
    return float(page.sum("kepler_node_platform_joules_total", source="redfish"))


def hanging():
    return [r for r in bmc.requests if r[3] == 0]


bmc.fault, bmc.fault_at = "hang", redfish_server.ROOT
kepler = agent.Agent(t, f"--redfish.credentials-file={secrets}", "--node.name=node-7", f"--redfish.ca-file={certificates.ca}",
                     "--redfish.interval=1s", levels="node,container")
agent.wait_for("a request that hangs", hanging)
begin = time.monotonic()
page = kepler.wait_ticks(8)
passed = time.monotonic() - begin
t.ok(len(hanging()) == 1 and passed < 18, "eight ticks while one request hangs", f"{passed:.1f} s, {hanging()}")
t.ok(up(page) != [1.0] and joules(page) == 0, "the meter is not up", up(page))
longest = float(page.sum("kepler_tick_duration_seconds_sum"))
t.ok(longest < 10, "no tick waits for it", f"{longest:.3f} s in all ticks; the time-out is 20 s")

agent.wait_for("a meter that is not up", lambda: up(kepler.scrape()) == [0.0])
t.ok(joules(kepler.page) == 0, "the page says so when the request has timed out")
bmc.fault = None
agent.wait_for("the meter", lambda: up(kepler.scrape()) == [1.0] and joules(kepler.page) > 0)
first = kepler.wait_ticks(4)
second = kepler.wait_ticks(30)
seconds = kepler.tick_time(second) - kepler.tick_time(first)
t.near((joules(second) - joules(first)) / seconds, WATTS, 0.15, "watts of the machine, once the BMC tells them")
t.eq([s.labels["domain"] for s in second.find("kepler_meter_info", meter="redfish")], ["platform"], "what it measures")
pages.append(kepler.get())

bmc.fault = "hang"
agent.wait_for("a second request that hangs", lambda: len(hanging()) > 1)
agent.wait_for("a meter that is not up", lambda: up(kepler.scrape()) == [0.0])
last = kepler.page
t.ok(joules(last) >= joules(second), "what was counted stays")
before = joules(kepler.wait_ticks(4))
t.eq(joules(kepler.wait_ticks(8)), before, "nothing is made up meanwhile")
pages.append(kepler.get())
kepler.report(t)
log_before_end = kepler.log()
begin = time.monotonic()
t.eq(kepler.end(), 0, "the agent ends while a request hangs")
t.diag(f"it took {time.monotonic() - begin:.2f} s")
for text in (log_before_end, *pages):
    t.ok("wörd" not in text and redfish_server.PASSWORD[:8] not in text and not any(x in text for x in bmc.tokens),
         "no secret is told")
t.done()
