// SPDX-License-Identifier: Apache-2.0
#include "meter/gauge.h"

/* uW * ns in a uJ */
#define UWNS_PER_UJ NSEC_PER_SEC

void gauge_take(struct gauge *gauge, u64 power_uw, u64 awake_ns)
{
	u64 passed_ns = awake_ns > gauge->awake_ns ? awake_ns - gauge->awake_ns : 0;
	u128 work = 0; /* uW * ns */

	if (gauge->started && passed_ns > gauge->gap_ns)
		gauge->epoch++;
	else if (gauge->started && gauge->kind == GAUGE_INSTANT)
		work = ((u128)gauge->power_uw + power_uw) * passed_ns / 2;
	else if (gauge->started)
		work = (u128)power_uw * passed_ns;
	work += gauge->carried;
	gauge->energy_uj += (u64)(work / UWNS_PER_UJ);
	gauge->carried = (u64)(work % UWNS_PER_UJ);
	gauge->started = true;
	gauge->awake_ns = awake_ns;
	gauge->power_uw = power_uw;
}
