// SPDX-License-Identifier: Apache-2.0
/*
 * Activity by BPF: the only file that knows libbpf and the skeleton. The programs say how it works.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "activity/record.h"
#include "activity/source.h"
#include "base/clock.h"

/* The skeleton is generated; its casts are not ours to mend. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "bpf/activity.skel.h"
#pragma GCC diagnostic pop

/* The kernel hands out at most 8 pages of iterator output at a time. */
#define PASS_CHUNK_ROWS (65536 / (u32)sizeof(struct task_record))

/* Inode of the initial pid namespace: PROC_PID_INIT_INO of the kernel. */
#define INIT_PID_NS_INO 0xEFFFFFFCU

/* The cost figures are asked of the kernel once in so many reads. */
#define INFO_READS 10

struct source_bpf {
	struct activity_bpf *skel;
	struct ring_buffer *ring;
	struct activity_table *sink; /* where the ring's records go during a drain */
	u64 idle_seen[ABI_COUNTERS];
	u32 possible_cpus;
	u32 reads;
	u64 lost_seen; /* records that had found no room at the last look */
	u64 unplaced_seen_ns;
	u64 exits_before; /* threads that had exited at the last full pass */
	u64 zombies_at_start;
	u32 audits;
	u64 untold;   /* threads whose end was never told */
	u64 refused;  /* records that made no sense or found no memory */
	u64 failures; /* passes that failed */
	u64 recursion_misses;
	u64 run_ns;
	struct overflow_key keys[ABI_OVERFLOW_CGROUPS];
	struct overflow_value values[ABI_OVERFLOW_CGROUPS];
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct source_bpf *source = ctx;

	if (record_add(source->sink, data, size) < 0)
		source->refused++;
	return 0;
}

static bool has_type(const struct btf *btf, const char *name, u32 kind)
{
	return btf__find_by_name_kind(btf, name, kind) > 0;
}

static void choose_programs(struct activity *activity, struct activity_bpf *skel,
			    const struct btf *btf)
{
	bool folio = has_type(btf, "btf_trace_writeback_dirty_folio", BTF_KIND_TYPEDEF);
	bool page = has_type(btf, "btf_trace_writeback_dirty_page", BTF_KIND_TYPEDEF);
	bool fentry = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_TRACING, NULL) == 1;
	bool read_folio = fentry && has_type(btf, "folio_mark_accessed", BTF_KIND_FUNC);
	bool read_page =
		fentry && !read_folio && has_type(btf, "mark_page_accessed", BTF_KIND_FUNC);

	bpf_program__set_autoload(skel->progs.kepler_softirq, activity->options.irq_counters);
	bpf_program__set_autoload(skel->progs.kepler_dirty_folio, folio);
	bpf_program__set_autoload(skel->progs.kepler_dirty_page, !folio && page);
	bpf_program__set_autoload(skel->progs.kepler_folio_accessed, read_folio);
	bpf_program__set_autoload(skel->progs.kepler_page_accessed, read_page);
	skel->rodata->v1_hierarchy = activity_v1_hierarchy(activity);
	snprintf(
		activity->detail, sizeof(activity->detail),
		"every thread by BPF; page-cache writes: %s, reads: %s",
		folio || page ? "counted" : "not visible",
		read_folio || read_page
			? "counted"
			: "not visible (the kernel needs CONFIG_FUNCTION_TRACER and BPF trampolines)");
}

/*
 * Switches on what this kernel has: it is asked by name, never by version. Returns 0, or a negative
 * errno for a kernel that does not describe itself.
 */
static int calibrate(struct activity *activity, struct activity_bpf *skel)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return -ENOENT;
	choose_programs(activity, skel, btf);
	btf__free(btf);
	return 0;
}

static int load(struct activity *activity, struct source_bpf *source, bool fentry)
{
	int r;

	activity_bpf__destroy(source->skel);
	source->skel = activity_bpf__open();
	if (!source->skel)
		return -errno;
	r = calibrate(activity, source->skel);
	if (r < 0)
		return r;
	if (!fentry) {
		bpf_program__set_autoload(source->skel->progs.kepler_folio_accessed, false);
		bpf_program__set_autoload(source->skel->progs.kepler_page_accessed, false);
	}
	r = activity_bpf__load(source->skel);
	return r ? r : activity_bpf__attach(source->skel);
}

static bool wants_fentry(const struct source_bpf *source)
{
	return source->skel && (bpf_program__autoload(source->skel->progs.kepler_folio_accessed) ||
				bpf_program__autoload(source->skel->progs.kepler_page_accessed));
}

/* iter/task sees the caller's pid namespace only: in a container without the host's, that is a
 * fault. */
