// SPDX-License-Identifier: Apache-2.0
/*
 * Regular files stand in for the registers of CPUs: at an offset that is a register's number they
 * hold its 8 bytes. Intel's do not overlap. Of AMD's, unit, core and package follow each other by
 * one: what a file says of the core is the low bytes of package moved up by one, below them the
 * unit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meter/energy.h"
#include "meter/msr_unit.h"
#include "tree.h"

#define CPUS "sys/devices/system/cpu"

/* Units as the registers hold them: 2^-14 and 2^-16 J. */
#define UNIT_14 0xa0e03
#define UNIT_16 0xa1003

static void write_reg(const struct tree *t, u32 cpu, u32 reg, u64 value)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/dev/cpu/%u/msr", t->dir, cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &value, sizeof(value), (off_t)reg), sizeof(value));
	close(fd);
}

static void write_cpu(const struct tree *t, u32 cpu, u32 package, u32 core)
{
	char path[160];

	snprintf(path, sizeof(path), CPUS "/cpu%u/topology/physical_package_id", cpu);
	tree_write(t, path, "%u\n", package);
	snprintf(path, sizeof(path), CPUS "/cpu%u/topology/core_id", cpu);
	tree_write(t, path, "%u\n", core);
	snprintf(path, sizeof(path), "dev/cpu/%u/msr", cpu);
	tree_write(t, path, "%s", "");
}

static void write_online(const struct tree *t, const char *cpus)
{
	tree_write(t, CPUS "/online", "%s\n", cpus);
}

static void open_msr(struct tree *t)
{
	t->options = (struct meter_options){ .cpu = { 1, { METER_RAPL_MSR } },
					     .platform = { 1, { METER_PSYS } } };
	tree_open(t);
}

static const struct meter_state *msr_state(const struct tree *t)
{
	return meter_set_state(t->set, METER_RAPL_MSR);
}

static u64 value_of(const struct tree *t, const char *name)
{
	u32 zone = tree_find(t, name);

	if (zone == UINT32_MAX)
		fail_msg("no zone \"%s\"", name);
	return t->readings[zone].value_uj;
}

static const struct meter_zone *zone_of(const struct tree *t, const char *name)
{
	return meter_set_zone(t->set, tree_find(t, name));
}

/* Two sockets of two CPUs each, all registers of Intel. */
static void make_intel(const struct tree *t)
{
	static const u32 regs[] = { 0x611, 0x639, 0x641, 0x619, 0x64d };

	for (u32 cpu = 0; cpu < 4; cpu++) {
		write_cpu(t, cpu, cpu / 2, cpu % 2);
		write_reg(t, cpu, 0x64d, 0);
		write_reg(t, cpu, 0x606, UNIT_14);
		for (u32 i = 0; i < ARRAY_SIZE(regs); i++)
			write_reg(t, cpu, regs[i], (cpu / 2 + 1) * 1000000 + i);
	}
	write_online(t, "0-3");
}

static void test_intel(void **state)
{
	struct tree *t = *state;

	/* A client: dram has the common unit. */
	tree_cpu(t, "GenuineIntel", 6, 158, "fpu");
	make_intel(t);
	open_msr(t);
	sysroot_deinit(&t->root);
	tree_tick(t, 0);
	assert_int_equal(t->count, 9);
	assert_int_equal(tree_count_ok(t), 9);
	assert_true(value_of(t, "pkg package-0") == 1000000ULL * 15625 / 256);
	assert_true(value_of(t, "pp0 package-0") == 1000001ULL * 15625 / 256);
	assert_true(value_of(t, "pp1 package-1") == 2000002ULL * 15625 / 256);
	assert_true(value_of(t, "dram package-1") == 2000003ULL * 15625 / 256);
	assert_true(value_of(t, "psys") == 1000004ULL * 15625 / 256);
	assert_int_equal(zone_of(t, "pp0 package-0")->domain, DOMAIN_CORE);
	assert_int_equal(zone_of(t, "pp1 package-0")->domain, DOMAIN_UNCORE);
	assert_int_equal(zone_of(t, "dram package-0")->domain, DOMAIN_DRAM);
	assert_int_equal(zone_of(t, "psys")->domain, DOMAIN_PLATFORM);
	assert_string_equal(zone_of(t, "psys")->package, "psys");
	assert_string_equal(zone_of(t, "pkg package-1")->package, "1");
	assert_true(zone_of(t, "pkg package-1")->modulus_uj == 262144000000ULL);
	assert_string_equal(msr_state(t)->detail,
			    "2 sockets: package x2 core x2 uncore x2 dram x2 platform x1");
	assert_non_null(tree_note(t, METER_RAPL_MSR, "psys"));
	assert_non_null(strstr(tree_note(t, METER_RAPL_MSR, "side-channel")->text, "PLATYPUS"));
}

