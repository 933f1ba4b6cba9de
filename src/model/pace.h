// SPDX-License-Identifier: Apache-2.0
/*
 * Even steps from uneven news. A meter that is asked twice a minute tells half a minute of energy
 * at once; charged to whoever worked in that one tick it would be wrong. So it is told over the
 * time that follows, as long as the one it was measured over: nothing is lost, one interval late.
 */
#pragma once

#include "base/types.h"

/* All zero at first. */
struct pace {
	u64 pool_uj; /* measured, not told yet */
	u64 end_ns;  /* when all of it is to be told */
};

/* Takes energy that was measured over @span_ns, in the tick that began at @before_ns. */
void pace_add(struct pace *pace, u64 energy_uj, u64 span_ns, u64 before_ns);

/* What is told in the tick from @before_ns to @now_ns. */
u64 pace_take(struct pace *pace, u64 before_ns, u64 now_ns);
