// SPDX-License-Identifier: Apache-2.0
#include "cli/privileges.h"

#include <errno.h>
#include <sys/prctl.h>

#include <cap-ng.h>

/*
 * What every agent needs from tick to tick, where it has it: iterator files (kernels before 5.19
 * ask at each), perf counters, energy counters that are 0400, cgroups by handle.
 */
#define ALWAYS (1ULL << CAP_BPF | 1ULL << CAP_PERFMON | 1ULL << CAP_DAC_READ_SEARCH)

int privileges_drop(u64 wanted)
{
	bool bounding;
	u64 held = 0;

	capng_setpid(0);
	if (capng_get_caps_process() < 0)
		return -EPERM;
	for (unsigned int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (capng_have_capability(CAPNG_EFFECTIVE, cap))
			held |= 1ULL << cap;
	bounding = held & 1ULL << CAP_SETPCAP;
	held &= wanted | ALWAYS;
	capng_clear(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
	for (unsigned int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (held & 1ULL << cap)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, cap);
	if (capng_apply(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) < 0)
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
