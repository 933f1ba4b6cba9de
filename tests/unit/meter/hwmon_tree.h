// SPDX-License-Identifier: Apache-2.0
/*
 * Chips of class/hwmon in the tree of a test.
 */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "poll_meter.h"

#define HWMON "sys/class/hwmon"

static inline void attr(struct poll_meter *p, u32 chip, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), HWMON "/hwmon%u/%s", chip, name);
	tree_write(p->tree, path, "%s\n", text);
}

static inline void value(struct poll_meter *p, u32 chip, const char *name, u64 number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	attr(p, chip, name, text);
}

/* A sensor powerN_input with a label. */
static inline void power(struct poll_meter *p, u32 chip, u32 index, const char *label, u64 uw)
{
	char name[32];

	snprintf(name, sizeof(name), "power%u_label", index);
	if (label)
		attr(p, chip, name, label);
	snprintf(name, sizeof(name), "power%u_input", index);
	value(p, chip, name, uw);
}

static inline void energy(struct poll_meter *p, u32 chip, u32 index, const char *label, u64 uj)
{
	char name[32];

	snprintf(name, sizeof(name), "energy%u_label", index);
	if (label)
		attr(p, chip, name, label);
	snprintf(name, sizeof(name), "energy%u_input", index);
	value(p, chip, name, uj);
}

static inline void full_path(struct poll_meter *p, char *full, size_t size, u32 chip,
			     const char *name)
{
	snprintf(full, size, "%s/" HWMON "/hwmon%u/%s", p->tree->dir, chip, name);
}

static inline void make_link(struct poll_meter *p, u32 chip, const char *name, const char *target)
{
	char full[256];

	full_path(p, full, sizeof(full), chip, name);
	assert_int_equal(symlink(target, full), 0);
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void remove_attr(struct poll_meter *p, u32 chip, const char *name)
{
	char full[256];

	full_path(p, full, sizeof(full), chip, name);
	assert_int_equal(nftw(full, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void open_hwmon(struct poll_meter *p)
{
	poll_open(p, &meter_hwmon);
	assert_non_null(p->meter.priv);
}
