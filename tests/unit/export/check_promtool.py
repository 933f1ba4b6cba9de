#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""promtool check metrics objects to the historic names of the contract and to nothing else."""
import re
import shutil
import subprocess
import sys

import tap

t = tap.Tap()
t.require(shutil.which("promtool"), "promtool is not installed (package prometheus)")
page = subprocess.run([sys.argv[1], "text"], capture_output=True, check=True).stdout
r = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
objections = (r.stdout + r.stderr).decode().splitlines()
HISTORIC = r"kepler_((container|process|vm)_bpf_cpu_time_(us|ms)_total|node_accelerator_intel_qat) "
strange = [x for x in objections if not re.match(HISTORIC, x)]
t.eq(strange, [], "promtool objects to nothing beyond the contract's names")
named = sorted({x.split(" ", 1)[0] for x in objections} - {x.split(" ", 1)[0] for x in strange})
t.eq(named, sorted(["kepler_node_accelerator_intel_qat"] + ["kepler_%s_bpf_cpu_time_%s_total" % (level, unit)
                   for level in ("container", "process", "vm") for unit in ("us", "ms")]),
     "it does read the page: it objects to those")
broken = page.replace(b"# TYPE kepler_meter_up gauge", b"# TYPE kepler_meter_up nonsense")
r = subprocess.run(["promtool", "check", "metrics"], input=broken, capture_output=True, check=False)
t.ok(r.returncode != 0 and broken != page, "a broken page is refused")
t.done()