/* On servers dram has a unit of its own. */
static void test_server_dram(void **state)
{
	struct tree *t = *state;

	make_intel(t);
	open_msr(t);
	tree_tick(t, 0);
	assert_true(value_of(t, "dram package-0") == 1000003ULL * 15625 / 1024);
	assert_true(zone_of(t, "dram package-0")->modulus_uj == 65536000000ULL);
	assert_true(value_of(t, "pkg package-0") == 1000000ULL * 15625 / 256);
}

/* Many wraps; the hardware's own count, without wrap, is the truth to the last microjoule. */
static void test_wrap(void **state)
{
	struct tree *t = *state;
	u64 steps = (1ULL << 32) - 5000, start = steps, sum_uj = 0;
	u64 modulus_uj, before_uj;

	make_intel(t);
	write_online(t, "0");
	write_reg(t, 0, 0x611, steps);
	open_msr(t);
	tree_tick(t, 0);
	modulus_uj = zone_of(t, "pkg package-0")->modulus_uj;
	before_uj = value_of(t, "pkg package-0");
	for (int i = 0; i < 2000; i++) {
		steps += 9000017; /* 549 J */
		write_reg(t, 0, 0x611, 0xabcd000000000000 | (u32)steps);
		tree_tick(t, 0);
		sum_uj += energy_delta_uj(before_uj, value_of(t, "pkg package-0"), modulus_uj);
		before_uj = value_of(t, "pkg package-0");
	}
	assert_true((steps >> 32) - (start >> 32) >= 4);
	assert_int_equal(t->readings[tree_find(t, "pkg package-0")].epoch, 0);
	assert_true(sum_uj == ((steps * 15625) >> 8) - ((start * 15625) >> 8));
}

/* What reads 0 is no zone; it becomes one when it counts. */
static void test_registers_at_rest(void **state)
{
	struct tree *t = *state;

	make_intel(t);
	write_online(t, "0");
	write_reg(t, 0, 0x611, 0);
	write_reg(t, 0, 0x639, 0);
	write_reg(t, 0, 0x641, 0);
	write_reg(t, 0, 0x619, 0);
	write_reg(t, 0, 0x64d, 0);
	open_msr(t);
	tree_tick(t, NSEC_PER_SEC);
	assert_int_equal(msr_state(t)->zones, 0);
	assert_int_equal(msr_state(t)->status, METER_ABSENT);
	assert_non_null(strstr(msr_state(t)->detail, "all read 0"));
	assert_true(meter_set_state(t->set, METER_EMBEDDED)->used);
	write_reg(t, 0, 0x611, 77);
	for (int i = 0; i < 60; i++)
		tree_tick(t, 0);
	assert_int_equal(msr_state(t)->zones, 1);
	assert_true(value_of(t, "pkg package-0") == 77 * 15625 / 256);
	assert_false(meter_set_state(t->set, METER_EMBEDDED)->used);
}

