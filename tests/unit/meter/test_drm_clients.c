// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drm_tree.h"

#define LOOK_MS 10000

/* An AMD card as card0, with process 100 using it since long ago. */
static void begin(struct rig *rig)
{
	rig_amd(rig, 0, GPU_A, 100);
	rig_fd(rig, 100, 7, "renderD128");
	rig_client(rig, 100, 7, 1, 5000000);
	rig_open(rig);
	rig_poll(rig, 0);
	/* What it did before is not known to be of now. */
	assert_int_equal(rig->sample.uses, 0);
}

/* Three to one, tick by tick, and together what the engine did. */
static void test_three_to_one(void **state)
{
	struct rig *rig = *state;
	u64 first = 0, second = 0;

	rig_fd(rig, 200, 3, "card0");
	rig_client(rig, 200, 3, 2, 77);
	begin(rig);
	for (u64 i = 1; i <= 30; i++) {
		rig_client(rig, 100, 7, 1, 5000000 + i * 750);
		rig_client(rig, 200, 3, 2, 77 + i * 250);
		rig_poll(rig, 1000);
		assert_int_equal(rig->sample.uses, 2);
		first += rig_work(rig, 0, 100);
		second += rig_work(rig, 0, 200);
	}
	assert_int_equal(first, 30 * 750);
	assert_int_equal(second, 30 * 250);
}

/* Two files of one process add up; idle ones do not show. */
static void test_two_files(void **state)
{
	struct rig *rig = *state;

	rig_fd(rig, 100, 8, "renderD128");
	rig_client(rig, 100, 8, 2, 10);
	rig_fd(rig, 300, 8, "renderD128");
	rig_client(rig, 300, 8, 3, 10);
	begin(rig);
	rig_client(rig, 100, 7, 1, 5000100);
	rig_client(rig, 100, 8, 2, 60);
	rig_poll(rig, 1000);
	assert_int_equal(rig->sample.uses, 1);
	assert_int_equal(rig_work(rig, 0, 100), 150);
}

/* Copies of a descriptor, here and in a child: one client. When the first holder ends, the other
 * goes on where it was. */
static void test_copies(void **state)
{
	struct rig *rig = *state;

	rig_fd(rig, 100, 9, "renderD128");
	rig_client(rig, 100, 9, 1, 5000000);
	rig_fd(rig, 101, 7, "renderD128");
	rig_client(rig, 101, 7, 1, 5000000);
	begin(rig);
	for (u64 ms = 5000100; ms <= 5000200; ms += 100) {
		rig_client(rig, 100, 7, 1, ms);
		rig_client(rig, 100, 9, 1, ms);
		rig_client(rig, 101, 7, 1, ms);
		rig_poll(rig, 1000);
		assert_int_equal(rig_work(rig, 0, 100) + rig_work(rig, 0, 101), 100);
	}
	rig_close(rig, 100, 7);
	rig_close(rig, 100, 9);
	rig_client(rig, 101, 7, 1, 5000500);
	rig_poll(rig, 1000);
	rig_poll(rig, LOOK_MS);
	/* At the latest now it was found with its other holder, and nothing twice. */
	assert_int_equal(rig_work(rig, 0, 100), 0);
	rig_client(rig, 101, 7, 1, 5000600);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 101), 100);
}

/* What is handed on: the work of the time without a known holder is the new holder's. */
static void test_handed_on(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	rig_close(rig, 100, 7);
	rig_fd(rig, 150, 3, "renderD128");
	rig_client(rig, 150, 3, 1, 5000400);
	rig_poll(rig, LOOK_MS);
	assert_int_equal(rig->sample.uses, 1);
	assert_int_equal(rig_work(rig, 0, 150), 400);
}

/* The number of a client that ended is given to a new one: it starts at its own 0. */
static void test_id_reused(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	rig_close(rig, 100, 7);
	rig_fd(rig, 150, 3, "renderD128");
	rig_client(rig, 150, 3, 1, 300);
	rig_poll(rig, LOOK_MS);
	assert_int_equal(rig_work(rig, 0, 150), 300);
	rig_client(rig, 150, 3, 1, 350);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 150), 50);
	/* And by the same descriptor. */
	rig_client(rig, 150, 3, 1, 20);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 150), 20);
}

/* A file closed, and another opened that got its number. */
static void test_descriptor_reused(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	rig_client(rig, 100, 7, 9, 40);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 100), 40);
	rig_info(rig, 100, 7, "eventfd-count: 0\n");
	rig_poll(rig, 1000);
	assert_int_equal(rig->sample.uses, 0);
}

