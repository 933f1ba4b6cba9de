// SPDX-License-Identifier: Apache-2.0
/*
 * RAPL from the registers themselves, for machines where neither powercap nor perf has them. Only
 * read when it is named in an option: who may read registers sees more than a meter needs.
 *
 * Interface: <dev>/cpu/N/msr, a pread of 8 bytes at the register's number (kernel module msr).
 * Which registers: msr_unit.c. A CPU of each socket or die is asked, on AMD one of each core.
 * Unit: a power of two of a joule that a register tells, with exceptions by CPU model; updated
 * about every millisecond.
 * Wrap: 32 bits. As the unit is 2^-n J with n below 32, the modulus is a whole number of uJ and
 * the value, steps x unit rounded down, is exact at every wrap: nothing is lost by handing out uJ.
 * Only the sum over the cores of an AMD socket has no modulus; its steps are added up here.
 * Permission: root and CAP_SYS_RAWIO, when the file is opened. The agent drops it, so a socket
 * whose CPU goes offline later is denied until the agent starts anew.
 * Known lies: registers that exist, but count nothing and read 0. They are left out until they
 * read something else, as the kernel's own drivers do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "meter/cpu_topology.h"
#include "meter/meter_ops.h"
#include "meter/msr_device.h"
#include "meter/msr_unit.h"
#include "meter/rapl_filter.h"
#include "meter/rapl_zone.h"

#define ONLINE_CPUS "devices/system/cpu/online"

/* Reads between two looks for what is new, and for what is missing. */
#define LOOK_READS 60
#define RETRY_READS 5

/* Most CPUs that are asked. The largest machine sold has 384 cores. */
#define SOURCES_MAX 512

/* A core that was away for longer than it takes to wrap at this power may have wrapped twice. */
#define CORE_MAX_W 100

/* One CPU whose registers are open. */
struct msr_source {
	struct cpu_place place;
	int fd;
	bool has_steps; /* of AMD's core register: there is a last reading */
	u32 steps;
	u64 taken_ns;
};

struct msr_zone {
	u32 index; /* its slot in the set */
	const struct msr_counter *counter;
	struct cpu_place place;
	struct msr_unit unit;
	u64 steps; /* of cores: their sum */
	u32 epoch;
};

struct msr {
	int sys_fd, dev_fd;
	int online_fd; /* the list of CPUs that are online, or -1 */
	struct cpu_id cpu;
	const struct msr_kind *kind;
	enum rapl_filtering filtering;
	u32 zones;
	struct msr_zone zone[METER_ZONES_MAX];
	u32 sources;
	struct msr_source source[SOURCES_MAX];
	char online[CPU_LIST_SIZE]; /* as of the last look */
	u32 since_look;
	bool described;
	bool crowded; /* more cores than SOURCES_MAX */
	u32 no_room, other_psys, resting;
	int error; /* of the last CPU that could not be opened */
};

/* Whether the registers that count for @scope are the same at both places. */
static bool same_place(enum msr_scope scope, const struct cpu_place *a, const struct cpu_place *b)
{
	switch (scope) {
	case MSR_OF_MACHINE:
		return true;
	case MSR_OF_DIE:
		return a->package == b->package && a->die == b->die;
	default:
		return a->package == b->package;
	}
}

static bool has_core_register(const struct msr *m)
{
	return m->kind->counter[m->kind->counters - 1].scope == MSR_OF_CORE;
}

/* Whether a CPU of the same die, or where cores count of the same core, is open. */
static bool is_served(const struct msr *m, const struct cpu_place *place)
{
	for (u32 i = 0; i < m->sources; i++) {
		const struct cpu_place *has = &m->source[i].place;

		if (same_place(MSR_OF_DIE, has, place) &&
		    (!has_core_register(m) || has->core == place->core))
			return true;
	}
	return false;
}

