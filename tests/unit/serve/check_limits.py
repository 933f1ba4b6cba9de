#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Half-open connections and slow readers by the thousand: an honest scrape succeeds meanwhile."""
import os
import resource
import socket
import sys

import tap

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agent  # noqa: E402

CROWD = 2000
t = tap.Tap()
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
t.require(hard == resource.RLIM_INFINITY or hard > CROWD + 200,
          "the limit on open files does not allow %d connections" % CROWD)


def start(processes, **limits):
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    s = agent.Server(sys.argv[1], processes, **limits)
    t.cleanup(s.end)
    s.tick()
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CROWD + 200), hard))
    return s


def close_all(sockets):
    while sockets:
        sockets.pop().close()


def scrape(s, **headers):
    """Like Prometheus: what is refused is asked for again."""
    answer = []

    def attempt():
        answer[:] = s.get("/metrics", Accept="application/openmetrics-text", **headers)
        return answer[0] == 200
    return agent.until(attempt) and answer[2].endswith(b"# EOF\n")


def cuts(s, reason):
    for line in s.get("/metrics")[2].decode().splitlines():
        if line.startswith('kepler_http_connections_cut_total{reason="%s"}' % reason):
            return int(line.split()[-1])
    return None


def alive(sockets):
    """Sockets that the server has not closed."""
    count = 0
    for s in sockets:
        s.setblocking(False)
        try:
            while s.recv(65536):
                pass
        except BlockingIOError:
            count += 1
        except OSError:
            pass
    return count


# -- half-open: connected, and a request that never ends ------------------------------------
server = start(200)
server.get()
base_fds, base_bytes = server.fds(), server.resident()
crowd = []
t.cleanup(close_all, crowd)
good = 0
for i in range(CROWD):
    crowd.append(server.connect())
    if i % 2:
        crowd[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
    if i % 200 == 199:
        good += server.get()[0] == 200
t.eq(good, CROWD // 200, "every scrape between %d half-open connections succeeds" % CROWD)
t.ok(server.connections() <= 512, "no more connections than the limit", server.connections())
t.ok((cuts(server, "connection_limit") or 0) >= CROWD - 512, "those cut are counted")
t.ok(server.resident() - base_bytes < 32 << 20, "memory stays bounded", server.resident() - base_bytes)
close_all(crowd)
t.ok(agent.until(lambda: server.connections() == 0 and server.fds() <= base_fds),
     "afterwards nothing is left", "%d files, %d before" % (server.fds(), base_fds))
t.eq(server.end(), 0, "it ends cleanly")

# -- slow readers: a whole request, and then nobody reads -----------------------------------
server = start(4000, stall_ms=200)
server.get()
base_fds, base_bytes = server.fds(), server.resident()
good = 0
for i in range(CROWD):
    crowd.append(server.connect(rcvbuf=4096))
    crowd[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    if i % 500 == 499:
        good += scrape(server, Accept_Encoding="identity")
t.eq(good, CROWD // 500, "scrapes between %d slow readers succeed" % CROWD)
t.ok(cuts(server, "scrape_limit") > 0, "those cut are counted")
t.ok(server.connections() <= 512, "no more connections than the limit", server.connections())
t.ok(server.resident() - base_bytes < 48 << 20, "memory stays bounded", server.resident() - base_bytes)
close_all(crowd)
t.ok(agent.until(lambda: server.connections() == 0 and server.fds() <= base_fds),
     "afterwards nothing is left", "%d files, %d before" % (server.fds(), base_fds))
t.eq(server.end(), 0, "it ends cleanly")

# -- times ----------------------------------------------------------------------------------
server = start(4000, header_ms=300, response_ms=300)
drip = server.connect()
t.cleanup(drip.close)


def drip_on():
    """One more byte: what resets an idle timer, but not ours."""
    try:
        drip.sendall(b"x")
    except OSError:
        return True
    return alive([drip]) == 0


t.ok(agent.until(drip_on), "a header that drips is cut however steadily it does")
slow = server.connect(rcvbuf=4096)
slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
slow.recv(1, socket.MSG_PEEK)  # it is being answered: before, there is nothing to cut
t.ok(agent.until(lambda: server.connections() == 0), "a response that is not read is cut")
slow.close()
t.eq((cuts(server, "header_timeout"), cuts(server, "response_timeout")), (1, 1), "both are counted")
idle = server.connect()
idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
idle.recv(4096)
t.eq(server.connections(), 1, "a connection between two requests may stay")
t.eq(server.end(), 0, "it ends cleanly with a connection open")
idle.close()

# -- every place taken by a reader that gets on ------------------------------------------------
server = start(4000, streams=2, stall_ms=100000)
busy = []
for _ in range(2):
    busy.append(server.connect(rcvbuf=4096))
    busy[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    busy[-1].recv(1000)
status, head, _ = server.get()
t.eq((status, head.get("retry-after")), (503, "1"), "one scrape too many is asked to come again")
t.eq(server.get("/api/v1/top")[0], 200, "the page's figures do not need such a place")
close_all(busy)
t.ok(scrape(server), "when they are gone there is room")
t.eq(server.end(), 0, "it ends cleanly")
t.done()
