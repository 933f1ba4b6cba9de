// SPDX-License-Identifier: Apache-2.0
/*
 * The registry's frame: creation, containers, VMs and namespaces. Processes and places have files
 * of their own.
 */
#include "workload/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "workload/naming.h"
#include "workload/registry_internal.h"

#define NAMESPACES_MAX 1024
/* Cgroups, those removed lately included; what is beyond is the system's work. */
#define PLACES_MAX 262144

/* Two independent hashes of an id: 128 bits are taken for the id itself. */
static void hash_id(const char *id, u64 *a, u64 *b)
{
	*a = hash_text(id, SIZE_MAX, HASH_SEED);
	*b = hash_text(id, SIZE_MAX, 0x9ae16a3b2f90404fULL);
}

u32 registry_namespace(struct registry *registry, const char *name)
{
	u32 index;

	for (index = 0; index < registry->namespaces.count; index++)
		if (strcmp(registry->namespace[index] -> container_namespace, name) == 0)
			return index;
	index = slots_open(&registry->namespaces);
	if (index == SLOT_NONE)
		return CONTAINER_OTHER; /* the reserved namespaces have their containers' indices */
	if (slots_fit(&registry->namespaces, &registry->namespace, sizeof(*registry->namespace)) ==
	    0)
		registry->namespace[index] = naming_namespace(name);
	if (index < registry->namespaces.capacity && registry->namespace[index])
		return index;
	/* without memory: the slot was the last one, take it back */
	registry->namespaces.count--;
	registry->namespaces.live--;
	registry->namespaces.opened.count--;
	return CONTAINER_OTHER;
}

/* Takes over @identity, which may be NULL (no memory). */
static u32 open_group(struct registry *registry, enum registry_group_kind kind,
		      struct identity *identity)
{
	struct slots *slots = &registry->groups[kind];
	const char *id;
	struct group *group;
	u32 index;

	if (!identity)
		return SLOT_NONE;
	index = slots_open(slots);
	if (index == SLOT_NONE ||
	    slots_fit(slots, &registry->group[kind], sizeof(struct group)) < 0) {
		identity_unref(identity);
		if (index != SLOT_NONE)
			slots_close(slots, index);
		return SLOT_NONE;
	}
	group = &registry->group[kind][index];
	*group = (struct group){ .identity = identity, .many = { SLOT_NONE, SLOT_NONE } };
	id = kind == GROUP_VM ? identity->vm_id : identity->container_id;
	hash_id(id, &group->key_a, &group->key_b);
	if (kind == GROUP_CONTAINER)
		group->namespace = registry_namespace(registry, identity->container_namespace);
	u64map_put(&registry->group_map[kind], group->key_a, group->key_b, index);
	return index;
}

u32 registry_group(struct registry *registry, enum registry_group_kind kind,
		   const struct cgroup_identity *path)
{
	u64 a, b;
	u32 index;

	hash_id(path->id, &a, &b);
	index = u64map_get(&registry->group_map[kind], a, b);
	if (index != U64MAP_NONE)
		return index;
	index = open_group(registry, kind,
			   kind == GROUP_VM ? naming_vm(path) : naming_container(path));
	if (index == SLOT_NONE && kind == GROUP_CONTAINER)
		return CONTAINER_OTHER;
	return index;
}

u64 registry_prefix(const char *path, u32 len)
{
	return hash_text(path, len, HASH_SEED) | 1;
}

bool registry_group_claims(struct registry *registry, enum registry_group_kind kind, u32 index,
			   u32 hierarchy, u64 prefix)
{
	struct group *group = &registry->group[kind][index];
	u64 *mine = &group->prefix[hierarchy != 0];

	if (kind == GROUP_CONTAINER && index < CONTAINER_RESERVED)
		return true;
	if (!group->cgroups)
		group->prefix[0] = group->prefix[1] = 0;
	if (!*mine)
		*mine = prefix;
	return *mine == prefix;
}

void registry_group_enter(struct registry *registry, enum registry_group_kind kind, u32 index)
{
	struct group *group = &registry->group[kind][index];

	group->cgroups++;
	group->ended_ns = 0;
}

void registry_group_leave(struct registry *registry, enum registry_group_kind kind, u32 index,
			  u64 now_ns)
{
	struct group *group = &registry->group[kind][index];

	if (group->cgroups)
		group->cgroups--;
	if (group->cgroups || group->ended_ns ||
	    (kind == GROUP_CONTAINER && index < CONTAINER_RESERVED))
		return;
	group->ended_ns = now_ns;
	/* it may have lived again since it was listed */
	if (!group->listed)
		group->listed = slot_list_add(&registry->dying_group[kind], index) == 0;
}

