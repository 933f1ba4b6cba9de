// SPDX-License-Identifier: Apache-2.0
/*
 * Makes identities: the names of containers, VMs, namespaces and processes, and their labels. Each
 * function returns a new reference, or NULL without memory.
 */
#pragma once

#include "base/types.h"
#include "workload/cgroup_path.h"
#include "workload/identity.h"

struct identity *naming_reserved(u32 container);
struct identity *naming_container(const struct cgroup_identity *path);
struct identity *naming_vm(const struct cgroup_identity *path);
struct identity *naming_namespace(const char *name);

/* @container and @vm lend their ids; @vm may be NULL. */
struct identity *naming_process(u32 pid, u64 start_ns, const char *comm,
				const struct identity *container, const struct identity *vm);

/* A row of @container that stands for many processes (enum MANY_*). */
struct identity *naming_many(int which, const struct identity *container);

/* The namespace label of a container that this path names. */
const char *naming_path_namespace(const struct cgroup_identity *path);
