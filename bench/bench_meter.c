// SPDX-License-Identifier: Apache-2.0
/*
 * bench_meter ROUNDS: CPU time of a full pass of the meters over a machine of two sockets, and of
 * bare preads of the files that the pass reads, in turns and with caches made cold. The counters
 * are files of a tmpfs: reading the hardware's would cost both the same and hide what we add.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "measure.h"
#include "meter/meter.h"

#define ROUNDS_MAX 1000
#define WARM_ROUNDS 20

static const struct {
	const char *dir, *name;
} zones[] = {
	{ "intel-rapl:0", "package-0" }, { "intel-rapl:0:0", "core" },
	{ "intel-rapl:0:1", "uncore" },  { "intel-rapl:0:2", "dram" },
	{ "intel-rapl:1", "package-1" }, { "intel-rapl:1:0", "core" },
	{ "intel-rapl:1:1", "uncore" },  { "intel-rapl:1:2", "dram" },
	{ "intel-rapl:2", "psys" },
};

#define ZONES ARRAY_SIZE(zones)

enum subject {
	PASS,
	BARE,
	SUBJECTS,
};

struct bench {
	char dir[64];
	struct sysroot root;
	struct meter_set *set;
	struct meter_input input;
	int write_fd[ZONES], read_fd[ZONES];
	u64 energy_uj[ZONES];
	u64 sample[SUBJECTS][ROUNDS_MAX]; /* ns */
};

static struct bench bench = { .root = SYSROOT_NULL };

/* Makes the directories above @path, a path below the tree, and writes the file. */
static void write_file(const char *path, const char *text)
{
	char full[256];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", bench.dir, path);
	for (char *c = full + strlen(bench.dir) + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (mkdir(full, 0700) < 0 && errno != EEXIST)
			measure_die(full, errno);
		*c = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		measure_die(full, errno);
	close(fd);
}

static void make_zone(u32 zone)
{
	char path[192], full[256];

	snprintf(path, sizeof(path), "sys/class/powercap/%s/name", zones[zone].dir);
	write_file(path, zones[zone].name);
	snprintf(path, sizeof(path), "sys/class/powercap/%s/max_energy_range_uj", zones[zone].dir);
	write_file(path, "262143328850\n");
	snprintf(path, sizeof(path), "sys/class/powercap/%s/energy_uj", zones[zone].dir);
	write_file(path, "0\n");
	snprintf(full, sizeof(full), "%s/%s", bench.dir, path);
	bench.write_fd[zone] = open(full, O_WRONLY | O_CLOEXEC);
	bench.read_fd[zone] = open(full, O_RDONLY | O_CLOEXEC);
	if (bench.write_fd[zone] < 0 || bench.read_fd[zone] < 0)
		measure_die(full, errno);
	bench.energy_uj[zone] = (zone + 1) * 1000 * UJ_PER_J;
}

/* A second of work: every counter has moved. */
static void pass_time(void)
{
	char text[32];

	for (u32 i = 0; i < ZONES; i++) {
		int len;

		/* psys, the last, is more than the packages. */
		bench.energy_uj[i] += (i + 1 < ZONES ? i + 50 : 200) * UJ_PER_J;
		len = snprintf(text, sizeof(text), "%" PRIu64 "\n", bench.energy_uj[i]);
		if (pwrite(bench.write_fd[i], text, (size_t)len, 0) != len)
			measure_die("write a counter", errno);
	}
	bench.input.now_ns += NSEC_PER_SEC;
	bench.input.awake_ns += NSEC_PER_SEC;
	bench.input.run_ns += NSEC_PER_SEC;
}

static void run_pass(void)
{
	struct meter_reading readings[METER_ZONES_MAX];
	u32 ok = 0, count = meter_set_read(bench.set, &bench.input, readings);

	for (u32 i = 0; i < count; i++)
		ok += readings[i].status == METER_OK;
	if (ok != ZONES) {
		fprintf(stderr, "%u zones of %zu read well\n", ok, ZONES);
		exit(1);
	}
}

static void run_bare(void)
{
	char text[64];

	for (u32 i = 0; i < ZONES; i++) {
		if (pread(bench.read_fd[i], text, sizeof(text), 0) <= 0)
			measure_die("read a counter", errno);
	}
}

static u64 measure(void (*run)(void))
{
	u64 begin_ns;

	measure_chill();
	begin_ns = measure_cpu_ns();
	run();
	return measure_cpu_ns() - begin_ns;
}

static void measure_round(u32 round)
{
	pass_time();
	if (round % 2)
		bench.sample[BARE][round] = measure(run_bare);
	bench.sample[PASS][round] = measure(run_pass);
	if (round % 2 == 0)
		bench.sample[BARE][round] = measure(run_bare);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static void remove_tree(void)
{
	nftw(bench.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void open_machine(void)
{
	struct meter_options options = meter_options_default();
	char proc[80], sys[80], dev[80];
	const char *which;
	int r;

	snprintf(bench.dir, sizeof(bench.dir), "/dev/shm/kepler-bench-XXXXXX");
	if (!mkdtemp(bench.dir))
		measure_die("make a directory in /dev/shm", errno);
	atexit(remove_tree);
	write_file("proc/cpuinfo",
		   "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 106\n\n");
	for (u32 i = 0; i < ZONES; i++)
		make_zone(i);
	snprintf(proc, sizeof(proc), "%s/proc", bench.dir);
	snprintf(sys, sizeof(sys), "%s/sys", bench.dir);
	snprintf(dev, sizeof(dev), "%s/dev", bench.dir);
	r = sysroot_init(&bench.root, proc, sys, &which);
	if (r < 0)
		measure_die(which, -r);
	sysroot_set_dev(&bench.root, dev);
	bench.input = (struct meter_input){ .now_ns = clock_boot_ns(),
					    .awake_ns = clock_boot_ns(),
					    .cpus = 64 };
	r = meter_set_new(&bench.root, &options, &bench.set);
	if (r < 0)
		measure_die("open the meters", -r);
}

int main(int argc, char **argv)
{
	u32 rounds = argc > 1 ? (u32)atoi(argv[1]) : 0;
	u64 ratio[ROUNDS_MAX];

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "bench_meter ROUNDS: 1 to %d\n", ROUNDS_MAX);
		return 2;
	}
	open_machine();
	for (u32 i = 0; i < WARM_ROUNDS; i++)
		measure_round(0);
	for (u32 i = 0; i < rounds; i++)
		measure_round(i);
	for (u32 i = 0; i < rounds; i++)
		ratio[i] = bench.sample[PASS][i] * 1000 / u64_max(bench.sample[BARE][i], 1);
	printf("{\"pass_ns\": %" PRIu64 ", \"bare_ns\": %" PRIu64
	       ", \"ratio\": %.3f, \"zones\": %zu}\n",
	       measure_median(bench.sample[PASS], rounds),
	       measure_median(bench.sample[BARE], rounds),
	       (double)measure_median(ratio, rounds) / 1e3, ZONES);
	meter_set_free(bench.set);
	sysroot_deinit(&bench.root);
	return 0;
}
