// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drm_tree.h"
#include "meter/drm_scan.h"

#define J UJ_PER_J
#define AVERAGE "hwmon/hwmon4/power1_average"

static void check_value(const struct rig *rig, u32 card, u64 uj, u32 epoch)
{
	const struct sample_zone *z = rig_zone(rig, card);

	assert_non_null(z);
	assert_int_equal(z->status, METER_OK);
	assert_true(z->value_uj == uj);
	assert_true(z->taken_ns == rig->now_ns);
	assert_int_equal(z->epoch, epoch);
}

/* Nothing of ours: no thread. */
static void test_no_gpu(void **state)
{
	struct rig *rig = *state;
	struct meter meter = { .ops = &meter_drm, .slots = &rig->slots };
	char proc[128], sys[128];
	const char *which;

	rig_card(rig, 0, "0000:02:00.0", "ast", "1A03:2000");
	rig_card(rig, 1, "0000:41:00.0", "nvidia", "10DE:2330");
	rig_write(rig, 2, "uevent", "DRIVER=virtio_gpu\nMODALIAS=virtio:d00000010v00001AF4\n");
	tree_write(&rig->tree, "sys/class/drm/version", "drm 1.1.0 20060810\n");
	tree_write(&rig->tree, "sys/class/drm/card1-DP-1/status", "connected\n");
	snprintf(proc, sizeof(proc), "%s/proc", rig->tree.dir);
	snprintf(sys, sizeof(sys), "%s/sys", rig->tree.dir);
	assert_int_equal(sysroot_init(&rig->tree.root, proc, sys, &which), 0);
	assert_int_equal(meter_drm.open(&meter, &rig->tree.root, &rig->tree.options), 0);
	assert_null(meter.priv);
	assert_true(strstr(meter.report.found, "no GPU") != NULL);
	meter_drm.close(&meter);
	sysroot_deinit(&rig->tree.root);
}

/* Power that changes every second, made into energy: the sum of what was read, exactly. */
static void test_amd_card(void **state)
{
	struct rig *rig = *state;
	u64 truth_uj = 0;

	rig_amd(rig, 0, GPU_A, 15);
	rig_write(rig, 0, "product_name", "AMD Radeon Pro\n");
	tree_write(&rig->tree, "sys/class/drm/card0-DP-1/status", "connected\n");
	rig_open(rig);
	rig_poll(rig, 0);
	check_value(rig, 0, 0, 0);
	for (u64 i = 0; i < 100; i++) {
		u64 watts = 15 + (i * 37) % 280;

		rig_watts(rig, 0, watts);
		rig_poll(rig, 1000 + i);
		truth_uj += watts * (1000 + i) * 1000;
		check_value(rig, 0, truth_uj, 0);
	}
	assert_int_equal(rig->sample.zones, 1);
	assert_int_equal(rig->sample.zone[0].zone.domain, DOMAIN_GPU);
	assert_int_equal(rig->sample.zone[0].zone.quality, QUALITY_MEASURED);
	assert_string_equal(rig->sample.zone[0].zone.device, GPU_A);
	assert_string_equal(rig->sample.zone[0].zone.name, "AMD Radeon Pro");
	assert_true(rig->sample.zone[0].zone.limit_uw == 678000000);
	assert_false(rig->sample.zone[0].zone.may_rest);
	assert_string_equal(rig->sample.report.found, "card0 (amdgpu, power)");
	assert_int_equal(rig->sample.report.notes, 0);
}

static void __attribute__((noinline)) fill_stack(int byte)
{
	volatile char room[16384];

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = (char)byte;
}

