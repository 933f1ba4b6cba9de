# SPDX-License-Identifier: Apache-2.0
"""A BMC with Redfish on 127.0.0.1: the resources of a rack server of 1U, by HTTPS, with sessions.

    certs = Certificates(directory)             # an authority, and what it signs, by openssl
    bmc = Bmc(certs.good)                       # listens on a free port
    bmc.watts = 250.5                           # what it measures from now on
    bmc.fault = "hang"                          # see Handler.misbehave()
    bmc.served                                  # [(monotonic seconds, watts or kWh), ...]
    bmc.requests                                # [(monotonic seconds, method, path, status), ...]

What it serves has the shape of DMTF's schemas; the documents are made here.
"""
import base64
import http.server
import json
import os
import secrets
import ssl
import subprocess
import threading
import time

ROOT = "/redfish/v1"
USER, PASSWORD = "kepler", 'p"a\\s,s: #wörd'
HANG_S = 120


class Certificates:
    """PEM files in a directory: ca, and pairs (certificate, key) that it signs or not."""

    def __init__(self, directory):
        self.directory = directory
        self.ca = self._authority("ca")
        self.other_ca = self._authority("other-ca")
        self.good = self._sign("good", "ca", "IP:127.0.0.1,DNS:localhost")
        self.foreign = self._sign("foreign", "other-ca", "IP:127.0.0.1")
        self.expired = self._sign("expired", "ca", "IP:127.0.0.1", days=-1)
        self.elsewhere = self._sign("elsewhere", "ca", "DNS:bmc.example")

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.directory, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)

    def _key(self, name):
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name + ".key")

    def _authority(self, name):
        self._key(name)
        self._openssl("req", "-x509", "-new", "-key", name + ".key", "-days", "2", "-subj", "/CN=" + name,
                      "-out", name + ".pem")
        return os.path.join(self.directory, name + ".pem")

    def _sign(self, name, ca, names, days=2):
        self._key(name)
        with open(os.path.join(self.directory, name + ".ext"), "w", encoding="ascii") as f:
            f.write("subjectAltName=" + names)
        self._openssl("req", "-new", "-key", name + ".key", "-subj", "/CN=" + name, "-out", name + ".csr")
        self._openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key",
                      "-CAcreateserial", "-days", str(days), "-extfile", name + ".ext", "-out", name + ".pem")
        return tuple(os.path.join(self.directory, name + x) for x in (".pem", ".key"))


def link(path):
    return {"@odata.id": path}


def links(*paths):
    return [link(p) for p in paths]


