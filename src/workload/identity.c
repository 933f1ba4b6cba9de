// SPDX-License-Identifier: Apache-2.0
#include "workload/identity.h"

#include <stdlib.h>

struct identity *identity_ref(struct identity *identity)
{
	if (identity)
		identity->refs++;
	return identity;
}

struct identity *identity_unref(struct identity *identity)
{
	if (identity && --identity->refs == 0)
		free(identity);
	return NULL;
}
