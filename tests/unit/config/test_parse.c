// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/parse.h"

/* Fills the member with a pattern first: a refused value must leave it alone. */
#define REFUSED 0xa5

struct value_case {
	const char *text;
	u64 value; /* of accepted texts */
	bool refused;
	const char *why; /* a part of what is said; NULL: nothing needs to be */
};

typedef int (*parser)(const char *text, void *field, size_t size, const char **why);

static void check_values(parser parse, size_t size, const struct value_case *cases, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct value_case *c = &cases[i];
		const char *why = NULL;
		u64 pattern;
		u64 got = 0;
		int result;

		memset(&pattern, REFUSED, sizeof(pattern));
		memcpy(&got, &pattern, size);
		result = parse(c->text, &got, size, &why);
		if (c->refused != (result < 0))
			print_error("\"%s\": %d\n", c->text, result);
		if (!c->refused) {
			assert_int_equal(result, 0);
			assert_int_equal(got, c->value);
			continue;
		}
		assert_int_equal(result, -EINVAL);
		assert_memory_equal(&got, &pattern, size);
		if (c->why) {
			assert_non_null(why);
			assert_non_null(strstr(why, c->why));
		}
	}
}

#define CHECK(kind, type, cases) \
	check_values(config_parse_##kind, sizeof(type), cases, ARRAY_SIZE(cases))

static void test_interval(void **state)
{
	static const struct value_case cases[] = {
		{ "100ms", 100000000, false, NULL },
		{ "1s", 1000000000, false, NULL },
		{ "500ms", 500000000, false, NULL },
		{ "30s500ms", 30500000000, false, NULL },
		{ "1m", 60000000000, false, NULL },
		{ "250000us", 250000000, false, NULL },
		{ "99ms", 0, true, "too short" },
		{ "0s", 0, true, "too short" },
		{ "3601s", 0, true, "too long" },
		{ "1m1ms", 0, true, "too long" },
		{ "5", 0, true, "unit" },
		{ "", 0, true, NULL },
		{ "s", 0, true, NULL },
		{ "-1s", 0, true, NULL },
		{ "1.5s", 0, true, NULL },
		{ "1 s", 0, true, NULL },
		{ "1s ", 0, true, NULL },
		{ "1S", 0, true, NULL },
		{ "1sec", 0, true, NULL },
		{ "1s5", 0, true, NULL },
		{ "999999999999h", 0, true, NULL },
		{ "99999999999999999999s", 0, true, NULL },
	};

	CHECK(interval, u64, cases);
}

static void test_retention(void **state)
{
	static const struct value_case cases[] = {
		{ "0s", 0, false, NULL },
		{ "5m", 300000000000, false, NULL },
		{ "1d", 86400000000000, false, NULL },
		{ "86401s", 0, true, "too long" },
		/* 213504d is just under 2^64 ns, 213504d five times is over it */
		{ "213503d213503d", 0, true, NULL },
	};

	CHECK(retention, u64, cases);
}

static void test_series(void **state)
{
	static const struct value_case cases[] = {
		{ "10000", 10000, false, NULL },
		{ "9999", 0, true, "small" },
		{ "100000000", 100000000, false, NULL },
		{ "999", 0, true, "small" },
		{ "100000001", 0, true, "large" },
		{ "18446744073709551616", 0, true, NULL },
		{ "-1000", 0, true, NULL },
		{ "1e6", 0, true, NULL },
		{ "", 0, true, NULL },
	};

	CHECK(series, u32, cases);
}

static void test_bool(void **state)
{
	static const struct value_case cases[] = {
		{ "true", 1, false, NULL },  { "TRUE", 1, false, NULL },
		{ "yes", 1, false, NULL },   { "on", 1, false, NULL },
		{ "1", 1, false, NULL },     { "false", 0, false, NULL },
		{ "False", 0, false, NULL }, { "no", 0, false, NULL },
		{ "off", 0, false, NULL },   { "0", 0, false, NULL },
		{ "", 0, true, NULL },       { "t", 0, true, NULL },
		{ "truee", 0, true, NULL },  { "2", 0, true, NULL },
	};

	CHECK(bool, bool, cases);
}

static void test_words(void **state)
{
	static const struct value_case levels[] = {
		{ "node", CONFIG_LEVEL_NODE, false, NULL },
		{ "node,container,vm", CONFIG_LEVEL_NODE | CONFIG_LEVEL_CONTAINER | CONFIG_LEVEL_VM,
		  false, NULL },
		{ " Process , vm ", CONFIG_LEVEL_PROCESS | CONFIG_LEVEL_VM, false, NULL },
		{ "vm,vm", CONFIG_LEVEL_VM, false, NULL },
		{ "", 0, true, NULL },
		{ "node,", 0, true, NULL },
		{ ",node", 0, true, NULL },
		{ "node;vm", 0, true, NULL },
		{ "node,pods", 0, true, NULL },
		{ "node,pod", 0, true, "pod is no level" },
	};
	static const struct value_case schemas[] = {
		{ "classic", CONFIG_SCHEMA_CLASSIC, false, NULL },
		{ "current", 0, true, "not built yet" },
		{ "classic,current", 0, true, "not built yet" },
		{ "modern", 0, true, NULL },
		{ "", 0, true, NULL },
	};

	CHECK(levels, u32, levels);
	CHECK(schemas, u32, schemas);
}

static void test_orders(void **state)
{
	struct config_meters m = { .count = 77 };
	const char *why = NULL;

	assert_int_equal(config_parse_meters_cpu("hwmon , RAPL-perf", &m, sizeof(m), &why), 0);
	assert_int_equal(m.count, 2);
	assert_int_equal(m.meter[0], CONFIG_METER_HWMON);
	assert_int_equal(m.meter[1], CONFIG_METER_RAPL_PERF);
	assert_int_equal(config_parse_meters_cpu("hwmon,hwmon", &m, sizeof(m), &why), -EINVAL);
	assert_non_null(strstr(why, "twice"));
	assert_int_equal(m.count, 2);
	assert_int_equal(config_parse_meters_cpu("psys", &m, sizeof(m), &why), -EINVAL);
	assert_int_equal(config_parse_meters_platform("psys", &m, sizeof(m), &why), 0);
	assert_int_equal(config_parse_meters_platform("psys,", &m, sizeof(m), &why), -EINVAL);
	assert_int_equal(config_parse_meters_gpu("none", &m, sizeof(m), &why), 0);
	assert_int_equal(m.count, 0);
}

static void test_assign(void **state)
{
	static const char *const good[] = { "ina219=platform", "a/b=core, c/d e = ignore",
					    "x=y=dram" };
	static const char *const bad[] = { "",
					   "ina219",
					   "=platform",
					   "/l=platform",
					   "a=b",
					   "a=platform,",
					   "a=platform,b",
					   "a/=platform",
					   "0123456789abcdef0123456789abcdef=platform" };
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const char *why = NULL;

		assert_int_equal(config_parse_assign(good[i], text, sizeof(text), &why), 0);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *why = NULL;

		assert_int_equal(config_parse_assign(bad[i], text, sizeof(text), &why), -EINVAL);
	}
}

