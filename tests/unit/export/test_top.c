// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "export/top.h"
#include "fixture.h"

static json_t *render(const struct snapshot *snapshot, u32 limit)
{
	struct top_options options = { .limit = limit,
				       .node_name = "n\xFF",
				       .cpu_architecture = "Skylake" };
	char *text = NULL;
	size_t len = 0;
	json_t *json;

	assert_int_equal(top_render(snapshot, &options, &text, &len), 0);
	assert_int_equal(strlen(text), len);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	free(text);
	return json;
}

static double number(json_t *json, const char *key)
{
	json_t *member = json_object_get(json, key);

	assert_true(json_is_number(member));
	return json_number_value(member);
}

static const char *string(json_t *json, const char *key)
{
	json_t *member = json_object_get(json, key);

	assert_true(json_is_string(member));
	return json_string_value(member);
}

static void test_the_small_machine(void **state)
{
	struct snapshot *snapshot = fixture_small();
	json_t *json = render(snapshot, 0);
	json_t *power = json_object_get(json, "power");
	json_t *domains = json_object_get(json, "domains");
	json_t *containers = json_object_get(json, "containers");
	json_t *processes = json_object_get(json, "processes");

	assert_string_equal(string(json, "node"), "n\xEF\xBF\xBD");
	assert_true(number(json, "time") == 1700000060.25);
	assert_true(number(power, "watts") == 33.500001);
	assert_string_equal(string(power, "quality"), "prior");
	assert_true(number(power, "error") == 0.4);
	assert_int_equal(json_array_size(domains), 5);
	assert_string_equal(string(json_array_get(domains, 0), "domain"), "package");
	assert_string_equal(string(json_array_get(domains, 0), "quality"), "measured");
	assert_int_equal(json_array_size(containers),
			 3); /* the hidden one and the empty slot are not shown */
	assert_string_equal(string(json_array_get(containers, 0), "container_id"),
			    "system_processes");
	assert_string_equal(string(json_array_get(containers, 1), "container_name"), "web \"1\"\\");
	assert_true(number(json_array_get(containers, 0), "watts") == 50);
	assert_true(number(json_array_get(containers, 0), "joules") == 750 + 187.5);
	assert_string_equal(string(json_array_get(processes, 0), "command"),
			    "a\"b\\c\nd\xEF\xBF\xBD");
	assert_string_equal(string(json_array_get(processes, 1), "command"), "</script>");
	assert_int_equal((int)number(json_object_get(json, "lost"), "end_record"), 3);
	json_decref(json);
	fixture_free(snapshot);
}

static void test_without_platform_the_parts_add_up(void **state)
{
	struct snapshot *snapshot = fixture_small();
	json_t *json, *power;

	snapshot->domain[DOMAIN_PLATFORM].live = false;
	json = render(snapshot, 0);
	power = json_object_get(json, "power");
	assert_true(number(power, "watts") == 33.500001);
	assert_string_equal(string(power, "quality"), "prior"); /* other is an estimate */
	assert_true(number(power, "error") > 0.107 &&
		    number(power, "error") < 0.108); /* 40 % of 9 of 33.5 W */
	json_decref(json);
	fixture_free(snapshot);
}

/* Against sorting everything. */
static void test_the_top_rows_are_the_top_rows(void **state)
{
	struct snapshot *snapshot = fixture_big(3000);
	const struct snapshot_rows *all = &snapshot->level[LEVEL_PROCESS];
	const struct snapshot_row *rows[TOP_LIMIT_MAX];
	u32 above = 0;

	for (u32 tick = 0; tick < 3; tick++)
		fixture_tick(snapshot, NSEC_PER_SEC);
	assert_int_equal(top_rows(snapshot, LEVEL_PROCESS, rows, TOP_LIMIT_MAX), TOP_LIMIT_MAX);
	for (u32 i = 1; i < TOP_LIMIT_MAX; i++)
		assert_true(rows[i - 1]->tick_uj >= rows[i]->tick_uj);
	for (u32 i = 0; i < all->count; i++)
		above += all->row[i].tick_uj > rows[TOP_LIMIT_MAX - 1]->tick_uj;
	assert_true(above < TOP_LIMIT_MAX);
	assert_int_equal(top_rows(snapshot, LEVEL_PROCESS, rows, 0), 0);
	fixture_free(snapshot);
}

/* A row's energy is of the same domains as its power. */
static void test_energy_goes_with_power(void **state)
{
	struct snapshot *snapshot = fixture_small();
	struct snapshot_row *row = &snapshot->level[LEVEL_PROCESS].row[0];

	memset(&row->account, 0, sizeof(row->account));
	row->account.energy_uj[MODE_DYNAMIC][DOMAIN_PLATFORM] = 1000;
	row->account.energy_uj[MODE_IDLE][DOMAIN_PLATFORM] = 300;
	row->account.energy_uj[MODE_DYNAMIC][DOMAIN_PACKAGE] = 20;
	row->account.energy_uj[MODE_IDLE][DOMAIN_DRAM] = 4;
	assert_true(snapshot->domain[DOMAIN_PLATFORM].live);
	assert_int_equal(top_row_energy_uj(snapshot, row), 1300);
	snapshot->domain[DOMAIN_PLATFORM].live = false;
	assert_int_equal(top_row_energy_uj(snapshot, row), 24);
	fixture_free(snapshot);
}

static void test_the_limit_holds(void **state)
{
	struct snapshot *snapshot = fixture_big(3000);
	json_t *json = render(snapshot, 1000000);

	assert_int_equal(json_array_size(json_object_get(json, "processes")), TOP_LIMIT_MAX);
	assert_int_equal(json_array_size(json_object_get(json, "containers")), TOP_LIMIT_MAX);
	json_decref(json);
	json = render(snapshot, 3);
	assert_int_equal(json_array_size(json_object_get(json, "processes")), 3);
	json_decref(json);
	fixture_free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_small_machine),
		cmocka_unit_test(test_without_platform_the_parts_add_up),
		cmocka_unit_test(test_the_top_rows_are_the_top_rows),
		cmocka_unit_test(test_energy_goes_with_power),
		cmocka_unit_test(test_the_limit_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
