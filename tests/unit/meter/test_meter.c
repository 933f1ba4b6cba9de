// SPDX-License-Identifier: Apache-2.0
/*
 * The set: who is believed, who is dead, and that every joule has one reporter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "meter/energy.h"
#include "tree.h"

#define J UJ_PER_J

static bool estimating(const struct tree *t)
{
	return meter_set_state(t->set, METER_EMBEDDED)->used;
}

static bool has_note(const struct tree *t, const char *text)
{
	const struct meter_state *state = meter_set_state(t->set, METER_RAPL_POWERCAP);

	for (u32 i = 0; i < state->notes; i++)
		if (strstr(state->note[i].text, text))
			return true;
	return false;
}

static void test_no_powercap(void **state)
{
	struct tree *t = *state;
	const struct meter_state *rapl;

	tree_open(t);
	rapl = meter_set_state(t->set, METER_RAPL_POWERCAP);
	assert_non_null(strstr(rapl->detail, "intel_rapl_msr"));
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 3);
	assert_true(estimating(t));
	assert_false(rapl->used);
	assert_int_equal(rapl->zones, 0);
	assert_int_equal(rapl->status, METER_ABSENT);
	for (int s = 0; s < METER_STATUS_MAX; s++)
		assert_int_equal(rapl->read_errors[s], 0);
}

/* A measured zone of any domain keeps the estimate away, also for the domains that are not
 * measured. */
static void test_measured_wins(void **state)
{
	struct tree *t = *state;

	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_open(t);
	for (u64 i = 0; i < 50; i++) {
		tree_energy(t, "intel-rapl:0", (100 + i) * J);
		tree_tick(t, 4 * NSEC_PER_SEC);
		assert_int_equal(t->count, 1);
		assert_int_equal(t->readings[0].status, METER_OK);
	}
	assert_string_equal(meter_set_state(t->set, METER_EMBEDDED)->detail,
			    "stands by: the machine has a meter");
}

/* The counters of some virtual machines: what reads 0 twice is nothing measured. */
static void test_zero_psys(void **state)
{
	struct tree *t = *state;
	const struct meter_state *rapl;

	tree_zone(t, "intel-rapl:0", "psys", 0);
	tree_open(t);
	rapl = meter_set_state(t->set, METER_RAPL_POWERCAP);
	tree_tick(t, 0);
	for (int i = 0; i < 10; i++) {
		tree_tick(t, NSEC_PER_SEC / 100);
		assert_int_equal(t->readings[0].status, METER_DEAD);
		assert_true(estimating(t));
		assert_int_equal(rapl->read_errors[METER_DEAD], 1);
	}
	/* one that moves after all is believed */
	tree_energy(t, "intel-rapl:0", 3 * J);
	tree_tick(t, 0);
	assert_int_equal(t->readings[0].status, METER_OK);
	assert_false(estimating(t));
}

/* A counter that stands still. */
static void test_dead_psys(void **state)
{
	struct tree *t = *state;
	const struct meter_state *rapl;
	int ticks = 0;

	tree_zone(t, "intel-rapl:0", "psys", 5 * J);
	tree_open(t);
	rapl = meter_set_state(t->set, METER_RAPL_POWERCAP);
	/* An idle machine proves nothing, however long. */
	for (int i = 0; i < 100; i++) {
		tree_tick(t, NSEC_PER_SEC / 100);
		assert_int_equal(t->readings[0].status, METER_OK);
		assert_int_equal(t->count, 1);
	}
	while (!estimating(t) && ticks < 10) {
		tree_tick(t, NSEC_PER_SEC / 2);
		ticks++;
	}
	/* One second was used before: the first tick beyond two seconds. */
	assert_in_range(ticks, 2, 3);
	assert_int_equal(t->readings[0].status, METER_DEAD);
	assert_int_equal(tree_count_ok(t), 3);
	assert_int_equal(rapl->status, METER_DEAD);
	assert_false(rapl->used);
	assert_int_equal(rapl->read_errors[METER_DEAD], 1);
	assert_non_null(strstr(rapl->detail, "none moves while the machine works"));
}

static void test_few_reads_prove_nothing(void **state)
{
	struct tree *t = *state;

	tree_zone(t, "intel-rapl:0", "psys", 5 * J);
	tree_open(t);
	for (int i = 0; i < 4; i++) {
		tree_tick(t, 100 * NSEC_PER_SEC);
		assert_int_equal(t->readings[0].status, METER_OK);
	}
	tree_tick(t, 100 * NSEC_PER_SEC);
	assert_int_equal(t->readings[0].status, METER_DEAD);
}

