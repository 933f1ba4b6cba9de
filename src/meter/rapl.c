// SPDX-License-Identifier: Apache-2.0
/*
 * RAPL through powercap: the running average power limit interface of Intel CPUs, and of AMD's
 * since Zen (package only).
 *
 * Interface: <sys>/class/powercap/intel-rapl:N[:M]/{name,energy_uj,max_energy_range_uj}.
 * Unit: microjoules, in steps of about 61 uJ; updated about every millisecond by the hardware.
 * Wrap: a 32-bit counter of hardware steps, after 1 minute (a big socket) to 1 hour.
 * Permission: energy_uj is readable by root only since Linux 5.10 (CVE-2020-8694, PLATYPUS).
 * Overlap: core and uncore are part of package, dram beside it on servers, psys is the whole board.
 * Known lies: intel-rapl-mmio repeats zones of intel-rapl; mirrored dies (rapl_twin.h); psys that
 * reads 0 for ever; core that does not move on some servers; filtered values where SGX is on; core
 * of AMD, which is one core's register; dram 0.27 % high where the kernel rounds its unit.
 *
 * Files stay open and are read with pread. A read that fails because the driver went away closes
 * the file; the zones are then looked for again, and a zone that comes back has a new epoch, since
 * a driver that was loaded anew may start its counter anywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meter/energy.h"
#include "meter/meter_ops.h"
#include "meter/rapl_scan.h"
#include "meter/rapl_twin.h"
#include "meter/rapl_words.h"
#include "meter/rapl_zone.h"

/* Lost zones are looked for at each of the next reads, then at every tenth; new ones now and then.
 */
#define RETRIES_SOON 5
#define RETRY_LATER 10
#define RESCAN_READS 60

/* No zone of any machine draws this; a larger step is a counter that started anew. In uJ per us. */
#define ZONE_MAX_UJ_PER_US 20000ULL
/* A zone that was away for longer than it takes to wrap at 1 kW may have wrapped more than once. */
#define ZONE_HIGH_UJ_PER_US 1000ULL

struct rapl_zone {
	struct rapl_id id;
	struct rapl_name name;
	u32 index;             /* its slot in the set */
	int fd;                /* energy_uj, or -1 */
	enum meter_status why; /* what a zone without a file reads */
	bool present;          /* found by the last scan */
	bool hidden;           /* found, but not to be counted */
	bool has_last;
	u64 last_uj;
	u64 last_ns;
	bool missed; /* the last read failed */
	bool held;   /* the last read was left out as a mirror */
	u32 epoch;
	u32 twin_of; /* the zone it is compared with, valid unless twin.state is UNKNOWN or DISTINCT
		      */
	struct rapl_twin twin;
};

struct rapl {
	int sys_fd;
	bool amd; /* or Hygon */
	enum rapl_filtering filtering;
	u32 count;
	struct rapl_zone zone[METER_ZONES_MAX];
	struct rapl_scan scan;
	u32 since_scan;
	u32 since_loss; /* reads since the last time that a zone was lost */
	u32 no_room;    /* zones beyond METER_ZONES_MAX */
	bool described;
};

static struct meter_slot *slot_of(struct meter *meter, const struct rapl_zone *z)
{
	return &meter->slots->slot[z->index];
}

/* A counter that may have started anew: nothing may be subtracted from what was read before. */
static void new_epoch(struct rapl *rapl, struct rapl_zone *z)
{
	u32 number = (u32)(z - rapl->zone);

	z->epoch++;
	z->has_last = false;
	z->twin.state = TWIN_UNKNOWN;
	for (u32 i = 0; i < rapl->count; i++) {
		if (rapl->zone[i].twin_of == number && rapl->zone[i].twin.state >= TWIN_SUSPECT)
			rapl->zone[i].twin.state = TWIN_UNKNOWN;
	}
}

static void close_zone(struct rapl *rapl, struct rapl_zone *z, enum meter_status why)
{
	z->why = why;
	if (z->fd < 0)
		return;
	close(z->fd);
	z->fd = -1;
	rapl->since_loss = 0;
	rapl->described = false;
}

