// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meter/energy.h"
#include "tree.h"

#define J UJ_PER_J

/* The heap as our code sees it; linked with --wrap. */
static u32 allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
DIR *__real_opendir(const char *path);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
DIR *__wrap_opendir(const char *path);

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	allocations++;
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	allocations++;
	return __real_realloc(old, size);
}

DIR *__wrap_opendir(const char *path)
{
	allocations++;
	return __real_opendir(path);
}

static const struct meter_state *rapl_state(const struct tree *t)
{
	return meter_set_state(t->set, METER_RAPL_POWERCAP);
}

static void check_note(const struct tree *t, const char *code, const char *text)
{
	const struct meter_note *note = tree_note(t, METER_RAPL_POWERCAP, code);

	if (!note || !strstr(note->text, text))
		fail_msg("note %s: \"%s\" lacks \"%s\"", code, note ? note->text : "", text);
}

static void check_zone(const struct tree *t, const char *name, enum power_domain domain,
		       const char *package, u64 uj)
{
	u32 i = tree_find(t, name);
	const struct meter_zone *zone;

	if (i == UINT32_MAX)
		fail_msg("no zone \"%s\"", name);
	zone = meter_set_zone(t->set, i);
	assert_int_equal(zone->domain, domain);
	assert_string_equal(zone->package, package);
	assert_int_equal(zone->quality, QUALITY_MEASURED);
	assert_true(zone->modulus_uj == MODULUS_UJ);
	assert_int_equal(t->readings[i].zone, i);
	assert_true(t->readings[i].value_uj == uj);
	assert_true(t->readings[i].taken_ns == t->input.now_ns);
}

static void make_two_sockets(const struct tree *t)
{
	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_zone(t, "intel-rapl:0:0", "core", 110 * J);
	tree_zone(t, "intel-rapl:0:1", "uncore", 120 * J);
	tree_zone(t, "intel-rapl:0:2", "dram", 130 * J);
	tree_zone(t, "intel-rapl:1", "package-1", 200 * J);
	tree_zone(t, "intel-rapl:1:0", "core", 210 * J);
	tree_zone(t, "intel-rapl:1:1", "uncore", 220 * J);
	tree_zone(t, "intel-rapl:1:2", "dram", 230 * J);
	tree_zone(t, "intel-rapl:2", "psys", 900 * J);
}

static void check_two_sockets(const struct tree *t)
{
	assert_int_equal(tree_count_ok(t), 9);
	check_zone(t, "intel-rapl:0 package-0", DOMAIN_PACKAGE, "0", 100 * J);
	check_zone(t, "intel-rapl:0:0 core", DOMAIN_CORE, "0", 110 * J);
	check_zone(t, "intel-rapl:0:1 uncore", DOMAIN_UNCORE, "0", 120 * J);
	check_zone(t, "intel-rapl:0:2 dram", DOMAIN_DRAM, "0", 130 * J);
	check_zone(t, "intel-rapl:1 package-1", DOMAIN_PACKAGE, "1", 200 * J);
	check_zone(t, "intel-rapl:1:0 core", DOMAIN_CORE, "1", 210 * J);
	check_zone(t, "intel-rapl:1:1 uncore", DOMAIN_UNCORE, "1", 220 * J);
	check_zone(t, "intel-rapl:1:2 dram", DOMAIN_DRAM, "1", 230 * J);
	check_zone(t, "intel-rapl:2 psys", DOMAIN_PLATFORM, "psys", 900 * J);
}

static void test_two_sockets(void **state)
{
	struct tree *t = *state;

	make_two_sockets(t);
	tree_write(t, RAPL "/intel-rapl/enabled", "1\n");
	tree_write(t, RAPL "/dtpm/name", "x\n");
	tree_open(t);
	/* The set keeps what it needs of the root. */
	sysroot_deinit(&t->root);
	tree_tick(t, 0);
	check_two_sockets(t);
	assert_string_equal(rapl_state(t)->name, "rapl-powercap");
	assert_string_equal(rapl_state(t)->source, "rapl-sysfs");
	assert_int_equal(rapl_state(t)->status, METER_OK);
	assert_true(rapl_state(t)->used);
	assert_int_equal(rapl_state(t)->zones, 9);
	assert_string_equal(rapl_state(t)->detail,
			    "2 sockets: package x2 core x2 uncore x2 dram x2 platform x1");
	assert_false(meter_set_state(t->set, METER_EMBEDDED)->used);
	assert_null(meter_set_state(t->set, METER_ID_MAX));
	assert_null(meter_set_zone(t->set, t->count));
}

