// SPDX-License-Identifier: Apache-2.0
/*
 * bench_alloc TICKS SECONDS: how often a tick of the agent calls the allocator in the steady state:
 * warmed up, and nobody born or gone since the tick before the last. Takes TICKS of these if they
 * come within SECONDS. The allocator's functions are replaced by ones that count and go on to the C
 * library's own.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/agent.h"

#define TICK_NS (120 * NSEC_PER_MSEC)
/* Long enough for a tick that looks at everything, which comes every 30 s. */
#define LEAST_NS (32 * NSEC_PER_SEC)
#define WARM_TICKS 10
#define QUIET_TICKS 2 /* an end is reported late */
#define SITES_MAX 8

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);

static __thread bool counting;
static __thread u64 calls;
static void *site[SITES_MAX]; /* who called */
static u32 sites;

static void note(void *caller)
{
	if (!counting)
		return;
	calls++;
	for (u32 i = 0; i < sites; i++)
		if (site[i] == caller)
			return;
	if (sites < SITES_MAX)
		site[sites++] = caller;
}

void *malloc(size_t size)
{
	note(__builtin_return_address(0));
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	note(__builtin_return_address(0));
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	note(__builtin_return_address(0));
	return __libc_realloc(old, size);
}

void *memalign(size_t align, size_t size);

void *memalign(size_t align, size_t size)
{
	note(__builtin_return_address(0));
	return __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	note(__builtin_return_address(0));
	return __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
	note(__builtin_return_address(0));
	*out = __libc_memalign(align, size);
	return *out ? 0 : ENOMEM;
}

static void die(const char *what, int error)
{
	fprintf(stderr, "can't %s: %s\n", what, strerror(error));
	exit(1);
}

static u64 counted_tick(struct agent *agent)
{
	u64 before = calls;
	int r;

	counting = true;
	r = agent_tick(agent);
	counting = false;
	if (r < 0)
		die("tick", -r);
	return calls - before;
}

/* A counter that misses an allocation, made inside the C library too, proves nothing. */
static void check_counter(void)
{
	u64 before = calls;
	DIR *dir;

	counting = true;
	dir = opendir("/");
	counting = false;
	if (!dir || calls == before)
		die("count allocations: the C library's own escape", ENOTSUP);
	closedir(dir);
	calls = sites = 0;
}

static struct agent *open_agent(struct sysroot *root)
{
	struct agent_options options = {
		.activity = { .bpf = true, .irq_counters = true },
		.idle = LEDGER_IDLE_USAGE,
		.max_series = 1000000,
		.retention_ns = 300 * NSEC_PER_SEC,
	};
	struct agent *agent;
	const char *what = "open /proc and /sys";
	int r = sysroot_init(root, "/proc", "/sys", &what);

	if (r == 0)
		r = agent_new(root, &options, &agent, &what);
	if (r == 0)
		r = agent_start(agent);
	if (r < 0)
		die(what, -r);
	return agent;
}

static void sleep_ns(u64 ns)
{
	struct timespec time = { .tv_nsec = (long)ns };

	nanosleep(&time, NULL);
}

/* As addr2line wants them. */
static void print_sites(void)
{
	Dl_info info;

	for (u32 i = 0; i < sites; i++) {
		if (!dladdr(site[i], &info))
			continue;
		printf("%s%s+0x%zx", i ? " " : "", strrchr(info.dli_fname, '/') + 1,
		       (size_t)((char *)site[i] - (char *)info.dli_fbase));
	}
}

/* A number that changes when a process or thread is born or gone. */
static u64 population(void)
{
	char text[32768], *forks;
	unsigned long tasks = 0;

	if (sysroot_read_text(AT_FDCWD, "/proc/loadavg", text, sizeof(text)) < 0 ||
	    sscanf(text, "%*s %*s %*s %*u/%lu", &tasks) != 1)
		die("read /proc/loadavg", errno);
	if (sysroot_read_text(AT_FDCWD, "/proc/stat", text, sizeof(text)) < 0)
		die("read /proc/stat", errno);
	forks = strstr(text, "\nprocesses ");
	if (!forks)
		die("find the number of forks in /proc/stat", ENOENT);
	return strtoull(forks + strlen("\nprocesses "), NULL, 10) << 24 | tasks;
}

struct result {
	u64 ticks;
	u64 steady;
	u64 with; /* steady ones that allocated */
	u64 calls;
};

static struct result measure(struct agent *agent, u64 wanted, u64 seconds)
{
	u64 begin_ns = clock_boot_ns(), before = population(), age_ns = 0;
	struct result result = { 0 };
	u32 quiet = 0;

	while ((result.steady < wanted || age_ns < LEAST_NS) && age_ns < seconds * NSEC_PER_SEC) {
		u32 known = sites;
		u64 made, now;

		sleep_ns(TICK_NS);
		made = counted_tick(agent);
		now = population();
		quiet = now == before ? quiet + 1 : 0;
		before = now;
		age_ns = clock_boot_ns() - begin_ns;
		result.ticks++;
		if (quiet <= QUIET_TICKS) {
			sites = known; /* those of births are none of ours */
			continue;
		}
		result.steady++;
		result.with += made != 0;
		result.calls += made;
	}
	return result;
}

int main(int argc, char **argv)
{
	struct sysroot root = SYSROOT_NULL;
	struct result result;
	struct agent *agent;

	if (argc != 3) {
		fprintf(stderr, "bench_alloc TICKS SECONDS\n");
		return 2;
	}
	check_counter();
	agent = open_agent(&root);
	for (u32 i = 0; i < WARM_TICKS; i++, sleep_ns(TICK_NS))
		counted_tick(agent);
	sites = 0;
	result = measure(agent, strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
	printf("{\"ticks\": %" PRIu64 ", \"steady\": %" PRIu64 ", \"with\": %" PRIu64
	       ", \"calls\": %" PRIu64 ", \"sites\": \"",
	       result.ticks, result.steady, result.with, result.calls);
	print_sites();
	puts("\"}");
	agent_free(agent);
	sysroot_deinit(&root);
	return 0;
}
