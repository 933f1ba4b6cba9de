// SPDX-License-Identifier: Apache-2.0
/*
 * Turns the bytes of the ring buffer into rows and events; no system call, so that it can be
 * fuzzed.
 */
#pragma once

#include "activity/activity.h"

/*
 * Adds one ring record of @size bytes to @table. Returns 0, -EPROTO for bytes that are no record,
 * or -ENOMEM / -ENOBUFS when the table cannot take more.
 */
int record_add(struct activity_table *table, const void *data, size_t size);
