// SPDX-License-Identifier: Apache-2.0
#include "meter/hwmon_class.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define NUMBER_MAX 9999

static const struct hwmon_fact facts[] = {
#define HWMON_CHIP(chip, label, class, flags, error, remark) \
	{ chip, label, HWMON_##class, flags, error, remark },
#include "meter/hwmon_chips.def"
#undef HWMON_CHIP
};

static const struct {
	const char *name;
	enum hwmon_class class;
} words[] = {
	{ "package", HWMON_PACKAGE },   { "core", HWMON_CORE },      { "dram", HWMON_DRAM },
	{ "platform", HWMON_PLATFORM }, { "ignore", HWMON_IGNORED },
};

/* Reads the digits at *@text; false when there are none, or the number is too large. */
static bool take_number(const char **text, u32 *number)
{
	const char *digits = *text;
	u32 value = 0;

	for (; **text >= '0' && **text <= '9' && value <= NUMBER_MAX; (*text)++)
		value = value * 10 + (u32)(**text - '0');
	if (*text == digits || value > NUMBER_MAX)
		return false;
	*number = value;
	return true;
}

bool hwmon_match(const char *pattern, const char *text, u32 *number)
{
	for (; *pattern && *pattern != '*'; pattern++) {
		if (*pattern == '#') {
			if (!take_number(&text, number))
				return false;
		} else if (*pattern != *text++) {
			return false;
		}
	}
	if (*pattern == '\0')
		return *text == '\0';
	while (!hwmon_match(pattern + 1, text, number)) {
		if (*text++ == '\0')
			return false;
	}
	return true;
}

/* Cuts white space off both ends of the @len bytes at *@text. */
static size_t trim(const char **text, size_t len)
{
	for (; len > 0 && isspace((unsigned char)**text); len--)
		(*text)++;
	while (len > 0 && isspace((unsigned char)(*text)[len - 1]))
		len--;
	return len;
}

/* Copies a part of an item into @out; false when it is empty or too long. */
static bool take_part(char *out, size_t size, const char *text, size_t len)
{
	len = trim(&text, len);
	if (len == 0 || len >= size)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static int parse_item(const char *text, size_t len, struct hwmon_assignment *item, const char **why)
{
	const char *equals = memrchr(text, '=', len);
	const char *slash = equals ? memchr(text, '/', (size_t)(equals - text)) : NULL;
	char domain[16];

	*item = (struct hwmon_assignment){ .class = HWMON_UNKNOWN };
	*why = "a chip or its = is missing, or the chip's name is too long";
	if (!equals || !take_part(item->chip, sizeof(item->chip), text,
				  (size_t)((slash ? slash : equals) - text)))
		return -EINVAL;
	*why = "the label after / is empty or too long";
	if (slash &&
	    !take_part(item->label, sizeof(item->label), slash + 1, (size_t)(equals - slash - 1)))
		return -EINVAL;
	*why = "the domain after = is none of package, core, dram, platform, ignore";
	if (!take_part(domain, sizeof(domain), equals + 1, len - (size_t)(equals + 1 - text)))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(domain, words[i].name) == 0)
			item->class = words[i].class;
	}
	return item->class == HWMON_UNKNOWN ? -EINVAL : 0;
}

int hwmon_assign_parse(const char *text, struct hwmon_assign *assign, const char **why)
{
	struct hwmon_assign parsed = { 0 };

	for (size_t len; text && *text; text += len + (text[len] == ',')) {
		len = strcspn(text, ",");
		if (parsed.count == HWMON_ASSIGN_MAX) {
			*why = "there are too many";
			return -EINVAL;
		}
		if (parse_item(text, len, &parsed.item[parsed.count++], why) < 0)
			return -EINVAL;
	}
	*assign = parsed;
	return 0;
}

/* What would count a second time if a chip were assigned as a whole: it is to be named. */
static const struct {
	const char *chip, *label, *sensor;
} apart[] = {
	{ "*", "pout*", "*" },         /* PMBus: what goes out came in as pin */
	{ "ltc2947", "*", "energy2" }, /* the same current, on other conditions */
};

