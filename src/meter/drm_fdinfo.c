// SPDX-License-Identifier: Apache-2.0
#include "meter/drm_fdinfo.h"

#include <errno.h>
#include <string.h>

#include "base/sysroot.h"

/* One line: a key, and a value without the white space around it. */
struct line {
	const char *key, *value;
	size_t key_len, value_len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the line at *@text, which moves behind it. False for a line without a colon. */
static bool next_line(const char **text, struct line *line)
{
	const char *start = *text, *end = strchrnul(start, '\n');
	const char *colon = memchr(start, ':', (size_t)(end - start));

	*text = *end ? end + 1 : end;
	if (!colon)
		return false;
	line->key = start;
	line->key_len = (size_t)(colon - start);
	line->value = colon + 1;
	while (line->value < end && is_blank(*line->value))
		line->value++;
	while (end > line->value && is_blank(end[-1]))
		end--;
	line->value_len = (size_t)(end - line->value);
	return true;
}

static bool is_key(const struct line *line, const char *key)
{
	return line->key_len == strlen(key) && memcmp(line->key, key, line->key_len) == 0;
}

/* What follows @prefix in the key is the engine's name: *@name and its length, or false. */
static bool has_prefix(const struct line *line, const char *prefix, const char **name, size_t *len)
{
	size_t prefix_len = strlen(prefix);

	if (line->key_len <= prefix_len || memcmp(line->key, prefix, prefix_len) != 0)
		return false;
	*name = line->key + prefix_len;
	*len = line->key_len - prefix_len;
	return true;
}

static void copy_value(char *out, size_t size, const struct line *line)
{
	if (out[0] || line->value_len >= size)
		return;
	memcpy(out, line->value, line->value_len);
	out[line->value_len] = '\0';
}

/* A number, and behind it nothing or @unit. */
static bool parse_number(const struct line *line, const char *unit, u64 *number)
{
	const char *c = line->value, *end = c + line->value_len;
	u64 parsed = 0;

	for (; c < end && *c >= '0' && *c <= '9'; c++) {
		u64 digit = (u64)(*c - '0');

		if (parsed > (UINT64_MAX - digit) / 10)
			return false;
		parsed = parsed * 10 + digit;
	}
	if (c == line->value)
		return false;
	while (c < end && is_blank(*c))
		c++;
	if (c < end && ((size_t)(end - c) != strlen(unit) || memcmp(c, unit, strlen(unit)) != 0))
		return false;
	*number = parsed;
	return true;
}

/* The engine of this name, a new one if need be; NULL without room. */
static struct drm_engine *engine_of(struct drm_fdinfo *info, const char *name, size_t len)
{
	struct drm_engine *engine;

	if (len >= sizeof(engine->name))
		return NULL;
	for (u32 i = 0; i < info->engines; i++) {
		engine = &info->engine[i];
		if (strlen(engine->name) == len && memcmp(engine->name, name, len) == 0)
			return engine;
	}
	if (info->engines == DRM_ENGINES_MAX)
		return NULL;
	engine = &info->engine[info->engines++];
	*engine = (struct drm_engine){ .capacity = 1 };
	memcpy(engine->name, name, len);
	return engine;
}

/* What an engine line may tell. */
enum about {
	ABOUT_CAPACITY,
	ABOUT_NS,
	ABOUT_CYCLES,
	ABOUT_TOTAL,
	ABOUT_MAX,
};

struct engine_key {
	const char *prefix;
	const char *unit;
};

/* By enum about. The capacity comes first: its key begins like that of the time. */
static const struct engine_key engine_keys[ABOUT_MAX] = {
	[ABOUT_CAPACITY] = { "drm-engine-capacity-", "" },
	[ABOUT_NS] = { "drm-engine-", "ns" },
	[ABOUT_CYCLES] = { "drm-cycles-", "" },
	[ABOUT_TOTAL] = { "drm-total-cycles-", "" },
};

static void set_engine(struct drm_engine *engine, enum about about, u64 number)
{
	switch (about) {
	case ABOUT_CAPACITY:
		if (number >= 1 && number <= DRM_CAPACITY_MAX)
			engine->capacity = (u32)number;
		break;
	case ABOUT_NS:
		engine->has_ns = true;
		engine->busy_ns = number;
		break;
	case ABOUT_CYCLES:
		engine->has_cycles = true;
		engine->cycles = number;
		break;
	case ABOUT_TOTAL:
	default:
		engine->has_total = true;
		engine->total_cycles = number;
		break;
	}
}

static void parse_engine(struct drm_fdinfo *info, const struct line *line)
{
	for (u32 about = 0; about < ABOUT_MAX; about++) {
		struct drm_engine *engine;
		const char *name;
		size_t len;
		u64 number;

		if (!has_prefix(line, engine_keys[about].prefix, &name, &len))
			continue;
		if (!parse_number(line, engine_keys[about].unit, &number))
			return;
		engine = engine_of(info, name, len);
		if (engine)
			set_engine(engine, (enum about)about, number);
		return;
	}
}

int drm_fdinfo_parse(const char *text, struct drm_fdinfo *info)
{
	bool has_client = false;
	struct line line;

	*info = (struct drm_fdinfo){ 0 };
	while (*text) {
		if (!next_line(&text, &line))
			continue;
		if (is_key(&line, "drm-driver"))
			copy_value(info->driver, sizeof(info->driver), &line);
		else if (is_key(&line, "drm-pdev"))
			copy_value(info->address, sizeof(info->address), &line);
		else if (is_key(&line, "drm-client-id"))
			has_client = has_client || parse_number(&line, "", &info->client);
		else
			parse_engine(info, &line);
	}
	return info->driver[0] && has_client ? 0 : -ENODATA;
}

bool drm_node_parse(const char *target, bool *is_render, u32 *number)
{
	const char *name = strrchr(target, '/');
	u64 parsed;

	/* Wherever a container has its /dev. */
	if (!name || name - target < 4 || memcmp(name - 4, "/dri", 4) != 0)
		return false;
	name++;
	if (strncmp(name, "card", 4) == 0)
		*is_render = false;
	else if (strncmp(name, "renderD", 7) == 0)
		*is_render = true;
	else
		return false;
	name += *is_render ? 7 : 4;
	if (*name < '0' || *name > '9' || sysroot_parse_u64(name, &parsed) < 0 || parsed > 1 << 20)
		return false;
	*number = (u32)parsed;
	return true;
}
