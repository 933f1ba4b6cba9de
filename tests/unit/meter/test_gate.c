// SPDX-License-Identifier: Apache-2.0
/* The gate: what a consumer of its verdicts adds up is the true energy, whatever is thrown in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "meter/energy.h"
#include "meter/gate.h"

#define J UJ_PER_J
#define WRAP_UJ (262144 * J)

static const struct meter_zone package = { .domain = DOMAIN_PACKAGE, .modulus_uj = WRAP_UJ };
static const struct meter_zone endless = { .domain = DOMAIN_PACKAGE };

/* A consumer: sums differences between readings that passed in one epoch. */
struct rig {
	const struct meter_zone *zone;
	struct gate gate;
	u64 now_ns;
	u64 sum_uj;
	u64 last_uj;
	u32 last_epoch;
	bool has_last;
	u32 rejected;
	bool missed; /* reads failed before the next one */
};

static enum gate_verdict take(struct rig *rig, u64 value_uj, u32 epoch, u64 slept_ns)
{
	struct meter_reading reading = { .value_uj = value_uj, .epoch = epoch };
	enum gate_verdict verdict;
	u32 told;

	rig->now_ns += NSEC_PER_SEC;
	reading.taken_ns = rig->now_ns;
	verdict = gate_check(&rig->gate, rig->zone, &reading,
			     &(struct gate_gap){ slept_ns, rig->missed });
	if (verdict == GATE_REJECT) {
		rig->rejected++;
		return verdict;
	}
	told = epoch + rig->gate.restarts;
	if (rig->has_last && told == rig->last_epoch)
		rig->sum_uj += energy_delta_uj(rig->last_uj, value_uj, rig->zone->modulus_uj);
	rig->has_last = true;
	rig->last_uj = value_uj;
	rig->last_epoch = told;
	return verdict;
}

/* 200 W for two hours: the counter wraps five times, and every joule is counted. */
static void test_wraps(void **state)
{
	struct rig rig = { .zone = &package };

	for (u64 i = 0; i <= 7200; i++)
		assert_int_equal(take(&rig, (260000 * J + i * 200 * J) % WRAP_UJ, 0, 0), GATE_PASS);
	assert_int_equal(rig.sum_uj, 7200 * 200 * J);
}

/* Garbage of any size, at any time, for one reading: rejected, and nothing is lost by it. */
static void test_glitches(void **state)
{
	struct rig rig = { .zone = &endless };
	u64 true_uj = 1000000 * J;

	srand(4);
	take(&rig, true_uj, 0, 0);
	for (int i = 0; i < 10000; i++) {
		true_uj += (u64)rand() % (400 * J);
		if (rand() % 10 == 0)
			assert_int_equal(
				take(&rig, true_uj + (u64)rand() * 100000 + 10000000 * J, 0, 0),
				GATE_REJECT);
		else
			assert_int_equal(take(&rig, true_uj, 0, 0), GATE_PASS);
	}
	true_uj += J;
	take(&rig, true_uj, 0, 0);
	assert_int_equal(rig.sum_uj, true_uj - 1000000 * J);
	assert_in_range(rig.rejected, 800, 1200);
}

/* A driver that was loaded anew begins somewhere else: that jump is no energy, what follows is. */
static void test_jump_and_go_on(void **state)
{
	struct rig rig = { .zone = &package };
	u64 before_uj;

	for (u64 i = 0; i < 10; i++)
		take(&rig, 1000 * J + i * 100 * J, 0, 0);
	before_uj = rig.sum_uj;
	assert_int_equal(before_uj, 900 * J);
	assert_int_equal(take(&rig, 150000 * J, 0, 0), GATE_REJECT);
	assert_int_equal(take(&rig, 150100 * J, 0, 0), GATE_RESTART);
	assert_int_equal(rig.sum_uj, before_uj);
	for (u64 i = 2; i < 10; i++)
		assert_int_equal(take(&rig, 150000 * J + i * 100 * J, 0, 0), GATE_PASS);
	assert_int_equal(rig.sum_uj, before_uj + 800 * J);
}

