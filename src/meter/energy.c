// SPDX-License-Identifier: Apache-2.0
#include "meter/energy.h"

u64 energy_delta_uj(u64 before_uj, u64 after_uj, u64 modulus_uj)
{
	if (modulus_uj && (before_uj >= modulus_uj || after_uj >= modulus_uj))
		return 0;
	if (after_uj >= before_uj)
		return after_uj - before_uj;
	return modulus_uj ? modulus_uj - before_uj + after_uj : 0;
}

/* 32 bits of the hardware's register are the counter. */
#define STEPS (1ULL << 32)

/* The step of a counter with this range, or 0 where the range does not tell. */
static u64 step_of_nj(u64 range_uj)
{
	u128 range_nj = (u128)range_uj * 1000;
	u128 step_nj = (range_nj + STEPS - 2) / (STEPS - 1);

	return step_nj * (STEPS - 1) / 1000 == range_uj ? (u64)step_nj : 0;
}

u64 energy_modulus_uj(u64 range_uj)
{
	u64 step_nj = step_of_nj(range_uj);

	if (!range_uj || range_uj == UINT64_MAX)
		return 0;
	if (!step_nj)
		return range_uj + 1;
	return (u64)(((u128)step_nj * STEPS + 500) / 1000);
}
