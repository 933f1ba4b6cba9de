// SPDX-License-Identifier: Apache-2.0
/*
 * The machine of these tests has no PMU "power". A tree that gives it the type of the kernel's
 * software events makes real calls to the real kernel, with the CPU's clock for energy: a
 * nanosecond is a nanojoule, so every CPU draws exactly 1 W, and the truth is the time that passed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tree.h"

#define DEVICES "sys/bus/event_source/devices"
#define CPUS "sys/devices/system/cpu"

/* What a clock of the kernel may be off against another while a call returns. */
#define SLACK_UJ 2000

/* What getrlimit() tells, or 0 for the truth; linked with --wrap. */
static rlim_t files_allowed;

int __real_getrlimit64(int resource, struct rlimit *limit);
int __wrap_getrlimit64(int resource, struct rlimit *limit);

int __wrap_getrlimit64(int resource, struct rlimit *limit)
{
	int r = __real_getrlimit64(resource, limit);

	if (r == 0 && files_allowed)
		limit->rlim_cur = files_allowed;
	return r;
}

/* What the next reads of an event yield in place of a count: -1 the truth, 0 nothing, or an errno.
 */
static int read_fault = -1;

ssize_t __real_read(int fd, void *buf, size_t size);
ssize_t __wrap_read(int fd, void *buf, size_t size);

ssize_t __wrap_read(int fd, void *buf, size_t size)
{
	if (read_fault < 0 || size != sizeof(u64))
		return __real_read(fd, buf, size);
	errno = read_fault;
	return read_fault ? -1 : 0;
}

static void write_event(const struct tree *t, const char *pmu, const char *name, u32 config)
{
	char path[160];

	snprintf(path, sizeof(path), DEVICES "/%s/events/%s", pmu, name);
	tree_write(t, path, "event=0x%02x\n", config);
	snprintf(path, sizeof(path), DEVICES "/%s/events/%s.unit", pmu, name);
	tree_write(t, path, "Joules\n");
	snprintf(path, sizeof(path), DEVICES "/%s/events/%s.scale", pmu, name);
	tree_write(t, path, "1e-9\n");
}

static void write_pmu(const struct tree *t, const char *pmu, const char *cpumask)
{
	char path[160];

	snprintf(path, sizeof(path), DEVICES "/%s/type", pmu);
	tree_write(t, path, "%d\n", PERF_TYPE_SOFTWARE);
	snprintf(path, sizeof(path), DEVICES "/%s/format/event", pmu);
	tree_write(t, path, "config:0-7\n");
	snprintf(path, sizeof(path), DEVICES "/%s/cpumask", pmu);
	tree_write(t, path, "%s\n", cpumask);
}

static void write_cpu(const struct tree *t, u32 cpu, u32 package, u32 die)
{
	char path[160];

	snprintf(path, sizeof(path), CPUS "/cpu%u/topology/physical_package_id", cpu);
	tree_write(t, path, "%u\n", package);
	snprintf(path, sizeof(path), CPUS "/cpu%u/topology/die_id", cpu);
	tree_write(t, path, "%u\n", die);
	snprintf(path, sizeof(path), CPUS "/cpu%u/topology/core_id", cpu);
	tree_write(t, path, "%u\n", cpu);
}

static bool may_count(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_CPU_CLOCK };
	long fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return false;
	close((int)fd);
	return true;
}

/* Only this meter; it is asked about everything. */
static void setup_meter(struct tree *t)
{
	if (!may_count() || sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("perf events of two CPUs can't be opened here\n");
		skip();
	}
	t->options = (struct meter_options){ .cpu = { 1, { METER_RAPL_PERF } },
					     .platform = { 1, { METER_PSYS } } };
}

static const struct meter_state *perf_state(const struct tree *t)
{
	return meter_set_state(t->set, METER_RAPL_PERF);
}

/* A zone's value and the time, before and after it was read. */
struct look {
	u64 before_ns, after_ns, uj;
};

static struct look look_at(struct tree *t, const char *name)
{
	struct look look = { .before_ns = clock_read_ns(CLOCK_MONOTONIC) };
	u32 zone;

	tree_tick(t, 0);
	look.after_ns = clock_read_ns(CLOCK_MONOTONIC);
	zone = tree_find(t, name);
	if (zone == UINT32_MAX)
		fail_msg("no zone \"%s\"", name);
	look.uj = t->readings[zone].value_uj;
	return look;
}

