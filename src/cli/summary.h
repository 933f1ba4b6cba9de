// SPDX-License-Identifier: Apache-2.0
/*
 * The first words to the person who started the agent: where to look, how much power, how sure, and
 * who uses it.
 */
#pragma once

#include <stdio.h>

#include "ledger/snapshot.h"

/* @url: where the page is; @path: of the metrics. Control characters in names become "?". */
void summary_print(FILE *out, const struct snapshot *snapshot, const char *url, const char *path);
