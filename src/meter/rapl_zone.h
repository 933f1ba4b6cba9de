// SPDX-License-Identifier: Apache-2.0
/*
 * What the three ways to RAPL have in common: labels of zones, and words for people.
 */
#pragma once

#include "meter/cpu_topology.h"
#include "meter/meter_ops.h"

/*
 * A zone of @domain at @place: the package label is the socket's number, or "psys"; the name is
 * @counter and the place, "energy-pkg package-0". Measured, without modulus.
 */
struct meter_zone rapl_zone_at(enum power_domain domain, const char *counter,
			       const struct cpu_place *place);

/* Whether the CPU of @root is AMD's or Hygon's, whose RAPL differs from Intel's. */
bool rapl_is_amd(const struct sysroot *root);

/* Appends what @meter reports, "2 sockets: package x2 dram x2", to its report. */
void rapl_describe_zones(struct meter *meter);

/* Further psys zones were left out: they repeat the first one. */
void rapl_note_psys(struct meter_report *report, u32 left_out);

/* There are more zones than the set has room for. */
void rapl_note_no_room(struct meter_report *report, u32 left_out);
