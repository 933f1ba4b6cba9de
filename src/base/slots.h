// SPDX-License-Identifier: Apache-2.0
/*
 * Hands out indices into dense arrays, keeps which were opened and closed since the last look, and
 * never exceeds a limit.
 */
#pragma once

#include "base/types.h"

#define SLOT_NONE UINT32_MAX

struct slot_list {
	u32 *index;
	u32 count;
	u32 capacity;
};

struct slots {
	u32 count; /* indices ever handed out: the arrays' length */
	u32 live;
	u32 limit;
	u32 capacity; /* of the arrays, kept by slots_fit() */
	struct slot_list free;
	struct slot_list opened; /* since slots_forget() */
	struct slot_list closed;
};

void slots_deinit(struct slots *slots);

/* Appends to a list. Returns 0 or -ENOMEM. */
int slot_list_add(struct slot_list *list, u32 index);

/* A free index, or SLOT_NONE at the limit or without memory. */
u32 slots_open(struct slots *slots);

/*
 * Makes the array at *@array (members of @size bytes) as long as the indices handed out; new
 * members are zeroed. Returns 0 or -ENOMEM, with the array as it was.
 */
int slots_fit(struct slots *slots, void *array, size_t size);

/* Gives @index back; it is handed out again after the next slots_forget() at the earliest. */
void slots_close(struct slots *slots, u32 index);

/* Clears both lists; what was closed is free from here on. */
void slots_forget(struct slots *slots);
