// SPDX-License-Identifier: Apache-2.0
/* From the id of a cgroup to its path, on the machine's own hierarchies. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "activity/activity.h"
#include "activity/cgroup_tree.h"

struct made {
	char name[64]; /* of the cgroup, below the root of its hierarchy */
	struct stat st;
	int r;
	char path[256];
};

/* Makes a cgroup, asks for the path of its id and removes it again. */
static void make_one(const struct cgroup_tree *tree, int which, struct made *made)
{
	const struct cgroup_hierarchy *hierarchy = &tree->hierarchy[which];

	*made = (struct made){ .r = -ENOENT };
	snprintf(made->name, sizeof(made->name), "kepler-ids-%d", (int)getpid());
	if (hierarchy->dir_fd < 0)
		return;
	if (mkdirat(hierarchy->dir_fd, made->name, 0700) < 0) {
		made->r = -errno;
		return;
	}
	if (fstatat(hierarchy->dir_fd, made->name, &made->st, 0) == 0)
		made->r = cgroup_tree_path(tree, hierarchy->id, made->st.st_ino, made->path,
					   sizeof(made->path));
	unlinkat(hierarchy->dir_fd, made->name, AT_REMOVEDIR);
}

static struct sysroot root = SYSROOT_NULL;
static struct cgroup_tree tree;

static void test_paths(void **state)
{
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		const struct cgroup_hierarchy *hierarchy = &tree.hierarchy[i];
		struct made made;

		if (hierarchy->dir_fd < 0)
			continue;
		make_one(&tree, i, &made);
		assert_int_equal(made.r, 0);
		assert_int_equal(made.path[0], '/');
		assert_string_equal(made.path + 1, made.name);
		/* gone: the id is nobody's */
		assert_int_equal(cgroup_tree_path(&tree, hierarchy->id, made.st.st_ino, made.path,
						  sizeof(made.path)),
				 -ENOENT);
	}
}

/* The walk's ids are the ones that paths are found by. */
static void test_walk(void **state)
{
	struct activity_table table = { 0 };
	char path[1024];
	u32 found = 0;

	assert_int_equal(cgroup_tree_walk(&tree, &table), 0);
	for (u32 i = 0; i < table.event_count; i++) {
		const struct cgroup_event *event = &table.events[i];

		/* others make and remove cgroups meanwhile */
		if (cgroup_tree_path(&tree, event->hierarchy, event->id, path, sizeof(path)) < 0)
			continue;
		assert_string_equal(path, table.text + event->path);
		found++;
	}
	assert_int_not_equal(found, 0);
	activity_table_deinit(&table);
}

/* Why it cannot be tried here, or NULL. */
static const char *obstacle(void)
{
	bool mounted = false;

	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		struct made made;

		if (tree.hierarchy[i].dir_fd < 0)
			continue;
		mounted = true;
		make_one(&tree, i, &made);
		if (made.r == -EPERM || made.r == -EACCES || made.r == -EROFS)
			return "making cgroups and finding them by id needs root and CAP_DAC_READ_SEARCH";
	}
	return mounted ? NULL : "no cgroup hierarchy is mounted";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_walk),
	};
	const char *which, *why;
	int r = 0;

	if (sysroot_init(&root, "/proc", "/sys", &which) < 0)
		return 1;
	cgroup_tree_open(&tree, &root);
	why = obstacle();
	if (why)
		printf("1..0 # SKIP %s\n", why);
	else
		r = cmocka_run_group_tests_name("activity/cgroup_ids", tests, NULL, NULL);
	cgroup_tree_close(&tree);
	sysroot_deinit(&root);
	return r;
}