/* The same zones as devices, one inside the other; the class directory has dangling links or is
 * missing. */
static void test_nested_devices(void **state)
{
	struct tree *t = *state;
	char from[256], to[256];

	make_two_sockets(t);
	tree_write(t, "sys/devices/virtual/powercap/intel-rapl/enabled", "1\n");
	for (int i = 0; i < 3; i++) {
		for (int sub = 0; sub < 3 && i < 2; sub++) {
			snprintf(from, sizeof(from), "%s/" RAPL "/intel-rapl:%d:%d", t->dir, i,
				 sub);
			snprintf(to, sizeof(to), "%s/" RAPL "/intel-rapl:%d/intel-rapl:%d:%d",
				 t->dir, i, i, sub);
			assert_int_equal(rename(from, to), 0);
		}
		snprintf(from, sizeof(from), "%s/" RAPL "/intel-rapl:%d", t->dir, i);
		snprintf(to, sizeof(to), "%s/sys/devices/virtual/powercap/intel-rapl/intel-rapl:%d",
			 t->dir, i);
		assert_int_equal(rename(from, to), 0);
		snprintf(to, sizeof(to), "%s/" RAPL "/intel-rapl:%d", t->dir, i);
		assert_int_equal(symlink("../../nowhere", to), 0);
	}
	tree_open(t);
	tree_tick(t, 0);
	check_two_sockets(t);
}

static void test_hidden_by_container(void **state)
{
	struct tree *t = *state;
	char link[256];

	tree_write(t, RAPL "/x", "\n");
	snprintf(link, sizeof(link), "%s/" RAPL "/intel-rapl:0", t->dir);
	assert_int_equal(symlink("../../devices/virtual/powercap/intel-rapl/intel-rapl:0", link),
			 0);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(rapl_state(t)->status, METER_ABSENT);
	check_note(t, "hidden", "1 RAPL zones are hidden, as container runtimes do");
	assert_true(meter_set_state(t->set, METER_EMBEDDED)->used);
}

static void test_mmio(void **state)
{
	struct tree *t = *state;

	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_zone(t, "intel-rapl-mmio:0", "package-0", 5 * J);
	tree_zone(t, "intel-rapl-mmio:0:0", "dram", 7 * J);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(t->count, 2);
	check_zone(t, "intel-rapl:0 package-0", DOMAIN_PACKAGE, "0", 100 * J);
	check_zone(t, "intel-rapl-mmio:0:0 dram", DOMAIN_DRAM, "0", 7 * J);
	check_note(t, "duplicate", "1 zones of intel-rapl-mmio");

	/* The other driver is loaded later and shows dram too: the mmio zone steps back, and is no
	 * error. */
	tree_zone(t, "intel-rapl:0:0", "dram", 50 * J);
	for (int i = 0; i < 60; i++)
		tree_tick(t, 0);
	assert_int_equal(t->count, 3);
	check_zone(t, "intel-rapl:0:0 dram", DOMAIN_DRAM, "0", 50 * J);
	assert_int_equal(tree_find(t, "intel-rapl-mmio:0:0 dram"), UINT32_MAX);
	assert_int_equal(rapl_state(t)->read_errors[METER_ABSENT], 0);
}

static void test_one_psys(void **state)
{
	struct tree *t = *state;

	tree_zone(t, "intel-rapl:0", "psys-1", 100 * J);
	tree_zone(t, "intel-rapl:1", "psys", 100 * J);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(t->count, 1);
	check_zone(t, "intel-rapl:1 psys", DOMAIN_PLATFORM, "psys", 100 * J);
	check_note(t, "psys", "1 further psys zone:");
}

/* The core zones of AMD are one core's register; package counts. */
static void test_amd_core(void **state)
{
	struct tree *t = *state;

	tree_cpu(t, "AuthenticAMD", 25, 17, "fpu");
	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_zone(t, "intel-rapl:0:0", "core", 7 * J);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(t->count, 1);
	check_zone(t, "intel-rapl:0 package-0", DOMAIN_PACKAGE, "0", 100 * J);
	check_note(t, "amd-core", "one core's");
	assert_null(tree_note(t, METER_RAPL_POWERCAP, "duplicate"));
}

