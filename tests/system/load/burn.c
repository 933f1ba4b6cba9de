// SPDX-License-Identifier: Apache-2.0
/*
 * Uses a known amount of CPU time.
 *
 * burn [--threads=1] [--cpu-ms=1000]   each thread burns cpu-ms
 *      [--burst-us=0 --pause-us=300]   in bursts of burst-us with pauses between them
 *      [--duty=100]                    or: busy duty percent of each 10 ms
 *      [--seconds=0]                   or: for this long on the clock instead of for cpu-ms
 * At its end it prints the CPU time it has used: cpu_ns=N
 */
#include "load.h"

#include <pthread.h>

static struct {
	uint64_t cpu_ns, burst_ns, pause_ns, duty_pct, end_ns;
} plan;

static uint64_t next_burst_ns(uint64_t left_ns)
{
	uint64_t burst = plan.burst_ns ? plan.burst_ns : 1000000;

	if (plan.duty_pct < 100)
		burst = plan.duty_pct * 100000;
	return burst < left_ns ? burst : left_ns;
}

static void *burn_plan(void *unused)
{
	uint64_t left_ns = plan.end_ns ? UINT64_MAX : plan.cpu_ns;

	while (left_ns > 0 && (!plan.end_ns || clock_ns(CLOCK_MONOTONIC) < plan.end_ns)) {
		uint64_t burst = next_burst_ns(left_ns);
		uint64_t began = clock_ns(CLOCK_MONOTONIC);

		burn_ns(burst);
		left_ns -= burst;
		if (plan.duty_pct < 100) {
			uint64_t took = clock_ns(CLOCK_MONOTONIC) - began;

			sleep_ns(took < 10000000 ? 10000000 - took : 0);
		} else if (plan.burst_ns) {
			sleep_ns(plan.pause_ns);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t threads = option(argc, argv, "threads", 1);
	uint64_t seconds = option(argc, argv, "seconds", 0);
	pthread_t thread[64];

	plan.cpu_ns = option(argc, argv, "cpu-ms", 1000) * 1000000;
	plan.burst_ns = option(argc, argv, "burst-us", 0) * 1000;
	plan.pause_ns = option(argc, argv, "pause-us", 300) * 1000;
	plan.duty_pct = option(argc, argv, "duty", 100);
	plan.end_ns = seconds ? clock_ns(CLOCK_MONOTONIC) + seconds * 1000000000 : 0;
	if (threads < 1 || threads > 64 || plan.duty_pct < 1 || plan.duty_pct > 100)
		return 2;
	for (uint64_t i = 1; i < threads; i++)
		if (pthread_create(&thread[i], NULL, burn_plan, NULL))
			fail("pthread_create");
	burn_plan(NULL);
	for (uint64_t i = 1; i < threads; i++)
		pthread_join(thread[i], NULL);
	printf("cpu_ns=%llu\n", (unsigned long long)clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
