// SPDX-License-Identifier: Apache-2.0
/*
 * The writers of the small families: each is asked for its series by index and writes one line. All
 * of them are named in metrics.def.
 */
#pragma once

#include "export/exposition.h"
#include "export/metrics.h"

/* The line being written; it is cut, and counts as not written, when it does not fit. */
struct sample {
	const struct exposition *exposition;
	const struct metric_family *family;
	char *line;
	size_t size;
	size_t len;
	bool labelled; /* the brace is open */
	bool cut;
};

#define ONE(name, type, unit, group, labels, sampler, arg, help) \
	enum sample_result sample_##sampler(struct sample *sample, u32 index);
#define ROW(...)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls" /* a writer may serve several families */
#include "export/metrics.def"
#pragma GCC diagnostic pop
#undef ROW
#undef ONE