/* One that came since the last look has what it did since, but not more than there was time. */
static void test_born(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	rig_poll(rig, 9000);
	rig_fd(rig, 200, 3, "renderD128");
	rig_client(rig, 200, 3, 2, 600);
	rig_fd(rig, 201, 3, "renderD128");
	rig_client(rig, 201, 3, 3, 7000);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 200), 600);
	assert_int_equal(rig_work(rig, 0, 201), 1000);
	rig_client(rig, 201, 3, 3, 7500);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 200), 0);
	assert_int_equal(rig_work(rig, 0, 201), 500);
}

static void test_process_ends(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	rig_client(rig, 100, 7, 1, 5000100);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 100), 100);
	rig_close(rig, 100, 7);
	for (int i = 0; i < 30; i++) {
		rig_poll(rig, 1000);
		assert_int_equal(rig->sample.uses, 0);
		assert_int_equal(rig_zone(rig, 0)->status, METER_OK);
	}
}

/* A value may fall back for a while: what was counted is not counted again. */
static void test_value_falls_back(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	rig_client(rig, 100, 7, 1, 5000200);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 100), 200);
	rig_client(rig, 100, 7, 1, 5000150);
	rig_poll(rig, 1000);
	assert_int_equal(rig->sample.uses, 0);
	rig_client(rig, 100, 7, 1, 5000260);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 100), 60);
}

static void xe_client(const struct rig *rig, u32 pid, u64 id, u64 cycles, u64 total)
{
	rig_info(rig, pid, 3,
		 "drm-driver:\txe\ndrm-client-id:\t%llu\ndrm-pdev:\t" GPU_A "\n"
		 "drm-cycles-rcs:\t%llu\ndrm-total-cycles-rcs:\t%llu\n"
		 "drm-cycles-ccs:\t%llu\ndrm-total-cycles-ccs:\t%llu\n"
		 "drm-engine-capacity-ccs:\t4\n",
		 (unsigned long long)id, (unsigned long long)cycles, (unsigned long long)total,
		 (unsigned long long)cycles * 2, (unsigned long long)total);
}

/* Cycles of the GPU's own clock, 19.2 MHz: 25 % of rcs and 50 % of one of four ccs. */
static void test_cycles(void **state)
{
	const u64 hz = 19200000;
	struct rig *rig = *state;

	rig_card(rig, 0, GPU_A, "xe", "8086:56A0");
	rig_write(rig, 0, "hwmon/hwmon3/name", "xe\n");
	rig_write(rig, 0, "hwmon/hwmon3/energy1_input", "5000000\n");
	rig_fd(rig, 100, 3, "renderD128");
	rig_fd(rig, 200, 3, "renderD128");
	xe_client(rig, 100, 1, 12345678, 100 * hz);
	xe_client(rig, 200, 2, 8, 100 * hz);
	rig_open(rig);
	rig_poll(rig, 0);
	assert_int_equal(rig->sample.uses, 0);
	for (u64 i = 1; i <= 5; i++) {
		xe_client(rig, 100, 1, 12345678 + i * 2 * hz / 4, (100 + 2 * i) * hz);
		xe_client(rig, 200, 2, 8, (100 + 2 * i) * hz);
		rig_poll(rig, 2000);
		/* 500 ms of rcs; 1000 ms of ccs, a quarter of which is 250. */
		assert_int_equal(rig_work(rig, 0, 100), 750);
		assert_int_equal(rig_work(rig, 0, 200), 0);
	}
	/* More cycles than passed, or a clock that stands: never more than the time. */
	xe_client(rig, 100, 1, 1ULL << 60, 111 * hz);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 100), 2000);
	xe_client(rig, 100, 1, 1ULL << 61, 111 * hz);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 100), 0);
}

/* Each card's clients are its own. */
static void test_two_cards(void **state)
{
	struct rig *rig = *state;

	rig_amd(rig, 1, GPU_B, 50);
	rig_fd(rig, 100, 8, "renderD129");
	rig_info(rig, 100, 8,
		 "drm-driver: amdgpu\ndrm-client-id: 1\ndrm-pdev: " GPU_B
		 "\ndrm-engine-gfx: 0 ns\n");
	begin(rig);
	rig_client(rig, 100, 7, 1, 5000100);
	rig_info(rig, 100, 8,
		 "drm-driver: amdgpu\ndrm-client-id: 1\ndrm-pdev: " GPU_B
		 "\ndrm-engine-gfx: 30000000 ns\n");
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 100), 100);
	assert_int_equal(rig_work(rig, 1, 100), 30);
}

