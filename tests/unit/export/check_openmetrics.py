#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The OpenMetrics page passes a strict parser and says the same as the text page."""
import subprocess
import sys

import tap

t = tap.Tap()
try:
    from prometheus_client.openmetrics import parser as openmetrics
    from prometheus_client import parser as text
except ImportError:
    t.require(False, "the parser is not installed (package python3-prometheus-client)")


def page(*args):
    return subprocess.run([sys.argv[1], *args], capture_output=True, check=True).stdout.decode("utf-8")


def samples(families):
    return {(s.name, tuple(sorted(s.labels.items()))): float(s.value) for f in families for s in f.samples}


for args in ([], ["300"]):
    what = "big" if args else "small"
    families = list(openmetrics.text_string_to_metric_families(page("openmetrics", *args)))
    strict = samples(families)
    plain = samples(text.text_string_to_metric_families(page("text", *args)))
    t.ok(len(strict) > 150, "strict parser reads the %s page" % what)
    t.eq(strict, plain, "both formats say the same (%s)" % what)
    t.eq(sorted({f.type for f in families}), ["counter", "gauge", "histogram"], "types (%s)" % what)

small = samples(openmetrics.text_string_to_metric_families(page("openmetrics")))
commands = {dict(labels).get("command") for name, labels in small if name == "kepler_process_joules_total"}
t.eq(commands, {"systemd", 'a"b\\c\nd\ufffd', "</script>"}, "hostile names come through as text")
node = [v for (name, labels), v in small.items()
        if name == "kepler_node_dram_joules_total" and dict(labels)["mode"] == "dynamic"]
t.eq(node, [270.0], "two zones with the same labels are one series")
t.done()
