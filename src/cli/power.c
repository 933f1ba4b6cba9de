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

/* Whether `other` is made of this domain. */
static bool is_compared(enum power_domain domain)
{
	return domain == DOMAIN_PLATFORM || domain == DOMAIN_PACKAGE || domain == DOMAIN_DRAM ||
	       domain == DOMAIN_GPU;
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
	if (!place || !before.taken_ns || before.epoch != now->epoch) {
		power->anew |= is_compared(zone->domain);
		return;
	}
	place->energy_uj += energy_delta_uj(before.value_uj, now->value_uj, zone->modulus_uj);
	place->interval_ns = u64_max(place->interval_ns, now->taken_ns - before.taken_ns);
}

/* Whether everything that `other` is made of was read in this tick. */
static bool other_complete(const struct power *power)
{
	for (int i = 0; i < DOMAIN_MAX; i++)
		if (is_compared(i) && power->domain[i].present && !power->domain[i].live)
			return false;
	return true;
}

/* What is neither package, dram nor gpu, where the whole machine is known too. */
static void derive_other(struct power *power)
{
	static const struct meter_zone other = { .domain = DOMAIN_OTHER, .package = "0" };
	struct machine_other tick = { .complete = other_complete(power), .anew = power->anew };
	struct power_zone *place;

	if (!power->domain[DOMAIN_PLATFORM].present || !power->domain[DOMAIN_PACKAGE].present)
		return;
	for (u32 i = 0; i < power->zones; i++) {
		const struct power_zone *zone = &power->zone[i];

		if (zone->domain == DOMAIN_PLATFORM) {
			tick.platform_uj += zone->energy_uj;
			tick.interval_ns = u64_max(tick.interval_ns, zone->interval_ns);
		} else if (is_compared(zone->domain)) {
			tick.parts_uj += zone->energy_uj;
		}
	}
	place = zone_place(power, &other, power->domain[DOMAIN_PLATFORM].source);
	if (!place)
		return;
	power->domain[DOMAIN_OTHER] = power->domain[DOMAIN_PLATFORM];
	place->energy_uj = machine_other_uj(&power->machine, &tick, &place->interval_ns);
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
	power->anew = false;
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
