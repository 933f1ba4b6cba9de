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

u64 energy_modulus_uj(u64 range_uj)
{
	return range_uj && range_uj < UINT64_MAX ? range_uj + 1 : 0;
}