/* Opens the registers of @cpu if they are wanted. Returns false when no other can be opened. */
static bool take_cpu(struct msr *m, u32 cpu)
{
	struct msr_source source = { .fd = -1 };

	if (cpu_place_read(m->sys_fd, cpu, &source.place) < 0 || is_served(m, &source.place))
		return true;
	if (m->sources == SOURCES_MAX) {
		m->crowded = true;
		return false;
	}
	source.fd = msr_open(m->dev_fd, cpu);
	if (source.fd < 0) {
		m->error = source.fd;
		return source.fd == -ENXIO || source.fd == -EIO;
	}
	m->source[m->sources++] = source;
	return true;
}

/* Closes the CPUs that are offline. The order stays: the first of a socket is the one asked. */
static void close_strays(struct msr *m)
{
	u32 kept = 0;

	for (u32 i = 0; i < m->sources; i++) {
		if (cpu_list_has(m->online, m->source[i].place.cpu))
			m->source[kept++] = m->source[i];
		else
			close(m->source[i].fd);
	}
	m->sources = kept;
}

static void look_for_cpus(struct msr *m)
{
	const char *cursor = m->online;
	u32 first, last;

	m->error = 0;
	m->crowded = false;
	m->online[0] = '\0';
	if (m->online_fd >= 0)
		sysroot_pread_text(m->online_fd, m->online, sizeof(m->online));
	close_strays(m);
	while (cpu_list_next(&cursor, &first, &last) == 1) {
		for (u32 cpu = first; cpu <= last; cpu++) {
			if (!take_cpu(m, cpu))
				return;
		}
	}
}

static struct msr_zone *find_zone(struct msr *m, const struct msr_counter *counter,
				  const struct cpu_place *place)
{
	for (u32 i = 0; i < m->zones; i++) {
		struct msr_zone *z = &m->zone[i];

		if (z->counter == counter && same_place(counter->scope, &z->place, place))
			return z;
	}
	return NULL;
}

static void add_zone(struct meter *meter, const struct msr_counter *counter,
		     const struct msr_source *source)
{
	struct msr *m = meter->priv;
	struct msr_zone z = { .counter = counter, .place = source->place };
	struct meter_zone zone;
	u64 power_unit;
	int index;

	if (msr_read(source->fd, m->kind->unit_reg, &power_unit) < 0)
		return;
	if (counter->scope != MSR_OF_DIE)
		z.place.die = 0;
	z.unit = msr_unit_find(&m->cpu, counter->domain, power_unit);
	zone = rapl_zone_at(counter->domain, counter->name, &z.place);
	if (counter->scope != MSR_OF_CORE)
		zone.modulus_uj = msr_unit_modulus_uj(&z.unit);
	index = meter_add_zone(meter, &zone);
	if (index < 0) {
		m->no_room++;
		return;
	}
	z.index = (u32)index;
	m->zone[m->zones++] = z;
}

/* Adds a zone for a register that counts and has none yet. */
static void probe(struct meter *meter, const struct msr_counter *counter,
		  const struct msr_source *source)
{
	struct msr *m = meter->priv;
	struct msr_zone *z = find_zone(m, counter, &source->place);
	u64 value;

	if (z) {
		m->other_psys += counter->scope == MSR_OF_MACHINE &&
				 z->place.package != source->place.package;
		return;
	}
	/* It faults where the model does not have it. */
	if (msr_read(source->fd, counter->reg, &value) < 0)
		return;
	if ((u32)value == 0)
		m->resting++;
	else
		add_zone(meter, counter, source);
}

static void look(struct meter *meter, bool cpus)
{
	struct msr *m = meter->priv;

	m->since_look = 0;
	m->described = false;
	m->no_room = 0;
	m->other_psys = 0;
	m->resting = 0;
	if (cpus)
		look_for_cpus(m);
	for (u32 i = 0; i < m->sources; i++) {
		for (u32 c = 0; c < m->kind->counters; c++)
			probe(meter, &m->kind->counter[c], &m->source[i]);
	}
}

