// SPDX-License-Identifier: Apache-2.0
/*
 * Places: the cgroups of the machine, and whose they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "workload/registry_internal.h"

#define PATH_BYTES_MAX 4096
/* Cgroups that are asked for at a time. */
#define AUDIT_PLACES 256

static enum place_rank rank_of(const struct cgroup_identity *path)
{
	switch (path->kind) {
	case CGROUP_CONTAINER:
		return PLACE_CONTAINER;
	case CGROUP_VM:
		return PLACE_VM;
	default:
		return path->unit[0] ? PLACE_UNIT : PLACE_ROOT;
	}
}

static struct place *open_place(struct registry *registry, u32 hierarchy, u64 id)
{
	struct slots *slots = &registry->places;
	u32 index = slots_open(slots);

	if (index == SLOT_NONE)
		return NULL;
	if (slots_fit(slots, &registry->place, sizeof(struct place)) < 0 ||
	    u64map_put(&registry->place_map, id, hierarchy, index) < 0) {
		slots_close(slots, index);
		return NULL;
	}
	registry->place[index] = (struct place){
		.id = id,
		.hierarchy = hierarchy,
		.container = CONTAINER_SYSTEM,
		.vm = SLOT_NONE,
	};
	return &registry->place[index];
}

static void leave(struct registry *registry, const struct place *place, u64 now_ns)
{
	if (place->rank == PLACE_CONTAINER)
		registry_group_leave(registry, GROUP_CONTAINER, place->container, now_ns);
	else if (place->rank == PLACE_VM)
		registry_group_leave(registry, GROUP_VM, place->vm, now_ns);
}

/* The row that the cgroup at @path speaks for, entered; SLOT_NONE when it may not. */
static u32 enter_group(struct registry *registry, enum registry_group_kind kind, u32 hierarchy,
		       const char *path, const struct cgroup_identity *identity)
{
	u32 group = registry_group(registry, kind, identity);

	if (group == SLOT_NONE)
		return SLOT_NONE;
	if (!registry_group_claims(registry, kind, group, hierarchy,
				   registry_prefix(path, identity->prefix_len))) {
		registry->impostors++;
		return SLOT_NONE;
	}
	registry_group_enter(registry, kind, group);
	return group;
}

static void enter(struct registry *registry, struct place *place, const char *path)
{
	struct cgroup_identity identity;
	u32 group;

	cgroup_path_parse(path, &identity);
	place->container = CONTAINER_SYSTEM;
	place->vm = SLOT_NONE;
	place->rank = rank_of(&identity);
	if (place->rank != PLACE_CONTAINER && place->rank != PLACE_VM)
		return;
	group = enter_group(registry, place->rank == PLACE_VM ? GROUP_VM : GROUP_CONTAINER,
			    place->hierarchy, path, &identity);
	if (group == SLOT_NONE)
		place->rank = PLACE_UNIT;
	else if (place->rank == PLACE_VM)
		place->vm = group;
	else
		place->container = group;
}

static struct place *find_place(const struct registry *registry, u32 hierarchy, u64 id)
{
	u32 index = u64map_get(&registry->place_map, id, hierarchy);

	return index == U64MAP_NONE ? NULL : &registry->place[index];
}

void registry_cgroup_new(struct registry *registry, u32 hierarchy, u64 id, const char *path)
{
	struct place *place = find_place(registry, hierarchy, id);

	if (place && !place->gone_ns) {
		/* told twice (found by the walk and made meanwhile), or renamed */
		struct place before = *place;

		enter(registry, place, path);
		leave(registry, &before, u64_max(registry->now_ns, 1));
		return;
	}
	if (!place)
		place = open_place(registry, hierarchy, id);
	if (!place)
		return;
	place->gone_ns = 0;
	enter(registry, place, path);
}

/* It is remembered for the linger from here on. */
static void lay_down(struct registry *registry, struct place *place, u64 now_ns)
{
	place->gone_ns = now_ns;
	/* it may have come back since it was listed */
	if (!place->listed)
		place->listed =
			slot_list_add(&registry->dying_places, (u32)(place - registry->place)) == 0;
}

void registry_cgroup_gone(struct registry *registry, u32 hierarchy, u64 id, u64 now_ns)
{
	struct place *place = find_place(registry, hierarchy, id);

	if (!place || place->gone_ns)
		return;
	registry->now_ns = u64_max(registry->now_ns, now_ns);
	leave(registry, place, now_ns);
	lay_down(registry, place, now_ns);
}

void registry_sweep_places(struct registry *registry, u64 now_ns)
{
	struct slot_list *dying = &registry->dying_places;
	u32 kept = 0;

	for (u32 i = 0; i < dying->count; i++) {
		u32 index = dying->index[i];
		struct place *place = &registry->place[index];

		if (!place->gone_ns) {
			place->listed = false;
			continue;
		}
		if (now_ns - place->gone_ns < PLACE_LINGER_NS) {
			dying->index[kept++] = index;
			continue;
		}
		u64map_del(&registry->place_map, place->id, place->hierarchy);
		slots_close(&registry->places, index);
	}
	dying->count = kept;
}

void registry_audit_places(struct registry *registry, u64 now_ns)
{
	u32 count = registry->places.count;
	char path[PATH_BYTES_MAX];

	for (u32 i = 0; i < AUDIT_PLACES && i < count && registry->resolve; i++) {
		const struct place *place = &registry->place[registry->audited++ % count];
		u32 hierarchy = place->hierarchy;
		u64 id = place->id;

		if (!id || place->gone_ns)
			continue;
		if (registry->resolve(registry->resolve_ctx, hierarchy, id, path, sizeof(path)) ==
		    -ENOENT)
			registry_cgroup_gone(registry, hierarchy, id, now_ns);
	}
}

/* A cgroup nobody told of: ask once; when it is gone, its work is the system's. */
static struct place *learn(struct registry *registry, u32 hierarchy, u64 id)
{
	char path[PATH_BYTES_MAX];
	struct place *place;

	if (registry->places.live >= registry->places.limit) {
		registry->places_refused++;
		return NULL;
	}

	if (registry->resolve &&
	    registry->resolve(registry->resolve_ctx, hierarchy, id, path, sizeof(path)) == 0) {
		registry_cgroup_new(registry, hierarchy, id, path);
		return find_place(registry, hierarchy, id);
	}
	registry->unknown_cgroups++;
	place = open_place(registry, hierarchy, id);
	if (place)
		lay_down(registry, place, u64_max(registry->now_ns, 1));
	return place;
}

static const struct place *known_place(struct registry *registry, u32 hierarchy, u64 id)
{
	struct place *place;

	if (!id)
		return NULL;
	place = find_place(registry, hierarchy, id);
	return place ? place : learn(registry, hierarchy, id);
}

struct whereabouts registry_place(struct registry *registry, u64 cgroup_v2, u64 cgroup_v1,
				  u32 v1_hierarchy)
{
	const struct place *v2 = known_place(registry, 0, cgroup_v2);
	const struct place *v1;
	const struct place *best;

	/* learning of one may move the array that holds the other */
	v1 = known_place(registry, v1_hierarchy, cgroup_v1);
	v2 = cgroup_v2 ? find_place(registry, 0, cgroup_v2) : v2;
	best = !v2 || (v1 && v1->rank > v2->rank) ? v1 : v2;
	if (!best)
		return (struct whereabouts){ CONTAINER_SYSTEM, SLOT_NONE };
	return (struct whereabouts){ best->container, best->vm };
}
