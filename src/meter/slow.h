// SPDX-License-Identifier: Apache-2.0
/*
 * A thread for a meter that may be slow. It polls when it is kicked, which happens once per tick,
 * and puts what it got into a mailbox of one sample; the tick takes the newest and never waits for
 * a device that did not answer quickly the last time.
 */
#pragma once

#include "meter/meter_ops.h"

/*
 * Readies polling @ops->poll(@priv); the thread starts with the first slow_kick(). @priv is
 * borrowed. Returns 0 or a negative errno.
 */
int slow_new(const struct meter_ops *ops, void *priv, struct slow **slow);

/*
 * Ends the thread. Returns false when it hangs in a poll: it then keeps @priv, which must not be
 * freed.
 */
bool slow_free(struct slow *slow);

/* Lets the next poll begin, unless one is under way or it is too early. */
void slow_kick(struct slow *slow);

/*
 * The newest sample, or NULL before the first; valid until the next call. *@fresh: it was not
 * returned before. Waits for a poll under way until @deadline_ns (monotonic) if polls of this meter
 * are usually that quick.
 */
const struct meter_sample *slow_take(struct slow *slow, u64 deadline_ns, bool *fresh);

/*
 * Brings the zones of a sample into the slots of @meter: adds new ones, marks those that are not in
 * it any more. For a sample that is not fresh, tells how old it is: readings older than three of
 * their periods are stale, older than ten absent.
 */
void slow_settle(struct meter *meter, const struct meter_sample *sample, bool fresh,
		 const struct meter_tick *tick);

/* The slot that zone @index of the sample settled in last has, or METER_ZONES_MAX. */
u32 slow_slot(const struct meter *meter, const struct meter_sample *sample, u32 index);
