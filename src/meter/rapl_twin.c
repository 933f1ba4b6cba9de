// SPDX-License-Identifier: Apache-2.0
#include "meter/rapl_twin.h"

#include "meter/energy.h"

/* Comparisons that must pass before a zone is called a mirror. */
#define TWIN_AGREEMENTS 5

/* A step this long is long against the millisecond between two updates of the counter. */
#define TWIN_STEP_UJ (1 * UJ_PER_J)

/* What a counter may gain between the reads of two files: a millisecond of a working socket. */
#define TWIN_JITTER_UJ (UJ_PER_J / 20)

/* Values may differ by 1 % as long as that is little; 1 % of a long life would be kilojoules. */
#define TWIN_GAP_MIN_UJ (UJ_PER_J / 10)

static u64 gap_uj(u64 a, u64 b, u64 modulus_uj)
{
	if (!modulus_uj)
		return a > b ? a - b : b - a;
	return u64_min(energy_delta_uj(a, b, modulus_uj), energy_delta_uj(b, a, modulus_uj));
}

bool rapl_twin_near(const struct rapl_twin *twin, u64 first_uj, u64 second_uj, u64 modulus_uj)
{
	u64 allowed_uj = u64_max(first_uj, second_uj) / 100;

	allowed_uj = u64_max(u64_min(allowed_uj, twin->gap_uj), TWIN_GAP_MIN_UJ);
	return gap_uj(first_uj, second_uj, modulus_uj) <= allowed_uj;
}

void rapl_twin_suspect(struct rapl_twin *twin, u64 first_uj, u64 second_uj)
{
	twin->state = TWIN_SUSPECT;
	twin->agreed = 0;
	twin->first_uj = first_uj;
	twin->second_uj = second_uj;
}

void rapl_twin_compare(struct rapl_twin *twin, u64 first_uj, u64 second_uj, u64 modulus_uj)
{
	u64 first_step = energy_delta_uj(twin->first_uj, first_uj, modulus_uj);
	u64 second_step = energy_delta_uj(twin->second_uj, second_uj, modulus_uj);
	u64 longer = u64_max(first_step, second_step);
	u64 difference = longer - u64_min(first_step, second_step);

	if (!rapl_twin_near(twin, first_uj, second_uj, modulus_uj)) {
		twin->state = TWIN_DISTINCT;
		return;
	}
	if (longer < TWIN_STEP_UJ)
		return;
	if (difference > u64_max(longer / 100, TWIN_JITTER_UJ)) {
		/* A mirror that was read late once is still a mirror while the values stay
		 * together. */
		if (twin->state == TWIN_SUSPECT)
			twin->state = TWIN_DISTINCT;
	} else if (++twin->agreed >= TWIN_AGREEMENTS) {
		twin->agreed = TWIN_AGREEMENTS;
		twin->state = TWIN_MIRROR;
	}
	twin->first_uj = first_uj;
	twin->second_uj = second_uj;
}
