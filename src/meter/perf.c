// SPDX-License-Identifier: Apache-2.0
/*
 * RAPL through perf events: the same counters as rapl.c, for machines without powercap or where it
 * may not be read. On AMD also the cores, which powercap does not have.
 *
 * Interface: the PMUs <sys>/bus/event_source/devices/power (energy-pkg, -cores, -gpu, -ram, -psys)
 * and power_core (energy-core, AMD since Linux 6.14), perf_event_open(2) on the CPUs of their
 * cpumask: one for each socket or die, of power_core one for each core.
 * Unit: what the event's .scale says, 2^-32 J. The kernel adds up the hardware's 32 bits; a count
 * begins with 0 when the event is opened.
 * Wrap: none. When the kernel's own timer comes late by minutes it takes a large step for a
 * negative one (it extends a sign that is none): such a step is a restart to the gate.
 * Permission: CAP_PERFMON (Linux 5.8), or kernel.perf_event_paranoid at most 0.
 * Overlap: as with powercap. Here a die of an AMD socket never has a counter of its own.
 * Known lies: on some virtual machines all or energy-psys alone stay at 0; belief.c sees that.
 *
 * When a CPU goes offline the kernel moves its events to another CPU of the socket, or stops them
 * where there is none. The mask is read in every tick, therefore: an event whose CPU left it is
 * closed after a last look, and opened anew on the CPU that took its place. What the old one had
 * counted is kept, so the zone goes on and begins no new epoch.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "meter/cpu_topology.h"
#include "meter/meter_ops.h"
#include "meter/perf_pmu.h"
#include "meter/rapl_filter.h"
#include "meter/rapl_zone.h"

/* Reads between two looks for what is new, and for what is missing. */
#define LOOK_READS 60
#define RETRY_READS 5

/* Most events at a time. The largest machine sold has 384 cores. */
#define SOURCES_MAX 576

enum pmu_kind {
	PMU_POWER,
	PMU_CORE,
	PMU_MAX,
};

static const char *const pmu_names[PMU_MAX] = { "power", "power_core" };

static const struct {
	enum pmu_kind pmu;
	const char *name;
	enum power_domain domain;
} kinds[] = {
	{ PMU_POWER, "energy-pkg", DOMAIN_PACKAGE },   { PMU_POWER, "energy-cores", DOMAIN_CORE },
	{ PMU_POWER, "energy-gpu", DOMAIN_UNCORE },    { PMU_POWER, "energy-ram", DOMAIN_DRAM },
	{ PMU_POWER, "energy-psys", DOMAIN_PLATFORM }, { PMU_CORE, "energy-core", DOMAIN_CORE },
};

struct perf_pmu {
	int mask_fd; /* its cpumask, or -1: there is no such PMU */
	u32 type;
	char mask[CPU_LIST_SIZE];
};

/* One counter that is open. */
struct perf_source {
	u32 zone;
	u32 cpu;
	int fd;
	u64 count; /* as last read */
};

struct perf_zone {
	u32 index; /* its slot in the set */
	u32 kind;
	u32 package, die;
	u32 wanted;            /* sources that it should have: CPUs of the mask */
	u32 sources;           /* how many are open */
	u64 closed;            /* counts of those that were closed */
	u64 sum;               /* of this tick */
	enum meter_status why; /* what it reads when it lacks a source */
	enum meter_status now; /* of this tick */
};

struct perf {
	int sys_fd, proc_fd;
	bool die_scope; /* a die of its own may have a counter of its own */
	enum rapl_filtering filtering;
	struct perf_pmu pmu[PMU_MAX];
	bool known[ARRAY_SIZE(kinds)]; /* the PMU has this event */
	struct perf_event event[ARRAY_SIZE(kinds)];
	u32 zones;
	struct perf_zone zone[METER_ZONES_MAX];
	u32 sources, sources_max;
	struct perf_source source[SOURCES_MAX];
	u32 since_look;
	bool described;
	u32 no_room, other_psys, unknown;
	int error;    /* of the last event that could not be opened */
	bool crowded; /* some core can't be read, for want of files */
};

