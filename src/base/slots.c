// SPDX-License-Identifier: Apache-2.0
#include "base/slots.h"

#include <stdlib.h>

#include "base/grow.h"

void slots_deinit(struct slots *slots)
{
	free(slots->free.index);
	free(slots->opened.index);
	free(slots->closed.index);
	*slots = (struct slots){ 0 };
}

int slot_list_add(struct slot_list *list, u32 index)
{
	int r = grow(&list->index, &list->capacity, list->count + 1, sizeof(*list->index));

	if (r < 0)
		return r;
	list->index[list->count++] = index;
	return 0;
}

u32 slots_open(struct slots *slots)
{
	bool again = slots->free.count > 0;
	u32 index;

	if (slots->live >= slots->limit)
		return SLOT_NONE;
	index = again ? slots->free.index[slots->free.count - 1] : slots->count;
	if (slot_list_add(&slots->opened, index) < 0)
		return SLOT_NONE;
	if (again)
		slots->free.count--;
	else
		slots->count++;
	slots->live++;
	return index;
}

int slots_fit(struct slots *slots, void *array, size_t size)
{
	return grow(array, &slots->capacity, slots->count, size);
}

void slots_close(struct slots *slots, u32 index)
{
	slots->live--;
	/* without memory the index is not used again: a leak of one slot, never a wrong one */
	slot_list_add(&slots->closed, index);
}

void slots_forget(struct slots *slots)
{
	for (u32 i = 0; i < slots->closed.count; i++)
		slot_list_add(&slots->free, slots->closed.index[i]);
	slots->opened.count = 0;
	slots->closed.count = 0;
}
