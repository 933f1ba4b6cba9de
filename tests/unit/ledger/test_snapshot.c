// SPDX-License-Identifier: Apache-2.0
/* Snapshots are immutable while somebody holds one, and what is not published now is published
 * next. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/snapshot_pool.h"
#include "workload/identity.h"
#include "world.h"

static const struct registry_limits limits = { .processes = 60,
					       .groups = 30,
					       .retention_ns = 5 * WORLD_TICK_NS };

static struct world world;

static u64 mix(u64 hash, const void *data, size_t size)
{
	const u8 *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return hash;
}

/* Of everything that can be read through the snapshot, member by member. */
static u64 checksum(const struct snapshot *snapshot)
{
	u64 hash = mix(0xcbf29ce484222325ULL, &snapshot->seq, sizeof(snapshot->seq));

	for (int level = 0; level < LEVEL_MAX; level++) {
		for (u32 i = 0; i < snapshot->level[level].count; i++) {
			const struct snapshot_row *row = &snapshot->level[level].row[i];

			hash = mix(hash, &row->account, sizeof(row->account));
			hash = mix(hash, &row->tick_uj, sizeof(row->tick_uj));
			hash = mix(hash, &row->tick_seq, sizeof(row->tick_seq));
			hash = mix(hash, &row->ended, sizeof(row->ended));
			hash = mix(hash, &row->exported, sizeof(row->exported));
			if (row->identity)
				hash = mix(hash, row->identity->labels,
					   strlen(row->identity->labels));
		}
	}
	for (u32 i = 0; i < snapshot->zones; i++) {
		hash = mix(hash, snapshot->zone[i].package, strlen(snapshot->zone[i].package));
		hash = mix(hash, snapshot->zone[i].energy_uj, sizeof(snapshot->zone[i].energy_uj));
	}
	for (int domain = 0; domain < DOMAIN_MAX; domain++) {
		hash = mix(hash, snapshot->domain[domain].node_uj,
			   sizeof(snapshot->domain[domain].node_uj));
		hash = mix(hash, snapshot->domain[domain].unattributed_uj,
			   sizeof(snapshot->domain[domain].unattributed_uj));
	}
	return hash;
}

static const struct snapshot *hold(void)
{
	return snapshot_box_get(ledger_box(world.ledger));
}

static void test_empty_box(void **state)
{
	world_init(&world, &(struct world_options){ .limits = limits });
	assert_null(hold());
	assert_int_equal(snapshot_box_last_tick_ns(ledger_box(world.ledger)), 0);
	ledger_heartbeat(world.ledger, 4711);
	assert_int_equal(snapshot_box_last_tick_ns(ledger_box(world.ledger)), 4711);
	snapshot_unref(NULL);
	assert_null(ledger_free(NULL));
	world_deinit(&world);
}

/* Held for twenty ticks, in which processes and containers come, end and are retired. */
static void test_held_does_not_change(void **state)
{
	world_init(&world, &(struct world_options){ .limits = limits, .seed = 1 });
	for (int round = 0; round < 10; round++) {
		const struct snapshot *snapshot;
		u64 before;

		for (int tick = 0; tick < 7; tick++)
			world_step(&world);
		snapshot = hold();
		before = checksum(snapshot);
		for (int tick = 0; tick < 20; tick++)
			world_step(&world);
		assert_int_equal(checksum(snapshot), before);
		snapshot_unref(snapshot);
	}
	assert_int_equal(world.skipped, 0);
	world_deinit(&world);
}

static void check_zones(const struct snapshot *snapshot)
{
	for (int domain = 0; domain < DOMAIN_MAX; domain++)
		for (int mode = 0; mode < MODE_MAX; mode++)
			assert_int_equal(snapshot->domain[domain].node_uj[mode],
					 world.node_uj[mode][domain]);
}

/*
 * Every snapshot is held by a reader that hangs: ticks go on, none is published, and the first
 * after one is let go is what a second world shows whose readers never held any.
 */
