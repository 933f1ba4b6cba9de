// SPDX-License-Identifier: Apache-2.0
/*
 * Lives that are easy to get wrong in an account of CPU time. Each uses about a second of it.
 *
 * tricky thread-exits            threads come and go in a process that lives on
 * tricky leader-first            the first thread ends, the others work on
 * tricky exec-by-thread          a thread that is not the first replaces the process
 * tricky zombies                 children end and nobody waits for them until the end
 * tricky move PROCS...           burns half, writes itself into each cgroup.procs file PROCS, burns
 * half tricky same-pid                processes that follow each other under one pid tricky
 * big-comm                a command name of bytes that are awkward in labels
 */
#include "load.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS 1000000u

static void *burn_ms(void *ms)
{
	burn_ns((uintptr_t)ms * MS);
	return NULL;
}

static int thread_exits(char **argv)
{
	for (int i = 0; i < 100; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, burn_ms, (void *)9))
			fail("pthread_create");
		burn_ns(1 * MS);
		pthread_join(thread, NULL);
	}
	sleep_ns(1500 * MS); /* alive while the threads' ends are told */
	return 0;
}

static void *outlive(void *unused)
{
	for (int i = 0; i < 10; i++) {
		burn_ns(40 * MS);
		sleep_ns(100 * MS);
	}
	return NULL;
}

static int leader_first(char **argv)
{
	pthread_t thread;

	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, outlive, NULL))
			fail("pthread_create");
	burn_ns(200 * MS);
	pthread_exit(NULL);
}

static void *replace(void *program)
{
	burn_ns(400 * MS);
	execl(program, program, "after-exec", (char *)NULL);
	fail("exec");
	return NULL;
}

static int exec_by_thread(char **argv)
{
	pthread_t thread;

	burn_ns(300 * MS);
	if (pthread_create(&thread, NULL, replace, argv[0]))
		fail("pthread_create");
	pause(); /* ended by the other thread's exec */
	return 1;
}

static int after_exec(char **argv)
{
	burn_ns(300 * MS);
	sleep_ns(500 * MS);
	return 0;
}

static int zombies(char **argv)
{
	for (int i = 0; i < 25; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			burn_ns(40 * MS);
			_exit(0);
		}
	}
	sleep_ns(4000 * MS);
	while (wait(NULL) > 0)
		;
	return 0;
}

static int move(char **argv)
{
	burn_ns(500 * MS);
	for (; *argv; argv++) {
		int fd = open(*argv, O_WRONLY);

		if (fd < 0 || write(fd, "0", 1) != 1)
			fail(*argv);
		close(fd);
	}
	burn_ns(500 * MS);
	return 0;
}

static pid_t fork_as(pid_t pid)
{
	pid_t set_tid[1] = { pid };
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = pid ? (uintptr_t)set_tid : 0,
		.set_tid_size = pid ? 1 : 0,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int same_pid(char **argv)
{
	pid_t wanted = 0;

	/* many short ones: the kernel of a virtual machine loses one end record in a few hundred */
	for (int i = 0; i < 500; i++) {
		pid_t pid = fork_as(wanted);

		if (pid < 0)
			fail("clone3");
		if (pid == 0) {
			burn_ns(2 * MS);
			_exit(0);
		}
		if (waitpid(pid, NULL, 0) != pid || (wanted && pid != wanted))
			fail("waitpid");
		wanted = pid;
	}
	return 0;
}

static int big_comm(char **argv)
{
	prctl(PR_SET_NAME, "<b>\"\\\n}\xff{ x");
	burn_ns(1000 * MS);
	sleep_ns(3000 * MS);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(char **argv);
	} lives[] = {
		{ "thread-exits", thread_exits },
		{ "leader-first", leader_first },
		{ "exec-by-thread", exec_by_thread },
		{ "after-exec", after_exec },
		{ "zombies", zombies },
		{ "same-pid", same_pid },
		{ "big-comm", big_comm },
	};

	if (argc > 2 && !strcmp(argv[1], "move"))
		return move(argv + 2);
	for (size_t i = 0; argc == 2 && i < sizeof(lives) / sizeof(lives[0]); i++)
		if (!strcmp(argv[1], lives[i].name))
			return lives[i].run(argv);
	fprintf(stderr, "usage: tricky LIFE, see the head of the source\n");
	return 2;
}
