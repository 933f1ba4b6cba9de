// SPDX-License-Identifier: Apache-2.0
/*
 * What a GPU's driver tells of an open file, the name of the file, and the properties of a compute
 * node: names and numbers must be found in the text, and bounds hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/drm_fdinfo.h"
#include "meter/drm_kfd.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* "KEYNAME" stands in the text, and "NUMBER" too. */
static void check_told(const char *text, const char *key, const char *name, u64 number)
{
	char again[64];

	snprintf(again, sizeof(again), "%s%s:", key, name);
	check(strstr(text, again) != NULL);
	snprintf(again, sizeof(again), "%llu", (unsigned long long)number);
	check(strstr(text, again) != NULL);
}

static void check_engine(const char *text, const struct drm_engine *engine)
{
	size_t len = strnlen(engine->name, sizeof(engine->name));

	check(len > 0 && len < sizeof(engine->name));
	check(engine->capacity >= 1 && engine->capacity <= DRM_CAPACITY_MAX);
	if (engine->has_ns)
		check_told(text, "drm-engine-", engine->name, engine->busy_ns);
	if (engine->has_cycles)
		check_told(text, "drm-cycles-", engine->name, engine->cycles);
	if (engine->has_total)
		check_told(text, "drm-total-cycles-", engine->name, engine->total_cycles);
}

/* Whether a number in the text is written with zeros in front, which check_told() does not know. */
static bool has_leading_zeros(const char *text)
{
	for (; *text; text++) {
		if (text[0] == '0' && text[1] >= '0' && text[1] <= '9')
			return true;
	}
	return false;
}

static void fdinfo(const char *text)
{
	struct drm_fdinfo info = { .engines = 4711 };
	int r = drm_fdinfo_parse(text, &info);

	check(info.engines <= DRM_ENGINES_MAX);
	check(memchr(info.driver, '\0', sizeof(info.driver)) != NULL);
	check(memchr(info.address, '\0', sizeof(info.address)) != NULL);
	check(strstr(text, info.driver) && strstr(text, info.address));
	check(r < 0 || (info.driver[0] && strstr(text, "drm-client-id:")));
	for (u32 i = 0; i < info.engines; i++) {
		if (!has_leading_zeros(text))
			check_engine(text, &info.engine[i]);
		for (u32 other = 0; other < i; other++)
			check(strcmp(info.engine[i].name, info.engine[other].name) != 0);
	}
}

static void node(const char *text)
{
	char again[32];
	bool is_render;
	u32 number;

	if (!drm_node_parse(text, &is_render, &number))
		return;
	check(strstr(text, "/dri/") != NULL);
	snprintf(again, sizeof(again), "%u", number);
	check(strstr(text, again) != NULL);
}

static void property(const char *text)
{
	u64 value = 4711;
	char again[32];

	if (drm_kfd_property(text, "simd_count", &value) < 0) {
		check(value == 4711);
		return;
	}
	check(strstr(text, "simd_count ") != NULL);
	snprintf(again, sizeof(again), "%llu", (unsigned long long)value);
	check(strstr(text, again) != NULL);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	fdinfo(text);
	node(text);
	property(text);
	free(text);
	return 0;
}
