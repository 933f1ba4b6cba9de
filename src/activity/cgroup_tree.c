// SPDX-License-Identifier: Apache-2.0
#include "activity/cgroup_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "activity/activity.h"
#include "base/cleanup.h"

#define WALK_DEPTH_MAX 32
#define WALK_PATH_MAX 4096

/* The type of a kernfs file handle, whose 8 bytes are the node's id: FILEID_KERNFS of the kernel.
 */
#define HANDLE_KERNFS 0xfe

static int open_below(const struct sysroot *root, struct cgroup_hierarchy *hierarchy,
		      const char *dir, const char *proof)
{
	_cleanup_close_ int fd = openat(root->sys_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || faccessat(fd, proof, F_OK, 0) < 0)
		return -ENOENT;
	snprintf(hierarchy->dir, sizeof(hierarchy->dir), "%s/%s", root->sys, dir);
	hierarchy->dir_fd = TAKE_FD(fd);
	return 0;
}

u32 cgroup_tree_parse_cpuacct(const char *proc_cgroups)
{
	const char *line = strstr(proc_cgroups, "\ncpuacct\t");
	unsigned int id = 0;

	/* a sign, which %u would take, is no number */
	if (!line || !isdigit((unsigned char)line[9]) || sscanf(line + 9, "%9u", &id) != 1)
		return 0;
	return id;
}

void cgroup_tree_open(struct cgroup_tree *tree, const struct sysroot *root)
{
	struct cgroup_hierarchy *v2 = &tree->hierarchy[CGROUP_UNIFIED];
	struct cgroup_hierarchy *v1 = &tree->hierarchy[CGROUP_CPUACCT];
	char text[4096];

	*v2 = (struct cgroup_hierarchy){ .dir_fd = -1 };
	*v1 = (struct cgroup_hierarchy){ .dir_fd = -1 };
	if (open_below(root, v2, "fs/cgroup", "cgroup.procs") < 0 ||
	    faccessat(v2->dir_fd, "cgroup.controllers", F_OK, 0) < 0) {
		cgroup_tree_close(tree);
		open_below(root, v2, "fs/cgroup/unified", "cgroup.controllers");
	}
	if (sysroot_read_text(root->proc_fd, "cgroups", text, sizeof(text)) > 0)
		v1->id = cgroup_tree_parse_cpuacct(text);
	if (v1->id && open_below(root, v1, "fs/cgroup/cpuacct", "cpuacct.usage") < 0)
		open_below(root, v1, "fs/cgroup/cpu,cpuacct", "cpuacct.usage");
}

void cgroup_tree_close(struct cgroup_tree *tree)
{
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		if (tree->hierarchy[i].dir_fd >= 0)
			close(tree->hierarchy[i].dir_fd);
		tree->hierarchy[i].dir_fd = -1;
	}
}

struct walk {
	struct activity_table *table;
	u32 hierarchy;
	int r;
	size_t len;
	char path[WALK_PATH_MAX];
};

static int walk_add(struct walk *walk, u64 id)
{
	const struct cgroup_event event = { .hierarchy = walk->hierarchy, .id = id };

	return activity_table_add_event(walk->table, &event, walk->len ? walk->path : "/");
}

/* Takes over @fd. */
static int walk_dir(struct walk *walk, int fd, int depth)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	size_t len = walk->len;

	if (!dir) {
		close(fd);
		return 0;
	}
	while ((entry = readdir(dir))) {
		size_t name_len = strlen(entry->d_name);
		int child, r;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (depth >= WALK_DEPTH_MAX || len + 1 + name_len >= sizeof(walk->path))
			continue;
		walk->path[len] = '/';
		memcpy(walk->path + len + 1, entry->d_name, name_len + 1);
		walk->len = len + 1 + name_len;
		r = walk_add(walk, entry->d_ino);
		if (r < 0)
			return r == -ENOBUFS ? 0 : r; /* the rest is learned when it works */
		child = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = child < 0 ? 0 : walk_dir(walk, child, depth + 1);
		walk->len = len;
		if (r < 0)
			return r;
	}
	return 0;
}

static int walk_hierarchy(const struct cgroup_hierarchy *hierarchy, struct activity_table *table)
{
	_cleanup_free_ struct walk *walk = calloc(1, sizeof(*walk));
	struct stat st;
	int fd, r;

	if (!walk)
		return -ENOMEM;
	walk->table = table;
	walk->hierarchy = hierarchy->id;
	fd = openat(hierarchy->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	r = fstat(fd, &st) < 0 ? 0 : walk_add(walk, st.st_ino);
	if (r < 0) {
		close(fd);
		return r == -ENOBUFS ? 0 : r;
	}
	return walk_dir(walk, fd, 0);
}

int cgroup_tree_walk(const struct cgroup_tree *tree, struct activity_table *table)
{
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		int r = tree->hierarchy[i].dir_fd < 0 ? 0
						      : walk_hierarchy(&tree->hierarchy[i], table);

		if (r < 0)
			return r;
	}
	return 0;
}

static int open_by_id(int mount_fd, u64 id)
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + sizeof(id)];
	} u = { 0 };
	int fd;

	u.handle.handle_bytes = sizeof(id);
	u.handle.handle_type = HANDLE_KERNFS;
	memcpy(u.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount_fd, &u.handle, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cgroup_tree_path(const struct cgroup_tree *tree, u32 hierarchy, u64 id, char *path, size_t size)
{
	const struct cgroup_hierarchy *h =
		&tree->hierarchy[hierarchy ? CGROUP_CPUACCT : CGROUP_UNIFIED];
	_cleanup_close_ int fd = -1;
	char link[64], target[WALK_PATH_MAX];
	ssize_t len;
	size_t skip;

	if (h->dir_fd < 0)
		return -ENODEV; /* nothing is known of what it holds */
	fd = open_by_id(h->dir_fd, id);
	if (fd < 0)
		return fd == -ESTALE ? -ENOENT : fd;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	skip = strlen(h->dir);
	if (strncmp(target, h->dir, skip) != 0 || (target[skip] != '/' && target[skip] != '\0'))
		skip = 0;
	snprintf(path, size, "%s", target[skip] ? target + skip : "/");
	return 0;
}
