// SPDX-License-Identifier: Apache-2.0
// A parser with a hole, to see that the runner notices one: reads past the end after "len:".
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 5 || memcmp(data, "len:", 4) != 0)
		return 0;
	uint8_t *copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	volatile uint8_t sink = copy[size - 1 + (data[4] == '!')];
	(void)sink;
	free(copy);
	return 0;
}