/* The same card looks the same, to the byte: that is how it is told whether it changed. */
static void test_identified_twice(void **state)
{
	struct rig *rig = *state;
	struct drm_found found[2];
	int sys_fd;
	char sys[128];

	rig_amd(rig, 0, GPU_A, 15);
	rig_write(rig, 0, "product_name", "W7900\n");
	snprintf(sys, sizeof(sys), "%s/sys", rig->tree.dir);
	sys_fd = open(sys, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(sys_fd >= 0);
	for (int i = 0; i < 2; i++) {
		fill_stack('a' + i);
		assert_int_equal(drm_identify(sys_fd, 0, &found[i]), 0);
	}
	close(sys_fd);
	assert_memory_equal(&found[0], &found[1], sizeof(found[0]));
}

static void make_apu(const struct rig *rig, u8 format)
{
	rig_card(rig, 0, "0000:c4:00.0", "amdgpu", "1002:15BF");
	if (format)
		rig_metrics(rig, 0, format);
	rig_write(rig, 0, "resource", "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
	rig_write(rig, 0, "hwmon/hwmon4/name", "amdgpu\n");
	rig_write(rig, 0, "hwmon/hwmon4/power1_label", "PPT\n");
	rig_watts(rig, 0, 28);
}

/* Each way in which an APU shows: none may be counted beside the package. */
static void test_apu(void **state)
{
	static const u8 formats[] = { 2, 3, 1, 0, 0 };
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		make_apu(rig, formats[i]);
		if (i == 3) /* vangogh, before it had metrics */
			rig_write(rig, 0, "hwmon/hwmon4/power1_cap", "15000000\n");
		if (i >= 3)
			rig_write(rig, 0, "hwmon/hwmon4/in1_label", "vddnb\n");
		if (i == 4)
			rig_remove(rig, "sys/class/drm/card0/device/hwmon/hwmon4/in1_label");
		rig_open(rig);
		for (int n = 0; n < 15; n++) {
			rig_poll(rig, 1000);
			assert_int_equal(rig->sample.zones, 0);
			assert_non_null(rig_note(rig, "apu"));
			assert_non_null(strstr(rig_note(rig, "apu")->text, "AMD GPU 0x15bf"));
			assert_true(rig->sample.next_ns > rig->now_ns);
		}
		meter_drm.close(&rig->meter);
		rig_unplug(rig, 0);
	}
}

/* The server APU speaks the cards' format; carved-out memory hides that it has none of its own. */
static void test_server_apu(void **state)
{
	struct rig *rig = *state;

	rig_amd(rig, 0, GPU_A, 300);
	rig_card(rig, 0, GPU_A, "amdgpu", "1002:74A0");
	rig_open(rig);
	rig_poll(rig, 0);
	assert_int_equal(rig->sample.zones, 0);
	assert_non_null(rig_note(rig, "apu"));
}

/* Cards of before there were metrics, and of a kernel that gives an energy counter. */
static void test_amd_others(void **state)
{
	struct rig *rig = *state;

	rig_amd(rig, 0, GPU_A, 40);
	rig_remove(rig, "sys/class/drm/card0/device/gpu_metrics");
	rig_amd(rig, 1, GPU_B, 40);
	rig_write(rig, 1, "hwmon/hwmon4/energy1_input", "123000000\n");
	rig_open(rig);
	rig_poll(rig, 0);
	rig_poll(rig, 2000);
	check_value(rig, 0, 80 * J, 0);
	check_value(rig, 1, 123 * J, 0);
}

static void make_arc(const struct rig *rig, const char *name, u64 uj)
{
	rig_card(rig, 1, GPU_A, "i915", "8086:56A0");
	rig_write(rig, 1, "hwmon/hwmon5/name", "%s\n", name);
	rig_write(rig, 1, "hwmon/hwmon5/energy1_input", "%llu\n", (unsigned long long)uj);
	rig_write(rig, 1, "hwmon/hwmon5/power1_rated_max", "190000000\n");
}

/* A card of two tiles beside the processor's own GPU. */
static void test_i915(void **state)
{
	struct rig *rig = *state;

	rig_card(rig, 0, "0000:00:02.0", "i915", "8086:A780");
	make_arc(rig, "i915", 5000 * J);
	rig_write(rig, 1, "hwmon/hwmon6/name", "i915_gt0\n");
	rig_write(rig, 1, "hwmon/hwmon6/energy1_input", "2000000000\n");
	rig_write(rig, 1, "hwmon/hwmon7/name", "i915_gt1\n");
	rig_write(rig, 1, "hwmon/hwmon7/energy1_input", "2500000000\n");
	rig_open(rig);
	rig_poll(rig, 0);
	check_value(rig, 1, 5000 * J, 0);
	assert_int_equal(rig->sample.zones, 1);
	assert_string_equal(rig->sample.zone[0].zone.name, "Intel GPU 0x56a0");
	assert_true(rig->sample.zone[0].zone.limit_uw == 380000000);
	assert_non_null(rig_note(rig, "integrated"));
	rig_write(rig, 1, "hwmon/hwmon5/energy1_input", "5123000000\n");
	rig_poll(rig, 1000);
	check_value(rig, 1, 5123 * J, 0);
}

/* Only the tiles tell: together they are the card. */
static void test_tiles_alone(void **state)
{
	struct rig *rig = *state;

	make_arc(rig, "i915_gt0", 2000 * J);
	rig_write(rig, 1, "hwmon/hwmon6/name", "i915_gt1\n");
	rig_write(rig, 1, "hwmon/hwmon6/energy1_input", "2500000000\n");
	rig_open(rig);
	rig_poll(rig, 0);
	check_value(rig, 1, 4500 * J, 0);
}

static void make_xe(const struct rig *rig, u64 card_uj, u64 chip_uj)
{
	rig_card(rig, 0, GPU_A, "xe", "8086:E20B");
	rig_write(rig, 0, "hwmon/hwmon3/name", "xe\n");
	rig_write(rig, 0, "hwmon/hwmon3/energy1_label", "card\n");
	rig_write(rig, 0, "hwmon/hwmon3/energy2_label", "pkg\n");
	rig_write(rig, 0, "hwmon/hwmon3/energy1_input", "%llu\n", (unsigned long long)card_uj);
	rig_write(rig, 0, "hwmon/hwmon3/energy2_input", "%llu\n", (unsigned long long)chip_uj);
	rig_write(rig, 0, "hwmon/hwmon3/power2_max", "200000000\n");
}

static void test_xe(void **state)
{
	struct rig *rig = *state;

	make_xe(rig, 700 * J, 600 * J);
	rig_open(rig);
	rig_poll(rig, 0);
	assert_int_equal(rig->sample.zones, 1);
	check_value(rig, 0, 700 * J, 0);
	assert_true(rig_zone(rig, 0)->zone.limit_uw == 0);
}

/* The board's counter stands at 0: the chip's is better than nothing. */
static void test_xe_board_at_zero(void **state)
{
	struct rig *rig = *state;

	make_xe(rig, 0, 600 * J);
	rig_open(rig);
	rig_poll(rig, 0);
	check_value(rig, 0, 600 * J, 0);
	assert_true(rig_zone(rig, 0)->zone.limit_uw == 400000000);
	/* Older kernels have one counter, and no label. */
	meter_drm.close(&rig->meter);
	rig_unplug(rig, 0);
	rig_card(rig, 0, GPU_A, "xe", "8086:56A0");
	rig_write(rig, 0, "hwmon/hwmon3/name", "xe\n");
	rig_write(rig, 0, "hwmon/hwmon3/energy1_input", "5000000\n");
	rig_open(rig);
	rig_poll(rig, 0);
	check_value(rig, 0, 5 * J, 0);
}

static void test_nouveau(void **state)
{
	struct rig *rig = *state;

	rig_card(rig, 0, GPU_A, "nouveau", "10DE:1B80");
	rig_write(rig, 0, "hwmon/hwmon2/name", "nouveau\n");
	rig_write(rig, 0, "hwmon/hwmon2/power1_input", "10000000\n");
	rig_card(rig, 1, GPU_B, "nouveau", "10DE:2684");
	rig_open(rig);
	rig_poll(rig, 0);
	rig_write(rig, 0, "hwmon/hwmon2/power1_input", "20000000\n");
	rig_poll(rig, 1000);
	/* Power at an instant: between two readings their mean holds. */
	check_value(rig, 0, 15 * J, 0);
	assert_int_equal(rig->sample.zones, 1);
	assert_non_null(rig_note(rig, "no-sensor"));
	assert_non_null(strstr(rig_note(rig, "no-sensor")->text, "card1"));
	assert_true(rig_note(rig, "no-sensor")->remedy[0] != '\0');
}

/* What a sleeping card's file says now would be an error: it must not be read. */
static void test_sleep(void **state)
{
	struct rig *rig = *state;

	rig_amd(rig, 0, GPU_A, 20);
	rig_autosuspend(rig, 0, 5000);
	rig_status(rig, 0, "suspended");
	rig_write(rig, 0, AVERAGE, "woken\n");
	rig_open(rig);
	for (int i = 0; i < 5; i++) {
		rig_poll(rig, 1000);
		check_value(rig, 0, 0, 0);
		assert_true(rig_zone(rig, 0)->zone.may_rest);
	}
	assert_string_equal(rig->sample.report.found, "card0 (amdgpu, asleep)");
	/* Awake for two seconds in all, of which it slept one. */
	rig_status(rig, 0, "active");
	rig_write(rig, 0, "power/runtime_suspended_time", "7000\n");
	rig_watts(rig, 0, 20);
	rig_poll(rig, 1000);
	check_value(rig, 0, 0, 0);
	rig_write(rig, 0, "power/runtime_suspended_time", "14000\n");
	rig_watts(rig, 0, 50);
	rig_poll(rig, 9000);
	check_value(rig, 0, 100 * J, 0);
	/* Asleep again, since 600 ms: until then it went on; then the value stays, and is as new as
	 * the look. */
	rig_status(rig, 0, "suspended");
	rig_write(rig, 0, AVERAGE, "woken\n");
	for (int i = 0; i < 5; i++) {
		rig_write(rig, 0, "power/runtime_suspended_time", "%d\n", 14600 + 1000 * i);
		rig_poll(rig, 1000);
		check_value(rig, 0, 120 * J, 0);
	}
	/* Awake for half a second. */
	rig_status(rig, 0, "active");
	rig_write(rig, 0, "power/runtime_suspended_time", "19100\n");
	rig_watts(rig, 0, 200);
	rig_poll(rig, 1000);
	check_value(rig, 0, 220 * J, 0);
}

/* A counter that was never read begins an epoch when it is: what it says was not drawn just now. */
static void test_wakes_for_the_first_time(void **state)
{
	struct rig *rig = *state;

	make_arc(rig, "i915", 5000 * J);
	rig_autosuspend(rig, 1, 10000);
	rig_status(rig, 1, "suspended");
	rig_open(rig);
	rig_poll(rig, 0);
	check_value(rig, 1, 0, 0);
	rig_status(rig, 1, "active");
	rig_poll(rig, 1000);
	check_value(rig, 1, 5000 * J, 1);
}

/* A card that may sleep and does nothing gets the time to fall asleep. */
static void test_left_alone(void **state)
{
	struct rig *rig = *state;
	u64 taken_ns;

	rig_amd(rig, 0, GPU_A, 10);
	rig_autosuspend(rig, 0, 5000);
	rig_open(rig);
	rig_poll(rig, 0);
	taken_ns = rig->now_ns;
	rig_write(rig, 0, AVERAGE, "read too early\n");
	for (int i = 0; i < 5; i++) {
		rig_poll(rig, 1000);
		assert_int_equal(rig_zone(rig, 0)->status, METER_OK);
		assert_true(rig_zone(rig, 0)->taken_ns == taken_ns);
		assert_true(rig_zone(rig, 0)->zone.period_ns == 6 * NSEC_PER_SEC);
	}
	/* Somebody unknown uses it: from now on it is read each second. */
	rig_watts(rig, 0, 100);
	for (u64 i = 0; i < 5; i++) {
		rig_poll(rig, 1000);
		check_value(rig, 0, (600 + 100 * i) * J, 0);
		assert_true(rig_zone(rig, 0)->zone.period_ns == 0);
	}
	/* And not any more. */
	rig_watts(rig, 0, 11);
	rig_poll(rig, 1000);
	check_value(rig, 0, 1011 * J, 0);
	rig_write(rig, 0, AVERAGE, "read too early\n");
	rig_poll(rig, 1000);
	assert_int_equal(rig_zone(rig, 0)->status, METER_OK);
}

/* A known client's work keeps it being read, though the power is low. */
static void test_used_is_not_left_alone(void **state)
{
	struct rig *rig = *state;

	rig_amd(rig, 0, GPU_A, 10);
	rig_autosuspend(rig, 0, 1000);
	rig_fd(rig, 4711, 5, "renderD128");
	rig_client(rig, 4711, 5, 1, 100);
	rig_open(rig);
	rig_poll(rig, 0);
	for (u64 i = 1; i < 5; i++) {
		rig_client(rig, 4711, 5, 1, 100 + 10 * i);
		rig_poll(rig, 2000);
		check_value(rig, 0, 20 * i * J, 0);
		assert_int_equal(rig_work(rig, 0, 4711), 10);
	}
	for (int i = 0; i < 5; i++) {
		rig_client(rig, 4711, 5, 1, 200 + 10 * (u64)i);
		rig_poll(rig, 1000);
		check_value(rig, 0, (90 + 10 * (u64)i) * J, 0);
	}
}

static void replace_by(const struct rig *rig, const char *file, const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/sys/class/drm/card0/device/%s", rig->tree.dir, file);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

/* Text that is no number; then a real EIO: one's own memory at address 0. */
static void test_bad_reads(void **state)
{
	struct rig *rig = *state;

	rig_amd(rig, 0, GPU_A, 50);
	rig_open(rig);
	rig_poll(rig, 0);
	rig_write(rig, 0, AVERAGE, "soon\n");
	rig_poll(rig, 1000);
	assert_int_equal(rig_zone(rig, 0)->status, METER_ERROR);
	rig_write(rig, 0, AVERAGE, "99999999999999999999\n");
	rig_poll(rig, 1000);
	assert_int_equal(rig_zone(rig, 0)->status, METER_ERROR);
	/* Power of the time in between is not known to have been anything else. */
	rig_watts(rig, 0, 50);
	rig_poll(rig, 1000);
	check_value(rig, 0, 150 * J, 0);
	/* Too long: what was drawn meanwhile is not made up. */
	rig_poll(rig, 200000);
	check_value(rig, 0, 150 * J, 1);
	meter_drm.close(&rig->meter);

	replace_by(rig, AVERAGE, "/proc/self/mem");
	rig_open(rig);
	rig_poll(rig, 1000);
	assert_int_equal(rig_zone(rig, 0)->status, METER_ERROR);
	meter_drm.close(&rig->meter);

	replace_by(rig, AVERAGE, "/nowhere");
	rig_open(rig);
	rig_poll(rig, 1000);
	assert_int_equal(rig->sample.zones, 0);
	assert_non_null(rig_note(rig, "no-sensor"));
}

/* The driver is unbound and bound again: another hwmon, and a counter that begins anew. */
static void test_driver_comes_back(void **state)
{
	struct rig *rig = *state;

	make_arc(rig, "i915", 5000 * J);
	rig_open(rig);
	rig_poll(rig, 0);
	check_value(rig, 1, 5000 * J, 0);
	rig_unplug(rig, 1);
	rig_poll(rig, 1000);
	assert_int_equal(rig_zone(rig, 1)->status, METER_ABSENT);
	rig_poll(rig, 1000);
	assert_null(rig_zone(rig, 1));
	make_arc(rig, "i915", 3 * J);
	for (int i = 0; i < 12; i++)
		rig_poll(rig, 1000);
	assert_int_equal(rig_zone(rig, 1)->status, METER_OK);
	assert_true(rig_zone(rig, 1)->value_uj == 3 * J);
	assert_true(rig_zone(rig, 1)->epoch > 0);
}

/* A card on a cable, and a sensor whose module is loaded later. */
static void test_hotplug(void **state)
{
	struct rig *rig = *state;

	rig_card(rig, 0, "0000:00:02.0", "i915", "8086:A780");
	rig_open(rig);
	rig_poll(rig, 0);
	assert_int_equal(rig->sample.zones, 0);
	rig_amd(rig, 1, GPU_A, 70);
	rig_card(rig, 2, GPU_B, "amdgpu", "1002:744C");
	rig_poll(rig, 11000);
	assert_int_equal(rig->sample.zones, 1);
	assert_non_null(rig_note(rig, "no-sensor"));
	rig_amd(rig, 2, GPU_B, 90);
	rig_poll(rig, 11000);
	check_value(rig, 1, 770 * J, 0);
	check_value(rig, 2, 0, 0);
	rig_unplug(rig, 1);
	rig_poll(rig, 1000);
	rig_poll(rig, 1000);
	assert_null(rig_zone(rig, 1));
	check_value(rig, 2, 180 * J, 0);
	/* Back by another number: its energy goes on, in a new epoch. */
	rig_amd(rig, 4, GPU_A, 70);
	rig_poll(rig, 11000);
	assert_int_equal(rig_zone(rig, 4)->epoch, 1);
	assert_int_equal(rig_zone(rig, 4)->status, METER_OK);
	assert_string_equal(rig_zone(rig, 4)->zone.device, GPU_A);
}

/* More cards than there is room for: the first ones are read. */
static void test_many_cards(void **state)
{
	struct rig *rig = *state;
	char address[16];

	for (u32 i = 0; i < 20; i++) {
		snprintf(address, sizeof(address), "0000:%02x:00.0", i + 1);
		rig_amd(rig, i, address, i);
	}
	rig_open(rig);
	rig_poll(rig, 0);
	rig_poll(rig, 1000);
	assert_int_equal(rig->sample.zones, 16);
	for (u32 i = 0; i < 16; i++)
		check_value(rig, i, i * J, 0);
}

/* As a person sees it: through the set, with its thread. */
static void test_in_the_set(void **state)
{
	struct rig *rig = *state;
	struct tree *t = &rig->tree;
	u32 zone = UINT32_MAX;

	make_arc(rig, "i915", 5000 * J);
	tree_open(t);
	for (int i = 0; i < 2000 && zone == UINT32_MAX; i++) {
		meter_set_kick(t->set);
		usleep(5000);
		t->input.now_ns = 0;
		tree_tick(t, 0);
		zone = tree_find(t, "Intel GPU 0x56a0");
	}
	assert_int_not_equal(zone, UINT32_MAX);
	assert_true(t->readings[zone].value_uj == 5000 * J);
	assert_string_equal(meter_set_zone(t->set, zone)->device, GPU_A);
	assert_int_equal(meter_set_state(t->set, METER_DRM)->status, METER_OK);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(test_no_gpu),
		WITH_RIG(test_amd_card),
		WITH_RIG(test_identified_twice),
		WITH_RIG(test_apu),
		WITH_RIG(test_server_apu),
		WITH_RIG(test_amd_others),
		WITH_RIG(test_i915),
		WITH_RIG(test_tiles_alone),
		WITH_RIG(test_xe),
		WITH_RIG(test_xe_board_at_zero),
		WITH_RIG(test_nouveau),
		WITH_RIG(test_sleep),
		WITH_RIG(test_wakes_for_the_first_time),
		WITH_RIG(test_left_alone),
		WITH_RIG(test_used_is_not_left_alone),
		WITH_RIG(test_bad_reads),
		WITH_RIG(test_driver_comes_back),
		WITH_RIG(test_hotplug),
		WITH_RIG(test_many_cards),
		WITH_RIG(test_in_the_set),
	};

	return cmocka_run_group_tests_name("meter/drm", tests, NULL, NULL);
}