/* A GPU that sleeps is not asked for its clients; what they did before it woke is not known. */
static void test_asleep(void **state)
{
	struct rig *rig = *state;

	rig_amd(rig, 0, GPU_A, 100);
	rig_autosuspend(rig, 0, 1000);
	rig_status(rig, 0, "suspended");
	rig_fd(rig, 100, 7, "renderD128");
	rig_client(rig, 100, 7, 1, 5000000);
	rig_open(rig);
	for (int i = 0; i < 25; i++) {
		rig_poll(rig, 1000);
		assert_int_equal(rig->sample.uses, 0);
	}
	rig_status(rig, 0, "active");
	rig_poll(rig, 1000);
	assert_int_equal(rig->sample.uses, 0);
	rig_client(rig, 100, 7, 1, 5000900);
	rig_poll(rig, 2000);
	assert_int_equal(rig_work(rig, 0, 100), 900);
	/* Reading it now would show. */
	rig_status(rig, 0, "suspended");
	rig_client(rig, 100, 7, 1, 5001000);
	rig_poll(rig, 2000);
	assert_int_equal(rig->sample.uses, 0);
	rig_status(rig, 0, "active");
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 100), 100);
}

/* Copies of a descriptor that were found while the GPU slept are one client when it wakes. */
static void test_copies_asleep(void **state)
{
	struct rig *rig = *state;

	rig_amd(rig, 0, GPU_A, 100);
	rig_autosuspend(rig, 0, 1000);
	rig_status(rig, 0, "suspended");
	for (u32 pid = 100; pid < 103; pid++) {
		rig_fd(rig, pid, 7, "renderD128");
		rig_client(rig, pid, 7, 1, 5000000);
	}
	rig_open(rig);
	rig_poll(rig, 0);
	rig_status(rig, 0, "active");
	rig_poll(rig, 1000);
	for (u32 pid = 100; pid < 103; pid++)
		rig_client(rig, pid, 7, 1, 5000900);
	rig_poll(rig, 2000);
	assert_int_equal(rig->sample.uses, 1);
	assert_int_equal(rig->sample.use[0].work, 900 * NSEC_PER_MSEC);
}

/* One that began while its GPU was left alone has what it did of that time. */
static void test_born_in_a_rest(void **state)
{
	struct rig *rig = *state;

	rig_amd(rig, 0, GPU_A, 100);
	rig_autosuspend(rig, 0, 5000);
	rig_open(rig);
	rig_poll(rig, 0);
	for (int s = 1; s <= 9; s++)
		rig_poll(rig, 1000);
	rig_fd(rig, 200, 3, "renderD128");
	rig_client(rig, 200, 3, 2, 500);
	rig_poll(rig, 1000); /* it is found; the GPU was read 4 s ago */
	assert_true(rig_zone(rig, 0)->taken_ns == rig->now_ns - 4 * NSEC_PER_SEC);
	rig_client(rig, 200, 3, 2, 3500);
	rig_poll(rig, 1000);
	rig_poll(rig, 1000);
	assert_true(rig_zone(rig, 0)->taken_ns == rig->now_ns);
	assert_int_equal(rig_work(rig, 0, 200), 3500);
	rig_client(rig, 200, 3, 2, 4000);
	rig_poll(rig, 1000);
	assert_int_equal(rig_work(rig, 0, 200), 500);
}

/* Other files, and texts that no driver writes. */
static void test_hostile(void **state)
{
	struct rig *rig = *state;

	begin(rig);
	rig_fd(rig, 200, 3, "renderD999");
	rig_fd(rig, 200, 4, "renderD128");
	rig_fd(rig, 200, 5, "renderD128");
	rig_fd(rig, 200, 6, "renderD128");
	rig_info(rig, 200, 4, "drm-driver: x\ndrm-client-id: 5\ndrm-pdev: 0000:99:00.0\n");
	rig_info(rig, 200, 5, "%s", "");
	rig_info(
		rig, 200, 6,
		"drm-driver: x\ndrm-client-id: 18446744073709551615\ndrm-pdev: " GPU_A "\n"
		"drm-engine-gfx: 18446744073709551615 ns\ndrm-engine-dec: 18446744073709551615 ns\n"
		"drm-engine-capacity-gfx: 3\n");
	tree_write(&rig->tree, "proc/self/stat", "x\n");
	tree_write(&rig->tree, "proc/99999999999/stat", "x\n");
	rig_poll(rig, LOOK_MS);
	assert_int_equal(rig->sample.uses, 1);
	assert_true(rig->sample.use[0].work <= LOOK_MS * NSEC_PER_MSEC);
	for (int i = 0; i < 15; i++)
		rig_poll(rig, 1000);
	assert_int_equal(rig->sample.uses, 0);
}