static void note_namespace(struct activity *activity)
{
	size_t len = strlen(activity->detail);
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != INIT_PID_NS_INO)
		snprintf(
			activity->detail + len, sizeof(activity->detail) - len,
			"; WARNING: this pid namespace is not the host's, only its processes are seen"
			" (run with the host's pid namespace, e.g. hostPID: true)");
}

static void source_bpf_close(struct activity *activity)
{
	struct source_bpf *source = activity->state;

	if (!source)
		return;
	ring_buffer__free(source->ring);
	activity_bpf__destroy(source->skel);
	free(source);
	activity->state = NULL;
}

static void explain(struct activity *activity, int r)
{
	const char *remedy = "see the kernel's log";

	if (r == -EPERM || r == -EACCES)
		remedy = "run as root or grant CAP_BPF and CAP_PERFMON";
	else if (r == -ESRCH || r == -ENOENT)
		remedy = "the kernel needs CONFIG_DEBUG_INFO_BTF";
	else if (r == -EINVAL)
		remedy = "the kernel must be 5.13 or later";
	else if (r == -EMFILE || r == -ENFILE)
		remedy = "allow more open files (ulimit -n 256)";
	snprintf(
		activity->detail, sizeof(activity->detail),
		"BPF was refused (%s): short-lived processes are not seen and CPU time comes in 10 ms steps; %s",
		strerror(-r), remedy);
}

static int source_bpf_open(struct activity *activity)
{
	struct source_bpf *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	activity->state = source;
	libbpf_set_print(quiet);
	source->possible_cpus = (u32)u64_min((u64)libbpf_num_possible_cpus(), ABI_CPUS_MAX);
	r = load(activity, source, true);
	/* fentry may be refused for the one function although the kernel has it: do without */
	if (r < 0 && wants_fentry(source))
		r = load(activity, source, false);
	if (r == 0) {
		source->ring = ring_buffer__new(bpf_map__fd(source->skel->maps.ring), on_record,
						source, NULL);
		r = source->ring ? 0 : -errno;
	}
	if (r < 0) {
		explain(activity, r);
		source_bpf_close(activity);
		return r;
	}
	note_namespace(activity);
	return 0;
}

static void source_bpf_drain(struct activity *activity, struct activity_table *table)
{
	struct source_bpf *source = activity->state;

	source->sink = table;
	source->skel->bss->control.woken = 0;
	ring_buffer__consume(source->ring);
}

/* One pass of the iterator, straight into the table's rows. */
static int pass(struct source_bpf *source, struct activity_table *table)
{
	int fd = bpf_iter_create(bpf_link__fd(source->skel->links.kepler_pass));
	int r = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t len;

		r = activity_table_reserve(table, PASS_CHUNK_ROWS);
		if (r < 0)
			break;
		len = read(fd, table->rows + table->count, PASS_CHUNK_ROWS * sizeof(*table->rows));
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (len <= 0) {
			r = len < 0 ? -errno : 0;
			break;
		}
		table->count += (u32)((size_t)len / sizeof(*table->rows));
	}
	close(fd);
	return r;
}

static int reserve_overflow(struct activity_table *table)
{
	if (!table->overflow)
		table->overflow = malloc((ABI_OVERFLOW_CGROUPS + 1) * sizeof(*table->overflow));
	return table->overflow ? 0 : -ENOMEM;
}

/* Takes what the overflow map holds. Rare: it is looked at only when more records were lost. */
static void take_overflow(struct source_bpf *source, struct activity_table *table)
{
	const struct abi_faults *faults = &source->skel->bss->faults;
	u64 lost = faults->ring_full, unplaced_ns = faults->unplaced_ns;
	u32 batch, count = ABI_OVERFLOW_CGROUPS;
	int r;

	if (lost == source->lost_seen || reserve_overflow(table) < 0)
		return;
	r = bpf_map_lookup_and_delete_batch(bpf_map__fd(source->skel->maps.overflow), NULL, &batch,
					    source->keys, source->values, &count, NULL);
	if (r < 0 && r != -ENOENT)
		return;
	for (u32 i = 0; i < count; i++)
		table->overflow[i] =
			(struct activity_overflow){ source->keys[i], source->values[i] };
	/* what found room nowhere is work of nobody known: the system's */
	table->overflow[count].key = (struct overflow_key){ 0 };
	table->overflow[count].value =
		(struct overflow_value){ .cpu_ns = unplaced_ns - source->unplaced_seen_ns };
	table->overflow_count = count + 1;
	source->lost_seen = lost;
	source->unplaced_seen_ns = unplaced_ns;
}

