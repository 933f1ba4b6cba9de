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

/* Every rule of the file: what is read, and for what is not the line and the words of the error. */

static int parse(struct config *config, const char *text, struct config_error *error)
{
	memset(config, 0, sizeof(*config));
	memset(error, 0, sizeof(*error));
	return config_parse_yaml(config, "k.yaml", text, strlen(text), error);
}

static void test_accepted(void **state)
{
	struct config_error error;
	struct config c;

	assert_int_equal(parse(&c, "", &error), 0);
	assert_int_equal(parse(&c, "# nothing\n", &error), 0);
	assert_int_equal(parse(&c, "---\n...\n", &error), 0);
	assert_int_equal(parse(&c, "web:\nlog: ~\nhost: null\n", &error), 0);
	assert_int_equal(parse(&c,
			       "web:\n  listen-address: :80\nlog: {level: warn, format: json}\n",
			       &error),
			 0);
	assert_string_equal(c.web_listen_address, ":80");
	assert_int_equal(c.log_level, LOG_LEVEL_WARN);
	assert_int_equal(c.log_format, LOG_FORMAT_JSON);
	assert_int_equal(
		parse(&c, "web.telemetry-path: /m\nweb:\n  listen-address: '[::1]:1'\n", &error),
		0);
	assert_string_equal(c.web_telemetry_path, "/m");
	assert_string_equal(c.web_listen_address, "[::1]:1");
	assert_int_equal(parse(&c, "exporter:\n  levels:\n  - node\n  - vm\n", &error), 0);
	assert_int_equal(c.exporter_levels, CONFIG_LEVEL_NODE | CONFIG_LEVEL_VM);
	assert_int_equal(parse(&c, "exporter: {levels: [process]}\n", &error), 0);
	assert_int_equal(c.exporter_levels, CONFIG_LEVEL_PROCESS);
	assert_int_equal(parse(&c, "exporter.levels: 'node, container'\n", &error), 0);
	assert_int_equal(c.exporter_levels, CONFIG_LEVEL_NODE | CONFIG_LEVEL_CONTAINER);
	assert_int_equal(
		parse(&c, "node.name: 42\nactivity.bpf: yes\nexporter.max-series: 20000\n", &error),
		0);
	assert_string_equal(c.node_name, "42");
	assert_true(c.activity_bpf);
	assert_int_equal(c.exporter_max_series, 20000);
	/* JSON is YAML; a byte order mark and CRLF come from editors. */
	assert_int_equal(parse(&c, "{\"log\": {\"level\": \"error\"}}", &error), 0);
	assert_int_equal(c.log_level, LOG_LEVEL_ERROR);
	assert_int_equal(parse(&c, "\xef\xbb\xbflog:\r\n  level: debug\r\n", &error), 0);
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		const char *starts;
		const char *has;
	} cases[] = {
		{ "web:\n  listn-address: :80\n", "k.yaml:2: ",
		  "unknown key web.listn-address; the nearest is web.listen-address" },
		{ "\n\nlistn: x\n", "k.yaml:3: ", "unknown key listn" },
		{ "interval: 1s\n", "k.yaml:1: ", "the nearest is monitor.interval" },
		{ "webb:\n", "k.yaml:1: ", "unknown key webb" },
		{ "web:\n  web:\n    x: y\n", "k.yaml:2: ", "unknown key web.web" },
		{ "\"log.level\\0x\": info\n", "k.yaml:1: ", "a key is a name" },
		{ "log.level: info\nlog:\n  level: warn\n",
		  "k.yaml:3: ", "log.level is set twice, first in line 1" },
		{ "log:\nlog:\n", "k.yaml:2: ", "log is set twice, first in line 1" },
		{ "log:\n  level: loud\n", "k.yaml:2: ",
		  "\"loud\" is not valid for log.level; expected debug, info, warn or error, for example: log.level: debug" },
		{ "log:\n  level:\n", "k.yaml:2: ", "log.level has no value" },
		{ "log:\n  level: ~\n", "k.yaml:2: ", "log.level has no value" },
		{ "log: 5\n", "k.yaml:1: ",
		  "log is a section, not a value; expected a map such as: log: {level: debug}" },
		{ "log: [level]\n", "k.yaml:1: ", "log is a section, not a value" },
		{ "log.level: {a: b}\n", "k.yaml:1: ", "log.level takes a value, not a map" },
		{ "log.level: [info]\n", "k.yaml:1: ", "log.level takes one value, not a list" },
		{ "activity.bpf: 7\n", "k.yaml:1: ", "expected true or false" },
		{ "monitor:\n  interval: 5\n", "k.yaml:2: ", "the number needs a unit" },
		{ "exporter.levels: []\n", "k.yaml:1: ", "exporter.levels has no value" },
		{ "exporter.levels: [node, [vm]]\n", "k.yaml:1: ", "a list inside a list" },
		{ "exporter.levels: [node, {vm: 1}]\n",
		  "k.yaml:1: ", "a list inside a list or a map" },
		{ "exporter.levels: [node, cpu]\n", "k.yaml:1: ", "\"node,cpu\" is not valid" },
		{ "exporter.schemas: [current]\n", "k.yaml:1: ", "current is not built yet" },
		{ "attribution.idle: requests\n", "k.yaml:1: ", "not read yet" },
		{ "config.file: /x\n",
		  "k.yaml:1: ", "config.file cannot be set in the file itself" },
		{ "config:\n  file: /x\n", "k.yaml:2: ", "cannot be set in the file itself" },
		{ "web: &a\n  listen-address: :80\nlog: *a\n", "k.yaml:3: ", "aliases" },
		{ "log:\n  level: info\n format: x\n", "k.yaml:3: ", "not valid YAML" },
		{ "node.name: \"a\n", "k.yaml:2: ", "not valid YAML" },
		{ "log:\n\tlevel: info\n", "k.yaml:2: ", "not valid YAML" },
		{ "\n\nnode.name: \x01\n", "k.yaml:3: ", "not valid YAML" },
		{ "log:\n  level: inf\xff\n", "k.yaml:2: ", "not UTF-8" },
		{ "node.name: \"a\\0b\"\n", "k.yaml:1: ", "NUL" },
		{ "node.name: \"a\\nb\"\n", "k.yaml:1: ", "\"a?b\" is not valid for node.name" },
		{ "- a\n- b\n", "k.yaml:1: ", "not a map" },
		{ "hello\n", "k.yaml:1: ", "not a map" },
		{ "log.level: info\n---\nlog.level: warn\n", "k.yaml:2: ", "second document" },
		{ "? [a]\n: b\n", "k.yaml:1: ", "a key is a name" },
		{ "? {a: b}\n: c\n", "k.yaml:1: ", "a key is a name" },
		{ "<<: {log.level: info}\n", "k.yaml:1: ", "unknown key <<" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config_error error;
		struct config c;

		if (parse(&c, cases[i].text, &error) == 0 ||
		    strncmp(error.text, cases[i].starts, strlen(cases[i].starts)) != 0 ||
		    !strstr(error.text, cases[i].has))
			fail_msg("case %zu: \"%s\": %s", i, cases[i].text, error.text);
	}
}

