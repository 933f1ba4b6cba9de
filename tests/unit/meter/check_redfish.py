#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The meter of BMCs against a server that behaves, and that misbehaves in every way."""
import email.utils
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import redfish_server
import tap
from redfish_server import PASSWORD, ROOT, USER, Bmc, link, links

t = tap.Tap()
t.require(subprocess.run(["which", "openssl"], stdout=subprocess.DEVNULL, check=False).returncode == 0,
          "openssl is not installed")
directory = tempfile.TemporaryDirectory()
t.cleanup(directory.cleanup)
certs = redfish_server.Certificates(directory.name)
said = []  # every line of every poller: no secret may be in one
tokens = set()  # of every session
# A proxy that nobody serves: whoever asks it gets nowhere.
ENV = dict(os.environ, https_proxy="http://127.0.0.1:1", http_proxy="http://127.0.0.1:1", ALL_PROXY="http://127.0.0.1:1",
           ASAN_OPTIONS="detect_leaks=1:quarantine_size_mb=1:thread_local_quarantine_size_kb=16",
           UBSAN_OPTIONS="halt_on_error=1")


def write(name, text, mode=0o600):
    path = os.path.join(directory.name, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def credentials(**fields):
    fields = {"user": USER, "password": PASSWORD, **fields}
    return write("node-%d.yaml" % len(os.listdir(directory.name)), json.dumps({"nodes": {"n": fields}}, ensure_ascii=False))


def bmc(certificate=certs.good, **options):
    made = Bmc(certificate, **options)
    t.cleanup(made.end)
    return made


class Poller:
    def __init__(self, *args):
        self.log = tempfile.TemporaryFile("w+")
        self.child = subprocess.Popen([sys.argv[1], *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=self.log, text=True, env=ENV)
        t.cleanup(self.kill)
        self.opened = self.read()

    def read(self):
        line = self.child.stdout.readline()
        said.append(line)
        return json.loads(line) if line else {}

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def poll(self):
        self.say("poll")
        return Answer(self.read())

    def run(self, ms):
        self.say("run %d" % ms)
        answers = []
        while True:
            doc = self.read()
            if "zones" not in doc:
                return answers
            answers.append(Answer(doc))

    def end(self):
        if self.child.poll() is None:
            self.child.stdin.close()
            self.child.wait(60)
        self.log.seek(0)
        text = self.log.read()
        said.append(text)
        return (self.child.returncode, text)

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()
        self.log.close()


class Answer:
    def __init__(self, doc):
        self.__dict__.update(doc)
        self.codes = [n["code"] for n in self.notes]
        self.zone = self.zones[0] if self.zones else None
        self.status = self.zone["status"] if self.zone else self.none

    def text(self):
        return json.dumps(self.__dict__, default=str)


def poller(server, *args, file=None, ca=certs.ca, interval=30000):
    return Poller("url=" + server.url, "node=n", "file=" + (file or credentials()), "ca=" + ca, "interval=%d" % interval, *args)


def energy_j(served):
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(served, served[1:]))


# What takes the whole of a time-out goes on beside the rest.
slow = {}


def slow_case(name):
    server = bmc()
    asking = poller(server)
    asking.poll()
    server.fault = name
    slow[name] = asking.poll()
    server.fault = None
    slow[name + ", then well"] = asking.poll()
    slow[name + ", end"] = asking.end()


threads = [threading.Thread(target=slow_case, args=(name,)) for name in ("hang", "trickle")]
for thread in threads:
    thread.start()


@t.case("a session, one request per poll, and the session's end")
def _():
    server = bmc()
    asking = poller(server)
    first = asking.poll()
    assert asking.opened["open"] and first.status == "ok" and first.none == "absent", first.text()
    assert (first.zone["domain"], first.zone["package"], first.zone["name"]) == ("platform", "1U", "chassis 1U")
    assert first.zone["period_ns"] == 30e9 and 1000 < first.next_ms <= 5000, first.text()
    assert first.codes == ["chosen"], first.codes
    before = len(server.requests)
    second = asking.poll()
    assert second.status == "ok" and second.zone["taken_ns"] > first.zone["taken_ns"]
    assert second.next_ms > 20000, second.next_ms
    assert server.requests[before:] and [r[1:] for r in server.requests[before:]] == [("GET", ROOT + "/Chassis/1U/Power", 200)]
    assert server.logins == 1 and len(server.tokens) == 1
    tokens.update(server.tokens)
    assert asking.end() == (0, ""), asking.end()
    assert not server.tokens, "the session was not ended"


@t.case("a session that expires is begun anew, once, without a gap")
def _():
    server = bmc()
    asking = poller(server)
    first = asking.poll()
    server.tokens.clear()
    second = asking.poll()
    assert second.status == "ok" and server.logins == 2, (second.text(), server.logins)
    assert second.zone["epoch"] == first.zone["epoch"] and second.zone["uj"] > first.zone["uj"]


@t.case("the password each time where sessions are refused")
def _():
    server = bmc(sessions=False)
    asking = poller(server)
    assert asking.poll().status == "ok"
    second = asking.poll()
    assert second.status == "ok" and "basic" in second.codes and server.logins == 0
    assert server.paths("POST") == [ROOT + "/SessionService/Sessions"]


@t.case("a token that somebody made")
def _():
    server = bmc()
    server.tokens.add("made-elsewhere-0123456789")
    tokens.update(server.tokens)
    asking = poller(server, file=credentials(user="", password="", token="made-elsewhere-0123456789"))
    assert asking.poll().status == "ok" and server.logins == 0
    asking.end()
    assert server.tokens, "a token that is not ours was ended"


@t.case("energy is power times time")
def _():
    server = bmc()
    asking = poller(server, interval=1000)

    def change():
        for watts in (100, 500.75, 300, 50, 800):
            time.sleep(1.7)
            server.watts = watts
    changing = threading.Thread(target=change)
    changing.start()
    answers = asking.run(9500)
    changing.join()
    good = [a.zone for a in answers if a.status == "ok"]
    assert len({z["epoch"] for z in good}) == 1 and len(good) == len(answers) >= 5, [a.text() for a in answers]
    assert all(b["uj"] > a["uj"] for a, b in zip(good, good[1:]))
    want = energy_j(server.served[:len(good)])
    t.near((good[-1]["uj"] - good[0]["uj"]) / 1e6, want, 0.1, "joules of the meter, and of the server's own log")


def kwh_of(server):
    """A counter of 3 decimals that goes with the power, at 1000 times the speed."""
    begin = time.monotonic()
    return lambda: round(1234.5 + server.watts * (time.monotonic() - begin) / 3.6e3, 3)


@t.case("a counter of energy is preferred to power, in whole steps")
def _():
    server = bmc(tells=("environment", "control"))
    server.watts, server.kwh = 4000, kwh_of(server)
    asking = poller(server, interval=1000)
    a = asking.poll()
    assert "energy counter" in a.text() and "EnvironmentMetrics" in a.found, a.text()
    assert 1234.5 * 3.6e12 <= a.zone["uj"] < 1300 * 3.6e12
    time.sleep(1)
    b = asking.poll()
    assert b.zone["uj"] > a.zone["uj"] and b.zone["epoch"] == a.zone["epoch"]
    server.kwh = 0.001
    assert asking.poll().zone["epoch"] != a.zone["epoch"], "a cleared counter began no epoch"


@t.case("a counter without decimals is not used")
def _():
    server = bmc(tells=("environment",))
    server.kwh = 7855
    asking = poller(server)
    a = asking.poll()
    assert "coarse" in a.codes and a.zone["uj"] < 1e12, a.text()


@t.case("the input of the power supplies, vacant bays left out")
def _():
    for tells, name in (("supplies", "PowerSubsystem/PowerSupplies"), ("inputs", "by PowerSupplies")):
        server = bmc(tells=(tells,))
        asking = poller(server)
        a = asking.poll()
        assert name in a.found and a.status == "ok", a.text()
        time.sleep(3)
        b = asking.poll()
        want = energy_j(server.served)
        assert abs((b.zone["uj"] - a.zone["uj"]) / 1e6 - want) < want / 5, (a.text(), b.text(), want)


@t.case("chassis inside of one another count once")
def _():
    server = bmc()
    server.chassis = ["Rack", "1U", "Sled", "Fans"]
    for name, inside in (("1U", "Rack"), ("Sled", "1U")):
        server.documents[ROOT + "/Chassis/" + name] = {
            "Power": link(ROOT + "/Chassis/%s/Power" % name), "Links": {"ContainedBy": link(ROOT + "/Chassis/%s/" % inside)}}
    server.documents[ROOT + "/Chassis/Rack"] = {
        "Power": link(ROOT + "/Chassis/Rack/Power"), "Links": {"Contains": links(ROOT + "/Chassis/1U"), "ComputerSystems": links("/a", "/b")}}
    server.documents[ROOT + "/Chassis/Fans"] = {"Id": "Fans"}
    asking = poller(server)
    a = asking.poll()
    assert [z["package"] for z in a.zones] == ["Rack"], a.text()
    assert {"left-out", "no-power", "shared"} <= set(a.codes), a.codes
    asking = poller(server, file=credentials(chassis="1U"))
    a = asking.poll()
    assert [z["package"] for z in a.zones] == ["1U"] and "shared" not in a.codes, a.text()
    a = poller(server, file=credentials(chassis="2U")).poll()
    assert a.status == "absent" and "no chassis 2U" in a.found, a.text()


@t.case("one chassis that fails does not slow the other one down")
def _():
    server = bmc()
    server.chassis = ["A", "B"]
    asking = poller(server)
    assert asking.poll().status == "ok"
    server.fault, server.fault_at = 500, ROOT + "/Chassis/B/Power"
    for _ in range(4):
        a = asking.poll()
        assert "status" in a.codes and a.status == "ok", a.text()
        assert 20000 < a.next_ms <= 30000, a.text()


def joules_only_grow(answers, package):
    zones = [z for a in answers for z in a.zones if z["package"] == package]
    return all(b["epoch"] != a["epoch"] or b["uj"] >= a["uj"] for a, b in zip(zones, zones[1:]))


@t.case("a chassis that goes and comes back begins an epoch")
def _():
    server = bmc()
    server.chassis = ["A", "B"]
    asking = poller(server)
    answers = [asking.poll() for _ in range(3)]
    server.chassis = ["A"]
    while len(answers[-1].zones) == 2 and len(answers) < 50:
        answers.append(asking.poll())
    server.chassis = ["A", "B"]
    while len(answers[-1].zones) == 1 and len(answers) < 100:
        answers.append(asking.poll())
    assert len(answers[-1].zones) == 2, answers[-1].text()
    assert joules_only_grow(answers, "A") and joules_only_grow(answers, "B"), [a.zones for a in answers]


@t.case("a chassis that fails just when all are looked for is not replaced by its parts")
def _():
    server = bmc()
    server.chassis = ["Rack", "1U"]
    server.documents[ROOT + "/Chassis/1U"] = {"Power": link(ROOT + "/Chassis/1U/Power"),
                                              "Links": {"ContainedBy": link(ROOT + "/Chassis/Rack")}}
    looked = []
    collection = {"Members": links(ROOT + "/Chassis/Rack", ROOT + "/Chassis/1U")}
    asking = poller(server)
    asking.poll()

    def look():  # the first time something fails behind it
        server.fault, server.fault_at = (None if looked else 500), ROOT + "/Chassis/Rack/Power"
        looked.append(True)
        return collection
    server.documents[ROOT + "/Chassis"] = look
    for _ in range(25):
        a = asking.poll()
        assert [z["package"] for z in a.zones] == ["Rack"] and a.status == "ok", a.text()
        server.fault = None
    assert len(looked) == 2, looked


@t.case("a power supply that is put in brings no energy of its past")
def _():
    server = bmc(tells=("supplies",))
    bay = ROOT + "/Chassis/1U/PowerSubsystem/PowerSupplies/Bay"
    for number in (1, 2, 3):
        server.documents["%s%d/Metrics" % (bay, number)] = {"InputPowerWatts": {"Reading": 900}, "EnergykWh": {"Reading": 5000.001}}
    asking = poller(server)
    before = asking.poll()
    assert "energy counter" in before.text(), before.text()
    server.documents[bay + "3"] = {"Status": {"State": "Enabled"}, "Metrics": link(bay + "3/Metrics")}
    for _ in range(25):
        after = asking.poll()
    assert after.zone["uj"] > before.zone["uj"] + 4000 * 3.6e12, (before.text(), after.text())
    assert after.zone["epoch"] != before.zone["epoch"], (before.text(), after.text())


@t.case("a machine of many chassis: parts before the whole")
def _():
    server = bmc()
    parts = ["GPU%d" % i for i in range(30)]
    server.chassis = [*parts, "System"]
    for part in parts:
        server.documents[ROOT + "/Chassis/" + part] = {"Power": link(ROOT + "/Chassis/%s/Power" % part),
                                                       "Links": {"ContainedBy": link(ROOT + "/Chassis/System")}}
    asking = poller(server)
    a = asking.poll()
    assert [z["package"] for z in a.zones] == ["System"] and "too-many" not in a.codes, a.text()
    assert len(server.paths("GET")) < 40, "parts of what counts were asked for their power"


@t.case("chassis inside of each other: one of them counts")
def _():
    server = bmc()
    server.chassis = ["A", "B"]
    for name, inside in (("A", "B"), ("B", "A")):
        server.documents[ROOT + "/Chassis/" + name] = {
            "Power": link(ROOT + "/Chassis/%s/Power" % name), "Links": {"ContainedBy": link(ROOT + "/Chassis/" + inside)}}
    a = poller(server).poll()
    assert [z["package"] for z in a.zones] == ["A"], a.text()


@t.case("a sled in an enclosure of several: its own power, if it tells it")
def _():
    for sled_tells in (True, False):
        server = bmc()
        server.chassis = ["Enclosure", "Node"]
        server.documents[ROOT + "/Chassis/Node"] = {
            "ChassisType": "Sled", "Links": {"ContainedBy": link(ROOT + "/Chassis/Enclosure"), "ComputerSystems": links("/a")}}
        if sled_tells:
            server.documents[ROOT + "/Chassis/Node"]["Power"] = link(ROOT + "/Chassis/Node/Power")
        a = poller(server).poll()
        assert [z["package"] for z in a.zones] == ["Node" if sled_tells else "Enclosure"], a.text()
        assert ("shared" in a.codes) != sled_tells, a.text()


@t.case("no room for one more session: the password meanwhile")
def _():
    server = bmc()
    server.fault, server.fault_at = 503, "POST"
    asking = poller(server)
    a = asking.poll()
    assert a.status == "ok" and "basic" in a.codes, a.text()
    server.fault = None
    for _ in range(25):
        a = asking.poll()
    assert a.status == "ok" and "basic" not in a.codes and server.logins == 1, (a.text(), server.logins)


@t.case("a refused password: one try, then a long pause")
def _():
    server = bmc()
    asking = poller(server, file=credentials(password="wrong-" + PASSWORD))
    first = asking.poll()
    assert first.status == "denied" and first.codes == ["login"], first.text()
    assert server.logins == 1 and not [p for p in server.requests if p[3] == 200 and p[2] != ROOT + "/"]
    assert 45000 <= first.next_ms <= 75000, first.next_ms
    assert 90000 <= asking.poll().next_ms <= 150000 and server.logins == 2
    for _ in range(5):
        last = asking.poll()
    assert last.next_ms <= 750000


@t.case("an account that is refused from some day on")
def _():
    server = bmc()
    asking = poller(server)
    asking.poll()
    server.fault = 401
    a = asking.poll()
    assert a.status == "denied" and "login" in a.codes and server.logins == 2, a.text()
    server.fault = None
    assert asking.poll().status == "ok"


@t.case("a password that is changed in the file is taken after the old one was refused")
def _():
    for tells in ({}, {"token": "stale"}):
        server = bmc()
        file = credentials(password="old-" + PASSWORD, **tells)
        asking = poller(server, file=file)
        assert asking.poll().status == "denied"
        pathlib.Path(file).write_text(pathlib.Path(credentials()).read_text(encoding="utf-8"), encoding="utf-8")
        answer = asking.poll()
        assert answer.status == "ok", answer.text()
        pathlib.Path(file).write_text("nodes: [", encoding="utf-8")
        assert asking.poll().status == "ok", "a broken file took away what worked"


@t.case("an account without the right to read")
def _():
    server = bmc()
    server.fault = 403
    a = poller(server).poll()
    assert a.status == "denied" and "ReadOnly" in a.notes[-1]["remedy"] and 45000 <= a.next_ms <= 75000, a.text()


@t.case("a BMC that is busy is left alone for as long as it asks")
def _():
    server = bmc()
    asking = poller(server, interval=1000)
    first = asking.poll()
    date = email.utils.formatdate(time.time() + 120, usegmt=True)
    for status, after, least, most in ((429, "40", 38, 40), (503, date, 60, 120), (429, "999999", 595, 600), (503, "x", 0, 300),
                                       (429, None, 0, 300)):
        server.fault = (status, {"Retry_After": after} if after else {})
        a = asking.poll()
        assert "busy" in a.codes and least * 1000 <= a.next_ms <= most * 1000, (status, after, a.text())
        assert a.zone["taken_ns"] == first.zone["taken_ns"] and a.zone["uj"] == first.zone["uj"]
    server.fault = None
    assert asking.poll().status == "ok"


TYPES = json.dumps({"PowerControl": {"PowerConsumedWatts": 5}, "Members": 7, "Links": [], "EnvironmentMetrics": "x"}).encode()
LIES = json.dumps({"PowerControl": [{"PowerConsumedWatts": "344"}, {"PowerConsumedWatts": None}, {"PowerConsumedWatts": -3},
                                    {"PowerConsumedWatts": 0}, {"PowerConsumedWatts": 1e300}, 5, []]}).encode()
FAULTS = {
    500: "status", 404: "missing", 418: "status", "drop": "unreachable", "noise": "garbage", "huge": "too-big",
    b"": "garbage", b"<html>login</html>": "garbage", b'{"PowerControl": [{"PowerConsumedWatts": 34': "garbage",
    b"[" * 100000: "garbage", b'{"a": [' + b"[]," * 300000 + b"1]}": "garbage", b'{"a": "\xff\xfe"}': "garbage",
    b"[1]": "garbage", b"{}": "no-power", TYPES: "no-power", LIES: "no-power",
}


@t.case("each fault by its name: the last value is kept, and the BMC comes back")
def _():
    server = bmc()
    asking = poller(server)
    first = asking.poll()
    for fault, code in FAULTS.items():
        server.fault, server.fault_at = fault, ROOT + "/Chassis/1U/Power"
        a = asking.poll()
        what = (str(fault)[:40], a.text())
        assert code in a.codes, what
        assert a.status == "ok" and a.zone["taken_ns"] == first.zone["taken_ns"], what
        assert 22000 <= a.next_ms <= 300000, what
        assert a.resident_kb < first.resident_kb + 24000, what
        server.fault = None
        first = asking.poll()
        assert first.status == "ok" and first.codes == ["chosen"], (what, first.text())
    assert asking.end()[0] == 0


@t.case("the same faults where nothing is known yet")
def _():
    for at in (ROOT, ROOT + "/Chassis", ROOT + "/Chassis/1U"):
        for fault in FAULTS:
            if at == ROOT and isinstance(fault, bytes) and len(fault) > 9999:
                continue
            server = bmc()
            server.fault, server.fault_at = fault, at
            asking = poller(server)
            a = asking.poll()
            assert not a.zones and a.none in ("error", "absent") and len(a.codes) == 1, (at, str(fault)[:40], a.text())
            assert asking.end()[0] == 0
            server.end()


@t.case("what fails for longer says so, and is asked less and less often")
def _():
    server = bmc()
    asking = poller(server, interval=1000)
    first = asking.poll()
    server.fault = 500
    before = len(server.requests)
    answers = asking.run(16000)
    asked = len(server.requests) - before
    assert answers[-1].status == "error" and answers[-1].zone["uj"] == first.zone["uj"], answers[-1].text()
    assert answers[0].status == "ok"
    assert len(answers) <= 8 and asked <= 24, (len(answers), asked)
    server.fault = None
    last = asking.poll()
    assert last.status == "ok" and last.zone["epoch"] > first.zone["epoch"], last.text()
    t.diag("%d polls and %d requests in 16 s of failure at an interval of 1 s" % (len(answers), asked))


@t.case("nobody listens, then somebody does")
def _():
    server = bmc()
    url, port = server.url, server.port
    server.end()
    asking = Poller("url=" + url, "file=" + credentials(), "node=n", "ca=" + certs.ca)
    a = asking.poll()
    assert a.none == "error" and a.codes == ["unreachable"] and url in a.found, a.text()
    bmc(port=port)
    assert asking.poll().status == "ok"


@t.case("certificates that do not hold: not a word is said")
def _():
    for certificate in (certs.foreign, certs.expired, certs.elsewhere):
        server = bmc(certificate)
        a = poller(server).poll()
        assert a.none == "error" and a.codes == ["certificate"] and not server.requests, (certificate, a.text())
        a = poller(server, "insecure").poll()
        assert a.status == "ok" and "insecure" in a.codes, a.text()
    server = bmc()
    a = Poller("url=" + server.url, "file=" + credentials(), "node=n").poll()
    assert a.codes == ["certificate"] and not server.requests, a.text()
    none = Poller("url=" + server.url, "file=" + credentials(), "ca=" + directory.name + "/none.pem", "node=n")
    assert not none.opened["open"] and none.opened["notes"][0]["code"] == "ca-file"
    a = Poller("url=" + server.url, "file=" + credentials(), "ca=" + credentials(), "node=n").poll()
    assert a.codes == ["certificate"], a.text()


@t.case("redirects lead nowhere else")
def _():
    other = bmc()
    server = bmc()
    for to in (other.url + ROOT, "http://127.0.0.1:%d/" % server.port, "//127.0.0.1:%d/x" % other.port, "ftp://127.0.0.1/x"):
        server.fault, server.fault_at = (302, {"Location": to}), ROOT + "/Chassis"
        a = poller(server).poll()
        assert not a.zones and a.codes == ["redirect"], (to, a.text())
    assert not other.requests
    server.fault = (307, {"Location": ROOT + "/Chassis"})
    assert poller(server).poll().none == "error", "a redirect in a circle"
    server.fault = None
    server.fault, server.fault_at = (301, {"Location": ROOT + "/Elsewhere"}), ROOT + "/Chassis/1U/Power"
    server.documents[ROOT + "/Elsewhere"] = lambda: {"PowerControl": [{"PowerConsumedWatts": 99}]}
    assert poller(server).poll().status == "ok", "a redirect to the same host"


@t.case("a source that goes is looked for elsewhere")
def _():
    server = bmc(tells=("environment", "control"))
    asking = poller(server)
    assert "EnvironmentMetrics" in asking.poll().found
    server.tells.discard("environment")
    a = asking.poll()
    assert "missing" in a.codes and a.status == "ok"
    a = asking.poll()
    assert "PowerControl" in a.found and a.codes == ["chosen"], a.text()


@t.case("a poll ends when the agent does")
def _():
    for fault in ("hang", "trickle"):
        server = bmc()
        asking = poller(server)
        asking.poll()
        server.fault = fault
        asking.say("stop 300")
        a = asking.poll()
        assert a.took_ms < 8000, a.took_ms  # a second, and what a busy machine takes; the time-out is 20
        t.diag("%s: told to stop after 300 ms, ended after %d ms" % (fault, a.took_ms))
        begin = time.monotonic()
        assert asking.end()[0] == 0 and time.monotonic() - begin < 15
        assert not server.tokens, "the session was left behind"


@t.case("what is not to be used is not used")
def _():
    secret = "secret-in-url"
    for args, code in (
            (["url=http://192.0.2.1"], "plain-http"), (["url=http://localhost.evil.example"], "plain-http"),
            (["url=https://u:%s@127.0.0.1" % secret], "url"), (["url=u:%s@127.0.0.1" % secret], "url"),
            (["url=ftp://127.0.0.1"], "url"), (["url=https://a b"], "url"), (["url=http://127.0.0.1.evil.example"], "plain-http"),
            (["file=" + write("open.yaml", "nodes: {n: {url: a, user: b, password: c}}", 0o640)], "permissions"),
            (["file=" + directory.name], "credentials"), (["file=/nonexistent"], "credentials"),
            (["file=/dev/zero"], "credentials"), (["file=" + write("empty", "")], "credentials"),
            (["file=" + write("two.csv", "m,u,%s,https://x\nn,u,%s\n" % (secret, secret))], "credentials"),
            (["file=" + write("bad.yaml", "nodes: {n: {password: %s" % secret)], "credentials"),
            (["file=" + write("large", "# %s\n" % secret * 30000)], "credentials")):
        refused = Poller("node=n", *args)
        assert not refused.opened["open"] and [n["code"] for n in refused.opened["notes"]] == [code], (args, refused.opened)
        assert refused.opened["notes"][0]["severity"] == 2 and refused.opened["notes"][0]["remedy"]
        assert secret not in json.dumps(refused.opened) and refused.end() == (0, "")
    opened = Poller("node=n", "file=" + os.path.join(directory.name, "open.yaml")).opened
    assert opened["none"] == "denied" and "chmod 600" in opened["notes"][0]["remedy"]
    opened = Poller("node=n").opened
    assert not opened["open"] and opened["found"].startswith("not configured: set redfish.credentials-file"), opened


@t.case("plain HTTP to this machine itself, the classic CSV, and the address in the file")
def _():
    server = bmc(None)
    quoted = '"%s"' % PASSWORD.replace('"', '""')
    for name, text in (("c.csv", "m,%s,x,https://m\nn,%s,%s,%s\n" % (USER, USER, quoted, server.url)),
                       ("c.yaml", json.dumps({"nodes": {"n": "b"}, "bmcs": {"b": {
                           "endpoint": server.url, "username": USER, "password": PASSWORD}}})),
                       ("d.yaml", json.dumps({"defaults": {"url": server.url.replace("127.0.0.1", "{node}"), "user": USER,
                                                           "password": PASSWORD}}))):
        node = "127.0.0.1" if name[0] == "d" else "n"
        a = Poller("node=" + node, "file=" + write(name, text)).poll()
        assert a.status == "ok", (name, a.text())


@t.case("no libcurl at all")
def _():
    server = bmc()
    none = poller(server, "library=").opened
    assert not none["open"] and none["notes"][0]["code"] == "libcurl", none
    assert not server.requests


@t.case("libcurl with OpenSSL, as other distributions have it")
def _():
    server, foreign = bmc(), bmc(certs.foreign)
    asking = poller(server, "library=libcurl.so.4")
    t.need(asking.opened["open"], "there is none")
    assert asking.poll().status == "ok"
    for url in (foreign.url, server.url.replace("127.0.0.1", "127.0.0.2")):
        a = Poller("library=libcurl.so.4", "url=" + url, "file=" + credentials(), "node=n", "ca=" + certs.ca).poll()
        assert a.codes == ["unreachable" if "127.0.0.2" in url else "certificate"], a.text()
    assert not foreign.requests


for thread in threads:
    thread.join()
for name in ("hang", "trickle"):
    a = slow[name]
    t.ok("timeout" in a.codes and a.status == "ok" and 15000 < a.took_ms < 60000, name + ": given up after its time-out", a.text())
    t.eq(slow[name + ", then well"].status, "ok", name + ": and well again")
    t.eq(slow[name + ", end"][0], 0, name + ": ends")
everything = "\n".join(said)
t.ok(len(everything) > 10000, "there was much to say (%d bytes)" % len(everything))
for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], "wörd", "Authorization", *tokens):
    t.ok(secret not in everything, "no secret is told")
t.done()
