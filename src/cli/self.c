// SPDX-License-Identifier: Apache-2.0
#include "cli/self.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Descriptors are counted once in so many ticks: it takes a directory read. */
#define FDS_TICKS 16

/* In a container the host counts other pids than the process itself: NSpid has all of them,
 * outermost first. */
static u64 read_host_pid(const struct sysroot *root)
{
	u64 pid = (u64)getpid();
	const char *line;
	char text[4096];

	if (sysroot_read_text(root->proc_fd, "self/status", text, sizeof(text)) <= 0)
		return pid;
	line = strstr(text, "\nNSpid:");
	if (line)
		sscanf(line, "\nNSpid: %" SCNu64, &pid);
	return pid;
}

void self_init(struct self *self, const struct sysroot *root)
{
	struct rlimit limit;

	memset(self, 0, sizeof(*self));
	self->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	self->start_unix_ns = clock_unix_ns();
	self->host_pid = read_host_pid(root);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		self->max_fds = limit.rlim_cur;
}

void self_deinit(struct self *self)
{
	if (self->statm_fd >= 0)
		close(self->statm_fd);
	self->statm_fd = -1;
}

void self_note_tick(struct self *self, u64 duration_ns)
{
	u32 i = 0;

	while (i + 1 < SNAPSHOT_TICK_BUCKETS && duration_ns > snapshot_tick_bound_ns(i))
		i++;
	self->tick_bucket[i]++;
	self->tick_sum_ns += duration_ns;
	self->ticks++;
}

/* Reads the directory in place: opendir() would allocate, and a tick does not. */
static u32 count_fds(void)
{
	_cleanup_close_ int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[4096] __attribute__((aligned(8)));
	u32 count = 0;
	ssize_t len;

	while (fd >= 0 && (len = getdents64(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < len;
		     at += ((const struct dirent64 *)(buf + at))->d_reclen)
			count++;
	return count > 3 ? count - 3 : 0; /* less ".", ".." and the directory itself */
}

static void read_memory(const struct self *self, struct snapshot_self *out)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE), size, resident;
	char text[128];

	if (sysroot_pread_text(self->statm_fd, text, sizeof(text)) <= 0)
		return;
	if (sscanf(text, "%" SCNu64 " %" SCNu64, &size, &resident) != 2)
		return;
	out->virtual_bytes = size * page;
	out->resident_bytes = resident * page;
}

void self_read(struct self *self, struct snapshot_self *out)
{
	if (!self->open_fds || self->ticks % FDS_TICKS == 0)
		self->open_fds = count_fds();
	out->cpu_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
	out->open_fds = self->open_fds;
	out->max_fds = self->max_fds;
	out->start_unix_ns = self->start_unix_ns;
	out->tick_count = self->ticks;
	out->tick_sum_ns = self->tick_sum_ns;
	memcpy(out->tick_bucket, self->tick_bucket, sizeof(out->tick_bucket));
	read_memory(self, out);
}