/* Between two looks @watts were drawn; the clock knows to what is between reading both. */
static void check_watts(const struct look *first, const struct look *second, u64 watts)
{
	u64 least_uj = (second->before_ns - first->after_ns) / 1000 * watts;
	u64 most_uj = (second->after_ns - first->before_ns) / 1000 * watts;
	u64 got_uj = second->uj - first->uj;

	if (got_uj + SLACK_UJ * watts < least_uj || got_uj > most_uj + SLACK_UJ * watts)
		fail_msg("%llu uJ, the clock says %llu to %llu", (unsigned long long)got_uj,
			 (unsigned long long)least_uj, (unsigned long long)most_uj);
}

static void test_one_watt(void **state)
{
	struct tree *t = *state;
	struct look first, second;
	const struct meter_zone *zone;

	setup_meter(t);
	write_pmu(t, "power", "0-1");
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_event(t, "power", "energy-ram", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	write_cpu(t, 1, 1, 0);
	tree_open(t);
	sysroot_deinit(&t->root);
	first = look_at(t, "energy-pkg package-1");
	usleep(100000);
	second = look_at(t, "energy-pkg package-1");
	check_watts(&first, &second, 1);
	assert_int_equal(t->count, 4);
	assert_int_equal(tree_count_ok(t), 4);
	zone = meter_set_zone(t->set, tree_find(t, "energy-ram package-1"));
	assert_int_equal(zone->domain, DOMAIN_DRAM);
	assert_int_equal(zone->quality, QUALITY_MEASURED);
	assert_string_equal(zone->package, "1");
	assert_true(zone->modulus_uj == 0);
	assert_string_equal(perf_state(t)->detail, "2 sockets: package x2 dram x2");
	assert_int_equal(perf_state(t)->notes, 0);
}

/* All domains; of psys the first socket's alone; on Intel each die counts for itself. */
static void test_domains_and_dies(void **state)
{
	struct tree *t = *state;
	static const struct {
		const char *name, *package;
		enum power_domain domain;
	} zones[] = {
		{ "energy-pkg package-0", "0", DOMAIN_PACKAGE },
		{ "energy-cores package-0", "0", DOMAIN_CORE },
		{ "energy-gpu package-0", "0", DOMAIN_UNCORE },
		{ "energy-psys", "psys", DOMAIN_PLATFORM },
		{ "energy-pkg package-0-die-1", "0", DOMAIN_PACKAGE },
	};

	setup_meter(t);
	write_pmu(t, "power", "0,1");
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_event(t, "power", "energy-cores", PERF_COUNT_SW_CPU_CLOCK);
	write_event(t, "power", "energy-gpu", PERF_COUNT_SW_CPU_CLOCK);
	write_event(t, "power", "energy-psys", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	write_cpu(t, 1, 0, 1);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 7);
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		const struct meter_zone *zone = meter_set_zone(t->set, tree_find(t, zones[i].name));

		assert_non_null(zone);
		assert_int_equal(zone->domain, zones[i].domain);
		assert_string_equal(zone->package, zones[i].package);
	}
	assert_string_equal(perf_state(t)->detail,
			    "1 socket: package x2 core x2 uncore x2 platform x1");
}

/* On AMD the dies of a socket share one counter, and cores have one each: they are added up. */
static void test_amd(void **state)
{
	struct tree *t = *state;
	struct look first, second;

	setup_meter(t);
	tree_cpu(t, "AuthenticAMD", 25, 17, "fpu");
	write_pmu(t, "power", "0-1");
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_pmu(t, "power_core", "0-1");
	write_event(t, "power_core", "energy-core", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	write_cpu(t, 1, 0, 1);
	tree_open(t);
	first = look_at(t, "energy-core package-0");
	usleep(100000);
	second = look_at(t, "energy-core package-0");
	check_watts(&first, &second, 2);
	assert_int_equal(t->count, 2);
	assert_string_equal(perf_state(t)->detail, "1 socket: package x1 core x1");
}

/* The CPU that was asked leaves the mask, another one of its socket takes over: nothing is lost. */
static void test_cpu_leaves(void **state)
{
	struct tree *t = *state;
	struct look first, second;

	setup_meter(t);
	write_pmu(t, "power", "0");
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	write_cpu(t, 1, 0, 0);
	tree_open(t);
	first = look_at(t, "energy-pkg package-0");
	for (int i = 0; i < 6; i++) {
		usleep(10000);
		tree_write(t, DEVICES "/power/cpumask", i % 2 ? "0\n" : "1\n");
		second = look_at(t, "energy-pkg package-0");
	}
	check_watts(&first, &second, 1);
	assert_int_equal(t->count, 1);
	assert_int_equal(t->readings[0].epoch, 0);
}

/* The last CPU of a socket goes: its zone is absent, the other goes on; it comes back. */
static void test_socket_leaves(void **state)
{
	struct tree *t = *state;
	u64 before_uj;

	setup_meter(t);
	write_pmu(t, "power", "0-1");
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_event(t, "power", "energy-psys", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	write_cpu(t, 1, 1, 0);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 3);
	assert_non_null(tree_note(t, METER_RAPL_PERF, "psys"));
	tree_write(t, DEVICES "/power/cpumask", "1\n");
	tree_tick(t, 0);
	/* psys goes on through the other socket. */
	assert_int_equal(tree_count_ok(t), 2);
	assert_int_equal(tree_find(t, "energy-pkg package-0"), UINT32_MAX);
	before_uj = meter_set_raw(t->set, 0, NULL)->value_uj;
	tree_write(t, DEVICES "/power/cpumask", "0-1\n");
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 3);
	/* What the socket did meanwhile nobody counted. */
	assert_in_range(t->readings[0].value_uj, before_uj, before_uj + 10 * SLACK_UJ);
}

