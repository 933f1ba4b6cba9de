// SPDX-License-Identifier: Apache-2.0
#include "meter/rapl_name.h"

#include <errno.h>
#include <string.h>

/* No machine has this many sockets, dies or zones; it keeps every number and label short. */
#define RAPL_NUMBER_MAX 9999

static const char *skip(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* Reads decimal digits at @text; returns what follows them, or NULL when there are none or too
 * many. */
static const char *number(const char *text, u32 *value)
{
	u32 parsed = 0;
	const char *c;

	for (c = text; *c >= '0' && *c <= '9'; c++) {
		parsed = parsed * 10 + (u32)(*c - '0');
		if (parsed > RAPL_NUMBER_MAX)
			return NULL;
	}
	if (c == text)
		return NULL;
	*value = parsed;
	return c;
}

int rapl_id_parse(const char *text, struct rapl_id *id)
{
	struct rapl_id parsed = { .sub = RAPL_NO_SUB };
	const char *rest = skip(text, "intel-rapl-mmio:");

	parsed.mmio = rest != NULL;
	if (!rest)
		rest = skip(text, "intel-rapl:");
	if (rest)
		rest = number(rest, &parsed.zone);
	if (rest && *rest == ':')
		rest = number(rest + 1, &parsed.sub);
	if (!rest || *rest != '\0')
		return -EINVAL;
	*id = parsed;
	return 0;
}

static int parse_package(const char *rest, struct rapl_name *name)
{
	struct rapl_name parsed = { .domain = DOMAIN_PACKAGE };

	rest = number(rest, &parsed.socket);
	if (rest && *rest != '\0') {
		rest = skip(rest, "-die-");
		if (rest)
			rest = number(rest, &parsed.die);
	}
	if (!rest || *rest != '\0')
		return -EINVAL;
	*name = parsed;
	return 0;
}

static int parse_psys(const char *rest, struct rapl_name *name)
{
	struct rapl_name parsed = { .domain = DOMAIN_PLATFORM };

	if (*rest == '-')
		rest = number(rest + 1, &parsed.socket);
	if (!rest || *rest != '\0')
		return -EINVAL;
	*name = parsed;
	return 0;
}

int rapl_name_parse(const char *text, struct rapl_name *name)
{
	static const struct {
		const char *text;
		enum power_domain domain;
	} subs[] = {
		{ "core", DOMAIN_CORE },
		{ "uncore", DOMAIN_UNCORE },
		{ "dram", DOMAIN_DRAM },
	};
	const char *rest;

	rest = skip(text, "package-");
	if (rest)
		return parse_package(rest, name);
	rest = skip(text, "psys");
	if (rest)
		return parse_psys(rest, name);
	for (size_t i = 0; i < ARRAY_SIZE(subs); i++) {
		if (strcmp(text, subs[i].text) == 0) {
			*name = (struct rapl_name){ .domain = subs[i].domain };
			return 0;
		}
	}
	return -EINVAL;
}
