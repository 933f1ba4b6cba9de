// SPDX-License-Identifier: Apache-2.0
#include "cli/privileges.h"

#include <errno.h>
#include <sys/prctl.h>

#include <cap-ng.h>

/* What the agent needs from tick to tick, where it has it. */
static const unsigned int kept[] = {
	CAP_BPF,             /* iterator files (kernels before 5.19 ask for it at each) */
	CAP_PERFMON,         /* the same */
	CAP_DAC_READ_SEARCH, /* energy counters are 0400; cgroups by handle */
};

static void keep(unsigned int capability, bool had)
{
	if (had)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capability);
}

int privileges_drop(bool low_port)
{
	bool had[ARRAY_SIZE(kept)], had_bind, bounding;

	capng_setpid(0);
	if (capng_get_caps_process() < 0)
		return -EPERM;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		had[i] = capng_have_capability(CAPNG_EFFECTIVE, kept[i]);
	had_bind = low_port && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_BIND_SERVICE);
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	capng_clear(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		keep(kept[i], had[i]);
	keep(CAP_NET_BIND_SERVICE, had_bind);
	if (capng_apply(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) < 0)
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