static void test_all_held(void **state)
{
	const struct world_options options = { .limits = limits, .seed = 3 };
	const struct snapshot *held[SNAPSHOT_POOL], *last;
	u64 sums[SNAPSHOT_POOL], free_sum;
	u32 missed;

	world_init(&world, &options);
	for (int i = 0; i < SNAPSHOT_POOL; i++) {
		world_step(&world);
		held[i] = hold();
		sums[i] = checksum(held[i]);
	}
	assert_int_equal(world.skipped, 0);
	for (int tick = 0; tick < 30; tick++)
		world_step(&world);
	missed = world.skipped;
	assert_int_equal(missed, 30);
	last = hold();
	assert_ptr_equal(last, held[SNAPSHOT_POOL - 1]);
	snapshot_unref(last);
	for (int i = 0; i < SNAPSHOT_POOL; i++) {
		assert_int_equal(checksum(held[i]), sums[i]);
		if (i % 2 == 0)
			snapshot_unref(held[i]);
	}
	world_step(&world);
	assert_int_equal(world.skipped, missed);
	last = hold();
	check_zones(last);
	free_sum = checksum(last);
	snapshot_unref(last);
	for (int i = 1; i < SNAPSHOT_POOL; i += 2)
		snapshot_unref(held[i]);
	world_deinit(&world);

	world_init(&world, &options);
	for (int tick = 0; tick < SNAPSHOT_POOL + 31; tick++)
		world_step(&world);
	last = hold();
	assert_int_equal(checksum(last), free_sum);
	snapshot_unref(last);
	world_deinit(&world);
}

/* A reader on another thread: what it gets is whole, and newer each time. */
struct reader {
	pthread_t thread;
	_Atomic bool stop;
	u64 reads;
	bool broken;
};

static void read_once(struct reader *reader, u64 *seq)
{
	const struct snapshot *snapshot = snapshot_box_get(ledger_box(world.ledger));
	u64 cpu_ns[2] = { 0 };

	for (u32 i = 0; i < snapshot->level[LEVEL_NAMESPACE].count; i++)
		cpu_ns[0] +=
			snapshot->level[LEVEL_NAMESPACE].row[i].account.counter[COUNTER_CPU_NS];
	for (u32 i = 0; i < snapshot->level[LEVEL_CONTAINER].count; i++)
		cpu_ns[1] +=
			snapshot->level[LEVEL_CONTAINER].row[i].account.counter[COUNTER_CPU_NS];
	if (snapshot->seq < *seq || cpu_ns[0] != cpu_ns[1])
		reader->broken = true;
	*seq = snapshot->seq;
	reader->reads++;
	snapshot_unref(snapshot);
}

static void *read_all(void *arg)
{
	struct reader *reader = arg;
	u64 seq = 0;

	while (!reader->stop || !reader->reads)
		read_once(reader, &seq);
	return NULL;
}

static void test_readers_on_threads(void **state)
{
	static struct reader readers[3];
	struct world_options options = { .limits = limits, .seed = 5 };

	options.limits.groups = 500;
	options.limits.retention_ns = 1000000 * NSEC_PER_SEC;
	world_init(&world, &options);
	world_step(&world);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]),
				 0);
	for (int tick = 0; tick < 200; tick++)
		world_step(&world);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		readers[i].stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		pthread_join(readers[i].thread, NULL);
		assert_false(readers[i].broken);
		assert_true(readers[i].reads > 0);
	}
	world_deinit(&world);
}

static void test_power_of_a_row(void **state)
{
	const struct snapshot_row row = { .tick_uj = 5000, .tick_seq = 7 };
	struct snapshot snapshot = { .seq = 7, .interval_ns = NSEC_PER_SEC / 2 };

	assert_int_equal(snapshot_row_power_uw(&snapshot, &row), 10000);
	snapshot.seq = 8; /* it did nothing since */
	assert_int_equal(snapshot_row_power_uw(&snapshot, &row), 0);
	snapshot.seq = 7;
	snapshot.interval_ns = 0;
	assert_int_equal(snapshot_row_power_uw(&snapshot, &row), 0);
}

static void test_tables(void **state)
{
	for (u32 i = 1; i < SNAPSHOT_TICK_BUCKETS; i++)
		assert_true(snapshot_tick_bound_ns(i) > snapshot_tick_bound_ns(i - 1));
	assert_true(snapshot_tick_bound_ns(SNAPSHOT_TICK_BUCKETS - 1) == UINT64_MAX);
	assert_string_equal(snapshot_meter_reason(0), "ok");
	assert_string_equal(snapshot_meter_reason(5), "dead");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_box),      cmocka_unit_test(test_held_does_not_change),
		cmocka_unit_test(test_all_held),       cmocka_unit_test(test_readers_on_threads),
		cmocka_unit_test(test_power_of_a_row), cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests_name("ledger/snapshot", tests, NULL, NULL);
}