class Bmc:
    """@tells: which of "environment", "supplies", "control", "inputs" its chassis have."""

    def __init__(self, certificate, tells=("control",), sessions=True, port=0):
        self.watts, self.kwh = 250.5, None
        self.tells, self.sessions = set(tells), sessions
        self.fault, self.fault_at = None, ROOT + "/Chassis"
        self.documents = {}  # that replace those made here; None: there is none
        self.tokens, self.open_root = set(), True
        self.served, self.requests, self.logins = [], [], 0
        self.gone = threading.Event()
        self.lock = threading.Lock()
        self.chassis = ["1U"]
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.bmc = self
        self.port = self.server.server_address[1]
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
            scheme = "https"
        self.url = "%s://127.0.0.1:%d" % (scheme, self.port)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def end(self):
        """Ends the server, also what hangs in it."""
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()

    def paths(self, method=None):
        return [p for _, m, p, _ in self.requests if method in (None, m)]

    def measure(self):
        """What is told now, and noted down."""
        with self.lock:
            self.served.append((time.monotonic(), self.watts))
        return self.watts

    def document(self, path):
        path = path.rstrip("/")
        if path in self.documents:
            made = self.documents[path]
            return made() if callable(made) else made
        if path == ROOT:
            return {"RedfishVersion": "1.15.0", "Chassis": link(ROOT + "/Chassis"),
                    "Links": {"Sessions": link(ROOT + "/SessionService/Sessions")}}
        if path == ROOT + "/Chassis":
            return {"Members": links(*[ROOT + "/Chassis/" + c for c in self.chassis])}
        for chassis in self.chassis:
            if (path + "/").startswith(ROOT + "/Chassis/" + chassis + "/"):
                return self._of_chassis(ROOT + "/Chassis/" + chassis, path)
        return None

    def _of_chassis(self, base, path):
        what = path[len(base):]
        if what == "":
            doc = {"Id": base.rsplit("/", 1)[1], "ChassisType": "RackMount", "Links": {
                "ComputerSystems": links(ROOT + "/Systems/1")}}
            if "environment" in self.tells:
                doc["EnvironmentMetrics"] = link(base + "/EnvironmentMetrics")
            if "supplies" in self.tells:
                doc["PowerSubsystem"] = link(base + "/PowerSubsystem")
            if self.tells & {"control", "inputs"}:
                doc["Power"] = link(base + "/Power")
            return doc
        if what == "/EnvironmentMetrics" and "environment" in self.tells:
            doc = {"PowerWatts": {"Reading": self.measure()}, "TemperatureCelsius": {"Reading": 39}}
            if self.kwh is not None:
                doc["EnergykWh"] = {"Reading": self.kwh() if callable(self.kwh) else self.kwh}
            return doc
        if what.startswith("/PowerSubsystem") and "supplies" in self.tells:
            return self._of_supplies(base + "/PowerSubsystem", what[len("/PowerSubsystem"):])
        if what == "/Power":
            return self._power(base + "/Power")
        return None

    def _of_supplies(self, base, what):
        bay = base + "/PowerSupplies/Bay"
        return {
            "": lambda: {"CapacityWatts": 1600, "PowerSupplies": link(base + "/PowerSupplies")},
            "/PowerSupplies": lambda: {"Members": links(bay + "1", bay + "2", bay + "3")},
            "/PowerSupplies/Bay1": lambda: {"Status": {"State": "Enabled"}, "Metrics": link(bay + "1/Metrics")},
            "/PowerSupplies/Bay2": lambda: {"Status": {"State": "Enabled"}, "Metrics": link(bay + "2/Metrics")},
            "/PowerSupplies/Bay3": lambda: {"Status": {"State": "Absent"}},
            "/PowerSupplies/Bay1/Metrics": lambda: {"InputPowerWatts": {"Reading": self.measure() / 4},
                                                    "OutputPowerWatts": {"Reading": 1}},
            "/PowerSupplies/Bay2/Metrics": lambda: {"InputPowerWatts": {"Reading": self.watts * 3 / 4},
                                                    "OutputPowerWatts": {"Reading": 1}},
        }.get(what, lambda: None)()

    def _power(self, base):
        doc = {"Id": "Power", "Voltages": [{"MemberId": "0", "ReadingVolts": 12}]}
        if "control" in self.tells:
            doc["PowerControl"] = [
                {"@odata.id": base + "#/PowerControl/0", "MemberId": "0", "Name": "System Input Power",
                 "PowerConsumedWatts": self.measure(), "PowerMetrics": {"AverageConsumedWatts": 9999}},
                {"MemberId": "1", "Name": "CPU Power", "PhysicalContext": "CPU", "PowerConsumedWatts": 120}]
        if "inputs" in self.tells:
            doc["PowerSupplies"] = [{"MemberId": "0", "PowerInputWatts": self.measure() / 2},
                                    {"MemberId": "1", "PowerInputWatts": self.watts / 2},
                                    {"MemberId": "2", "Status": {"State": "Absent"}, "PowerInputWatts": None}]
        return doc


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *args):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:  # whoever asked went away, or did not like the certificate
            pass

    @property
    def bmc(self):
        return self.server.bmc

    def answer(self, status, doc=None, **headers):
        body = b"" if doc is None else doc if isinstance(doc, bytes) else json.dumps(doc).encode()
        self.note(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def note(self, status):
        with self.bmc.lock:
            self.bmc.requests.append((time.monotonic(), self.command, self.path, status))

    def knows(self):
        if self.headers.get("X-Auth-Token"):
            return self.headers["X-Auth-Token"] in self.bmc.tokens
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        return kind == "Basic" and base64.b64decode(text).decode() == USER + ":" + PASSWORD

    def do_GET(self):
        path = self.path.rstrip("/")
        if self.bmc.fault is not None and path.startswith(self.bmc.fault_at):
            if self.misbehave(self.bmc.fault):
                return
        if not (path == ROOT and self.bmc.open_root) and not self.knows():
            self.answer(401, {"error": {"code": "Base.1.0.GeneralError"}})
            return
        doc = self.bmc.document(path)
        self.answer(200 if doc is not None else 404, doc or {})

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.bmc.fault_at == "POST" and self.bmc.fault is not None and self.misbehave(self.bmc.fault):
            return
        if not self.bmc.sessions or not self.path.startswith(ROOT + "/SessionService/Sessions"):
            self.answer(405, {})
            return
        self.bmc.logins += 1
        if json.loads(data) != {"UserName": USER, "Password": PASSWORD}:
            self.answer(401, {})
            return
        token = secrets.token_hex(16)
        self.bmc.tokens.add(token)
        self.answer(201, {"Id": token[:4]}, X_Auth_Token=token,
                    Location="%s/SessionService/Sessions/%s" % (ROOT, token))

    def do_DELETE(self):
        known = self.knows()
        self.bmc.tokens.discard(self.path.rsplit("/", 1)[1])
        self.answer(204 if known else 401)

    def misbehave(self, fault):
        """Answers as a broken BMC; False: answer as usual."""
        if isinstance(fault, int):
            self.answer(fault, {})
        elif isinstance(fault, tuple):  # a status with headers
            self.answer(fault[0], {}, **fault[1])
        elif isinstance(fault, bytes):
            self.answer(200, fault)
        elif fault == "hang":
            self.note(0)
            self.bmc.gone.wait(HANG_S)
            self.close_connection = True
        elif fault == "drop":
            self.note(0)
            self.close_connection = True
        elif fault == "noise":
            self.note(0)
            self.wfile.write(os.urandom(512))
            self.close_connection = True
        elif fault == "trickle":
            self.trickle()
        elif fault == "huge":
            self.huge()
        else:
            return False
        return True

    def begin(self, length):
        self.note(200)
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def trickle(self):
        """A byte every half second, in good order."""
        self.begin(1000)
        while not self.bmc.gone.wait(0.5):
            self.wfile.write(b" ")
            self.wfile.flush()

    def huge(self):
        self.begin(100 << 20)
        for _ in range(100):
            self.wfile.write(b'["x"],' * ((1 << 20) // 6 + 1))
