// SPDX-License-Identifier: Apache-2.0
#include "export/metrics.h"

#include <assert.h>

#include "export/sample.h"

static_assert((int)LEVEL_CONTAINER + 1 == (int)METRIC_CONTAINER &&
		      (int)LEVEL_VM + 1 == (int)METRIC_VM,
	      "a level's group is found by counting");

#define LABELS_OF(level_, kind_)                                                                    \
	((level_) == LEVEL_NAMESPACE   ? "container_namespace, domain, mode"                        \
	 : (level_) == LEVEL_CONTAINER ? (kind_) == METRIC_ENERGY  ? CONTAINER "mode, source, node" \
					 : (kind_) == METRIC_TOTAL ? CONTAINER "mode, node"         \
								   : CONTAINER "source, node"       \
	 : (level_) == LEVEL_PROCESS   ? (kind_) == METRIC_ENERGY  ? PROCESS "mode, source, node"   \
					 : (kind_) == METRIC_TOTAL ? PROCESS "mode, node"           \
								   : PROCESS "source, node"         \
	 : (kind_) == METRIC_ENERGY    ? "vm_id, mode, source, node"                                \
	 : (kind_) == METRIC_TOTAL     ? "vm_id, mode, node"                                        \
				       : "vm_id, source, node")
#define CONTAINER "container_id, pod_name, container_name, container_namespace, "
#define PROCESS "pid, container_id, vm_id, command, "

#define ROW(name_, unit_, level_, kind_, arg_, help_)                                              \
	{ .name = name_,                                                                           \
	  .type = METRIC_COUNTER,                                                                  \
	  .unit = unit_,                                                                           \
	  .group = (level_) == LEVEL_NAMESPACE ? METRIC_BOOKS : (enum metric_group)((level_) + 1), \
	  .labels = LABELS_OF(level_, kind_),                                                      \
	  .help = help_,                                                                           \
	  .kind = kind_,                                                                           \
	  .level = level_,                                                                         \
	  .arg = arg_ },
#define ONE(name_, type_, unit_, group_, labels_, sampler_, arg_, help_) \
	{ .name = name_,                                                 \
	  .type = type_,                                                 \
	  .unit = unit_,                                                 \
	  .group = group_,                                               \
	  .labels = labels_,                                             \
	  .help = help_,                                                 \
	  .kind = METRIC_SAMPLED,                                        \
	  .level = LEVEL_MAX,                                            \
	  .arg = arg_,                                                   \
	  .sample = sample_##sampler_ },

const struct metric_family metric_families[] = {
#include "export/metrics.def"
};

#undef ROW
#undef ONE

const u32 metric_families_count = ARRAY_SIZE(metric_families);

const char *metric_type_name(enum metric_type type)
{
	static const char *const names[] = { "counter", "gauge", "histogram" };

	return names[type];
}

u32 metrics_series_per_row(enum snapshot_level level)
{
	u32 series = 0;

	for (u32 i = 0; i < metric_families_count; i++) {
		const struct metric_family *family = &metric_families[i];

		if (family->kind == METRIC_SAMPLED || family->level != level)
			continue;
		if (family->kind == METRIC_NAMESPACE)
			series += DOMAIN_MAX * MODE_MAX;
		else if (family->kind == METRIC_ENERGY || family->kind == METRIC_TOTAL)
			series += MODE_MAX;
		else
			series++;
	}
	return series;
}
