// SPDX-License-Identifier: Apache-2.0
/* What the load programs share: burning CPU time of the calling thread, exactly, and command-line
 * numbers. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Spins until the calling thread has used @cpu_ns more CPU time. */
static inline void burn_ns(uint64_t cpu_ns)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + cpu_ns;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 500; i++)
			;
}

static inline void sleep_ns(uint64_t ns)
{
	struct timespec time = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

	nanosleep(&time, NULL);
}

static inline void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* The number of option --@name, as in "--seconds=10", or @fallback. Options that do not exist end
 * the program. */
static inline uint64_t option(int argc, char **argv, const char *name, uint64_t fallback)
{
	size_t length = strlen(name);

	for (int i = 1; i < argc; i++) {
		char *end;
		uint64_t value;

		if (strncmp(argv[i], "--", 2) || strncmp(argv[i] + 2, name, length) ||
		    argv[i][2 + length] != '=')
			continue;
		value = strtoull(argv[i] + 3 + length, &end, 10);
		if (*end || end == argv[i] + 3 + length) {
			fprintf(stderr, "%s: expected a number\n", argv[i]);
			exit(2);
		}
		return value;
	}
	return fallback;
}
