// SPDX-License-Identifier: Apache-2.0
/* The paths that the agent serves against those that the configuration keeps free. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/routes.h"
#include "config/parse.h"
#include "ledger/snapshot_pool.h"

static void test_the_metrics_take_nobodys_path(void **state)
{
	static struct snapshot_box box;
	struct routes_options options = { .metrics_path = "/metrics" };
	const struct http_route *table;
	struct routes *routes;
	u32 count, others = 0;

	snapshot_box_init(&box);
	routes = routes_new(&box, &options);
	assert_non_null(routes);
	table = routes_table(routes, &count);
	for (u32 i = 0; i < count; i++) {
		const char *why = NULL;
		char field[128];
		int r = config_parse_route(table[i].path, field, sizeof(field), &why);

		if (strcmp(table[i].path, "/metrics") == 0) {
			assert_int_equal(r, 0);
			continue;
		}
		if (r == 0)
			fail_msg("web.telemetry-path may be %s, which is another page's",
				 table[i].path);
		others++;
	}
	assert_true(others >= 7);
	routes_free(routes);
	snapshot_box_deinit(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_metrics_take_nobodys_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
