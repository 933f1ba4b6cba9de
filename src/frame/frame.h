// SPDX-License-Identifier: Apache-2.0
/*
 * ONE INSTANT, raw: what meters and activity said at one tick, exactly as read. Everything
 * downstream is a function of frames.
 */
#pragma once

#include "activity/activity.h"
#include "meter/meter.h"

struct frame {
	u64 boot_ns;
	u64 unix_ns;
	u64 suspended_ns; /* since boot, to a few milliseconds */
	struct meter_reading reading[METER_ZONES_MAX];
	u32 readings;
	struct meter_use use[METER_USES_MAX]; /* who used what the readings are about */
	u32 uses;
	struct activity_table activity;
};
