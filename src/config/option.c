// SPDX-License-Identifier: Apache-2.0
#include "config/option.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/parse.h"
#include "config/quote.h"

#define OPTION(name_, member_, kind_, initial_, expects_, example_, help_) \
	{ .name = name_,                                                   \
	  .offset = offsetof(struct config, member_),                      \
	  .size = sizeof(((struct config *)0)->member_),                   \
	  .parse = config_parse_##kind_,                                   \
	  .initial = initial_,                                             \
	  .expects = expects_,                                             \
	  .example = example_,                                             \
	  .help = help_ },
const struct option config_options[] = {
#include "config/options.def"
};
const size_t config_option_count = ARRAY_SIZE(config_options);

#define CLASSIC(env_, option_, kind_, help_) \
	{ .env = env_, .option = option_, .kind = kind_, .help = help_ },
const struct classic_name config_classic[] = {
#include "config/options.def"
};
const size_t config_classic_count = ARRAY_SIZE(config_classic);

#define UNUSED(env_, harmless_, help_) { .env = env_, .harmless = harmless_, .help = help_ },
const struct unused_name config_unused[] = {
#include "config/options.def"
};
const size_t config_unused_count = ARRAY_SIZE(config_unused);

/* The length of the longest name, so that the buffers below are checked by the compiler. */
#define OPTION(name_, ...) \
	_Static_assert(sizeof(name_) <= OPTION_NAME_MAX, "option name too long: " name_);
#include "config/options.def"

const struct option *config_option_find(const char *name)
{
	for (size_t i = 0; i < config_option_count; i++)
		if (strcmp(config_options[i].name, name) == 0)
			return &config_options[i];
	return NULL;
}

const struct option *config_section_first(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < config_option_count; i++)
		if (strncmp(config_options[i].name, name, len) == 0 &&
		    config_options[i].name[len] == '.')
			return &config_options[i];
	return NULL;
}

bool config_option_is_list(const struct option *option)
{
	return option->parse == config_parse_levels || option->parse == config_parse_schemas ||
	       option->parse == config_parse_meters_cpu ||
	       option->parse == config_parse_meters_platform ||
	       option->parse == config_parse_meters_gpu || option->parse == config_parse_assign;
}

bool config_option_is_text(const struct option *option)
{
	return option->parse == config_parse_name || option->parse == config_parse_file ||
	       option->parse == config_parse_dir || option->parse == config_parse_route ||
	       option->parse == config_parse_listen || option->parse == config_parse_url ||
	       option->parse == config_parse_assign;
}

bool config_option_is_bool(const struct option *option)
{
	return option->parse == config_parse_bool;
}

void config_env_name(const struct option *option, char *env)
{
	size_t len = strlen("KEPLER_");

	memcpy(env, "KEPLER_", len);
	for (const char *c = option->name; *c != '\0'; c++)
		env[len++] = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
	env[len] = '\0';
}

/*
 * How unlike @wanted is to @typed, both short: letters left out are the commonest mistake and weigh
 * least, then letters too many, then wrong ones.
 */
static size_t unlikeness(const char *wanted, const char *typed)
{
	enum { MISSING = 1, EXTRA = 2, WRONG = 3 };
	size_t row[2 * OPTION_NAME_MAX];
	size_t typed_len = strnlen(typed, ARRAY_SIZE(row) - 1);

	for (size_t j = 0; j <= typed_len; j++)
		row[j] = EXTRA * j;
	for (size_t i = 1; wanted[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = MISSING * i;
		for (size_t j = 1; j <= typed_len; j++) {
			size_t best = diagonal + (wanted[i - 1] != typed[j - 1] ? WRONG : 0);

			diagonal = row[j];
			if (row[j] + MISSING < best)
				best = row[j] + MISSING;
			if (row[j - 1] + EXTRA < best)
				best = row[j - 1] + EXTRA;
			row[j] = best;
		}
	}
	return row[typed_len];
}

const struct option *config_option_nearest(const char *name)
{
	const struct option *best = &config_options[0];
	size_t best_distance = SIZE_MAX;

	for (size_t i = 0; i < config_option_count; i++) {
		const struct option *o = &config_options[i];
		size_t whole = unlikeness(o->name, name);
		/* A name without its section is a little worse than one with it. */
		size_t part = unlikeness(strchr(o->name, '.') + 1, name);
		size_t distance = whole <= part ? 2 * whole : 2 * part + 1;

		if (distance < best_distance) {
			best_distance = distance;
			best = o;
		}
	}
	return best;
}

static void print_place(FILE *out, const struct place *place, const struct option *option)
{
	switch (place->kind) {
	case PLACE_FILE:
		fprintf(out, "%s", place->name);
		if (place->line > 0)
			fprintf(out, ":%lu", place->line);
		break;
	case PLACE_ENV:
		fprintf(out, "environment variable %s", place->name);
		break;
	case PLACE_FLAG:
		fprintf(out, option ? "flag --%s" : "flags", option ? option->name : "");
		break;
	}
	fprintf(out, ": ");
}

static void print_example(FILE *out, const struct place *place, const struct option *option)
{
	switch (place->kind) {
	case PLACE_FILE:
		fprintf(out, "%s: %s", option->name, option->example);
		break;
	case PLACE_ENV:
		fprintf(out, "%s=%s", place->name, option->example);
		break;
	case PLACE_FLAG:
		fprintf(out, "--%s=%s", option->name, option->example);
		break;
	}
}

int config_fail(struct config_error *error, const struct place *place, const struct option *option,
		const char *format, ...)
{
	FILE *out = fmemopen(error->text, sizeof(error->text), "w");
	va_list args;

	if (!out) {
		snprintf(error->text, sizeof(error->text), "configuration: out of memory");
		return -EINVAL;
	}
	print_place(out, place, option);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	if (option) {
		fprintf(out, "; expected %s, for example: ", option->expects);
		print_example(out, place, option);
	}
	fclose(out);
	error->text[sizeof(error->text) - 1] = '\0';
	return -EINVAL;
}

int config_set(struct config *config, const struct option *option, const char *text,
	       const struct place *place, struct config_error *error)
{
	const char *why = NULL;

	if (option->parse(text, (char *)config + option->offset, option->size, &why) == 0)
		return 0;
	if (*text == '\0')
		return config_fail(error, place, option, "%s has no value", option->name);
	/* what stands before an @ may be a password: it is not repeated */
	if (option->parse == config_parse_url && strchr(text, '@'))
		text = "...@...";
	return config_fail(error, place, option, "\"%s\" is not valid for %s%s%s",
			   config_quote(text).text, option->name, why ? ": " : "", why ? why : "");
}
