// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who worked: run time of every thread, without a program on any context switch.
 *
 * The kernel already keeps each thread's run time (se.sum_exec_runtime). A pass of the task
 * iterator reports what changed since the previous pass; a thread that ends in between is reported
 * from sched_process_free, where its account is final. The last value reported lives in task
 * storage, so that the two can never report the same nanosecond twice, and a record that is not
 * delivered changes nothing. User space sees differences; adding them up is exact.
 */
#include "bpf/kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct task_state {
	__u64 reported_ns; /* run time reported so far */
	__u64 group_start_ns;
	__u64 set;       /* address of its css_set when it was last looked at; 0: not looked at */
	__u64 cgroup_v2; /* where it was then */
	__u64 cgroup_v1;
	__u32 count[ABI_COUNTERS];
	__u32 reported[ABI_COUNTERS];
	__u32 known; /* reported_ns is set: the iterator has been here */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} task_states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ABI_RING_BYTES);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_OVERFLOW_CGROUPS);
	__type(key, struct overflow_key);
	__type(value, struct overflow_value);
} overflow SEC(".maps");

/* Hierarchy id of cpuacct when it is mounted as cgroup v1, else 0. */
const volatile __u32 v1_hierarchy;

struct abi_control control;
struct abi_faults faults;

/* Softirqs that interrupted an idle CPU: nobody's work, kept apart. */
__u64 idle_counts[ABI_CPUS_MAX][ABI_COUNTERS];

/*
 * Set while this CPU is inside a look-up of task storage. Before 6.2 a look-up that interrupts
 * another one finds nothing; from then on nothing found means that there is nothing.
 */
volatile __u32 storage_busy[ABI_CPUS_MAX];

/*
 * Threads that exited, and end records among them, by CPU: the difference is what was never told.
 * An exit runs as the thread itself; the end comes later, on top of whoever is interrupted, and
 * some kernels run no BPF on top of some.
 */
struct abi_ends ends[ABI_CPUS_MAX];
__u64 zombies; /* that the full pass under way has met */

/* A thread may be hashed this long after its start time was taken: what a pass can just have
 * missed. */
#define BIRTH_SLACK_NS 100000000ULL

