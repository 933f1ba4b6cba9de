// SPDX-License-Identifier: Apache-2.0
#include "meter/msr_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int msr_open(int dev_fd, u32 cpu)
{
	char path[32];
	int fd;

	if (dev_fd < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "cpu/%u/msr", cpu);
	fd = openat(dev_fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int msr_read(int fd, u32 reg, u64 *value)
{
	u64 read;
	ssize_t len = pread(fd, &read, sizeof(read), (off_t)reg);

	if (len < 0)
		return -errno;
	if (len != (ssize_t)sizeof(read))
		return -EIO;
	*value = read;
	return 0;
}
