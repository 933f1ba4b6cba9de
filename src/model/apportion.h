// SPDX-License-Identifier: Apache-2.0
/*
 * Divides an amount among weights, in whole units, without losing or inventing one.
 *
 * The shares are differences of one rising line: the amount due to all weights up to and including
 * this one, rounded. They add up to the amount exactly. The line starts at a phase between 0 and 1
 * unit that changes with every use, so that rounding favours nobody in the long run.
 */
#pragma once

#include "base/types.h"

struct apportion {
	u64 amount;
	u64 rate;  /* amount per weight step, 32 fractional bits */
	u64 phase; /* 32 fractional bits */
	u64 given;
	u32 shift; /* weights are taken in steps of 2^shift, so that their sum has at most 32 bits
		    */
};

/*
 * Begins to divide @amount (below 2^63) among weights whose sum is @weights > 0. @turn should
 * differ from use to use.
 */
void apportion_init(struct apportion *apportion, u64 amount, u64 weights, u32 turn);

/* The share of the next weight; @reached is the sum of all weights up to and including it. */
static inline u64 apportion_next(struct apportion *apportion, u64 reached)
{
	u128 line = (u128)(reached >> apportion->shift) * apportion->rate + apportion->phase;
	u64 due = (u64)(line >> 32);
	u64 share;

	if (due > apportion->amount)
		due = apportion->amount;
	share = due - apportion->given;
	apportion->given = due;
	return share;
}

/* What the shares so far have left over: goes to the last one. */
static inline u64 apportion_rest(struct apportion *apportion)
{
	u64 rest = apportion->amount - apportion->given;

	apportion->given = apportion->amount;
	return rest;
}
