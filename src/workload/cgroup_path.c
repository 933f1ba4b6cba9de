// SPDX-License-Identifier: Apache-2.0
/*
 * A path is read once, component by component from the root. Each component is asked, in this
 * order: are you a container, a virtual machine, a pod, a systemd unit? What is found last wins, so
 * that a container inside a container is itself, and whatever else lies below a container folds
 * into it. systemd's own rule holds for units: the first service or scope below the slices is the
 * unit and all below belongs to it, but for user@UID.service, which is a manager with units of its
 * own.
 */
#include "workload/cgroup_path.h"

#include <stdio.h>
#include <string.h>

#define CONTAINER_ID_LEN 64

struct span {
	const char *at;
	size_t len;
};

struct walk {
	struct cgroup_identity *out;
	const char *path;
	const char *end;         /* of the path, without the kernel's " (deleted)" */
	struct span parent;      /* the component above, or empty */
	struct span grandparent; /* the one above that, or empty */
	bool outside;            /* not inside a container or virtual machine yet */
	bool in_unit;            /* a unit was found that has no units of its own */
	bool in_nomad;           /* below Nomad's cgroup */
};

static bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static bool span_eat_front(struct span *s, const char *prefix)
{
	size_t len = strlen(prefix);

	if (s->len < len || memcmp(s->at, prefix, len) != 0)
		return false;
	s->at += len;
	s->len -= len;
	return true;
}

static bool span_ends(struct span s, const char *suffix)
{
	size_t len = strlen(suffix);

	return s.len > len && memcmp(s.at + s.len - len, suffix, len) == 0;
}

static bool span_eat_back(struct span *s, const char *suffix)
{
	if (!span_ends(*s, suffix))
		return false;
	s->len -= strlen(suffix);
	return true;
}