static void open_zone(struct rapl *rapl, struct rapl_zone *z, const struct rapl_found *found)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/energy_uj", found->path);
	fd = openat(rapl->sys_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		z->why = meter_status_of_errno(-errno);
		return;
	}
	z->fd = fd;
	if (z->has_last)
		new_epoch(rapl, z);
}

static bool same_zone(const struct rapl_zone *z, const struct rapl_found *f)
{
	return z->id.mmio == f->id.mmio && z->name.domain == f->name.domain &&
	       z->name.socket == f->name.socket && z->name.die == f->name.die;
}

/* The zone that @found was known as: by its number, else by its name, since numbers may change. */
static struct rapl_zone *known_zone(struct rapl *rapl, const struct rapl_found *found)
{
	struct rapl_zone *by_name = NULL;

	for (u32 i = 0; i < rapl->count; i++) {
		struct rapl_zone *z = &rapl->zone[i];

		if (z->present || !same_zone(z, found))
			continue;
		if (z->id.zone == found->id.zone && z->id.sub == found->id.sub)
			return z;
		if (!by_name)
			by_name = z;
	}
	return by_name;
}

static struct rapl_zone *add_zone(struct meter *meter, const struct rapl_found *found)
{
	struct rapl *rapl = meter->priv;
	struct meter_zone zone = {
		.domain = found->name.domain,
		.quality = QUALITY_MEASURED,
		.modulus_uj = found->modulus_uj,
	};
	struct rapl_zone *z;
	int index;

	if (zone.domain == DOMAIN_PLATFORM)
		snprintf(zone.package, sizeof(zone.package), "psys");
	else
		snprintf(zone.package, sizeof(zone.package), "%u", found->name.socket);
	snprintf(zone.name, sizeof(zone.name), "%s %.15s", found->dir, found->kernel);
	index = rapl->count < ARRAY_SIZE(rapl->zone) ? meter_add_zone(meter, &zone) : -ENOSPC;
	if (index < 0) {
		rapl->no_room++;
		return NULL;
	}
	z = &rapl->zone[rapl->count++];
	*z = (struct rapl_zone){ .name = found->name, .index = (u32)index, .fd = -1 };
	z->twin.gap_uj = rapl->amd ? TWIN_GAP_AMD_UJ : TWIN_GAP_UJ;
	return z;
}

static void take_found(struct meter *meter, const struct rapl_found *found)
{
	struct rapl *rapl = meter->priv;
	struct rapl_zone *z = known_zone(rapl, found);

	if (found->use != RAPL_COUNTS) {
		/* It counted until its twin appeared. */
		if (z) {
			z->present = true;
			z->hidden = true;
			close_zone(rapl, z, METER_ABSENT);
		}
		return;
	}
	if (!z)
		z = add_zone(meter, found);
	if (!z)
		return;
	z->id = found->id;
	z->present = true;
	z->hidden = false;
	if (z->fd < 0) {
		slot_of(meter, z)->zone.modulus_uj = found->modulus_uj;
		open_zone(rapl, z, found);
	}
}

static void look_for_zones(struct meter *meter)
{
	struct rapl *rapl = meter->priv;

	rapl->since_scan = 0;
	rapl->described = false;
	rapl->no_room = 0;
	rapl_scan(rapl->sys_fd, rapl->amd, &rapl->scan);
	for (u32 i = 0; i < rapl->count; i++)
		rapl->zone[i].present = false;
	for (u32 i = 0; i < rapl->scan.count; i++)
		take_found(meter, &rapl->scan.found[i]);
	for (u32 i = 0; i < rapl->count; i++) {
		struct rapl_zone *z = &rapl->zone[i];

		/* Names that can't be read right now are no proof that a zone which reads is gone.
		 */
		if (!z->present && (z->fd < 0 || rapl->scan.nameless == 0))
			close_zone(rapl, z, METER_ABSENT);
	}
}

