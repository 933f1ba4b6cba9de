// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "drm_tree.h"
#include "meter/drm_kfd.h"

#define KFD "sys/class/kfd/kfd"

static void make_node(const struct rig *rig, u32 node, u32 gpu_id, u32 location, u32 simds)
{
	char path[96];

	snprintf(path, sizeof(path), KFD "/topology/nodes/%u/gpu_id", node);
	tree_write(&rig->tree, path, "%u\n", gpu_id);
	snprintf(path, sizeof(path), KFD "/topology/nodes/%u/properties", node);
	tree_write(&rig->tree, path,
		   "cpu_cores_count 0\nsimd_count %u\nmem_banks_count 1\nsimd_per_cu 4\n"
		   "vendor_id 4098\nlocation_id %u\ndomain 0\ndrm_render_minor 128\n",
		   simds, location);
}

static void occupy(const struct rig *rig, u32 pid, u32 gpu_id, u32 units)
{
	char path[96];

	snprintf(path, sizeof(path), KFD "/proc/%u/stats_%u/cu_occupancy", pid, gpu_id);
	tree_write(&rig->tree, path, "%u\n", units);
}

/* Two cards of 120 units, at bus 0x03 and 0x43, and the processor. */
static void begin(struct rig *rig)
{
	rig_amd(rig, 0, GPU_A, 300);
	rig_amd(rig, 1, GPU_B, 300);
	make_node(rig, 0, 0, 0, 0);
	make_node(rig, 1, 11111, 0x0300, 480);
	make_node(rig, 2, 22222, 0x4300, 480);
	tree_write(&rig->tree, KFD "/topology/nodes/3/gpu_id", "not a number\n");
	occupy(rig, 100, 11111, 90);
	occupy(rig, 200, 11111, 30);
	occupy(rig, 200, 22222, 60);
	occupy(rig, 300, 22222, 0);
	rig_open(rig);
	rig_poll(rig, 0);
	/* No time has passed. */
	assert_int_equal(rig->sample.uses, 0);
}

static void test_shares(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	for (int i = 0; i < 3; i++) {
		rig_poll(rig, 2000);
		assert_int_equal(rig->sample.uses, 3);
		assert_int_equal(rig_work(rig, 0, 100), 1500);
		assert_int_equal(rig_work(rig, 0, 200), 500);
		assert_int_equal(rig_work(rig, 1, 200), 1000);
	}
	/* More than there are. */
	occupy(rig, 200, 22222, 4000000000U);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 1, 200), 1000);
}

/* What a process computes and what it draws is one use. */
static void test_with_engine_time(void **state)
{
	struct rig *rig = *state;

	rig_fd(rig, 100, 7, "renderD128");
	rig_client(rig, 100, 7, 1, 5000000);
	begin(rig);
	rig_client(rig, 100, 7, 1, 5000250);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 100), 1000);
	assert_int_equal(rig->sample.uses, 3);
}

static void test_asleep(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	rig_autosuspend(rig, 1, 5000);
	rig_status(rig, 1, "suspended");
	rig_poll(rig, 1000);
	assert_int_equal(rig->sample.uses, 2);
	assert_int_equal(rig_work(rig, 1, 200), 0);
}

static void test_strange_files(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	tree_write(&rig->tree, KFD "/proc/100/stats_11111/cu_occupancy", "-3\n");
	tree_write(&rig->tree, KFD "/proc/99999999999/stats_11111/cu_occupancy", "3\n");
	tree_write(&rig->tree, KFD "/proc/self/stats_11111/cu_occupancy", "3\n");
	tree_write(&rig->tree, KFD "/proc/400/pasid", "32770\n");
	rig_poll(rig, 1000);
	assert_int_equal(rig->sample.uses, 2);
	assert_int_equal(rig_work(rig, 0, 200), 250);
}

static void test_property(void **state)
{
	u64 value = 4711;

	(void)state;
	assert_int_equal(drm_kfd_property("a 1\nsimd_count 480\nb 2", "simd_count", &value), 0);
	assert_int_equal(value, 480);
	assert_int_equal(drm_kfd_property("a 1\nb 2", "b", &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(drm_kfd_property("", "b", &value), -ENODATA);
	assert_int_equal(drm_kfd_property("b\nbb 1\nb: 1", "b", &value), -ENODATA);
	assert_int_equal(drm_kfd_property("b x", "b", &value), -ENODATA);
	assert_int_equal(drm_kfd_property("b 99999999999999999999", "b", &value), -ENODATA);
	assert_int_equal(drm_kfd_property("b 1111111111111111111111111111", "b", &value), -ENODATA);
	assert_int_equal(value, 2);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(test_shares),           WITH_RIG(test_with_engine_time),
		WITH_RIG(test_asleep),           WITH_RIG(test_strange_files),
		cmocka_unit_test(test_property),
	};

	return cmocka_run_group_tests_name("meter/drm_kfd", tests, NULL, NULL);
}
