// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meter/redfish_track.h"

#define S NSEC_PER_SEC
#define W UJ_PER_J
#define INTERVAL_S 30
#define KJ (1000 * UJ_PER_J)

static struct redfish_track fresh(void)
{
	return (struct redfish_track){ .interval_ns = INTERVAL_S * S };
}

static struct redfish_value both(u64 power_uw, u64 energy_uj, u64 step_uj)
{
	return (struct redfish_value){ .has_power = true,
				       .power_uw = power_uw,
				       .has_energy = true,
				       .energy_uj = energy_uj / step_uj * step_uj,
				       .step_uj = step_uj };
}

static struct redfish_value power(u64 power_uw)
{
	return (struct redfish_value){ .has_power = true, .power_uw = power_uw };
}

static void test_power(void **state)
{
	struct redfish_track t = fresh();
	struct redfish_value low = power(100 * W), high = power(300 * W);

	assert_true(redfish_track_take(&t, &low, 5 * S));
	assert_int_equal(t.energy_uj, 0);
	assert_true(redfish_track_take(&t, &high, 15 * S));
	assert_int_equal(t.energy_uj, 2000 * UJ_PER_J);
	assert_false(t.counting);
	assert_int_equal(t.epoch, 0);
	/* an hour that nobody looked at */
	assert_true(redfish_track_take(&t, &high, 3615 * S));
	assert_int_equal(t.energy_uj, 2000 * UJ_PER_J);
	assert_int_equal(t.epoch, 1);
}

/* 0.001 kWh: 3.6 kJ is less than 200 W in 30 s, but more than 100 W. */
static void test_choice(void **state)
{
	struct redfish_track t = fresh();
	struct redfish_value v = both(100 * W, 36000 * KJ, 3600 * UJ_PER_J);

	assert_true(redfish_track_take(&t, &v, S));
	assert_false(t.counting);
	assert_true(t.coarse);
	v = both(200 * W, 36006 * KJ, 3600 * UJ_PER_J);
	assert_true(redfish_track_take(&t, &v, 31 * S));
	assert_true(t.counting);
	assert_int_equal(t.epoch, 1);
	/* it stays with the counter, which is exact, when the machine idles */
	v = both(50 * W, 36012 * KJ, 3600 * UJ_PER_J);
	assert_true(redfish_track_take(&t, &v, 61 * S));
	assert_true(t.counting);
	assert_int_equal(t.energy_uj, 36010800 * UJ_PER_J);
	assert_int_equal(t.epoch, 1);
}

/* "12.3" may be 12.300: the least step seen is that of the counter. */
static void test_zeros(void **state)
{
	struct redfish_track t = fresh();
	struct redfish_value v = both(300 * W, 36000 * KJ, 360 * KJ);

	redfish_track_take(&t, &v, S);
	assert_true(t.coarse);
	v = both(300 * W, 36009 * KJ, 3600 * UJ_PER_J);
	redfish_track_take(&t, &v, 31 * S);
	assert_true(t.counting);
	v = both(300 * W, 36018 * KJ, 360 * KJ);
	redfish_track_take(&t, &v, 61 * S);
	assert_true(t.counting);
}

static void test_counter_alone(void **state)
{
	struct redfish_track t = fresh();
	struct redfish_value v = { .has_energy = true,
				   .energy_uj = 7200 * KJ,
				   .step_uj = 3600000000 };

	assert_true(redfish_track_take(&t, &v, S));
	assert_int_equal(t.energy_uj, 7200 * KJ);
	v.energy_uj = 3600 * UJ_PER_J;
	assert_true(redfish_track_take(&t, &v, 31 * S));
	assert_int_equal(t.epoch, 2);
	assert_int_equal(t.energy_uj, 3600 * UJ_PER_J);
}

/* One reading without the counter is nothing, three are for good. */
static void test_counter_goes(void **state)
{
	struct redfish_track t = fresh();
	struct redfish_value v = both(300 * W, 36000 * KJ, 3600 * UJ_PER_J), less = power(300 * W);

	assert_true(redfish_track_take(&t, &v, S));
	assert_false(redfish_track_take(&t, &less, 31 * S));
	assert_true(redfish_track_take(&t, &v, 61 * S));
	assert_int_equal(t.epoch, 1);
	assert_false(redfish_track_take(&t, &less, 91 * S));
	assert_false(redfish_track_take(&t, &less, 121 * S));
	assert_true(redfish_track_take(&t, &less, 151 * S));
	assert_false(t.counting);
	assert_int_equal(t.epoch, 2);
	assert_int_equal(t.energy_uj, 150 * 300 * UJ_PER_J);
}

/* A day of polls with a counter that says @factor times what the power says. */
static struct redfish_track day(u64 percent)
{
	struct redfish_track t = fresh();
	u64 energy_uj = 36000 * KJ;

	for (u64 s = 0; s < 86400; s += INTERVAL_S) {
		u64 power_uw = (200 + s / INTERVAL_S % 7 * 50) * W;
		struct redfish_value v = both(power_uw, energy_uj, 3600 * UJ_PER_J);

		redfish_track_take(&t, &v, s * S);
		energy_uj += power_uw * INTERVAL_S / 100 * percent;
	}
	return t;
}

static void test_contradiction(void **state)
{
	struct redfish_track t = day(100);

	assert_true(t.counting);
	assert_false(t.distrusted);
	assert_int_equal(t.epoch, 1);
	assert_true(day(70).counting);
	assert_true(day(150).counting);
	/* one that stands still, and one in Wh */
	t = day(0);
	assert_true(t.distrusted && !t.counting);
	assert_int_equal(t.epoch, 2);
	assert_in_range(t.energy_uj, 86370 * 345 * UJ_PER_J, 86400 * 355 * UJ_PER_J);
	assert_true(day(100000).distrusted);
	assert_true(day(10).distrusted);
}

/* A counter goes on while the BMC does not answer, and is not held to the power of that time. */
static void test_outage(void **state)
{
	struct redfish_track t = fresh();
	u64 energy_uj = 36000 * KJ;

	for (u64 s = 0; s < 86400; s += s % 3600 ? INTERVAL_S : 1800 + INTERVAL_S) {
		struct redfish_value v = both(300 * W, 36000 * KJ + s * 300 * W, 3600 * UJ_PER_J);

		redfish_track_take(&t, &v, s * S);
		energy_uj = v.energy_uj;
	}
	assert_true(t.counting);
	assert_int_equal(t.epoch, 1);
	assert_int_equal(t.energy_uj, energy_uj);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power),        cmocka_unit_test(test_choice),
		cmocka_unit_test(test_zeros),        cmocka_unit_test(test_counter_alone),
		cmocka_unit_test(test_counter_goes), cmocka_unit_test(test_contradiction),
		cmocka_unit_test(test_outage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
