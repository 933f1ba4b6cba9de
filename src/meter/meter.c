// SPDX-License-Identifier: Apache-2.0
/*
 * The set of meters: opens what the options ask for, reads it every tick, and lets belief.c decide
 * what of it is reported.
 */
#include "meter/meter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "meter/belief.h"
#include "meter/meter_ops.h"
#include "meter/slow.h"

/* By enum meter_id. */
static const struct meter_ops *const meter_table[METER_ID_MAX] = {
	&meter_rapl, &meter_perf,    &meter_msr,  &meter_hwmon, &meter_acpi,
	&meter_ipmi, &meter_redfish, &meter_nvml, &meter_drm,   &meter_embedded,
};
_Static_assert(ARRAY_SIZE(meter_table) <= METERS_MAX, "METERS_MAX is too small");

struct meter_set {
	struct meter_slots slots;
	struct belief belief;
	struct meter meter[METER_ID_MAX];
	struct meter_state state[METER_ID_MAX];
	u64 text_key[METER_ID_MAX];  /* hash of the report as it was last touched */
	u64 described[METER_ID_MAX]; /* what the state's detail was made from */
	struct meter_use use[METER_USES_MAX];
	u32 uses;
	bool fresh[METER_ID_MAX];                  /* it was asked, or answered, in this tick */
	enum meter_status before[METER_ZONES_MAX]; /* as read in the last tick */
	struct meter_input last;
};

int meter_add_zone(struct meter *meter, const struct meter_zone *zone)
{
	struct meter_slots *slots = meter->slots;
	struct meter_slot *slot;

	if (slots->count == METER_ZONES_MAX)
		return -ENOSPC;
	slot = &slots->slot[slots->count];
	slot->zone = *zone;
	slot->zone.meter = meter->index;
	slot->reading = (struct meter_reading){ .status = METER_ABSENT, .zone = slots->count };
	slot->left_out = false;
	return (int)slots->count++;
}

struct sample_zone *sample_add(struct meter_sample *sample, const struct meter_zone *zone)
{
	struct sample_zone *place;

	if (sample->zones == SAMPLE_ZONES_MAX)
		return NULL;
	place = &sample->zone[sample->zones++];
	*place = (struct sample_zone){ .zone = *zone, .status = METER_ABSENT };
	return place;
}

enum meter_status meter_status_of_errno(int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return METER_DENIED;
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
	case -EBADF:
		return METER_ABSENT;
	default:
		return METER_ERROR;
	}
}

const char *meter_status_name(enum meter_status status)
{
	static const char *const names[METER_STATUS_MAX] = {
		"ok", "absent", "denied", "stale", "error", "dead", "implausible",
	};

	return names[status];
}

struct meter_options meter_options_default(void)
{
	return (struct meter_options){
		.cpu = { 3, { METER_RAPL_POWERCAP, METER_RAPL_PERF, METER_HWMON } },
		.platform = { 5,
			      { METER_REDFISH, METER_IPMI, METER_ACPI, METER_HWMON, METER_PSYS } },
		.gpu = { 2, { METER_NVML, METER_DRM } },
	};
}

static bool is_in(const struct meter_order *order, u32 id)
{
	return memchr(order->id, (int)id, order->count) != NULL;
}

/* Whether the options ask for this meter anywhere. */
static bool is_wanted(const struct meter_options *options, enum meter_id id)
{
	bool rapl = id == METER_RAPL_POWERCAP || id == METER_RAPL_PERF;

	return id == METER_EMBEDDED || is_in(&options->cpu, id) || is_in(&options->platform, id) ||
	       is_in(&options->gpu, id) || (rapl && is_in(&options->platform, METER_PSYS));
}

static int open_meter(struct meter_set *set, u32 index, const struct sysroot *root)
{
	struct meter *m = &set->meter[index];
	struct meter_state *state = &set->state[index];
	int r;

	state->enabled = is_wanted(&set->belief.options, m->ops->id);
	if (!state->enabled) {
		snprintf(state->detail, sizeof(state->detail),
			 "not asked for (meter.cpu, "
			 "meter.platform and meter.gpu say what is)");
		return 0;
	}
	r = m->ops->open(m, root, &set->belief.options);
	if (r == 0 && m->ops->poll && m->priv)
		r = slow_new(m->ops, m->priv, &m->slow);
	state->waiting = m->slow != NULL;
	snprintf(state->detail, sizeof(state->detail), "%s", m->report.found);
	return r;
}

static void init_meter(struct meter_set *set, u32 index)
{
	struct meter *m = &set->meter[index];
	struct meter_state *state = &set->state[index];

	m->ops = meter_table[index];
	m->slots = &set->slots;
	m->index = index;
	report_begin(&m->report);
	state->id = m->ops->id;
	state->name = m->ops->name;
	state->source = m->ops->source;
	state->description = m->ops->description;
	state->status = METER_ABSENT;
	set->described[index] = UINT64_MAX;
}

