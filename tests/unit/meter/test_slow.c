// SPDX-License-Identifier: Apache-2.0
/* A thread per slow meter: the tick never waits for a device that hangs, and misses nothing. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "meter/slow.h"

/* A device that answers at once, or hangs until it is let go or told to end. */
struct device {
	atomic_bool hang;
	atomic_uint polls;
	atomic_bool stopped; /* it saw that it should end */
	u32 poll_us;         /* how long a poll takes, about */
	u64 next_ns;
};

static void poll_device(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
	struct device *device = priv;
	struct meter_zone zone = { .domain = DOMAIN_PLATFORM, .package = "p", .name = "device" };
	struct sample_zone *place;

	assert_int_equal(sample->zones, 0);
	while (atomic_load(&device->hang) && !slow_stopping(when->stop))
		usleep(1000);
	usleep(device->poll_us);
	if (slow_stopping(when->stop))
		atomic_store(&device->stopped, true);
	place = sample_add(sample, &zone);
	place->status = METER_OK;
	place->value_uj = (atomic_fetch_add(&device->polls, 1) + 1) * UJ_PER_J;
	place->taken_ns = when->now_ns;
	sample->use[sample->uses++] = (struct meter_use){ .zone = 0, .pid = 42, .work = 1 };
	sample->next_ns = device->next_ns;
}

static const struct meter_ops ops = { .name = "device", .poll = poll_device };

struct rig {
	struct device device;
	struct slow *slow;
	struct meter_slots slots;
	struct meter meter;
};

static int setup(void **state)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	rig.meter.slots = &rig.slots;
	rig.meter.ops = &ops;
	*state = &rig;
	return slow_new(&ops, &rig.device, &rig.slow);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	return slow_free(rig->slow) ? 0 : -1;
}

/* Kicks and takes until something fresh is there; counts the tries. */
static const struct meter_sample *next_sample(struct rig *rig, u32 *tries)
{
	bool fresh = false;
	const struct meter_sample *sample = NULL;

	for (*tries = 0; !fresh && *tries < 10000; (*tries)++) {
		slow_kick(rig->slow);
		sample = slow_take(rig->slow, clock_read_ns(CLOCK_MONOTONIC) + METER_WAIT_NS,
				   &fresh);
		if (!fresh)
			usleep(500);
	}
	assert_true(fresh);
	return sample;
}

/* Every poll's sample arrives, in order: none is thrown away, none comes twice. */
static void test_every_sample_arrives(void **state)
{
	struct rig *rig = *state;
	u32 tries;

	for (u64 i = 1; i <= 200; i++) {
		const struct meter_sample *sample = next_sample(rig, &tries);

		assert_int_equal(sample->zone[0].value_uj, i * UJ_PER_J);
		assert_int_equal(sample->uses, 1);
	}
}

/* While the device hangs the tick gets the old sample, and soon does not even wait for a new one.
 */
static void test_hanging_device(void **state)
{
	struct rig *rig = *state;
	const struct meter_sample *sample;
	bool fresh;
	u32 tries, polls;

	next_sample(rig, &tries);
	atomic_store(&rig->device.hang, true);
	polls = atomic_load(&rig->device.polls);
	for (int tick = 0; tick < 50; tick++) {
		slow_kick(rig->slow);
		sample = slow_take(rig->slow, clock_read_ns(CLOCK_MONOTONIC) + METER_WAIT_NS,
				   &fresh);
		assert_false(fresh);
		assert_int_equal(sample->zone[0].value_uj, UJ_PER_J);
	}
	assert_int_equal(atomic_load(&rig->device.polls), polls);
	atomic_store(&rig->device.hang, false);
	sample = next_sample(rig, &tries);
	assert_int_equal(sample->zone[0].value_uj, 2 * UJ_PER_J);
}

/* Waits until so many polls were done; they take longer than a tick waits. */
static bool polled(struct rig *rig, u32 polls)
{
	for (int i = 0; i < 10000 && atomic_load(&rig->device.polls) < polls; i++)
		usleep(1000);
	return atomic_load(&rig->device.polls) == polls;
}

/* A poll that is slower than a tick waits is told by the next tick, and does not cost one. */
static void test_slow_every_tick(void **state)
{
	struct rig *rig = *state;
	bool fresh;
	u32 tries;

	rig->device.poll_us = 2 * METER_WAIT_NS / NSEC_PER_USEC;
	next_sample(rig, &tries);
	slow_kick(rig->slow);
	for (u32 tick = 2; tick <= 5; tick++) {
		const struct meter_sample *sample;

		assert_true(polled(rig, tick));
		usleep(5000);
		slow_kick(rig->slow);
		usleep(20000); /* what is not taken yet stays */
		sample = slow_take(rig->slow, clock_read_ns(CLOCK_MONOTONIC) + METER_WAIT_NS,
				   &fresh);
		assert_true(fresh);
		assert_int_equal(sample->zone[0].value_uj, tick * UJ_PER_J);
	}
}

