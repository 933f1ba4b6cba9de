# SPDX-License-Identifier: Apache-2.0
"""Reads the Prometheus text format, strictly, with exact decimal values, and audits what it says."""
import collections
import decimal
import re

Sample = collections.namedtuple("Sample", "name labels value")

_LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)(?: [0-9.-]+)?$')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\n"])*)"(?:,|$)')
_ESCAPE = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}
DOMAINS = {"package": "package", "core": "core", "uncore": "uncore", "dram": "dram", "gpu": "gpu",
           "other": "other_host_components", "platform": "platform"}
MODES = ("dynamic", "idle")


def _labels(text):
    labels, at = {}, 0
    while at < len(text):
        found = _LABEL.match(text, at)
        if not found or found.group(1) in labels:
            raise ValueError(f"labels: {text[at:at + 80]!r}")
        labels[found.group(1)] = re.sub(r'\\[\\n"]', lambda m: _ESCAPE[m.group()], found.group(2))
        at = found.end()
    return labels


class Page:
    """One scrape."""

    def __init__(self, text):
        self.text = text
        self.types, self.repeated = {}, []
        self.series = {}
        self.by_name = collections.defaultdict(list)
        for line in text.split("\n"):
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.types[name] = kind
            elif line and not line.startswith("#"):
                self._add(line)

    def _add(self, line):
        found = _LINE.match(line)
        if not found:
            raise ValueError(f"not an exposition line: {line[:120]!r}")
        key = (found.group(1), found.group(2) or "")
        sample = Sample(key[0], _labels(key[1]), decimal.Decimal(found.group(3).replace("Inf", "Infinity")))
        identity = (sample.name, frozenset(sample.labels.items()))
        if identity in self.series:
            self.repeated.append(line)
        self.series[identity] = sample.value
        self.by_name[sample.name].append(sample)

    def find(self, name, **labels):
        """The samples of @name that have all of @labels."""
        return [s for s in self.by_name.get(name, ()) if labels.items() <= s.labels.items()]

    def sum(self, name, **labels):
        return sum((s.value for s in self.find(name, **labels)), decimal.Decimal(0))

    def is_counter(self, name):
        return self.types.get(name) == "counter" or self.types.get(re.sub(r"_total$", "", name)) == "counter"

    def cpu_s(self, container):
        """CPU seconds of the container with id @container."""
        return self.sum("kepler_container_bpf_cpu_time_us_total", container_id=container) / 1000000

    def joules(self, container, domain="package", **labels):
        return self.sum(f"kepler_container_{domain}_joules_total", container_id=container, **labels)


def audit_books(page):
    """What of the rule "namespaces + unattributed = node, containers = namespaces" does not hold."""
    faults = []
    for domain, short in DOMAINS.items():
        for mode in MODES:
            node = page.sum(f"kepler_node_{short}_joules_total", mode=mode)
            spaces = page.sum("kepler_namespace_joules_total", domain=domain, mode=mode)
            rest = page.sum("kepler_node_unattributed_joules_total", domain=domain, mode=mode)
            if spaces + rest != node:
                faults.append(f"{domain} {mode}: namespaces {spaces} + unattributed {rest} != node {node}")
            for sample in page.find("kepler_namespace_joules_total", domain=domain, mode=mode):
                space = sample.labels["container_namespace"]
                held = page.sum(f"kepler_container_{domain}_joules_total", container_namespace=space, mode=mode)
                if held != sample.value:
                    faults.append(f"{domain} {mode}: containers of {space} have {held}, not {sample.value}")
    if not page.find("kepler_namespace_joules_total"):
        faults.append("no kepler_namespace_joules_total at all")
    return faults


def audit(page, seen):
    """All faults of @page that need no knowledge of what ran: books, repeated label sets, falling counters.

    @seen holds the newest value of every series so far, of those that are gone as well; it is brought up to date."""
    faults = audit_books(page) + [f"twice: {line[:160]}" for line in page.repeated[:5]]
    for identity, now in page.series.items():
        value = seen.get(identity)
        if value is not None and now < value and page.is_counter(identity[0]):
            faults.append(f"fell from {value} to {now}: {identity[0]}{dict(identity[1])}")
    seen.update(page.series)
    return faults[:20]
