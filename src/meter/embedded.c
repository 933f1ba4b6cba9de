// SPDX-License-Identifier: Apache-2.0
/*
 * The embedded estimate: what a machine of this kind typically draws, for machines that have no
 * meter.
 *
 * Platform: watts of a whole server per hardware thread, idle and at full load, by the CPU's
 * microarchitecture (cpu_watts.def), times the online CPUs, on the straight line between the two by
 * the share of CPU time that was used. On a virtual machine that is its part of such a server.
 *
 * Package and DRAM: shares of the platform's watts measured on one two-socket server, at idle and
 * at full load (data/README.md). Of the rest (fans, disks, power supply) nothing is said here.
 *
 * Error: one server's measured watts are known beside its row: 171 W idle and 396 W at most, where
 * the Haswell row says 59 W and 179 W for its 32 threads, 65 % and 55 % too little. Hence 60 %. The
 * rows themselves lie up to 58 % below their median at full load (one lies 112 % above it): a CPU
 * that has no row carries sqrt(0.60^2 + 0.58^2) = 83 %. The share of a domain is known from one
 * machine; taken as 30 % uncertain it adds sqrt(0.60^2 + 0.30^2) = 67 % and sqrt(0.83^2 + 0.30^2) =
 * 88 %. Shares between workloads are not affected: they are all scaled alike.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter/cpu_model.h"
#include "meter/meter_ops.h"

#define ERROR_KNOWN 0.60
#define ERROR_UNKNOWN 0.83
#define ERROR_KNOWN_SHARE 0.67
#define ERROR_UNKNOWN_SHARE 0.88

struct cpu_watts {
	const char *name;
	double idle, full; /* of a whole server, per hardware thread */
};

static const struct cpu_watts watts_table[] = {
#define CPU_WATTS(name, idle, full) { name, idle, full },
#define CPU_WATTS_LEFT_OUT(name, reason)
#include "meter/cpu_watts.def"
#undef CPU_WATTS
#undef CPU_WATTS_LEFT_OUT
};

/* What part of the platform's watts a domain draws, at idle and at full load. */
static const struct share {
	enum power_domain domain;
	const char *package;
	double idle, full;
} shares[] = {
	{ DOMAIN_PLATFORM, "", 1.0, 1.0 },
	{ DOMAIN_PACKAGE, "0", 0.18, 0.50 },
	{ DOMAIN_DRAM, "0", 0.22, 0.16 },
};

struct embedded {
	struct cpu_watts watts;
	bool known;
	bool started;
	u64 last_ns;
	u64 last_run_ns;
	u32 index[ARRAY_SIZE(shares)];
	double carried_uj[ARRAY_SIZE(shares)]; /* below 1: not yet in the zone's value */
};

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct cpu_watts median_watts(void)
{
	double idle[ARRAY_SIZE(watts_table)], full[ARRAY_SIZE(watts_table)];
	const size_t n = ARRAY_SIZE(watts_table);

	for (size_t i = 0; i < n; i++) {
		idle[i] = watts_table[i].idle;
		full[i] = watts_table[i].full;
	}
	qsort(idle, n, sizeof(*idle), compare_doubles);
	qsort(full, n, sizeof(*full), compare_doubles);
	return (struct cpu_watts){
		.name = "median",
		.idle = (idle[(n - 1) / 2] + idle[n / 2]) / 2,
		.full = (full[(n - 1) / 2] + full[n / 2]) / 2,
	};
}

static void choose_watts(struct embedded *e, const struct cpu_model *model)
{
	e->watts = median_watts();
	for (size_t i = 0; i < ARRAY_SIZE(watts_table) && model->watts; i++) {
		if (strcmp(watts_table[i].name, model->watts) == 0) {
			e->watts = watts_table[i];
			e->known = true;
		}
	}
}

static int embedded_open(struct meter *meter, const struct sysroot *root,
			 const struct meter_options *options)
{
	const struct cpu_model *model = cpu_model_read(root);
	struct embedded *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	meter->priv = e;
	choose_watts(e, model);
	if (e->known)
		report_found(
			&meter->report,
			"typical server of this CPU (%s): %.2f W idle to %.2f W at full load per thread, "
			"+-%.0f %%",
			model->name, e->watts.idle, e->watts.full, ERROR_KNOWN * 100);
	else
		report_found(
			&meter->report,
			"typical server of any kind (CPU %s): %.2f W idle to %.2f W at full load per thread, "
			"+-%.0f %%",
			model->name, e->watts.idle, e->watts.full, ERROR_UNKNOWN * 100);
	return 0;
}

/* The zones come into being when the estimate is needed, so that a metered machine does not show
 * them. */
static void start(struct meter *meter, struct embedded *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		struct meter_zone zone = { .domain = shares[i].domain, .quality = QUALITY_PRIOR };
		int index;

		if (zone.domain == DOMAIN_PLATFORM)
			zone.error_ratio = e->known ? ERROR_KNOWN : ERROR_UNKNOWN;
		else
			zone.error_ratio = e->known ? ERROR_KNOWN_SHARE : ERROR_UNKNOWN_SHARE;
		snprintf(zone.package, sizeof(zone.package), "%s", shares[i].package);
		snprintf(zone.name, sizeof(zone.name), "estimated %s", domain_name(zone.domain));
		index = meter_add_zone(meter, &zone);
		/* Full of zones that do not live: the machine then goes without this domain. */
		e->index[i] = index < 0 ? METER_ZONES_MAX : (u32)index;
	}
	e->started = true;
}

static double busy_share(const struct embedded *e, const struct meter_input *now, u64 dt_ns)
{
	double run_ns = now->run_ns > e->last_run_ns ? (double)(now->run_ns - e->last_run_ns) : 0.0;
	double share = now->cpus ? run_ns / ((double)dt_ns * now->cpus) : 0.0;

	return share > 1.0 ? 1.0 : share;
}

static void embedded_read(struct meter *meter, const struct meter_tick *tick)
{
	struct embedded *e = meter->priv;
	const struct meter_input *now = &tick->input;
	bool first = !e->started;
	u64 dt_ns = 0;
	double busy = 0;

	if (first)
		start(meter, e);
	else if (now->now_ns > e->last_ns)
		dt_ns = now->now_ns - e->last_ns;
	/* A machine that sleeps draws next to nothing. */
	dt_ns -= u64_min(tick->slept_ns, dt_ns);
	if (dt_ns)
		busy = busy_share(e, now, dt_ns);
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		double idle = e->watts.idle * shares[i].idle;
		double full = e->watts.full * shares[i].full;
		/* 1 W is 1e-3 uJ per ns. */
		double uj = now->cpus * (idle + (full - idle) * busy) * (double)dt_ns * 1e-3;
		struct meter_reading *reading;

		if (e->index[i] == METER_ZONES_MAX)
			continue;
		reading = &meter->slots->slot[e->index[i]].reading;
		uj += e->carried_uj[i];
		reading->value_uj += (u64)uj;
		e->carried_uj[i] = uj - (double)(u64)uj;
		reading->status = METER_OK;
	}
	e->last_ns = now->now_ns;
	e->last_run_ns = now->run_ns;
}

static void embedded_close(struct meter *meter)
{
	free(meter->priv);
	meter->priv = NULL;
}

const struct meter_ops meter_embedded = {
	.id = METER_EMBEDDED,
	.name = "embedded",
	.source = "trained_power_model",
	.description = "estimate from typical figures for this kind of CPU and the machine's load",
	.estimate = true,
	.open = embedded_open,
	.read = embedded_read,
	.close = embedded_close,
};
