// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meter/energy.h"

static u64 random_state = 88172645463325252ULL;

static u64 random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void test_cases(void **state)
{
	assert_int_equal(energy_delta_uj(10, 10, 100), 0);
	assert_int_equal(energy_delta_uj(10, 25, 100), 15);
	assert_int_equal(energy_delta_uj(99, 0, 100), 1);
	assert_int_equal(energy_delta_uj(90, 5, 100), 15);
	assert_int_equal(energy_delta_uj(90, 5, 0), 0);
	assert_int_equal(energy_delta_uj(100, 5, 100), 0);
	assert_int_equal(energy_delta_uj(5, 100, 100), 0);
	assert_true(energy_delta_uj(0, UINT64_MAX, 0) == UINT64_MAX);
	assert_true(energy_delta_uj(UINT64_MAX - 1, 0, UINT64_MAX) == 1);
}

static void test_modulus(void **state)
{
	assert_int_equal(energy_modulus_uj(0), 0);
	assert_int_equal(energy_modulus_uj(UINT64_MAX), 0);
	/* 2^-14 J, the DRAM of servers, 2^-16 J, 32 uJ of Atoms, 1 J: as the kernel has them. */
	assert_true(energy_modulus_uj(262143328850ULL) == 262143328911ULL);
	assert_true(energy_modulus_uj(65712999613ULL) == 65712999629ULL);
	assert_true(energy_modulus_uj(65532610987ULL) == 65532611002ULL);
	assert_true(energy_modulus_uj(137438953440ULL) == 137438953472ULL);
	assert_true(energy_modulus_uj(4294967295000000ULL) == 4294967296000000ULL);
	/* Ranges that no step explains. */
	assert_true(energy_modulus_uj(262143328851ULL) == 262143328852ULL);
	assert_true(energy_modulus_uj(400000000ULL) == 400000001ULL);
	assert_true(energy_modulus_uj(UINT64_MAX - 1) == UINT64_MAX);
}

/* A true counter of 128 bits beside what the hardware shows of it: the sum of the deltas is the
 * energy. */
static void test_follows_true_counter(void **state)
{
	for (int run = 0; run < 200; run++) {
		u64 modulus = random_u64() >> (random_u64() % 60);
		u128 truth, start;
		u128 sum = 0;

		if (modulus < 2)
			modulus = 2;
		start = truth = ((u128)random_u64() << 32) + random_u64();
		for (int i = 0; i < 1000; i++) {
			u64 step = random_u64() % modulus;
			u64 before = (u64)(truth % modulus);

			truth += step;
			assert_true(energy_delta_uj(before, (u64)(truth % modulus), modulus) ==
				    step);
			sum += step;
		}
		assert_true(truth - start == sum);
	}
}

/*
 * The hardware counts 2^32 steps, the kernel shows steps x nJ / 1000 rounded down. Over many wraps
 * the sum of the differences is the truth, but for half a microjoule for each wrap and one for
 * rounding.
 */
static void follow_hardware(u64 step_nj)
{
	const u64 modulus = energy_modulus_uj((u64)((u128)step_nj * UINT32_MAX / 1000));
	u64 start = random_u64() >> 32, steps = start;
	u64 wraps = 0;
	u128 sum_uj = 0, truth_uj;

	for (int i = 0; i < 20000; i++) {
		u64 step = random_u64() % 400000000;
		u64 before = (u64)((u128)(u32)steps * step_nj / 1000);

		wraps += ((u32)steps + step) >> 32;
		steps += step;
		sum_uj +=
			energy_delta_uj(before, (u64)((u128)(u32)steps * step_nj / 1000), modulus);
	}
	truth_uj = (u128)(steps - start) * step_nj / 1000;
	assert_true(wraps > 500);
	assert_true(sum_uj <= truth_uj + wraps / 2 + 2);
	assert_true(sum_uj + wraps / 2 + 2 >= truth_uj);
}

static void test_error_per_wrap(void **state)
{
	static const u64 steps_nj[] = { 61035, 15258, 15300, 32000, 976562, 1000000000, 1 };

	for (size_t i = 0; i < ARRAY_SIZE(steps_nj); i++)
		follow_hardware(steps_nj[i]);
}

/* Whatever is read, a step never exceeds the modulus, nor the larger value where there is none. */
static void test_never_jumps(void **state)
{
	for (int i = 0; i < 100000; i++) {
		u64 modulus = i % 3 ? random_u64() >> (random_u64() % 64) : 0;
		u64 a = random_u64() >> (random_u64() % 64);
		u64 b = random_u64() >> (random_u64() % 64);
		u64 delta = energy_delta_uj(a, b, modulus);

		assert_true(modulus ? delta < modulus : delta <= b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_modulus),
		cmocka_unit_test(test_follows_true_counter),
		cmocka_unit_test(test_error_per_wrap),
		cmocka_unit_test(test_never_jumps),
	};

	return cmocka_run_group_tests_name("meter/energy", tests, NULL, NULL);
}
