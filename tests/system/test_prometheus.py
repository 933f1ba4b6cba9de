#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes the agent with the configuration that the README uses."""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import agent
import containers
import tap

QUERY = ("sum by (pod_name, container_name, container_namespace, node) "
         "(irate(kepler_container_joules_total{}[1m]))")
WINDOW_S = 10
# Names that the contract keeps although promtool would choose others.
KEPT = re.compile(r"kepler_(container|process|vm)_\w+_(us|ms)_total |"
                  r"kepler_container_cgroupfs_memory_usage_bytes_total |kepler_node_accelerator_intel_qat ")

t = tap.Tap()
for program in ("prometheus", "promtool"):
    t.require(shutil.which(program), f"{program} is not installed")
t.require(not containers.why_not("runc"), containers.why_not("runc"))
kepler = agent.Agent(t, interval="1s", levels="node,container,vm")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_prometheus():
    """Only the agent's port and the pace differ from deploy/prometheus.yml."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="kepler-test-"))
    t.cleanup(shutil.rmtree, work, ignore_errors=True)
    shipped = (agent.SOURCE / "deploy/prometheus.yml").read_text()
    t.ok("28282" in shipped, "deploy/prometheus.yml scrapes the default port")
    paced = re.sub(r"(scrape_interval:\s*)\S+", r"\g<1>1s", shipped)
    paced = re.sub(r"(scrape_timeout:\s*)\S+", r"\g<1>1s", paced)
    (work / "prometheus.yml").write_text(re.sub(r"[\w.]+:28282", kepler.url[len("http://"):], paced))
    port = free_port()
    with open(work / "log", "wb") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={work}/prometheus.yml", f"--storage.tsdb.path={work}/data",
             f"--web.listen-address=127.0.0.1:{port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    t.cleanup(process.wait)
    t.cleanup(process.terminate)
    return f"http://127.0.0.1:{port}"


def ask(query, **more):
    text = urllib.parse.urlencode({"query": query, **more})
    try:
        with urllib.request.urlopen(f"{prometheus}/api/v1/query?{text}", timeout=10) as answer:
            return json.load(answer)["data"]["result"]
    except OSError:
        return []


def check_lint(page):
    check = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    said = (check.stdout + check.stderr).splitlines()
    t.eq([line for line in said if line and not KEPT.match(line)], [], "promtool objects to kept names only")


def check_openmetrics():
    try:
        from prometheus_client.openmetrics import parser
    except ImportError:
        t.skip("the strict OpenMetrics parser takes the page", "python3-prometheus-client is not installed")
        return
    body = kepler.get(Accept="application/openmetrics-text; version=1.0.0")
    try:
        families, why = list(parser.text_string_to_metric_families(body)), ""
    except ValueError as error:
        families, why = [], f"{error}"
    t.ok(body.endswith("# EOF\n") and len(families) > 20, "the strict OpenMetrics parser takes the page",
         why or f"{len(families)} families")
    plain = {s.name for s in [s for rows in kepler.scrape().by_name.values() for s in rows]}
    open_names = {s.name for f in families for s in f.samples}
    t.eq(sorted(plain ^ open_names), [], "both formats have the same sample names")
    t.eq(kepler.get(Accept_Encoding="gzip").count("\n# TYPE "), kepler.get().count("\n# TYPE "),
         "gzip holds the same families")


prometheus = start_prometheus()
box = containers.Oci(t, "burn --seconds=24 --threads=2 --duty=60")
t.ok(agent.wait_for("the target", lambda: [r for r in ask("up") if r["value"][1] == "1"]), "the target is up")
samples = []


def sample():
    page = kepler.scrape()
    samples.append((kepler.tick_time(page), float(page.sum("kepler_node_package_joules_total"))))
    return samples[-1][0] - samples[0][0] > WINDOW_S + 3


agent.wait_for("a window of scrapes", sample, step_s=0.5)
now = time.time()
answer = ask(f"sum(rate(kepler_node_package_joules_total[{WINDOW_S}s]))", time=now)
inside = [s for s in samples if now - WINDOW_S - 1 <= s[0] <= now]
watts = (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])
t.ok(answer, "rate() answers")
if answer:
    t.near(float(answer[0]["value"][1]), watts, 0.1, "rate() gives the watts of the pages themselves")
answer = ask(QUERY)
mine = [r for r in answer if r["metric"].get("container_name") in (box.id[:12], box.id)]
t.ok(len(mine) == 1 and float(mine[0]["value"][1]) > 0, "the documents' query answers per container",
     json.dumps(answer)[:2000])
t.ok({"system_processes", "kernel_processes"} <= {r["metric"].get("container_name") for r in answer},
     "and for work outside containers")
t.ok(all(r["metric"].get("node") for r in answer), "every answer names the node")
t.eq(ask("count by (__name__, job) (up == 0)"), [], "no target is down")
check_lint(kepler.get())
check_openmetrics()
kepler.report(t)
t.done()
