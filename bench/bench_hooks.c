// SPDX-License-Identifier: Apache-2.0
/*
 * bench_hooks: where in the kernel the agent's BPF programs hang, from the kernel's own list of the
 * links that this process holds.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "cli/agent.h"

#define NAME_SIZE 128

static void die(const char *what, int error)
{
	fprintf(stderr, "can't %s: %s\n", what, strerror(error));
	exit(1);
}

/* A description of where the link behind @fd hangs; false: @fd is no link. */
static bool hook_of(int fd, const struct btf *btf, char name[NAME_SIZE])
{
	struct bpf_link_info info = { .raw_tracepoint = { .tp_name_len = NAME_SIZE } };
	const struct btf_type *type;
	u32 size = sizeof(info);
	char path[64], target[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	if (strcmp(target, "anon_inode:[perf_event]") == 0) {
		snprintf(name, NAME_SIZE, "perf_event");
		return true;
	}
	if (!strstr(target, "bpf_link") && !strstr(target, "bpf-link"))
		return false;
	info.raw_tracepoint.tp_name = (u64)(uintptr_t)name;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		die("ask the kernel about a link", errno);
	if (info.type == BPF_LINK_TYPE_RAW_TRACEPOINT)
		return true;
	if (info.type == BPF_LINK_TYPE_ITER) {
		snprintf(name, NAME_SIZE, "iterator");
		return true;
	}
	type = info.type == BPF_LINK_TYPE_TRACING ? btf__type_by_id(btf, info.tracing.target_btf_id)
						  : NULL;
	snprintf(name, NAME_SIZE, "%s",
		 type ? btf__name_by_offset(btf, type->name_off) : "of a kind unknown to us");
	return true;
}

static void print_hooks(const struct btf *btf)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	const char *comma = "";

	if (!dir)
		die("list the descriptors", errno);
	printf("{\"hooks\": [");
	while ((entry = readdir(dir))) {
		char name[NAME_SIZE] = "";

		if (entry->d_name[0] == '.' || !hook_of(atoi(entry->d_name), btf, name))
			continue;
		printf("%s\"%s\"", comma, name);
		comma = ", ";
	}
	puts("]}");
	closedir(dir);
}

int main(void)
{
	struct agent_options options = {
		.activity = { .bpf = true, .irq_counters = true },
		.max_series = 100000,
	};
	struct sysroot root = SYSROOT_NULL;
	struct btf *btf = btf__load_vmlinux_btf();
	struct agent *agent = NULL;
	const char *what = "open /proc and /sys";
	int r = sysroot_init(&root, "/proc", "/sys", &what);

	if (!btf)
		die("read the kernel's types", errno);
	if (r == 0)
		r = agent_new(&root, &options, &agent, &what);
	if (r == 0)
		r = agent_start(agent);
	if (r < 0)
		die(what, -r);
	print_hooks(btf);
	agent_free(agent);
	sysroot_deinit(&root);
	btf__free(btf);
	return 0;
}
