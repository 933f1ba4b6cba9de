// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meter/redfish_credentials.h"

#define SECRET "s3cr3t-w0rd"

static struct redfish_credentials got;
static char error[120];

static int parse(const char *text, const char *node)
{
	int r;

	memset(&got, 0xff, sizeof(got));
	r = redfish_credentials_parse(text, strlen(text), node, &got, error);
	assert_null(strstr(error, SECRET));
	if (r < 0) {
		const struct redfish_credentials none = { 0 };

		assert_memory_equal(&got, &none, sizeof(got));
	}
	return r;
}

static void assert_got(const char *url, const char *user, const char *password)
{
	assert_string_equal(got.url, url);
	assert_string_equal(got.user, user);
	assert_string_equal(got.password, password);
}

static void test_yaml(void **state)
{
	static const char text[] =
		"# BMCs\n"
		"defaults:\n"
		"  user: everybody\n"
		"  password: common\n"
		"nodes:\n"
		"  a:\n"
		"    url: https://a\n"
		"  b: {url: 'https://b:8443', user: me, password: \"x: 'y, #z\", "
		"chassis: 1U, insecure: true}\n"
		"  12: {url: https://c, password: 0123, token: null}\n";

	assert_int_equal(parse(text, "a"), 0);
	assert_got("https://a", "everybody", "common");
	assert_false(got.insecure);
	assert_int_equal(parse(text, "b"), 0);
	assert_got("https://b:8443", "me", "x: 'y, #z");
	assert_string_equal(got.chassis, "1U");
	assert_true(got.insecure);
	assert_int_equal(parse(text, "12"), 0);
	assert_got("https://c", "everybody", "0123");
	assert_string_equal(got.token, "");
	/* the address may come from elsewhere */
	assert_int_equal(parse(text, "d"), 0);
	assert_got("", "everybody", "common");
	assert_int_equal(parse("nodes: {a: {url: u}}", "d"), -ENOENT);
	assert_int_equal(parse("defaults: {user: u, password: p, url: 'https://one'}", "d"), 0);
	assert_got("", "u", "p");
	assert_int_equal(
		parse("defaults: {user: u, password: p, url: 'https://{node}-bmc.x'}", "d7"), 0);
	assert_got("https://d7-bmc.x", "u", "p");
}

static void test_yaml_of_before(void **state)
{
	static const char text[] = "bmcs:\n"
				   "  rack1-7: {endpoint: https://x, username: u, password: p, "
				   "insecure: false}\n"
				   "nodes: {a: rack1-7, b: rack1-8}\n";

	assert_int_equal(parse(text, "a"), 0);
	assert_got("https://x", "u", "p");
	assert_int_equal(parse(text, "b"), -EINVAL);
	assert_non_null(strstr(error, "line 3"));
	assert_int_equal(parse(text, "c"), -ENOENT);
}

static void test_yaml_faults(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ "", -ENOENT },
		{ "nodes:", -ENOENT },
		{ "- a", -EINVAL },
		{ "just text", -EINVAL },
		{ "nodes: [n]", -ENOENT },
		{ "nodes: {n: [1]}", -EINVAL },
		{ "nodes: {n: {user: {a: b}}}", -E2BIG },
		{ "nodes: {n: {passwort: " SECRET "}}", -EINVAL },
		{ "nodes: {n: {user: a}}", -EINVAL },
		{ "nodes: {n: {password: " SECRET "}}", -EINVAL },
		{ "nodes: {n: {user: \"a\\0b\", password: " SECRET "}}", -E2BIG },
		{ "nodes: {n: {insecure: " SECRET "}}", -EINVAL },
		{ "nodes: {n: {password: \"" SECRET "}}", -EINVAL },
		{ "nodes: {n: {password: *" SECRET "}}", -EINVAL },
		{ "a: &a [*a, *a]\nnodes: *a", -ENOENT },
		{ "\xff\xfe\x01", -EINVAL },
		{ "nodes: {n: {? [a]: b}}", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text, "n"), cases[i].r);
		assert_true(cases[i].r == -ENOENT || error[0]);
	}
}