/* A Threadripper: its dies may be one counter. */
static void make_dies(const struct tree *t, u64 first_uj, u64 second_uj)
{
	tree_cpu(t, "AuthenticAMD", 23, 1, "fpu");
	tree_zone(t, "intel-rapl:0", "package-0-die-0", first_uj);
	tree_zone(t, "intel-rapl:1", "package-0-die-1", second_uj);
}

/* 60 W, read a moment apart: the second file may be ahead by what a millisecond adds. */
static void test_mirrored_dies(void **state)
{
	struct tree *t = *state;
	u64 uj = RANGE_UJ - 300 * J;

	make_dies(t, uj, uj + 40000);
	tree_open(t);
	for (int i = 0; i < 20; i++) {
		tree_tick(t, 0);
		/* At no time do both count. */
		assert_int_equal(tree_count_ok(t), 1);
		check_zone(t, "intel-rapl:0 package-0-die-0", DOMAIN_PACKAGE, "0", uj);
		uj = (uj + 60 * J) % MODULUS_UJ;
		tree_energy(t, "intel-rapl:0", uj);
		tree_energy(t, "intel-rapl:1", (uj + (i % 2 ? 40000 : 0)) % MODULUS_UJ);
	}
	check_note(t, "mirror", "1 zones move in step");
	assert_int_equal(rapl_state(t)->zones, 1);
	for (int s = 0; s < METER_STATUS_MAX; s++)
		assert_int_equal(rapl_state(t)->read_errors[s], 0);
}

static void test_distinct_dies(void **state)
{
	struct tree *t = *state;

	/* 2 % apart at first, and then the same power to the microjoule. */
	make_dies(t, 5000 * J, 5100 * J);
	tree_open(t);
	for (u64 i = 0; i < 20; i++) {
		tree_tick(t, 0);
		assert_int_equal(tree_count_ok(t), 2);
		check_zone(t, "intel-rapl:0 package-0-die-0", DOMAIN_PACKAGE, "0",
			   (5000 + 60 * i) * J);
		check_zone(t, "intel-rapl:1 package-0-die-1", DOMAIN_PACKAGE, "0",
			   (5100 + 60 * i) * J);
		tree_energy(t, "intel-rapl:0", (5000 + 60 * (i + 1)) * J);
		tree_energy(t, "intel-rapl:1", (5100 + 60 * (i + 1)) * J);
	}
}

/* Equal values at the start by chance: the power differs, so both count as soon as that shows. */
static void test_dies_equal_by_chance(void **state)
{
	struct tree *t = *state;
	u32 epoch;

	make_dies(t, 5000 * J, 5000 * J);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 1);
	tree_energy(t, "intel-rapl:0", 5060 * J);
	tree_energy(t, "intel-rapl:1", 5055 * J);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 2);
	check_zone(t, "intel-rapl:1 package-0-die-1", DOMAIN_PACKAGE, "0", 5055 * J);
	epoch = t->readings[1].epoch;
	for (u64 i = 0; i < 20; i++) {
		tree_energy(t, "intel-rapl:0", (5060 + i * 60) * J);
		tree_energy(t, "intel-rapl:1", (5055 + i * 60) * J);
		tree_tick(t, 0);
		assert_int_equal(tree_count_ok(t), 2);
		assert_int_equal(t->readings[1].epoch, epoch);
	}
}

/* Taken for a mirror, but the values drift apart slowly: it was a die after all. */
static void test_drift_undoes_mirror(void **state)
{
	struct tree *t = *state;
	u64 first = 5000 * J, second = 5000 * J;
	u32 ok = 1;

	make_dies(t, first, second);
	tree_open(t);
	for (int i = 0; i < 200; i++) {
		first += 60 * J;
		second += 60 * J + J / 2;
		tree_energy(t, "intel-rapl:0", first);
		tree_energy(t, "intel-rapl:1", second);
		tree_tick(t, 0);
		if (i == 30)
			assert_int_equal(tree_count_ok(t), 1);
		ok = tree_count_ok(t);
	}
	assert_int_equal(ok, 2);
}

