# SPDX-License-Identifier: Apache-2.0
"""The kernel's own accounts, and control groups made by hand in every hierarchy that keeps one."""
import bisect
import os
import pathlib
import secrets
import threading
import time

ROOT = pathlib.Path("/sys/fs/cgroup")
V2 = ROOT / "unified" if (ROOT / "unified/cgroup.procs").exists() else ROOT
HYBRID = V2 != ROOT
ROOT_USAGE = ROOT / "cpuacct/cpuacct.usage"


def trees():
    """The mounted hierarchies; a path exists in each of them."""
    if not HYBRID:
        return [V2]
    return [tree for tree in sorted(ROOT.iterdir()) if (tree / "cgroup.procs").exists() and not tree.is_symlink()]


def container_id():
    return secrets.token_hex(32)


def usage_s(path):
    """CPU seconds that the kernel has charged to the cgroup @path (below the root), from v2's cpu.stat."""
    for line in (V2 / path.lstrip("/") / "cpu.stat").read_text().splitlines():
        if line.startswith("usage_usec "):
            return int(line.split()[1]) / 1e6
    raise ValueError(f"{path}: cpu.stat without usage_usec")


def remove_tree(path):
    """Ends all processes below the cgroup @path and removes it; what is gone already is fine."""
    relative = path.strip("/")
    assert relative.startswith("kepler-test"), path
    for tree in trees():
        top = tree / relative
        for attempt in range(50):
            folders = [pathlib.Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
            if not folders:
                break
            if attempt:
                time.sleep(0.05)
            for folder in folders:
                _empty(folder)


def _empty(folder):
    try:
        for pid in (folder / "cgroup.procs").read_text().split():
            os.kill(int(pid), 9)
        folder.rmdir()
    except OSError:
        pass  # not empty yet, or gone meanwhile: the caller looks again


class Group:
    """A cgroup that looks like a container's: /kepler-test-RANDOM/<64 hex digits>."""

    def __init__(self, parent=None, container=None):
        self.parent = parent or f"/kepler-test-{secrets.token_hex(4)}"
        self.id = container or container_id()
        self.path = f"{self.parent}/{self.id}"
        for tree in trees():
            folder = tree / self.path.lstrip("/")
            if "cpuset" in tree.name:
                continue  # wants cpus and mems set first; nothing reads it
            folder.mkdir(parents=True, exist_ok=True)

    def procs_files(self):
        files = [tree / self.path.lstrip("/") / "cgroup.procs" for tree in trees()]
        return [str(file) for file in files if file.exists()]

    def enter(self):
        """Moves the calling process: use as preexec_fn."""
        for file in self.procs_files():
            with open(file, "w", encoding="ascii") as procs:
                procs.write("0")

    def usage_s(self):
        return usage_s(self.path)

    def remove(self):
        remove_tree(self.parent)


class UsageRecorder:
    """Samples the root's cpuacct.usage, so that it can be told for the very time of a tick."""

    def __init__(self, step_s=0.01):
        self.times, self.values = [], []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(step_s,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self, step_s):
        while not self._stop.wait(step_s):
            before = time.time()
            value = int(ROOT_USAGE.read_text())
            self.times.append((before + time.time()) / 2)
            self.values.append(value / 1e9)

    def at(self, when):
        """CPU seconds of the machine at the time @when, interpolated."""
        while self.times[-1] < when:
            time.sleep(0.02)
        i = max(1, bisect.bisect(self.times, when))
        t0, t1, v0, v1 = self.times[i - 1], self.times[i], self.values[i - 1], self.values[i]
        return v0 + (v1 - v0) * (when - t0) / (t1 - t0)