/* A register beyond the end of the file faults, as one that the model does not have. */
static void test_faulting_register(void **state)
{
	struct tree *t = *state;
	char path[160];

	make_intel(t);
	write_online(t, "0");
	snprintf(path, sizeof(path), "%s/dev/cpu/0/msr", t->dir);
	assert_int_equal(truncate(path, 0x640), 0);
	open_msr(t);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 2);
	assert_true(tree_find(t, "pkg package-0") != UINT32_MAX);
	assert_true(tree_find(t, "dram package-0") != UINT32_MAX);
	/* A read that fails later is an error of that zone, and no more. */
	assert_int_equal(truncate(path, 0x618), 0);
	assert_int_equal(truncate(path, 0x640 - 8), 0);
	write_reg(t, 0, 0x611, 5000000);
	assert_int_equal(truncate(path, 0x619), 0);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 1);
	assert_int_equal(msr_state(t)->read_errors[METER_ERROR], 1);
	assert_true(value_of(t, "pkg package-0") == 5000000ULL * 15625 / 256);
}

/* The first CPU of the socket goes offline: the next one is asked, the count goes on. */
static void test_cpu_leaves(void **state)
{
	struct tree *t = *state;

	make_intel(t);
	open_msr(t);
	tree_tick(t, 0);
	write_reg(t, 0, 0x611, 1);
	write_reg(t, 1, 0x611, 1000500);
	write_online(t, "1-3");
	tree_tick(t, 0);
	assert_true(value_of(t, "pkg package-0") == 1000500ULL * 15625 / 256);
	assert_int_equal(t->readings[tree_find(t, "pkg package-0")].epoch, 0);
	write_online(t, "2-3");
	tree_tick(t, 0);
	assert_int_equal(tree_find(t, "pkg package-0"), UINT32_MAX);
	assert_true(tree_find(t, "pkg package-1") != UINT32_MAX);
	assert_int_equal(t->count, 9);
}

/* One socket of two cores with two threads each; CPUs 1 and 3 are the second threads. */
static void make_amd(const struct tree *t)
{
	tree_cpu(t, "AuthenticAMD", 25, 17, "fpu");
	for (u32 cpu = 0; cpu < 4; cpu++) {
		write_cpu(t, cpu, 0, cpu / 2);
		write_reg(t, cpu, 0xc0010299, UNIT_16);
		write_reg(t, cpu, 0xc001029b, 1000);
	}
	write_online(t, "0-3");
}

/* What the file of a CPU says of its core, when its package register holds @package. */
static u32 core_of(u32 package)
{
	return package << 8 | 0x10;
}

static void test_amd(void **state)
{
	struct tree *t = *state;
	u32 first = 1000, second = 0xfffff0;
	u64 sum = 0;

	make_amd(t);
	write_reg(t, 2, 0xc001029b, second);
	open_msr(t);
	tree_tick(t, 0);
	assert_int_equal(t->count, 2);
	assert_true(value_of(t, "pkg package-0") == 1000ULL * 15625 / 1024);
	assert_true(zone_of(t, "pkg package-0")->modulus_uj == 65536000000ULL);
	assert_true(value_of(t, "core package-0") == 0);
	assert_true(zone_of(t, "core package-0")->modulus_uj == 0);
	/* The second core wraps soon and several times, the first one does not. */
	for (int i = 0; i < 400; i++) {
		sum += core_of(first + 3) - core_of(first);
		sum += (u32)(core_of(second + 200000) - core_of(second));
		first += 3;
		second += 200000;
		write_reg(t, 0, 0xc001029b, first);
		write_reg(t, 2, 0xc001029b, second);
		/* The other threads are not asked. */
		write_reg(t, 1, 0xc001029b, second * 7);
		tree_tick(t, 0);
		assert_true(value_of(t, "core package-0") == (sum * 15625) >> 10);
	}
	assert_true(sum > 4ULL << 32);
	assert_int_equal(t->readings[tree_find(t, "core package-0")].epoch, 0);
	assert_string_equal(msr_state(t)->detail, "1 socket: package x1 core x1");
}

