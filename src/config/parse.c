// SPDX-License-Identifier: Apache-2.0
#include "config/parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/sysroot.h"
#include "config/config.h"
#include "config/quote.h"

/* Fewer series would not hold one machine's own figures and a handful of workloads. */
#define SERIES_MIN 10000
#define SERIES_MAX 100000000

/* One word that an option knows, and its value. */
struct word {
	const char *word;
	int value;
	const char *why; /* known, but refused */
};

static int find_word(const struct word *words, const char *text, size_t len, const char **why)
{
	for (; words->word; words++) {
		if (strlen(words->word) != len || strncasecmp(words->word, text, len) != 0)
			continue;
		*why = words->why;
		return words->why ? -EINVAL : words->value;
	}
	return -EINVAL;
}

static int parse_word(const struct word *words, const char *text, int *value, const char **why)
{
	int found = find_word(words, text, strlen(text), why);

	if (found < 0)
		return found;
	*value = found;
	return 0;
}

/* Takes the next of the words with commas between off *@text, without white space around it. */
static size_t next_word(const char **text, const char **rest)
{
	size_t len = strcspn(*text, ",");

	*rest = (*text)[len] == ',' ? *text + len + 1 : NULL;
	for (; len > 0 && isspace((unsigned char)**text); len--)
		(*text)++;
	while (len > 0 && isspace((unsigned char)(*text)[len - 1]))
		len--;
	return len;
}

/* Words with commas between, white space around them ignored; their values are or-ed. */
static int parse_words(const struct word *words, const char *text, u32 *bits, const char **why)
{
	const char *rest;
	u32 all = 0;

	for (; text; text = rest) {
		size_t len = next_word(&text, &rest);
		int found = find_word(words, text, len, why);

		if (found < 0)
			return found;
		all |= (u32)found;
	}
	*bits = all;
	return 0;
}

/* The same where the order counts; "none" or nothing is an empty list. */
static int parse_order(const struct word *words, const char *text, struct config_meters *meters,
		       const char **why)
{
	struct config_meters list = { 0 };
	const char *rest;

	if (strcasecmp(text, "none") == 0 || *text == '\0')
		text = NULL;
	for (; text; text = rest) {
		size_t len = next_word(&text, &rest);
		int found = find_word(words, text, len, why);

		if (found < 0)
			return found;
		if (memchr(list.meter, found, list.count)) {
			*why = "a meter is there twice";
			return -EINVAL;
		}
		list.meter[list.count++] = (u8)found;
	}
	*meters = list;
	return 0;
}

CONFIG_PARSER(meters_cpu)
{
	static const struct word words[] = {
		{ "rapl-powercap", CONFIG_METER_RAPL_POWERCAP, NULL },
		{ "rapl-perf", CONFIG_METER_RAPL_PERF, NULL },
		{ "rapl-msr", CONFIG_METER_RAPL_MSR, NULL },
		{ "hwmon", CONFIG_METER_HWMON, NULL },
		{ NULL, 0, NULL },
	};

	return parse_order(words, text, field, why);
}

CONFIG_PARSER(meters_platform)
{
	static const struct word words[] = {
		{ "redfish", CONFIG_METER_REDFISH, NULL }, { "ipmi", CONFIG_METER_IPMI, NULL },
		{ "acpi", CONFIG_METER_ACPI, NULL },       { "hwmon", CONFIG_METER_HWMON, NULL },
		{ "psys", CONFIG_METER_PSYS, NULL },       { NULL, 0, NULL },
	};

	return parse_order(words, text, field, why);
}

CONFIG_PARSER(meters_gpu)
{
	static const struct word words[] = {
		{ "nvml", CONFIG_METER_NVML, NULL },
		{ "drm", CONFIG_METER_DRM, NULL },
		{ NULL, 0, NULL },
	};

	return parse_order(words, text, field, why);
}

/* What the meter of board sensors can hold, see hwmon_class.h there. */
#define ASSIGN_CHIP_MAX 31
#define ASSIGN_LABEL_MAX 47
#define ASSIGN_MAX 80

/* Whether CHIP[/LABEL] of @len bytes has parts of good lengths. */
static bool is_assign_name(const char *text, size_t len, const char **why)
{
	const char *slash = memchr(text, '/', len);
	size_t chip = slash ? (size_t)(slash - text) : len;

	if (slash && (len - chip < 2 || len - chip - 1 > ASSIGN_LABEL_MAX)) {
		*why = "the label after / is empty or too long";
		return false;
	}
	if (chip == 0 || chip > ASSIGN_CHIP_MAX) {
		*why = "a chip or its = is missing, or the chip's name is too long";
		return false;
	}
	return true;
}