/* The value of a lower-case hex digit, or -1. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool span_is_hex(struct span s, size_t len)
{
	if (s.len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (hex_value(s.at[i]) < 0)
			return false;
	return true;
}

/* A name that a person gave a container: what all runtimes allow, and that fits the identity. */
static bool span_is_name(struct span s)
{
	if (s.len == 0 || s.len >= CGROUP_ID_MAX || !is_alnum(s.at[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_alnum(s.at[i]) && !strchr("._-+@:", s.at[i]))
			return false;
	return true;
}

/* 8-4-4-4-12 hex digits with @dash between. */
static bool span_is_uuid(struct span s, char dash)
{
	if (s.len != 36)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool at_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (at_dash ? s.at[i] != dash : hex_value(s.at[i]) < 0)
			return false;
	}
	return true;
}

/* Copies as much as fits; what is not printable ASCII becomes '?'. */
static void copy_text(char *to, size_t size, struct span from)
{
	size_t len = from.len < size - 1 ? from.len : size - 1;

	for (size_t i = 0; i < len; i++)
		to[i] = from.at[i] >= 0x20 && from.at[i] < 0x7f ? from.at[i] : '?';
	to[len] = '\0';
}

/* Undoes systemd's \xNN escapes; returns the number of bytes in @to, at most @size. */
static size_t unescape(char *to, size_t size, struct span from)
{
	size_t len = 0;

	for (size_t i = 0; i < from.len && len < size; i++) {
		bool escape = i + 3 < from.len && from.at[i] == '\\' && from.at[i + 1] == 'x';
		int high = escape ? hex_value(from.at[i + 2]) : -1;
		int low = escape ? hex_value(from.at[i + 3]) : -1;

		if (high >= 0 && low >= 0) {
			to[len++] = (char)(high << 4 | low);
			i += 3;
		} else {
			to[len++] = from.at[i];
		}
	}
	return len;
}

/* The component that follows @s in the path, or an empty one. */
static struct span next_component(const struct walk *walk, struct span s)
{
	const char *at = s.at + s.len;
	const char *end;

	while (at < walk->end && *at == '/')
		at++;
	for (end = at; end < walk->end && *end != '/';)
		end++;
	return (struct span){ at, (size_t)(end - at) };
}

static void set_prefix(struct walk *walk, struct span last)
{
	walk->out->prefix_len = (u32)(last.at + last.len - walk->path);
}

static void set_unit(struct walk *walk, struct span unit, struct span last)
{
	copy_text(walk->out->unit, sizeof(walk->out->unit), unit);
	set_prefix(walk, last);
	walk->in_unit = true;
}

static void set_slice(struct walk *walk, struct span slice)
{
	if (walk->outside && !walk->in_unit)
		copy_text(walk->out->slice, sizeof(walk->out->slice), slice);
}

/* The whole path down to @last is one container with the id @id. */
static bool set_container(struct walk *walk, struct span last, struct span id, const char *runtime)
{
	struct cgroup_identity *out = walk->out;

	out->kind = CGROUP_CONTAINER;
	copy_text(out->id, sizeof(out->id), id);
	snprintf(out->runtime, sizeof(out->runtime), "%s", runtime);
	set_prefix(walk, last);
	walk->outside = false;
	return true;
}

/* A machine inside a container is that container's work. */
static bool set_vm(struct walk *walk, struct span last, const char *prefix, struct span name,
		   const char *runtime)
{
	struct cgroup_identity *out = walk->out;
	size_t len = strlen(prefix);

	if (!walk->outside)
		return true;
	out->kind = CGROUP_VM;
	memcpy(out->id, prefix, len);
	copy_text(out->id + len, sizeof(out->id) - len, name);
	snprintf(out->runtime, sizeof(out->runtime), "%s", runtime);
	set_prefix(walk, last);
	walk->outside = false;
	return true;
}

/* The pod uid that fills @s, with @dash where the uid has dashes; static pods' uids have none. */
static bool set_pod_uid(struct walk *walk, struct span s, char dash)
{
	char *uid = walk->out->pod_uid;

	if (!span_is_uuid(s, dash) && !span_is_hex(s, 32))
		return false;
	copy_text(uid, sizeof(walk->out->pod_uid), s);
	for (; *uid; uid++)
		if (*uid == dash)
			*uid = '-';
	return true;
}

/* kubepods-burstable-pod<uid with underscores>.slice, also below a prefix such as kubelet-. */
static bool pod_slice(struct walk *walk, struct span s)
{
	static const char key[] = "-pod";

	if (!span_eat_back(&s, ".slice") || !memmem(s.at, s.len, "kubepods", 8))
		return false;
	for (size_t tail = 32; tail <= 36; tail += 4) {
		struct span uid = { s.at + s.len - tail, tail };

		if (s.len < tail + sizeof(key) - 1)
			return false;
		if (memcmp(uid.at - (sizeof(key) - 1), key, sizeof(key) - 1) == 0)
			return set_pod_uid(walk, uid, '_');
	}
	return false;
}

static const struct runtime_mark {
	const char *mark; /* followed by '-' or ':' and the id */
	const char *runtime;
	bool any_name; /* the id need not be 64 hex digits */
} runtime_marks[] = {
	{ "docker", "docker", false },
	{ "libpod", "podman", false },
	{ "libpod-payload", "podman", false },
	{ "cri-containerd", "containerd", false },
	{ "containerd", "containerd", false },
	{ "nerdctl", "containerd", false },
	{ "crio", "cri-o", false },
	{ "runc", "runc", true },
	{ "crun", "crun", true },
};

/* MARK-<id>.scope, MARK-<id>, and the id part of SLICE:MARK:<id>, which comes with @colon. */
static bool marked_container(struct walk *walk, struct span s, bool colon)
{
	struct span last = s;
	bool scope = !colon && span_eat_back(&s, ".scope");

	for (size_t i = 0; i < ARRAY_SIZE(runtime_marks); i++) {
		const struct runtime_mark *m = &runtime_marks[i];
		struct span id = s;

		if (!span_eat_front(&id, m->mark) || !span_eat_front(&id, colon ? ":" : "-"))
			continue;
		if (span_is_hex(id, CONTAINER_ID_LEN))
			return set_container(walk, last, id, m->runtime);
		if (!m->any_name || !span_is_name(id) || span_ends(s, ".service") ||
		    span_ends(s, ".slice"))
			continue;
		/* Without systemd the runtime's prefix can only be part of the name itself. */
		return set_container(walk, last, scope || colon ? id : s, m->runtime);
	}
	return false;
}

/* SLICE:MARK:<id>: a systemd-style name given to a runtime that makes cgroups itself. */
static bool colon_container(struct walk *walk, struct span s)
{
	const char *colon = memchr(s.at, ':', s.len);
	struct span slice = { s.at, colon ? (size_t)(colon - s.at) : 0 };
	bool outside = walk->outside;

	if (!colon || !span_ends(slice, ".slice"))
		return false;
	if (!marked_container(walk, (struct span){ colon + 1, s.len - slice.len - 1 }, true))
		return false;
	if (outside && !walk->in_unit)
		copy_text(walk->out->slice, sizeof(walk->out->slice), slice);
	pod_slice(walk, slice);
	return true;
}

/* 64 hex digits, alone or after an unknown runtime's mark. What watches a container is not one. */
static bool hex_container(struct walk *walk, struct span s)
{
	struct span last = s;
	struct span id;
	const char *runtime = "";

	if (span_is(walk->parent, "lxc.monitor") || span_is(walk->parent, "libpod_parent"))
		return false;
	span_eat_back(&s, ".scope");
	if (s.len < CONTAINER_ID_LEN)
		return false;
	id = (struct span){ s.at + s.len - CONTAINER_ID_LEN, CONTAINER_ID_LEN };
	if (!span_is_hex(id, CONTAINER_ID_LEN) || memmem(s.at, s.len, "conmon", 6))
		return false;
	if (s.len > CONTAINER_ID_LEN && !strchr("-_:", id.at[-1]))
		return false;
	if (span_is(walk->parent, "docker") && s.len == CONTAINER_ID_LEN)
		runtime = "docker";
	return set_container(walk, last, id, runtime);
}

/* /NAMESPACE/NAME of a plain containerd client, for the namespaces that everybody uses. */
static bool containerd_container(struct walk *walk, struct span s)
{
	static const char *const namespaces[] = { "default", "moby", "k8s.io", "buildkit" };

	if (!span_is_name(s))
		return false;
	if (span_is(walk->parent, "buildkit") && span_is(walk->grandparent, "docker"))
		return set_container(walk, s, s, "docker");
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (walk->grandparent.len == 0 && span_is(walk->parent, namespaces[i]))
			return set_container(walk, s, s, "containerd");
	return false;
}

/* lxc/NAME, lxc.payload/NAME, lxc.payload.NAME. */
static bool lxc_container(struct walk *walk, struct span s)
{
	struct span name = s;

	if (!span_eat_front(&name, "lxc.payload.") && !span_is(walk->parent, "lxc") &&
	    !span_is(walk->parent, "lxc.payload"))
		return false;
	return span_is_name(name) && set_container(walk, s, name, "lxc");
}

/*
 * The machine @name in the unit @s. systemd-nspawn splits its unit where it may: the machine is
 * then in payload/, and supervisor/ is nspawn's own work.
 */
static bool machine_container(struct walk *walk, struct span s, struct span name,
			      const char *runtime)
{
	char text[CGROUP_ID_MAX + 1];
	struct span id = { text, unescape(text, sizeof(text), name) };
	struct span next = next_component(walk, s);

	if (!span_is_name(id))
		return false;
	if (span_is(next, "supervisor")) {
		if (walk->outside)
			set_unit(walk, s, next);
		return true;
	}
	return set_container(walk, span_is(next, "payload") ? next : s, id, runtime);
}

static bool nspawn_container(struct walk *walk, struct span s)
{
	struct span name = s;
	struct span slice = walk->parent;
	struct span kind;

	if (span_eat_front(&name, "systemd-nspawn@") && span_eat_back(&name, ".service"))
		return machine_container(walk, s, name, "nspawn");
	name = s;
	if (!span_eat_front(&slice, "machine") || !span_ends(walk->parent, ".slice") ||
	    !span_eat_front(&name, "machine-") || !span_eat_back(&name, ".scope"))
		return false;
	kind = name;
	return machine_container(walk, s, name,
				 span_eat_front(&kind, "lxc\\x2d") ? "libvirt" : "nspawn");
}

/* <allocation>.<task>[.scope] or <allocation> below nomad/ or nomad.slice/. */
static bool nomad_container(struct walk *walk, struct span s)
{
	struct span name = s;
	struct span uuid = { s.at, 36 };

	if (!walk->in_nomad || s.len < uuid.len || !span_is_uuid(uuid, '-'))
		return false;
	span_eat_back(&name, ".scope");
	if (name.len != uuid.len && name.at[uuid.len] != '.')
		return false;
	return span_is_name(name) && set_container(walk, s, name, "nomad");
}

/* Virtual machines of libvirt (systemd or not, old and new names) and of Proxmox. */
static bool visit_vm(struct walk *walk, struct span s)
{
	char text[CGROUP_ID_MAX];
	struct span name = s;
	struct span kind;

	if (span_eat_back(&name, ".libvirt-qemu"))
		return set_vm(walk, s, "machine-", name, "libvirt");
	if (span_is(walk->parent, "qemu") && span_is(walk->grandparent, "libvirt"))
		return set_vm(walk, s, "machine-qemu-", s, "libvirt");
	if (!span_eat_back(&name, ".scope"))
		return false;
	if (span_is(walk->parent, "qemu.slice"))
		return set_vm(walk, s, "qemu-", name, "proxmox");
	name = (struct span){ text, unescape(text, sizeof(text), name) };
	kind = name;
	if (!span_eat_front(&kind, "machine-qemu-") && !span_eat_front(&kind, "machine-ch-"))
		return false;
	return set_vm(walk, s, "", name, "libvirt");
}

static bool visit_pod(struct walk *walk, struct span s)
{
	struct cgroup_identity *out = walk->out;
	struct span uid = s;

	if (pod_slice(walk, s))
		set_slice(walk, s);
	else if (!span_eat_front(&uid, "pod") || !set_pod_uid(walk, uid, '-'))
		return false;
	out->kind = CGROUP_POD;
	out->id[0] = '\0';
	out->runtime[0] = '\0';
	set_prefix(walk, s);
	return true;
}

static void read_user_slice(struct walk *walk, struct span s)
{
	s64 uid = 0;

	if (!span_eat_front(&s, "user-") || !span_eat_back(&s, ".slice") || s.len > 10)
		return;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return;
		uid = uid * 10 + (s.at[i] - '0');
	}
	if (uid < UINT32_MAX)
		walk->out->uid = uid;
}

