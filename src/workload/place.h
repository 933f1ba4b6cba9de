// SPDX-License-Identifier: Apache-2.0
/*
 * A cgroup and what its path says; private to the room.
 */
#pragma once

#include "base/types.h"

/* How much a path tells of its workload; of two hierarchies the one that tells more wins. */
enum place_rank {
	PLACE_ROOT,
	PLACE_UNIT,
	PLACE_VM,
	PLACE_CONTAINER,
};

struct place {
	u64 id;
	u32 hierarchy;
	u32 container;
	u32 vm;
	enum place_rank rank;
	u64 gone_ns; /* boot clock; 0: it exists */
	bool listed; /* among the dying */
};
