// SPDX-License-Identifier: Apache-2.0
/*
 * The power domains and the two modes in which their energy is kept. The order of both enums is
 * part of every account; append only.
 */
#pragma once

enum power_domain {
	DOMAIN_PACKAGE,  /* CPU sockets, core and uncore included */
	DOMAIN_CORE,     /* CPU cores, part of package */
	DOMAIN_UNCORE,   /* last-level cache, integrated GPU; part of package */
	DOMAIN_DRAM,     /* memory */
	DOMAIN_GPU,      /* accelerators */
	DOMAIN_OTHER,    /* platform less package, dram and gpu */
	DOMAIN_PLATFORM, /* the whole machine */
	DOMAIN_MAX,
};

enum power_mode {
	MODE_DYNAMIC,
	MODE_IDLE,
	MODE_MAX,
};

/* How a number came about; worse ones come later. */
enum power_quality {
	QUALITY_MEASURED, /* a counter or sensor of this machine */
	QUALITY_LEARNED,  /* a model fitted on this machine */
	QUALITY_MODEL,    /* a model fitted on other machines */
	QUALITY_PRIOR,    /* typical figures for this kind of machine */
};

/* "package", "core", "uncore", "dram", "gpu", "other", "platform". */
const char *domain_name(enum power_domain domain);

/* "dynamic", "idle". */
const char *mode_name(enum power_mode mode);

/* "measured", "learned", "model", "prior". */
const char *quality_name(enum power_quality quality);
