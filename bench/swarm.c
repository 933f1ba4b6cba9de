// SPDX-License-Identifier: Apache-2.0
/*
 * swarm COUNT [ACTIVE]: COUNT processes, of which ACTIVE do a few microseconds of work about every
 * 300 ms and the rest sleep. Says "ready" when all are there, ends them all when stdin ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SWARM_MAX 40000
#define WAKE_NS 300000000L
#define WORK_LOOPS 2000

static pid_t child[SWARM_MAX];
static int children;

static void work_forever(int seed)
{
	struct timespec pause = { .tv_nsec = seed * 7919L % WAKE_NS };

	for (;;) {
		nanosleep(&pause, NULL);
		pause.tv_nsec = WAKE_NS;
		for (volatile int i = 0; i < WORK_LOOPS; i++)
			;
	}
}

static void live(int seed, int active, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0); /* it was gone before it could be asked for */
	close(0);
	close(1);
	if (active)
		work_forever(seed);
	for (;;)
		pause();
}

static void end_all(void)
{
	for (int i = 0; i < children; i++)
		kill(child[i], SIGKILL);
	for (int i = 0; i < children; i++)
		waitpid(child[i], NULL, 0);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0;
	int active = argc > 2 ? atoi(argv[2]) : 0;
	pid_t self = getpid();
	char byte;

	if (count < 1 || count > SWARM_MAX) {
		fprintf(stderr, "swarm COUNT [ACTIVE]: 1 to %d processes\n", SWARM_MAX);
		return 2;
	}
	for (; children < count; children++) {
		child[children] = fork();
		if (child[children] == 0)
			live(children, children < active, self);
		if (child[children] < 0) {
			fprintf(stderr, "can't start process %d: %s\n", children, strerror(errno));
			end_all();
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	end_all();
	return 0;
}
