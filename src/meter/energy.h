// SPDX-License-Identifier: Apache-2.0
/*
 * Arithmetic on energy counters that wrap.
 */
#pragma once

#include "base/types.h"

/*
 * Energy between two readings of a counter that counts modulo @modulus_uj (0: never wraps). A step of a
 * counter that never wraps below its last value is a restart and counts as 0; so does a value outside
 * the modulus. At most one wrap can be seen: read more often than the counter wraps.
 */
u64 energy_delta_uj(u64 before_uj, u64 after_uj, u64 modulus_uj);
