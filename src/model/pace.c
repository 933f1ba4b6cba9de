// SPDX-License-Identifier: Apache-2.0
#include "model/pace.h"

void pace_add(struct pace *pace, u64 energy_uj, u64 span_ns, u64 before_ns)
{
	pace->pool_uj += energy_uj;
	pace->end_ns = before_ns + span_ns;
}

u64 pace_take(struct pace *pace, u64 before_ns, u64 now_ns)
{
	u64 told_uj = pace->pool_uj;

	if (now_ns < pace->end_ns && before_ns < now_ns)
		told_uj = (u64)((u128)pace->pool_uj * (now_ns - before_ns) /
				(pace->end_ns - before_ns));
	pace->pool_uj -= told_uj;
	return told_uj;
}
