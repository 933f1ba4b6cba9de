// SPDX-License-Identifier: Apache-2.0
/*
 * Which registers of a CPU count energy, and in which unit: facts of CPU models, pure.
 *
 * Sources: Intel SDM volume 4 and volume 3B "RAPL interfaces"; AMD PPR of families 17h and 19h;
 * the kernel's arch/x86/events/rapl.c and drivers/powercap/intel_rapl_{msr,common}.c for what the
 * manuals leave out.
 */
#pragma once

#include "base/domain.h"
#include "meter/cpu_model.h"

/* What a register counts for. */
enum msr_scope {
	MSR_OF_DIE,     /* each die of a socket has its own */
	MSR_OF_PACKAGE, /* all CPUs of a socket see the same */
	MSR_OF_CORE,    /* each core has its own: the socket's is their sum */
	MSR_OF_MACHINE, /* the first socket's is the whole machine's */
};

struct msr_counter {
	enum power_domain domain;
	enum msr_scope scope;
	u32 reg;
	const char *name;
};

/* The energy of one step of a counter: @uj / 2^@shift uJ. */
struct msr_unit {
	u64 uj;
	u32 shift;
};

#define MSR_COUNTERS_MAX 5

/* What a kind of CPU has; registers that fault do not exist on that model. */
struct msr_kind {
	u32 unit_reg;
	u32 counters;
	struct msr_counter counter[MSR_COUNTERS_MAX];
};

/* The registers of @id, or NULL: not a CPU with RAPL registers. */
const struct msr_kind *msr_kind_find(const struct cpu_id *id);

/* The unit of a domain's counter; @power_unit is the contents of the kind's unit_reg. */
struct msr_unit msr_unit_find(const struct cpu_id *id, enum power_domain domain, u64 power_unit);

/* What @steps are in uJ, rounded down. */
u64 msr_unit_uj(const struct msr_unit *unit, u64 steps);

/* What 2^32 steps are: whole microjoules with every unit there is. */
u64 msr_unit_modulus_uj(const struct msr_unit *unit);