/* A UTF-16 file, and NUL bytes, are no reason to guess. */
static void test_bytes(void **state)
{
	static const char utf16[] = "\xff\xfel\0o\0g\0";
	static const char nul[] = "log.level: info\n\0log.format: x\n";
	struct config_error error;
	struct config c = { 0 };

	assert_int_equal(config_parse_yaml(&c, "k.yaml", utf16, sizeof(utf16), &error), -EINVAL);
	assert_non_null(strstr(error.text, "k.yaml:1: the text is not UTF-8"));
	assert_int_equal(config_parse_yaml(&c, "k.yaml", nul, sizeof(nul) - 1, &error), -EINVAL);
	assert_non_null(strstr(error.text, "k.yaml:2: "));
}

/* Deep nesting and long lists end in an error, not in the machine's memory. */
static void test_hostile(void **state)
{
	static const char item[] = "node,";
	char text[70000];
	struct config_error error;
	struct config c;
	size_t len;

	memset(text, '[', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(parse(&c, text, &error), -EINVAL);
	memset(text, '{', sizeof(text) - 1);
	assert_int_equal(parse(&c, text, &error), -EINVAL);
	len = (size_t)sprintf(text, "exporter.levels: [");
	for (; len + sizeof(item) < 20000; len += sizeof(item) - 1)
		memcpy(text + len, item, sizeof(item));
	memcpy(text + len, "vm]\n", sizeof("vm]\n"));
	assert_int_equal(parse(&c, text, &error), -EINVAL);
	assert_non_null(strstr(error.text, "the list is too long"));
	memset(text, 'k', sizeof(text) - 1);
	memcpy(text + 900, ": v\n", sizeof(": v\n"));
	assert_int_equal(parse(&c, text, &error), -EINVAL);
	assert_non_null(strstr(error.text, "k.yaml:1: unknown key kkk"));
	assert_true(strlen(error.text) < 300);
}

static void write_file(const char *path, size_t size)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	for (size_t i = 0; i < size; i++)
		fputc(i % 64 == 63 ? '\n' : '#', out);
	assert_int_equal(fclose(out), 0);
}

static void test_files(void **state)
{
	char dir[] = "/tmp/kepler-config-XXXXXX";
	char path[64];
	struct config_error error;
	struct config c = { 0 };

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/k.yaml", dir);
	assert_int_equal(config_read_yaml(&c, path, &error), -EINVAL);
	assert_non_null(strstr(error.text, path));
	assert_non_null(strstr(error.text, "cannot be opened: No such file or directory"));
	assert_int_equal(config_read_yaml(&c, dir, &error), -EINVAL);
	assert_non_null(strstr(error.text, "is not a regular file"));
	write_file(path, 1 << 20);
	assert_int_equal(config_read_yaml(&c, path, &error), 0);
	write_file(path, (1 << 20) + 1);
	assert_int_equal(config_read_yaml(&c, path, &error), -EINVAL);
	assert_non_null(strstr(error.text, "larger than 1 MiB"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bytes),    cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests_name("config/config_yaml", tests, NULL, NULL);
}
