// SPDX-License-Identifier: Apache-2.0
/*
 * Activity from /proc, where BPF is refused: the CPU time of processes that live at the tick, in
 * steps of 10 ms. Whoever lived and died between two ticks is not seen; the status says so.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activity/proc_stat.h"
#include "activity/source.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/grow.h"
#include "base/hash.h"
#include "base/u64map.h"

#define PROC_TEXT_MAX 4096
#define PROC_PROCESSES_MAX 262144
/* A process may be moved: its cgroup is read again once in so many reads. */
#define CGROUP_READS 8
/* Start times are cut to steps of a clock tick. */
#define START_STEP_NS (NSEC_PER_SEC / 100)
/* A path that no process was found in for so many reads is gone. */
#define PATH_READS (4 * CGROUP_READS)
/* Ids of paths stand in for those of cgroups, in a range that no kernel reaches. */
#define PATH_ID_BIT (1ULL << 63)

struct proc_process {
	u32 pid;
	u32 pass; /* of the last read that saw it */
	u64 start_ns;
	u64 cpu_ns;
	u64 cgroup_v2;
	u64 cgroup_v1;
	char comm[ABI_COMM_LEN];
	bool kthread;
	bool known; /* the figures above are set */
};

struct source_proc {
	struct proc_process *process;
	u32 count;
	u32 capacity;
	struct u64map by_pid;
	struct u64map known_paths;
	u32 pass;
	u64 baseline_ns;
	u64 unreadable; /* processes whose entries could not be read although they were there */
	u64 folded;     /* processes past the limit */
};

static u64 path_id(const char *path)
{
	return hash_text(path, SIZE_MAX, HASH_SEED) | PATH_ID_BIT;
}

/* Tells of a path when it is first met, and remembers when it was met last. */
static u64 learn_path(struct source_proc *source, struct activity_table *table, u32 hierarchy,
		      const char *path)
{
	const struct cgroup_event event = { .hierarchy = hierarchy, .id = path_id(path) };

	if (!path[0])
		return 0;
	if (u64map_get(&source->known_paths, event.id, hierarchy) == U64MAP_NONE &&
	    activity_table_add_event(table, &event, path) < 0)
		return event.id;
	u64map_put(&source->known_paths, event.id, hierarchy, source->pass);
	return event.id;
}

static void read_cgroup(struct activity *activity, struct activity_table *table,
			struct proc_process *process)
{
	struct source_proc *source = activity->state;
	char name[32], text[PROC_TEXT_MAX], unified[1024], cpuacct[1024];

	snprintf(name, sizeof(name), "%u/cgroup", process->pid);
	if (sysroot_read_text(activity->root->proc_fd, name, text, sizeof(text)) <= 0)
		return;
	proc_pid_cgroup_parse(text, unified, cpuacct, sizeof(unified));
	process->cgroup_v2 = learn_path(source, table, 0, unified);
	process->cgroup_v1 =
		learn_path(source, table, activity->tree.hierarchy[CGROUP_CPUACCT].id, cpuacct);
}

static int emit(struct activity_table *table, const struct proc_process *process, u64 cpu_ns,
		u32 flags)
{
	struct task_record *row;
	int r = activity_table_reserve(table, 1);

	if (r < 0)
		return r;
	row = &table->rows[table->count++];
	*row = (struct task_record){
		.flags = flags | ABI_TASK_LEADER | (process->kthread ? ABI_TASK_KTHREAD : 0),
		.pid = process->pid,
		.start_ns = process->start_ns,
		.cgroup_v2 = process->cgroup_v2,
		.cgroup_v1 = process->cgroup_v1,
		.cpu_ns = cpu_ns,
	};
	memcpy(row->comm, process->comm, sizeof(row->comm));
	return 0;
}

static struct proc_process *add_process(struct source_proc *source, u32 pid)
{
	if (source->count >= PROC_PROCESSES_MAX) {
		source->folded++;
		return NULL;
	}
	if (grow(&source->process, &source->capacity, source->count + 1, sizeof(*source->process)) <
	    0)
		return NULL;
	if (u64map_put(&source->by_pid, pid, 0, source->count) < 0)
		return NULL;
	source->process[source->count] = (struct proc_process){ .pid = pid };
	return &source->process[source->count++];
}

static struct proc_process *find_process(struct source_proc *source, u32 pid)
{
	u32 index = u64map_get(&source->by_pid, pid, 0);

	return index == U64MAP_NONE ? NULL : &source->process[index];
}

/* Run time to report of a process that is met for the first time: all of it, if it was born since.
 */
static u64 first_cpu_ns(const struct source_proc *source, const struct proc_pid_stat *stat)
{
	bool older = stat->start_ns + START_STEP_NS <= source->baseline_ns;

	return older || source->pass == 1 ? 0 : stat->cpu_ns;
}

