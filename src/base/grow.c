// SPDX-License-Identifier: Apache-2.0
#include "base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROW_MIN 64

int grow(void *array, u32 *capacity, u32 want, size_t size)
{
	u32 room = *capacity ? *capacity : GROW_MIN;
	void **members = array;
	char *grown;

	if (want <= *capacity)
		return 0;
	while (room < want)
		room *= 2;
	grown = realloc(*members, room * size);
	if (!grown)
		return -ENOMEM;
	memset(grown + *capacity * size, 0, (room - *capacity) * size);
	*members = grown;
	*capacity = room;
	return 0;
}
