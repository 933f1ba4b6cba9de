// SPDX-License-Identifier: Apache-2.0
/*
 * The cgroup hierarchies of the machine: the unified one (v2) and, on v1 and hybrid machines, the
 * one of cpuacct. Ids are unique within a hierarchy only.
 */
#pragma once

#include "base/sysroot.h"
#include "base/types.h"

struct activity_table;

struct cgroup_hierarchy {
	int dir_fd;    /* its root, or -1: not mounted where it is looked for */
	u32 id;        /* 0: unified */
	char dir[300]; /* its root, as a path */
};

enum { CGROUP_UNIFIED, CGROUP_CPUACCT, CGROUP_HIERARCHIES };

struct cgroup_tree {
	struct cgroup_hierarchy hierarchy[CGROUP_HIERARCHIES];
};

/* Finds the hierarchies below <sys>/fs/cgroup; those that are missing stay closed. Never fails. */
void cgroup_tree_open(struct cgroup_tree *tree, const struct sysroot *root);
void cgroup_tree_close(struct cgroup_tree *tree);

/* Adds an event for each cgroup that exists. Returns 0 or -ENOMEM; what vanishes meanwhile is
 * skipped. */
int cgroup_tree_walk(const struct cgroup_tree *tree, struct activity_table *table);

/* The path of cgroup @id below its hierarchy's root. Returns 0 or a negative errno. */
int cgroup_tree_path(const struct cgroup_tree *tree, u32 hierarchy, u64 id, char *path,
		     size_t size);

/*
 * The id of the hierarchy that holds cpuacct in the text of /proc/cgroups; 0 when that is the
 * unified one or none.
 */
u32 cgroup_tree_parse_cpuacct(const char *proc_cgroups);