static void test_sub_zones_of_mirrored_dies(void **state)
{
	struct tree *t = *state;

	make_dies(t, 5000 * J, 5000 * J);
	tree_zone(t, "intel-rapl:0:0", "dram", 700 * J);
	tree_zone(t, "intel-rapl:1:0", "dram", 700 * J);
	tree_zone(t, "intel-rapl:2", "package-1-die-0", 5000 * J);
	tree_open(t);
	tree_tick(t, 0);
	/* Another socket is never a mirror. */
	assert_int_equal(tree_count_ok(t), 3);
	check_zone(t, "intel-rapl:0:0 dram", DOMAIN_DRAM, "0", 700 * J);
	check_zone(t, "intel-rapl:2 package-1-die-0", DOMAIN_PACKAGE, "1", 5000 * J);
}

/*
 * Granite Rapids: two sockets of three dies, each with a counter of its own (TPMI). Soon after the
 * start, doing the same work within one percent, all of them count in every tick.
 */
static void test_intel_dies(void **state)
{
	struct tree *t = *state;
	u64 truth_uj[6], sum_uj = 0;
	char zone[32], name[32];

	tree_cpu(t, "GenuineIntel", 6, 173, "fpu");
	for (u32 i = 0; i < 6; i++) {
		truth_uj[i] = (600 + i) * J;
		snprintf(zone, sizeof(zone), "intel-rapl:%u", i);
		snprintf(name, sizeof(name), "package-%u-die-%u", i / 3, i % 3);
		tree_zone(t, zone, name, truth_uj[i]);
	}
	tree_open(t);
	for (u64 tick = 0; tick < 30; tick++) {
		tree_tick(t, NSEC_PER_SEC);
		assert_int_equal(tree_count_ok(t), 6);
		for (u32 i = 0; i < 6; i++) {
			snprintf(zone, sizeof(zone), "intel-rapl:%u", i);
			truth_uj[i] += 60 * J + (tick * 7 + i * 11) % 5 * (J / 10);
			tree_energy(t, zone, truth_uj[i]);
		}
	}
	tree_tick(t, NSEC_PER_SEC);
	for (u32 i = 0; i < 6; i++) {
		assert_int_equal(t->readings[i].epoch, 0);
		sum_uj += t->readings[i].value_uj - truth_uj[i];
	}
	assert_true(sum_uj == 0);
	assert_string_equal(rapl_state(t)->detail, "2 sockets: package x6");
	assert_null(tree_note(t, METER_RAPL_POWERCAP, "mirror"));
}

/* A virtual machine on Intel whose dies show one counter: read alike, so one of them counts. */
static void test_intel_mirror(void **state)
{
	struct tree *t = *state;

	make_dies(t, 5000 * J, 5000 * J);
	tree_cpu(t, "GenuineIntel", 6, 106, "fpu");
	tree_open(t);
	for (u64 i = 0; i < 20; i++) {
		tree_tick(t, 0);
		assert_int_equal(tree_count_ok(t), 1);
		tree_energy(t, "intel-rapl:0", (5060 + i * 60) * J);
		tree_energy(t, "intel-rapl:1", (5060 + i * 60) * J + 20000);
	}
	check_note(t, "mirror", "1 zones move in step");
}

/* What the kernel shows with its rounded unit of 15.3 uJ. */
static void test_dram_unit(void **state)
{
	struct tree *t = *state;

	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_zone(t, "intel-rapl:0:0", "dram", 50 * J);
	tree_write(t, RAPL "/intel-rapl:0:0/max_energy_range_uj", "65712999613\n");
	tree_open(t);
	tree_tick(t, 0);
	check_note(t, "dram-unit", "0.27 % high");
	assert_true(meter_set_zone(t->set, 1)->modulus_uj == 65712999629);
}

static void test_filtering(void **state)
{
	struct tree *t = *state;

	tree_cpu(t, "GenuineIntel", 6, 106, "fpu sgx sgx_lc");
	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_open(t);
	tree_tick(t, 0);
	check_note(t, "filtering", "has SGX");
}

static void test_wrap(void **state)
{
	struct tree *t = *state;
	u64 modulus, before, sum = 0;
	u64 truth = RANGE_UJ - 1000 * J;

	tree_zone(t, "intel-rapl:0", "package-0", truth);
	tree_open(t);
	tree_tick(t, 0);
	modulus = meter_set_zone(t->set, 0)->modulus_uj;
	before = t->readings[0].value_uj;
	for (int i = 0; i < 100; i++) {
		truth += 123 * J;
		tree_energy(t, "intel-rapl:0", truth % MODULUS_UJ);
		tree_tick(t, 0);
		assert_int_equal(t->readings[0].status, METER_OK);
		assert_int_equal(t->readings[0].epoch, 0);
		sum += energy_delta_uj(before, t->readings[0].value_uj, modulus);
		before = t->readings[0].value_uj;
	}
	assert_true(sum == 12300 * J);
}

