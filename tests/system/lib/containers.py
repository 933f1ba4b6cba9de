# SPDX-License-Identifier: Apache-2.0
"""Real containers: a root file system of busybox and the load programs, run by runc, crun or podman."""
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import tempfile

import agent
import cgroups

LOADS = agent.BUILD / "tests/system/load"
BUSYBOX = "/bin/busybox"
CAPABILITIES = ["CAP_KILL", "CAP_SETUID", "CAP_SETGID"]


def load(name):
    return str(LOADS / name)


def why_not(runtime):
    """None when containers of @runtime can run here, else the reason."""
    if os.geteuid() != 0:
        return "containers need root"
    if not _program(runtime):
        return f"{runtime} is not installed"
    if runtime == "podman" and not _program("runc") and cgroups.HYBRID:
        return "podman needs runc on a machine with hybrid cgroups"
    if runtime == "crun" and cgroups.HYBRID:
        return "crun refuses hybrid cgroups"
    if not os.path.exists(BUSYBOX) or b"statically linked" not in _file(BUSYBOX):
        return "no static busybox for a root file system"
    return None


def _file(path):
    with open(path, "rb") as program:
        return b"dynamically linked" if b"/ld-linux" in program.read(4096) else b"statically linked"


def _program(name):
    return shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin")


def make_rootfs(root):
    for folder in "bin proc sys dev tmp".split():
        (root / folder).mkdir(parents=True)
    shutil.copy(BUSYBOX, root / "bin/busybox")
    for name in "sh sleep cat dd mv echo true".split():
        (root / "bin" / name).symlink_to("busybox")
    for name in ("burn", "forkstorm", "tricky"):
        shutil.copy(load(name), root / "bin" / name)


class Container:
    """A container that runs a shell script and then waits, so that its cgroup can be read at rest.

    Scripts find burn, forkstorm and tricky in their path. What they print is in output() once done.
    """

    def __init__(self, t, script):
        self.id = self.path = None
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="kepler-test-"))
        self.root = self.work / "rootfs"
        t.cleanup(self._discard)
        make_rootfs(self.root)
        (self.root / "job").write_text(f"export PATH=/bin\n{{ {script}\n}} >/out 2>&1\nmv /out /done\nexec sleep 600\n")
        self.start()

    def is_done(self):
        return (self.root / "done").exists()

    def wait(self, patience_s=agent.PATIENCE_S):
        agent.wait_for(f"the end of the load in {self.id[:12]}", self.is_done, patience_s)
        return self

    def output(self):
        return (self.root / "done").read_text()

    def number(self, name):
        """The number that the load printed as name=N."""
        return int(re.search(rf"\b{name}=(\d+)", self.output()).group(1))

    def usage_s(self):
        return cgroups.usage_s(self.path)

    def _discard(self):
        try:
            self.remove()
        finally:
            shutil.rmtree(self.work, ignore_errors=True)

    def start(self):
        raise NotImplementedError

    def remove(self):
        raise NotImplementedError


def _run(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.decode(errors='replace')[-800:]}")
    return done.stdout.decode()


class Oci(Container):
    """A bundle run by an OCI runtime directly, in the cgroup /kepler-test-RANDOM/<id>."""

    def __init__(self, t, script, runtime="runc", parent=None):
        self.runtime = _program(runtime)
        self.parent = parent or f"/kepler-test-{secrets.token_hex(4)}"
        super().__init__(t, script)

    def _bundle(self):
        namespaces = ["pid", "ipc", "uts", "mount"] + ([] if cgroups.HYBRID else ["cgroup"])
        return {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/bin/sh", "/job"],
                "env": ["PATH=/bin"], "cwd": "/", "noNewPrivileges": True,
                "capabilities": {k: CAPABILITIES for k in ("bounding", "effective", "permitted")},
            },
            "root": {"path": str(self.root), "readonly": False},
            "hostname": "load",
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                       {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}],
            "linux": {"cgroupsPath": self.path, "namespaces": [{"type": n} for n in namespaces]},
        }

    def _runtime(self, *argv, detached=False):
        argv = [self.runtime, "--root", str(self.work / "state"), *argv]
        if not detached:
            return _run(*argv)
        # The container keeps these files: pipes would never end.
        with open(self.work / "log", "ab") as log:
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
        return (self.work / "log").read_text(errors="replace")

    def start(self):
        self.id = cgroups.container_id()
        self.path = f"{self.parent}/{self.id}"
        (self.work / "config.json").write_text(json.dumps(self._bundle()))
        said = self._runtime("run", "-d", "--bundle", str(self.work), self.id, detached=True)
        if not (cgroups.V2 / self.path.lstrip("/")).exists():
            raise RuntimeError(f"{self.runtime}: {said[-800:]}")

    def remove(self):
        if self.id:
            self._runtime("delete", "--force", self.id, detached=True)
            cgroups.remove_tree(self.path)
            if not os.path.exists(cgroups.V2 / self.parent.lstrip("/")) or not _children(self.parent):
                cgroups.remove_tree(self.parent)


def _children(path):
    return [child for child in (cgroups.V2 / path.lstrip("/")).iterdir() if child.is_dir()]


class Podman(Container):
    """A container of podman with its own storage, without network."""

    def _podman(self, *argv):
        work = self.work
        runtime = _program("runc" if cgroups.HYBRID else "crun") or _program("runc")
        return _run("podman", "--root", f"{work}/podman", "--runroot", f"{work}/run", "--tmpdir", f"{work}/tmp",
                    "--cgroup-manager=cgroupfs", "--events-backend=file", "--storage-driver=vfs",
                    "--runtime", runtime, *argv)

    def start(self):
        self.name = f"kepler-test-{secrets.token_hex(4)}"
        self.id = self._podman("run", "-d", "--name", self.name, "--network", "none", "--ulimit", "nofile=1000:1000",
                               "--ulimit", "nproc=1000:1000", "--rootfs", str(self.root), "/bin/sh", "/job").strip()
        pid = self._podman("inspect", "--format", "{{.State.Pid}}", self.name).strip()
        for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                self.path = line[3:]

    def remove(self):
        self._podman("rm", "--force", "--time", "0", "--all")