/* An error passes; an event that the kernel gave up is opened anew. Neither loses what was counted.
 */
static void test_faults(void **state)
{
	struct tree *t = *state;
	struct look first, second;

	setup_meter(t);
	write_pmu(t, "power", "0");
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	tree_open(t);
	first = look_at(t, "energy-pkg package-0");
	read_fault = EIO;
	tree_tick(t, 0);
	read_fault = -1;
	assert_int_equal(t->readings[0].status, METER_ERROR);
	usleep(50000);
	second = look_at(t, "energy-pkg package-0");
	check_watts(&first, &second, 1);
	read_fault = 0;
	tree_tick(t, 0);
	read_fault = -1;
	assert_int_equal(t->readings[0].status, METER_ABSENT);
	for (int i = 0; i < 5; i++)
		tree_tick(t, 0);
	first = look_at(t, "energy-pkg package-0");
	assert_true(first.uj >= second.uj);
	assert_int_equal(t->readings[0].epoch, 0);
	usleep(50000);
	second = look_at(t, "energy-pkg package-0");
	check_watts(&first, &second, 1);
}

/* The mask can't be read any more: the driver is gone, and its zone is. It comes back. */
static void test_driver_goes(void **state)
{
	struct tree *t = *state;

	setup_meter(t);
	write_pmu(t, "power", "0");
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 1);
	tree_write(t, DEVICES "/power/cpumask", "%s", "");
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 0);
	write_pmu(t, "power", "0");
	for (int i = 0; i < 5; i++)
		tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 1);
	assert_int_equal(t->count, 1);
}

/* The driver is loaded after the start. */
static void test_loaded_later(void **state)
{
	struct tree *t = *state;

	setup_meter(t);
	tree_open(t);
	assert_non_null(strstr(perf_state(t)->detail, "modprobe rapl"));
	assert_int_equal(perf_state(t)->status, METER_ABSENT);
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	write_pmu(t, "power", "0");
	for (int i = 0; i < 60; i++)
		tree_tick(t, 0);
	assert_true(tree_find(t, "energy-pkg package-0") != UINT32_MAX);
	assert_string_equal(perf_state(t)->detail, "1 socket: package x1");
}

/* The kernel leaves out events whose registers read 0: of some virtual machines all. */
static void test_no_events(void **state)
{
	struct tree *t = *state;

	setup_meter(t);
	write_pmu(t, "power", "0");
	write_cpu(t, 0, 0, 0);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(perf_state(t)->zones, 0);
	assert_non_null(strstr(perf_state(t)->detail, "no energy events"));
}

/* Descriptions that can't be understood cost their own event, and are told. */
static void test_strange_events(void **state)
{
	struct tree *t = *state;

	setup_meter(t);
	write_pmu(t, "power", "0");
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_event(t, "power", "energy-cores", PERF_COUNT_SW_CPU_CLOCK);
	write_event(t, "power", "energy-ram", PERF_COUNT_SW_CPU_CLOCK);
	write_event(t, "power", "energy-gpu", PERF_COUNT_SW_CPU_CLOCK);
	tree_write(t, DEVICES "/power/events/energy-cores.scale", "zero\n");
	tree_write(t, DEVICES "/power/events/energy-ram.unit", "MiB\n");
	tree_write(t, DEVICES "/power/events/energy-gpu", "event=0x02,umask=0x01\n");
	write_cpu(t, 0, 0, 0);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 1);
	assert_non_null(strstr(tree_note(t, METER_RAPL_PERF, "unknown-event")->text, "3 events"));
}