/* Before the first sample there is none; a meter that asks for time is not polled meanwhile. */
static void test_pace(void **state)
{
	struct rig *rig = *state;
	bool fresh;
	u32 tries;

	assert_null(slow_take(rig->slow, 0, &fresh));
	rig->device.next_ns = clock_boot_ns() + 3600 * NSEC_PER_SEC;
	next_sample(rig, &tries);
	for (int i = 0; i < 20; i++) {
		slow_kick(rig->slow);
		usleep(500);
		assert_non_null(slow_take(rig->slow, 0, &fresh));
		assert_false(fresh);
	}
	assert_int_equal(atomic_load(&rig->device.polls), 1);
}

/* A poll that hangs is told to end. */
static void test_end_while_hanging(void **state)
{
	struct rig *rig = *state;

	atomic_store(&rig->device.hang, true);
	slow_kick(rig->slow);
	usleep(20000);
	assert_true(slow_free(rig->slow));
	rig->slow = NULL;
	assert_true(atomic_load(&rig->device.stopped));
}

static void settle_one(struct rig *rig, const char *name, enum meter_status status, u64 now_ns)
{
	struct meter_zone zone = { .domain = DOMAIN_PLATFORM, .period_ns = 30 * NSEC_PER_SEC };
	struct meter_sample *sample = test_calloc(1, sizeof(*sample));
	struct meter_tick tick = { .input = { .now_ns = now_ns } };

	snprintf(zone.name, sizeof(zone.name), "%s", name);
	*sample_add(sample, &zone) = (struct sample_zone){
		.zone = zone, .status = status, .value_uj = 7, .taken_ns = now_ns
	};
	slow_settle(&rig->meter, sample, true, &tick);
	test_free(sample);
}

/* Zones keep their slots; one that is not told of is absent; what gets old is stale, then absent.
 */
static void test_settle(void **state)
{
	struct rig *rig = *state;
	struct meter_sample *none = test_calloc(1, sizeof(*none));
	struct meter_tick tick = { .input = { .now_ns = 100 * NSEC_PER_SEC } };

	settle_one(rig, "a", METER_OK, 100 * NSEC_PER_SEC);
	assert_int_equal(rig->slots.count, 1);
	assert_int_equal(rig->slots.slot[0].reading.status, METER_OK);
	settle_one(rig, "b", METER_OK, 100 * NSEC_PER_SEC);
	assert_int_equal(rig->slots.count, 2);
	assert_int_equal(rig->slots.slot[0].reading.status, METER_ABSENT);
	settle_one(rig, "a", METER_OK, 100 * NSEC_PER_SEC);
	assert_int_equal(rig->slots.count, 2);
	tick.input.now_ns = 189 * NSEC_PER_SEC;
	slow_settle(&rig->meter, none, false, &tick);
	assert_int_equal(rig->slots.slot[0].reading.status, METER_OK);
	tick.input.now_ns = 191 * NSEC_PER_SEC;
	slow_settle(&rig->meter, none, false, &tick);
	assert_int_equal(rig->slots.slot[0].reading.status, METER_STALE);
	tick.input.now_ns = 401 * NSEC_PER_SEC;
	slow_settle(&rig->meter, none, false, &tick);
	assert_int_equal(rig->slots.slot[0].reading.status, METER_ABSENT);
	/* the time between two ticks makes no reading old, however long it is */
	settle_one(rig, "a", METER_OK, 402 * NSEC_PER_SEC);
	tick.input.now_ns = (402 + 110) * NSEC_PER_SEC;
	tick.passed_ns = 60 * NSEC_PER_SEC;
	slow_settle(&rig->meter, none, false, &tick);
	assert_int_equal(rig->slots.slot[0].reading.status, METER_OK);
	settle_one(rig, "a", METER_DENIED, 402 * NSEC_PER_SEC);
	assert_int_equal(rig->slots.slot[0].reading.status, METER_DENIED);
	test_free(none);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_every_sample_arrives), CASE(test_hanging_device),
		CASE(test_slow_every_tick),      CASE(test_pace),
		CASE(test_end_while_hanging),    CASE(test_settle),
	};

	return cmocka_run_group_tests_name("meter/slow", tests, NULL, NULL);
}
