// SPDX-License-Identifier: Apache-2.0
#include "meter/sysfs_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sysroot.h"

#define RESCAN_NS (60 * NSEC_PER_SEC)
#define RESCAN_FIRST_NS NSEC_PER_SEC

int sysfs_list(int dirfd, const char *path, int (*each)(void *arg, const char *name), void *arg)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct dirent64) char buf[4096];
	ssize_t len = fd < 0 ? -1 : getdents64(fd, buf, sizeof(buf));
	int r = 0;

	while (r == 0 && len > 0) {
		const struct dirent64 *entry;

		for (ssize_t at = 0; r == 0 && at < len; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(buf + at);
			if (entry->d_name[0] != '.')
				r = each(arg, entry->d_name);
		}
		if (r == 0)
			len = getdents64(fd, buf, sizeof(buf));
	}
	return len < 0 ? -errno : r;
}

/* Makes @text printable and removes white space around it. */
static size_t clean(char *text)
{
	size_t begin = strspn(text, " \t\r\n"), len = strlen(text);

	while (len > begin && strchr(" \t\r\n", text[len - 1]))
		len--;
	len -= begin;
	memmove(text, text + begin, len);
	text[len] = '\0';
	for (char *c = text; *c; c++) {
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	}
	return len;
}

ssize_t sysfs_read_name(int dirfd, const char *path, char *text, size_t size)
{
	ssize_t len = sysroot_read_text(dirfd, path, text, size);

	if (len < 0) {
		text[0] = '\0';
		return len;
	}
	return (ssize_t)clean(text);
}

int sysfs_link_name(int dirfd, const char *path, char *name, size_t size)
{
	char target[512];
	ssize_t len = readlinkat(dirfd, path, target, sizeof(target) - 1);
	const char *last;

	name[0] = '\0';
	if (len < 0 && errno == EINVAL)
		len = sysroot_read_text(dirfd, path, target, sizeof(target));
	else if (len < 0)
		len = -errno;
	if (len < 0)
		return (int)len;
	target[len] = '\0';
	clean(target);
	last = strrchr(target, '/');
	snprintf(name, size, "%s", last ? last + 1 : target);
	return name[0] ? 0 : -ENOENT;
}

bool rescan_due(struct rescan *rescan, u64 now_ns, u32 lost)
{
	if (lost > rescan->lost)
		*rescan = (struct rescan){ .wait_ns = RESCAN_FIRST_NS };
	rescan->lost = lost;
	if (now_ns < rescan->next_ns)
		return false;
	if (!lost)
		rescan->wait_ns = RESCAN_NS;
	rescan->next_ns = now_ns + rescan->wait_ns;
	rescan->wait_ns = u64_min(rescan->wait_ns * 2, RESCAN_NS);
	return true;
}
