// SPDX-License-Identifier: Apache-2.0
#include "cli/summary.h"

#include <string.h>

#include "export/top.h"
#include "kepler_version.h"
#include "workload/identity.h"

#define TOP_WORKLOADS 5
#define NAME_WIDTH 44

static double watts(u64 power_uw)
{
	return (double)power_uw / 1e6;
}

/* "measured by rapl-sysfs", or "estimated, +-60 % (prior)". */
static void print_quality(FILE *out, const struct snapshot_domain *domain)
{
	if (domain->quality == QUALITY_MEASURED)
		fprintf(out, "measured (%s)\n", domain->source);
	else
		fprintf(out, "estimated, +-%.0f %% (%s)\n", domain->error_ratio * 100.0,
			quality_name(domain->quality));
}

static void print_power(FILE *out, const struct snapshot *snapshot)
{
	static const enum power_domain order[] = { DOMAIN_PLATFORM, DOMAIN_PACKAGE, DOMAIN_CORE,
						   DOMAIN_UNCORE,   DOMAIN_DRAM,    DOMAIN_GPU,
						   DOMAIN_OTHER };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const struct snapshot_domain *domain = &snapshot->domain[order[i]];

		if (!domain->live)
			continue;
		fprintf(out, "  %-10s %9.2f W   ", domain_name(order[i]), watts(domain->power_uw));
		print_quality(out, domain);
	}
}

/* Names are bytes that somebody else chose: a terminal must not obey them. */
static void print_name(FILE *out, const char *name)
{
	int width = 0;

	for (; *name && width < NAME_WIDTH; name++, width++)
		fputc((unsigned char)*name < 0x20 || (unsigned char)*name >= 0x7f ? '?' : *name,
		      out);
	fprintf(out, "%*s", NAME_WIDTH - width, "");
}

static void print_row(FILE *out, const struct snapshot *snapshot, const struct snapshot_row *row)
{
	const struct identity *who = row->identity;
	char name[256];

	if (who->pid)
		snprintf(name, sizeof(name), "%s (pid %u, %s)", who->comm, who->pid,
			 who->container_name);
	else
		snprintf(name, sizeof(name), "%s (%s)",
			 who->comm[0] ? who->comm : who->container_name, who->container_namespace);
	fprintf(out, "  ");
	print_name(out, name);
	fprintf(out, " %9.3f W %12.3f J\n", watts(snapshot_row_power_uw(snapshot, row)),
		(double)top_row_energy_uj(snapshot, row) / 1e6);
}

void summary_print(FILE *out, const struct snapshot *snapshot, const char *url, const char *path)
{
	const struct snapshot_row *rows[TOP_WORKLOADS];
	u32 count = top_rows(snapshot, LEVEL_PROCESS, rows, TOP_WORKLOADS);

	fprintf(out, "\nKepler %s meters this machine.\n\n  page       %s/\n  metrics    %s%s\n\n",
		KEPLER_VERSION, url, url, path);
	print_power(out, snapshot);
	fprintf(out, "  CPUs       %9.1f %%   busy, of %u; processes seen by %s\n\n",
		snapshot->busy_ratio * 100.0, snapshot->cpus, snapshot->activity_source);
	fprintf(out, "  %-*s %9s   %12s\n", NAME_WIDTH, "top workloads", "power", "since start");
	for (u32 i = 0; i < count; i++)
		print_row(out, snapshot, rows[i]);
	fprintf(out,
		"\n\"kepler doctor\" says what would make these numbers better. Ctrl-C ends.\n\n");
	fflush(out);
}