static int event_open(u32 type, u64 config, u32 cpu)
{
	struct perf_event_attr attr = { .type = type, .size = sizeof(attr), .config = config };
	long fd = syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static bool open_pmu(struct perf *p, enum pmu_kind pmu)
{
	char path[80];

	if (perf_pmu_type(p->sys_fd, pmu_names[pmu], &p->pmu[pmu].type) < 0)
		return false;
	for (u32 k = 0; k < ARRAY_SIZE(kinds); k++) {
		int r;

		if (kinds[k].pmu != pmu)
			continue;
		r = perf_event_read(p->sys_fd, pmu_names[pmu], kinds[k].name, &p->event[k]);
		p->known[k] = r == 0;
		p->unknown += r == -EINVAL;
	}
	snprintf(path, sizeof(path), PERF_DEVICES "/%s/cpumask", pmu_names[pmu]);
	p->pmu[pmu].mask_fd = openat(p->sys_fd, path, O_RDONLY | O_CLOEXEC);
	return p->pmu[pmu].mask_fd >= 0;
}

static enum meter_status read_source(struct perf_source *s)
{
	u64 count;
	ssize_t len = read(s->fd, &count, sizeof(count));

	if (len < 0)
		return meter_status_of_errno(-errno);
	/* Nothing to read is an event that the kernel has given up. */
	if (len != (ssize_t)sizeof(count))
		return METER_ABSENT;
	s->count = count;
	return METER_OK;
}

/* Closes source number @i and keeps what it had counted. */
static void close_source(struct perf *p, u32 i)
{
	struct perf_source *s = &p->source[i];
	struct perf_zone *z = &p->zone[s->zone];

	z->closed += s->count;
	z->sources--;
	z->why = METER_ABSENT;
	close(s->fd);
	*s = p->source[--p->sources];
	p->described = false;
}

static void open_source(struct perf *p, u32 zone, u32 cpu)
{
	struct perf_zone *z = &p->zone[zone];
	int fd = event_open(p->pmu[kinds[z->kind].pmu].type, p->event[z->kind].config, cpu);

	if (fd < 0) {
		p->error = fd;
		p->crowded |= fd == -EMFILE;
		z->why = meter_status_of_errno(fd);
		return;
	}
	p->source[p->sources++] = (struct perf_source){ .zone = zone, .cpu = cpu, .fd = fd };
	z->sources++;
}

/* Closes the events of a PMU whose CPU is not in the mask any more. */
static void close_strays(struct perf *p, enum pmu_kind pmu)
{
	for (u32 i = p->sources; i-- > 0;) {
		struct perf_source *s = &p->source[i];

		if (kinds[p->zone[s->zone].kind].pmu == pmu &&
		    !cpu_list_has(p->pmu[pmu].mask, s->cpu)) {
			read_source(s);
			close_source(p, i);
		}
	}
}

/* The zone of an event at a place; @number is where it is. There is one psys. */
static bool find_zone(const struct perf *p, u32 kind, const struct cpu_place *place, u32 *number)
{
	for (u32 i = 0; i < p->zones; i++) {
		const struct perf_zone *z = &p->zone[i];

		if (z->kind == kind && (kinds[kind].domain == DOMAIN_PLATFORM ||
					(z->package == place->package && z->die == place->die))) {
			*number = i;
			return true;
		}
	}
	return false;
}

static bool add_zone(struct meter *meter, u32 kind, const struct cpu_place *place, u32 *number)
{
	struct perf *p = meter->priv;
	struct meter_zone zone = rapl_zone_at(kinds[kind].domain, kinds[kind].name, place);
	int index = meter_add_zone(meter, &zone);

	if (index < 0) {
		p->no_room++;
		return false;
	}
	*number = p->zones++;
	p->zone[*number] = (struct perf_zone){ .index = (u32)index,
					       .kind = kind,
					       .package = place->package,
					       .die = place->die,
					       .why = METER_ABSENT };
	return true;
}

static bool has_source(const struct perf *p, u32 zone, u32 cpu)
{
	for (u32 i = 0; i < p->sources; i++) {
		if (p->source[i].zone == zone && p->source[i].cpu == cpu)
			return true;
	}
	return false;
}

static void take_event(struct meter *meter, u32 kind, const struct cpu_place *place)
{
	struct perf *p = meter->priv;
	bool of_core = kinds[kind].pmu == PMU_CORE;
	struct perf_zone *z;
	u32 number;

	if (!find_zone(p, kind, place, &number) && !add_zone(meter, kind, place, &number))
		return;
	z = &p->zone[number];
	if (z->wanted && !of_core) {
		p->other_psys += z->package != place->package;
		return;
	}
	z->wanted++;
	if (has_source(p, number, place->cpu) || (z->sources && !of_core))
		return;
	if (p->sources == p->sources_max) {
		p->crowded = true;
		z->why = METER_ERROR;
		return;
	}
	open_source(p, number, place->cpu);
}

/* Whether the core of @cpu is read already. Large machines have hundreds, all as before. */
static bool keep_core(struct perf *p, u32 cpu)
{
	for (u32 i = 0; i < p->sources; i++) {
		struct perf_zone *z = &p->zone[p->source[i].zone];

		if (p->source[i].cpu == cpu && kinds[z->kind].pmu == PMU_CORE) {
			z->wanted++;
			return true;
		}
	}
	return false;
}

static void take_cpu(struct meter *meter, enum pmu_kind pmu, u32 cpu)
{
	struct perf *p = meter->priv;
	struct cpu_place place;
	int r;

	if (pmu == PMU_CORE && keep_core(p, cpu))
		return;
	r = cpu_place_read(p->sys_fd, cpu, &place);
	if (r < 0) {
		p->crowded |= r == -EMFILE;
		return;
	}
	if (!p->die_scope || pmu == PMU_CORE)
		place.die = 0;
	for (u32 k = 0; k < ARRAY_SIZE(kinds); k++) {
		if (kinds[k].pmu == pmu && p->known[k])
			take_event(meter, k, &place);
	}
}

static void look_at_pmu(struct meter *meter, enum pmu_kind pmu)
{
	struct perf *p = meter->priv;
	struct perf_pmu *is = &p->pmu[pmu];
	const char *cursor = is->mask;
	u32 first, last;

	if (is->mask_fd < 0 && !open_pmu(p, pmu))
		return;
	for (u32 i = 0; i < p->zones; i++) {
		if (kinds[p->zone[i].kind].pmu == pmu)
			p->zone[i].wanted = 0;
	}
	if (sysroot_pread_text(is->mask_fd, is->mask, sizeof(is->mask)) <= 0) {
		/* The driver is gone; it may come back as another type. */
		is->mask[0] = '\0';
		close(is->mask_fd);
		is->mask_fd = -1;
	}
	close_strays(p, pmu);
	while (cpu_list_next(&cursor, &first, &last) == 1) {
		for (u32 cpu = first; cpu <= last; cpu++)
			take_cpu(meter, pmu, cpu);
	}
}

static void look_for_events(struct meter *meter)
{
	struct perf *p = meter->priv;

	p->since_look = 0;
	p->described = false;
	p->no_room = 0;
	p->other_psys = 0;
	p->error = 0;
	p->crowded = false;
	for (u32 pmu = 0; pmu < PMU_MAX; pmu++)
		look_at_pmu(meter, (enum pmu_kind)pmu);
}

static bool mask_changed(struct perf_pmu *pmu)
{
	char now[CPU_LIST_SIZE];

	if (pmu->mask_fd < 0)
		return false;
	return sysroot_pread_text(pmu->mask_fd, now, sizeof(now)) < 0 ||
	       strcmp(now, pmu->mask) != 0;
}

/* A sum that lacks a core would be too small, and nobody could tell. */
static bool is_complete(const struct perf *p, const struct perf_zone *z)
{
	if (kinds[z->kind].pmu == PMU_CORE && p->crowded)
		return false;
	return z->sources && z->sources >= z->wanted;
}

static bool time_to_look(struct perf *p)
{
	bool lost = false;

	for (u32 i = 0; i < PMU_MAX; i++) {
		if (mask_changed(&p->pmu[i]))
			return true;
	}
	for (u32 i = 0; i < p->zones; i++)
		lost = lost || !is_complete(p, &p->zone[i]);
	return ++p->since_look >= (lost ? RETRY_READS : LOOK_READS);
}

static void read_sources(struct perf *p)
{
	for (u32 i = 0; i < p->zones; i++) {
		p->zone[i].now = is_complete(p, &p->zone[i]) ? METER_OK : p->zone[i].why;
		p->zone[i].sum = p->zone[i].closed;
	}
	for (u32 i = p->sources; i-- > 0;) {
		struct perf_source *s = &p->source[i];
		struct perf_zone *z = &p->zone[s->zone];
		enum meter_status status = read_source(s);

		z->sum += s->count;
		if (status != METER_OK)
			z->now = status;
		if (status == METER_ABSENT)
			close_source(p, i);
	}
}

static void note_denied(const struct perf *p, struct meter_report *report)
{
	struct meter_note *note;
	char paranoid[32];

	if (sysroot_read_text(p->proc_fd, "sys/kernel/perf_event_paranoid", paranoid,
			      sizeof(paranoid)) < 0)
		snprintf(paranoid, sizeof(paranoid), "unknown");
	note = report_note(report, METER_PROBLEM, "denied",
			   "perf events of the whole machine may not be opened "
			   "(kernel.perf_event_paranoid is %s)",
			   paranoid);
	report_remedy(note, "run as root or grant CAP_PERFMON (in a unit: "
			    "AmbientCapabilities=CAP_PERFMON); in a container also allow "
			    "perf_event_open in its seccomp profile");
}

static void note_cores(const struct perf *p, struct meter_report *report)
{
	struct meter_note *note;

	if (!p->crowded)
		return;
	note = report_note(report, METER_WARNING, "open-files",
			   "there are more cores than half of the files that this process may "
			   "open: the core domain is left out");
	report_remedy(note, "raise the limit of open files to %u (in a unit: LimitNOFILE=%u)",
		      2 * SOURCES_MAX, 2 * SOURCES_MAX);
}

static void describe(struct meter *meter)
{
	struct perf *p = meter->priv;
	struct meter_report *report = &meter->report;

	p->described = true;
	report_begin(report);
	if (p->error == -EACCES || p->error == -EPERM)
		note_denied(p, report);
	else if (p->error)
		report_note(report, METER_WARNING, "not-opened", "events could not be opened: %s",
			    strerror(-p->error));
	if (p->unknown)
		report_note(report, METER_WARNING, "unknown-event",
			    "%u events are described in a way that is not understood", p->unknown);
	note_cores(p, report);
	rapl_note_psys(report, p->other_psys);
	rapl_note_no_room(report, p->no_room);
	if (p->zones)
		rapl_filtering_note(p->filtering, report);
	if (p->zones)
		rapl_describe_zones(meter);
	else if (p->pmu[PMU_POWER].mask_fd >= 0)
		report_found(report,
			     "the PMU \"power\" has no energy events that count, as on some "
			     "virtual machines");
	else
		report_found(report,
			     "no PMU \"power\" in " PERF_DEVICES ": this is a virtual machine "
			     "or another kind of CPU, or the driver is missing "
			     "(modprobe rapl)");
}

static void perf_read(struct meter *meter, const struct meter_tick *tick)
{
	struct perf *p = meter->priv;

	if (time_to_look(p))
		look_for_events(meter);
	read_sources(p);
	for (u32 i = 0; i < p->zones; i++) {
		const struct perf_zone *z = &p->zone[i];
		struct meter_reading *reading = &meter->slots->slot[z->index].reading;

		reading->status = z->now;
		reading->value_uj = perf_scale_uj(&p->event[z->kind].scale, z->sum);
	}
	if (!p->described)
		describe(meter);
}

static void perf_close(struct meter *meter)
{
	struct perf *p = meter->priv;

	if (!p)
		return;
	for (u32 i = 0; i < p->sources; i++)
		close(p->source[i].fd);
	for (u32 i = 0; i < PMU_MAX; i++)
		cleanup_close(&p->pmu[i].mask_fd);
	cleanup_close(&p->sys_fd);
	cleanup_close(&p->proc_fd);
	free(p);
	meter->priv = NULL;
}

/* Half of the files that the process may open; the server needs the others. */
static u32 file_budget(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 >= SOURCES_MAX)
		return SOURCES_MAX;
	return (u32)limit.rlim_cur / 2;
}

static int perf_open(struct meter *meter, const struct sysroot *root,
		     const struct meter_options *options)
{
	struct perf *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	meter->priv = p;
	/* Of its own, so that the caller may close its root. */
	p->sys_fd = fcntl(root->sys_fd, F_DUPFD_CLOEXEC, 0);
	p->proc_fd = fcntl(root->proc_fd, F_DUPFD_CLOEXEC, 0);
	p->die_scope = !rapl_is_amd(root);
	p->filtering = rapl_filtering_read(root);
	p->sources_max = file_budget();
	for (u32 i = 0; i < PMU_MAX; i++)
		p->pmu[i].mask_fd = -1;
	look_for_events(meter);
	describe(meter);
	return 0;
}

const struct meter_ops meter_perf = {
	.id = METER_RAPL_PERF,
	.name = "rapl-perf",
	.source = "rapl-perf",
	.description = "energy counters of the CPU sockets (RAPL) through the kernel's perf events",
	.open = perf_open,
	.read = perf_read,
	.close = perf_close,
};
