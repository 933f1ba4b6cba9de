// SPDX-License-Identifier: Apache-2.0
/*
 * What a cgroup path says of the workload in it: a pure function of the path's text. Paths are
 * bytes that somebody else chose; anything that is not understood is plain system work.
 */
#pragma once

#include "base/types.h"

#define CGROUP_ID_MAX 80      /* container id with its NUL: 64 hex digits, or a short name */
#define CGROUP_RUNTIME_MAX 16 /* "docker", "podman", "containerd", "cri-o", "lxc", ... */
#define CGROUP_POD_MAX 40     /* pod uid with dashes */
#define CGROUP_UNIT_MAX 128   /* systemd unit */

enum cgroup_kind {
	CGROUP_SYSTEM,    /* outside any container; unit, slice or uid may be set */
	CGROUP_CONTAINER, /* a container, or the inside of one */
	CGROUP_POD,       /* a pod's own cgroup, outside its containers */
	CGROUP_VM,        /* a virtual machine; id as in classic: "machine-qemu-6-cirros" */
};

struct cgroup_identity {
	enum cgroup_kind kind;
	char id[CGROUP_ID_MAX];           /* container id without prefix, or VM name; else "" */
	char runtime[CGROUP_RUNTIME_MAX]; /* the runtime's name; "" when the path does not tell */
	char pod_uid[CGROUP_POD_MAX];     /* pod uid, dashes restored; else "" */
	char unit[CGROUP_UNIT_MAX];       /* systemd unit around it, not its own scope; else "" */
	char slice[CGROUP_UNIT_MAX];      /* innermost systemd slice around it; else "" */
	s64 uid;                          /* login user of a user-UID.slice, or -1 */
	u32 prefix_len;                   /* of the path down to the identity's own cgroup */
};

/*
 * Parses @path, a cgroup's path below its hierarchy's root ("/docker/<id>"). Never fails: an empty
 * or foreign path is CGROUP_SYSTEM with empty fields. The result's strings hold printable ASCII
 * only.
 */
void cgroup_path_parse(const char *path, struct cgroup_identity *identity);
