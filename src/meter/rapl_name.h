// SPDX-License-Identifier: Apache-2.0
/*
 * The names under which powercap shows RAPL: pure text.
 */
#pragma once

#include "base/domain.h"
#include "base/types.h"

#define RAPL_NO_SUB UINT32_MAX

/* The directory of a zone: "intel-rapl:0:2" is zone 0, sub zone 2; "intel-rapl-mmio:0" has no sub
 * zone. */
struct rapl_id {
	bool mmio;
	u32 zone;
	u32 sub; /* or RAPL_NO_SUB */
};

/* The contents of its `name` file. Socket and die of a sub zone are its parent's. */
struct rapl_name {
	enum power_domain domain;
	u32 socket;
	u32 die;
};

/* Returns 0, or -EINVAL when @text is not the directory of a RAPL zone; @id is untouched then. */
int rapl_id_parse(const char *text, struct rapl_id *id);

/*
 * "package-1", "package-0-die-1", "psys", "psys-1", "core", "uncore", "dram".
 * Returns 0, or -EINVAL for every other name; @name is untouched then.
 */
int rapl_name_parse(const char *text, struct rapl_name *name);
