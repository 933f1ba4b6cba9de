// SPDX-License-Identifier: Apache-2.0
#include "meter/redfish_track.h"

/* Between two readings that are further apart the power is not known. */
#define GAP_INTERVALS 4
#define GAP_MIN_NS (10 * NSEC_PER_SEC)

/* A counter that is missing so many times in a row will not come back. */
#define MISSING_MAX 3

/*
 * The two tellings are compared when both have seen enough. Power is looked at now and then only,
 * which may mislead for a while: no more than this factor, with so many looks.
 */
#define COMPARE_READINGS 10
#define COMPARE_STEPS 20
#define COMPARE_FACTOR 4

/* Whether the counter steps at least once between two polls. */
static bool counter_serves(struct redfish_track *t, const struct redfish_value *value)
{
	u64 passes_uj;

	if (!value->has_energy || t->distrusted)
		return false;
	/* Zeros at the end don't show, so that one reading may look coarser than the counter is. */
	if (!t->step_uj || value->step_uj < t->step_uj)
		t->step_uj = value->step_uj;
	passes_uj = (u64)((u128)value->power_uw * t->interval_ns / NSEC_PER_SEC);
	t->coarse = value->has_power && t->step_uj > passes_uj;
	return !t->coarse;
}

static void begin_comparison(struct redfish_track *t)
{
	t->compared = 0;
	t->power_uj = 0;
	t->counter_uj = 0;
}

static void begin_counting(struct redfish_track *t, const struct redfish_value *value)
{
	t->counting = true;
	t->energy_uj = value->energy_uj;
	t->epoch++;
	begin_comparison(t);
}

static void end_counting(struct redfish_track *t)
{
	t->counting = false;
	t->epoch++;
	t->energy_uj = t->gauge.energy_uj;
}

static bool contradicts(const struct redfish_track *t)
{
	return t->counter_uj < t->power_uj / COMPARE_FACTOR ||
	       t->counter_uj / COMPARE_FACTOR > t->power_uj;
}

/* @before: the gauge before this reading. */
static void take_counter(struct redfish_track *t, const struct redfish_value *value,
			 const struct gauge *before)
{
	u64 counted_uj = value->energy_uj - t->energy_uj;

	if (value->energy_uj < t->energy_uj) {
		/* Cleared, as by ResetMetrics. */
		begin_counting(t, value);
		return;
	}
	t->energy_uj = value->energy_uj;
	if (t->gauge.epoch != before->epoch) {
		/* The counter went on while the power was not known. */
		begin_comparison(t);
		return;
	}
	t->compared++;
	t->counter_uj += counted_uj;
	t->power_uj += t->gauge.energy_uj - before->energy_uj;
	if (t->compared < COMPARE_READINGS || t->power_uj < COMPARE_STEPS * t->step_uj)
		return;
	if (contradicts(t)) {
		t->distrusted = true;
		end_counting(t);
	}
	begin_comparison(t);
}

/* The counter is not in what was read: that may be for a moment, or for good. */
static bool miss_counter(struct redfish_track *t, const struct redfish_value *value)
{
	if (++t->missing < MISSING_MAX || !value->has_power)
		return false;
	end_counting(t);
	return true;
}

bool redfish_track_take(struct redfish_track *t, const struct redfish_value *value, u64 awake_ns)
{
	struct gauge before = t->gauge;

	t->gauge.kind = GAUGE_INSTANT;
	t->gauge.gap_ns = u64_max(GAP_INTERVALS * t->interval_ns, GAP_MIN_NS);
	if (value->has_power)
		gauge_take(&t->gauge, value->power_uw, awake_ns);
	if (t->counting && !value->has_energy)
		return miss_counter(t, value);
	t->missing = 0;
	if (t->counting) {
		take_counter(t, value, &before);
		return true;
	}
	if (counter_serves(t, value)) {
		begin_counting(t, value);
		return true;
	}
	if (!value->has_power)
		return false;
	t->energy_uj = t->gauge.energy_uj;
	t->epoch += t->gauge.epoch - before.epoch;
	return true;
}