/* Steps that no socket can have made within a second. */
static void test_restart_is_not_energy(void **state)
{
	struct tree *t = *state;

	tree_zone(t, "intel-rapl:0", "package-0", 100000 * J);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(t->readings[0].epoch, 0);
	tree_energy(t, "intel-rapl:0", 5 * J);
	tree_tick(t, 0);
	assert_int_equal(t->readings[0].epoch, 1);
	tree_energy(t, "intel-rapl:0", 200000 * J);
	tree_tick(t, 0);
	assert_int_equal(t->readings[0].epoch, 2);
	/* 10 kJ in ten seconds is 1 kW. */
	tree_energy(t, "intel-rapl:0", 210000 * J);
	t->input.now_ns += 9 * NSEC_PER_SEC;
	tree_tick(t, 0);
	assert_int_equal(t->readings[0].epoch, 2);
}

/* Without a range a counter never wraps: a lower value is a restart, however small the step. */
static void test_unknown_range(void **state)
{
	struct tree *t = *state;

	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_write(t, RAPL "/intel-rapl:0/max_energy_range_uj", "0\n");
	tree_open(t);
	tree_tick(t, 0);
	assert_true(meter_set_zone(t->set, 0)->modulus_uj == 0);
	tree_energy(t, "intel-rapl:0", 99 * J);
	tree_tick(t, 0);
	assert_int_equal(t->readings[0].status, METER_OK);
	assert_int_equal(t->readings[0].epoch, 1);
}

/* A zone that is not listed any more is let go, though its file can still be read. */
static void test_not_listed_any_more(void **state)
{
	struct tree *t = *state;
	char from[256], to[256];

	make_two_sockets(t);
	tree_open(t);
	tree_tick(t, 0);
	snprintf(from, sizeof(from), "%s/" RAPL "/intel-rapl:1", t->dir);
	snprintf(to, sizeof(to), "%s/" RAPL "/elsewhere", t->dir);
	assert_int_equal(rename(from, to), 0);
	for (int i = 0; i < 60; i++)
		tree_tick(t, 0);
	assert_int_equal(tree_find(t, "intel-rapl:1 package-1"), UINT32_MAX);
	assert_true(tree_find(t, "intel-rapl:0 package-0") != UINT32_MAX);
}

/* A file that answers with a real EIO: one's own memory at address 0. */
static void replace_by_eio(const struct tree *t, const char *zone)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/" RAPL "/%s/energy_uj", t->dir, zone);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/proc/self/mem", path), 0);
}

static void test_one_bad_zone(void **state)
{
	struct tree *t = *state;

	make_two_sockets(t);
	replace_by_eio(t, "intel-rapl:0:2");
	tree_write(t, RAPL "/intel-rapl:1:0/energy_uj", "soon\n");
	tree_write(t, RAPL "/intel-rapl:1:1/energy_uj", "%llu\n", MODULUS_UJ);
	tree_write(t, RAPL "/intel-rapl:1:2/name", "d\xffm\n");
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 5);
	check_zone(t, "intel-rapl:0 package-0", DOMAIN_PACKAGE, "0", 100 * J);
	check_zone(t, "intel-rapl:1 package-1", DOMAIN_PACKAGE, "1", 200 * J);
	check_zone(t, "intel-rapl:2 psys", DOMAIN_PLATFORM, "psys", 900 * J);
	assert_int_equal(rapl_state(t)->status, METER_OK);
	assert_int_equal(rapl_state(t)->read_errors[METER_ERROR], 3);
	tree_energy(t, "intel-rapl:1:0", 212 * J);
	tree_tick(t, 0);
	assert_int_equal(rapl_state(t)->read_errors[METER_ERROR], 5);
	check_zone(t, "intel-rapl:1:0 core", DOMAIN_CORE, "1", 212 * J);
}