static void visit_unit(struct walk *walk, struct span s)
{
	static const char *const suffixes[] = { ".service", ".scope", ".socket", ".mount",
						".swap" };
	struct span name = s;

	if (walk->in_unit)
		return;
	span_eat_front(&name,
		       "_"); /* systemd's mark on names that a controller's files could have */
	if (span_ends(name, ".slice")) {
		set_slice(walk, name);
		read_user_slice(walk, name);
		if (walk->out->kind == CGROUP_SYSTEM)
			set_prefix(walk, s);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		if (!span_ends(name, suffixes[i]))
			continue;
		set_unit(walk, name, s);
		walk->in_unit = !span_eat_front(&name, "user@");
		return;
	}
}

static void visit(struct walk *walk, struct span s)
{
	if (visit_vm(walk, s))
		return;
	if (nspawn_container(walk, s) || marked_container(walk, s, false) ||
	    colon_container(walk, s) || lxc_container(walk, s) || nomad_container(walk, s) ||
	    containerd_container(walk, s) || hex_container(walk, s))
		return;
	if (visit_pod(walk, s))
		return;
	/* What lies below a pod's cgroup without being a container is the pod's. */
	if (walk->outside && walk->out->kind == CGROUP_SYSTEM)
		visit_unit(walk, s);
}

void cgroup_path_parse(const char *path, struct cgroup_identity *identity)
{
	struct walk walk = { .out = identity, .path = path, .outside = true };
	struct span all = { path, strnlen(path, UINT32_MAX) };

	memset(identity, 0, sizeof(*identity));
	identity->uid = -1;
	span_eat_back(&all, " (deleted)");
	walk.end = all.at + all.len;
	for (struct span s = next_component(&walk, (struct span){ path, 0 }); s.len > 0;
	     s = next_component(&walk, s)) {
		/* ".." starts the paths that a cgroup namespace shows of what is outside it. */
		if (span_is(s, ".") || span_is(s, ".."))
			continue;
		visit(&walk, s);
		if (span_is(s, "nomad") || span_is(s, "nomad.slice"))
			walk.in_nomad = true;
		walk.grandparent = walk.parent;
		walk.parent = s;
	}
}
