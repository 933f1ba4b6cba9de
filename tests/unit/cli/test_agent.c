// SPDX-License-Identifier: Apache-2.0
/* The agent over a machine of files whose energy the test knows: faults of meters, and the books.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/agent.h"

#define ZONE "class/powercap/intel-rapl:0"
#define PSYS "class/powercap/intel-rapl:1"
/* A counter that reads 0 is not believed. */
#define START_UJ 12345
#define RANGE_UJ 262143328850ULL

struct machine_of_files {
	char dir[64];
	struct sysroot root;
	struct agent *agent;
};

static void write_file(const struct machine_of_files *m, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", m->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_zone(const struct machine_of_files *m, const char *zone, const char *name)
{
	char path[256], text[32];

	snprintf(path, sizeof(path), "%s/%s", m->dir, zone);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/name", zone);
	write_file(m, path, name);
	snprintf(path, sizeof(path), "%s/max_energy_range_uj", zone);
	snprintf(text, sizeof(text), "%llu\n", RANGE_UJ);
	write_file(m, path, text);
}

/* What a zone has counted since the start; broken: something that is no number. */
static void set_energy(const struct machine_of_files *m, const char *zone, u64 uj, bool broken)
{
	char path[256], text[32];

	snprintf(path, sizeof(path), "%s/energy_uj", zone);
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)(uj + START_UJ));
	write_file(m, path, broken ? "?\n" : text);
}

static int setup(void **state)
{
	static struct machine_of_files m;
	const struct agent_options options = { .meter = meter_options_default(),
					       .max_series = 100000,
					       .retention_ns = NSEC_PER_SEC };
	const char *what;
	char path[128];

	m = (struct machine_of_files){ .dir = "/tmp/kepler-agent-XXXXXX", .root = SYSROOT_NULL };
	if (!mkdtemp(m.dir))
		return -1;
	snprintf(path, sizeof(path), "%s/class", m.dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/class/powercap", m.dir);
	mkdir(path, 0755);
	make_zone(&m, ZONE, "package-0\n");
	make_zone(&m, PSYS, "psys\n");
	set_energy(&m, ZONE, 0, false);
	set_energy(&m, PSYS, 0, false);
	if (sysroot_init(&m.root, "/proc", m.dir, &what) < 0 ||
	    agent_new(&m.root, &options, &m.agent, &what) < 0)
		return -1;
	*state = &m;
	return agent_start(m.agent);
}

static int teardown(void **state)
{
	struct machine_of_files *m = *state;
	char command[128];

	agent_free(m->agent);
	sysroot_deinit(&m->root);
	snprintf(command, sizeof(command), "rm -r %s", m->dir);
	return system(command);
}

/* Joules of a domain after a tick. */
static u64 next_uj(struct machine_of_files *m, enum power_domain domain)
{
	const struct snapshot *snapshot;
	u64 uj;

	usleep(60000);
	assert_int_equal(agent_tick(m->agent), 0);
	snapshot = snapshot_box_get(agent_box(m->agent));
	assert_non_null(snapshot);
	uj = snapshot->domain[domain].node_uj[MODE_DYNAMIC] +
	     snapshot->domain[domain].node_uj[MODE_IDLE];
	snapshot_unref(snapshot);
	return uj;
}

/* The same where package shows this value and psys half as much again. */
static u64 tick_uj(struct machine_of_files *m, u64 package_uj, bool broken,
		   enum power_domain domain)
{
	set_energy(m, ZONE, package_uj, broken);
	set_energy(m, PSYS, package_uj * 3 / 2, false);
	return next_uj(m, domain);
}

/* A counter that could not be read for a while went on meanwhile: no joule is lost, none told
 * twice. */
static void test_failed_read_loses_nothing(void **state)
{
	struct machine_of_files *m = *state;

	assert_int_equal(tick_uj(m, 1000000, false, DOMAIN_PACKAGE), 1000000);
	assert_int_equal(tick_uj(m, 2000000, true, DOMAIN_PACKAGE), 1000000);
	assert_int_equal(tick_uj(m, 3000000, true, DOMAIN_PACKAGE), 1000000);
	assert_int_equal(tick_uj(m, 4000000, false, DOMAIN_PACKAGE), 4000000);
}

/* `other` is platform less package over all the time, also when package was late. */
static void test_other_evens_out(void **state)
{
	struct machine_of_files *m = *state;
	u64 other_uj = 0;

	tick_uj(m, 1000000, false, DOMAIN_PACKAGE);
	tick_uj(m, 2000000, true, DOMAIN_PACKAGE);
	for (u64 uj = 3000000; uj <= 8000000; uj += 1000000)
		other_uj = tick_uj(m, uj, false, DOMAIN_OTHER);
	assert_int_equal(other_uj, 4000000);
}

/* A counter that was restarted tells nothing of the time before: `other` makes nothing of it. */
static void test_other_after_a_restart(void **state)
{
	struct machine_of_files *m = *state;

	tick_uj(m, 10000000, false, DOMAIN_PACKAGE);
	assert_int_equal(tick_uj(m, 20000000, false, DOMAIN_OTHER), 10000000);
	set_energy(m, ZONE, 1000000, false);
	set_energy(m, PSYS, 33000000, false);
	assert_int_equal(next_uj(m, DOMAIN_OTHER), 10000000);
	set_energy(m, ZONE, 2000000, false);
	set_energy(m, PSYS, 34500000, false);
	assert_int_equal(next_uj(m, DOMAIN_OTHER), 10500000);
}

/* A domain whose meter went keeps its account in sight, and nothing is invented meanwhile. */
static void test_account_outlives_its_meter(void **state)
{
	struct machine_of_files *m = *state;
	const struct snapshot *snapshot;

	tick_uj(m, 5000000, false, DOMAIN_PACKAGE);
	assert_int_equal(tick_uj(m, 6000000, true, DOMAIN_PACKAGE), 5000000);
	snapshot = snapshot_box_get(agent_box(m->agent));
	assert_true(snapshot->domain[DOMAIN_PACKAGE].present);
	assert_false(snapshot->domain[DOMAIN_PACKAGE].live);
	assert_int_equal(snapshot->domain[DOMAIN_PACKAGE].power_uw, 0);
	snapshot_unref(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_failed_read_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_evens_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_account_outlives_its_meter, setup, teardown),
	};

	return cmocka_run_group_tests_name("cli/agent", tests, NULL, NULL);
}
