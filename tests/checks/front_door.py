#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""./dev on a machine made of stubs: what it installs, what it leaves behind, what it says."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

import common
import tap

STUBS = {
    "id": 'echo "${STUB_UID:-0}"',
    "dpkg-query": 'for p in $STUB_HAVE; do echo "installed $p"; done',
    "apt-get": 'echo "apt-get $*" >>"$STUB_LOG"\n'
               'case "$*" in *install*) cat "$STUB_POLICY" >"$STUB_SEEN"; sh "$STUB_POLICY";'
               ' echo "policy $?" >>"$STUB_LOG"; touch "$STUB_STARTED"; sleep "${STUB_SLEEP:-0}";'
               ' exit "${STUB_APT:-0}";; esac',
    "meson": 'mkdir -p build; touch build/build.ninja; echo "meson $*" >>"$STUB_LOG"',
    "ninja": 'echo "ninja $*" >>"$STUB_LOG"',
    "node": "true",
    "systemctl": "true",
}
MINE = "#!/bin/sh\n# mine\nexit 0\n"


def hear_ctrl_c():
    """A background job of a shell is started deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Machine:
    def __init__(self, folder):
        self.root = folder
        os.makedirs(self.path("bin"))
        with open(os.path.join(common.ROOT, "dev"), encoding="utf-8") as f:
            text = f.read().replace("POLICY=/usr/sbin/policy-rc.d", "POLICY=" + self.path("policy"))
        self.write("dev", text)
        for name, body in STUBS.items():
            self.write("bin/" + name, "#!/bin/sh\n" + body + "\n")
        self.env = dict(os.environ, PATH=self.path("bin") + ":/usr/sbin:/usr/bin:/sbin:/bin",
                        STUB_LOG=self.path("log"), STUB_POLICY=self.path("policy"),
                        STUB_SEEN=self.path("seen"), STUB_STARTED=self.path("started"),
                        STUB_HAVE="")

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), 0o755)

    def read(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as f:
                return f.read()
        except OSError:
            return None

    def start(self, *args, **env):
        return subprocess.Popen([self.path("dev"), *args], env=dict(self.env, **env), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                start_new_session=True, preexec_fn=hear_ctrl_c)

    def run(self, *args, **env):
        p = self.start(*args, **env)
        out = p.communicate()[0]
        return p.returncode, out


t = tap.Tap()
scratch = tempfile.mkdtemp(prefix="kepler-door-")
t.cleanup(shutil.rmtree, scratch, ignore_errors=True)


def machine(name, policy=None):
    m = Machine(os.path.join(scratch, name))
    if policy:
        m.write("policy", policy)
    return m


@t.case("help names every command, an unknown one is refused")
def _():
    m = machine("help")
    rc, out = m.run("help")
    assert rc == 0 and all("./dev " + c in out for c in ("run", "build", "test", "bench", "fuzz")), out
    rc, out = m.run("nosuch")
    assert rc == 1 and "there is no 'nosuch'" in out, out
    rc, out = m.run("fuzz", "soon")
    assert rc == 1 and "whole seconds" in out and m.read("log") is None, out


@t.case("without root it says so and touches nothing")
def _():
    m = machine("user")
    rc, out = m.run("run", STUB_UID="1000")
    assert rc == 1 and "must run as root" in out, out
    rc, out = m.run("build", STUB_UID="1000")
    assert rc == 1 and "not root, and packages are missing" in out and "meson" in out, out
    assert m.read("log") is None and m.read("policy") is None


@t.case("build installs what is missing, no service may start, and the policy is gone after")
def _():
    m = machine("bare")
    rc, out = m.run("build")
    log = m.read("log")
    assert rc == 0, out
    assert "policy 101" in log and m.read("policy") is None, log
    assert "--no-install-recommends" in log and " libbpf-dev" in log, log
    assert "cmocka" not in log and "prometheus" not in log, "build wants test packages:\n" + log
    assert log.index("update") < log.index("install"), log


@t.case("nothing is updated or installed when nothing is missing; node is reused")
def _():
    m = machine("full")
    m.run("build")
    have = m.read("log").split("--no-install-recommends", 1)[1].split("\n")[0]
    os.unlink(m.path("log"))
    rc, out = m.run("build", STUB_HAVE=have)
    assert rc == 0 and "apt-get" not in m.read("log"), m.read("log")
    m.run("lint", STUB_HAVE=have)
    assert " clang-tidy" in m.read("log") and " nodejs" not in m.read("log"), m.read("log")


@t.case("a policy of the machine's own comes back, also when apt fails")
def _():
    m = machine("own", MINE)
    rc, out = m.run("build", STUB_APT="100")
    assert rc == 1 and "could not install" in out, out
    assert "policy 101" in m.read("log") and m.read("policy") == MINE, m.read("log")
    assert not os.path.exists(m.path("policy.before-kepler"))


def interrupted(sig):
    m = machine(sig.name, MINE)
    p = m.start("build", STUB_SLEEP="30")
    while p.poll() is None and not os.path.exists(m.path("started")):
        time.sleep(0.02)
    assert m.read("policy") != MINE
    os.killpg(p.pid, sig)
    p.communicate()
    return m, p.returncode


for one, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
    @t.case("%s while it installs leaves the machine's policy" % one.name)
    def _(one=one, status=status):
        m, rc = interrupted(one)
        assert rc == status, rc
        assert m.read("policy") == MINE and not os.path.exists(m.path("policy.before-kepler"))


@t.case("what a killed run left is mended by the next one")
def _():
    m, _rc = interrupted(signal.SIGKILL)
    assert m.read("policy") != MINE
    m.run("build", STUB_SLEEP="0")
    assert m.read("policy") == MINE and not os.path.exists(m.path("policy.before-kepler"))


t.done()
