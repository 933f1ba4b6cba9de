// SPDX-License-Identifier: Apache-2.0
/*
 * A polled meter on its own, called by the test's clock: no thread, no waiting.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/meter_ops.h"
#include "tree.h"

struct poll_meter {
	struct tree *tree;
	struct meter meter;
	struct meter_sample sample;
	struct meter_poll when;
	struct slow_stop stop;
};

/* Opens the meter on the machine of the tree; its clocks begin at 1000 and 900 s. */
static inline void poll_open(struct poll_meter *p, const struct meter_ops *ops)
{
	char proc[128], sys[128];
	const char *which;

	snprintf(proc, sizeof(proc), "%s/proc", p->tree->dir);
	snprintf(sys, sizeof(sys), "%s/sys", p->tree->dir);
	assert_int_equal(sysroot_init(&p->tree->root, proc, sys, &which), 0);
	p->meter = (struct meter){ .ops = ops };
	report_begin(&p->meter.report);
	assert_int_equal(ops->open(&p->meter, &p->tree->root, &p->tree->options), 0);
	p->stop.fd = -1;
	p->when = (struct meter_poll){ .now_ns = 1000 * NSEC_PER_SEC,
				       .awake_ns = 900 * NSEC_PER_SEC,
				       .stop = &p->stop };
}

/* Lets @ms pass and polls. */
static inline void poll_after(struct poll_meter *p, u64 ms)
{
	p->when.now_ns += ms * NSEC_PER_MSEC;
	p->when.awake_ns += ms * NSEC_PER_MSEC;
	memset(&p->sample, 0, sizeof(p->sample));
	p->meter.ops->poll(p->meter.priv, &p->when, &p->sample);
}

/* The zone with these labels, or NULL. */
static inline const struct sample_zone *poll_zone(const struct poll_meter *p,
						  enum power_domain domain, const char *package)
{
	for (u32 i = 0; i < p->sample.zones; i++) {
		const struct sample_zone *z = &p->sample.zone[i];

		if (z->zone.domain == domain && strcmp(z->zone.package, package) == 0)
			return z;
	}
	return NULL;
}

/* How many zones of the domain there are, and what they sum up to. */
static inline u32 poll_count(const struct poll_meter *p, enum power_domain domain)
{
	u32 count = 0;

	for (u32 i = 0; i < p->sample.zones; i++)
		count += p->sample.zone[i].zone.domain == domain;
	return count;
}

static inline u64 poll_sum_uj(const struct poll_meter *p, enum power_domain domain)
{
	u64 sum_uj = 0;

	for (u32 i = 0; i < p->sample.zones; i++) {
		if (p->sample.zone[i].zone.domain == domain)
			sum_uj += p->sample.zone[i].value_uj;
	}
	return sum_uj;
}

static inline const struct meter_note *poll_note(const struct poll_meter *p, const char *code)
{
	for (u32 i = 0; i < p->sample.report.notes; i++) {
		if (strcmp(p->sample.report.note[i].code, code) == 0)
			return &p->sample.report.note[i];
	}
	return NULL;
}

static inline int poll_setup(void **state)
{
	struct poll_meter *p = calloc(1, sizeof(*p));
	void *tree;

	assert_non_null(p);
	assert_int_equal(tree_setup(&tree), 0);
	p->tree = tree;
	*state = p;
	return 0;
}

static inline int poll_teardown(void **state)
{
	struct poll_meter *p = *state;
	void *tree = p->tree;

	if (p->meter.ops)
		p->meter.ops->close(&p->meter);
	tree_teardown(&tree);
	free(p);
	return 0;
}
