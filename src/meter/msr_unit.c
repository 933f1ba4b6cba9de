// SPDX-License-Identifier: Apache-2.0
#include "meter/msr_unit.h"

#include <string.h>

#define COUNTER_BITS 32

/* Bits 12:8 of the unit register. */
#define ENERGY_UNIT(power_unit) ((u32)((power_unit) >> 8) & 0x1f)

static const struct msr_kind intel = {
	.unit_reg = 0x606,
	.counters = 5,
	.counter = {
		{ DOMAIN_PACKAGE, MSR_OF_DIE, 0x611, "pkg" },
		{ DOMAIN_CORE, MSR_OF_DIE, 0x639, "pp0" },
		{ DOMAIN_UNCORE, MSR_OF_DIE, 0x641, "pp1" },
		{ DOMAIN_DRAM, MSR_OF_DIE, 0x619, "dram" },
		{ DOMAIN_PLATFORM, MSR_OF_MACHINE, 0x64d, "psys" },
	},
};

static const struct msr_kind amd = {
	.unit_reg = 0xc0010299,
	.counters = 2,
	.counter = {
		{ DOMAIN_PACKAGE, MSR_OF_PACKAGE, 0xc001029b, "pkg" },
		{ DOMAIN_CORE, MSR_OF_CORE, 0xc001029a, "core" },
	},
};

/* Models of Intel's family 6 whose counters have a unit that the unit register does not tell. */
enum unit_quirk {
	QUIRK_DRAM_16, /* dram counts 2^-16 J */
	QUIRK_PSYS_1J, /* psys counts joules */
	QUIRK_ATOM,    /* all counters: 2^ESU uJ in place of 2^-ESU J */
};

static const struct {
	u32 model;
	enum unit_quirk quirk;
} quirks[] = {
	{ 0x3f, QUIRK_DRAM_16 }, /* Haswell-EP */
	{ 0x4f, QUIRK_DRAM_16 }, /* Broadwell-EP */
	{ 0x56, QUIRK_DRAM_16 }, /* Broadwell-DE */
	{ 0x55, QUIRK_DRAM_16 }, /* Skylake-SP, Cascade Lake, Cooper Lake */
	{ 0x6a, QUIRK_DRAM_16 }, /* Ice Lake-SP */
	{ 0x6c, QUIRK_DRAM_16 }, /* Ice Lake-D */
	{ 0x57, QUIRK_DRAM_16 }, /* Knights Landing */
	{ 0x85, QUIRK_DRAM_16 }, /* Knights Mill */
	{ 0x8f, QUIRK_PSYS_1J }, /* Sapphire Rapids */
	{ 0xcf, QUIRK_PSYS_1J }, /* Emerald Rapids */
	{ 0x37, QUIRK_ATOM },    /* Silvermont */
	{ 0x4a, QUIRK_ATOM },    /* Silvermont, Merrifield */
	{ 0x4c, QUIRK_ATOM },    /* Airmont */
	{ 0x5a, QUIRK_ATOM },    /* Airmont, Moorefield */
	{ 0x5d, QUIRK_ATOM },    /* SoFIA */
};

static bool is_vendor(const struct cpu_id *id, const char *vendor)
{
	return strcmp(id->vendor, vendor) == 0;
}

const struct msr_kind *msr_kind_find(const struct cpu_id *id)
{
	if (is_vendor(id, "GenuineIntel") && id->family == 6)
		return &intel;
	if ((is_vendor(id, "AuthenticAMD") && id->family >= 0x17) ||
	    (is_vendor(id, "HygonGenuine") && id->family >= 0x18))
		return &amd;
	return NULL;
}

static bool has_quirk(const struct cpu_id *id, enum unit_quirk quirk)
{
	if (!is_vendor(id, "GenuineIntel") || id->family != 6)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(quirks); i++) {
		if (quirks[i].model == id->model && quirks[i].quirk == quirk)
			return true;
	}
	return false;
}

struct msr_unit msr_unit_find(const struct cpu_id *id, enum power_domain domain, u64 power_unit)
{
	struct msr_unit unit = { .uj = UJ_PER_J, .shift = ENERGY_UNIT(power_unit) };

	if (has_quirk(id, QUIRK_ATOM))
		return (struct msr_unit){ .uj = 1ULL << unit.shift };
	if (domain == DOMAIN_DRAM && has_quirk(id, QUIRK_DRAM_16))
		unit.shift = 16;
	if (domain == DOMAIN_PLATFORM && has_quirk(id, QUIRK_PSYS_1J))
		unit.shift = 0;
	return unit;
}

u64 msr_unit_uj(const struct msr_unit *unit, u64 steps)
{
	return (u64)(((u128)steps * unit->uj) >> unit->shift);
}

u64 msr_unit_modulus_uj(const struct msr_unit *unit)
{
	return msr_unit_uj(unit, 1ULL << COUNTER_BITS);
}
