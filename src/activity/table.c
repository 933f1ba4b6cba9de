// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "activity/activity.h"

void activity_table_reset(struct activity_table *table)
{
	table->count = 0;
	table->event_count = 0;
	table->text_len = 0;
	table->overflow_count = 0;
	table->full = false;
	memset(table->idle_count, 0, sizeof(table->idle_count));
}

void activity_table_deinit(struct activity_table *table)
{
	free(table->rows);
	free(table->events);
	free(table->text);
	free(table->overflow);
	*table = (struct activity_table){ 0 };
}

int activity_table_reserve(struct activity_table *table, u32 rows)
{
	u32 capacity = table->capacity ? table->capacity : 1024;
	struct task_record *grown;

	if (table->count + rows <= table->capacity)
		return 0;
	if (table->count + rows > ACTIVITY_ROWS_MAX)
		return -ENOBUFS;
	while (capacity < table->count + rows)
		capacity *= 2;
	grown = realloc(table->rows, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->rows = grown;
	table->capacity = capacity;
	return 0;
}

static int reserve_text(struct activity_table *table, u32 more)
{
	u32 capacity = table->text_capacity ? table->text_capacity : 4096;
	char *grown;

	if (table->text_len + more <= table->text_capacity)
		return 0;
	while (capacity < table->text_len + more)
		capacity *= 2;
	grown = realloc(table->text, capacity);
	if (!grown)
		return -ENOMEM;
	table->text = grown;
	table->text_capacity = capacity;
	return 0;
}

static int reserve_events(struct activity_table *table)
{
	u32 capacity = table->event_capacity ? table->event_capacity * 2 : 64;
	struct cgroup_event *grown;

	if (table->event_count < table->event_capacity)
		return 0;
	grown = realloc(table->events, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->events = grown;
	table->event_capacity = capacity;
	return 0;
}

int activity_table_add_event(struct activity_table *table, const struct cgroup_event *event,
			     const char *path)
{
	u32 len = (u32)strlen(path) + 1;
	int r = table->event_count < ACTIVITY_EVENTS_MAX ? reserve_events(table) : -ENOBUFS;

	if (r == 0)
		r = reserve_text(table, len);
	if (r < 0)
		return r;
	memcpy(table->text + table->text_len, path, len);
	table->events[table->event_count] = *event;
	table->events[table->event_count].path = table->text_len;
	table->event_count++;
	table->text_len += len;
	return 0;
}
