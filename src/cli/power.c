// SPDX-License-Identifier: Apache-2.0
#include "cli/power.h"

#include <string.h>

#include "meter/energy.h"

void power_start(struct power *power, const struct frame *frame)
{
	for (u32 i = 0; i < frame->readings; i++)
		if (frame->reading[i].status == METER_OK)
			power->good[frame->reading[i].zone] = frame->reading[i];
}

static struct power_zone *zone_place(struct power *power, const struct meter_zone *zone,
				     const char *source)
{
	struct power_zone *place;

	for (u32 i = 0; i < power->zones; i++) {
		place = &power->zone[i];
		if (place->domain == zone->domain && place->source == source &&
		    strcmp(place->package, zone->package) == 0)
			return place;
	}
	if (power->zones == SNAPSHOT_ZONES_MAX)
		return NULL;
	place = &power->zone[power->zones++];
	*place = (struct power_zone){ .domain = zone->domain, .source = source };
	memcpy(place->package, zone->package, sizeof(place->package));
	return place;
}

/*
 * Adds what a sensor counted since it was last read well to its place in the books: a read that
 * failed in between costs nothing, the counter went on.
 */
static void take_reading(struct power *power, const struct meter_set *meters,
			 const struct meter_reading *now)
{
	const struct meter_zone *zone = meter_set_zone(meters, now->zone);
	const char *source = meter_set_state(meters, zone->meter)->source;
	struct meter_reading before = power->good[now->zone];
	struct snapshot_domain *domain = &power->domain[zone->domain];
	struct power_zone *place;

	if (now->status != METER_OK)
		return;
	domain->present = true;
	domain->live = true;
	domain->source = source;
	domain->quality = zone->quality;
	domain->error_ratio = zone->error_ratio;
	place = zone_place(power, zone, source);
	power->good[now->zone] = *now;
	if (!place || !before.taken_ns || before.epoch != now->epoch)
		return;
	place->energy_uj += energy_delta_uj(before.value_uj, now->value_uj, zone->modulus_uj);
	place->interval_ns = u64_max(place->interval_ns, now->taken_ns - before.taken_ns);
}

/* Whether everything that `other` is made of was read in this tick. */
static bool other_complete(const struct power *power)
{
	static const enum power_domain made_of[] = { DOMAIN_PLATFORM, DOMAIN_PACKAGE, DOMAIN_DRAM,
						     DOMAIN_GPU };

	for (size_t i = 0; i < ARRAY_SIZE(made_of); i++)
		if (power->domain[made_of[i]].present && !power->domain[made_of[i]].live)
			return false;
	return true;
}

/* What is neither package, dram nor gpu, where the whole machine is known too. */
static void derive_other(struct power *power)
{
	static const struct meter_zone other = { .domain = DOMAIN_OTHER, .package = "0" };
	u64 sum_uj[DOMAIN_MAX] = { 0 }, interval_ns = 0;
	struct power_zone *place;

	if (!power->domain[DOMAIN_PLATFORM].present || !power->domain[DOMAIN_PACKAGE].present)
		return;
	for (u32 i = 0; i < power->zones; i++) {
		sum_uj[power->zone[i].domain] += power->zone[i].energy_uj;
		if (power->zone[i].domain == DOMAIN_PLATFORM)
			interval_ns = u64_max(interval_ns, power->zone[i].interval_ns);
	}
	place = zone_place(power, &other, power->domain[DOMAIN_PLATFORM].source);
	if (!place)
		return;
	power->domain[DOMAIN_OTHER] = power->domain[DOMAIN_PLATFORM];
	place->interval_ns = interval_ns;
	place->energy_uj =
		machine_other_uj(&power->machine, sum_uj[DOMAIN_PLATFORM],
				 sum_uj[DOMAIN_PACKAGE] + sum_uj[DOMAIN_DRAM] + sum_uj[DOMAIN_GPU],
				 other_complete(power));
	if (!place->energy_uj)
		place->interval_ns = 0; /* nothing is known of this tick's power */
}

/* What the model may learn from a tick: nothing where the CPU time is not that of the energy. */
static bool may_learn(const struct power_zone *zone, const struct power_tick *tick)
{
	return tick->complete && zone->interval_ns <= tick->interval_ns * 3 / 2;
}

void power_take(struct power *power, const struct meter_set *meters, const struct frame *frame,
		const struct power_tick *tick)
{
	/* a domain that was read once keeps its accounts in sight, whatever becomes of its meter */
	for (int i = 0; i < DOMAIN_MAX; i++) {
		power->domain[i].power_uw = 0;
		power->domain[i].idle_uw = 0;
		power->domain[i].live = false;
	}
	for (u32 i = 0; i < power->zones; i++)
		power->zone[i].energy_uj = power->zone[i].interval_ns = 0;
	for (u32 i = 0; i < frame->readings; i++)
		take_reading(power, meters, &frame->reading[i]);
	derive_other(power);
	for (u32 i = 0; i < power->zones; i++) {
		const struct power_zone *zone = &power->zone[i];
		struct snapshot_domain *domain = &power->domain[zone->domain];
		struct machine_energy energy = { .domain = zone->domain,
						 .interval_ns = zone->interval_ns };

		if (zone->interval_ns) {
			if (may_learn(zone, tick))
				machine_learn(&power->machine, i, &energy, zone->energy_uj,
					      tick->busy);
			machine_split(&power->machine, i, &energy, zone->energy_uj);
			domain->power_uw +=
				(u64)((u128)zone->energy_uj * NSEC_PER_SEC / zone->interval_ns);
			domain->idle_uw += energy.floor_uw;
		}
		power->posting[i] = (struct zone_energy){
			.domain = zone->domain,
			.package = zone->package,
			.source = zone->source,
			.energy_uj = { energy.energy_uj[MODE_DYNAMIC],
				       energy.energy_uj[MODE_IDLE] },
		};
	}
}
