// SPDX-License-Identifier: Apache-2.0
/*
 * The texts around power sensors: hwmon.assign, names of attributes, labels and what firmware calls
 * its rails. What is accepted reads back as the same, what is refused leaves the result alone, and
 * whatever a label says, a sensor is counted in the domains of one class only.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/acpi_find.h"
#include "meter/hwmon_class.h"
#include "meter/hwmon_scan.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static const char *word_of(enum hwmon_class class)
{
	switch (class) {
	case HWMON_PACKAGE:
		return "package";
	case HWMON_CORE:
		return "core";
	case HWMON_DRAM:
		return "dram";
	case HWMON_PLATFORM:
		return "platform";
	case HWMON_IGNORED:
		return "ignore";
	default:
		abort();
	}
}

/* Written from the parsed form it parses to the same. */
static void assignments(const char *text)
{
	static struct hwmon_assign assign, again;
	static char out[HWMON_ASSIGN_MAX * 100];
	const char *why = NULL;
	size_t len = 0;

	assign.count = 4711;
	if (hwmon_assign_parse(text, &assign, &why) < 0) {
		check(assign.count == 4711 && why && why[0]);
		return;
	}
	check(assign.count <= HWMON_ASSIGN_MAX);
	out[0] = '\0';
	for (u32 i = 0; i < assign.count; i++) {
		const struct hwmon_assignment *item = &assign.item[i];

		check(item->chip[0] && !isspace((unsigned char)item->chip[0]));
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%s%s%s=%s", i ? "," : "",
					item->chip, item->label[0] ? "/" : "", item->label,
					word_of(item->class));
	}
	check(hwmon_assign_parse(out, &again, &why) == 0);
	check(again.count == assign.count &&
	      memcmp(again.item, assign.item, assign.count * sizeof(assign.item[0])) == 0);
}

static void attributes(const char *text)
{
	static const char *const kinds[] = { "energy", "power", "in", "curr" };
	struct hwmon_attr attr = { .index = 4711 };
	char again[64];

	if (hwmon_attr_parse(text, &attr) < 0) {
		check(attr.index == 4711);
		return;
	}
	check(attr.index <= HWMON_INDEX_MAX && attr.kind < HWMON_KINDS && attr.has);
	/* Zeros before the number aside, it is this text. */
	snprintf(again, sizeof(again), "%s", kinds[attr.kind]);
	check(strncmp(text, again, strlen(again)) == 0);
	check(strtoul(text + strlen(again), NULL, 10) == attr.index);
}

static void classes(const char *text)
{
	static const char *const chips[] = { "power_meter", "ibmpowernv",  "amd_energy",
					     "corsairpsu",  "smpro_hwmon", "ina3221",
					     "unknown" };

	for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
		struct hwmon_id id = { chips[i], "", "", text, "power1" };
		struct hwmon_verdict v = hwmon_classify(NULL, &id);

		check(v.class < HWMON_CLASS_MAX && v.assigned == 0);
		check(v.number <= 9999 || v.number == HWMON_NO_NUMBER);
		check((v.fact == NULL) == (v.class == HWMON_UNKNOWN) && (v.rank == 0) == !v.fact);
		/* Every rail of Grace names its socket; what does not is the machine. */
		if (i == 0 && strstr(text, " Socket ") == NULL)
			check(v.class == HWMON_METER);
	}
}

static void accuracy(const char *text)
{
	double error = 4711;

	if (acpi_accuracy_parse(text, &error) < 0)
		check(error == 4711);
	else
		check(error >= 0 && error <= 1 && strchr(text, '%'));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	assignments(text);
	attributes(text);
	if (size < 48) /* as a label that was read */
		classes(text);
	accuracy(text);
	free(text);
	return 0;
}
