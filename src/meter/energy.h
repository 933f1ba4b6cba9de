// SPDX-License-Identifier: Apache-2.0
/*
 * Arithmetic on energy counters that wrap.
 */
#pragma once

#include "base/types.h"

/*
 * Energy between two readings of a counter that counts modulo @modulus_uj (0: never wraps). A step
 * of a counter that never wraps below its last value is a restart and counts as 0; so does a value
 * outside the modulus. At most one wrap can be seen: read more often than the counter wraps.
 */
u64 energy_delta_uj(u64 before_uj, u64 after_uj, u64 modulus_uj);

/*
 * The modulus of a powercap counter whose max_energy_range_uj is @range_uj; 0 (never wraps) when
 * that is 0 or unknown.
 *
 * The range is the largest value the counter takes, so the step after it leads to 0: the modulus
 * is the range plus one step. The kernel (drivers/powercap/intel_rapl_common.c) keeps a step as
 * whole nanojoules, shows a counter of 32 bits as steps x nJ / 1000 rounded down, and the range
 * as that of 2^32 - 1 steps. A range tells the nJ of its step, then, and the modulus is 2^32 of
 * them, rounded to the next microjoule: a wrap is wrong by half of one at most. Where a range is
 * not of that form the step is not known; with one microjoule in its place every reading is below
 * the modulus and a wrap costs less than one step.
 */
u64 energy_modulus_uj(u64 range_uj);
