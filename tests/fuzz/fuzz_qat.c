// SPDX-License-Identifier: Apache-2.0
/* The telemetry of a QAT device: each value is a line of the text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/qat.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static u32 lines_of(const char *text)
{
	u32 lines = 1;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct qat_value values[QAT_DEVICE_VALUES_MAX];
	char *text = malloc(size + 1);
	u32 count;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	count = qat_parse(text, values, QAT_DEVICE_VALUES_MAX);
	check(count <= QAT_DEVICE_VALUES_MAX && count <= lines_of(text));
	for (u32 i = 0; i < count; i++) {
		size_t len = strnlen(values[i].type, sizeof(values[i].type));

		check(len > 0 && len < sizeof(values[i].type));
		check(strcmp(values[i].type, "latency") == 0 || strstr(text, values[i].type));
		check(values[i].value >= 0);
	}
	check(qat_parse(text, values, 1) == (count > 0));
	free(text);
	return 0;
}
