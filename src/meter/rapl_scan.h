// SPDX-License-Identifier: Apache-2.0
/*
 * Finding the RAPL zones of powercap: which there are, and which of them count.
 */
#pragma once

#include "base/types.h"
#include "meter/rapl_name.h"

#define RAPL_FOUND_MAX 128

/* Why a zone that exists is not counted. */
enum rapl_use {
	RAPL_COUNTS,
	RAPL_DUPLICATE,  /* intel-rapl-mmio shows a zone that intel-rapl has too */
	RAPL_OTHER_PSYS, /* a further psys */
	RAPL_AMD_CORE,   /* the register of one core of an AMD socket */
};

struct rapl_found {
	struct rapl_id id;
	struct rapl_name name;
	enum rapl_use use;
	char path[112];  /* its directory, relative to sysfs */
	char dir[32];    /* the last part of it */
	char kernel[32]; /* what its name file says */
	u64 modulus_uj;
};

struct rapl_scan {
	u32 count;
	struct rapl_found
		found[RAPL_FOUND_MAX]; /* ordered: intel-rapl before mmio, then by number */
	u32 nameless; /* directories whose name could not be read: hidden by a container runtime */
	u32 strange;  /* zones of names that are not known */
	int error;    /* why the directory could not be listed, 0 or a negative errno */
};

/* Lists the zones under @sys_fd; @amd: the CPUs are AMD's or Hygon's. Allocates nothing. */
void rapl_scan(int sys_fd, bool amd, struct rapl_scan *scan);
