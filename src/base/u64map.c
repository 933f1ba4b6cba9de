// SPDX-License-Identifier: Apache-2.0
#include "base/u64map.h"

#include <errno.h>
#include <stdlib.h>

#define U64MAP_MIN_SLOTS 64

/* Multiply-xorshift mixing of both words; constants of MurmurHash3's 64-bit finalizer. */
static u32 u64map_hash(u64 a, u64 b)
{
	u64 h = a ^ (b * 0x9e3779b97f4a7c15ULL);

	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	h ^= h >> 33;
	return (u32)h;
}

static u32 u64map_find(const struct u64map *map, u64 a, u64 b)
{
	u32 i = u64map_hash(a, b) & map->mask;

	while (map->slots[i].value != U64MAP_NONE && (map->slots[i].a != a || map->slots[i].b != b))
		i = (i + 1) & map->mask;
	return i;
}

static int u64map_grow(struct u64map *map)
{
	u32 old_count = map->slots ? map->mask + 1 : 0;
	u32 count = old_count ? old_count * 2 : U64MAP_MIN_SLOTS;
	struct u64map grown = { .mask = count - 1, .used = map->used };

	grown.slots = malloc(count * sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (u32 i = 0; i < count; i++)
		grown.slots[i].value = U64MAP_NONE;
	for (u32 i = 0; i < old_count; i++) {
		const struct u64map_slot *slot = &map->slots[i];

		if (slot->value != U64MAP_NONE)
			grown.slots[u64map_find(&grown, slot->a, slot->b)] = *slot;
	}
	free(map->slots);
	*map = grown;
	return 0;
}

void u64map_deinit(struct u64map *map)
{
	free(map->slots);
	*map = (struct u64map){ 0 };
}

u32 u64map_get(const struct u64map *map, u64 a, u64 b)
{
	if (!map->slots)
		return U64MAP_NONE;
	return map->slots[u64map_find(map, a, b)].value;
}

void u64map_prefetch(const struct u64map *map, u64 a, u64 b)
{
	if (map->slots)
		__builtin_prefetch(&map->slots[u64map_hash(a, b) & map->mask]);
}

int u64map_put(struct u64map *map, u64 a, u64 b, u32 value)
{
	u32 i;

	/* at most half full: probes stay short also after deletions */
	if (!map->slots || map->used * 2 > map->mask) {
		int r = u64map_grow(map);

		if (r < 0)
			return r;
	}
	i = u64map_find(map, a, b);
	if (map->slots[i].value == U64MAP_NONE)
		map->used++;
	map->slots[i] = (struct u64map_slot){ .a = a, .b = b, .value = value };
	return 0;
}

/* Deletion moves later members of the probe run back, so no tombstones are needed. */
void u64map_del(struct u64map *map, u64 a, u64 b)
{
	u32 hole, i;

	if (!map->slots)
		return;
	hole = u64map_find(map, a, b);
	if (map->slots[hole].value == U64MAP_NONE)
		return;
	for (i = (hole + 1) & map->mask; map->slots[i].value != U64MAP_NONE;
	     i = (i + 1) & map->mask) {
		u32 home = u64map_hash(map->slots[i].a, map->slots[i].b) & map->mask;

		if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole].value = U64MAP_NONE;
	map->used--;
}
