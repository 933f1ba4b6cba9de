// SPDX-License-Identifier: Apache-2.0
/*
 * A GPU as those see it who tell its users (drm_clients.h, drm_kfd.h).
 */
#pragma once

#include "meter/meter_ops.h"

/* Its index in the table of the caller stays as long as it exists. */
struct drm_gpu {
	char address[16]; /* "" there is none at this index, or it is not measured */
	u32 card, render; /* device nodes cardN, renderDN */
	u32 kfd_id;       /* its number for compute processes; 0: it has none */
	u32 units;        /* compute units */
	bool open;        /* may be asked now */
	u64 elapsed_ns;   /* time since it was last open, asleep excluded */
	u32 zone;         /* index in the sample */
	u64 work;         /* out: of all its users, ns of engine time */
};

/* Adds to what @pid did on @gpu, in ns of engine time. */
static inline void drm_gpu_use(struct drm_gpu *gpu, u32 pid, u64 work_ns,
			       struct meter_sample *sample)
{
	if (work_ns == 0)
		return;
	gpu->work += work_ns;
	for (u32 i = sample->uses; i-- > 0;) {
		struct meter_use *use = &sample->use[i];

		if (use->zone == gpu->zone && use->pid == pid) {
			use->work += work_ns;
			return;
		}
	}
	if (sample->uses < METER_USES_MAX)
		sample->use[sample->uses++] = (struct meter_use){ gpu->zone, pid, work_ns };
}
