// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes are the scale, the terms and the format of a perf event, and a list of CPUs. What is
 * understood must agree with an independent reading of the same bytes, and what is refused must
 * leave the result alone.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/cpu_topology.h"
#include "meter/perf_text.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* The C library reads the same number, to the precision of its type. */
static void scale(const char *text)
{
	struct perf_scale got = { .uj = 4711 };
	long double want_uj, got_uj;

	if (perf_scale_parse(text, &got) < 0) {
		check(got.uj == 4711);
		return;
	}
	check(got.uj > 0 && got.per_counts > 0);
	want_uj = strtold(text, NULL) * 1e6L;
	got_uj = (long double)got.uj / (long double)got.per_counts;
	check(fabsl(got_uj - want_uj) <= want_uj * 1e-15L);
	check(perf_scale_uj(&got, 0) == 0);
	for (u64 count = 1; count < UINT64_MAX / 5; count *= 5)
		check(perf_scale_uj(&got, count) <= perf_scale_uj(&got, count * 5));
}

static void terms(const char *text)
{
	struct perf_term term;
	const char *before;

	do {
		before = text;
		term.value = 4711;
		if (perf_term_next(&text, &term) != 1) {
			check(text == before && term.value == 4711);
			return;
		}
		check(text > before);
		check(strncmp(before, term.name, strlen(term.name)) == 0);
		check(strlen(term.name) > 0 && strlen(term.name) < sizeof(term.name));
	} while (*text);
}

/* Of a single range what was put in can be taken out, and no other bit has changed. */
static void format(const char *text)
{
	static const u64 values[] = { 0, 1, 0x5a, 0xffff, UINT64_MAX };
	const u64 pattern = 0xa5a5a5a5a5a5a5a5;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		u64 config = pattern, mask;
		u32 first, last;
		int end = -1;

		if (perf_format_put(text, values[i], &config) < 0) {
			check(config == pattern);
			continue;
		}
		check(strncmp(text, "config:", 7) == 0);
		if (sscanf(text, "config:%u-%u%n", &first, &last, &end) != 2 || end < 0 ||
		    text[end] != '\0')
			continue;
		mask = (last - first == 63 ? UINT64_MAX : (1ULL << (last - first + 1)) - 1);
		check((config >> first & mask) == values[i]);
		check((config & ~(mask << first)) == (pattern & ~(mask << first)));
	}
}

static void cpu_list(const char *text)
{
	const char *cursor = text, *before = text;
	u32 first, last;

	while (cpu_list_next(&cursor, &first, &last) == 1) {
		u32 a = 0, b = 0;
		int fields = sscanf(before, "%u-%u", &a, &b);

		check(cursor > before && first <= last);
		check(a == first && (fields == 2 ? b : a) == last);
		check(cpu_list_has(text, first) && cpu_list_has(text, last));
		before = cursor;
	}
	check(cursor == before);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	scale(text);
	terms(text);
	format(text);
	cpu_list(text);
	free(text);
	return 0;
}
