// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/grow.h"
#include "base/hash.h"

/* Members stay where they were, new ones are zero, and room that is there is used again. */
static void test_members_stay(void **state)
{
	u32 *members = NULL, capacity = 0;

	for (u32 i = 0; i < 10000; i++) {
		u32 *before = members;
		bool room = i < capacity;

		assert_int_equal(grow(&members, &capacity, i + 1, sizeof(*members)), 0);
		assert_true(capacity > i);
		if (room)
			assert_ptr_equal(members, before);
		assert_int_equal(members[i], 0);
		members[i] = i + 1;
	}
	for (u32 i = 0; i < 10000; i++)
		assert_int_equal(members[i], i + 1);
	free(members);
}

static void test_leap(void **state)
{
	char *members = NULL;
	u32 capacity = 0;

	assert_int_equal(grow(&members, &capacity, 0, 3), 0);
	assert_null(members);
	assert_int_equal(grow(&members, &capacity, 5000, 3), 0);
	assert_true(capacity >= 5000);
	for (u32 i = 0; i < capacity * 3; i++)
		assert_int_equal(members[i], 0);
	free(members);
}

/* The vectors that the authors of FNV publish. */
static void test_hash(void **state)
{
	assert_true(hash_text("", SIZE_MAX, HASH_SEED) == 0xcbf29ce484222325ULL);
	assert_true(hash_text("a", SIZE_MAX, HASH_SEED) == 0xaf63dc4c8601ec8cULL);
	assert_true(hash_text("foobar", SIZE_MAX, HASH_SEED) == 0x85944171f73967e8ULL);
	assert_true(hash_text("foobarbaz", 6, HASH_SEED) == 0x85944171f73967e8ULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_stay),
		cmocka_unit_test(test_leap),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests_name("base/grow", tests, NULL, NULL);
}
