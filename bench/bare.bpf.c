// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The reference of the tick: the least that a pass over all tasks can do and still be of use.
 * A record of 64 bytes per task: ids, start, run time and name.
 */
#include "bpf/kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct bare_record {
	__u32 pid;
	__u32 tgid;
	__u64 start_ns;
	__u64 run_ns;
	char comm[16];
	__u64 unused[3];
};

SEC("iter/task")
int bare_pass(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct bare_record record = {};

	if (!task)
		return 0;
	record.pid = task->pid;
	record.tgid = task->tgid;
	record.start_ns = task->start_boottime;
	record.run_ns = task->se.sum_exec_runtime;
	bpf_probe_read_kernel(record.comm, sizeof(record.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}
