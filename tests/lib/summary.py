#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One honest line about all test runs: N passed, N failed, N skipped.

    summary.py [--strict SUITE]... BUILD_DIR[:STATUS]...

Counts test cases, not programs, from meson-logs/testlog.junit.xml of each build directory. JUnit
leaves out what did not happen inside a case, so testlog.json is read beside it: a program that
crashed, timed out, was ended or printed no result at all is one more failure. STATUS is what
`meson test` returned. A skip in a suite named by --strict is a failure. Exit 1 when any failed.
"""

import argparse
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

TAIL = 25  # lines of a program's output shown with a failure
BAD_RESULTS = {"FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"}
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Count:
    def __init__(self):
        self.passed = 0
        self.failures = []  # (name, lines)
        self.skips = []  # (name, reason)


def read_junit(path):
    """Test program -> list of (case name, 'passed' | 'failed' | 'skipped', text).

    A program with cases is a suite "<project>.<program>"; the rest share one suite, "<project>"."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            root = ElementTree.fromstring(NOT_XML.sub("?", f.read()).encode())
    except (OSError, ElementTree.ParseError) as e:
        return {}, "cannot read %s: %s" % (path, e)
    programs = {}
    for suite in root.iter("testsuite"):
        program = suite.get("name").partition(".")[2]
        for case in suite.findall("testcase") if program else []:
            kinds = {child.tag for child in case}
            kind = "failed" if kinds & {"failure", "error"} else (
                "skipped" if "skipped" in kinds else "passed")
            programs.setdefault(program, []).append(
                (case.get("name"), kind, case.findtext("system-out") or ""))
    return programs, None


def read_records(path):
    """The newest record of each test program, as meson wrote it."""
    records = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                record = json.loads(line)
                records[record["name"]] = record
    except (OSError, ValueError) as e:
        return records, "cannot read %s: %s" % (path, e)
    return records, None


def read_suites(path):
    """Test program -> its suites; the record spells them out only when a build has several."""
    try:
        with open(path, encoding="utf-8") as f:
            return {t["name"]: {s.rpartition(":")[2] for s in t["suite"]} for t in json.load(f)}
    except (OSError, ValueError, KeyError):
        return {}


def diagnostics(stdout, number):
    """The "# ..." lines behind "not ok <number>"."""
    lines, taking = [], False
    for line in stdout.splitlines():
        if re.match(r"(not )?ok\b", line):
            taking = bool(re.match(r"not ok %s\b" % number, line))
        elif taking and line.startswith("#"):
            lines.append(line[1:].strip() if len(line) < 3 else line[2:])
    return lines


def tail(text):
    lines = text.strip().splitlines()
    return (["..."] if len(lines) > TAIL else []) + lines[-TAIL:]


def how_it_ended(record):
    code, result = record.get("returncode"), record["result"]
    if result == "TIMEOUT":
        return "it ran longer than its time limit"
    if code is not None and code < 0:
        return "it was ended by signal %d" % -code
    if result == "SKIP":
        return "it printed no test result at all"
    return "it ended with status %s" % code


def count_cases(count, name, record, cases, strict):
    stdout, stderr = record.get("stdout") or "", record.get("stderr") or ""
    failed_here = 0
    for case, kind, text in cases:
        number, _, title = case.partition(" ")
        full = "%s: %s" % (name, title.removeprefix("- ")) if title else "%s #%s" % (name, number)
        if kind == "passed":
            count.passed += 1
        elif kind == "skipped":
            count_skip(count, full, text, strict)
        else:
            failed_here += 1
            count.failures.append((full, diagnostics(stdout, number)
                                   + (tail(stderr) if failed_here == 1 else [])))
    if record["result"] in BAD_RESULTS and not failed_here:
        count.failures.append((name, [how_it_ended(record)] + tail(stdout) + tail(stderr)))


def count_skip(count, name, reason, strict):
    reason = reason or "no reason given"
    if strict:
        count.failures.append((name, ["skipped, where a skip is a failure: " + reason]))
    else:
        count.skips.append((name, reason))


def count_whole(count, name, record, strict):
    """A program without cases: by exit status, skipped as a whole, or a silent TAP program."""
    stdout, stderr = record.get("stdout") or "", record.get("stderr") or ""
    plan = re.search(r"^1\.\.0\s*#\s*skip\S*\s*(.*)$", stdout, re.I | re.M)
    if record["result"] == "OK":
        count.passed += 1
    elif record["result"] == "SKIP" and plan:
        count_skip(count, name, plan.group(1), strict)
    elif record["result"] == "SKIP" and record.get("returncode") == 77:
        count_skip(count, name, " ".join(tail(stdout)[-1:]), strict)
    else:
        count.failures.append((name, [how_it_ended(record)] + tail(stdout) + tail(stderr)))


def count_build(count, build, status, strict_suites):
    logs = os.path.join(build, "meson-logs")
    records, problem = read_records(os.path.join(logs, "testlog.json"))
    programs, problem_junit = read_junit(os.path.join(logs, "testlog.junit.xml"))
    suites = read_suites(os.path.join(build, "meson-info", "intro-tests.json"))
    before = len(count.failures)
    for full, record in records.items():
        name = full.rpartition(" / ")[2]  # "<project>:<suite>+<suite> / <name>", or "<name>"
        strict = bool(suites.get(name, set()) & strict_suites)
        if programs.get(full):
            count_cases(count, name, record, programs[full], strict)
        else:
            count_whole(count, name, record, strict)
    if not status and not os.path.exists(os.path.join(logs, "testlog.json")):
        return  # this build has no test that was asked for
    if problem or problem_junit:
        count.failures.append((build, [problem or problem_junit]))
    elif status and len(count.failures) == before:
        count.failures.append((build, ["`meson test` ended with status %d" % status]))


def report(count):
    for name, reason in count.skips:
        print("SKIPPED %s: %s" % (name, reason))
    for name, lines in count.failures:
        print("FAILED  %s" % name)
        for line in lines:
            print("        " + line)
    if not (count.passed or count.skips or count.failures):
        print("no test was run: `meson test -C build-test --list` names them")
    print("%d passed, %d failed, %d skipped"
          % (count.passed, len(count.failures), len(count.skips)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--strict", action="append", default=[])
    parser.add_argument("build", nargs="*")
    args = parser.parse_args()
    count = Count()
    for build in args.build:
        path, _, status = build.partition(":")
        count_build(count, path, int(status or 0), set(args.strict))
    report(count)
    return 1 if count.failures or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
