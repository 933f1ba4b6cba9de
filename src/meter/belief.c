// SPDX-License-Identifier: Apache-2.0
#include "meter/belief.h"

#include <string.h>

#include "meter/energy.h"

#define GRACE_READS 10
#define GRACE_PERIODS 3

/*
 * Equal readings, and CPU time spent meanwhile, after which a zone is taken for dead. A counter
 * that reads 0 twice is taken for dead until it moves: many virtual machines have such, and a true
 * one has counted something when it is read again.
 */
#define DEAD_READS 5
#define DEAD_RUN_NS (2 * NSEC_PER_SEC)

/*
 * A platform that counts clearly less than its own CPU sockets over a minute does not measure the
 * platform: psys means what the board's maker wired up. What lags or is smoothed evens out in two
 * minutes, of which each must be short; a fifth is more than any sensor is off.
 */
#define WINDOW_NS (60 * NSEC_PER_SEC)
#define WINDOW_PART 5

/* Places in one list are told apart by more than the number of lists. */
#define RANK_STEP METERS_MAX

static u32 place_in(const struct meter_order *order, u32 id)
{
	for (u32 i = 0; i < order->count; i++) {
		if (order->id[i] == id)
			return i;
	}
	return BELIEF_NOBODY;
}

static bool is_rapl(enum meter_id id)
{
	return id == METER_RAPL_POWERCAP || id == METER_RAPL_PERF || id == METER_RAPL_MSR;
}

u32 belief_rank(const struct belief *belief, const struct meter_zone *zone)
{
	const struct meter_options *options = &belief->options;
	enum meter_id id = belief->ops[zone->meter]->id;
	u32 place;

	switch (zone->domain) {
	case DOMAIN_PLATFORM:
		place = place_in(&options->platform, is_rapl(id) ? METER_PSYS : id);
		if (place == BELIEF_NOBODY || !is_rapl(id))
			return place == BELIEF_NOBODY ? place : place * RANK_STEP;
		return place * RANK_STEP + u64_min(place_in(&options->cpu, id), RANK_STEP - 1);
	case DOMAIN_GPU:
		place = place_in(&options->gpu, id);
		break;
	default:
		place = place_in(&options->cpu, id);
		break;
	}
	return place == BELIEF_NOBODY ? place : place * RANK_STEP;
}

static bool contradicted(const struct belief *belief, const struct meter_zone *zone)
{
	return zone->domain == DOMAIN_PLATFORM && (belief->contradicted & 1U << zone->meter);
}

static bool alive(const struct belief *belief, u32 zone)
{
	const struct zone_life *life = &belief->life[zone];
	const struct meter_slot *slot = &belief->slots->slot[zone];

	if (slot->left_out || life->dead || !life->seen || contradicted(belief, &slot->zone))
		return false;
	/* a meter that is asked twice a minute is not lost when it did not answer once */
	return life->missed < GRACE_READS ||
	       belief->now_ns < life->seen_ns + GRACE_PERIODS * slot->zone.period_ns;
}

/*
 * Whether the reading is another than the last one, which the gate then judges: once, as a value
 * that is still the same in the next tick would seem to go on from where it was found.
 */
static bool judge(struct zone_life *life, const struct meter_slot *slot, u64 slept_ns)
{
	const struct meter_reading *now = &slot->reading;
	const struct gate_gap gap = { slept_ns, life->missed > 0 };

	if (life->judged && now->taken_ns == life->judged_ns && now->epoch == life->judged_epoch)
		return false;
	life->judged = true;
	life->judged_ns = now->taken_ns;
	life->judged_epoch = now->epoch;
	life->rejected = gate_check(&life->gate, &slot->zone, now, &gap) == GATE_REJECT;
	return true;
}

static void follow_value(struct zone_life *life, const struct meter_slot *slot, u64 run_ns)
{
	const struct meter_reading *now = &slot->reading;
	u32 epoch = now->epoch + life->gate.restarts;

	if (life->seen && epoch == life->seen_epoch) {
		life->window_uj +=
			energy_delta_uj(life->seen_uj, now->value_uj, slot->zone.modulus_uj);
		life->window_ns += now->taken_ns - life->seen_ns;
	}
	if (!life->seen || now->value_uj != life->seen_uj || epoch != life->seen_epoch) {
		life->same = 1;
		life->moved_run_ns = run_ns;
		/* A new epoch shows that the driver came back, not that the zone moves. */
		if (now->value_uj != life->seen_uj)
			life->dead = false;
	} else if (life->same < DEAD_READS) {
		life->same++;
	}
	life->seen = true;
	life->seen_uj = now->value_uj;
	life->seen_ns = now->taken_ns;
	life->seen_epoch = epoch;
}

static bool stands_still(const struct zone_life *life, u64 run_ns)
{
	return life->same >= DEAD_READS && run_ns > life->moved_run_ns &&
	       run_ns - life->moved_run_ns > DEAD_RUN_NS;
}

/* Whether a counter reads 0; a gauge of a polled meter begins with that. */
static bool is_zero(const struct belief *belief, const struct meter_slot *slot)
{
	return slot->reading.value_uj == 0 && belief->ops[slot->zone.meter]->read;
}

