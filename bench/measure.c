// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"

#define CHILL_BYTES ((size_t)64 << 20)
#define CACHE_LINE 64

u64 measure_cpu_ns(void)
{
	return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

void measure_chill(void)
{
	static volatile char *buffer;

	if (!buffer) {
		void *map = mmap(NULL, CHILL_BYTES, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (map == MAP_FAILED)
			measure_die("map memory", errno);
		buffer = map;
	}
	for (size_t i = 0; i < CHILL_BYTES; i += CACHE_LINE)
		buffer[i]++;
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

u64 measure_median(u64 *values, u32 count)
{
	if (!count)
		return 0;
	qsort(values, count, sizeof(*values), compare);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void measure_sleep_until(u64 boot_ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(boot_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(boot_ns % NSEC_PER_SEC),
	};

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

_Noreturn void measure_die(const char *what, int error)
{
	fprintf(stderr, "can't %s: %s\n", what, strerror(error));
	exit(1);
}