/* CHIP[/LABEL]=DOMAIN with commas between; only the form is looked at here. */
CONFIG_PARSER(assign)
{
	static const struct word domains[] = {
		{ "package", 1, NULL },  { "core", 1, NULL },   { "dram", 1, NULL },
		{ "platform", 1, NULL }, { "ignore", 1, NULL }, { NULL, 0, NULL },
	};
	const char *rest, *domain;
	u32 count = 0;

	for (const char *item = text; item; item = rest) {
		size_t len = next_word(&item, &rest);
		const char *equals = memrchr(item, '=', len);

		if (!equals)
			equals = item; /* no name of a chip before it */
		if (!is_assign_name(item, (size_t)(equals - item), why))
			return -EINVAL;
		if (++count > ASSIGN_MAX) {
			*why = "there are too many";
			return -EINVAL;
		}
		domain = equals + 1 + strspn(equals + 1, " \t");
		if (find_word(domains, domain, len - (size_t)(domain - item), why) < 0) {
			*why = "the domain after = is none of package, core, dram, platform, ignore";
			return -EINVAL;
		}
	}
	return config_parse_name(text, field, size, why);
}

/* https://HOST[:PORT], or http; who logs in is said elsewhere. */
CONFIG_PARSER(url)
{
	const char *host = strncasecmp(text, "https://", 8) == 0  ? text + 8
			   : strncasecmp(text, "http://", 7) == 0 ? text + 7
								  : NULL;

	if (!host || *host == '\0' || *host == '/') {
		*why = "it does not begin with https:// and a host";
		return -EINVAL;
	}
	if (strchr(text, '@')) {
		*why = "user and password belong into the credentials file";
		return -EINVAL;
	}
	return config_parse_name(text, field, size, why);
}

CONFIG_PARSER(bool)
{
	static const struct word words[] = {
		{ "true", 1, NULL }, { "yes", 1, NULL },   { "on", 1, NULL },
		{ "1", 1, NULL },    { "false", 0, NULL }, { "no", 0, NULL },
		{ "off", 0, NULL },  { "0", 0, NULL },     { NULL, 0, NULL },
	};
	int value;

	if (parse_word(words, text, &value, why) < 0)
		return -EINVAL;
	*(bool *)field = value;
	return 0;
}

CONFIG_PARSER(schemas)
{
	static const struct word words[] = {
		{ "classic", CONFIG_SCHEMA_CLASSIC, NULL },
		{ "current", 0, "the schema current is not built yet" },
		{ NULL, 0, NULL },
	};

	return parse_words(words, text, field, why);
}

CONFIG_PARSER(levels)
{
	static const struct word words[] = {
		{ "node", CONFIG_LEVEL_NODE, NULL },
		{ "container", CONFIG_LEVEL_CONTAINER, NULL },
		{ "process", CONFIG_LEVEL_PROCESS, NULL },
		{ "vm", CONFIG_LEVEL_VM, NULL },
		{ "pod", 0, "pod is no level here: containers carry their pod's name" },
		{ NULL, 0, NULL },
	};

	return parse_words(words, text, field, why);
}

CONFIG_PARSER(idle)
{
	static const struct word words[] = {
		{ "usage", CONFIG_IDLE_USAGE, NULL },
		{ "equal", CONFIG_IDLE_EQUAL, NULL },
		{ "none", CONFIG_IDLE_NONE, NULL },
		{ "requests", 0, "requests needs the pods' CPU requests, which are not read yet" },
		{ NULL, 0, NULL },
	};
	int value;

	if (parse_word(words, text, &value, why) < 0)
		return -EINVAL;
	*(enum config_idle *)field = (enum config_idle)value;
	return 0;
}

CONFIG_PARSER(log_level)
{
	static const struct word words[] = {
		{ "debug", LOG_LEVEL_DEBUG, NULL }, { "info", LOG_LEVEL_INFO, NULL },
		{ "warn", LOG_LEVEL_WARN, NULL },   { "warning", LOG_LEVEL_WARN, NULL },
		{ "error", LOG_LEVEL_ERROR, NULL }, { NULL, 0, NULL },
	};
	int value;

	if (parse_word(words, text, &value, why) < 0)
		return -EINVAL;
	*(enum log_level *)field = (enum log_level)value;
	return 0;
}

CONFIG_PARSER(log_format)
{
	static const struct word words[] = {
		{ "text", LOG_FORMAT_TEXT, NULL },
		{ "json", LOG_FORMAT_JSON, NULL },
		{ NULL, 0, NULL },
	};
	int value;

	if (parse_word(words, text, &value, why) < 0)
		return -EINVAL;
	*(enum log_format *)field = (enum log_format)value;
	return 0;
}