int meter_set_new(const struct sysroot *root, const struct meter_options *options,
		  struct meter_set **out)
{
	struct meter_set *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->belief.slots = &set->slots;
	set->belief.ops = meter_table;
	set->belief.options = *options;
	for (u32 i = 0; i < METER_ID_MAX; i++)
		init_meter(set, i);
	for (u32 i = 0; i < METER_ID_MAX; i++) {
		if (open_meter(set, i, root) < 0) {
			meter_set_free(set);
			return -ENOMEM;
		}
	}
	*out = set;
	return 0;
}

struct meter_set *meter_set_free(struct meter_set *set)
{
	if (!set)
		return NULL;
	for (u32 i = METER_ID_MAX; i-- > 0;) {
		struct meter *m = &set->meter[i];

		/* What a thread that hangs in a device still uses stays. */
		if (slow_free(m->slow))
			m->ops->close(m);
	}
	free(set);
	return NULL;
}

u64 meter_set_capabilities(const struct meter_set *set)
{
	u64 bits = 0;

	for (u32 i = 0; i < METER_ID_MAX; i++) {
		if (set->meter[i].priv)
			bits |= set->meter[i].ops->capabilities;
	}
	return bits;
}

void meter_set_kick(struct meter_set *set)
{
	for (u32 i = 0; i < METER_ID_MAX; i++) {
		if (set->meter[i].slow)
			slow_kick(set->meter[i].slow);
	}
}

/* What only the set can know, because a meter does not know of the machine's work or of others. */
static void judge(const struct meter_set *set, u32 meter, u32 dead, struct meter_report *report)
{
	const struct meter_state *state = &set->state[meter];
	struct meter_note *note;

	if (dead) {
		note = report_note(report, METER_WARNING, "dead",
				   "%u of %u zones never move while the machine works: not used",
				   dead, state->zones);
		if (dead == state->zones)
			report_remedy(note,
				      "nothing can be done inside a virtual machine: its host "
				      "has to hand the counters on");
	}
	if (set->belief.contradicted & 1U << meter) {
		note = report_note(
			report, METER_WARNING, "contradicted",
			"as platform it counts less than the CPU sockets alone: not used");
		report_remedy(note, "take it out of meter.platform, or name a better meter there");
	}
}

static void describe(struct meter_set *set, u32 meter, u32 dead)
{
	struct meter_state *state = &set->state[meter];
	const struct meter *m = &set->meter[meter];
	struct meter_report report = m->report;
	const char *tail = "";

	if (m->ops->estimate && !state->used)
		report_found(&report, "stands by: the machine has a meter");
	else if (dead && dead == state->zones)
		tail = "; none moves while the machine works, as on some virtual machines";
	judge(set, meter, dead, &report);
	snprintf(state->detail, sizeof(state->detail), "%.180s%s", report.found, tail);
	state->notes = report.notes;
	memcpy(state->note, report.note, sizeof(state->note));
}

static u64 text_key(const struct meter_report *report)
{
	u64 key = hash_text(report->found, sizeof(report->found), HASH_SEED);

	for (u32 i = 0; i < report->notes; i++)
		key = hash_text(report->note[i].text, sizeof(report->note[i].text), key);
	return key;
}

/* A cheap summary of what describe() depends on, so that text is only made when something changed.
 */
static u64 description_key(struct meter_set *set, u32 meter, u32 dead)
{
	const struct meter_state *state = &set->state[meter];
	bool contradicted = set->belief.contradicted & 1U << meter;
	struct meter_report *report = &set->meter[meter].report;

	if (report->touched) {
		set->text_key[meter] = text_key(report);
		report->touched = false;
	}
	return set->text_key[meter] ^ ((u64)state->zones << 40 | (u64)dead << 8 |
				       (u64)contradicted << 1 | (u64)state->used);
}

static void update_state(struct meter_set *set, u32 meter, const struct meter_reading *readings)
{
	struct meter_state *state = &set->state[meter];
	const struct meter *m = &set->meter[meter];
	enum meter_status status = m->report.none;
	bool good = false;
	u32 dead = 0;
	u64 key;

	state->zones = 0;
	state->used = false;
	for (u32 z = 0; z < set->slots.count; z++) {
		const struct meter_slot *slot = &set->slots.slot[z];
		enum meter_status own;

		if (slot->zone.meter != meter || slot->left_out)
			continue;
		own = belief_status(&set->belief, z);
		if (state->zones++ == 0)
			status = own;
		good = good || own == METER_OK;
		state->used = state->used || readings[z].status == METER_OK;
		dead += set->belief.life[z].dead;
		/* one fault is one, however many ticks come before the meter is asked again */
		if (slot->reading.status != METER_OK &&
		    (set->fresh[meter] || slot->reading.status != set->before[z]))
			state->read_errors[slot->reading.status]++;
		set->before[z] = slot->reading.status;
	}
	state->status = good ? METER_OK : status;
	state->known |= state->zones || status == METER_DENIED || status == METER_ERROR;
	key = description_key(set, meter, dead);
	if (key != set->described[meter]) {
		set->described[meter] = key;
		describe(set, meter, dead);
	}
}