/* A PMU that the kernel does not have (any more). */
static void test_cannot_be_opened(void **state)
{
	struct tree *t = *state;

	setup_meter(t);
	write_pmu(t, "power", "0");
	tree_write(t, DEVICES "/power/type", "4000000\n");
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	tree_open(t);
	tree_tick(t, 0);
	assert_int_equal(perf_state(t)->status, METER_ABSENT);
	assert_int_equal(perf_state(t)->zones, 1);
	assert_non_null(tree_note(t, METER_RAPL_PERF, "not-opened"));
	/* The estimate stands in. */
	assert_true(meter_set_state(t->set, METER_EMBEDDED)->used);
}

/* Returns what went wrong, as the exit status of a process of its own. */
static int denied_child(struct tree *t)
{
	const struct meter_note *note;

	if (geteuid() == 0 && seteuid(65534) < 0)
		return 2;
	/* Some machines let everybody. */
	if (may_count())
		return 0;
	tree_open(t);
	tree_tick(t, 0);
	note = tree_note(t, METER_RAPL_PERF, "denied");
	if (perf_state(t)->status != METER_DENIED || !note)
		return 3;
	if (!strstr(note->text, "kernel.perf_event_paranoid is 7") ||
	    !strstr(note->remedy, "CAP_PERFMON"))
		return 4;
	return meter_set_state(t->set, METER_EMBEDDED)->used ? 0 : 5;
}

static void test_denied(void **state)
{
	struct tree *t = *state;
	int status;
	pid_t child;

	setup_meter(t);
	write_pmu(t, "power", "0");
	write_event(t, "power", "energy-pkg", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	tree_write(t, "proc/sys/kernel/perf_event_paranoid", "7\n");
	assert_int_equal(chmod(t->dir, 0755), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(denied_child(t));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Half of 12 files may be events: a core domain that lacks cores is no sum, and is left out. */
static void test_crowded(void **state)
{
	struct tree *t = *state;
	static const char *const names[] = { "energy-pkg", "energy-cores", "energy-gpu",
					     "energy-ram", "energy-psys" };

	setup_meter(t);
	tree_cpu(t, "AuthenticAMD", 25, 17, "fpu");
	write_pmu(t, "power", "0");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		write_event(t, "power", names[i], PERF_COUNT_SW_CPU_CLOCK);
	write_pmu(t, "power_core", "0-1");
	write_event(t, "power_core", "energy-core", PERF_COUNT_SW_CPU_CLOCK);
	write_cpu(t, 0, 0, 0);
	write_cpu(t, 1, 0, 0);
	files_allowed = 12;
	tree_open(t);
	files_allowed = 0;
	tree_tick(t, 0);
	assert_int_equal(tree_count_ok(t), 5);
	assert_int_equal(tree_find(t, "energy-core package-0"), UINT32_MAX);
	assert_non_null(strstr(tree_note(t, METER_RAPL_PERF, "open-files")->remedy, "LimitNOFILE"));
}

/* As the psys of some virtual machines: an event that exists and never counts. */
static void test_dead(void **state)
{
	struct tree *t = *state;

	setup_meter(t);
	write_pmu(t, "power", "0");
	write_event(t, "power", "energy-psys", PERF_COUNT_SW_EMULATION_FAULTS);
	write_cpu(t, 0, 0, 0);
	tree_open(t);
	for (int i = 0; i < 10; i++)
		tree_tick(t, NSEC_PER_SEC);
	assert_int_equal(perf_state(t)->status, METER_DEAD);
	assert_false(perf_state(t)->used);
	assert_true(meter_set_state(t->set, METER_EMBEDDED)->used);
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, tree_setup, tree_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TREE(test_one_watt),
		WITH_TREE(test_domains_and_dies),
		WITH_TREE(test_amd),
		WITH_TREE(test_cpu_leaves),
		WITH_TREE(test_socket_leaves),
		WITH_TREE(test_faults),
		WITH_TREE(test_driver_goes),
		WITH_TREE(test_loaded_later),
		WITH_TREE(test_no_events),
		WITH_TREE(test_strange_events),
		WITH_TREE(test_cannot_be_opened),
		WITH_TREE(test_denied),
		WITH_TREE(test_crowded),
		WITH_TREE(test_dead),
	};

	return cmocka_run_group_tests_name("meter/perf", tests, NULL, NULL);
}