/* One zone that stands still (an integrated GPU asleep) does not cost the others anything. */
static void test_one_dead_zone(void **state)
{
	struct tree *t = *state;
	u32 epoch;

	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_zone(t, "intel-rapl:0:0", "uncore", 7 * J);
	tree_open(t);
	tree_tick(t, 0);
	epoch = t->readings[1].epoch;
	for (u64 i = 0; i < 50; i++) {
		tree_energy(t, "intel-rapl:0", (100 + i) * J);
		tree_tick(t, NSEC_PER_SEC);
		assert_int_equal(t->readings[0].status, METER_OK);
		assert_int_equal(t->count, 2);
	}
	assert_int_equal(t->readings[1].status, METER_DEAD);
	assert_true(has_note(t, "1 of 2 zones never move"));
	/* It wakes: its energy is still its own, nobody reported it meanwhile. */
	tree_energy(t, "intel-rapl:0:0", 9 * J);
	tree_tick(t, NSEC_PER_SEC);
	assert_int_equal(t->readings[1].status, METER_OK);
	assert_int_equal(t->readings[1].epoch, epoch);
	assert_false(has_note(t, "never move"));
}

/*
 * A meter that comes and goes. Counted as a consumer does it: differences between readings of one
 * epoch that are both good. For each second the sum holds what the meter or the estimate says,
 * never both.
 */
static void test_one_reporter_per_joule(void **state)
{
	struct tree *t = *state;
	struct meter_reading last[METER_ZONES_MAX] = { 0 };
	u32 last_count = 0;
	u64 meter_uj = 1000 * J;

	tree_zone(t, "intel-rapl:0", "package-0", meter_uj);
	tree_open(t);
	for (int i = 0; i < 400; i++) {
		bool stuck = i % 100 >= 30 && i % 100 < 80;
		u64 tick_uj = 0;

		if (!stuck)
			meter_uj += 10 * J;
		tree_energy(t, "intel-rapl:0", meter_uj);
		tree_tick(t, NSEC_PER_SEC);
		for (u32 z = 0; z < last_count; z++) {
			const struct meter_reading *now = &t->readings[z];

			if (meter_set_zone(t->set, z)->domain != DOMAIN_PACKAGE ||
			    now->status != METER_OK || last[z].status == METER_ABSENT)
				continue;
			if (last[z].epoch == now->epoch)
				tick_uj += energy_delta_uj(last[z].value_uj, now->value_uj,
							   meter_set_zone(t->set, z)->modulus_uj);
		}
		assert_true(tick_uj <= 10 * J);
		for (u32 z = 0; z < t->count; z++) {
			if (t->readings[z].status == METER_OK || z >= last_count)
				last[z] = t->readings[z];
		}
		last_count = t->count;
		assert_int_equal(tree_count_ok(t), estimating(t) ? 3 : 1);
		if (i % 100 == 70)
			assert_true(estimating(t));
		if (i % 100 == 20)
			assert_false(estimating(t));
	}
	/* Zones keep their index: one measured, three estimated. */
	assert_int_equal(t->count, 4);
}

/* A counter that is lower after suspend has begun anew; awake it has wrapped. */
static void test_suspend(void **state)
{
	struct tree *t = *state;
	u32 epoch, zone;

	tree_zone(t, "intel-rapl:0", "package-0", 262143 * J);
	tree_open(t);
	tree_tick(t, 0);
	zone = t->readings[0].zone;
	epoch = t->readings[0].epoch;
	tree_energy(t, "intel-rapl:0", 5 * J);
	tree_tick(t, NSEC_PER_SEC);
	assert_int_equal(t->readings[zone].status, METER_OK);
	assert_int_equal(t->readings[zone].epoch, epoch);
	tree_energy(t, "intel-rapl:0", 4 * J);
	t->input.now_ns += 100 * NSEC_PER_SEC;
	tree_tick(t, NSEC_PER_SEC);
	assert_int_equal(t->readings[zone].status, METER_OK);
	assert_int_not_equal(t->readings[zone].epoch, epoch);
}

static void test_free_null(void **state)
{
	assert_null(meter_set_free(NULL));
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, tree_setup, tree_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TREE(test_no_powercap),
		WITH_TREE(test_measured_wins),
		WITH_TREE(test_zero_psys),
		WITH_TREE(test_dead_psys),
		WITH_TREE(test_few_reads_prove_nothing),
		WITH_TREE(test_one_dead_zone),
		WITH_TREE(test_one_reporter_per_joule),
		WITH_TREE(test_suspend),
		cmocka_unit_test(test_free_null),
	};

	return cmocka_run_group_tests_name("meter/meter", tests, NULL, NULL);
}
