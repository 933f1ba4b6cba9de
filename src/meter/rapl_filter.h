// SPDX-License-Identifier: Apache-2.0
/*
 * Energy filtering: Intel's answer to attacks that read secrets from power (CVE-2020-8694,
 * CVE-2020-8695). Where it is on the CPU adds noise to its energy counters: sums over seconds stay
 * right on the average, but what little work used may be off by half.
 *
 * Source: Intel, "Running Average Power Limit Energy Reporting": register IA32_MISC_PACKAGE_CTLS
 * (0xBC) bit 0 switches it on until the next reset; bits 10 and 11 of IA32_ARCH_CAPABILITIES
 * (0x10A) tell that register and bit exist; with SGX enabled it is on anyway.
 */
#pragma once

#include "base/sysroot.h"
#include "meter/report.h"

enum rapl_filtering {
	RAPL_FILTERING_UNKNOWN,  /* the registers can't be read, and nothing points to it */
	RAPL_FILTERING_OFF,      /* or not a CPU that has it */
	RAPL_FILTERING_POSSIBLE, /* SGX is there: on where the firmware enabled it */
	RAPL_FILTERING_ON,
};

/* Finds out for the machine under @root; reads the registers of CPU 0 where it may. */
enum rapl_filtering rapl_filtering_read(const struct sysroot *root);

/* Tells of it in @report (code "filtering") where it is on or possible. */
void rapl_filtering_note(enum rapl_filtering filtering, struct meter_report *report);
