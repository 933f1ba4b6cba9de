// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meter/redfish_read.h"

static json_t *parse(const char *text)
{
	json_t *doc = redfish_parse(text, strlen(text));

	assert_non_null(doc);
	return doc;
}

static struct redfish_value value_of(void (*read)(const json_t *, struct redfish_value *),
				     const char *text)
{
	struct redfish_value value;
	json_t *doc = parse(text);

	memset(&value, 0xff, sizeof(value));
	read(doc, &value);
	json_decref(doc);
	return value;
}

static void test_environment(void **state)
{
	struct redfish_value v = value_of(
		redfish_read_environment,
		"{\"PowerWatts\": {\"Reading\": 374.25}, \"EnergykWh\": {\"Reading\": 7855.123}}");

	assert_true(v.has_power);
	assert_int_equal(v.power_uw, 374250000);
	assert_true(v.has_energy);
	assert_in_range(v.energy_uj, 7855123ULL * 3600000000 - 8, 7855123ULL * 3600000000 + 8);
	assert_int_equal(v.step_uj, 3600000000);
	/* joules are finer than kWh */
	v = value_of(redfish_read_environment,
		     "{\"EnergyJoules\": {\"Reading\": 12.5}, \"EnergykWh\": {\"Reading\": 7}}");
	assert_false(v.has_power);
	assert_int_equal(v.energy_uj, 12500000);
	assert_int_equal(v.step_uj, 100000);
}

static void test_steps(void **state)
{
	static const struct {
		const char *reading;
		u64 step_uj;
	} cases[] = {
		{ "7855", 3600000000000 }, { "7855.0", 3600000000000 },  { "0", 3600000000000 },
		{ "1.5", 360000000000 },   { "123456.78", 36000000000 }, { "0.001", 3600000000 },
		{ "1e-5", 3600 },          { "1.0000000001", 3600 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[80];

		snprintf(text, sizeof(text), "{\"EnergykWh\": {\"Reading\": %s}}",
			 cases[i].reading);
		assert_int_equal(value_of(redfish_read_environment, text).step_uj,
				 cases[i].step_uj);
	}
}

/* What is null, of another type or can't be true is absent, not 0. */
static void test_absent(void **state)
{
	static const char *const readings[] = {
		"null", "\"374\"", "-1",   "true",  "[374]", "{\"Reading\": 374}",
		"1e8",  "0",       "-0.0", "1e300",
	};

	for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
		char text[80];

		snprintf(text, sizeof(text), "{\"PowerWatts\": {\"Reading\": %s}}", readings[i]);
		assert_false(value_of(redfish_read_environment, text).has_power);
		snprintf(text, sizeof(text), "{\"PowerControl\": [{\"PowerConsumedWatts\": %s}]}",
			 readings[i]);
		assert_false(value_of(redfish_read_control, text).has_power);
	}
	assert_false(value_of(redfish_read_environment, "{\"PowerWatts\": 374}").has_power);
	assert_false(value_of(redfish_read_control, "{\"PowerControl\": {}}").has_power);
	assert_false(value_of(redfish_read_control, "{\"PowerControl\": [null, 5, []]}").has_power);
	assert_false(value_of(redfish_read_control, "{}").has_power);
	assert_false(value_of(redfish_read_inputs, "{}").has_power);
}

