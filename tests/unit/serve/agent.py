# SPDX-License-Identifier: Apache-2.0
"""The test server as a child, and HTTP by hand on raw sockets."""
import os
import socket
import subprocess
import time

# With the address sanitizer freed memory would wait in its quarantine, and look like a leak.
ENV = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:quarantine_size_mb=1:thread_local_quarantine_size_kb=16",
           UBSAN_OPTIONS="halt_on_error=1")


class Server:
    def __init__(self, program, processes=0, **limits):
        self.child = subprocess.Popen(
            [program, str(processes)] + ["%s=%d" % x for x in limits.items()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENV)
        self.port = int(self.child.stdout.readline())

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().strip()

    def tick(self, age=0):
        assert self.say("tick %g" % age) == "done"

    def connections(self):
        return int(self.say("connections"))

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.child.pid))

    def resident(self):
        with open("/proc/%d/statm" % self.child.pid, encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def connect(self, rcvbuf=None):
        s = socket.socket()
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        s.settimeout(30)
        s.connect(("127.0.0.1", self.port))
        return s

    def get(self, path="/metrics", method="GET", host="localhost", **headers):
        """(status, headers with small names, body); the body is not decoded from gzip."""
        with self.connect() as s:
            lines = ["%s %s HTTP/1.1" % (method, path), "Connection: close"]
            lines += ["Host: " + host] if host is not None else []
            lines += ["%s: %s" % (k.replace("_", "-"), v) for k, v in headers.items()]
            s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            pieces = []
            while not pieces or pieces[-1]:
                pieces.append(s.recv(1 << 18))
            data = b"".join(pieces)
        head, _, body = data.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        fields = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in rest)}
        if fields.get("transfer-encoding") == "chunked" and method != "HEAD":
            body = unchunk(body)
        return int(first.split()[1]), fields, body

    def end(self):
        if self.child.poll() is None:
            self.child.stdin.close()
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        return self.child.returncode


def unchunk(data):
    """The body of a chunked response; an exception when it is cut short."""
    pieces, at = [], 0
    while True:
        end = data.index(b"\r\n", at)
        size = int(data[at:end], 16)
        if size == 0:
            return b"".join(pieces)
        pieces.append(data[end + 2:end + 2 + size])
        at = end + 4 + size


def until(condition, seconds=30):
    """Waits for something that other threads do; False: it did not come true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
