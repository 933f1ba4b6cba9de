# SPDX-License-Identifier: Apache-2.0
"""The program as people run it: started, scraped, watched and ended."""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

PROGRAM = os.environ.get("KEPLER", str(pathlib.Path(__file__).resolve().parents[1] / "build/kepler"))
PATIENCE_S = 15
POLL_S = 0.002


class NotMeasured(Exception):
    """Why a number could not be had."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self):
        self.port = free_port()
        self.argv = [PROGRAM, "serve", f"--web.listen-address=127.0.0.1:{self.port}", "--monitor.interval=1s",
                     "--exporter.levels=node,container,process,vm"]

    def __enter__(self):
        self.log = tempfile.TemporaryFile()
        self.begin_s = time.monotonic()
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            self._wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def _wait_ready(self):
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() - self.begin_s > PATIENCE_S:
                tail = os.pread(self.log.fileno(), 4096, 0).decode(errors="replace").strip()
                raise NotMeasured(f"kepler serve did not get ready: {tail[-300:]}")
            time.sleep(POLL_S)
        self.ready_s = time.monotonic() - self.begin_s

    def _is_ready(self):
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def top(self):
        """The tick's number, its time and its length."""
        status, body = self.get("/api/v1/top?limit=1")
        if status != 200:
            raise NotMeasured(f"/api/v1/top answers {status}")
        return json.loads(body)

    def resident(self):
        """VmRSS in bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise NotMeasured("kepler serve has ended")


class Clients:
    """Clients that scrape in a loop for as long as the `with` lasts; they count whole pages."""

    def __init__(self, server, gzip=0, text=0):
        self.server, self.pages, self.faults = server, 0, []
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._loop, args=(encoding,), daemon=True)
                        for encoding in ["gzip"] * gzip + ["identity"] * text]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        if self.faults and kind is None:
            raise NotMeasured(f"a scrape failed: {self.faults[0]}")

    def _loop(self, encoding):
        buffer = bytearray(1 << 18)
        while not self.ending.is_set():
            try:
                self._scrape(encoding, buffer)
            except (OSError, http.client.HTTPException) as why:
                with self.lock:
                    self.faults.append(repr(why))
                return

    def _scrape(self, encoding, buffer):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
            answer = connection.getresponse()
            while answer.readinto(buffer):
                pass
            if answer.status != 200:
                raise OSError(f"status {answer.status}")
            with self.lock:
                self.pages += 1
        finally:
            connection.close()


def start_to_ready_s():
    with Server() as server:
        return server.ready_s
