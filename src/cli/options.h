// SPDX-License-Identifier: Apache-2.0
/*
 * From what a person set to what the rooms want to know.
 */
#pragma once

#include "base/sysroot.h"
#include "config/config.h"
#include "meter/meter.h"

/* @options borrows strings of @config. */
void options_meter(const struct config *config, struct meter_options *options);

/* Opens the machine's trees. Returns 0 or a negative errno; @which then names the directory. */
int options_root(const struct config *config, struct sysroot *root, const char **which);
