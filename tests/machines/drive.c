// SPDX-License-Identifier: Apache-2.0
/*
 * Reads the meters of a tree with made-up clocks, for test_machines.py, which moves the counters
 * between two reads. Arguments are those of `kepler doctor`. Each line of standard input is a step:
 *
 *   tick NS RUN_NS   lets so much time and CPU time pass, reads all meters, prints one line per
 * zone (index, status, value, epoch, modulus) and then "end" report           prints the JSON of
 * `kepler doctor`, without what takes two looks
 *
 * A perf event is the file perf/TYPE/CONFIG/CPU of the tree, which holds its 64-bit count.
 *
 * Time stands still within a tick, also for the threads of slow meters: their readings are as exact
 * as those of the others, and the tick waits for them.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/options.h"
#include "meter/cpu_model.h"

/* Far enough ahead of the real clock that nobody's deadline has passed already. */
#define AHEAD_NS (100000 * NSEC_PER_SEC)

int __real_clock_gettime(clockid_t id, struct timespec *time);
int __wrap_clock_gettime(clockid_t id, struct timespec *time);

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
ssize_t __real_read(int fd, void *buf, size_t size);
ssize_t __wrap_read(int fd, void *buf, size_t size);
int __real_close(int fd);
int __wrap_close(int fd);

#define FDS_MAX 4096

static _Atomic u64 made_up_ns;

int __wrap_clock_gettime(clockid_t id, struct timespec *time)
{
	u64 ns = made_up_ns;

	if (id != CLOCK_BOOTTIME && id != CLOCK_MONOTONIC)
		return __real_clock_gettime(id, time);
	*time = (struct timespec){ .tv_sec = (time_t)(ns / NSEC_PER_SEC),
				   .tv_nsec = (long)(ns % NSEC_PER_SEC) };
	return 0;
}

static bool is_event[FDS_MAX];
static char tree[256]; /* where sys/ and perf/ are */

static long open_event(const struct perf_event_attr *attr, int cpu)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/perf/%u/%llu/%d", tree, attr->type,
		 (unsigned long long)attr->config, cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fd < FDS_MAX)
		is_event[fd] = true;
	return fd;
}

long __wrap_syscall(long number, ...)
{
	long argument[6];
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < ARRAY_SIZE(argument); i++)
		argument[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_perf_event_open)
		return open_event((const struct perf_event_attr *)argument[0], (int)argument[2]);
	return __real_syscall(number, argument[0], argument[1], argument[2], argument[3],
			      argument[4], argument[5]);
}

/* An event has no position: each read has its count. */
ssize_t __wrap_read(int fd, void *buf, size_t size)
{
	if (fd >= 0 && fd < FDS_MAX && is_event[fd])
		return pread(fd, buf, size, 0);
	return __real_read(fd, buf, size);
}

int __wrap_close(int fd)
{
	if (fd >= 0 && fd < FDS_MAX)
		is_event[fd] = false;
	return __real_close(fd);
}

struct drive {
	struct config config;
	struct sysroot root;
	struct doctor doctor;
	struct meter_input input;
	struct meter_reading reading[METER_ZONES_MAX];
};

static void tick(struct drive *drive, u64 ns, u64 run_ns)
{
	made_up_ns += ns;
	drive->input.now_ns = drive->input.awake_ns = made_up_ns;
	drive->input.run_ns += run_ns;
	meter_set_kick(drive->doctor.set);
	drive->doctor.zones = meter_set_read(drive->doctor.set, &drive->input, drive->reading);
	for (u32 z = 0; z < drive->doctor.zones; z++) {
		const struct meter_reading *r = &drive->reading[z];

		printf("%u %s %" PRIu64 " %u %" PRIu64 "\n", z, meter_status_name(r->status),
		       r->value_uj, r->epoch, meter_set_zone(drive->doctor.set, z)->modulus_uj);
	}
	printf("end\n");
}

static void report(struct drive *drive)
{
	struct doctor *doctor = &drive->doctor;

	doctor->meters = 0;
	for (u32 z = 0; z < doctor->zones; z++) {
		struct doctor_zone *zone = &doctor->zone[z];

		zone->zone = meter_set_zone(doctor->set, z);
		zone->status = meter_set_raw(doctor->set, z, &zone->left_out)->status;
		zone->used = drive->reading[z].status == METER_OK;
		if (zone->status == METER_OK && drive->reading[z].status != METER_ABSENT)
			zone->status = drive->reading[z].status;
	}
	for (const struct meter_state *s; (s = meter_set_state(doctor->set, doctor->meters));) {
		doctor->meter[doctor->meters].state = s;
		doctor->meter[doctor->meters++].waiting = s->waiting;
	}
	memset(&doctor->verdict, 0, sizeof(doctor->verdict));
	doctor_judge(doctor);
	doctor_print_json(stdout, doctor);
	printf("end\n");
}

static int open_tree(struct drive *drive, int argc, char **argv)
{
	char *const none[] = { NULL };
	struct config_error error;
	struct meter_options options;
	const char *which = "";

	if (config_load(&drive->config, argc, argv, none, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return -1;
	}
	if (options_root(&drive->config, &drive->root, &which) < 0) {
		fprintf(stderr, "no %s\n", which);
		return -1;
	}
	snprintf(tree, sizeof(tree), "%.240s/..", drive->config.host_sysfs);
	options_meter(&drive->config, &options);
	drive->doctor.cpu = cpu_model_read(&drive->root)->name;
	return meter_set_new(&drive->root, &options, &drive->doctor.set);
}

int main(int argc, char **argv)
{
	static struct drive drive = { .input.cpus = 4 };
	struct timespec now;
	char line[128];
	u64 ns, run_ns;

	__real_clock_gettime(CLOCK_MONOTONIC, &now);
	made_up_ns = (u64)now.tv_sec * NSEC_PER_SEC + AHEAD_NS;
	if (open_tree(&drive, argc - 1, argv + 1) < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "tick %" SCNu64 " %" SCNu64, &ns, &run_ns) == 2)
			tick(&drive, ns, run_ns);
		else if (strcmp(line, "report\n") == 0)
			report(&drive);
		else
			return 1;
		fflush(stdout);
	}
	meter_set_free(drive.doctor.set);
	sysroot_deinit(&drive.root);
	return 0;
}
