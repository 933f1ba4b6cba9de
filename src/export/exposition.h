// SPDX-License-Identifier: Apache-2.0
/*
 * A snapshot as Prometheus text or OpenMetrics, piece by piece: the reader asks for as many bytes
 * as it has room for, and nobody ever holds the whole page. No allocation; about the cost of
 * copying the text.
 */
#pragma once

#include "base/types.h"
#include "export/metrics.h"
#include "ledger/snapshot.h"

/* No line is longer, so a buffer of this size always makes progress. */
#define EXPOSITION_LINE_MAX 8192
/* An identity with longer labels is not shown; a level's labels are far shorter. */
#define EXPOSITION_LABELS_MAX 6144
#define EXPOSITION_NODE_MAX 256
#define EXPOSITION_SUFFIX_MAX 448

enum exposition_format {
	EXPOSITION_TEXT,        /* text/plain; version=0.0.4 */
	EXPOSITION_OPENMETRICS, /* application/openmetrics-text; version=1.0.0 */
};

/* Levels that can be switched, as a set of bits. */
enum exposition_level {
	EXPOSITION_NODE = 1 << METRIC_NODE,
	EXPOSITION_CONTAINER = 1 << METRIC_CONTAINER,
	EXPOSITION_PROCESS = 1 << METRIC_PROCESS,
	EXPOSITION_VM = 1 << METRIC_VM,
};

/* A count that somebody else keeps, with the value of its label. */
struct exposition_count {
	const char *label; /* static string */
	u64 value;
};

struct exposition_options {
	enum exposition_format format;
	u32 levels;                          /* bits of enum exposition_level */
	bool node_label;                     /* add node="..." */
	bool irq_counters;                   /* show the softirq counters */
	char node_name[EXPOSITION_NODE_MAX]; /* any bytes */
	char cpu_architecture[64];
	char revision[64];                   /* of the build, or "" */
	struct exposition_count http_cut[4]; /* connections cut, by reason; label NULL ends it */
};

/* One kind of series of a family that has rows: which figure of the row, and the text behind its
 * labels. */
struct exposition_variant {
	enum power_domain domain;
	enum power_mode mode;
	u32 suffix_len;
	char suffix[EXPOSITION_SUFFIX_MAX];
};

/* An encoder in progress. Prepare with exposition_init(); nothing to release. */
struct exposition {
	const struct snapshot *snapshot; /* borrowed: the caller keeps a reference until the end */
	struct exposition_options options;
	char node[EXPOSITION_NODE_MAX]; /* escaped */
	u32 family;                     /* position: the family, */
	bool started;                   /* whether its head is written, */
	u32 index;                      /* the row or sample, */
	u32 variant;                    /* and the variant within the row */
	bool ended;                     /* everything, # EOF included, is written */
	u64 series;                     /* written so far */
	u32 prefix_len;
	u32 variants;
	char prefix[128];
	struct exposition_variant variant_of[DOMAIN_MAX * MODE_MAX];
};

/* Starts at the beginning of @snapshot, with a copy of @options. */
void exposition_init(struct exposition *exposition, const struct snapshot *snapshot,
		     const struct exposition_options *options);

/*
 * Writes the next part of the page, whole lines, to @buf of @size bytes (at least
 * EXPOSITION_LINE_MAX) and returns its length; 0 after the end.
 */
size_t exposition_read(struct exposition *exposition, char *buf, size_t size);

/* The Content-Type of a format. */
const char *exposition_content_type(enum exposition_format format);
