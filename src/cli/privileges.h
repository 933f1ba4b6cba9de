// SPDX-License-Identifier: Apache-2.0
/*
 * Least privilege after start-up.
 */
#pragma once

#include "base/types.h"

/*
 * Keeps only the capabilities that a tick needs (reading counters that belong to root, making an
 * iterator), and those of @wanted (bits 1 << CAP_...) that it has, and rules out getting more.
 * Returns 0 or a negative errno; a process without capabilities has nothing to drop.
 */
int privileges_drop(u64 wanted);
