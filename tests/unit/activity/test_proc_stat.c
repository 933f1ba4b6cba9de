// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "activity/proc_stat.h"
#include "base/sysroot.h"

#define TICK_NS 10000000ULL

static void test_cpu_times(void **state)
{
	static const char text[] = "cpu  1 2 3 4 5 60 70 80 9 10\n"
				   "cpu0 1 2 3 4 5 6 7 8 9 10\n"
				   "cpu7 1 2 3 4 5 6 7 8 9 10\n"
				   "intr 123 4 5 6\nctxt 7\nbtime 8\n";
	struct proc_stat stat;

	assert_int_equal(proc_stat_parse(text, &stat), 0);
	assert_int_equal(stat.cpus, 2);
	assert_int_equal(stat.irq_ns, 60 * TICK_NS);
	assert_int_equal(stat.softirq_ns, 70 * TICK_NS);
	assert_int_equal(stat.steal_ns, 80 * TICK_NS);
}

static void test_broken_cpu_times(void **state)
{
	static const char *const broken[] = { "",
					      "\n",
					      "cpu",
					      "cpu  1 2 3 4 5 6 7\n",
					      "cpu 1 2 3 4 5 6 7 8\n",
					      "intr 1 2 3\n",
					      "cpu  a b c d e f g h\ncpu0 1\n" };
	struct proc_stat stat = { .cpus = 4711 };

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_int_not_equal(proc_stat_parse(broken[i], &stat), 0);
	assert_int_equal(stat.cpus, 4711);
}

/* A line of /proc/PID/stat around a command. */
static void check_comm(const char *comm, const char *want)
{
	struct proc_pid_stat stat;
	char text[512];

	snprintf(text, sizeof(text),
		 "42 (%s) R 1 42 42 0 -1 4194560 100 200 3 4 12 30 5 6 20 0 1 0 7777 1000 10 184\n",
		 comm);
	assert_int_equal(proc_pid_stat_parse(text, &stat), 0);
	assert_string_equal(stat.comm, want);
	assert_int_equal(stat.cpu_ns, 42 * TICK_NS);
	assert_int_equal(stat.start_ns, 7777 * TICK_NS);
	assert_false(stat.kthread);
	assert_false(stat.zombie);
}

static void test_hostile_commands(void **state)
{
	check_comm("cat", "cat");
	check_comm("", "");
	check_comm(") Z 9 9 9", ") Z 9 9 9");
	check_comm("((()))", "((()))");
	check_comm("a) S 1 2 3 (b", "a) S 1 2 3 (b");
	check_comm("new\nline) Z 1", "new\nline) Z 1");
	check_comm("%s%n", "%s%n");
	check_comm("\xff\xfe\x01\x7f", "\xff\xfe\x01\x7f");
	/* kernel threads have longer ones */
	check_comm("kworker/u4:3-events_unbound", "kworker/u4:3-ev");
}

static void test_kinds(void **state)
{
	struct proc_pid_stat stat;

	assert_int_equal(
		proc_pid_stat_parse(
			"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 7 0 0 20 0 1 0 3 0", &stat),
		0);
	assert_true(stat.kthread);
	assert_int_equal(stat.cpu_ns, 7 * TICK_NS);
	assert_int_equal(
		proc_pid_stat_parse("9 (x) Z 1 9 9 0 -1 4 0 0 0 0 1 2 0 0 20 0 1 0 3 0", &stat), 0);
	assert_true(stat.zombie);
	assert_false(stat.kthread);
}

static void test_broken_processes(void **state)
{
	static const char *const broken[] = {
		"",
		"42",
		"42 (cat",
		"42 cat)",
		"42 )cat( R 1 2 3",
		"42 (cat) R 1 42 42 0 -1 4194560 100 200 3 4 12 30 5 6 20 0 1 0",
		"42 (cat) R 1 42 42 0 -1 x 100 200 3 4 12 30 5 6 20 0 1 0 7777",
	};
	struct proc_pid_stat stat;

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_int_not_equal(proc_pid_stat_parse(broken[i], &stat), 0);
}

/* What the kernel says of this very process, under a name that tries to be a zombie's. */
static void test_own_process(void **state)
{
	struct sysroot root = SYSROOT_NULL;
	struct proc_pid_stat stat;
	char text[4096];
	const char *which;

	assert_int_equal(sysroot_init(&root, "/proc", "/sys", &which), 0);
	assert_int_equal(prctl(PR_SET_NAME, "a) Z 1 (\n)"), 0);
	assert_true(sysroot_read_text(root.proc_fd, "self/stat", text, sizeof(text)) > 0);
	assert_int_equal(proc_pid_stat_parse(text, &stat), 0);
	assert_string_equal(stat.comm, "a) Z 1 (\n)");
	assert_false(stat.zombie);
	assert_true(stat.start_ns > 0);
	sysroot_deinit(&root);
}

struct cgroup_case {
	const char *text;
	const char *unified;
	const char *cpuacct;
};

static void test_cgroups(void **state)
{
	static const struct cgroup_case cases[] = {
		{ "", "", "" },
		/* pure v2 */
		{ "0::/system.slice/cron.service\n", "/system.slice/cron.service", "" },
		{ "0::/", "/", "" },
		/* pure v1, controllers in any order and company */
		{ "12:cpu,cpuacct:/docker/abc\n3:memory:/docker/m\n1:name=systemd:/docker/s\n", "",
		  "/docker/abc" },
		{ "2:cpuacct:/a\n1:cpu:/b\n", "", "/a" },
		{ "2:cpuacct,cpu:/a\n", "", "/a" },
		{ "2:xcpuacct,cpuacctx:/no\n5:cpu:/no\n", "", "" },
		/* hybrid */
		{ "4:cpuset:/c\n2:cpuacct:/k/a\n1:name=systemd:/s\n0::/unified/u\n", "/unified/u",
		  "/k/a" },
		/* paths with colons, spaces and the names of controllers in them */
		{ "2:cpuacct:/a:b::c\n0::/d:e::f\n", "/d:e::f", "/a:b::c" },
		{ "3:memory:/:cpuacct:/no\n0::/x y\n", "/x y", "" },
		/* broken lines cost nobody else anything */
		{ "\n\nnonsense\n0::/u\n:\n5\n2:cpuacct:/a", "/u", "/a" },
		{ "2:cpuacct\n0::/u\n", "/u", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char unified[64], cpuacct[64];

		proc_pid_cgroup_parse(cases[i].text, unified, cpuacct, sizeof(unified));
		assert_string_equal(unified, cases[i].unified);
		assert_string_equal(cpuacct, cases[i].cpuacct);
	}
}

static void test_long_cgroup_is_cut(void **state)
{
	char unified[8], cpuacct[8];

	proc_pid_cgroup_parse("0::/123456789\n2:cpuacct:/abcdefghi\n", unified, cpuacct,
			      sizeof(unified));
	assert_string_equal(unified, "/123456");
	assert_string_equal(cpuacct, "/abcdef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_times),        cmocka_unit_test(test_broken_cpu_times),
		cmocka_unit_test(test_hostile_commands), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_broken_processes), cmocka_unit_test(test_own_process),
		cmocka_unit_test(test_cgroups),          cmocka_unit_test(test_long_cgroup_is_cut),
	};

	return cmocka_run_group_tests_name("activity/proc_stat", tests, NULL, NULL);
}