/* One member stands for the whole; its parts are never added to it. */
static void test_control(void **state)
{
	static const struct {
		const char *members;
		u64 power_w;
	} cases[] = {
		{ "{\"PowerConsumedWatts\": 344}", 344 },
		{ "{\"PowerConsumedWatts\": 344}, {\"PowerConsumedWatts\": 120}", 344 },
		{ "{\"PhysicalContext\": \"CPU\", \"PowerConsumedWatts\": 120},"
		  "{\"PhysicalContext\": \"Chassis\", \"PowerConsumedWatts\": 344}",
		  344 },
		/* The second may be a part: nothing says what it is. */
		{ "{\"PowerConsumedWatts\": null}, {\"PowerConsumedWatts\": 200}", 0 },
		{ "{\"PowerConsumedWatts\": null},"
		  "{\"PhysicalContext\": \"Chassis\", \"PowerConsumedWatts\": 200}",
		  200 },
		{ "{\"PhysicalContext\": \"Upper\", \"PowerConsumedWatts\": 100}", 100 },
		{ "{\"PowerMetrics\": {\"AverageConsumedWatts\": 319}}", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		struct redfish_value v;

		snprintf(text, sizeof(text), "{\"PowerControl\": [%s]}", cases[i].members);
		v = value_of(redfish_read_control, text);
		assert_int_equal(v.has_power, cases[i].power_w > 0);
		assert_int_equal(v.power_uw, cases[i].power_w * 1000000);
		assert_false(v.has_energy);
	}
}

/* The sum of all supplies or nothing; the input, not the output. */
static void test_inputs(void **state)
{
	struct redfish_value v = value_of(
		redfish_read_inputs,
		"{\"PowerSupplies\": [{\"PowerInputWatts\": 88.5, \"PowerOutputWatts\": 80},"
		"{\"PowerInputWatts\": 0}, {\"Status\": {\"State\": \"Absent\"}}]}");

	assert_true(v.has_power);
	assert_int_equal(v.power_uw, 88500000);
	v = value_of(
		redfish_read_inputs,
		"{\"PowerSupplies\": [{\"PowerInputWatts\": 88}, {\"PowerInputWatts\": null}]}");
	assert_false(v.has_power);
	v = value_of(
		redfish_read_inputs,
		"{\"PowerSupplies\": [{\"PowerInputWatts\": null}, {\"PowerInputWatts\": 88}]}");
	assert_false(v.has_power);
	v = value_of(redfish_read_supply, "{\"InputPowerWatts\": {\"Reading\": 0},"
					  "\"OutputPowerWatts\": {\"Reading\": 70}}");
	assert_true(v.has_power);
	assert_int_equal(v.power_uw, 0);
}

static void test_links(void **state)
{
	struct redfish_chassis chassis;
	struct redfish_root root;
	struct redfish_list list;
	json_t *doc =
		parse("{\"Chassis\": {\"@odata.id\": \"/redfish/v1/Chassis\"},"
		      "\"Links\": {\"Sessions\": {\"@odata.id\": \"/s\"},"
		      "\"ContainedBy\": {\"@odata.id\": \"/rack/\"},"
		      "\"Contains\": [{\"@odata.id\": \"/a\"}, 5, {\"@odata.id\": \"b\"}],"
		      "\"ComputerSystems\": [{}, {}]},"
		      "\"Power\": {\"@odata.id\": \"/p#/x\"}, \"EnvironmentMetrics\": \"/e\"}");

	redfish_read_root(doc, &root);
	assert_string_equal(root.chassis.text, "/redfish/v1/Chassis");
	assert_string_equal(root.sessions.text, "/s");
	redfish_read_chassis(doc, &chassis);
	assert_string_equal(chassis.contained_by.text, "/rack/");
	assert_string_equal(chassis.power.text, "/p");
	assert_string_equal(chassis.environment.text, "");
	assert_int_equal(chassis.contains.count, 1);
	assert_int_equal(chassis.contains.left_out, 2);
	assert_int_equal(chassis.systems, 2);
	assert_false(chassis.sled);
	json_decref(doc);
	doc = parse("{\"Members\": \"no\"}");
	redfish_read_members(doc, &list);
	assert_int_equal(list.count, 0);
	json_decref(doc);
}

/* A collection of 100 members is cut to what is looked at. */
static void test_members(void **state)
{
	char text[8192] = "{\"Members\": [";
	struct redfish_list list;
	json_t *doc;

	for (int i = 0; i < 100; i++)
		snprintf(text + strlen(text), 64, "%s{\"@odata.id\": \"/c/%d\"}", i ? "," : "", i);
	snprintf(text + strlen(text), 8, "]}");
	doc = parse(text);
	redfish_read_members(doc, &list);
	assert_int_equal(list.count, REDFISH_MEMBERS_MAX);
	assert_int_equal(list.left_out, 100 - REDFISH_MEMBERS_MAX);
	assert_string_equal(list.path[15].text, "/c/15");
	json_decref(doc);
}

static void test_paths(void **state)
{
	static const char *const bad[] = {
		NULL,
		"",
		"/",
		"//evil.example/x",
		"https://evil.example/",
		"relative",
		"/a b",
		"/a\r\nX: y",
		"/a?b",
		"/\"",
		"/\xc3\xa4",
		"#/x",
		"/#",
	};
	struct redfish_path path, other;
	char id[8], longest[REDFISH_PATH_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(redfish_path_set(&path, bad[i]));
		assert_string_equal(path.text, "");
	}
	memset(longest, '/', sizeof(longest));
	memset(longest + 1, 'a', sizeof(longest) - 2);
	longest[REDFISH_PATH_MAX] = '\0';
	assert_false(redfish_path_set(&path, longest));
	longest[REDFISH_PATH_MAX - 1] = '\0';
	assert_true(redfish_path_set(&path, longest));

	assert_true(redfish_path_set(&path, "/redfish/v1/Chassis/1U/"));
	assert_true(redfish_path_set(&other, "/redfish/v1/Chassis/1U"));
	assert_true(redfish_path_same(&path, &other));
	redfish_path_id(&path, id, sizeof(id));
	assert_string_equal(id, "1U");
	assert_true(redfish_path_set(&other, "/redfish/v1/Chassis/1"));
	assert_false(redfish_path_same(&path, &other));
	redfish_path_set(&other, "");
	redfish_path_id(&other, id, sizeof(id));
	assert_string_equal(id, "");
	redfish_path_set(&other, "/redfish/v1/Chassis/System.Embedded.1");
	redfish_path_id(&other, id, sizeof(id));
	assert_string_equal(id, "System.");
}

static json_t *nested(int depth)
{
	char text[256] = "{\"a\": ";

	for (int i = 0; i < depth; i++)
		strcat(text, "[");
	for (int i = 0; i < depth; i++)
		strcat(text, "]");
	strcat(text, "}");
	return redfish_parse(text, strlen(text));
}

static void test_bounds(void **state)
{
	static const char strange[] =
		"{\"[[[[\\\"[{,,\": 1, \"b\": 18446744073709551616, \"c\": [[], {}]}";
	static char text[1 << 20];
	json_t *doc;

	/* brackets in strings are none; numbers beyond 64 bits are fine */
	memset(text, ' ', sizeof(text));
	memcpy(text, strange, strlen(strange));
	doc = redfish_parse(text, sizeof(text));
	assert_non_null(doc);
	json_decref(doc);
	doc = nested(20);
	assert_non_null(doc);
	json_decref(doc);
	assert_null(nested(60));
	/* a third of a million lists */
	memcpy(text, "{\"a\": [", 7);
	for (size_t i = 7; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "[],", 3);
	memcpy(text + sizeof(text) - 5, ",[]]}", 5);
	assert_null(redfish_parse(text, sizeof(text)));
	assert_null(redfish_parse("[]", 2));
	assert_null(redfish_parse("", 0));
	assert_null(redfish_parse(NULL, 0));
	assert_null(redfish_parse("{\"a\": 1", 7));
}

static void test_vacant(void **state)
{
	json_t *absent = parse("{\"Status\": {\"State\": \"Absent\"}}");
	json_t *enabled = parse("{\"Status\": {\"State\": \"Enabled\"}}");

	assert_true(redfish_read_vacant(absent));
	assert_false(redfish_read_vacant(enabled));
	assert_false(redfish_read_vacant(NULL));
	json_decref(absent);
	json_decref(enabled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment), cmocka_unit_test(test_steps),
		cmocka_unit_test(test_absent),      cmocka_unit_test(test_control),
		cmocka_unit_test(test_inputs),      cmocka_unit_test(test_links),
		cmocka_unit_test(test_members),     cmocka_unit_test(test_paths),
		cmocka_unit_test(test_bounds),      cmocka_unit_test(test_vacant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
