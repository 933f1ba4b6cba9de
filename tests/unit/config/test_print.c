// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/option.h"
#include "config/quote.h"

static char *printed(void (*print)(FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	print(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* The example file, as it is, says the same as no file at all. */
static void test_yaml_is_default(void **state)
{
	char *text = printed(config_print_yaml);
	char *none[] = { NULL };
	struct config_error error;
	struct config defaults;
	struct config c;

	assert_int_equal(config_load(&defaults, 0, none, none, &error), 0);
	memset(&c, 0, sizeof(c));
	if (config_parse_yaml(&c, "example", text, strlen(text), &error) < 0)
		fail_msg("%s", error.text);
	/* Its own name is what the file cannot know. */
	memcpy(c.node_name, defaults.node_name, sizeof(c.node_name));
	assert_memory_equal(&c, &defaults, sizeof(c));
	free(text);
}

/* Every option and classic name is in each text, and every example is a value that is accepted. */
static void test_complete(void **state)
{
	char *help = printed(config_print_help);
	char *page = printed(config_print_markdown);
	char name[OPTION_ENV_MAX];
	char flag[OPTION_NAME_MAX + 8];

	for (size_t i = 0; i < config_option_count; i++) {
		const struct option *o = &config_options[i];
		const struct place place = { .kind = PLACE_FLAG };
		struct config_error error;
		struct config c = { 0 };

		config_env_name(o, name);
		snprintf(flag, sizeof(flag), "--%s", o->name);
		assert_non_null(strstr(help, flag));
		assert_non_null(strstr(help, name));
		assert_non_null(strstr(page, flag));
		assert_non_null(strstr(page, name));
		assert_int_equal(config_set(&c, o, o->example, &place, &error), 0);
		assert_ptr_equal(config_option_find(o->name), o);
	}
	for (size_t i = 0; i < config_classic_count; i++) {
		assert_non_null(config_option_find(config_classic[i].option));
		assert_non_null(strstr(help, config_classic[i].env));
		assert_non_null(strstr(page, config_classic[i].env));
	}
	for (size_t i = 0; i < config_unused_count; i++)
		assert_non_null(strstr(page, config_unused[i].env));
	free(help);
	free(page);
}

static void test_help_fits(void **state)
{
	char *help = printed(config_print_help);

	for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n"))
		if (strlen(line) > 120)
			fail_msg("too long: %s", line);
	free(help);
}

/* doc/configuration.md is what the program prints. */
static void test_document(void **state)
{
	const char *root = getenv("KEPLER_SOURCE_ROOT");
	char *want = printed(config_print_markdown);
	char path[4096];
	char *got;
	size_t len;
	FILE *in;

	assert_non_null(root);
	snprintf(path, sizeof(path), "%s/doc/configuration.md", root);
	in = fopen(path, "r");
	assert_non_null(in);
	got = calloc(1, strlen(want) + 2);
	assert_non_null(got);
	len = fread(got, 1, strlen(want) + 1, in);
	fclose(in);
	if (len != strlen(want) || strcmp(got, want) != 0)
		fail_msg(
			"doc/configuration.md is not what config_print_markdown() prints; write it "
			"again: test_config_print --write > doc/configuration.md");
	free(got);
	free(want);
}

static void test_nearest(void **state)
{
	static const char *const cases[][2] = {
		{ "web.listen-adress", "web.listen-address" },
		{ "web.listenaddress", "web.listen-address" },
		{ "listen-address", "web.listen-address" },
		{ "interval", "monitor.interval" },
		{ "log.levl", "log.level" },
		{ "exporter.level", "exporter.levels" },
		{ "node", "node.name" },
		{ "web.listen", "web.listen-address" },
		{ "host.sys", "host.sysfs" },
		{ "monitor.intervall", "monitor.interval" },
		{ "exporter.max-serie", "exporter.max-series" },
		{ "loglevel", "log.level" },
	};
	char hostile[4096];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(config_option_nearest(cases[i][0])->name, cases[i][1]);
	memset(hostile, 'x', sizeof(hostile) - 1);
	hostile[sizeof(hostile) - 1] = '\0';
	assert_non_null(config_option_nearest(hostile));
	assert_non_null(config_option_nearest(""));
}

static void test_quote(void **state)
{
	char text[200];

	assert_string_equal(config_quote("plain").text, "plain");
	assert_string_equal(config_quote("a\nb\x1b[0m\xff").text, "a?b?[0m?");
	for (size_t len = 55; len < sizeof(text); len++) {
		struct quoted q;

		memset(text, 'x', len);
		text[len] = '\0';
		q = config_quote(text);
		assert_int_equal(strlen(q.text), len < 64 ? len : 63);
		assert_true((strstr(q.text, "...") != NULL) == (len >= 64));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml_is_default), cmocka_unit_test(test_complete),
		cmocka_unit_test(test_help_fits),       cmocka_unit_test(test_document),
		cmocka_unit_test(test_nearest),         cmocka_unit_test(test_quote),
	};

	if (argc == 2 && strcmp(argv[1], "--write") == 0) {
		config_print_markdown(stdout);
		return 0;
	}
	return cmocka_run_group_tests_name("config/print", tests, NULL, NULL);
}