/* Whether the step from the last value to @value_uj can't be energy. */
static bool has_restarted(const struct rapl_zone *z, u64 modulus_uj, u64 value_uj,
			  const struct meter_tick *tick)
{
	u64 delta_uj = energy_delta_uj(z->last_uj, value_uj, modulus_uj);
	u64 passed_us;

	if (value_uj < z->last_uj && (!modulus_uj || tick->slept_ns))
		return true;
	if (tick->input.now_ns <= z->last_ns)
		return false;
	passed_us = (tick->input.now_ns - z->last_ns) / NSEC_PER_USEC;
	if (z->missed && modulus_uj && passed_us > modulus_uj / ZONE_HIGH_UJ_PER_US)
		return true;
	/* One second more than passed: a short interval may hold a late update. */
	return delta_uj / ZONE_MAX_UJ_PER_US > passed_us + 1000000;
}

static enum meter_status read_value(struct rapl *rapl, struct rapl_zone *z, u64 *value_uj)
{
	char text[64];
	ssize_t len;

	if (z->fd < 0)
		return z->why;
	len = sysroot_pread_text(z->fd, text, sizeof(text));
	/* An attribute never reads empty; a file without contents is one whose driver is gone. */
	if (len == 0)
		len = -ENODEV;
	if (len < 0) {
		enum meter_status why = meter_status_of_errno((int)len);

		/* An input error may pass, and the counter goes on meanwhile: keep the file. */
		if (why != METER_ERROR)
			close_zone(rapl, z, why);
		return why;
	}
	return sysroot_parse_u64(text, value_uj) < 0 ? METER_ERROR : METER_OK;
}

static void read_zone(struct meter *meter, struct rapl_zone *z, const struct meter_tick *tick)
{
	struct rapl *rapl = meter->priv;
	struct meter_slot *slot = slot_of(meter, z);
	u64 modulus_uj = slot->zone.modulus_uj;
	u64 value_uj = 0;

	slot->left_out = z->hidden;
	slot->reading.status = read_value(rapl, z, &value_uj);
	if (slot->reading.status == METER_OK && modulus_uj && value_uj >= modulus_uj)
		slot->reading.status = METER_ERROR;
	if (slot->reading.status != METER_OK) {
		z->missed = true;
		return;
	}
	if (z->has_last && has_restarted(z, modulus_uj, value_uj, tick))
		new_epoch(rapl, z);
	z->has_last = true;
	z->missed = false;
	z->last_uj = value_uj;
	z->last_ns = tick->input.now_ns;
	slot->reading.value_uj = value_uj;
	slot->reading.epoch = z->epoch;
}

static bool reads_well(struct meter *meter, const struct rapl_zone *z)
{
	return !z->hidden && slot_of(meter, z)->reading.status == METER_OK;
}

/* Compares a zone for the first time with those of its socket and domain that are before it. */
static void first_comparison(struct meter *meter, struct rapl_zone *z)
{
	struct rapl *rapl = meter->priv;
	bool all = true;

	for (u32 i = 0; &rapl->zone[i] != z; i++) {
		struct rapl_zone *first = &rapl->zone[i];

		if (first->name.domain != z->name.domain || first->name.socket != z->name.socket ||
		    first->twin.state >= TWIN_SUSPECT)
			continue;
		if (!reads_well(meter, first)) {
			all = all && (first->hidden || !first->present);
			continue;
		}
		if (rapl_twin_near(&z->twin, first->last_uj, z->last_uj,
				   slot_of(meter, z)->zone.modulus_uj)) {
			z->twin_of = i;
			rapl_twin_suspect(&z->twin, first->last_uj, z->last_uj);
			rapl->described = false;
			return;
		}
	}
	/* A zone that could not be read may still turn out to be the same counter. */
	if (all)
		z->twin.state = TWIN_DISTINCT;
}

/*
 * Leaves out zones that repeat another one. Only the first counts, also while it can't be read:
 * what its mirror would tell meanwhile is in the first one's own counter when it comes back.
 */