static void test_csv(void **state)
{
	static const char text[] = "\n# BMCs: a list\n"
				   "m,um,pm,https://m\r\n"
				   "n,un,\"p,\"\"n\"\" x\",https://n\r\n"
				   "short,u\n"
				   "long,u,p,https://l,more\n"
				   "n,second,x,y\n"
				   "last,ul,pl,https://l";

	assert_int_equal(parse(text, "m"), 0);
	assert_got("https://m", "um", "pm");
	assert_int_equal(parse(text, "n"), 0);
	assert_got("https://n", "un", "p,\"n\" x");
	assert_int_equal(parse(text, "last"), 0);
	assert_got("https://l", "ul", "pl");
	assert_int_equal(parse(text, "none"), -ENOENT);
	assert_int_equal(parse(text, "short"), -EINVAL);
	assert_non_null(strstr(error, "row 5"));
	assert_int_equal(parse(text, "long"), -EINVAL);
	assert_int_equal(parse("n,u,\"" SECRET ",https://x\n", "n"), -EINVAL);
}

static void test_too_long(void **state)
{
	char text[1200], value[600];

	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	snprintf(text, sizeof(text), "n,u,%s,https://x", value);
	assert_int_equal(parse(text, "n"), -E2BIG);
	snprintf(text, sizeof(text), "n,u,p,https://x,%s", value);
	assert_int_equal(parse(text, "n"), -E2BIG);
	snprintf(text, sizeof(text), "%s,u,p,https://x\nn,u,p,https://n", value);
	assert_int_equal(parse(text, "n"), 0);
	assert_got("https://n", "u", "p");
	snprintf(text, sizeof(text), "nodes: {n: {user: u, password: %s}}", value);
	assert_int_equal(parse(text, "n"), -E2BIG);
	assert_int_equal(parse("nodes: {}\ndefaults: {url: 'h{node}', token: t}", value), -E2BIG);
}

/* Who may read it decides. Root reads everything, so that only ownership and mode can say. */
static void test_file(void **state)
{
	char path[] = "/tmp/kepler-credentials-XXXXXX", link[64];
	static const char text[] = "nodes: {n: {url: https://x, user: u, password: " SECRET "}}";
	static const struct {
		mode_t mode;
		int r;
	} cases[] = { { 0600, 0 },      { 0400, 0 },      { 0700, 0 },      { 0640, -EPERM },
		      { 0604, -EPERM }, { 0620, -EPERM }, { 0601, -EPERM }, { 04600, 0 } };
	struct meter_report report;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		report_begin(&report);
		assert_int_equal(fchmod(fd, cases[i].mode), 0);
		assert_int_equal(redfish_credentials_load(path, "n", &got, &report), cases[i].r);
		assert_int_equal(report.notes, cases[i].r ? 1 : 0);
		if (cases[i].r) {
			char want[120];

			assert_int_equal(report.none, METER_DENIED);
			snprintf(want, sizeof(want), "chmod 600 '%s'", path);
			assert_non_null(strstr(report.note[0].remedy, want));
		}
	}
	/* as Kubernetes mounts secrets */
	snprintf(link, sizeof(link), "%s.link", path);
	assert_int_equal(symlink(path, link), 0);
	report_begin(&report);
	assert_int_equal(redfish_credentials_load(link, "n", &got, &report), 0);
	assert_string_equal(got.password, SECRET);
	assert_int_equal(redfish_credentials_load(link, "other", &got, &report), -ENOENT);
	assert_non_null(strstr(report.note[0].text, "no entry for node other"));
	assert_int_equal(redfish_credentials_load("/dev/null", "n", &got, &report), -EPERM);
	assert_int_equal(redfish_credentials_load("/tmp", "n", &got, &report), -EPERM);
	assert_int_equal(redfish_credentials_load("/nonexistent/x", "n", &got, &report), -ENOENT);
	unlink(link);
	unlink(path);
	close(fd);
}

static void test_foreign_owner(void **state)
{
	char path[] = "/tmp/kepler-credentials-XXXXXX";
	struct meter_report report;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	report_begin(&report);
	if (fchown(fd, 4711, 4711) < 0) {
		unlink(path);
		close(fd);
		skip();
	}
	assert_int_equal(redfish_credentials_load(path, "n", &got, &report), -EPERM);
	assert_int_equal(report.none, METER_DENIED);
	assert_non_null(strstr(report.note[0].remedy, "chown root"));
	unlink(path);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml),          cmocka_unit_test(test_yaml_of_before),
		cmocka_unit_test(test_yaml_faults),   cmocka_unit_test(test_csv),
		cmocka_unit_test(test_too_long),      cmocka_unit_test(test_file),
		cmocka_unit_test(test_foreign_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
