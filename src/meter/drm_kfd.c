// SPDX-License-Identifier: Apache-2.0
#include "meter/drm_kfd.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "meter/drm_scan.h"

#define NODES_DIR "class/kfd/kfd/topology/nodes"
#define PROC_DIR "class/kfd/kfd/proc"
#define ENTRIES_MAX 1024

int drm_kfd_property(const char *text, const char *key, u64 *value)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		char number[24];
		size_t digits;

		line += *line == '\n';
		if (strncmp(line, key, len) != 0 || line[len] != ' ')
			continue;
		digits = strcspn(line + len + 1, "\n");
		if (digits >= sizeof(number))
			return -ENODATA;
		memcpy(number, line + len + 1, digits);
		number[digits] = '\0';
		return sysroot_parse_u64(number, value) < 0 ? -ENODATA : 0;
	}
	return -ENODATA;
}

/* Whether the node is that of the device at @location of the PCI domain. */
static bool is_at(const char *properties, u64 domain, u64 location)
{
	u64 its_domain, its_location;

	return drm_kfd_property(properties, "location_id", &its_location) == 0 &&
	       drm_kfd_property(properties, "domain", &its_domain) == 0 &&
	       its_location == location && its_domain == domain;
}

static bool read_node(int sys_fd, const char *name, u64 domain, u64 location,
		      struct drm_kfd_node *node)
{
	char path[320], text[4096];
	u64 id, simds, per_unit;

	snprintf(path, sizeof(path), NODES_DIR "/%s/properties", name);
	if (sysroot_read_text(sys_fd, path, text, sizeof(text)) < 0 ||
	    !is_at(text, domain, location) || drm_kfd_property(text, "simd_count", &simds) < 0 ||
	    drm_kfd_property(text, "simd_per_cu", &per_unit) < 0 || per_unit == 0)
		return false;
	snprintf(path, sizeof(path), NODES_DIR "/%s/gpu_id", name);
	if (sysroot_read_u64(sys_fd, path, &id) < 0 || id > UINT32_MAX ||
	    simds / per_unit > UINT32_MAX)
		return false;
	*node = (struct drm_kfd_node){ (u32)id, (u32)(simds / per_unit) };
	return node->id && node->units;
}

struct drm_kfd_node drm_kfd_find(int sys_fd, const char *address)
{
	_cleanup_closedir_ DIR *dir = sysroot_opendir(sys_fd, NODES_DIR);
	unsigned int domain, bus, device, function;
	struct drm_kfd_node node = { 0 };
	const struct dirent *entry;

	if (sscanf(address, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		return node;
	for (u32 i = 0; dir && i < ENTRIES_MAX && (entry = readdir(dir)); i++) {
		if (entry->d_name[0] != '.' && read_node(sys_fd, entry->d_name, domain,
							 bus << 8 | device << 3 | function, &node))
			return node;
	}
	return (struct drm_kfd_node){ 0 };
}

static void read_process(int sys_fd, u32 pid, struct drm_gpu *gpu, struct meter_sample *sample)
{
	char path[96];
	u64 units;

	snprintf(path, sizeof(path), PROC_DIR "/%u/stats_%u/cu_occupancy", pid, gpu->kfd_id);
	if (sysroot_read_u64(sys_fd, path, &units) < 0)
		return;
	drm_gpu_use(gpu, pid,
		    (u64)((u128)gpu->elapsed_ns * u64_min(units, gpu->units) / gpu->units), sample);
}

void drm_kfd_poll(int sys_fd, struct drm_gpu *gpus, u32 count, struct meter_sample *sample)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	bool wanted = false;

	for (u32 i = 0; i < count; i++)
		wanted = wanted || (gpus[i].open && gpus[i].kfd_id);
	if (!wanted)
		return;
	dir = sysroot_opendir(sys_fd, PROC_DIR);
	for (u32 n = 0; dir && n < ENTRIES_MAX && (entry = readdir(dir)); n++) {
		u64 pid;

		if (sysroot_parse_u64(entry->d_name, &pid) < 0 || pid > UINT32_MAX)
			continue;
		for (u32 i = 0; i < count; i++) {
			if (gpus[i].open && gpus[i].kfd_id)
				read_process(sys_fd, (u32)pid, &gpus[i], sample);
		}
	}
}
