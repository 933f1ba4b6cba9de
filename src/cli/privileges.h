// SPDX-License-Identifier: Apache-2.0
/*
 * Least privilege after start-up.
 */
#pragma once

#include "base/types.h"

/*
 * Keeps only the capabilities that a tick needs (reading counters that belong to root, making an
 * iterator) and rules out getting more. @low_port: a port below 1024 is still to be opened. Returns
 * 0 or a negative errno; a process without capabilities has nothing to drop.
 */
int privileges_drop(bool low_port);
