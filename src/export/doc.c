// SPDX-License-Identifier: Apache-2.0
#include "export/metrics.h"

static const char *const chapters[METRIC_GROUP_MAX][2] = {
	[METRIC_NODE] = { "Node", "The machine as a whole. On by default." },
	[METRIC_CONTAINER] = { "Containers",
			       "Work outside any container is one row, `system_processes`, and kernel threads are "
			       "another, `kernel_processes`. On by default." },
	[METRIC_PROCESS] = { "Processes",
			     "Off by default; `process` in `exporter.levels` switches them on." },
	[METRIC_VM] = { "Virtual machines",
			"A machine's joules are also in the container that its process belongs to: levels are views of "
			"the same accounts and are never added up. On by default." },
	[METRIC_BOOKS] = { "Books", "Accounts that outlive their workloads. Always on." },
	[METRIC_METERS] = { "Meters",
			    "Where the numbers come from and how good they are. Always on." },
	[METRIC_SELF] = { "The agent itself", "Always on." },
};

static void print_chapter(FILE *out, enum metric_group group)
{
	fprintf(out,
		"\n## %s\n\n%s\n\n| metric | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n",
		chapters[group][0], chapters[group][1]);
	for (u32 i = 0; i < metric_families_count; i++) {
		const struct metric_family *family = &metric_families[i];

		if (family->group == group)
			fprintf(out, "| `%s` | %s | %s | %s | %s |\n", family->name,
				metric_type_name(family->type), family->unit, family->labels,
				family->help);
	}
}

void metrics_print_markdown(FILE *out)
{
	fputs("<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
	      "<!-- Generated from src/export/metrics.def; do not edit. -->\n"
	      "# Metrics\n\n"
	      "What the agent exports in the `classic` schema, as Prometheus text or OpenMetrics 1.0.\n\n"
	      "- Energy is in joules, exact to the microjoule. Counters start at 0 with the agent and never go down.\n"
	      "- `mode` is `dynamic` (because of the work) or `idle` (because the machine is on).\n"
	      "- `source` says what measured a figure: `rapl-sysfs`, ..., or `trained_power_model` when it is an estimate; then "
	      "the HELP text says so too, and `kepler_estimate_error_ratio` how far off it may be. On CPU time and counts it is "
	      "`bpf`, or `proc` where the kernel refused BPF.\n"
	      "- `node` is the machine's name; `exporter.node-label: false` leaves it out.\n"
	      "- A power domain that the machine does not have is absent, not 0. The softirq counters need "
	      "`exporter.irq-counters`; they and the page-cache counter need BPF.\n"
	      "- For each domain and mode, the sum over namespaces plus unattributed is the node's figure, to the last digit.\n",
	      out);
	for (u32 group = 0; group < METRIC_GROUP_MAX; group++)
		print_chapter(out, group);
}