void belief_follow(struct belief *belief, u32 zone, const struct meter_tick *tick,
		   u64 errors[METER_STATUS_MAX])
{
	const struct meter_slot *slot = &belief->slots->slot[zone];
	struct zone_life *life = &belief->life[zone];
	u64 run_ns = tick->input.run_ns;
	bool good = !slot->left_out && slot->reading.status == METER_OK;
	bool news = good && judge(life, slot, tick->slept_ns);

	errors[METER_IMPLAUSIBLE] += news && life->rejected;
	if (!good || life->rejected) {
		if (life->missed < GRACE_READS)
			life->missed++;
		return;
	}
	life->missed = 0;
	if (!news)
		return;
	follow_value(life, slot, run_ns);
	if (!life->dead && !slot->zone.may_rest &&
	    (stands_still(life, run_ns) || (life->same > 1 && is_zero(belief, slot)))) {
		life->dead = true;
		errors[METER_DEAD]++;
	}
}

/* Compares what is reported as platform with what is inside it, once a minute. */
static void compare_platform(struct belief *belief, u64 awake_ns)
{
	u64 inside_uj = 0, platform_uj[METERS_MAX] = { 0 };
	bool told[METERS_MAX] = { false }, partly[METERS_MAX] = { false };

	if (!belief->window_awake_ns)
		belief->window_awake_ns = awake_ns;
	if (awake_ns - belief->window_awake_ns < WINDOW_NS)
		return;
	for (u32 z = 0; z < belief->slots->count; z++) {
		const struct meter_zone *zone = &belief->slots->slot[z].zone;
		struct zone_life *life = &belief->life[z];

		if (zone->domain == DOMAIN_PLATFORM) {
			platform_uj[zone->meter] += life->window_uj;
			/* Not one that is slow, or was watched for a part of the window only. */
			if (life->seen && life->missed == 0) {
				told[zone->meter] = true;
				partly[zone->meter] |= zone->period_ns >= WINDOW_NS / 4 ||
						       life->window_ns < WINDOW_NS - WINDOW_NS / 10;
			}
		} else if (zone->domain == DOMAIN_PACKAGE && !life->relieved &&
			   !belief->ops[zone->meter]->estimate) {
			inside_uj += life->window_uj;
		}
		life->window_uj = life->window_ns = 0;
	}
	belief->window_awake_ns = awake_ns;
	for (u32 m = 0; m < METERS_MAX; m++) {
		if (!told[m] || partly[m])
			continue;
		if (platform_uj[m] >= inside_uj - inside_uj / WINDOW_PART) {
			belief->contradicted &= ~(1U << m);
			belief->doubted &= ~(1U << m);
		} else if (belief->doubted & 1U << m) {
			belief->contradicted |= 1U << m;
		} else {
			belief->doubted |= 1U << m;
		}
	}
}

void belief_choose(struct belief *belief, const struct meter_tick *tick)
{
	bool measured = false;

	belief->now_ns = tick->input.now_ns;
	compare_platform(belief, tick->input.awake_ns);
	for (u32 d = 0; d < DOMAIN_MAX; d++)
		belief->responsible[d] = BELIEF_NOBODY;
	for (u32 z = 0; z < belief->slots->count; z++) {
		const struct meter_zone *zone = &belief->slots->slot[z].zone;
		u32 rank = belief_rank(belief, zone);

		if (belief->ops[zone->meter]->estimate || rank == BELIEF_NOBODY ||
		    !alive(belief, z))
			continue;
		measured |= zone->domain != DOMAIN_GPU;
		if (rank < belief->responsible[zone->domain])
			belief->responsible[zone->domain] = rank;
	}
	belief->estimating = !measured;
}

/* Whether a better meter reports the same device. */
static bool is_told_better(const struct belief *belief, const struct meter_zone *zone, u32 rank)
{
	for (u32 z = 0; z < belief->slots->count; z++) {
		const struct meter_zone *other = &belief->slots->slot[z].zone;

		if (other->domain == zone->domain && other->meter != zone->meter &&
		    other->device[0] && strcmp(other->device, zone->device) == 0 &&
		    belief_rank(belief, other) < rank && alive(belief, z))
			return true;
	}
	return false;
}

/* Whether the zone is for another meter to report, or for none. */
static bool is_relieved(const struct belief *belief, u32 zone)
{
	const struct meter_zone *z = &belief->slots->slot[zone].zone;
	u32 rank;

	if (belief->ops[z->meter]->estimate)
		return !belief->estimating || (z->domain == DOMAIN_PLATFORM &&
					       belief->responsible[DOMAIN_GPU] != BELIEF_NOBODY);
	rank = belief_rank(belief, z);
	if (rank == BELIEF_NOBODY)
		return true;
	if (z->domain == DOMAIN_GPU)
		return is_told_better(belief, z, rank);
	if (belief->estimating)
		return true;
	return belief->responsible[z->domain] != BELIEF_NOBODY &&
	       belief->responsible[z->domain] != rank;
}

enum meter_status belief_status(const struct belief *belief, u32 zone)
{
	const struct meter_slot *slot = &belief->slots->slot[zone];
	const struct zone_life *life = &belief->life[zone];

	if (slot->left_out)
		return METER_ABSENT;
	if (slot->reading.status != METER_OK)
		return slot->reading.status;
	if (belief->ops[slot->zone.meter]->estimate)
		return belief->estimating ? METER_OK : METER_ABSENT;
	if (life->dead)
		return METER_DEAD;
	return life->missed || contradicted(belief, &slot->zone) ? METER_IMPLAUSIBLE : METER_OK;
}

struct meter_reading belief_report(struct belief *belief, u32 zone)
{
	struct zone_life *life = &belief->life[zone];
	struct meter_reading out = belief->slots->slot[zone].reading;

	out.status = belief_status(belief, zone);
	if (is_relieved(belief, zone)) {
		life->relieved = true;
		if (out.status == METER_OK)
			out.status = METER_ABSENT;
	} else if (life->relieved) {
		life->relieved = false;
		life->handovers++;
	}
	out.epoch += life->handovers + life->gate.restarts;
	return out;
}