static void close_group(struct registry *registry, enum registry_group_kind kind, u32 index)
{
	struct group *group = &registry->group[kind][index];

	for (int which = 0; which < MANY_MAX; which++)
		if (group->many[which] != SLOT_NONE)
			registry_close_process(registry, group->many[which]);
	u64map_del(&registry->group_map[kind], group->key_a, group->key_b);
	group->identity = identity_unref(group->identity);
	slots_close(&registry->groups[kind], index);
}

void registry_sweep_groups(struct registry *registry, enum registry_group_kind kind, u64 now_ns)
{
	struct slot_list *dying = &registry->dying_group[kind];
	u64 linger_ns = u64_max(registry->limits.retention_ns, PLACE_LINGER_NS);
	u32 kept = 0;

	for (u32 i = 0; i < dying->count; i++) {
		u32 index = dying->index[i];
		struct group *group = &registry->group[kind][index];

		if (!group->ended_ns)
			group->listed = false; /* it lives again */
		else if (now_ns - group->ended_ns < linger_ns)
			dying->index[kept++] = index;
		else
			close_group(registry, kind, index);
	}
	dying->count = kept;
}

static int open_reserved(struct registry *registry)
{
	for (u32 i = 0; i < CONTAINER_RESERVED; i++) {
		u32 index = open_group(registry, GROUP_CONTAINER, naming_reserved(i));

		if (index != i)
			return -ENOMEM;
	}
	return 0;
}

int registry_new(const struct registry_limits *limits, struct registry **out)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return -ENOMEM;
	registry->limits = *limits;
	registry->processes.limit = limits->processes;
	registry->groups[GROUP_CONTAINER].limit = limits->groups + CONTAINER_RESERVED;
	registry->groups[GROUP_VM].limit = limits->groups;
	registry->namespaces.limit = NAMESPACES_MAX;
	registry->places.limit = PLACES_MAX;
	if (open_reserved(registry) < 0) {
		registry_free(registry);
		return -ENOMEM;
	}
	*out = registry;
	return 0;
}

struct registry *registry_free(struct registry *registry)
{
	if (!registry)
		return NULL;
	for (u32 i = 0; i < registry->processes.count && registry->process; i++)
		identity_unref(registry->process[i].identity);
	for (int kind = 0; kind < GROUP_KINDS; kind++) {
		for (u32 i = 0; i < registry->groups[kind].count && registry->group[kind]; i++)
			identity_unref(registry->group[kind][i].identity);
		free(registry->group[kind]);
		slots_deinit(&registry->groups[kind]);
		u64map_deinit(&registry->group_map[kind]);
		free(registry->dying_group[kind].index);
	}
	for (u32 i = 0; i < registry->namespaces.count && registry->namespace; i++)
		identity_unref(registry->namespace[i]);
	free(registry->process);
	free(registry->namespace);
	free(registry->place);
	slots_deinit(&registry->processes);
	slots_deinit(&registry->namespaces);
	slots_deinit(&registry->places);
	u64map_deinit(&registry->by_pid);
	u64map_deinit(&registry->place_map);
	free(registry->dying.index);
	free(registry->dying_places.index);
	free(registry);
	return NULL;
}

void registry_set_resolver(struct registry *registry, registry_resolve_fn *resolve, void *ctx)
{
	registry->resolve = resolve;
	registry->resolve_ctx = ctx;
}

void registry_sweep(struct registry *registry, u64 now_ns)
{
	registry->now_ns = u64_max(registry->now_ns, now_ns);
	registry_sweep_processes(registry, now_ns);
	for (int kind = 0; kind < GROUP_KINDS; kind++)
		registry_sweep_groups(registry, kind, now_ns);
	registry_sweep_places(registry, now_ns);
}

void registry_published(struct registry *registry)
{
	const struct slot_list *opened = &registry->processes.opened;

	for (u32 i = 0; i < opened->count; i++)
		registry->process[opened->index[i]].exported = true;
	slots_forget(&registry->processes);
	for (int kind = 0; kind < GROUP_KINDS; kind++)
		slots_forget(&registry->groups[kind]);
	slots_forget(&registry->namespaces);
	slots_forget(&registry->places);
}
