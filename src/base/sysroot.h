// SPDX-License-Identifier: Apache-2.0
/*
 * The roots under which the machine is read. Every read of /proc and /sys goes through one, so that
 * an agent in a container reads its host's trees and a test reads a captured machine.
 */
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include "base/types.h"

struct sysroot {
	int proc_fd; /* directory fd of procfs, or -1 */
	int sys_fd;  /* directory fd of sysfs, or -1 */
	int dev_fd;  /* directory fd of the device files, or -1: there are none */
	char proc[256];
	char sys[256];
	char dev[256];
};

// clang-format off
#define SYSROOT_NULL { .proc_fd = -1, .sys_fd = -1, .dev_fd = -1 }
// clang-format on

/*
 * Opens the roots. @proc and @sys are absolute directories, usually /proc and /sys; device files
 * are in /dev until sysroot_set_dev(). Returns 0 or a negative errno; @which then names the
 * directory that could not be opened.
 */
int sysroot_init(struct sysroot *root, const char *proc, const char *sys, const char **which);

/* Looks for device files below @dev from now on; there may be no such directory. */
void sysroot_set_dev(struct sysroot *root, const char *dev);

void sysroot_deinit(struct sysroot *root);

/* Opens the directory @path, relative to @dirfd, for readdir(). NULL on failure, with errno. */
DIR *sysroot_opendir(int dirfd, const char *path);

/* Reads @fd to its end, or @size bytes of it, into @buf. Returns their number or a negative errno.
 */
ssize_t sysroot_read_all(int fd, char *buf, size_t size);

/*
 * Reads the file @path, relative to the directory @dirfd, into @buf as a string: at most @size - 1
 * bytes, one trailing newline removed. Returns its length or a negative errno.
 */
ssize_t sysroot_read_text(int dirfd, const char *path, char *buf, size_t size);

/* The same through a file that is kept open: pread from offset 0. */
ssize_t sysroot_pread_text(int fd, char *buf, size_t size);

/*
 * Parses an unsigned decimal number that fills @text but for surrounding white space.
 * Returns 0, -EINVAL or -ERANGE; @value is untouched on failure.
 */
int sysroot_parse_u64(const char *text, u64 *value);

/* sysroot_read_text() and sysroot_parse_u64() in one. */
int sysroot_read_u64(int dirfd, const char *path, u64 *value);
