// SPDX-License-Identifier: Apache-2.0
/*
 * Starts processes that live about a millisecond, one after the other.
 *
 * forkstorm [--seconds=10] [--workers=1] [--life-us=600] [--threads=1]
 * Each child burns life-us of CPU time, shared out among its threads. The number of children:
 * started=N
 */
#include "load.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t share_ns;

static void *burn_share(void *unused)
{
	burn_ns(share_ns);
	return NULL;
}

static _Noreturn void live(uint64_t threads)
{
	pthread_t thread[16];

	for (uint64_t i = 1; i < threads; i++)
		if (pthread_create(&thread[i], NULL, burn_share, NULL))
			_exit(1);
	burn_share(NULL);
	for (uint64_t i = 1; i < threads; i++)
		pthread_join(thread[i], NULL);
	_exit(0);
}

static uint64_t storm(uint64_t end_ns, uint64_t threads)
{
	uint64_t started = 0;

	while (clock_ns(CLOCK_MONOTONIC) < end_ns) {
		int status;
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0)
			live(threads);
		if (waitpid(pid, &status, 0) != pid || status)
			fail("child");
		started++;
	}
	return started;
}

int main(int argc, char **argv)
{
	uint64_t workers = option(argc, argv, "workers", 1);
	uint64_t threads = option(argc, argv, "threads", 1);
	uint64_t end_ns =
		clock_ns(CLOCK_MONOTONIC) + option(argc, argv, "seconds", 10) * 1000000000;
	uint64_t total = 0;
	volatile uint64_t *started;

	if (workers < 1 || workers > 16 || threads < 1 || threads > 16)
		return 2;
	share_ns = option(argc, argv, "life-us", 600) * 1000 / threads;
	started = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (started == MAP_FAILED)
		fail("mmap");
	for (uint64_t i = 1; i < workers; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			started[i] = storm(end_ns, threads);
			_exit(0);
		}
	}
	started[0] = storm(end_ns, threads);
	while (wait(NULL) > 0)
		;
	for (uint64_t i = 0; i < workers; i++)
		total += started[i];
	printf("started=%llu\n", (unsigned long long)total);
	return 0;
}
