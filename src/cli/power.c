// SPDX-License-Identifier: Apache-2.0
#include "cli/power.h"

#include <string.h>

#include "meter/energy.h"

#define TELLING_MIN_NS (300 * NSEC_PER_SEC)

/* GPUs that could not be read for so many ticks are gone. */
#define GPU_GONE_TICKS 60

void power_start(struct power *power, const struct frame *frame)
{
	for (u32 i = 0; i < METER_ZONES_MAX; i++)
		power->sensor[i].place = POWER_NO_PLACE;
	for (u32 i = 0; i < frame->readings; i++)
		if (frame->reading[i].status == METER_OK)
			power->sensor[frame->reading[i].zone].good = frame->reading[i];
}

u32 power_place(const struct power *power, u32 zone)
{
	return zone < METER_ZONES_MAX ? power->sensor[zone].place : POWER_NO_PLACE;
}

static u32 zone_place(struct power *power, const struct meter_zone *zone, const char *source)
{
	struct power_zone *place;

	for (u32 i = 0; i < power->zones; i++) {
		place = &power->zone[i];
		if (place->domain == zone->domain && place->source == source &&
		    strcmp(place->package, zone->package) == 0)
			return i;
	}
	if (power->zones == SNAPSHOT_ZONES_MAX)
		return POWER_NO_PLACE;
	place = &power->zone[power->zones++];
	*place = (struct power_zone){ .domain = zone->domain, .source = source };
	memcpy(place->package, zone->package, sizeof(place->package));
	return power->zones - 1;
}

/* Whether `other` is made of this domain. */
static bool is_compared(enum power_domain domain)
{
	return domain == DOMAIN_PLATFORM || domain == DOMAIN_PACKAGE || domain == DOMAIN_DRAM ||
	       domain == DOMAIN_GPU;
}

/* Where in the tick a reading was taken: 0 at its begin, 1 at its end. */
static double position_in(const struct power_tick *tick, u64 taken_ns)
{
	u64 until_end_ns = tick->now_ns > taken_ns ? tick->now_ns - taken_ns : 0;

	if (!tick->interval_ns || until_end_ns >= tick->interval_ns)
		return 0.0;
	return 1.0 - (double)until_end_ns / (double)tick->interval_ns;
}

static u64 tick_begin_ns(const struct power *power)
{
	return power->tick.now_ns - power->tick.interval_ns;
}

/* Whether a zone is read clearly less often than ticks come. */
static bool is_slow(const struct power *power, const struct meter_zone *zone)
{
	return zone->period_ns > power->tick.interval_ns * 3 / 2;
}

/* What the model may learn of: energy, the time it is about, and how busy that was. */
static void note_news(struct power *power, struct power_zone *place, u64 energy_uj, u64 span_ns,
		      double busy_before_ns)
{
	place->news.energy_uj += energy_uj;
	place->news.interval_ns = u64_max(place->news.interval_ns, span_ns);
	place->news.busy_ns = power->busy_ns - busy_before_ns;
}

/* The time in suspend until a reading was taken: a slow meter's may be from before the last one. */
static u64 slept_until(const struct power *power, u64 taken_ns)
{
	return power->slept_ns - (taken_ns < power->woke_ns ? power->last_sleep_ns : 0);
}

/*
 * Remembers what a sensor told. Returns the time that its energy is about: since it was read
 * before, without suspend; 0: it told nothing new.
 */
static u64 note_read(const struct power *power, struct power_sensor *sensor,
		     const struct meter_reading *now)
{
	u64 span_ns = now->taken_ns - sensor->good.taken_ns;
	u64 slept_ns = slept_until(power, now->taken_ns);

	sensor->good = *now;
	if (!span_ns)
		return 0;
	span_ns -= u64_min(span_ns - 1, slept_ns - sensor->slept_ns);
	sensor->slept_ns = slept_ns;
	return span_ns;
}

/*
 * The time over which the energy of @span_ns is told, and half a tick for news that are late. What
 * was measured over a gap of several periods is not held back for as long again.
 */
static u64 telling_ns(const struct power *power, u64 span_ns, u64 period_ns)
{
	u64 telling_ns = u64_min(span_ns, u64_max(2 * period_ns, TELLING_MIN_NS));

	return telling_ns + power->tick.interval_ns / 2;
}

/* Energy that was read anew, over @span_ns: to its place at once, or little by little. */
static void take_energy(struct power *power, const struct meter_zone *zone,
			struct power_sensor *sensor, u64 energy_uj, u64 span_ns)
{
	struct power_zone *place = &power->zone[sensor->place];