static void test_url(void **state)
{
	static const char *const bad[] = { "",          "bmc",        "https://",
					   "ftp://bmc", "https:///x", "https://u:p@bmc" };
	char text[64];
	const char *why = NULL;

	assert_int_equal(config_parse_url("https://192.0.2.1:8443", text, sizeof(text), &why), 0);
	assert_int_equal(config_parse_url("http://localhost", text, sizeof(text), &why), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(config_parse_url(bad[i], text, sizeof(text), &why), -EINVAL);
}

static void test_enums(void **state)
{
	static const struct value_case idle[] = {
		{ "usage", CONFIG_IDLE_USAGE, false, NULL },
		{ "equal", CONFIG_IDLE_EQUAL, false, NULL },
		{ "none", CONFIG_IDLE_NONE, false, NULL },
		{ "requests", 0, true, "CPU requests" },
		{ "nobody", 0, true, NULL },
	};
	static const struct value_case level[] = {
		{ "debug", LOG_LEVEL_DEBUG, false, NULL },
		{ "info", LOG_LEVEL_INFO, false, NULL },
		{ "WARN", LOG_LEVEL_WARN, false, NULL },
		{ "warning", LOG_LEVEL_WARN, false, NULL },
		{ "error", LOG_LEVEL_ERROR, false, NULL },
		{ "loud", 0, true, NULL },
		{ "1", 0, true, NULL },
	};
	static const struct value_case format[] = {
		{ "text", LOG_FORMAT_TEXT, false, NULL },
		{ "json", LOG_FORMAT_JSON, false, NULL },
		{ "logfmt", 0, true, NULL },
	};

	CHECK(idle, enum config_idle, idle);
	CHECK(log_level, enum log_level, level);
	CHECK(log_format, enum log_format, format);
}

static void check_texts(parser parse, const char *const *texts, bool accepted)
{
	for (; *texts; texts++) {
		const char *why = NULL;
		char field[64] = "untouched";
		int result = parse(*texts, field, sizeof(field), &why);

		if (accepted != (result == 0))
			print_error("\"%s\": %d\n", *texts, result);
		assert_int_equal(result, accepted ? 0 : -EINVAL);
		assert_string_equal(field, accepted ? *texts : "untouched");
	}
}

static void test_listen(void **state)
{
	static const char *const good[] = {
		"127.0.0.1:28282", ":9102",        ":0",
		"0.0.0.0:65535",   "localhost:1",  "[::1]:9102",
		"[::]:80",         "[fe80::1]:80", NULL,
	};
	static const char *const bad[] = {
		"",
		"9102",
		"127.0.0.1",
		"localhost:",
		"localhost:65536",
		"localhost:-1",
		"localhost:80x",
		"::1:80",
		"[::1]",
		"[::1:80",
		"[zz]:80",
		"256.0.0.1:80",
		"1.2.3:80",
		"node-1.example:80",
		"[fe80::1%eth0]:80",
		"[127.0.0.1]:80",
		"a b:80",
		"http://x:80",
		"x/:80",
		"x:80/metrics",
		"x:0000080",
		"\xff:80",
		NULL,
	};

	check_texts(config_parse_listen, good, true);
	check_texts(config_parse_listen, bad, false);
}

static void test_route(void **state)
{
	static const char *const good[] = {
		"/metrics", "/a/b", "/apis", "/healthz2", "/m.txt", NULL
	};
	static const char *const bad[] = {
		"",      "metrics", "/",         "/healthz", "/readyz", "/api",
		"/api/", "/api/v1", "/a//b",     "//",       "/a b",    "/a?b",
		"/a#b",  "/a%20",   "/\xc3\xa4", "/\n",      NULL,
	};

	check_texts(config_parse_route, good, true);
	check_texts(config_parse_route, bad, false);
}

static void test_text(void **state)
{
	static const char long_name[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const char *const good[] = {
		"worker-1",         "a name",      "h\xc3\xb6st", "\xe2\x82\xac",
		"\xf0\x9f\x92\xa1", long_name + 1, NULL,
	};
	static const char *const bad[] = {
		"",     "a\nb",     "a\x7f",        "\x1b[0m",          "\xff",
		"\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", long_name,
		NULL,
	};
	static const char *const relative[] = { "sys", "./sys", "", "~/sys", NULL };
	static const char *const absolute[] = { "/", "/sys", "/host/sys", NULL };

	assert_int_equal(strlen(long_name), 64);
	check_texts(config_parse_name, good, true);
	check_texts(config_parse_name, bad, false);
	check_texts(config_parse_file, good, true);
	check_texts(config_parse_dir, absolute, true);
	check_texts(config_parse_dir, relative, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval), cmocka_unit_test(test_retention),
		cmocka_unit_test(test_series),   cmocka_unit_test(test_bool),
		cmocka_unit_test(test_words),    cmocka_unit_test(test_orders),
		cmocka_unit_test(test_assign),   cmocka_unit_test(test_url),
		cmocka_unit_test(test_enums),    cmocka_unit_test(test_listen),
		cmocka_unit_test(test_route),    cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("config/parse", tests, NULL, NULL);
}