static bool online_changed(const struct msr *m)
{
	char now[CPU_LIST_SIZE];

	return m->online_fd >= 0 && sysroot_pread_text(m->online_fd, now, sizeof(now)) >= 0 &&
	       strcmp(now, m->online) != 0;
}

static void look_in_time(struct meter *meter)
{
	struct msr *m = meter->priv;
	bool changed = online_changed(m);

	m->since_look++;
	if (changed || (m->error && m->since_look >= RETRY_READS))
		look(meter, true);
	else if (m->since_look >= LOOK_READS)
		look(meter, false);
}

static enum meter_status why_closed(const struct msr *m)
{
	return m->error ? meter_status_of_errno(m->error) : METER_ABSENT;
}

static void read_register(const struct msr *m, const struct msr_zone *z,
			  struct meter_reading *reading)
{
	u64 value;

	reading->status = why_closed(m);
	for (u32 i = 0; i < m->sources; i++) {
		int r;

		if (!same_place(z->counter->scope, &m->source[i].place, &z->place))
			continue;
		r = msr_read(m->source[i].fd, z->counter->reg, &value);
		reading->status = r < 0 ? meter_status_of_errno(r) : METER_OK;
		if (r == 0)
			reading->value_uj = msr_unit_uj(&z->unit, (u32)value);
		return;
	}
}

/* Whether the steps of a core since its last reading can't be told. */
static bool core_restarted(const struct msr_zone *z, const struct msr_source *s, u32 steps,
			   const struct meter_tick *tick)
{
	u64 wrap_s = msr_unit_modulus_uj(&z->unit) / (CORE_MAX_W * UJ_PER_J);
	u64 passed_s = (tick->input.now_ns - s->taken_ns) / NSEC_PER_SEC;

	return passed_s > wrap_s || (tick->slept_ns && steps < s->steps);
}

static int read_core(struct msr_zone *z, struct msr_source *s, const struct meter_tick *tick)
{
	u64 value;
	int r = msr_read(s->fd, z->counter->reg, &value);
	u32 steps = (u32)value;

	if (r < 0)
		return r;
	if (s->has_steps && core_restarted(z, s, steps, tick))
		z->epoch++;
	else if (s->has_steps)
		z->steps += (u32)(steps - s->steps);
	s->has_steps = true;
	s->steps = steps;
	s->taken_ns = tick->input.now_ns;
	return 0;
}

/* The sum over the cores of a socket. One that can't be read now is caught up on later. */
static void read_cores(struct msr *m, struct msr_zone *z, const struct meter_tick *tick,
		       struct meter_reading *reading)
{
	bool any = false;
	int error = 0;

	for (u32 i = 0; i < m->sources; i++) {
		struct msr_source *s = &m->source[i];
		int r;

		if (!same_place(MSR_OF_CORE, &s->place, &z->place))
			continue;
		any = true;
		r = read_core(z, s, tick);
		error = r < 0 ? r : error;
	}
	reading->status = error ? meter_status_of_errno(error) : METER_OK;
	if (!any || m->error)
		reading->status = why_closed(m);
	else if (m->crowded)
		reading->status = METER_ERROR;
	reading->value_uj = msr_unit_uj(&z->unit, z->steps);
	reading->epoch = z->epoch;
}

static void note_not_open(const struct msr *m, struct meter_report *report)
{
	struct meter_note *note;

	if (m->error == -ENOENT) {
		note = report_note(report, METER_PROBLEM, "no-module",
				   "there are no device files of CPU registers");
		report_remedy(note, "modprobe msr; in a container also mount the host's /dev/cpu");
	} else if (m->error == -EACCES || m->error == -EPERM) {
		note = report_note(report, METER_PROBLEM, "denied",
				   "the CPU's registers may not be opened");
		report_remedy(note, "start as root with CAP_SYS_RAWIO (in a unit: User=root, "
				    "AmbientCapabilities=CAP_SYS_RAWIO), or better use "
				    "rapl-powercap or rapl-perf, which need less");
	} else if (m->error) {
		report_note(report, METER_WARNING, "not-opened",
			    "the registers of some CPUs could not be opened: %s",
			    strerror(-m->error));
	}
	if (m->crowded)
		report_note(report, METER_WARNING, "too-many-cores",
			    "there are more than %d cores: the core domain is left out",
			    SOURCES_MAX);
}

