// SPDX-License-Identifier: Apache-2.0
/*
 * A machine made of regular files in a temporary directory, for the tests of this room.
 */
#pragma once

#include "base/sysroot.h"
#include "meter/meter.h"

#define RAPL "sys/class/powercap"
#define RANGE_UJ 262143328850ULL
#define MODULUS_UJ 262143328911ULL /* 2^32 steps of 61,035 nJ, as the kernel has them */

struct tree {
	char dir[64];
	struct sysroot root;
	struct meter_set *set;
	struct meter_input input;
	struct meter_options options; /* the defaults; change them before tree_open() */
	struct meter_reading readings[METER_ZONES_MAX];
	u32 count;
};

/* Writes a file in place: whoever has it open reads the new contents. */
void tree_write(const struct tree *t, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Makes the CPU another one; it is an Ice Lake server of Intel's at first. */
void tree_cpu(const struct tree *t, const char *vendor, u32 family, u32 model, const char *flags);

/* Sets the counter of the powercap zone in directory @zone. */
void tree_energy(const struct tree *t, const char *zone, u64 uj);

/* Makes a powercap zone. */
void tree_zone(const struct tree *t, const char *zone, const char *name, u64 uj);

/* As when a driver goes: open files yield nothing, and the directory is gone. */
void tree_zone_gone(const struct tree *t, const char *zone);

/* Opens the meters of the tree. */
void tree_open(struct tree *t);

/* One tick: a second passes in which tasks ran for @run_ns. */
void tree_tick(struct tree *t, u64 run_ns);

/* The zone that has this kernel name and reads well, or UINT32_MAX. */
u32 tree_find(const struct tree *t, const char *name);

/* The note of @meter with this code, or NULL. */
const struct meter_note *tree_note(const struct tree *t, enum meter_id meter, const char *code);

/* How many zones read well. */
u32 tree_count_ok(const struct tree *t);

/* cmocka: every test gets a tree of its own, and it goes also when the test fails. */
int tree_setup(void **state);
int tree_teardown(void **state);