/* Text that passes costs nothing: the counter went on, and so does the epoch. */
static void test_short_fault_keeps_epoch(void **state)
{
	struct tree *t = *state;

	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_open(t);
	tree_tick(t, 0);
	tree_write(t, RAPL "/intel-rapl:0/energy_uj", "?\n");
	tree_tick(t, 0);
	assert_int_equal(t->readings[0].status, METER_ERROR);
	tree_energy(t, "intel-rapl:0", 300 * J);
	tree_tick(t, 0);
	assert_int_equal(t->readings[0].status, METER_OK);
	assert_int_equal(t->readings[0].epoch, 0);
	/* No estimate for two seconds. */
	assert_int_equal(t->count, 1);
}

static void test_gone_and_back(void **state)
{
	struct tree *t = *state;
	u32 zone, others;

	make_two_sockets(t);
	tree_open(t);
	tree_tick(t, 0);
	zone = tree_find(t, "intel-rapl:1:2 dram");
	others = tree_find(t, "intel-rapl:0:2 dram");
	tree_zone_gone(t, "intel-rapl:1:2");
	tree_tick(t, 0);
	assert_int_equal(t->readings[zone].status, METER_ABSENT);
	assert_int_equal(tree_count_ok(t), 8);
	for (int i = 0; i < 30; i++)
		tree_tick(t, 0);
	assert_int_equal(rapl_state(t)->read_errors[METER_ABSENT], 31);
	assert_non_null(strstr(rapl_state(t)->detail, "1 gone"));

	/* Back under another number with a lower value, as after rmmod and modprobe. */
	tree_zone(t, "intel-rapl:1:7", "dram", 3 * J);
	for (int i = 0; i < 10; i++)
		tree_tick(t, 0);
	assert_int_equal(t->count, 9);
	assert_int_equal(t->readings[zone].status, METER_OK);
	assert_true(t->readings[zone].value_uj == 3 * J);
	assert_int_equal(t->readings[zone].epoch, 1);
	assert_int_equal(t->readings[others].epoch, 0);
	assert_null(strstr(rapl_state(t)->detail, "gone"));
}

static void test_back_at_the_next_read(void **state)
{
	struct tree *t = *state;

	make_two_sockets(t);
	tree_open(t);
	tree_tick(t, 0);
	for (int round = 1; round < 5; round++) {
		u32 zone = tree_find(t, "intel-rapl:0 package-0");

		tree_zone_gone(t, "intel-rapl:0");
		tree_tick(t, 0);
		assert_int_equal(t->readings[zone].status, METER_ABSENT);
		tree_zone(t, "intel-rapl:0", "package-0", 1 * J);
		tree_tick(t, 0);
		assert_int_equal(t->readings[zone].status, METER_OK);
		assert_int_equal(t->readings[zone].epoch, round);
	}
	assert_int_equal(t->count, 9);
}

/* The whole driver goes: after a while the estimate takes over, and steps back when it returns. */
static void test_driver_reload(void **state)
{
	struct tree *t = *state;

	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_open(t);
	tree_tick(t, 0);
	tree_zone_gone(t, "intel-rapl:0");
	for (int i = 0; i < 20; i++)
		tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 3);
	assert_false(rapl_state(t)->used);
	assert_int_equal(rapl_state(t)->status, METER_ABSENT);
	tree_zone(t, "intel-rapl:0", "package-0", 5 * J);
	for (int i = 0; i < 10; i++)
		tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 1);
	check_zone(t, "intel-rapl:0 package-0", DOMAIN_PACKAGE, "0", 5 * J);
	assert_true(t->readings[0].epoch > 0);
}

static void test_driver_loaded_later(void **state)
{
	struct tree *t = *state;

	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 3);
	make_two_sockets(t);
	for (int i = 0; i < 60; i++)
		tree_tick(t, 0);
	check_two_sockets(t);
}

static void denied_child(struct tree *t)
{
	const struct meter_note *note;
	const struct meter_state *s;

	if (geteuid() == 0 && seteuid(65534) < 0)
		_exit(2);
	tree_open(t);
	tree_tick(t, 0);
	s = rapl_state(t);
	if (s->status != METER_DENIED || s->used || s->zones != 2 ||
	    s->read_errors[METER_DENIED] != 2)
		_exit(3);
	note = tree_note(t, METER_RAPL_POWERCAP, "denied");
	if (!note || !strstr(note->text, "2 of 2") || !strstr(note->remedy, "root") ||
	    !strstr(note->remedy, "CAP_DAC_READ_SEARCH"))
		_exit(4);
	/* The machine is not without figures. */
	if (!meter_set_state(t->set, METER_EMBEDDED)->used || tree_count_ok(t) != 3)
		_exit(5);
	_exit(0);
}