	note_news(power, place, energy_uj, span_ns, sensor->busy_ns);
	if (is_slow(power, zone)) {
		pace_add(&sensor->pace, energy_uj, telling_ns(power, span_ns, zone->period_ns),
			 tick_begin_ns(power));
		return;
	}
	place->energy_uj += energy_uj;
	place->interval_ns = u64_max(place->interval_ns, span_ns);
}

/*
 * Takes what a sensor counted since it was last read well: a read that failed in between costs
 * nothing, the counter went on.
 */
static void take_reading(struct power *power, const struct meter_set *meters,
			 const struct meter_reading *now)
{
	const struct meter_zone *zone = meter_set_zone(meters, now->zone);
	const char *source = meter_set_state(meters, zone->meter)->source;
	struct power_sensor *sensor = &power->sensor[now->zone];
	struct meter_reading before = sensor->good;
	struct snapshot_domain *domain = &power->domain[zone->domain];
	u64 energy_uj, span_ns;

	if (now->status != METER_OK)
		return;
	domain->present = true;
	power->read |= 1U << zone->domain;
	domain->source = source;
	domain->quality = zone->quality;
	domain->error_ratio = zone->error_ratio;
	sensor->place = zone_place(power, zone, source);
	if (sensor->place != POWER_NO_PLACE)
		power->zone[sensor->place].users_hidden = zone->users_hidden;
	span_ns = note_read(power, sensor, now);
	if (zone->domain == DOMAIN_PLATFORM && before.taken_ns != now->taken_ns) {
		power->parts.fresh = true;
		power->parts.position = position_in(&power->tick, now->taken_ns);
	}
	if (sensor->place == POWER_NO_PLACE || !before.taken_ns || before.epoch != now->epoch) {
		power->parts.anew |= is_compared(zone->domain);
		sensor->busy_ns = power->busy_ns;
		return;
	}
	if (before.taken_ns == now->taken_ns)
		return;
	energy_uj = energy_delta_uj(before.value_uj, now->value_uj, zone->modulus_uj);
	take_energy(power, zone, sensor, energy_uj, span_ns);
	sensor->busy_ns = power->busy_ns;
	if (zone->domain == DOMAIN_PLATFORM) {
		power->parts.platform_uj += energy_uj;
		power->platform_period_ns = is_slow(power, zone) ? zone->period_ns : 0;
		power->parts.interval_ns = u64_max(power->parts.interval_ns, span_ns);
	}
}

/* What is due in this tick of energy that was read before. */
static void take_due(struct power *power, struct pace *pace, u32 index)
{
	struct power_zone *place;

	if (!pace->pool_uj)
		return;
	place = &power->zone[index];
	place->energy_uj += pace_take(pace, tick_begin_ns(power), power->tick.now_ns);
	place->interval_ns = u64_max(place->interval_ns, power->tick.interval_ns);
}

/*
 * Whether GPUs that were there have been unplugged: they are no part of the machine any more, and
 * nobody waits for them. The comparison begins anew when they go, and when they come back.
 */
static bool gpus_are_gone(struct power *power)
{
	bool were_gone = power->gpu_missed >= GPU_GONE_TICKS, are_gone;

	if (power->read & 1U << DOMAIN_GPU)
		power->gpu_missed = 0;
	else if (!were_gone && power->domain[DOMAIN_GPU].present)
		power->gpu_missed++;
	are_gone = power->gpu_missed >= GPU_GONE_TICKS;
	power->parts.anew |= are_gone != were_gone;
	return are_gone;
}

/* Whether everything that `other` is made of was read in this tick. */
static bool other_complete(struct power *power)
{
	bool gone = gpus_are_gone(power);

	for (int i = 0; i < DOMAIN_MAX; i++) {
		if (!is_compared(i) || (i == DOMAIN_GPU && gone))
			continue;
		if (power->domain[i].present && !(power->read & 1U << i))
			return false;
	}
	return true;
}

