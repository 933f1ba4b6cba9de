// SPDX-License-Identifier: Apache-2.0
#include "activity/record.h"

#include <errno.h>
#include <string.h>

static int add_cgroup(struct activity_table *table, const struct cgroup_record *record)
{
	const struct cgroup_event event = {
		.hierarchy = record->hierarchy,
		.gone = record->flags & ABI_CGROUP_GONE,
		.id = record->id,
	};

	if (!memchr(record->path, '\0', sizeof(record->path)))
		return -EPROTO;
	if (!event.gone && record->path[0] != '/')
		return -EPROTO;
	return activity_table_add_event(table, &event, event.gone ? "" : record->path);
}

static int add_task(struct activity_table *table, const struct task_record *record)
{
	int r = activity_table_reserve(table, 1);

	if (r < 0)
		return r;
	table->rows[table->count] = *record;
	table->rows[table->count].comm[ABI_COMM_LEN - 1] = '\0';
	table->count++;
	return 0;
}

int record_add(struct activity_table *table, const void *data, size_t size)
{
	u32 flags;

	if (size < sizeof(flags))
		return -EPROTO;
	memcpy(&flags, data, sizeof(flags));
	if (flags & (ABI_CGROUP_NEW | ABI_CGROUP_GONE))
		return size == sizeof(struct cgroup_record) ? add_cgroup(table, data) : -EPROTO;
	if (flags & (ABI_TASK_ENDED | ABI_TASK_MOVED))
		return size == sizeof(struct task_record) ? add_task(table, data) : -EPROTO;
	return -EPROTO;
}