static int read_process(struct activity *activity, struct activity_table *table, u32 pid, bool full)
{
	struct source_proc *source = activity->state;
	struct proc_process *process = find_process(source, pid);
	char name[32], text[PROC_TEXT_MAX];
	struct proc_pid_stat stat;
	u64 cpu_ns;
	ssize_t len;

	snprintf(name, sizeof(name), "%u/stat", pid);
	len = sysroot_read_text(activity->root->proc_fd, name, text, sizeof(text));
	if (len <= 0 || proc_pid_stat_parse(text, &stat) < 0) {
		source->unreadable += len != -ENOENT && len != -ESRCH;
		return 0;
	}
	if (process && process->known && process->start_ns != stat.start_ns) {
		emit(table, process, 0, ABI_TASK_ENDED | ABI_TASK_GROUP_GONE);
		*process = (struct proc_process){ .pid = pid };
	}
	if (!process)
		process = add_process(source, pid);
	if (!process)
		return 0;
	cpu_ns = process->known ? stat.cpu_ns - u64_min(stat.cpu_ns, process->cpu_ns)
				: first_cpu_ns(source, &stat);
	if (!process->known || source->pass % CGROUP_READS == pid % CGROUP_READS)
		read_cgroup(activity, table, process);
	process->known = true;
	process->start_ns = stat.start_ns;
	process->cpu_ns = stat.cpu_ns;
	process->kthread = stat.kthread;
	process->pass = source->pass;
	memcpy(process->comm, stat.comm, sizeof(process->comm));
	return cpu_ns || full ? emit(table, process, cpu_ns, 0) : 0;
}

/* Ends the processes that this pass did not see. */
static void sweep(struct source_proc *source, struct activity_table *table)
{
	u32 i = 0;

	while (i < source->count) {
		struct proc_process *process = &source->process[i];

		if (process->pass == source->pass) {
			i++;
			continue;
		}
		emit(table, process, 0, ABI_TASK_ENDED | ABI_TASK_GROUP_GONE);
		u64map_del(&source->by_pid, process->pid, 0);
		source->count--;
		if (i < source->count) {
			*process = source->process[source->count];
			u64map_put(&source->by_pid, process->pid, 0, i);
		}
	}
}

/* Tells of paths that no process has been in for some time: nobody announces the end of a cgroup
 * here. */
static void forget_paths(struct source_proc *source, struct activity_table *table)
{
	struct u64map *paths = &source->known_paths;
	u32 i = 0;

	while (paths->slots && i <= paths->mask) {
		const struct u64map_slot slot = paths->slots[i];
		const struct cgroup_event event = { .hierarchy = (u32)slot.b,
						    .gone = true,
						    .id = slot.a };

		if (slot.value == U64MAP_NONE || source->pass - slot.value <= PATH_READS) {
			i++;
			continue;
		}
		if (activity_table_add_event(table, &event, "") < 0)
			return;
		u64map_del(paths, slot.a, slot.b); /* may move another one here: look again */
	}
}

static int source_proc_read(struct activity *activity, struct activity_table *table, bool full)
{
	struct source_proc *source = activity->state;
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	int fd = openat(activity->root->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	source->pass++;
	while ((entry = readdir(dir))) {
		int r;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		r = read_process(activity, table, (u32)strtoul(entry->d_name, NULL, 10), full);
		if (r < 0)
			return r;
	}
	sweep(source, table);
	if (source->pass % PATH_READS == 0)
		forget_paths(source, table);
	return 0;
}

static int source_proc_baseline(struct activity *activity, struct activity_table *table)
{
	struct source_proc *source = activity->state;

	source->baseline_ns = clock_boot_ns();
	return source_proc_read(activity, table, true);
}

static int source_proc_open(struct activity *activity)
{
	activity->state = calloc(1, sizeof(struct source_proc));
	return activity->state ? 0 : -ENOMEM;
}

static void source_proc_close(struct activity *activity)
{
	struct source_proc *source = activity->state;

	if (!source)
		return;
	u64map_deinit(&source->by_pid);
	u64map_deinit(&source->known_paths);
	free(source->process);
	free(source);
	activity->state = NULL;
}

static u32 source_proc_lost(const struct activity *activity, struct activity_lost *lost)
{
	const struct source_proc *source = activity->state;

	lost[0] = (struct activity_lost){ "proc_unreadable", source->unreadable };
	lost[1] = (struct activity_lost){ "proc_limit", source->folded };
	return 2;
}

const struct activity_source_ops activity_source_proc = {
	.name = "proc",
	.open = source_proc_open,
	.baseline = source_proc_baseline,
	.read = source_proc_read,
	.lost = source_proc_lost,
	.close = source_proc_close,
};