static bool is_apart(const struct hwmon_id *id)
{
	u32 ignored;

	for (size_t i = 0; i < ARRAY_SIZE(apart); i++) {
		if (hwmon_match(apart[i].chip, id->name, &ignored) &&
		    hwmon_match(apart[i].label, id->label, &ignored) &&
		    hwmon_match(apart[i].sensor, id->sensor, &ignored))
			return true;
	}
	return false;
}

static bool assignment_fits(const struct hwmon_assignment *item, const struct hwmon_id *id)
{
	if (strcmp(item->chip, id->name) != 0 && strcmp(item->chip, id->driver) != 0 &&
	    strcmp(item->chip, id->device) != 0)
		return false;
	if (!item->label[0])
		return item->class == HWMON_IGNORED || !is_apart(id);
	return strcmp(item->label, id->label) == 0 || strcmp(item->label, id->sensor) == 0;
}

/* The assignment that says most: one with a label before one without, an earlier before a later. */
static u32 find_assignment(const struct hwmon_assign *assign, const struct hwmon_id *id)
{
	u32 best = assign->count;

	for (u32 i = 0; i < assign->count; i++) {
		if (!assignment_fits(&assign->item[i], id))
			continue;
		if (best == assign->count ||
		    (assign->item[i].label[0] && !assign->item[best].label[0]))
			best = i;
	}
	return best;
}

static const struct hwmon_fact *find_fact(const char *chip, const char *label, u32 *number)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		u32 ignored, found = HWMON_NO_NUMBER;

		if (hwmon_match(facts[i].chip, chip, &ignored) &&
		    hwmon_match(facts[i].label, label, &found)) {
			*number = found;
			return &facts[i];
		}
	}
	return NULL;
}

/* All facts of one chip have the rank of the first. */
static u32 rank_of(const struct hwmon_fact *fact)
{
	u32 i = 0;

	while (strcmp(facts[i].chip, fact->chip) != 0)
		i++;
	return i + 1;
}

struct hwmon_verdict hwmon_classify(const struct hwmon_assign *assign, const struct hwmon_id *id)
{
	struct hwmon_verdict verdict = { .class = HWMON_UNKNOWN, .number = HWMON_NO_NUMBER };
	u32 assigned = assign ? find_assignment(assign, id) : 0;
	const struct hwmon_fact *fact = find_fact(id->name, id->label, &verdict.number);

	if (!fact)
		fact = find_fact(id->driver, id->label, &verdict.number);
	if (assign && assigned < assign->count) {
		verdict.class = assign->item[assigned].class;
		verdict.assigned = assigned + 1;
		if (fact && (fact->flags & HWMON_BY_CPU))
			verdict.number = HWMON_NO_NUMBER;
	} else if (fact) {
		verdict.class = fact->class;
		verdict.fact = fact;
		verdict.rank = rank_of(fact);
	}
	return verdict;
}

u32 hwmon_domains(enum hwmon_class class)
{
	switch (class) {
	case HWMON_PACKAGE:
		return 1U << DOMAIN_PACKAGE;
	case HWMON_CORE:
		return 1U << DOMAIN_CORE;
	case HWMON_UNCORE:
		return 1U << DOMAIN_UNCORE;
	case HWMON_CORE_RAIL:
		return 1U << DOMAIN_PACKAGE | 1U << DOMAIN_CORE;
	case HWMON_UNCORE_RAIL:
		return 1U << DOMAIN_PACKAGE | 1U << DOMAIN_UNCORE;
	case HWMON_DRAM:
		return 1U << DOMAIN_DRAM;
	case HWMON_PLATFORM:
		return 1U << DOMAIN_PLATFORM;
	default:
		return 0;
	}
}

bool hwmon_is_open(enum hwmon_class class)
{
	return class == HWMON_UNKNOWN || class == HWMON_RAIL || class == HWMON_SUPPLY;
}
