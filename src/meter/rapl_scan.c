// SPDX-License-Identifier: Apache-2.0
/*
 * The usual way in is class/powercap, a flat directory of links. Where it is missing or its links
 * lead nowhere (a captured tree, some containers), the devices themselves are listed, which are
 * nested. Neither uses opendir(), which allocates: a scan may happen in the middle of the steady
 * state.
 */
#include "meter/rapl_scan.h"

#include <stdio.h>
#include <string.h>

#include "base/sysroot.h"
#include "meter/energy.h"
#include "meter/sysfs_list.h"

#define CLASS_DIR "class/powercap"
#define DEVICE_DIR "devices/virtual/powercap"

static int compare(const struct rapl_id *a, const struct rapl_id *b)
{
	/* A zone comes before its own sub zones: RAPL_NO_SUB + 1 is 0. */
	u32 a_sub = a->sub + 1, b_sub = b->sub + 1;

	if (a->mmio != b->mmio)
		return a->mmio ? 1 : -1;
	if (a->zone != b->zone)
		return a->zone < b->zone ? -1 : 1;
	return a_sub == b_sub ? 0 : a_sub < b_sub ? -1 : 1;
}

/* Puts the zone into its place; one that is there already stays as it is. */
static void insert(struct rapl_scan *scan, const struct rapl_found *found)
{
	u32 at = scan->count;

	while (at > 0 && compare(&scan->found[at - 1].id, &found->id) > 0)
		at--;
	if (at > 0 && compare(&scan->found[at - 1].id, &found->id) == 0)
		return;
	if (scan->count == RAPL_FOUND_MAX)
		return;
	memmove(&scan->found[at + 1], &scan->found[at], (scan->count - at) * sizeof(*found));
	scan->found[at] = *found;
	scan->count++;
}

static void add(struct rapl_scan *scan, int sys_fd, const char *parent, const char *dir)
{
	struct rapl_found f = { .use = RAPL_COUNTS };
	char path[160];
	u64 range_uj;

	if (rapl_id_parse(dir, &f.id) < 0)
		return;
	if ((size_t)snprintf(f.path, sizeof(f.path), "%s/%s", parent, dir) >= sizeof(f.path) ||
	    (size_t)snprintf(f.dir, sizeof(f.dir), "%s", dir) >= sizeof(f.dir))
		return;
	snprintf(path, sizeof(path), "%s/name", f.path);
	if (sysroot_read_text(sys_fd, path, f.kernel, sizeof(f.kernel)) < 0) {
		scan->nameless++;
		return;
	}
	if (rapl_name_parse(f.kernel, &f.name) < 0) {
		scan->strange++;
		return;
	}
	snprintf(path, sizeof(path), "%s/max_energy_range_uj", f.path);
	if (sysroot_read_u64(sys_fd, path, &range_uj) == 0)
		f.modulus_uj = energy_modulus_uj(range_uj);
	insert(scan, &f);
}

struct listing {
	struct rapl_scan *scan;
	int sys_fd;
	const char *dir;
};

static int add_entry(void *arg, const char *name)
{
	const struct listing *listing = arg;

	add(listing->scan, listing->sys_fd, listing->dir, name);
	return 0;
}

/* Calls add() for every zone in @dir. Returns 0 or a negative errno. */
static int list(struct rapl_scan *scan, int sys_fd, const char *dir)
{
	struct listing listing = { scan, sys_fd, dir };

	return sysfs_list(sys_fd, dir, add_entry, &listing);
}

/* Lists the nested form: the zones of both control types, and the sub zones inside each. */
static void list_devices(struct rapl_scan *scan, int sys_fd)
{
	static const char *const types[] = { DEVICE_DIR "/intel-rapl",
					     DEVICE_DIR "/intel-rapl-mmio" };
	char zones[RAPL_FOUND_MAX][sizeof(scan->found[0].path)];
	u32 count;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		list(scan, sys_fd, types[i]);
	/* Listing the sub zones inserts into the table that tells where to look. */
	count = scan->count;
	for (u32 i = 0; i < count; i++)
		memcpy(zones[i], scan->found[i].path, sizeof(zones[i]));
	for (u32 i = 0; i < count; i++)
		list(scan, sys_fd, zones[i]);
}

static const struct rapl_found *parent_of(const struct rapl_scan *scan,
					  const struct rapl_found *sub)
{
	for (u32 i = 0; i < scan->count; i++) {
		const struct rapl_found *f = &scan->found[i];

		if (f->id.sub == RAPL_NO_SUB && f->id.mmio == sub->id.mmio &&
		    f->id.zone == sub->id.zone)
			return f;
	}
	return NULL;
}

/* Gives sub zones the socket and die of their parents and drops those without one. */
static void adopt(struct rapl_scan *scan)
{
	u32 kept = 0;

	for (u32 i = 0; i < scan->count; i++) {
		struct rapl_found *f = &scan->found[i];
		bool top = f->name.domain == DOMAIN_PACKAGE || f->name.domain == DOMAIN_PLATFORM;

		if (!top) {
			const struct rapl_found *parent = parent_of(scan, f);

			if (f->id.sub == RAPL_NO_SUB || !parent) {
				scan->strange++;
				continue;
			}
			f->name.socket = parent->name.socket;
			f->name.die = parent->name.die;
		}
		/* What was kept lies before i, so a parent is still found at its place. */
		if (kept != i)
			scan->found[kept] = *f;
		kept++;
	}
	scan->count = kept;
}

static bool has_twin(const struct rapl_scan *scan, const struct rapl_found *mmio)
{
	for (u32 i = 0; i < scan->count; i++) {
		const struct rapl_found *f = &scan->found[i];

		if (!f->id.mmio && f->name.domain == mmio->name.domain &&
		    f->name.socket == mmio->name.socket && f->name.die == mmio->name.die)
			return true;
	}
	return false;
}

/*
 * psys stands for the whole machine. Where the kernel shows one per socket, the counter of the
 * first is the machine's and the others repeat it or stay at 0: adding them up could only be wrong.
 */
static const struct rapl_found *first_psys(const struct rapl_scan *scan)
{
	const struct rapl_found *first = NULL;

	for (u32 i = 0; i < scan->count; i++) {
		const struct rapl_found *f = &scan->found[i];

		if (f->name.domain == DOMAIN_PLATFORM &&
		    (!first || f->name.socket < first->name.socket))
			first = f;
	}
	return first;
}

void rapl_scan(int sys_fd, bool amd, struct rapl_scan *scan)
{
	const struct rapl_found *psys;

	scan->count = 0;
	scan->nameless = 0;
	scan->strange = 0;
	scan->error = list(scan, sys_fd, CLASS_DIR);
	if (scan->count == 0)
		list_devices(scan, sys_fd);
	adopt(scan);
	psys = first_psys(scan);
	for (u32 i = 0; i < scan->count; i++) {
		struct rapl_found *f = &scan->found[i];

		if (f->name.domain == DOMAIN_PLATFORM && f != psys)
			f->use = RAPL_OTHER_PSYS;
		else if (f->id.mmio && f->name.domain != DOMAIN_PLATFORM && has_twin(scan, f))
			f->use = RAPL_DUPLICATE;
		else if (amd && f->name.domain == DOMAIN_CORE)
			f->use = RAPL_AMD_CORE;
	}
}
