// SPDX-License-Identifier: Apache-2.0
/* Trees made in a temporary directory; test_cgroup_ids.c has the machine's own. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "activity/activity.h"
#include "activity/cgroup_tree.h"

struct rig {
	char dir[64]; /* holds proc and sys */
	struct sysroot root;
	struct cgroup_tree tree;
	struct activity_table table;
};

static void path_of(const struct rig *rig, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", rig->dir, name);
}

static void make_dir(const struct rig *rig, const char *name)
{
	char path[512];

	path_of(rig, name, path, sizeof(path));
	assert_int_equal(mkdir(path, 0700), 0);
}

static void make_file(const struct rig *rig, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	path_of(rig, name, path, sizeof(path));
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	static const char *const dirs[] = { "proc", "sys", "sys/fs", "sys/fs/cgroup" };

	if (!rig)
		return -1;
	strcpy(rig->dir, "/tmp/kepler-cgroup-XXXXXX");
	if (!mkdtemp(rig->dir))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		make_dir(rig, dirs[i]);
	*state = rig;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	cgroup_tree_close(&rig->tree);
	cgroup_tree_close(&rig->tree);
	sysroot_deinit(&rig->root);
	activity_table_deinit(&rig->table);
	nftw(rig->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(rig);
	return 0;
}

static void open_tree(struct rig *rig)
{
	char proc[128], sys[128];
	const char *which;

	path_of(rig, "proc", proc, sizeof(proc));
	path_of(rig, "sys", sys, sizeof(sys));
	assert_int_equal(sysroot_init(&rig->root, proc, sys, &which), 0);
	cgroup_tree_open(&rig->tree, &rig->root);
	assert_int_equal(cgroup_tree_walk(&rig->tree, &rig->table), 0);
}

/* The walk has told of @path in @hierarchy, under the inode of its directory @name. */
static void assert_walked(const struct rig *rig, u32 hierarchy, const char *path, const char *name)
{
	char full[512];
	struct stat st;
	u32 found = 0;

	path_of(rig, name, full, sizeof(full));
	assert_int_equal(stat(full, &st), 0);
	for (u32 i = 0; i < rig->table.event_count; i++) {
		const struct cgroup_event *event = &rig->table.events[i];

		if (event->hierarchy != hierarchy ||
		    strcmp(rig->table.text + event->path, path) != 0)
			continue;
		assert_int_equal(event->id, st.st_ino);
		assert_false(event->gone);
		found++;
	}
	assert_int_equal(found, 1);
}

#define CGROUPS_HEAD \
	"#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t3\t1\ncpu\t1\t7\t1\n"

static void test_pure_v2(void **state)
{
	struct rig *rig = *state;

	make_file(rig, "proc/cgroups", CGROUPS_HEAD "cpuacct\t0\t7\t1\n");
	make_file(rig, "sys/fs/cgroup/cgroup.procs", "");
	make_file(rig, "sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
	make_dir(rig, "sys/fs/cgroup/system.slice");
	make_dir(rig, "sys/fs/cgroup/system.slice/a b\"c.service");
	make_file(rig, "sys/fs/cgroup/system.slice/cpu.stat", "usage_usec 1\n");
	make_dir(rig, "sys/fs/cgroup/docker");
	open_tree(rig);
	assert_int_equal(rig->tree.hierarchy[CGROUP_UNIFIED].id, 0);
	assert_int_equal(rig->tree.hierarchy[CGROUP_CPUACCT].id, 0);
	assert_int_equal(rig->tree.hierarchy[CGROUP_CPUACCT].dir_fd, -1);
	assert_int_equal(rig->table.event_count, 4);
	assert_walked(rig, 0, "/", "sys/fs/cgroup");
	assert_walked(rig, 0, "/system.slice", "sys/fs/cgroup/system.slice");
	assert_walked(rig, 0, "/system.slice/a b\"c.service",
		      "sys/fs/cgroup/system.slice/a b\"c.service");
	assert_walked(rig, 0, "/docker", "sys/fs/cgroup/docker");
}

/* The cpuacct hierarchy has a directory of its own or shares one with cpu. */
static void test_hybrid(void **state)
{
	struct rig *rig = *state;

	make_file(rig, "proc/cgroups", CGROUPS_HEAD "cpuacct\t2\t7\t1\n");
	make_dir(rig, "sys/fs/cgroup/unified");
	make_file(rig, "sys/fs/cgroup/unified/cgroup.controllers", "\n");
	make_dir(rig, "sys/fs/cgroup/unified/u");
	make_dir(rig, "sys/fs/cgroup/cpu,cpuacct");
	make_file(rig, "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "5\n");
	make_dir(rig, "sys/fs/cgroup/cpu,cpuacct/docker");
	make_dir(rig, "sys/fs/cgroup/cpu,cpuacct/docker/x");
	make_dir(rig, "sys/fs/cgroup/memory");
	make_dir(rig, "sys/fs/cgroup/memory/not-this");
	open_tree(rig);
	assert_int_equal(rig->tree.hierarchy[CGROUP_CPUACCT].id, 2);
	assert_int_equal(rig->table.event_count, 5);
	assert_walked(rig, 0, "/", "sys/fs/cgroup/unified");
	assert_walked(rig, 0, "/u", "sys/fs/cgroup/unified/u");
	assert_walked(rig, 2, "/", "sys/fs/cgroup/cpu,cpuacct");
	assert_walked(rig, 2, "/docker", "sys/fs/cgroup/cpu,cpuacct/docker");
	assert_walked(rig, 2, "/docker/x", "sys/fs/cgroup/cpu,cpuacct/docker/x");
}

static void test_nothing_there(void **state)
{
	struct rig *rig = *state;
	char path[64];

	open_tree(rig);
	assert_int_equal(rig->table.event_count, 0);
	assert_int_equal(rig->tree.hierarchy[CGROUP_UNIFIED].dir_fd, -1);
	assert_int_equal(cgroup_tree_path(&rig->tree, 0, 1, path, sizeof(path)), -ENODEV);
	assert_int_equal(cgroup_tree_path(&rig->tree, 2, 1, path, sizeof(path)), -ENODEV);
}

/* Deeper than anybody needs: the walk ends, and what is above is there. */
static void test_deep_tree(void **state)
{
	struct rig *rig = *state;
	char name[512] = "sys/fs/cgroup";

	make_file(rig, "sys/fs/cgroup/cgroup.procs", "");
	make_file(rig, "sys/fs/cgroup/cgroup.controllers", "");
	for (int depth = 0; depth < 60; depth++) {
		strcat(name, "/d");
		make_dir(rig, name);
	}
	open_tree(rig);
	assert_in_range(rig->table.event_count, 20, 61);
	assert_walked(rig, 0, "/d/d/d", "sys/fs/cgroup/d/d/d");
}

static void test_parse_cpuacct(void **state)
{
	assert_int_equal(cgroup_tree_parse_cpuacct(""), 0);
	assert_int_equal(cgroup_tree_parse_cpuacct(CGROUPS_HEAD), 0);
	assert_int_equal(cgroup_tree_parse_cpuacct(CGROUPS_HEAD "cpuacct\t12\t7\t1\n"), 12);
	assert_int_equal(cgroup_tree_parse_cpuacct(CGROUPS_HEAD "cpuacct\tx\n"), 0);
	assert_int_equal(cgroup_tree_parse_cpuacct(CGROUPS_HEAD "cpuacct\t-1\n"), 0);
	assert_int_equal(cgroup_tree_parse_cpuacct(CGROUPS_HEAD "cpuacct2\t12\t7\t1\n"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_pure_v2),
		CASE(test_hybrid),
		CASE(test_nothing_there),
		CASE(test_deep_tree),
		cmocka_unit_test(test_parse_cpuacct),
	};

	return cmocka_run_group_tests_name("activity/cgroup_tree", tests, NULL, NULL);
}
