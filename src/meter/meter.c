// SPDX-License-Identifier: Apache-2.0
/*
 * The set of meters: who is read, who is believed, and who stands in.
 *
 * A zone is alive when it reads well, or did so within the last GRACE_READS reads (a short fault
 * hides no energy, the counter goes on), and is not dead. For every domain the first meter in the
 * table with a live zone is the one reported. The estimate is reported only while no measured zone
 * of any domain is alive: an estimated platform beside a measured package would make up a remainder
 * that nobody measured.
 *
 * Every joule has one reporter: a zone that was not responsible for a while comes back with a new
 * epoch, because the energy in between was told by somebody else.
 */
#include "meter/meter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "meter/meter_ops.h"

#define GRACE_READS 10

/* Equal readings, and CPU time spent meanwhile, after which a zone is taken for dead. */
#define DEAD_READS 5
#define DEAD_RUN_NS (2 * NSEC_PER_SEC)

/* In the order in which they are believed; the estimate is the last. */
static const struct meter_ops *const meter_table[] = {
	&meter_rapl,
	&meter_embedded,
};
_Static_assert(ARRAY_SIZE(meter_table) <= METERS_MAX, "METERS_MAX is too small");

/* What the set knows of a zone beyond its last reading. */
struct zone_life {
	u64 last_uj;
	u64 moved_run_ns; /* CPU time of the machine when the value last changed */
	u32 same;         /* equal readings in a row */
	u32 missed;       /* reads since the last good one */
	u32 handovers; /* times it came back after another meter was responsible: part of its epoch
			*/
	u32 last_epoch;
	bool seen; /* it has read well at least once */
	bool dead;
	bool relieved; /* somebody else is responsible for its domain */
};

struct meter_set {
	struct meter_slots slots;
	struct zone_life life[METER_ZONES_MAX];
	struct meter meter[ARRAY_SIZE(meter_table)];
	struct meter_state state[ARRAY_SIZE(meter_table)];
	u64 described[ARRAY_SIZE(meter_table)]; /* what the state's detail was made from */
	bool estimating;
	u64 asleep_ns; /* time spent in suspend since boot, at the last tick */
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

static u64 time_asleep_ns(void)
{
	u64 running_ns = clock_read_ns(CLOCK_MONOTONIC);
	u64 boot_ns = clock_boot_ns();

	return boot_ns > running_ns ? boot_ns - running_ns : 0;
}

int meter_set_new(const struct sysroot *root, struct meter_set **set)
{
	struct meter_set *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->asleep_ns = time_asleep_ns();
	for (u32 i = 0; i < ARRAY_SIZE(meter_table); i++) {
		struct meter *m = &s->meter[i];

		m->ops = meter_table[i];
		m->slots = &s->slots;
		m->index = i;
		m->none = METER_ABSENT;
		s->state[i].name = m->ops->name;
		s->state[i].source = m->ops->source;
		s->state[i].description = m->ops->description;
		s->state[i].status = METER_ABSENT;
		s->described[i] = UINT64_MAX;
	}
	for (u32 i = 0; i < ARRAY_SIZE(meter_table); i++) {
		if (s->meter[i].ops->open(&s->meter[i], root) < 0) {
			meter_set_free(s);
			return -ENOMEM;
		}
		snprintf(s->state[i].detail, sizeof(s->state[i].detail), "%s", s->meter[i].found);
	}
	*set = s;
	return 0;
}

struct meter_set *meter_set_free(struct meter_set *set)
{
	if (!set)
		return NULL;
	for (u32 i = ARRAY_SIZE(meter_table); i-- > 0;)
		set->meter[i].ops->close(&set->meter[i]);
	free(set);
	return NULL;
}

static bool alive(const struct meter_set *s, u32 zone)
{
	const struct zone_life *life = &s->life[zone];

	if (s->slots.slot[zone].left_out || life->dead || !life->seen)
		return false;
	return life->missed < GRACE_READS;
}

/* Follows one zone's last reading: has it moved, is it dead, for how long has it not been read. */
static void follow(struct meter_set *s, u32 zone, u64 run_ns)
{
	const struct meter_slot *slot = &s->slots.slot[zone];
	const struct meter_reading *now = &slot->reading;
	struct zone_life *life = &s->life[zone];

	if (slot->left_out || now->status != METER_OK) {
		if (life->missed < GRACE_READS)
			life->missed++;
		return;
	}
	life->missed = 0;
	if (!life->seen || now->value_uj != life->last_uj || now->epoch != life->last_epoch) {
		life->same = 1;
		life->moved_run_ns = run_ns;
		/* A new epoch shows that the driver came back, not that the zone moves. */
		if (now->value_uj != life->last_uj)
			life->dead = false;
	} else if (life->same < DEAD_READS) {
		life->same++;
	}
	life->seen = true;
	life->last_uj = now->value_uj;
	life->last_epoch = now->epoch;
	if (life->same >= DEAD_READS && run_ns > life->moved_run_ns &&
	    run_ns - life->moved_run_ns > DEAD_RUN_NS && !life->dead) {
		life->dead = true;
		s->state[slot->zone.meter].read_errors[METER_DEAD]++;
	}
}

/* The meter that is responsible for each domain, or METERS_MAX where no zone is alive. */
static void choose(struct meter_set *s, u32 responsible[DOMAIN_MAX])
{
	bool measured = false;

	for (u32 d = 0; d < DOMAIN_MAX; d++)
		responsible[d] = METERS_MAX;
	for (u32 z = 0; z < s->slots.count; z++) {
		const struct meter_zone *zone = &s->slots.slot[z].zone;

		if (s->meter[zone->meter].ops->estimate || !alive(s, z))
			continue;
		measured = true;
		if (zone->meter < responsible[zone->domain])
			responsible[zone->domain] = zone->meter;
	}
	s->estimating = !measured;
}

/* Whether the slot's zone is for another meter to report, or for none. */
static bool is_relieved(const struct meter_set *s, u32 zone, const u32 responsible[DOMAIN_MAX])
{
	const struct meter_zone *z = &s->slots.slot[zone].zone;

	if (s->meter[z->meter].ops->estimate)
		return !s->estimating;
	if (s->estimating)
		return true;
	return responsible[z->domain] != METERS_MAX && responsible[z->domain] != z->meter;
}

/* Turns what the meter read into what is reported. */
static struct meter_reading report(struct meter_set *s, u32 zone, const u32 responsible[DOMAIN_MAX])
{
	const struct meter_slot *slot = &s->slots.slot[zone];
	struct zone_life *life = &s->life[zone];
	struct meter_reading out = slot->reading;