static void take_idle_counts(struct source_bpf *source, struct activity_table *table)
{
	for (u32 counter = 0; counter < ABI_COUNTERS; counter++) {
		u64 sum = 0;

		for (u32 cpu = 0; cpu < source->possible_cpus; cpu++)
			sum += source->skel->bss->idle_counts[cpu][counter];
		table->idle_count[counter] = (u32)(sum - source->idle_seen[counter]);
		source->idle_seen[counter] = sum;
	}
}

static void read_program_info(struct source_bpf *source)
{
	struct bpf_program *prog;
	u64 misses = 0, run_ns = 0;

	bpf_object__for_each_program(prog, source->skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		u32 len = sizeof(info);

		if (!bpf_program__autoload(prog) ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) < 0)
			continue;
		misses += info.recursion_misses;
		run_ns += info.run_time_ns;
	}
	source->recursion_misses = misses;
	source->run_ns = run_ns;
}

/*
 * Threads whose end was never told, as far as it is certain: of those that had exited when the full
 * pass before this one was made, less those whose end was told by now and those that nobody has
 * reaped.
 */
static void audit_ends(struct source_bpf *source)
{
	u64 zombies = source->skel->bss->zombies;
	u64 exits = 0, told = 0, known;

	for (u32 cpu = 0; cpu < source->possible_cpus; cpu++) {
		exits += source->skel->bss->ends[cpu].exits;
		told += source->skel->bss->ends[cpu].told;
	}
	if (!source->audits++)
		source->zombies_at_start =
			zombies; /* their ends will be told, their exits never were */
	known = told + zombies;
	exits += source->zombies_at_start;
	if (source->exits_before > known)
		source->untold = u64_max(source->untold, source->exits_before - known);
	source->exits_before = exits;
}

static int source_bpf_read(struct activity *activity, struct activity_table *table, bool full)
{
	struct source_bpf *source = activity->state;
	struct abi_control *control = &source->skel->bss->control;
	u64 begin_ns;
	int r;

	source_bpf_drain(activity, table);
	take_overflow(source, table);
	begin_ns = clock_boot_ns();
	control->full_pass = full;
	source->skel->bss->zombies = 0;
	r = pass(source, table);
	if (r == 0)
		control->last_pass_ns = begin_ns;
	else
		source->failures++;
	if (r == 0 && full)
		audit_ends(source);
	if (activity->options.irq_counters)
		take_idle_counts(source, table);
	if (source->reads++ % INFO_READS == 0)
		read_program_info(source);
	return r;
}

/* The programs are attached: a cgroup that the walk misses is told of by its event. */
static int source_bpf_baseline(struct activity *activity, struct activity_table *table)
{
	struct source_bpf *source = activity->state;
	int r = cgroup_tree_walk(&activity->tree, table);

	if (r < 0)
		return r;
	source->skel->bss->control.baseline_ns = clock_boot_ns();
	return source_bpf_read(activity, table, true);
}

static int source_bpf_poll_fd(const struct activity *activity)
{
	const struct source_bpf *source = activity->state;

	return ring_buffer__epoll_fd(source->ring);
}

static u32 source_bpf_lost(const struct activity *activity, struct activity_lost *lost)
{
	const struct source_bpf *source = activity->state;
	const struct abi_faults *faults = &source->skel->bss->faults;
	u32 n = 0;

	lost[n++] = (struct activity_lost){ "ring_full", faults->ring_full };
	lost[n++] = (struct activity_lost){ "cgroup_event", faults->cgroup_lost };
	lost[n++] = (struct activity_lost){ "overflow_full", faults->overflow_full };
	lost[n++] = (struct activity_lost){ "task_storage", faults->storage };
	lost[n++] = (struct activity_lost){ "end_unknown", faults->end_unknown };
	lost[n++] = (struct activity_lost){ "end_untold", source->untold };
	lost[n++] = (struct activity_lost){ "bpf_recursion", source->recursion_misses };
	lost[n++] = (struct activity_lost){ "bad_record", source->refused };
	lost[n++] = (struct activity_lost){ "pass_failed", source->failures };
	return n;
}

static bool source_bpf_run_ns(const struct activity *activity, u64 *run_ns)
{
	const struct source_bpf *source = activity->state;

	if (!source->run_ns)
		return false;
	*run_ns = source->run_ns;
	return true;
}

const struct activity_source_ops activity_source_bpf = {
	.name = "bpf",
	.open = source_bpf_open,
	.baseline = source_bpf_baseline,
	.read = source_bpf_read,
	.drain = source_bpf_drain,
	.poll_fd = source_bpf_poll_fd,
	.lost = source_bpf_lost,
	.bpf_run_ns = source_bpf_run_ns,
	.close = source_bpf_close,
};
