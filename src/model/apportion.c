// SPDX-License-Identifier: Apache-2.0
#include "model/apportion.h"

/* 2^32 over the golden ratio: successive multiples spread evenly over the unit. */
#define GOLDEN_STEP 0x9e3779b9U

void apportion_init(struct apportion *apportion, u64 amount, u64 weights, u32 turn)
{
	u32 bits = 64 - (u32)__builtin_clzll(weights);
	u32 shift = bits > 32 ? bits - 32 : 0;
	u128 rate = ((u128)amount << 32) / (weights >> shift);

	*apportion = (struct apportion){
		.amount = amount,
		/* cut off only for more than 2^32 units to a single step; the last share has the
		   rest */
		.rate = rate >> 64 ? UINT64_MAX : (u64)rate,
		.phase = turn * GOLDEN_STEP,
		.shift = shift,
	};
}
