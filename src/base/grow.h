// SPDX-License-Identifier: Apache-2.0
/*
 * Arrays that grow: by doubling, so that a tick that needs no more than an earlier one allocates
 * nothing.
 */
#pragma once

#include "base/types.h"

/*
 * Makes the array at *@array (a pointer to members of @size bytes, NULL at first) at least @want
 * members long. *@capacity is its length; new members are zeroed. Returns 0 or -ENOMEM, with the
 * array as it was.
 */
int grow(void *array, u32 *capacity, u32 want, size_t size);
