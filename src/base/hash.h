// SPDX-License-Identifier: Apache-2.0
/*
 * FNV-1a, 64 bit, for names that key a table.
 */
#pragma once

#include "base/types.h"

#define HASH_SEED 0xcbf29ce484222325ULL

/* The hash of the first @len bytes of @text, or of all of it when it is shorter. */
static inline u64 hash_text(const char *text, size_t len, u64 seed)
{
	for (size_t i = 0; i < len && text[i]; i++)
		seed = (seed ^ (u8)text[i]) * 0x100000001b3ULL;
	return seed;
}