static void leave_out_mirrors(struct meter *meter, struct rapl_zone *z)
{
	struct rapl *rapl = meter->priv;
	enum rapl_twin_state before = z->twin.state;

	if (reads_well(meter, z)) {
		const struct rapl_zone *first = &rapl->zone[z->twin_of];

		if (before == TWIN_UNKNOWN)
			first_comparison(meter, z);
		else if (before >= TWIN_SUSPECT && reads_well(meter, first))
			rapl_twin_compare(&z->twin, first->last_uj, z->last_uj,
					  slot_of(meter, z)->zone.modulus_uj);
	}
	if (z->twin.state != before)
		rapl->described = false;
	if (z->twin.state >= TWIN_SUSPECT)
		slot_of(meter, z)->left_out = true;
	else if (z->held)
		slot_of(meter, z)->reading.epoch = ++z->epoch;
	z->held = z->twin.state >= TWIN_SUSPECT;
}

/* 2^32 steps of 15.3 uJ: what the kernel makes of 2^-16 J, the unit of dram on some servers. */
#define ROUNDED_DRAM_UJ 65712999629ULL

static void describe(struct meter *meter)
{
	struct rapl *rapl = meter->priv;
	struct rapl_summary sum = { .no_room = rapl->no_room, .filtering = rapl->filtering };

	rapl->described = true;
	for (u32 i = 0; i < rapl->count; i++) {
		const struct rapl_zone *z = &rapl->zone[i];

		if (z->hidden)
			continue;
		if (z->twin.state >= TWIN_SUSPECT) {
			sum.mirrors++;
			continue;
		}
		sum.zones++;
		sum.denied += z->fd < 0 && z->why == METER_DENIED;
		sum.lost += z->fd < 0 && z->why != METER_DENIED;
		sum.rounded_dram |= z->name.domain == DOMAIN_DRAM &&
				    slot_of(meter, z)->zone.modulus_uj == ROUNDED_DRAM_UJ;
	}
	rapl_describe(meter, &rapl->scan, &sum);
}

static bool time_to_look(struct rapl *rapl)
{
	bool lost = false;

	for (u32 i = 0; i < rapl->count && !lost; i++)
		lost = rapl->zone[i].fd < 0 && !rapl->zone[i].hidden;
	if (++rapl->since_scan >= RESCAN_READS)
		return true;
	if (!lost)
		return false;
	rapl->since_loss++;
	return rapl->since_loss <= RETRIES_SOON || rapl->since_loss % RETRY_LATER == 0;
}

static void rapl_read(struct meter *meter, const struct meter_tick *tick)
{
	struct rapl *rapl = meter->priv;

	if (time_to_look(rapl))
		look_for_zones(meter);
	for (u32 i = 0; i < rapl->count; i++)
		read_zone(meter, &rapl->zone[i], tick);
	for (u32 i = 0; i < rapl->count; i++)
		leave_out_mirrors(meter, &rapl->zone[i]);
	if (!rapl->described)
		describe(meter);
}

static void rapl_close(struct meter *meter)
{
	struct rapl *rapl = meter->priv;

	if (!rapl)
		return;
	for (u32 i = 0; i < rapl->count; i++) {
		if (rapl->zone[i].fd >= 0)
			close(rapl->zone[i].fd);
	}
	if (rapl->sys_fd >= 0)
		close(rapl->sys_fd);
	free(rapl);
	meter->priv = NULL;
}

static int rapl_open(struct meter *meter, const struct sysroot *root,
		     const struct meter_options *options)
{
	struct rapl *rapl = calloc(1, sizeof(*rapl));

	if (!rapl)
		return -ENOMEM;
	meter->priv = rapl;
	/* Of its own, so that the caller may close its root. */
	rapl->sys_fd = fcntl(root->sys_fd, F_DUPFD_CLOEXEC, 0);
	rapl->amd = rapl_is_amd(root);
	rapl->filtering = rapl_filtering_read(root);
	look_for_zones(meter);
	describe(meter);
	return 0;
}

const struct meter_ops meter_rapl = {
	.id = METER_RAPL_POWERCAP,
	.name = "rapl-powercap",
	.source = "rapl-sysfs",
	.description = "energy counters of the CPU sockets (RAPL) through the kernel's powercap",
	.open = rapl_open,
	.read = rapl_read,
	.close = rapl_close,
};
