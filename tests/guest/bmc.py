#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A management controller with a known power, for a guest: QEMU's ipmi-bmc-extern connects to it.

    bmc.py SOCKET DIRECTORY

It speaks the byte stream of OpenIPMI's virtual machines and knows what the kernel's driver asks of a BMC at
its start, and DCMI Get Power Reading. The power is power_w() of the time. Each power question leaves a line
"TIME WATTS FAULT" in DIRECTORY/bmc.log. A word in DIRECTORY/bmc.fault spoils the answers as long as it stands
there: busy, unsupported, denied, inactive, zero, group, short, garbage, silent; "code NN" is a completion code
in hexadecimal; "late N" answers after N seconds, and nothing else meanwhile; "power N" tells N W.
"""
import os
import pathlib
import random
import socket
import struct
import sys
import time

END, COMMAND_END, ESCAPE = 0xA0, 0xA1, 0xAA
APP, GROUP_EXTENSION, DCMI = 0x06, 0x2C, 0xDC
OK, BUSY, INVALID_COMMAND, DENIED = b"\x00", b"\xc0", b"\xc1", b"\xd4"
ACTIVE = 0x40

# Commands of netfn APP by number.
APP_ANSWERS = {
    # Get Device ID: number and revision, firmware 1.0, IPMI 2.0, what it supports, maker, product
    0x01: OK + bytes([0x20, 0x01, 0x01, 0x00, 0x02, 0xBF, 0, 0, 0, 0, 0]),
    0x08: OK + bytes(range(16)),  # Get Device GUID
    0x2E: OK,                     # Set BMC Global Enables
    0x2F: OK + b"\x00",           # Get BMC Global Enables
    0x30: OK,                     # Clear Message Flags
    0x31: OK + b"\x00",           # Get Message Flags
    0x37: OK + bytes(range(16)),  # Get System GUID
}

PERIOD_S, LOW_W, HIGH_W = 20, 200, 400


def power_w(now):
    """A triangle of 20 s: whenever a whole period begins, it has its mean of 300 W."""
    phase = now % PERIOD_S / PERIOD_S
    return LOW_W + (HIGH_W - LOW_W) * (2 * phase if phase < 0.5 else 2 - 2 * phase)


def reading(watts, state=ACTIVE):
    return struct.pack("<HHHHIIB", watts, LOW_W, HIGH_W, (LOW_W + HIGH_W) // 2, int(time.time()), 1000, state)


class Bmc:
    def __init__(self, directory):
        self.fault_file = directory / "bmc.fault"
        self.log = open(directory / "bmc.log", "a", encoding="ascii", buffering=1)

    def fault(self):
        try:
            return self.fault_file.read_text().split() or [""]
        except FileNotFoundError:
            return [""]

    def power(self):
        """The answer to Get Power Reading; None is none."""
        fault, *argument = self.fault()
        if fault == "late":
            time.sleep(float(argument[0]))
        now = time.time()
        watts = int(argument[0]) if fault == "power" else round(power_w(now))
        self.log.write(f"{now:.6f} {watts} {fault or '-'}\n")
        group = bytes([DCMI])
        answers = {
            "busy": BUSY,
            "unsupported": INVALID_COMMAND,
            "denied": DENIED,
            "inactive": OK + group + reading(0, state=0),
            "zero": OK + group + reading(0),
            "group": OK + b"\x52" + reading(watts),
            "short": OK + group + reading(watts)[:7],
            "garbage": random.randbytes(random.randrange(1, 40)),
            "silent": None,
        }
        if fault == "code":
            return bytes([int(argument[0], 16)])
        return answers.get(fault, OK + group + reading(watts))

    def answer(self, netfn, command, data):
        if netfn == APP and command == 0x42:  # Get Channel Info: of the system interface, and no others
            return OK + bytes([data[0] & 15, 0x0C, 0x05, 0, 0, 0, 0, 0, 0]) if data else b"\xc7"
        if netfn == APP:
            return APP_ANSWERS.get(command, INVALID_COMMAND)
        if netfn == GROUP_EXTENSION and data[:1] == bytes([DCMI]) and command == 0x02:
            return self.power()
        if netfn == GROUP_EXTENSION and data[:2] == bytes([DCMI, 1]) and command == 0x01:
            # DCMI capabilities: version 1.5, power management
            return OK + bytes([DCMI, 1, 5, 2, 0, 1, 7])
        return INVALID_COMMAND


def checksum(data):
    return -sum(data) & 0xFF


def escape(data):
    out = bytearray()
    for byte in data:
        out += bytes([ESCAPE, byte | 0x10]) if byte in (END, COMMAND_END, ESCAPE) else bytes([byte])
    return bytes(out)


def messages(connection):
    """Requests as they come: number, netfn, command, data. Commands to the hardware are left out."""
    message, escaped = bytearray(), False
    while chunk := connection.recv(4096):
        for byte in chunk:
            if byte == END and len(message) >= 4 and checksum(message) == 0:
                yield message[0], message[1] >> 2, message[2], bytes(message[3:-1])
            if byte in (END, COMMAND_END):
                message.clear()
            elif byte == ESCAPE:
                escaped = True
                continue
            else:
                message.append(byte & ~0x10 if escaped else byte)
            escaped = False


def serve(path, directory):
    bmc = Bmc(directory)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        connection, _ = listener.accept()
        with connection:
            for number, netfn, command, data in messages(connection):
                answer = bmc.answer(netfn, command, data)
                if answer is not None:
                    whole = bytes([number, (netfn | 1) << 2, command]) + answer
                    connection.sendall(escape(whole + bytes([checksum(whole)])) + bytes([END]))


if __name__ == "__main__":
    try:
        serve(sys.argv[1], pathlib.Path(sys.argv[2]))
    except (KeyboardInterrupt, ConnectionError):
        sys.exit(os.EX_UNAVAILABLE)
