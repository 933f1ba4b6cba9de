// SPDX-License-Identifier: Apache-2.0
/*
 * Which CPU is it: the microarchitecture behind the numbers of /proc/cpuinfo.
 */
#pragma once

#include "base/sysroot.h"
#include "base/types.h"

/* What the kernel says of the first CPU. On Arm, family is the implementer and model the part
 * number. */
struct cpu_id {
	char vendor[16]; /* "GenuineIntel", "AuthenticAMD", ...; "arm" on Arm */
	u32 family;
	u32 model;
	u32 stepping;
};

struct cpu_model {
	const char *name;  /* the `cpu_architecture` label: "Sapphire Rapids", "Zen 4" */
	const char *watts; /* its row in cpu_watts.def, or NULL */
};

/*
 * Finds the first CPU in @text, the contents of /proc/cpuinfo, possibly cut short. Pure.
 * Returns 0, or -EINVAL when there is no vendor, family and model in it; @id is untouched then.
 */
int cpu_id_parse(const char *text, struct cpu_id *id);

/* Reads it for the machine under @root. Returns 0 or a negative errno. */
int cpu_id_read(const struct sysroot *root, struct cpu_id *id);

/* The microarchitecture of @id; never NULL: name is "unknown" where the table has none. */
const struct cpu_model *cpu_model_find(const struct cpu_id *id);

/* Both in one for the machine under @root; "unknown" also when cpuinfo can't be read. */
const struct cpu_model *cpu_model_read(const struct sysroot *root);
