// SPDX-License-Identifier: Apache-2.0
#include "base/sysroot.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Paths are compared later: no slash at the end. */
static void copy_dir(char *out, size_t size, const char *dir)
{
	size_t len = strnlen(dir, size - 1);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	memcpy(out, dir, len);
	out[len] = '\0';
}

int sysroot_init(struct sysroot *root, const char *proc, const char *sys, const char **which)
{
	*root = (struct sysroot)SYSROOT_NULL;
	copy_dir(root->proc, sizeof(root->proc), proc);
	copy_dir(root->sys, sizeof(root->sys), sys);
	*which = proc;
	root->proc_fd = open_dir(proc);
	if (root->proc_fd < 0)
		return root->proc_fd;
	*which = sys;
	root->sys_fd = open_dir(sys);
	if (root->sys_fd < 0) {
		int r = root->sys_fd;

		sysroot_deinit(root);
		return r;
	}
	sysroot_set_dev(root, "/dev");
	return 0;
}

void sysroot_set_dev(struct sysroot *root, const char *dev)
{
	copy_dir(root->dev, sizeof(root->dev), dev);
	if (root->dev_fd >= 0)
		close(root->dev_fd);
	root->dev_fd = open_dir(dev);
}

void sysroot_deinit(struct sysroot *root)
{
	if (root->proc_fd >= 0)
		close(root->proc_fd);
	if (root->sys_fd >= 0)
		close(root->sys_fd);
	if (root->dev_fd >= 0)
		close(root->dev_fd);
	root->proc_fd = -1;
	root->sys_fd = -1;
	root->dev_fd = -1;
}

DIR *sysroot_opendir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

ssize_t sysroot_read_all(int fd, char *buf, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t got = read(fd, buf + have, size - have);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		have += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)have;
}

static ssize_t terminate(char *buf, ssize_t len)
{
	if (len > 0 && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return len;
}

ssize_t sysroot_pread_text(int fd, char *buf, size_t size)
{
	ssize_t len = pread(fd, buf, size - 1, 0);

	return len < 0 ? -errno : terminate(buf, len);
}

ssize_t sysroot_read_text(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = sysroot_read_all(fd, buf, size - 1);
	return len < 0 ? len : terminate(buf, len);
}

int sysroot_parse_u64(const char *text, u64 *value)
{
	u64 parsed = 0;
	const char *digits;

	while (isspace((unsigned char)*text))
		text++;
	for (digits = text; *text >= '0' && *text <= '9'; text++) {
		u64 digit = (u64)(*text - '0');

		if (parsed > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		parsed = parsed * 10 + digit;
	}
	if (text == digits)
		return -EINVAL;
	while (isspace((unsigned char)*text))
		text++;
	if (*text != '\0')
		return -EINVAL;
	*value = parsed;
	return 0;
}

int sysroot_read_u64(int dirfd, const char *path, u64 *value)
{
	char buf[64] = "";
	ssize_t len = sysroot_read_text(dirfd, path, buf, sizeof(buf));

	return len < 0 ? (int)len : sysroot_parse_u64(buf, value);
}
