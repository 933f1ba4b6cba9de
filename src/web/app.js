// SPDX-License-Identifier: Apache-2.0
// Asks the agent once a second and shows the answer. Names are somebody else's bytes: they are only ever
// set as textContent.
"use strict";

const LIMIT = 20;
const PERIOD_MS = 1000;
const RETRY_MS = 5000;
const QUALITY = {
	measured: "Measured by this machine's own meters.",
	learned: "Estimated by a model learned on this machine.",
	model: "Estimated by a model learned on other machines.",
	prior: "Estimated from typical figures of this CPU, because the machine has no meter for it.",
};

const byId = (id) => document.getElementById(id);

function setText(element, text) {
	if (element.textContent !== text)
		element.textContent = text;
}

function child(parent, tag, className) {
	const element = document.createElement(tag);
	element.className = className;
	parent.append(element);
	return element;
}

// Makes @parent hold @count children, new ones built by @build, and calls @fill for each.
function fillList(parent, items, build, fill) {
	while (parent.children.length > items.length)
		parent.lastElementChild.remove();
	while (parent.children.length < items.length)
		parent.append(build());
	items.forEach((item, i) => fill(parent.children[i], item));
}

function digits(number) {
	return number.toFixed(number < 10 ? 2 : number < 100 ? 1 : 0);
}

function scaled(number, units) {
	let i = 0;
	for (; number >= 1000 && i < units.length - 1; i++)
		number /= 1000;
	return digits(number) + "\u00a0" + units[i];
}

const watts = (number) => scaled(number, ["W", "kW", "MW"]);
const joules = (number) => scaled(number, ["J", "kJ", "MJ", "GJ", "TJ"]);
const percent = (ratio) => (ratio * 100).toFixed(ratio < 0.1 ? 1 : 0) + "\u00a0%";

function duration(seconds) {
	return seconds < 120 ? Math.round(seconds) + " s" : seconds < 7200 ? Math.round(seconds / 60) + " min"
		: Math.round(seconds / 3600) + " h";
}

// What stands beside every number that is not measured.
function note(quality, error) {
	return quality === "measured" ? "" : "estimated, \u00b1" + Math.round(error * 100) + "\u00a0%";
}

function tile() {
	const item = document.createElement("li");
	child(item, "span", "name");
	child(item, "span", "value");
	child(item, "span", "note");
	return item;
}

function fillTile(item, [name, value, hint]) {
	["name", "value", "note"].forEach((part, i) => setText(item.querySelector("." + part), [name, value, hint][i]));
}

function row() {
	const line = document.createElement("tr");
	const who = child(line, "td", "");
	child(who, "span", "name");
	child(who, "span", "sub");
	for (let i = 0; i < 2; i++) {
		const cell = child(line, "td", "n");
		child(cell, "span", "value");
		child(cell, "span", "note");
	}
	return line;
}

function fillRows(table, rows, power, describe) {
	const hint = note(power.quality, power.error);
	fillList(byId(table).tBodies[0], rows, row, (line, item) => {
		const [name, sub] = describe(item);
		const values = line.querySelectorAll(".value");
		line.classList.toggle("ended", item.ended);
		setText(line.querySelector(".name"), name);
		setText(line.querySelector(".sub"), sub + (item.ended ? " (ended)" : ""));
		setText(values[0], watts(item.watts));
		setText(values[1], joules(item.joules));
		line.querySelectorAll(".note").forEach((element) => setText(element, hint));
	});
}

function describeContainer(item) {
	const id = item.container_id.slice(0, 12);
	const place = [item.namespace, item.pod, item.container_name === item.container_id ? "" : id];
	return [item.container_name || id, place.filter((text) => text && text !== item.container_name).join(" \u00b7 ")];
}

function describeProcess(item) {
	const place = [item.pid ? "pid " + item.pid : "several processes", item.container_name];
	return [item.command, place.filter(Boolean).join(" \u00b7 ")];
}

function facts(data) {
	const lost = Object.entries(data.lost).filter(([, count]) => count > 0);
	const hint = note(data.power.quality, data.power.error);
	const list = data.meters.map((meter) => ["Meter " + meter.name,
		(meter.up ? "up, " : "not working, ") + meter.quality + ", source " + meter.source
		+ (meter.read_errors ? ", " + meter.read_errors + " failed reads" : "")]);
	list.push(["CPU time", (data.activity.source === "bpf" ? "eBPF, every thread to its end"
		: "/proc: processes that live shorter than a tick are missed")
		+ (data.activity.detail ? " (" + data.activity.detail + ")" : "")]);
	list.push(["Lost events", lost.length ? lost.map(([name, count]) => name + " " + count).join(", ") : "none"]);
	list.push(["The agent itself", data.self.cpu_seconds.toFixed(2) + " s of CPU time in "
		+ duration(data.self.uptime_seconds) + ", " + (data.self.resident_bytes / 1e6).toFixed(1) + " MB, "
		+ joules(data.self.joules) + (hint ? " (" + hint + ")" : "")]);
	return list;
}

function fillFacts(list) {
	const parent = byId("facts");
	while (parent.children.length > list.length * 2)
		parent.lastElementChild.remove();
	while (parent.children.length < list.length * 2) {
		child(parent, "dt", "");
		child(parent, "dd", "");
	}
	list.forEach(([name, value], i) => {
		setText(parent.children[2 * i], name);
		setText(parent.children[2 * i + 1], value);
	});
}

function show(data) {
	const hint = note(data.power.quality, data.power.error);
	setText(byId("node"), data.node);
	setText(byId("machine"), [data.cpu_architecture, data.cpus + " CPUs"].filter(Boolean).join(" \u00b7 "));
	setText(byId("watts"), watts(data.power.watts));
	setText(byId("watts-note"), hint);
	setText(byId("quality"), QUALITY[data.power.quality] || "");
	fillList(byId("domains"), data.domains, tile, (item, domain) => fillTile(item,
		[domain.domain, watts(domain.watts), note(domain.quality, domain.error)]));
	fillList(byId("cpu"), Object.entries(data.cpu), tile, (item, [state, ratio]) => fillTile(item,
		["CPU " + state, percent(ratio), ""]));
	fillRows("containers", data.containers, data.power, describeContainer);
	fillRows("processes", data.processes, data.power, describeProcess);
	fillFacts(facts(data));
	setText(byId("version"), "Kepler " + data.version + " \u00b7 tick " + data.tick + " \u00b7 "
		+ new Date(data.time * 1000).toLocaleTimeString());
	document.title = watts(data.power.watts) + " \u00b7 " + data.node + " \u00b7 Kepler";
	document.querySelector("main").hidden = false;
}

function banner(text) {
	byId("banner").hidden = !text;
	setText(byId("banner"), text);
}

async function ask() {
	const response = await fetch("api/v1/top?limit=" + LIMIT, { cache: "no-store", signal: AbortSignal.timeout(RETRY_MS) });
	if (response.status === 503)
		return banner("The agent is starting: its first tick is not complete.");
	if (!response.ok)
		throw new Error(response.status);
	const data = await response.json();
	show(data);
	const late = Date.now() / 1000 - data.time;
	banner(late > 10 + 5 * data.interval ? "These numbers are " + Math.round(late)
		+ " s old: the agent's sampler is stuck, or this computer's clock is off." : "");
}

async function loop() {
	let wait = PERIOD_MS;
	if (!document.hidden) {
		try {
			await ask();
		} catch {
			banner("The agent cannot be reached; trying again.");
			wait = RETRY_MS;
		}
	}
	setTimeout(loop, wait);
}

loop();