static void take_uses(struct meter_set *set, const struct meter *m,
		      const struct meter_sample *sample)
{
	for (u32 i = 0; i < sample->uses && set->uses < METER_USES_MAX; i++) {
		u32 slot = slow_slot(m, sample, sample->use[i].zone);

		if (slot == METER_ZONES_MAX)
			continue;
		set->use[set->uses] = sample->use[i];
		set->use[set->uses++].zone = slot;
	}
}

static void read_slow(struct meter_set *set, u32 meter, const struct meter_tick *tick,
		      u64 deadline_ns)
{
	struct meter *m = &set->meter[meter];
	const struct meter_sample *sample;
	bool fresh;

	sample = slow_take(m->slow, deadline_ns, &fresh);
	if (!sample)
		return;
	set->state[meter].waiting = false;
	slow_settle(m, sample, fresh, tick);
	set->fresh[meter] = fresh;
	if (fresh)
		take_uses(set, m, sample);
}

static void read_meters(struct meter_set *set, const struct meter_tick *tick)
{
	u64 deadline_ns = clock_read_ns(CLOCK_MONOTONIC) + METER_WAIT_NS;

	set->uses = 0;
	for (u32 i = 0; i < METER_ID_MAX; i++) {
		struct meter *m = &set->meter[i];

		if (!set->state[i].enabled || m->ops->estimate)
			continue;
		if (m->slow)
			read_slow(set, i, tick, deadline_ns);
		else if (m->ops->read && m->priv)
			m->ops->read(m, tick);
		if (!m->slow)
			set->fresh[i] = true;
	}
}

/* Two clocks are read one after the other: only a difference that means something counts. */
static u64 slept_ns(const struct meter_input *before, const struct meter_input *now)
{
	u64 passed_ns = now->now_ns - before->now_ns;
	u64 awake_ns = now->awake_ns - before->awake_ns;

	if (!before->now_ns || passed_ns < awake_ns + NSEC_PER_SEC / 10)
		return 0;
	return passed_ns - awake_ns;
}

/* What was read in the tick was read now; slow meters know themselves when they asked. */
static void stamp(struct meter_set *set, u64 now_ns)
{
	for (u32 z = 0; z < set->slots.count; z++) {
		struct meter_slot *slot = &set->slots.slot[z];

		if (!set->meter[slot->zone.meter].slow)
			slot->reading.taken_ns = now_ns;
	}
}

u32 meter_set_read(struct meter_set *set, const struct meter_input *input,
		   struct meter_reading *readings)
{
	struct meter_tick tick = { .input = *input, .slept_ns = slept_ns(&set->last, input) };
	struct meter_slots *slots = &set->slots;
	struct meter *estimate = &set->meter[METER_EMBEDDED];

	if (set->last.now_ns)
		tick.passed_ns = input->now_ns - set->last.now_ns;
	set->last = *input;
	read_meters(set, &tick);
	stamp(set, input->now_ns);
	for (u32 z = 0; z < slots->count; z++) {
		u32 meter = slots->slot[z].zone.meter;

		if (!set->meter[meter].ops->estimate)
			belief_follow(&set->belief, z, &tick, set->state[meter].read_errors);
	}
	belief_choose(&set->belief, &tick);
	/* Not before it is needed: on a machine with a meter the estimate has no zones at all. */
	if (set->belief.estimating)
		estimate->ops->read(estimate, &tick);
	stamp(set, input->now_ns);
	for (u32 z = 0; z < slots->count; z++) {
		readings[z] = belief_report(&set->belief, z);
		readings[z].zone = z;
	}
	for (u32 i = 0; i < METER_ID_MAX; i++) {
		if (set->state[i].enabled)
			update_state(set, i, readings);
	}
	return slots->count;
}

const struct meter_use *meter_set_uses(const struct meter_set *set, u32 *count)
{
	*count = set->uses;
	return set->use;
}

const struct meter_zone *meter_set_zone(const struct meter_set *set, u32 zone)
{
	return zone < set->slots.count ? &set->slots.slot[zone].zone : NULL;
}

const struct meter_reading *meter_set_raw(const struct meter_set *set, u32 zone, bool *left_out)
{
	if (zone >= set->slots.count)
		return NULL;
	if (left_out)
		*left_out = set->slots.slot[zone].left_out;
	return &set->slots.slot[zone].reading;
}

const struct meter_state *meter_set_state(const struct meter_set *set, u32 index)
{
	return index < METER_ID_MAX ? &set->state[index] : NULL;
}