/* What is neither package, dram nor gpu, where the whole machine is known too. */
static void derive_other(struct power *power)
{
	static const struct meter_zone other = { .domain = DOMAIN_OTHER, .package = "0" };
	struct power_zone *place;
	u64 energy_uj, span_ns;
	u32 index;

	if (!power->domain[DOMAIN_PLATFORM].present || !power->domain[DOMAIN_PACKAGE].present)
		return;
	power->parts.complete = other_complete(power);
	for (u32 i = 0; i < power->zones; i++) {
		const struct power_zone *zone = &power->zone[i];

		if (zone->domain != DOMAIN_PLATFORM && is_compared(zone->domain))
			power->parts.parts_uj += zone->energy_uj;
	}
	index = zone_place(power, &other, power->domain[DOMAIN_PLATFORM].source);
	if (index == POWER_NO_PLACE)
		return;
	power->domain[DOMAIN_OTHER] = power->domain[DOMAIN_PLATFORM];
	energy_uj = machine_other_uj(&power->machine, &power->parts, &span_ns);
	place = &power->zone[index];
	if (span_ns) {
		note_news(power, place, energy_uj, span_ns, power->other_busy_ns);
		power->other_busy_ns = power->busy_ns;
	}
	if (span_ns && power->platform_period_ns) {
		pace_add(&power->other, energy_uj,
			 telling_ns(power, span_ns, power->platform_period_ns),
			 tick_begin_ns(power));
	} else {
		place->energy_uj = energy_uj;
		place->interval_ns = span_ns;
	}
	take_due(power, &power->other, index);
}

static bool is_used(const struct power *power, const struct frame *frame, u32 place)
{
	for (u32 i = 0; i < frame->uses; i++)
		if (frame->use[i].work && power_place(power, frame->use[i].zone) == place)
			return true;
	return false;
}

/*
 * Teaches the model what was measured: nothing where the CPU time is not that of the energy. A GPU
 * is busy when somebody used it.
 */
static void learn(struct power *power, const struct frame *frame, u32 place)
{
	const struct power_zone *zone = &power->zone[place];
	double busy = zone->news.busy_ns / (double)zone->news.interval_ns;

	if (!power->tick.complete)
		return;
	if (zone->domain == DOMAIN_GPU) {
		bool used = is_used(power, frame, place);

		/* who can't be told may be at work */
		if (!used && zone->users_hidden)
			return;
		busy = used ? 1.0 : 0.0;
	}
	machine_learn(&power->machine, place, zone->domain, &zone->news, busy);
}

/* Splits what is to be posted of a zone in this tick. */
static void post(struct power *power, u32 place)
{
	const struct power_zone *zone = &power->zone[place];
	struct snapshot_domain *domain = &power->domain[zone->domain];
	struct machine_energy energy = { .domain = zone->domain, .interval_ns = zone->interval_ns };

	if (zone->interval_ns) {
		domain->live = true;
		machine_split(&power->machine, place, &energy, zone->energy_uj);
		domain->power_uw += (u64)((u128)zone->energy_uj * NSEC_PER_SEC / zone->interval_ns);
		domain->idle_uw += energy.floor_uw;
	}
	power->posting[place] = (struct zone_energy){
		.domain = zone->domain,
		.package = zone->package,
		.source = zone->source,
		.energy_uj = { energy.energy_uj[MODE_DYNAMIC], energy.energy_uj[MODE_IDLE] },
	};
}

static void begin_tick(struct power *power, const struct power_tick *tick)
{
	/* a domain that was read once keeps its accounts in sight, whatever becomes of its meter */
	for (int i = 0; i < DOMAIN_MAX; i++) {
		power->domain[i].power_uw = 0;
		power->domain[i].idle_uw = 0;
		power->domain[i].live = false;
	}
	for (u32 i = 0; i < power->zones; i++) {
		power->zone[i].energy_uj = power->zone[i].interval_ns = 0;
		power->zone[i].news = (struct machine_news){ 0 };
	}
	power->tick = *tick;
	power->read = 0;
	power->busy_ns += tick->busy * (double)tick->interval_ns;
	power->parts = (struct machine_other){ .position = 1.0 };
	if (!tick->slept_ns)
		return;
	power->slept_ns += tick->slept_ns;
	power->last_sleep_ns = tick->slept_ns;
	power->woke_ns = tick_begin_ns(power);
	/* what is still to be told is told over the time awake */
	for (u32 i = 0; i < METER_ZONES_MAX; i++)
		power->sensor[i].pace.end_ns += tick->slept_ns;
	power->other.end_ns += tick->slept_ns;
}

void power_take(struct power *power, const struct meter_set *meters, const struct frame *frame,
		const struct power_tick *tick)
{
	begin_tick(power, tick);
	for (u32 i = 0; i < frame->readings; i++)
		take_reading(power, meters, &frame->reading[i]);
	for (u32 i = 0; i < METER_ZONES_MAX; i++)
		take_due(power, &power->sensor[i].pace, power->sensor[i].place);
	derive_other(power);
	for (u32 i = 0; i < power->zones; i++) {
		if (power->zone[i].news.interval_ns)
			learn(power, frame, i);
		post(power, i);
	}
	power->domain[DOMAIN_OTHER].live =
		power->domain[DOMAIN_OTHER].present && power->domain[DOMAIN_PLATFORM].live;
}