/* A look takes as many polls as it needs, and nobody is forgotten. */
static void test_many_descriptors(void **state)
{
	struct rig *rig = *state;
	int polls = 0;

	for (u32 pid = 1000; pid < 1040; pid++) {
		for (u32 fd = 10; fd < 110; fd++)
			rig_fd(rig, pid, fd, "../null");
	}
	rig_fd(rig, 2000, 3, "renderD128");
	rig_client(rig, 2000, 3, 2, 5000000);
	begin(rig);
	assert_true(rig_zone(rig, 0)->zone.users_hidden);
	/* Whoever is found late in the first look may have been there before. */
	for (; polls < 40 && rig->sample.uses == 0; polls++) {
		rig_client(rig, 2000, 3, 2, 5000000 + 5 * (u64)(polls + 1));
		rig_poll(rig, 1000);
	}
	assert_in_range(polls, 1, 20);
	assert_int_equal(rig_work(rig, 0, 2000), 5);
	for (int i = 0; i < 10; i++)
		rig_poll(rig, 1000);
	assert_false(rig_zone(rig, 0)->zone.users_hidden);
}

/* More clients than there is room for do no harm. */
static void test_many_clients(void **state)
{
	struct rig *rig = *state;
	u64 id = 10;

	for (u32 pid = 1000; pid < 1011; pid++) {
		for (u32 fd = 10; fd < 110; fd++) {
			rig_fd(rig, pid, fd, "renderD128");
			rig_client(rig, pid, fd, id++, 100);
		}
	}
	begin(rig);
	for (int i = 0; i < 15; i++)
		rig_poll(rig, 1000);
	rig_client(rig, 100, 7, 1, 5000100);
	rig_poll(rig, 1000);
	assert_true(rig->sample.uses <= 1);
	assert_true(rig_zone(rig, 0)->zone.users_hidden);
	assert_non_null(rig_note(rig, "many-clients"));

	/* Who works gets the room of those who only hold a GPU open; they have done nothing. */
	rig_fd(rig, 3000, 3, "renderD128");
	for (u64 i = 1; i <= 60; i++) {
		rig_client(rig, 3000, 3, 9, 5000 + i * 500);
		rig_client(rig, 100, 7, 1, 5000100 + i * 50);
		rig_poll(rig, 1000);
		assert_int_equal(rig_work(rig, 0, 100), 50);
		assert_int_equal(rig->sample.uses, rig_work(rig, 0, 3000) ? 2 : 1);
	}
	assert_int_equal(rig_work(rig, 0, 3000), 500);
}

/* It ends at once when it should. */
static void test_stop(void **state)
{
	struct rig *rig = *state;
	u64 one = 1;

	for (u32 pid = 1000; pid < 1200; pid++)
		rig_fd(rig, pid, 10, "renderD128");
	rig_amd(rig, 0, GPU_A, 100);
	rig_open(rig);
	assert_int_equal(write(rig->stop.fd, &one, sizeof(one)), sizeof(one));
	rig_poll(rig, 0);
	assert_int_equal(rig->sample.uses, 0);
}

static void stranger(struct rig *rig)
{
	if (geteuid() == 0 && seteuid(65534) < 0)
		_exit(2);
	rig_open(rig);
	rig_poll(rig, 0);
	rig_poll(rig, 1000);
	if (rig->sample.zones != 1 || rig_zone(rig, 0)->status != METER_OK)
		_exit(3);
	if (!rig_zone(rig, 0)->zone.users_hidden)
		_exit(5);
	if (!rig_note(rig, "gpu-clients") ||
	    !strstr(rig_note(rig, "gpu-clients")->remedy, "CAP_SYS_PTRACE"))
		_exit(4);
	_exit(0);
}

static void test_denied(void **state)
{
	struct rig *rig = *state;
	char path[256];
	int status;
	pid_t child;

	rig_amd(rig, 0, GPU_A, 100);
	rig_fd(rig, 100, 7, "renderD128");
	rig_client(rig, 100, 7, 1, 5000000);
	assert_int_equal(chmod(rig->tree.dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/proc/100/fd", rig->tree.dir);
	assert_int_equal(chmod(path, 0), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		stranger(rig);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(chmod(path, 0755), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(test_three_to_one),
		WITH_RIG(test_two_files),
		WITH_RIG(test_copies),
		WITH_RIG(test_handed_on),
		WITH_RIG(test_id_reused),
		WITH_RIG(test_descriptor_reused),
		WITH_RIG(test_born),
		WITH_RIG(test_process_ends),
		WITH_RIG(test_value_falls_back),
		WITH_RIG(test_cycles),
		WITH_RIG(test_two_cards),
		WITH_RIG(test_asleep),
		WITH_RIG(test_copies_asleep),
		WITH_RIG(test_born_in_a_rest),
		WITH_RIG(test_hostile),
		WITH_RIG(test_many_descriptors),
		WITH_RIG(test_many_clients),
		WITH_RIG(test_stop),
		WITH_RIG(test_denied),
	};

	return cmocka_run_group_tests_name("meter/drm_clients", tests, NULL, NULL);
}