/* The machine slept and the cores' counters began anew: no energy, a new epoch. */
static void test_cores_after_sleep(void **state)
{
	struct tree *t = *state;
	u64 before_uj;

	make_amd(t);
	write_reg(t, 2, 0xc001029b, 800000);
	open_msr(t);
	tree_tick(t, 0);
	write_reg(t, 2, 0xc001029b, 800010);
	tree_tick(t, 0);
	before_uj = value_of(t, "core package-0");
	assert_true(before_uj == (10 * 256 * 15625) >> 10);
	write_reg(t, 2, 0xc001029b, 5);
	t->input.now_ns += 100 * NSEC_PER_SEC;
	tree_tick(t, 0);
	assert_true(value_of(t, "core package-0") == before_uj);
	assert_true(t->readings[tree_find(t, "core package-0")].epoch > 0);
}

/* A core that can't be read makes the sum too small: it does not read until the core is back. */
static void test_missing_core(void **state)
{
	struct tree *t = *state;
	char path[160], aside[160];

	make_amd(t);
	snprintf(path, sizeof(path), "%s/dev/cpu/2", t->dir);
	snprintf(aside, sizeof(aside), "%s/dev/cpu/away", t->dir);
	assert_int_equal(rename(path, aside), 0);
	open_msr(t);
	tree_tick(t, 0);
	assert_int_equal(tree_find(t, "core package-0"), UINT32_MAX);
	assert_true(tree_find(t, "pkg package-0") != UINT32_MAX);
	assert_int_equal(rename(aside, path), 0);
	for (u32 i = 1; i <= 10; i++) {
		for (u32 cpu = 0; cpu < 4; cpu++)
			write_reg(t, cpu, 0xc001029b, 1000 + i); /* moves the core's, too */
		tree_tick(t, 0);
	}
	assert_true(tree_find(t, "core package-0") != UINT32_MAX);
}

static void test_no_module(void **state)
{
	struct tree *t = *state;
	const struct meter_note *note;

	write_cpu(t, 0, 0, 0);
	write_online(t, "0");
	tree_write(t, "dev/cpu/0/cpuid", "%s", "");
	{
		char path[160];

		snprintf(path, sizeof(path), "%s/dev/cpu/0/msr", t->dir);
		assert_int_equal(unlink(path), 0);
	}
	open_msr(t);
	note = tree_note(t, METER_RAPL_MSR, "no-module");
	tree_tick(t, 0);
	note = tree_note(t, METER_RAPL_MSR, "no-module");
	assert_non_null(note);
	assert_non_null(strstr(note->remedy, "modprobe msr"));
	assert_null(tree_note(t, METER_RAPL_MSR, "side-channel"));
	assert_int_equal(msr_state(t)->status, METER_ABSENT);
}

static void denied_child(struct tree *t)
{
	const struct meter_note *note;

	if (geteuid() == 0 && seteuid(65534) < 0)
		_exit(2);
	open_msr(t);
	tree_tick(t, 0);
	note = tree_note(t, METER_RAPL_MSR, "denied");
	if (!note || !strstr(note->remedy, "CAP_SYS_RAWIO"))
		_exit(3);
	_exit(msr_state(t)->status == METER_DENIED ? 0 : 4);
}

