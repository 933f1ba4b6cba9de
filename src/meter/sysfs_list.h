// SPDX-License-Identifier: Apache-2.0
/*
 * Listing directories of sysfs without opendir(), which allocates, and looking again for devices
 * that come and go.
 */
#pragma once

#include <sys/types.h>

#include "base/types.h"

/*
 * Calls @each for every entry of the directory @path relative to @dirfd, but for those that begin
 * with a dot; what it returns other than 0 ends the listing. Returns that, 0 or a negative errno.
 */
int sysfs_list(int dirfd, const char *path, int (*each)(void *arg, const char *name), void *arg);

/*
 * The last part of what the link @path points to, e.g. a driver's name; of a text that stands for
 * the link in a captured tree. Returns 0 or a negative errno with @name empty.
 */
int sysfs_link_name(int dirfd, const char *path, char *name, size_t size);

/*
 * Reads a short text of foreign origin: white space around it is removed, and what is not printable
 * ASCII becomes a question mark. Returns its length or a negative errno with @text empty.
 */
ssize_t sysfs_read_name(int dirfd, const char *path, char *text, size_t size);

/* When to look again; all zero at first, which is at once. */
struct rescan {
	u64 next_ns, wait_ns;
	u32 lost;
};

/*
 * Whether it is time to look. @lost: how many of the things that were there are not. When there are
 * more than before it is at once, then less and less often; every minute in any case.
 */
bool rescan_due(struct rescan *rescan, u64 now_ns, u32 lost);
