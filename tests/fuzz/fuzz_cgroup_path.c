// SPDX-License-Identifier: Apache-2.0
/* Any bytes are a cgroup path: the identity is well formed, and its own cgroup has the same one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "workload/cgroup_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	require(len < size);
	for (size_t i = 0; i < len; i++)
		require(text[i] >= 0x20 && text[i] < 0x7f);
}

static void require_sound(const struct cgroup_identity *identity, size_t len)
{
	require_text(identity->id, sizeof(identity->id));
	require_text(identity->runtime, sizeof(identity->runtime));
	require_text(identity->pod_uid, sizeof(identity->pod_uid));
	require_text(identity->unit, sizeof(identity->unit));
	require_text(identity->slice, sizeof(identity->slice));
	require(identity->prefix_len <= len);
	require(identity->uid >= -1 && identity->uid < UINT32_MAX);
	switch (identity->kind) {
	case CGROUP_SYSTEM:
		require(!identity->id[0] && !identity->runtime[0] && !identity->pod_uid[0]);
		return;
	case CGROUP_CONTAINER:
		require(identity->id[0] != '\0');
		return;
	case CGROUP_POD:
		require(!identity->id[0] && identity->pod_uid[0]);
		return;
	case CGROUP_VM:
		require(identity->id[0] && identity->runtime[0]);
		return;
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cgroup_identity whole;
	struct cgroup_identity own;
	char *path = malloc(size + 1);

	if (!path)
		return 0;
	if (size > 0)
		memcpy(path, data, size);
	path[size] = '\0';
	cgroup_path_parse(path, &whole);
	require_sound(&whole, strlen(path));
	path[whole.prefix_len] = '\0';
	cgroup_path_parse(path, &own);
	require(memcmp(&whole, &own, sizeof(own)) == 0);
	free(path);
	return 0;
}