static void test_backwards(void **state)
{
	struct rig rig = { .zone = &endless };

	take(&rig, 500 * J, 0, 0);
	take(&rig, 600 * J, 0, 0);
	/* a counter that never wraps and falls has begun anew */
	assert_int_equal(take(&rig, 10 * J, 0, 0), GATE_RESTART);
	take(&rig, 30 * J, 0, 0);
	assert_int_equal(rig.sum_uj, 120 * J);
	/* one that wraps may, while the machine slept */
	rig = (struct rig){ .zone = &package };
	take(&rig, WRAP_UJ - 10 * J, 0, 0);
	assert_int_equal(take(&rig, 5 * J, 0, 3600 * NSEC_PER_SEC), GATE_RESTART);
	assert_int_equal(rig.sum_uj, 0);
	/* awake it is a wrap */
	rig = (struct rig){ .zone = &package };
	take(&rig, WRAP_UJ - 10 * J, 0, 0);
	assert_int_equal(take(&rig, 5 * J, 0, 0), GATE_PASS);
	assert_int_equal(rig.sum_uj, 15 * J);
}

/* The meter's own new epoch is passed on once, not doubled. */
static void test_own_epoch(void **state)
{
	struct rig rig = { .zone = &package };

	take(&rig, 100 * J, 7, 0);
	assert_int_equal(take(&rig, 200000 * J, 8, 0), GATE_PASS);
	assert_int_equal(rig.gate.restarts, 0);
	assert_int_equal(rig.sum_uj, 0);
	take(&rig, 200100 * J, 8, 0);
	assert_int_equal(rig.sum_uj, 100 * J);
}

/*
 * Away for longer than a wrap can take: how often it wrapped is not known. A long time between two
 * reads that both went well is what was asked for.
 */
static void test_away_too_long(void **state)
{
	struct rig rig = { .zone = &package, .missed = true };

	take(&rig, 100 * J, 0, 0);
	rig.now_ns += 200 * NSEC_PER_SEC;
	assert_int_equal(take(&rig, 200 * J, 0, 0), GATE_PASS);
	rig.now_ns += 263 * NSEC_PER_SEC;
	assert_int_equal(take(&rig, 300 * J, 0, 0), GATE_RESTART);
	assert_int_equal(rig.sum_uj, 100 * J);
	rig.missed = false;
	rig.now_ns += 263 * NSEC_PER_SEC;
	assert_int_equal(take(&rig, 400 * J, 0, 0), GATE_PASS);
	assert_int_equal(rig.sum_uj, 200 * J);
}

/* A zone may know its own limit; nothing outside the modulus is a reading at all. */
static void test_limits(void **state)
{
	struct meter_zone gpu = { .domain = DOMAIN_GPU, .limit_uw = 450 * J };
	struct rig rig = { .zone = &gpu };

	take(&rig, 0, 0, 0);
	assert_int_equal(take(&rig, 901 * J, 0, 0), GATE_REJECT);
	rig = (struct rig){ .zone = &gpu };
	take(&rig, 0, 0, 0);
	assert_int_equal(take(&rig, 899 * J, 0, 0), GATE_PASS);
	rig = (struct rig){ .zone = &package };
	assert_int_equal(take(&rig, WRAP_UJ, 0, 0), GATE_REJECT);
	for (int d = 0; d < DOMAIN_MAX; d++)
		assert_true(gate_domain_limit_uw(d) >= 1000 * J);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wraps),          cmocka_unit_test(test_glitches),
		cmocka_unit_test(test_jump_and_go_on), cmocka_unit_test(test_backwards),
		cmocka_unit_test(test_own_epoch),      cmocka_unit_test(test_away_too_long),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("meter/gate", tests, NULL, NULL);
}