	if (is_relieved(s, zone, responsible)) {
		life->relieved = true;
		if (out.status == METER_OK)
			out.status = life->dead ? METER_DEAD : METER_ABSENT;
	} else if (life->relieved) {
		life->relieved = false;
		life->handovers++;
	}
	if (slot->left_out)
		out.status = METER_ABSENT;
	else if (out.status == METER_OK && life->dead)
		out.status = METER_DEAD;
	out.epoch += life->handovers;
	return out;
}

/* The text about dead zones is the set's: a meter does not know that the machine works. */
static void describe(struct meter_set *s, u32 meter, u32 dead)
{
	struct meter_state *state = &s->state[meter];
	const struct meter *m = &s->meter[meter];

	if (m->ops->estimate && !state->used)
		snprintf(state->detail, sizeof(state->detail),
			 "stands by: the machine has a meter");
	else if (dead && dead == state->zones)
		snprintf(
			state->detail, sizeof(state->detail),
			"%s; none moves while the machine works, as on some virtual machines: not used",
			m->found);
	else if (dead)
		snprintf(state->detail, sizeof(state->detail),
			 "%s; %u of %u zones never move while the machine works: not used",
			 m->found, dead, state->zones);
	else
		snprintf(state->detail, sizeof(state->detail), "%s", m->found);
}

/* A cheap summary of what describe() depends on, so that text is only made when something changed.
 */
static u64 description_key(const struct meter *m, const struct meter_state *state, u32 dead)
{
	u64 key = 1469598103934665603ULL;

	for (const char *c = m->found; *c; c++)
		key = (key ^ (u8)*c) * 1099511628211ULL;
	return key ^ ((u64)state->zones << 40 | (u64)dead << 8 | (u64)state->used);
}

static void update_state(struct meter_set *s, u32 meter, const struct meter_reading *readings)
{
	struct meter_state *state = &s->state[meter];
	const struct meter *m = &s->meter[meter];
	enum meter_status status = m->none;
	bool good = false;
	u32 dead = 0;
	u64 key;

	state->zones = 0;
	for (u32 z = 0; z < s->slots.count; z++) {
		const struct meter_slot *slot = &s->slots.slot[z];

		if (slot->zone.meter != meter || slot->left_out)
			continue;
		if (state->zones++ == 0)
			status = readings[z].status;
		good = good || readings[z].status == METER_OK;
		dead += s->life[z].dead;
		if (slot->reading.status != METER_OK)
			state->read_errors[slot->reading.status]++;
	}
	state->used = good;
	state->status = good ? METER_OK : status;
	key = description_key(m, state, dead);
	if (key != s->described[meter]) {
		s->described[meter] = key;
		describe(s, meter, dead);
	}
}

static void read_meters(struct meter_set *s, const struct meter_tick *tick, bool estimates)
{
	for (u32 i = 0; i < ARRAY_SIZE(meter_table); i++) {
		if (s->meter[i].ops->estimate == estimates)
			s->meter[i].ops->read(&s->meter[i], tick);
	}
}

u32 meter_set_read(struct meter_set *set, const struct meter_input *input,
		   struct meter_reading *readings)
{
	u64 asleep_ns = time_asleep_ns();
	struct meter_tick tick = { .input = *input };
	u32 responsible[DOMAIN_MAX];

	/* Two clocks are read one after the other: only a difference that means something counts.
	 */
	if (asleep_ns > set->asleep_ns + NSEC_PER_SEC / 10) {
		tick.slept_ns = asleep_ns - set->asleep_ns;
		set->asleep_ns = asleep_ns;
	}
	read_meters(set, &tick, false);
	for (u32 z = 0; z < set->slots.count; z++) {
		if (!set->meter[set->slots.slot[z].zone.meter].ops->estimate)
			follow(set, z, input->run_ns);
	}
	choose(set, responsible);
	/* Not before it is needed: on a machine with a meter the estimate has no zones at all. */
	if (set->estimating)
		read_meters(set, &tick, true);
	for (u32 z = 0; z < set->slots.count; z++) {
		readings[z] = report(set, z, responsible);
		readings[z].zone = z;
		readings[z].taken_ns = input->now_ns;
	}
	for (u32 i = 0; i < ARRAY_SIZE(meter_table); i++)
		update_state(set, i, readings);
	return set->slots.count;
}

const struct meter_zone *meter_set_zone(const struct meter_set *set, u32 zone)
{
	return zone < set->slots.count ? &set->slots.slot[zone].zone : NULL;
}

const struct meter_state *meter_set_state(const struct meter_set *set, u32 index)
{
	return index < ARRAY_SIZE(meter_table) ? &set->state[index] : NULL;
}