/* Reads one NUMBER UNIT of a time and adds it to @sum_ns. Returns the text behind it, or NULL. */
static const char *parse_time_part(const char *text, u64 *sum_ns)
{
	static const struct {
		const char *name;
		u64 ns;
	} units[] = {
		{ "us", NSEC_PER_USEC },      { "ms", NSEC_PER_MSEC },
		{ "s", NSEC_PER_SEC },        { "m", 60 * NSEC_PER_SEC },
		{ "h", 3600 * NSEC_PER_SEC }, { "d", 86400 * NSEC_PER_SEC },
	};
	size_t digits = strspn(text, "0123456789");
	size_t letters = strspn(text + digits, "abcdefghijklmnopqrstuvwxyz");
	u64 number = 0;

	if (digits == 0 || digits > 12)
		return NULL;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (u64)(text[i] - '0');
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		u64 ns;

		if (strlen(units[i].name) != letters ||
		    strncmp(units[i].name, text + digits, letters) != 0)
			continue;
		if (__builtin_mul_overflow(number, units[i].ns, &ns) ||
		    __builtin_add_overflow(*sum_ns, ns, sum_ns))
			return NULL;
		return text + digits + letters;
	}
	return NULL;
}

/* 500ms, 1s, 5m, 1h30m: between @min_ns and @max_ns. */
static int parse_time(const char *text, u64 min_ns, u64 max_ns, u64 *value_ns, const char **why)
{
	u64 sum_ns = 0;

	if (*text != '\0' && strspn(text, "0123456789") == strlen(text))
		*why = "the number needs a unit: ms, s, m or h";
	do {
		text = parse_time_part(text, &sum_ns);
	} while (text && *text != '\0');
	if (!text)
		return -EINVAL;
	if (sum_ns < min_ns || sum_ns > max_ns) {
		*why = sum_ns < min_ns ? "the time is too short" : "the time is too long";
		return -EINVAL;
	}
	*value_ns = sum_ns;
	return 0;
}

CONFIG_PARSER(interval)
{
	return parse_time(text, 100 * NSEC_PER_MSEC, 60 * NSEC_PER_SEC, field, why);
}

CONFIG_PARSER(bmc_interval)
{
	return parse_time(text, NSEC_PER_SEC, 3600 * NSEC_PER_SEC, field, why);
}

CONFIG_PARSER(retention)
{
	return parse_time(text, 0, 24 * 3600 * NSEC_PER_SEC, field, why);
}

CONFIG_PARSER(series)
{
	u64 value;

	if (sysroot_parse_u64(text, &value) < 0)
		return -EINVAL;
	if (value < SERIES_MIN || value > SERIES_MAX) {
		*why = value < SERIES_MIN ? "the number is too small" : "the number is too large";
		return -EINVAL;
	}
	*(u32 *)field = (u32)value;
	return 0;
}

/* Text that fits, is valid UTF-8 and has no control characters. */
CONFIG_PARSER(name)
{
	size_t len = strlen(text);
	size_t bad;

	if (len >= size) {
		*why = "the text is too long";
		return -EINVAL;
	}
	for (size_t i = 0; i < len; i++)
		if ((u8)text[i] < 0x20 || text[i] == 0x7f)
			return -EINVAL;
	if (len == 0 || !config_is_utf8(text, len, &bad))
		return -EINVAL;
	memcpy(field, text, len + 1);
	return 0;
}

CONFIG_PARSER(file)
{
	return config_parse_name(text, field, size, why);
}

CONFIG_PARSER(dir)
{
	return *text == '/' ? config_parse_name(text, field, size, why) : -EINVAL;
}

CONFIG_PARSER(route)
{
	/* every other path that the server has; a test compares the two */
	static const char *const taken[] = { "/",       "/healthz",   "/readyz",   "/api",
					     "/app.js", "/style.css", "/icon.svg", "/index.html" };

	if (*text != '/' || strstr(text, "//"))
		return -EINVAL;
	for (const char *c = text; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && !strchr("/-_.~", *c))
			return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (strcmp(text, taken[i]) == 0)
			*why = "the path is another page's";
	if (strncmp(text, "/api/", 5) == 0)
		*why = "the path is another page's";
	return *why ? -EINVAL : config_parse_name(text, field, size, why);
}

/*
 * @host of @len bytes: nothing, "localhost", an IPv4 address, or an IPv6 address in brackets. Not
 * other names: what they stand for may change, and who asks for an address wants to know which.
 */
static bool is_host(const char *host, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	u8 address[16];

	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		if (len - 2 >= sizeof(text))
			return false;
		snprintf(text, sizeof(text), "%.*s", (int)len - 2, host + 1);
		return inet_pton(AF_INET6, text, address) == 1;
	}
	if (len >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)len, host);
	return len == 0 || strcmp(text, "localhost") == 0 || inet_pton(AF_INET, text, address) == 1;
}

CONFIG_PARSER(listen)
{
	const char *colon = strrchr(text, ':');
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;

	if (!colon) {
		*why = "the port is missing";
		return -EINVAL;
	}
	if (digits == 0 || digits > 5 || colon[1 + digits] != '\0' || atoi(colon + 1) > 65535) {
		*why = "the port is not a number from 0 to 65535";
		return -EINVAL;
	}
	if (!is_host(text, (size_t)(colon - text))) {
		*why = "the host is neither an IP address (IPv6 wants brackets) nor localhost";
		return -EINVAL;
	}
	return config_parse_name(text, field, size, why);
}
