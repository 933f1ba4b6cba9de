#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Routes, negotiation, probes and headers of the web server."""
import gzip
import json
import os
import sys

import tap

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agent  # noqa: E402

PROMETHEUS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
              "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
t = tap.Tap()
server = agent.Server(sys.argv[1])
t.cleanup(server.end)

t.eq([server.get(p)[0] for p in ("/readyz", "/metrics", "/api/v1/top", "/healthz", "/")],
     [503, 503, 503, 200, 200], "before the first tick only the page and /healthz answer")
t.eq(server.get("/metrics")[1].get("retry-after"), "1", "503 says when to come again")
server.tick()
t.eq([server.get(p)[0] for p in ("/readyz", "/metrics", "/api/v1/top", "/healthz", "/")],
     [200] * 5, "after the first tick all answer")
server.tick(5)
t.eq([server.get(p)[0] for p in ("/readyz", "/healthz", "/metrics")], [503, 200, 200],
     "three missed ticks: not ready, not yet unhealthy")
server.tick(11)
t.eq([server.get(p)[0] for p in ("/readyz", "/healthz")], [503, 503], "a stuck sampler is unhealthy")
server.tick()

status, head, text = server.get()
t.eq((status, head["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"), "text by default")
t.ok(b"\nkepler_node_package_joules_total{" in text and b"# EOF" not in text, "it is the text page")
t.eq(head.get("vary"), "Accept, Accept-Encoding", "caches are told what it depends on")
status, head, body = server.get(Accept=PROMETHEUS)
t.eq(head["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8",
     "Prometheus gets OpenMetrics")
t.ok(body.endswith(b"# EOF\n"), "to its end")
for accept, want in (("*/*", "text/plain"), ("text/plain", "text/plain"), ("nonsense;;q=,,", "text/plain"),
                     ("application/openmetrics-text;q=0", "text/plain"),
                     ("text/plain;q=0.9, application/openmetrics-text;q=0.8", "text/plain"),
                     ("text/plain;q=0.8, APPLICATION/openmetrics-text; Version=1.0.0 ;q=0.9", "application/openmetrics-text"),
                     ("application/openmetrics-text;version=0.0.1", "text/plain")):
    t.eq(server.get(Accept=accept)[1]["content-type"].split(";")[0], want, "Accept: " + accept)
status, head, packed = server.get(Accept_Encoding="gzip")
t.eq(head.get("content-encoding"), "gzip", "gzip when asked for")
t.eq(sorted(x for x in gzip.decompress(packed).splitlines() if b"_joules" in x),
     sorted(x for x in text.splitlines() if b"_joules" in x), "and it unpacks to the same series")
for encoding, want in (("gzip;q=0", None), ("identity", None), ("*", "gzip"), ("*;q=0", None), ("deflate, GZIP;q=0.1", "gzip"),
                       ("gzip;q=0, *", None), ("", None)):
    t.eq(server.get(Accept_Encoding=encoding)[1].get("content-encoding"), want, "Accept-Encoding: " + encoding)

status, head, body = server.get(method="HEAD")
t.eq((status, body), (200, b""), "HEAD has no body")
t.eq([server.get(p)[0] for p in ("/nope", "/metrics/", "//", "/../etc/passwd", "/api/v1/", "/app.js/x")],
     [404] * 6, "other paths are not found")
for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
    status, head, _ = server.get(method=method)
    t.eq((status, head.get("allow")), (405, "GET, HEAD"), method + " is not allowed")
with server.connect() as s:
    s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"b" * 70000 + b"\r\n\r\n")
    t.ok(s.recv(100).split(b" ")[1][:1] == b"4", "a header beyond the limit is refused")
with server.connect() as s:
    s.sendall(b"\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n\xff\xff\r\n\r\n")
    answer = s.recv(100)
    t.ok(answer == b"" or answer.split(b" ")[1][:1] == b"4", "what is not HTTP is refused")

with server.connect() as s:
    s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    answers = b""
    while answers.count(b"\r\n\r\nok\n") < 3:
        piece = s.recv(4096)
        if not piece:
            break
        answers += piece
    t.eq(answers.count(b"HTTP/1.1 200 "), 3, "several requests on one connection")

data = json.loads(server.get("/api/v1/top?limit=2")[2])
t.eq((len(data["processes"]), len(data["containers"])), (2, 2), "the limit of the top list holds")
t.eq({len(json.loads(server.get("/api/v1/top?limit=" + x)[2])["processes"]) for x in ("x", "-1", "", "1e3", "9" * 30)},
     {3}, "a senseless limit is the default")
status, head, page = server.get("/")
t.ok(head["content-type"].startswith("text/html") and b"</html>" in page, "the page")
t.eq((head["x-content-type-options"], "unsafe" in head["content-security-policy"],
      "default-src 'none'" in head["content-security-policy"]), ("nosniff", False, True), "the page's headers")
t.ok(not [x for x in head if x.startswith("access-control")], "no other site may read it")
t.ok(b"http://" not in page.replace(b"http://www.w3.org", b"") and b"https://" not in page and b"<script>" not in page,
     "nothing from elsewhere, nothing inline")
t.eq([server.get(p)[1]["content-type"].split(";")[0] for p in ("/app.js", "/style.css", "/icon.svg")],
     ["text/javascript", "text/css", "image/svg+xml"], "the page's files")

SECRET = ("/", "/app.js", "/style.css", "/api/v1/top")
for host in ("evil.example", "evil.example:28282", "localhost.evil.example", "127.0.0.1.evil.example", "[::1].evil.example",
             "node-1.evil.example", "a" * 5000, "[" + "1" * 5000 + "]", "[::1]x", "127.0.0.1:80x", "x\x1b[2J"):
    got = [server.get(p, host=host) for p in SECRET]
    t.eq({(x[0], x[1]["content-type"], b"localhost" in x[2] and b"node-1" in x[2] and b"evil" not in x[2]) for x in got},
         {(421, "text/plain; charset=utf-8", True)}, "the page is not for who asks " + host[:30])
for host in ("localhost", "LocalHost:1", "localhost.", "127.0.0.1", "127.0.0.1:28282", "[::1]", "[fe80::1]:80", "node-1", "NODE-1:80",
             "", None):
    t.eq([server.get(p, host=host, method="HEAD")[0] for p in SECRET], [200] * len(SECRET),
         "the page is for who asks %s" % host)
t.eq({server.get(p, host="prometheus.example")[0] for p in ("/metrics", "/healthz", "/readyz")}, {200},
     "metrics and probes are for who asks by any name")
revision = [x for x in server.get()[2].decode().splitlines() if x.startswith("kepler_exporter_build_info")]
t.ok(len(revision) == 1 and 'revision="' in revision[0], "the build says what it is", revision)

t.ok(agent.until(lambda: server.connections() == 0), "no connection is left over")
t.eq(server.end(), 0, "it ends cleanly")
t.done()
