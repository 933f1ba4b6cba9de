// SPDX-License-Identifier: Apache-2.0
/*
 * Power against busy share is kept as the mean of each twentieth of the range. The floor is the
 * lowest twentieth that was ever seen, carried down to a busy share of 0 along the slope to the
 * next one that is far enough away; while there is none, along the slope of a typical machine. Load
 * adds knowledge at the high end and cannot lift the low end.
 */
#include "model/idle.h"

#include <string.h>

#define IDLE_SAMPLES_MAX 64
#define IDLE_SAMPLES_MIN 2   /* of a bucket that is used for the slope */
#define IDLE_SLOPE_SPAN 0.10 /* of busy share between the two ends of a slope */

/*
 * Idle over full-load power of a two-socket Xeon E5-2667 v3 server (kepler-model-db, nx12: means of
 * the lowest and the highest 5 % of package power): package 31 of 186 W, DRAM 38 of 60 W, platform
 * 171 of 370 W; what is neither, 102 of 124 W.
 */
static const double prior_ratios[DOMAIN_MAX] = {
	[DOMAIN_PACKAGE] = 0.17,  [DOMAIN_CORE] = 0.10, [DOMAIN_UNCORE] = 0.50,
	[DOMAIN_DRAM] = 0.63,     [DOMAIN_GPU] = 0.20,  [DOMAIN_OTHER] = 0.82,
	[DOMAIN_PLATFORM] = 0.46,
};

void idle_floor_init(struct idle_floor *floor, enum power_domain domain)
{
	memset(floor, 0, sizeof(*floor));
	floor->prior_ratio = prior_ratios[domain];
}

void idle_floor_learn(struct idle_floor *floor, double power_uw, double busy)
{
	struct idle_bucket *bucket;
	double weight;
	int index;

	busy = busy < 0.0 ? 0.0 : busy > 1.0 ? 1.0 : busy;
	index = (int)(busy * IDLE_BUCKETS);
	bucket = &floor->bucket[index < IDLE_BUCKETS ? index : IDLE_BUCKETS - 1];
	if (bucket->samples < IDLE_SAMPLES_MAX)
		bucket->samples++;
	weight = 1.0 / bucket->samples;
	bucket->power_uw += weight * (power_uw - bucket->power_uw);
	bucket->busy += weight * (busy - bucket->busy);
}

static const struct idle_bucket *next_bucket(const struct idle_floor *floor, int from,
					     double busy_min)
{
	for (int i = from; i < IDLE_BUCKETS; i++)
		if (floor->bucket[i].samples >= IDLE_SAMPLES_MIN &&
		    floor->bucket[i].busy >= busy_min)
			return &floor->bucket[i];
	return NULL;
}

double idle_floor_uw(const struct idle_floor *floor)
{
	const struct idle_bucket *low = NULL, *high;
	double slope, floor_uw;

	low = next_bucket(floor, 0, 0.0);
	/* a single look decides only while there is nothing better */
	for (int i = 0; i < IDLE_BUCKETS && !low; i++)
		if (floor->bucket[i].samples)
			low = &floor->bucket[i];
	if (!low)
		return 0.0;
	high = next_bucket(floor, (int)(low - floor->bucket) + 1, low->busy + IDLE_SLOPE_SPAN);
	if (!high)
		return low->power_uw / (1.0 + (1.0 / floor->prior_ratio - 1.0) * low->busy);
	slope = (high->power_uw - low->power_uw) / (high->busy - low->busy);
	floor_uw = low->power_uw - (slope > 0.0 ? slope : 0.0) * low->busy;
	return floor_uw > 0.0 ? floor_uw : 0.0;
}

u64 idle_part_uj(double floor_uw, u64 energy_uj, u64 interval_ns)
{
	double idle_uj = floor_uw * ((double)interval_ns / (double)NSEC_PER_SEC);

	return idle_uj >= (double)energy_uj ? energy_uj : (u64)idle_uj;
}