static void note_open(struct meter_report *report)
{
	struct meter_note *note =
		report_note(report, METER_WARNING, "side-channel",
			    "this process holds the CPU's registers open: who takes it over can "
			    "read power finely enough to learn secrets (PLATYPUS, CVE-2020-8694)");

	report_remedy(note, "take rapl-msr out of meter.cpu where rapl-powercap or rapl-perf work");
}

static void describe(struct meter *meter)
{
	struct msr *m = meter->priv;
	struct meter_report *report = &meter->report;

	m->described = true;
	report_begin(report);
	report->none = why_closed(m);
	note_not_open(m, report);
	if (m->sources)
		note_open(report);
	rapl_note_psys(report, m->other_psys);
	rapl_note_no_room(report, m->no_room);
	if (m->zones)
		rapl_filtering_note(m->filtering, report);
	if (m->zones)
		rapl_describe_zones(meter);
	else if (m->sources)
		report_found(report,
			     "none of the energy registers counts%s: this is a virtual machine, or "
			     "a CPU that has them elsewhere (powercap's TPMI driver)",
			     m->resting ? ", all read 0" : "");
	else
		report_found(report, "the CPU's registers can't be read");
}

static void msr_meter_read(struct meter *meter, const struct meter_tick *tick)
{
	struct msr *m = meter->priv;

	look_in_time(meter);
	for (u32 i = 0; i < m->zones; i++) {
		struct msr_zone *z = &m->zone[i];
		struct meter_reading *reading = &meter->slots->slot[z->index].reading;

		if (z->counter->scope == MSR_OF_CORE)
			read_cores(m, z, tick, reading);
		else
			read_register(m, z, reading);
	}
	if (!m->described)
		describe(meter);
}

static void msr_meter_close(struct meter *meter)
{
	struct msr *m = meter->priv;

	if (!m)
		return;
	for (u32 i = 0; i < m->sources; i++)
		close(m->source[i].fd);
	cleanup_close(&m->online_fd);
	cleanup_close(&m->sys_fd);
	cleanup_close(&m->dev_fd);
	free(m);
	meter->priv = NULL;
}

static int msr_meter_open(struct meter *meter, const struct sysroot *root,
			  const struct meter_options *options)
{
	struct cpu_id cpu;
	const struct msr_kind *kind = cpu_id_read(root, &cpu) < 0 ? NULL : msr_kind_find(&cpu);
	struct msr *m;

	if (!kind) {
		report_found(&meter->report, "this kind of CPU has no RAPL registers");
		return 0;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	meter->priv = m;
	m->cpu = cpu;
	m->kind = kind;
	/* Of its own, so that the caller may close its root. */
	m->sys_fd = fcntl(root->sys_fd, F_DUPFD_CLOEXEC, 0);
	m->dev_fd = fcntl(root->dev_fd, F_DUPFD_CLOEXEC, 0);
	m->online_fd = openat(m->sys_fd, ONLINE_CPUS, O_RDONLY | O_CLOEXEC);
	m->filtering = rapl_filtering_read(root);
	look(meter, true);
	describe(meter);
	return 0;
}

const struct meter_ops meter_msr = {
	.id = METER_RAPL_MSR,
	.name = "rapl-msr",
	.source = "rapl-msr",
	.description = "energy counters of the CPU sockets (RAPL), from the CPU's own registers",
	.open = msr_meter_open,
	.read = msr_meter_read,
	.close = msr_meter_close,
};
