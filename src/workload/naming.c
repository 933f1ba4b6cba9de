// SPDX-License-Identifier: Apache-2.0
#include "workload/naming.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "workload/registry.h"

/* Docker's habit: the first twelve digits of an id are name enough. */
#define SHORT_ID_LEN 12

/* Six labels of at most 79 bytes, each byte escaped to three, and their names. */
#define LABELS_MAX 2048

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

/* The labels of a row, built one after the other. */
struct labels {
	size_t len;
	char text[LABELS_MAX];
};

static void add_label(struct labels *labels, const char *name, const char *value)
{
	char *out = labels->text + labels->len;
	size_t room = sizeof(labels->text) - labels->len;
	int len = snprintf(out, room, "%s%s=\"", labels->len ? "," : "", name);

	if (len < 0 || (size_t)len + 2 >= room)
		return;
	len += (int)label_escape(out + len, room - (size_t)len - 1, value);
	out[len++] = '"';
	labels->len += (size_t)len;
}

static struct identity *finish(const struct identity *draft, const struct labels *labels)
{
	struct identity *identity = malloc(sizeof(*identity) + labels->len + 1);

	if (!identity)
		return NULL;
	*identity = *draft;
	identity->refs = 1;
	identity->labels_len = (u16)labels->len;
	memcpy(identity->labels, labels->text, labels->len);
	identity->labels[labels->len] = '\0';
	return identity;
}

static struct identity *finish_container(const struct identity *draft)
{
	struct labels labels = { 0 };

	add_label(&labels, "container_id", draft->container_id);
	add_label(&labels, "container_name", draft->container_name);
	add_label(&labels, "pod_name", draft->pod_name);
	add_label(&labels, "container_namespace", draft->container_namespace);
	return finish(draft, &labels);
}

struct identity *naming_reserved(u32 container)
{
	static const struct {
		const char *name;
		const char *namespace;
	} reserved[CONTAINER_RESERVED] = {
		[CONTAINER_SYSTEM] = { "system_processes", "system" },
		[CONTAINER_KERNEL] = { "kernel_processes", "kernel" },
		[CONTAINER_OTHER] = { "other", "other" },
	};
	struct identity draft = { 0 };

	copy(draft.container_id, sizeof(draft.container_id), reserved[container].name);
	copy(draft.container_name, sizeof(draft.container_name), reserved[container].name);
	copy(draft.pod_name, sizeof(draft.pod_name), reserved[container].name);
	copy(draft.container_namespace, sizeof(draft.container_namespace),
	     reserved[container].namespace);
	return finish_container(&draft);
}

const char *naming_path_namespace(const struct cgroup_identity *path)
{
	if (path->runtime[0])
		return path->runtime;
	return path->pod_uid[0] ? "kubernetes" : "containers";
}

struct identity *naming_container(const struct cgroup_identity *path)
{
	struct identity draft = { 0 };

	copy(draft.container_id, sizeof(draft.container_id), path->id);
	snprintf(draft.container_name, sizeof(draft.container_name), "%.*s", SHORT_ID_LEN,
		 path->id);
	copy(draft.pod_name, sizeof(draft.pod_name), path->pod_uid);
	copy(draft.container_namespace, sizeof(draft.container_namespace),
	     naming_path_namespace(path));
	return finish_container(&draft);
}

struct identity *naming_vm(const struct cgroup_identity *path)
{
	struct identity draft = { 0 };
	struct labels labels = { 0 };

	copy(draft.vm_id, sizeof(draft.vm_id), path->id);
	add_label(&labels, "vm_id", draft.vm_id);
	return finish(&draft, &labels);
}

struct identity *naming_namespace(const char *name)
{
	struct identity draft = { 0 };
	struct labels labels = { 0 };

	copy(draft.container_namespace, sizeof(draft.container_namespace), name);
	add_label(&labels, "container_namespace", draft.container_namespace);
	return finish(&draft, &labels);
}

static struct identity *finish_process(struct identity *draft, const struct identity *container,
				       const char *pid)
{
	struct labels labels = { 0 };

	copy(draft->container_id, sizeof(draft->container_id), container->container_id);
	copy(draft->container_name, sizeof(draft->container_name), container->container_name);
	copy(draft->pod_name, sizeof(draft->pod_name), container->pod_name);
	copy(draft->container_namespace, sizeof(draft->container_namespace),
	     container->container_namespace);
	add_label(&labels, "pid", pid);
	add_label(&labels, "container_id", draft->container_id);
	add_label(&labels, "vm_id", draft->vm_id);
	add_label(&labels, "command", draft->comm);
	return finish(draft, &labels);
}

struct identity *naming_process(u32 pid, u64 start_ns, const char *comm,
				const struct identity *container, const struct identity *vm)
{
	struct identity draft = { .pid = pid, .start_ns = start_ns };
	char text[16];

	copy(draft.comm, sizeof(draft.comm), comm);
	if (vm)
		copy(draft.vm_id, sizeof(draft.vm_id), vm->vm_id);
	snprintf(text, sizeof(text), "%u", pid);
	return finish_process(&draft, container, text);
}

struct identity *naming_many(int which, const struct identity *container)
{
	struct identity draft = { 0 };

	copy(draft.comm, sizeof(draft.comm),
	     which == MANY_ENDED ? "ended_processes" : "other_processes");
	return finish_process(&draft, container, "");
}
