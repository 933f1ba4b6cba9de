// SPDX-License-Identifier: Apache-2.0
/*
 * bench_tick ROUNDS: CPU time of a whole tick of the agent, of a bare pass of the task iterator and
 * of reading /proc/PID/stat, each once a second with caches made cold, over whatever runs here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "cli/agent.h"
#include "measure.h"

/* The skeleton is generated; its casts are not ours to mend. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "bare.skel.h"
#pragma GCC diagnostic pop

#define ROUNDS_MAX 120
#define WARM_ROUNDS 2
#define PIDS_MAX 65536
#define BARE_RECORD 64
#define READ_BYTES 65536

enum subject {
	TICK,
	BARE,
	PROC,
	SUBJECTS,
};

struct bench {
	struct sysroot root;
	struct agent *agent;
	struct bare_bpf *bare;
	char buffer[READ_BYTES];
	int pid[PIDS_MAX];
	u32 pids;
	u64 sample[SUBJECTS][ROUNDS_MAX]; /* ns per task */
	u64 whole[SUBJECTS][ROUNDS_MAX];  /* ns */
	u64 tasks;                        /* in the last bare pass */
};

static struct bench bench = { .root = SYSROOT_NULL };

static void open_agent(void)
{
	struct agent_options options = {
		.activity = { .bpf = true, .irq_counters = true },
		.idle = LEDGER_IDLE_USAGE,
		.max_series = 4000000, /* nobody is folded away: the whole work */
		.retention_ns = 300 * NSEC_PER_SEC,
	};
	const char *what = "open /proc and /sys";
	int r = sysroot_init(&bench.root, "/proc", "/sys", &what);

	if (r == 0)
		r = agent_new(&bench.root, &options, &bench.agent, &what);
	if (r == 0) {
		what = "take the first look";
		r = agent_start(bench.agent);
	}
	if (r < 0)
		measure_die(what, -r);
	if (strcmp(activity_source(agent_activity(bench.agent)), "bpf") != 0) {
		fprintf(stderr, "%s\n", activity_detail(agent_activity(bench.agent)));
		exit(1);
	}
}

static void open_bare(void)
{
	bench.bare = bare_bpf__open_and_load();
	if (!bench.bare || bare_bpf__attach(bench.bare) != 0)
		measure_die("load the bare iterator", errno);
}

static void list_pids(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir)
		measure_die("list /proc", errno);
	bench.pids = 0;
	while ((entry = readdir(dir)) && bench.pids < PIDS_MAX)
		if (entry->d_name[0] > '0' && entry->d_name[0] <= '9')
			bench.pid[bench.pids++] = atoi(entry->d_name);
	closedir(dir);
}

static u64 run_tick(void)
{
	int r = agent_tick(bench.agent);

	if (r < 0)
		measure_die("tick", -r);
	return bench.tasks;
}

static u64 run_bare(void)
{
	int fd = bpf_iter_create(bpf_link__fd(bench.bare->links.bare_pass));
	u64 bytes = 0;
	ssize_t len;

	if (fd < 0)
		measure_die("start a pass", errno);
	while ((len = read(fd, bench.buffer, sizeof(bench.buffer))) > 0)
		bytes += (u64)len;
	if (len < 0)
		measure_die("read the bare iterator", errno);
	close(fd);
	bench.tasks = bytes / BARE_RECORD;
	return bench.tasks;
}

static u64 run_proc(void)
{
	char path[32];
	u64 count = 0;

	for (u32 i = 0; i < bench.pids; i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/stat", bench.pid[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue; /* it has ended */
		if (read(fd, bench.buffer, 1024) > 0)
			count++;
		close(fd);
	}
	return count;
}

static void measure(enum subject subject, u32 round)
{
	static u64 (*const run[SUBJECTS])(void) = { run_tick, run_bare, run_proc };
	u64 begin_ns, cpu_ns, count;

	if (subject == PROC)
		list_pids();
	measure_chill();
	begin_ns = measure_cpu_ns();
	count = run[subject]();
	cpu_ns = measure_cpu_ns() - begin_ns;
	bench.whole[subject][round] = cpu_ns;
	bench.sample[subject][round] = count ? cpu_ns * 1000 / count : 0;
}

/*
 * Tick and bare pass go one after the other, in turns, so that what else the machine does is the
 * same for both.
 */
static void measure_round(u32 round, u64 begin_ns)
{
	measure_sleep_until(begin_ns);
	measure(round % 2 ? BARE : TICK, round);
	measure(round % 2 ? TICK : BARE, round);
	measure_sleep_until(begin_ns + NSEC_PER_SEC / 2);
	measure(PROC, round);
}

/* The median of the rounds' own ratios, in thousandths. */
static u64 ratio_of(enum subject a, enum subject b, u32 rounds)
{
	u64 ratio[ROUNDS_MAX];

	for (u32 i = 0; i < rounds; i++)
		ratio[i] = bench.sample[a][i] * 1000 / u64_max(bench.sample[b][i], 1);
	return measure_median(ratio, rounds);
}

static void print_result(u32 rounds)
{
	static const char *const name[SUBJECTS] = { "tick", "bare", "proc" };

	/* first: the medians below sort */
	printf("{\"tick_bare\": %.3f, \"proc_tick\": %.3f",
	       (double)ratio_of(TICK, BARE, rounds) / 1e3,
	       (double)ratio_of(PROC, TICK, rounds) / 1e3);
	printf(", \"tasks\": %" PRIu64 ", \"processes\": %u", bench.tasks, bench.pids);
	for (u32 i = 0; i < SUBJECTS; i++)
		printf(", \"%s_ns\": %.1f, \"%s_us\": %.1f", name[i],
		       (double)measure_median(bench.sample[i], rounds) / 1e3, name[i],
		       (double)measure_median(bench.whole[i], rounds) / 1e3);
	puts("}");
}

int main(int argc, char **argv)
{
	u32 rounds = argc > 1 ? (u32)atoi(argv[1]) : 0;
	u64 begin_ns;

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "bench_tick ROUNDS: 1 to %d\n", ROUNDS_MAX);
		return 2;
	}
	open_agent();
	open_bare();
	run_bare(); /* tells how many tasks there are */
	measure_chill();
	begin_ns = clock_boot_ns() + NSEC_PER_SEC;
	for (u32 i = 0; i < WARM_ROUNDS; i++, begin_ns += NSEC_PER_SEC)
		measure_round(0, begin_ns);
	for (u32 i = 0; i < rounds; i++, begin_ns += NSEC_PER_SEC)
		measure_round(i, begin_ns);
	print_result(rounds);
	bare_bpf__destroy(bench.bare);
	agent_free(bench.agent);
	sysroot_deinit(&bench.root);
	return 0;
}
