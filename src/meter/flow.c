// SPDX-License-Identifier: Apache-2.0
#include "meter/flow.h"

/* Power is taken to go on over this many failed reads. */
#define MISSES_MAX 3

static void well(struct flow *flow)
{
	flow->status = METER_OK;
	flow->missed = 0;
}

void flow_take_power(struct flow *flow, u64 power_uw, u64 awake_ns)
{
	gauge_take(&flow->gauge, power_uw, awake_ns);
	well(flow);
}

void flow_take_energy(struct flow *flow, u64 raw_uj)
{
	/* Drivers extend their counters to 64 bits: one that is lower was started anew. */
	if (flow->counting && raw_uj >= flow->raw_uj)
		flow->counted_uj += raw_uj - flow->raw_uj;
	else if (flow->counting)
		flow->epoch++;
	flow->counting = true;
	flow->raw_uj = raw_uj;
	well(flow);
}

void flow_stop(struct flow *flow, enum meter_status why)
{
	if (flow->gauge.started || flow->counting)
		flow->epoch++;
	flow->gauge.started = false;
	flow->counting = false;
	flow->status = why;
}

void flow_miss(struct flow *flow, enum meter_status why)
{
	flow->missed++;
	flow->status = why;
	/* A counter goes on while it can't be read. */
	if (flow->missed > MISSES_MAX && flow->gauge.started)
		flow_stop(flow, why);
}

u64 flow_energy_uj(const struct flow *flow)
{
	return flow->gauge.energy_uj + flow->counted_uj;
}

u32 flow_epoch(const struct flow *flow)
{
	return flow->gauge.epoch + flow->epoch;
}
