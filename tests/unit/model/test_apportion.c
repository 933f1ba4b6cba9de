// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/apportion.h"

enum { WEIGHTS_MAX = 64 };

struct division {
	u64 weight[WEIGHTS_MAX];
	u64 share[WEIGHTS_MAX];
	u32 count;
	u64 sum;
};

static u64 random_u64(u32 bits)
{
	u64 value = (u64)(u32)rand() << 42 ^ (u64)(u32)rand() << 21 ^ (u64)(u32)rand();

	return bits ? value >> (64 - bits) : 0;
}

/* Divides as the ledger does: who reaches the sum takes the rest. */
static void divide(struct division *division, u64 amount, u32 turn)
{
	struct apportion apportion;
	u64 reached = 0;

	apportion_init(&apportion, amount, division->sum, turn);
	for (u32 i = 0; i < division->count; i++) {
		division->share[i] = 0;
		if (!division->weight[i])
			continue;
		reached += division->weight[i];
		division->share[i] = reached == division->sum ? apportion_rest(&apportion)
							      : apportion_next(&apportion, reached);
	}
}

static void make_weights(struct division *division, u32 bits_max)
{
	division->sum = 0;
	division->count = 1 + (u32)rand() % WEIGHTS_MAX;
	for (u32 i = 0; i < division->count; i++) {
		division->weight[i] = random_u64((u32)rand() % (bits_max + 1));
		division->sum += division->weight[i];
	}
	if (!division->sum)
		division->sum = division->weight[0] = 1;
}

static void test_sum_is_exact(void **state)
{
	struct division division;

	srand(5);
	for (u32 turn = 0; turn < 100000; turn++) {
		u64 amount = random_u64((u32)rand() % 63), given = 0;

		make_weights(&division, (u32)rand() % 58);
		divide(&division, amount, turn);
		for (u32 i = 0; i < division.count; i++) {
			given += division.share[i];
			assert_true(division.share[i] <= amount);
			assert_true(division.weight[i] || !division.share[i]);
		}
		assert_int_equal(given, amount);
	}
}

/*
 * How far a share may be from the exact one: less than one unit by rounding the line's two ends,
 * less than one by cutting the rate after 32 bits, and for sums of more than 32 bits what one step
 * is worth at each end.
 */
static long double bound(const struct division *division, u64 amount)
{
	return division->sum >> 32 ? 2.0L + 2.0L * (long double)amount / 0x1p31L : 2.0L;
}

static void test_share_is_close(void **state)
{
	struct division division;

	srand(6);
	for (u32 turn = 0; turn < 100000; turn++) {
		u64 amount = random_u64((u32)rand() % 40);

		make_weights(&division, 10 + (u32)rand() % 40);
		if (division.sum < (amount >> 31))
			continue; /* more than 2^31 units per weight: beyond any meter */
		divide(&division, amount, turn);
		for (u32 i = 0; i < division.count; i++) {
			long double exact = (long double)amount * (long double)division.weight[i] /
					    (long double)division.sum;

			assert_true(fabsl((long double)division.share[i] - exact) <=
				    bound(&division, amount));
		}
	}
}

/* With weights as small as these the rate's cut is nothing: within one unit, plainly. */
static void test_small_weights_within_one(void **state)
{
	struct division division;

	srand(7);
	for (u32 turn = 0; turn < 50000; turn++) {
		u64 amount = random_u64((u32)rand() % 30);

		make_weights(&division, 12);
		divide(&division, amount, turn);
		for (u32 i = 0; i < division.count; i++) {
			u64 floor = amount * division.weight[i] / division.sum;

			assert_in_range(division.share[i], floor ? floor - 1 : 0, floor + 1);
		}
	}
}

/* Over many turns every weight has its due: nobody is favoured by rounding. */
static void test_unbiased(void **state)
{
	struct division division = { .weight = { 1, 999, 0, 3, 41, 41, 7000, 2 },
				     .count = 8,
				     .sum = 8087 };
	enum { TURNS = 100000 };
	u64 given[WEIGHTS_MAX] = { 0 };

	for (u64 amount = 1; amount < 20000; amount = amount * 7 + 1) {
		memset(given, 0, sizeof(given));
		for (u32 turn = 0; turn < TURNS; turn++) {
			divide(&division, amount, turn);
			for (u32 i = 0; i < division.count; i++)
				given[i] += division.share[i];
		}
		for (u32 i = 0; i < division.count; i++) {
			double exact =
				(double)amount * (double)division.weight[i] / (double)division.sum;

			assert_true(fabs((double)given[i] / TURNS - exact) < 0.001);
		}
	}
}

static void test_edges(void **state)
{
	struct apportion apportion;

	apportion_init(&apportion, 0, 10, 3);
	assert_int_equal(apportion_next(&apportion, 5), 0);
	assert_int_equal(apportion_rest(&apportion), 0);
	/* one owner has it all, whatever the amount */
	for (int bits = 0; bits < 63; bits++) {
		apportion_init(&apportion, 1ULL << bits, 1, (u32)bits);
		assert_true(apportion_next(&apportion, 0) == 0);
		assert_true(apportion_rest(&apportion) == 1ULL << bits);
		assert_true(apportion_rest(&apportion) == 0);
	}
	/* 2^40 uJ between two of 2^62 each */
	apportion_init(&apportion, 1ULL << 40, 1ULL << 63, 1);
	assert_true(llabs((long long)(apportion_next(&apportion, 1ULL << 62) - (1ULL << 39))) <=
		    1024);
	apportion_init(&apportion, (1ULL << 63) - 1, UINT64_MAX, UINT32_MAX);
	apportion_next(&apportion, UINT64_MAX - 1);
	apportion_rest(&apportion);
	assert_true(apportion.given == (1ULL << 63) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum_is_exact),
		cmocka_unit_test(test_share_is_close),
		cmocka_unit_test(test_small_weights_within_one),
		cmocka_unit_test(test_unbiased),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests_name("model/apportion", tests, NULL, NULL);
}
