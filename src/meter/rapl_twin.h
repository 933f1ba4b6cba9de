// SPDX-License-Identifier: Apache-2.0
/*
 * Telling a die from a mirror. Some CPUs show one counter as the package zone of every die
 * (Threadripper's package-0-die-0 and package-0-die-1): adding them up doubles the energy. Such
 * zones have equal values and stay equal; dies of their own have counted different work since the
 * machine was switched on.
 */
#pragma once

#include "base/types.h"

enum rapl_twin_state {
	TWIN_UNKNOWN,  /* not compared yet */
	TWIN_DISTINCT, /* a counter of its own */
	TWIN_SUSPECT,  /* equal so far: held back until it is decided, so that nothing counts twice
			*/
	TWIN_MIRROR,   /* has moved in lock-step long enough */
};

/* A zone compared with one that is counted. */
struct rapl_twin {
	enum rapl_twin_state state;
	u32 agreed;    /* comparisons passed */
	u64 gap_uj;    /* TWIN_GAP_UJ or TWIN_GAP_AMD_UJ; of the owner */
	u64 first_uj;  /* the counted zone's value at the last comparison */
	u64 second_uj; /* this zone's */
};

/*
 * How far apart two readings of one counter may be, uJ. On AMD the file of every die is known to
 * show the socket's counter: an agent that was held up between two reads must not take that for
 * two. On Intel each die has its own, and the dies of a machine that works evenly have values a
 * few joules apart soon after the start; what repeats there (virtual machines) is read alike.
 */
#define TWIN_GAP_AMD_UJ (25 * UJ_PER_J)
#define TWIN_GAP_UJ (UJ_PER_J / 2)

/* Whether two values of one instant, modulo @modulus_uj, could be readings of the same counter. */
bool rapl_twin_near(const struct rapl_twin *twin, u64 first_uj, u64 second_uj, u64 modulus_uj);

/* Begins to suspect; the caller found the values near. */
void rapl_twin_suspect(struct rapl_twin *twin, u64 first_uj, u64 second_uj);

/* Takes the next pair of values of a zone in state SUSPECT or MIRROR and updates its state. */
void rapl_twin_compare(struct rapl_twin *twin, u64 first_uj, u64 second_uj, u64 modulus_uj);
