// SPDX-License-Identifier: Apache-2.0
/*
 * A hash map from a pair of u64 to a u32 index: open addressing, linear probing, no allocation but
 * to grow. For the tables that every tick walks; elsewhere use uthash.
 */
#pragma once

#include "base/types.h"

#define U64MAP_NONE UINT32_MAX

struct u64map_slot {
	u64 a;
	u64 b;
	u32 value; /* U64MAP_NONE: the slot is empty */
};

struct u64map {
	struct u64map_slot *slots;
	u32 mask; /* number of slots less one; 0 slots when slots is NULL */
	u32 used;
};

void u64map_deinit(struct u64map *map);

/* The value of (a, b) or U64MAP_NONE. */
u32 u64map_get(const struct u64map *map, u64 a, u64 b);

/* Brings the slot of (a, b) near, for a look-up that comes soon. */
void u64map_prefetch(const struct u64map *map, u64 a, u64 b);

/* Sets the value of (a, b); @value must not be U64MAP_NONE. Returns 0 or -ENOMEM (nothing changed).
 */
int u64map_put(struct u64map *map, u64 a, u64 b, u32 value);

/* Forgets (a, b); unknown keys are ignored. */
void u64map_del(struct u64map *map, u64 a, u64 b);
