// SPDX-License-Identifier: Apache-2.0
#include "activity/activity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activity/source.h"
#include "base/clock.h"

/* /proc/stat holds two long lines of interrupt counts; the CPU lines come first. */
#define STAT_BYTES_MAX (256 * 1024)
#define STAT_READS 10

/* In the order of preference. */
static const struct activity_source_ops *const sources[] = { &activity_source_bpf,
							     &activity_source_proc };

static int open_stat(struct activity *activity)
{
	activity->stat_fd = openat(activity->root->proc_fd, "stat", O_RDONLY | O_CLOEXEC);
	if (activity->stat_fd < 0)
		return -errno;
	activity->stat_size = STAT_BYTES_MAX;
	activity->stat_buf = malloc(activity->stat_size);
	return activity->stat_buf ? 0 : -ENOMEM;
}

/* Opens the first source from @from on that can be had. */
static int open_source(struct activity *activity, size_t from)
{
	int r = -ENODEV;

	activity->ops = NULL;
	for (size_t i = from; i < ARRAY_SIZE(sources); i++) {
		if (sources[i] == &activity_source_bpf && !activity->options.bpf) {
			snprintf(activity->detail, sizeof(activity->detail),
				 "BPF is switched off (activity.bpf)");
			continue;
		}
		r = sources[i]->open(activity);
		if (r == 0) {
			activity->ops = sources[i];
			return 0;
		}
	}
	return r;
}

/* Without a cgroup tree nobody can be told apart: say so, it looks like a machine without
 * containers. */
static void note_hierarchies(struct activity *activity)
{
	size_t len = strlen(activity->detail);

	if (activity->tree.hierarchy[CGROUP_UNIFIED].dir_fd < 0 &&
	    activity->tree.hierarchy[CGROUP_CPUACCT].dir_fd < 0)
		snprintf(activity->detail + len, sizeof(activity->detail) - len,
			 "; WARNING: no cgroups below %s/fs/cgroup, containers are not told apart"
			 " (mount them there or set host.sysfs)",
			 activity->root->sys);
}

int activity_new(const struct sysroot *root, const struct activity_options *options,
		 struct activity **out)
{
	struct activity *activity = calloc(1, sizeof(*activity));
	int r;

	if (!activity)
		return -ENOMEM;
	activity->root = root;
	activity->options = *options;
	activity->stat_fd = -1;
	cgroup_tree_open(&activity->tree, root);
	r = open_stat(activity);
	if (r == 0)
		r = open_source(activity, 0);
	if (r < 0) {
		activity_free(activity);
		return r;
	}
	note_hierarchies(activity);
	*out = activity;
	return 0;
}

struct activity *activity_free(struct activity *activity)
{
	if (!activity)
		return NULL;
	if (activity->ops)
		activity->ops->close(activity);
	cgroup_tree_close(&activity->tree);
	if (activity->stat_fd >= 0)
		close(activity->stat_fd);
	free(activity->stat_buf);
	free(activity);
	return NULL;
}

static double ratio_since(u64 before_ns, u64 now_ns, double whole_ns)
{
	return now_ns > before_ns && whole_ns > 0.0 ? (double)(now_ns - before_ns) / whole_ns : 0.0;
}

/* /proc/stat costs the kernel a walk over all interrupts of all CPUs: once in so many reads is
 * enough. */
static void read_cpu_times(struct activity *activity)
{
	struct proc_stat *before = &activity->stat, stat;
	u64 now_ns = clock_boot_ns();
	double whole_ns;
	ssize_t len;

	if (activity->reads++ % STAT_READS)
		return;
	len = sysroot_pread_text(activity->stat_fd, activity->stat_buf, activity->stat_size);
	if (len <= 0 || proc_stat_parse(activity->stat_buf, &stat) < 0)
		return;
	whole_ns = activity->stat_ns ? (double)(now_ns - activity->stat_ns) * stat.cpus : 0.0;
	activity->irq_ratio = ratio_since(before->irq_ns, stat.irq_ns, whole_ns);
	activity->softirq_ratio = ratio_since(before->softirq_ns, stat.softirq_ns, whole_ns);
	activity->steal_ratio = ratio_since(before->steal_ns, stat.steal_ns, whole_ns);
	activity->stat = stat;
	activity->stat_ns = now_ns;
}

static void describe_cpus(struct activity *activity, struct activity_table *table)
{
	read_cpu_times(activity);
	table->cpus = activity->stat.cpus;
	table->irq_ratio = activity->irq_ratio;
	table->softirq_ratio = activity->softirq_ratio;
	table->steal_ratio = activity->steal_ratio;
	table->taken_ns = clock_boot_ns();
}

/* The next source takes over from one that opens but does not work. */
static int fall_back(struct activity *activity, struct activity_table *table, int why)
{
	int r;

	activity->ops->close(activity);
	r = open_source(activity, 1);
	if (r < 0)
		return r;
	snprintf(
		activity->detail, sizeof(activity->detail),
		"BPF was loaded but can't read tasks (%s): short-lived processes are not seen and CPU time comes"
		" in 10 ms steps",
		strerror(-why));
	note_hierarchies(activity);
	activity_table_reset(table); /* ids and times of one source mean nothing to another */
	return activity->ops->baseline(activity, table);
}

int activity_baseline(struct activity *activity, struct activity_table *table)
{
	int r;

	r = activity->ops->baseline(activity, table);
	if (r < 0 && activity->ops == &activity_source_bpf)
		r = fall_back(activity, table, r);
	describe_cpus(activity, table);
	table->full = true;
	return r;
}

int activity_read(struct activity *activity, struct activity_table *table, bool full)
{
	int r = activity->ops->read(activity, table, full);

	describe_cpus(activity, table);
	table->full = full && r == 0;
	return r;
}

int activity_poll_fd(const struct activity *activity)
{
	return activity->ops->poll_fd ? activity->ops->poll_fd(activity) : -1;
}

void activity_drain(struct activity *activity, struct activity_table *table)
{
	if (activity->ops->drain)
		activity->ops->drain(activity, table);
}

int activity_cgroup_path(struct activity *activity, u32 hierarchy, u64 id, char *path, size_t size)
{
	return cgroup_tree_path(&activity->tree, hierarchy, id, path, size);
}

u32 activity_v1_hierarchy(const struct activity *activity)
{
	const struct cgroup_hierarchy *cpuacct = &activity->tree.hierarchy[CGROUP_CPUACCT];

	/* /proc tells the path of each process, also where the hierarchy is mounted elsewhere or
	 * not at all */
	if (activity->ops == &activity_source_proc)
		return cpuacct->id;
	return cpuacct->dir_fd < 0 ? 0 : cpuacct->id;
}

bool activity_knows_ids(const struct activity *activity)
{
	return activity->ops == &activity_source_bpf;
}

const char *activity_source(const struct activity *activity)
{
	return activity->ops->name;
}

const char *activity_detail(const struct activity *activity)
{
	return activity->detail;
}

u32 activity_lost(const struct activity *activity, struct activity_lost *lost)
{
	return activity->ops->lost(activity, lost);
}

bool activity_bpf_run_ns(const struct activity *activity, u64 *run_ns)
{
	return activity->ops->bpf_run_ns && activity->ops->bpf_run_ns(activity, run_ns);
}
