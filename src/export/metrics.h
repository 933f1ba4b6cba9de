// SPDX-License-Identifier: Apache-2.0
/*
 * The metric families as a table. metrics.def is its source.
 */
#pragma once

#include <stdio.h>

#include "base/types.h"
#include "ledger/snapshot.h"

struct sample;

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
};

/* The chapters of doc/metrics.md; the first four are also the levels that can be switched. */
enum metric_group {
	METRIC_NODE,
	METRIC_CONTAINER,
	METRIC_PROCESS,
	METRIC_VM,
	METRIC_BOOKS,
	METRIC_METERS,
	METRIC_SELF,
	METRIC_GROUP_MAX,
};

/* What a family shows of each row. */
enum metric_kind {
	METRIC_SAMPLED,    /* no rows: @sample writes the series */
	METRIC_ENERGY,     /* energy of domain @arg, by mode */
	METRIC_TOTAL,      /* package + dram + gpu + other, by mode */
	METRIC_NAMESPACE,  /* energy by domain and mode */
	METRIC_CPU_MS,     /* counter @arg, ns shown as ms */
	METRIC_CPU_US,     /* counter @arg, ns shown as us */
	METRIC_IRQ,        /* counter @arg, when the irq counters are wanted and BPF counts them */
	METRIC_PAGE_CACHE, /* counter @arg, when BPF counts it */
};

enum sample_result {
	SAMPLE_DONE,    /* no series with this or a higher index */
	SAMPLE_SKIPPED, /* this index has none */
	SAMPLE_WRITTEN,
};

struct metric_family {
	const char *name;
	enum metric_type type;
	const char *unit;
	enum metric_group group;
	const char *labels; /* for people; `node` goes away with exporter.node-label */
	const char *help;
	enum metric_kind kind;
	enum snapshot_level level; /* of the rows; LEVEL_MAX when sampled */
	u32 arg;
	enum sample_result (*sample)(struct sample *sample, u32 index); /* METRIC_SAMPLED only */
};

/* Sorted by name; metric_families_count of them. */
extern const struct metric_family metric_families[];
extern const u32 metric_families_count;

/* "counter", "gauge", "histogram". */
const char *metric_type_name(enum metric_type type);

/* The most series that one row of @level can have: for limits on rows that keep a limit on series.
 */
u32 metrics_series_per_row(enum snapshot_level level);

/* Prints the reference page doc/metrics.md. */
void metrics_print_markdown(FILE *out);