static __always_inline void fault(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static __always_inline __u64 cgroup_v1_id(struct css_set *set)
{
	struct cgroup_subsys_state *css;
	struct cgroup_subsys_state **slots;
	__u32 index;

	if (!v1_hierarchy || !bpf_core_enum_value_exists(enum cgroup_subsys_id, cpuacct_cgrp_id))
		return 0;
	index = bpf_core_enum_value(enum cgroup_subsys_id, cpuacct_cgrp_id);
	slots = (void *)__builtin_preserve_access_index(&set->subsys);
	if (bpf_probe_read_kernel(&css, sizeof(css), slots + index))
		return 0;
	return BPF_CORE_READ(css, cgroup, kn, id);
}

static __always_inline volatile __u32 *busy_mark(void)
{
	return &storage_busy[bpf_get_smp_processor_id() & (ABI_CPUS_MAX - 1)];
}

static __always_inline struct task_state *state_of(struct task_struct *task, __u64 flags)
{
	volatile __u32 *busy = busy_mark();
	struct task_state *state;

	*busy = 1;
	state = bpf_task_storage_get(&task_states, task, 0, flags);
	*busy = 0;
	return state;
}

/*
 * The group's leader, or NULL when it may be gone: a leader that was freed before its threads
 * leaves a dangling pointer, which the cross-checks of pid and signal unmask.
 */
static __always_inline struct task_struct *leader_of(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	if (leader->pid != task->tgid || leader->tgid != task->tgid ||
	    leader->signal != task->signal)
		return 0;
	return leader;
}

/*
 * Where the task is. Its css_set changes when one of its cgroups does; its address may be used
 * again, so that full passes look anew.
 */
static __always_inline void locate(struct task_record *record, struct task_struct *task,
				   struct task_state *state)
{
	struct css_set *set = task->cgroups;

	if (state && state->set == (__u64)set && !control.full_pass) {
		record->cgroup_v2 = state->cgroup_v2;
		record->cgroup_v1 = state->cgroup_v1;
		return;
	}
	record->cgroup_v2 = set->dfl_cgrp->kn->id;
	record->cgroup_v1 = cgroup_v1_id(set);
	if (state) {
		state->set = (__u64)set;
		state->cgroup_v2 = record->cgroup_v2;
		state->cgroup_v1 = record->cgroup_v1;
	}
}

static __always_inline void describe(struct task_record *record, struct task_struct *task)
{
	struct task_struct *leader = leader_of(task);

	record->pid = task->tgid;
	record->flags = (task->flags & PF_KTHREAD ? ABI_TASK_KTHREAD : 0) |
			(task->pid == task->tgid ? ABI_TASK_LEADER : 0);
	if (leader) {
		record->start_ns = leader->start_boottime;
		record->flags |= (__u32)leader->self_exec_id << ABI_EXEC_SHIFT;
		bpf_probe_read_kernel(record->comm, sizeof(record->comm), leader->comm);
	} else {
		record->start_ns = 0;
		bpf_probe_read_kernel(record->comm, sizeof(record->comm), task->comm);
	}
}

/* Differences of the counters; true when one moved. */
static __always_inline bool count_changes(struct task_record *record,
					  const struct task_state *state)
{
	__u32 any = 0;

#pragma unroll
	for (int i = 0; i < ABI_COUNTERS; i++) {
		record->count[i] = state->count[i] - state->reported[i];
		any |= record->count[i];
	}
	return any != 0;
}

static __always_inline bool counters_moved(const struct task_state *state)
{
	__u32 any = 0;

#pragma unroll
	for (int i = 0; i < ABI_COUNTERS; i++)
		any |= state->count[i] ^ state->reported[i];
	return any != 0;
}

static __always_inline struct task_state *state_for_pass(struct task_struct *task, __u64 run_ns)
{
	struct task_state *state = state_of(task, 0);

	if (state && state->known)
		return state;
	if (!state)
		state = state_of(task, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state) {
		fault(&faults.storage);
		return 0;
	}
	/* what ran before the agent did is not its to report */
	state->reported_ns = task->start_boottime < control.baseline_ns ? run_ns : 0;
	state->known = 1;
	return state;
}

/* What @record tells has been told. */
static __always_inline void settle_state(struct task_state *state, const struct task_record *record,
					 __u64 run_ns)
{
	state->reported_ns = run_ns;
	state->group_start_ns = record->start_ns;
#pragma unroll
	for (int i = 0; i < ABI_COUNTERS; i++)
		state->reported[i] += record->count[i];
}

SEC("iter/task")
int kepler_pass(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_record record;
	struct task_state *state;
	__u64 run_ns;

	if (!task || task->exit_state & EXIT_DEAD)
		return 0; /* the rest of a dead one is its end record's to tell, and only once */
	run_ns = task->se.sum_exec_runtime;
	state = state_for_pass(task, run_ns);
	if (!state)
		return 0;
	if (run_ns == state->reported_ns && !counters_moved(state) && !control.full_pass)
		return 0;
	describe(&record, task);
	locate(&record, task, state);
	record.cpu_ns = run_ns > state->reported_ns ? run_ns - state->reported_ns : 0;
	count_changes(&record, state);
	/* The iterator comes back to the same task when its buffer was full: change nothing before.
	 */
	if (bpf_seq_write(ctx->meta->seq, &record, sizeof(record)))
		return 0;
	settle_state(state, &record, run_ns);
	if (control.full_pass && task->exit_state & EXIT_ZOMBIE)
		zombies++;
	return 0;
}

/* Wakes user space once when the ring is half full; a record alone is never worth a wake-up. */
static __always_inline __u64 ring_flags(void)
{
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < ABI_RING_BYTES / 2 || control.woken)
		return BPF_RB_NO_WAKEUP;
	control.woken = 1;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void add_overflow(const struct task_record *record)
{
	struct overflow_key key = { record->cgroup_v2, record->cgroup_v1,
				    record->flags & ABI_TASK_KTHREAD };
	struct overflow_value fresh = { 0 };
	struct overflow_value *value;

	value = bpf_map_lookup_elem(&overflow, &key);
	if (!value) {
		bpf_map_update_elem(&overflow, &key, &fresh, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&overflow, &key);
	}
	if (!value) {
		fault(&faults.overflow_full);
		__sync_fetch_and_add(&faults.unplaced_ns, record->cpu_ns);
		fault(&faults.ring_full);
		return;
	}
	__sync_fetch_and_add(&value->cpu_ns, record->cpu_ns);
	__sync_fetch_and_add(&value->records, 1);
	fault(&faults.ring_full); /* last: user space looks into the map when this has moved */
}

/* Sends @record, or keeps its run time by cgroup where the ring is full. */
static __always_inline void send(const struct task_record *record)
{
	struct task_record *slot = bpf_ringbuf_reserve(&ring, sizeof(*slot), 0);

	if (!slot) {
		add_overflow(record);
		return;
	}
	__builtin_memcpy(slot, record, sizeof(*slot));
	bpf_ringbuf_submit(slot, ring_flags());
}

/*
 * Run time that no pass has reported, and the counters with it. False: the thread ended before the
 * first pass could have seen it, and is none of the agent's.
 */
static __always_inline bool tail_of(struct task_record *record, struct task_struct *task)
{
	bool interrupts = *busy_mark();
	struct task_state *state = bpf_task_storage_get(&task_states, task, 0, 0);
	__u64 run_ns = task->se.sum_exec_runtime;
	bool ours = task->start_boottime >= control.baseline_ns;

	__builtin_memset(record->count, 0, sizeof(record->count));
	record->cpu_ns = 0;
	if (state) {
		count_changes(record, state);
		if (state->group_start_ns && !record->start_ns)
			record->start_ns = state->group_start_ns;
	}
	if (state && state->known)
		record->cpu_ns = run_ns > state->reported_ns ? run_ns - state->reported_ns : 0;
	else if (interrupts && task->start_boottime + BIRTH_SLACK_NS < control.last_pass_ns)
		fault(&faults.end_unknown); /* it may have been reported: better a gap than twice */
	else if (ours)
		record->cpu_ns = run_ns; /* no pass has seen it */
	return ours || state || interrupts;
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(kepler_task_free, struct task_struct *task)
{
	struct task_record record;

	if (!control.baseline_ns)
		return 0;
	ends[bpf_get_smp_processor_id() & (ABI_CPUS_MAX - 1)].told++;
	describe(&record, task);
	locate(&record, task, 0);
	if (!tail_of(&record, task))
		return 0;
	record.flags |= ABI_TASK_ENDED;
	if (task->signal->nr_threads == 0)
		record.flags |= ABI_TASK_GROUP_GONE;
	else if (!record.cpu_ns &&
		 !(record.count[0] | record.count[1] | record.count[2] | record.count[3]))
		return 0; /* an idle thread of a live process says nothing new */
	send(&record);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(kepler_task_exit, struct task_struct *task)
{
	if (control.baseline_ns)
		ends[bpf_get_smp_processor_id() & (ABI_CPUS_MAX - 1)].exits++;
	return 0;
}

/* Where a task was before a move: where it was last looked at, or where its parent made it. */
static __always_inline void locate_before(struct task_record *record,
					  const struct task_state *state, struct task_struct *task)
{
	struct css_set *parent = task->real_parent->cgroups;

	if (state->set) {
		record->cgroup_v2 = state->cgroup_v2;
		record->cgroup_v1 = state->cgroup_v1;
	} else {
		record->cgroup_v2 = parent->dfl_cgrp->kn->id;
		record->cgroup_v1 = cgroup_v1_id(parent);
	}
}

/*
 * A move: what the task ran until now belongs to where it came from. The event tells of the group's
 * leader only; what the other threads ran since the last pass goes with them.
 */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(kepler_cgroup_attach, struct cgroup *to, const char *path, struct task_struct *task)
{
	__u64 run_ns = task->se.sum_exec_runtime;
	__u32 hierarchy = to->root->hierarchy_id;
	struct task_record record, now;
	struct task_state *state;

	if (!control.baseline_ns || (hierarchy != 0 && hierarchy != v1_hierarchy))
		return 0;
	state = state_for_pass(task, run_ns);
	if (!state)
		return 0;
	describe(&record, task);
	locate_before(&record, state, task);
	record.flags |= ABI_TASK_MOVED;
	record.cpu_ns = run_ns > state->reported_ns ? run_ns - state->reported_ns : 0;
	if (count_changes(&record, state) || record.cpu_ns)
		send(&record);
	settle_state(state, &record, run_ns);
	locate(&now, task, state);
	return 0;
}

static __always_inline int report_cgroup(struct cgroup *cgroup, const char *path)
{
	__u32 hierarchy = cgroup->root->hierarchy_id;
	struct cgroup_record *slot;

	if (hierarchy != 0 && hierarchy != v1_hierarchy)
		return 0;
	slot = bpf_ringbuf_reserve(&ring, sizeof(*slot), 0);
	if (!slot) {
		fault(&faults.cgroup_lost);
		return 0;
	}
	slot->flags = path ? ABI_CGROUP_NEW : ABI_CGROUP_GONE;
	slot->hierarchy = hierarchy;
	slot->id = cgroup->kn->id;
	slot->path[0] = '\0';
	if (path)
		bpf_probe_read_kernel_str(slot->path, sizeof(slot->path), path);
	bpf_ringbuf_submit(slot, ring_flags());
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(kepler_cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	return report_cgroup(cgroup, path);
}

SEC("tp_btf/cgroup_rename")
int BPF_PROG(kepler_cgroup_rename, struct cgroup *cgroup, const char *path)
{
	return report_cgroup(cgroup, path);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(kepler_cgroup_rmdir, struct cgroup *cgroup, const char *path)
{
	return report_cgroup(cgroup, 0);
}

static __always_inline void count_for_current(__u32 counter)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state;

	if (task->pid == 0) {
		idle_counts[bpf_get_smp_processor_id() & (ABI_CPUS_MAX - 1)]
			   [counter & (ABI_COUNTERS - 1)]++;
		return;
	}
	state = state_of(task, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (state)
		state->count[counter]++;
	else
		fault(&faults.storage);
}

SEC("?tp_btf/softirq_entry")
int BPF_PROG(kepler_softirq, unsigned int vector)
{
	if (vector == NET_TX_SOFTIRQ)
		count_for_current(ABI_NET_TX);
	else if (vector == NET_RX_SOFTIRQ)
		count_for_current(ABI_NET_RX);
	else if (vector == BLOCK_SOFTIRQ)
		count_for_current(ABI_BLOCK);
	return 0;
}

SEC("?tp_btf/writeback_dirty_folio")
int BPF_PROG(kepler_dirty_folio)
{
	count_for_current(ABI_PAGE_CACHE);
	return 0;
}

SEC("?tp_btf/writeback_dirty_page")
int BPF_PROG(kepler_dirty_page)
{
	count_for_current(ABI_PAGE_CACHE);
	return 0;
}

SEC("?fentry/folio_mark_accessed")
int BPF_PROG(kepler_folio_accessed)
{
	count_for_current(ABI_PAGE_CACHE);
	return 0;
}

SEC("?fentry/mark_page_accessed")
int BPF_PROG(kepler_page_accessed)
{
	count_for_current(ABI_PAGE_CACHE);
	return 0;
}
