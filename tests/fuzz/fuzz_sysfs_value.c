// SPDX-License-Identifier: Apache-2.0
/*
 * The small texts of sysfs and /proc/cpuinfo: numbers, names and directories of zones. What is
 * parsed must agree with an independent reading of the same bytes, and what is refused must leave
 * the result alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sysroot.h"
#include "meter/cpu_model.h"
#include "meter/energy.h"
#include "meter/rapl_name.h"
#include "meter/rapl_twin.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void number(const char *text)
{
	u64 value = 4711;
	char again[32], *end;

	if (sysroot_parse_u64(text, &value) < 0) {
		check(value == 4711);
		return;
	}
	check(strtoull(text, &end, 10) == value);
	check(end[strspn(end, " \t\n\v\f\r")] == '\0');
	snprintf(again, sizeof(again), "%llu", (unsigned long long)value);
	check(strstr(text, again) != NULL);
}

static void zone_names(const char *text)
{
	struct rapl_id id = { .zone = 4711 };
	struct rapl_name name = { .domain = DOMAIN_MAX };
	char again[64];

	if (rapl_id_parse(text, &id) == 0) {
		check(id.zone <= 9999 && (id.sub <= 9999 || id.sub == RAPL_NO_SUB));
		snprintf(again, sizeof(again), "intel-rapl%s:", id.mmio ? "-mmio" : "");
		check(strncmp(text, again, strlen(again)) == 0);
	} else {
		check(id.zone == 4711);
	}
	if (rapl_name_parse(text, &name) == 0)
		check(name.domain < DOMAIN_MAX && name.socket <= 9999 && name.die <= 9999);
	else
		check(name.domain == DOMAIN_MAX);
}

static void cpu(const char *text)
{
	struct cpu_id id = { .family = 4711 };

	if (cpu_id_parse(text, &id) < 0) {
		check(id.family == 4711);
		return;
	}
	check(id.vendor[0] != '\0' && memchr(id.vendor, '\0', sizeof(id.vendor)) != NULL);
	check(cpu_model_find(&id)->name != NULL);
}

/* The first bytes as three numbers. */
static void arithmetic(const u8 *data, size_t size)
{
	struct rapl_twin twin = { 0 };
	u64 n[3];
	u64 delta;

	if (size < sizeof(n))
		return;
	memcpy(n, data, sizeof(n));
	delta = energy_delta_uj(n[0], n[1], n[2]);
	check(n[2] ? delta < n[2] : delta <= n[1]);
	rapl_twin_suspect(&twin, n[0], n[1]);
	rapl_twin_compare(&twin, n[1], n[0], n[2]);
	check(twin.state >= TWIN_DISTINCT);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	number(text);
	zone_names(text);
	cpu(text);
	arithmetic(data, size);
	free(text);
	return 0;
}