static void test_denied(void **state)
{
	struct tree *t = *state;
	char path[160];
	int status;
	pid_t child;

	make_intel(t);
	assert_int_equal(chmod(t->dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/dev/cpu/0/msr", t->dir);
	assert_int_equal(chmod(path, geteuid() ? 0 : 0400), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		denied_child(t);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Not asked for: nothing is opened. A CPU of another kind has no such registers. */
static void test_opt_in(void **state)
{
	struct tree *t = *state;

	make_intel(t);
	tree_open(t);
	assert_false(msr_state(t)->enabled);
	t->set = meter_set_free(t->set);
	sysroot_deinit(&t->root);
	tree_write(t, "proc/cpuinfo", "CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n");
	open_msr(t);
	tree_tick(t, 0);
	assert_non_null(strstr(msr_state(t)->detail, "no RAPL registers"));
}

/* Units of the models that differ; the manuals and the kernel agree on them. */
static void test_units(void **state)
{
	static const struct {
		struct cpu_id id;
		enum power_domain domain;
		u64 power_unit;
		u64 modulus_uj;
	} cases[] = {
		{ { "GenuineIntel", 6, 0x3c, 0 }, DOMAIN_DRAM, UNIT_14, 262144000000 },
		{ { "GenuineIntel", 6, 0x3f, 0 }, DOMAIN_DRAM, UNIT_14, 65536000000 },
		{ { "GenuineIntel", 6, 0x4f, 0 }, DOMAIN_DRAM, UNIT_14, 65536000000 },
		{ { "GenuineIntel", 6, 0x55, 0 }, DOMAIN_DRAM, UNIT_14, 65536000000 },
		{ { "GenuineIntel", 6, 0x57, 0 }, DOMAIN_DRAM, UNIT_14, 65536000000 },
		{ { "GenuineIntel", 6, 0x6a, 0 }, DOMAIN_DRAM, UNIT_14, 65536000000 },
		{ { "GenuineIntel", 6, 0x6a, 0 }, DOMAIN_PACKAGE, UNIT_14, 262144000000 },
		{ { "GenuineIntel", 6, 0x8f, 0 }, DOMAIN_DRAM, UNIT_14, 262144000000 },
		{ { "GenuineIntel", 6, 0x8f, 0 }, DOMAIN_PLATFORM, UNIT_14, 4294967296000000 },
		{ { "GenuineIntel", 6, 0xcf, 0 }, DOMAIN_PLATFORM, UNIT_14, 4294967296000000 },
		{ { "GenuineIntel", 6, 0x2a, 0 }, DOMAIN_PACKAGE, UNIT_16, 65536000000 },
		/* Silvermont: bits 12:8 are 5, the step is 32 uJ. */
		{ { "GenuineIntel", 6, 0x37, 0 }, DOMAIN_PACKAGE, 0x505, 137438953472 },
		{ { "AuthenticAMD", 23, 0x3f, 0 }, DOMAIN_DRAM, UNIT_16, 65536000000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct msr_unit unit =
			msr_unit_find(&cases[i].id, cases[i].domain, cases[i].power_unit);

		assert_true(msr_unit_modulus_uj(&unit) == cases[i].modulus_uj);
		assert_true(msr_unit_uj(&unit, UINT32_MAX) < cases[i].modulus_uj);
	}
}

static void test_kinds(void **state)
{
	assert_int_equal(msr_kind_find(&(struct cpu_id){ "GenuineIntel", 6, 1, 0 })->unit_reg,
			 0x606);
	assert_null(msr_kind_find(&(struct cpu_id){ "GenuineIntel", 15, 1, 0 }));
	assert_int_equal(msr_kind_find(&(struct cpu_id){ "AuthenticAMD", 0x17, 1, 0 })->unit_reg,
			 0xc0010299);
	assert_non_null(msr_kind_find(&(struct cpu_id){ "HygonGenuine", 0x18, 1, 0 }));
	assert_null(msr_kind_find(&(struct cpu_id){ "AuthenticAMD", 0x15, 1, 0 }));
	assert_null(msr_kind_find(&(struct cpu_id){ "arm", 0x41, 1, 0 }));
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, tree_setup, tree_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TREE(test_intel),
		WITH_TREE(test_server_dram),
		WITH_TREE(test_wrap),
		WITH_TREE(test_registers_at_rest),
		WITH_TREE(test_faulting_register),
		WITH_TREE(test_cpu_leaves),
		WITH_TREE(test_amd),
		WITH_TREE(test_cores_after_sleep),
		WITH_TREE(test_missing_core),
		WITH_TREE(test_no_module),
		WITH_TREE(test_denied),
		WITH_TREE(test_opt_in),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests_name("meter/msr", tests, NULL, NULL);
}
