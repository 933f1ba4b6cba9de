# SPDX-License-Identifier: Apache-2.0
"""Runs the agent under test: starts it, scrapes it, audits every page, ends it."""
import gzip
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import exposition

SOURCE = pathlib.Path(os.environ.get("KEPLER_SOURCE_ROOT", pathlib.Path(__file__).resolve().parents[3]))
BUILD = pathlib.Path(os.environ.get("KEPLER_BUILD_ROOT", SOURCE / "build"))
PROGRAM = os.environ.get("KEPLER", str(BUILD / "kepler"))
LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")
PATIENCE_S = 60  # how long a thing that must happen may take before it is called missing


class Missing(Exception):
    """Something that must happen did not."""


def wait_for(what, probe, patience_s=PATIENCE_S, step_s=0.05):
    """Returns the first true value of probe(); Missing when there is none."""
    end = time.monotonic() + patience_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise Missing(f"{what}: not within {patience_s} s")
        time.sleep(step_s)


class Agent:
    """One running `kepler serve`. @wrapper is put before the program, @flags behind "serve"."""

    def __init__(self, t, *flags, wrapper=(), env=None, interval="500ms", levels="node,container,process,vm"):
        self.faults, self.page, self.pages = [], None, 0
        self._seen = {}
        self._log = tempfile.TemporaryFile()
        argv = [*wrapper, PROGRAM, "serve", "--web.listen-address=127.0.0.1:0", f"--monitor.interval={interval}",
                f"--exporter.levels={levels}", *flags]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                                        env={**os.environ, **(env or {})})
        t.cleanup(self.stop)
        try:
            self.url = wait_for("the agent's address", self._address)
            wait_for("readiness", lambda: self.status("/readyz") == 200)
        except Missing as why:
            raise Missing(f"{why}\n{self.log()[-3000:]}") from None

    def _address(self):
        found = LISTENING.search(self.log())
        if not found and self.process.poll() is not None:
            raise Missing(f"the agent ended with status {self.process.returncode}")
        return found and found.group(1)

    def log(self):
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def get(self, path="/metrics", timeout=20, **headers):
        request = urllib.request.Request(self.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            body = answer.read()
            if answer.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            return body.decode()

    def status(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def scrape(self):
        """Reads and audits one page; faults collect in self.faults."""
        page = exposition.Page(self.get())
        self.faults += [f"page {self.pages}: {fault}" for fault in exposition.audit(page, self._seen)]
        self.page = page
        self.pages += 1
        return page

    def tick_time(self, page=None):
        return float((page or self.scrape()).sum("kepler_last_tick_timestamp_seconds"))

    def wait_ticks(self, count):
        """Returns the page behind the @count-th tick from now."""
        for _ in range(count):
            before = self.tick_time()
            wait_for("a tick", lambda: self.tick_time() > before, step_s=0.1)
        return self.page

    def settle(self, *containers):
        """Ticks until the CPU time of @containers has not changed for three ticks; returns the page."""
        still, last = 0, None
        for _ in range(60):
            page = self.wait_ticks(1)
            now = [page.cpu_s(c) for c in containers]
            still = still + 1 if now == last else 0
            last = now
            if still == 3:
                return page
        raise Missing("the accounts of ended work do not come to rest")

    def end(self, number=signal.SIGTERM, patience_s=20):
        """Sends a signal and returns the exit status."""
        self.process.send_signal(number)
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise Missing(f"still there {patience_s} s after signal {number}") from None

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()

    def report(self, t, name="every page: books balance, no label set twice, no counter falls"):
        t.ok(not self.faults and self.pages > 1, f"{name} ({self.pages} pages)", "\n".join(self.faults[:20]))
