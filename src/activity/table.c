// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "activity/activity.h"
#include "base/grow.h"

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
	if (table->count + rows > ACTIVITY_ROWS_MAX)
		return -ENOBUFS;
	return grow(&table->rows, &table->capacity, table->count + rows, sizeof(*table->rows));
}

int activity_table_add_event(struct activity_table *table, const struct cgroup_event *event,
			     const char *path)
{
	u32 len = (u32)strlen(path) + 1;
	int r;

	if (table->event_count >= ACTIVITY_EVENTS_MAX)
		return -ENOBUFS;
	r = grow(&table->events, &table->event_capacity, table->event_count + 1,
		 sizeof(*table->events));
	if (r == 0)
		r = grow(&table->text, &table->text_capacity, table->text_len + len, 1);
	if (r < 0)
		return r;
	memcpy(table->text + table->text_len, path, len);
	table->events[table->event_count] = *event;
	table->events[table->event_count].path = table->text_len;
	table->event_count++;
	table->text_len += len;
	return 0;
}
