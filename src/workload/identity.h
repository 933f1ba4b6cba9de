// SPDX-License-Identifier: Apache-2.0
/*
 * Who a row of the books is: fixed when it is first exported, shared by reference between the
 * registry and the snapshots. Only the sampler thread takes and drops references.
 */
#pragma once

#include "base/types.h"

struct identity {
	u32 refs;
	u32 pid;       /* processes; 0 else and for rows that stand for many */
	u64 start_ns;  /* processes: start, boot clock; 0 else */
	char comm[16]; /* processes: command as the kernel has it, any bytes, NUL-terminated */
	char container_id[80];
	char container_name[80];
	char pod_name[80];
	char container_namespace[64]; /* of the container, or the namespace's own name */
	char vm_id[80];
	/*
	 * The labels of the row's level in classic form, escaped for the text formats, without
	 * braces and without the ones that all rows share: container_id="..",pod_name="..",...
	 */
	u16 labels_len;
	char labels[];
};

struct identity *identity_ref(struct identity *identity);
struct identity *identity_unref(struct identity *identity);