static void test_denied(void **state)
{
	struct tree *t = *state;
	char path[256];
	int status;
	pid_t child;

	tree_zone(t, "intel-rapl:0", "package-0", 100 * J);
	tree_zone(t, "intel-rapl:0:0", "dram", 100 * J);
	assert_int_equal(chmod(t->dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/" RAPL "/intel-rapl:0/energy_uj", t->dir);
	assert_int_equal(chmod(path, geteuid() ? 0 : 0400), 0);
	snprintf(path, sizeof(path), "%s/" RAPL "/intel-rapl:0:0/energy_uj", t->dir);
	assert_int_equal(chmod(path, geteuid() ? 0 : 0400), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		denied_child(t);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static u32 open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	u32 count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Five hundred ticks, scans for new zones among them, allocate nothing; nothing stays open
 * afterwards. */
static void test_steady_state(void **state)
{
	struct tree *t = *state;
	u32 files = open_files();
	u32 before, files_running, after;

	make_two_sockets(t);
	tree_zone(t, "intel-rapl-mmio:0", "package-0", 5 * J);
	tree_open(t);
	tree_tick(t, 0);
	files_running = open_files();
	before = allocations;
	assert_true(before > 0);
	for (u64 i = 0; i < 500; i++) {
		tree_energy(t, "intel-rapl:0", (100 + i) * J);
		tree_tick(t, NSEC_PER_SEC);
	}
	after = allocations;
	assert_int_equal(after, before);
	assert_int_equal(open_files(), files_running);
	before = allocations;
	for (int i = 0; i < 100; i++) {
		tree_zone_gone(t, "intel-rapl:0");
		tree_tick(t, 0);
		tree_zone(t, "intel-rapl:0", "package-0", 1 * J);
		tree_tick(t, 0);
	}
	after = allocations;
	assert_int_equal(after, before);
	assert_int_equal(open_files(), files_running);
	t->set = meter_set_free(t->set);
	sysroot_deinit(&t->root);
	assert_int_equal(open_files(), files);
}

/* More zones than there is room for: the first ones are read, the rest is told. */
static void test_too_many(void **state)
{
	struct tree *t = *state;
	char zone[64], name[64];

	for (u32 i = 0; i < METER_ZONES_MAX + 9; i++) {
		snprintf(zone, sizeof(zone), "intel-rapl:%u", i);
		snprintf(name, sizeof(name), "package-%u", i);
		tree_zone(t, zone, name, 100 * J);
	}
	tree_open(t);
	for (int i = 0; i < 130; i++)
		tree_tick(t, 0);
	assert_int_equal(t->count, METER_ZONES_MAX);
	assert_int_equal(tree_count_ok(t), METER_ZONES_MAX);
	check_note(t, "no-room", "9 zones");
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, tree_setup, tree_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TREE(test_two_sockets),
		WITH_TREE(test_nested_devices),
		WITH_TREE(test_hidden_by_container),
		WITH_TREE(test_mmio),
		WITH_TREE(test_one_psys),
		WITH_TREE(test_amd_core),
		WITH_TREE(test_mirrored_dies),
		WITH_TREE(test_distinct_dies),
		WITH_TREE(test_dies_equal_by_chance),
		WITH_TREE(test_drift_undoes_mirror),
		WITH_TREE(test_sub_zones_of_mirrored_dies),
		WITH_TREE(test_intel_dies),
		WITH_TREE(test_intel_mirror),
		WITH_TREE(test_dram_unit),
		WITH_TREE(test_filtering),
		WITH_TREE(test_wrap),
		WITH_TREE(test_restart_is_not_energy),
		WITH_TREE(test_unknown_range),
		WITH_TREE(test_not_listed_any_more),
		WITH_TREE(test_one_bad_zone),
		WITH_TREE(test_short_fault_keeps_epoch),
		WITH_TREE(test_gone_and_back),
		WITH_TREE(test_back_at_the_next_read),
		WITH_TREE(test_driver_reload),
		WITH_TREE(test_driver_loaded_later),
		WITH_TREE(test_denied),
		WITH_TREE(test_steady_state),
		WITH_TREE(test_too_many),
	};

	return cmocka_run_group_tests_name("meter/rapl", tests, NULL, NULL);
}
