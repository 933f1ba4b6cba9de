// SPDX-License-Identifier: Apache-2.0
#include "meter/nvml_pci.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PCI_DEVICES "bus/pci/devices"
#define VENDOR_NVIDIA "0x10de"
#define CLASS_DISPLAY                                                              \
	"0x03" /* base class: VGA and 3D controllers; their audio functions are 04 \
		*/

/* An attribute of a device, or an empty string. */
static void attribute(int devices_fd, const char *address, const char *name, char *text,
		      size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "%.20s/%s", address, name);
	if (sysroot_read_text(devices_fd, path, text, size) < 0)
		text[0] = '\0';
}

static bool is_gpu(int devices_fd, const char *address)
{
	char text[16];

	attribute(devices_fd, address, "vendor", text, sizeof(text));
	if (strcmp(text, VENDOR_NVIDIA) != 0)
		return false;
	attribute(devices_fd, address, "class", text, sizeof(text));
	return strncmp(text, CLASS_DISPLAY, strlen(CLASS_DISPLAY)) == 0;
}

/* "suspending" may still become "active", but not by us. */
static bool is_suspended(int devices_fd, const char *address)
{
	char text[16];

	attribute(devices_fd, address, "power/runtime_status", text, sizeof(text));
	return strncmp(text, "suspend", strlen("suspend")) == 0;
}

static void read_driver(int devices_fd, struct nvml_pci_gpu *gpu)
{
	char path[64], target[256];
	const char *name;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/driver", gpu->address);
	len = readlinkat(devices_fd, path, target, sizeof(target) - 1);
	if (len <= 0)
		return;
	target[len] = '\0';
	name = strrchr(target, '/');
	snprintf(gpu->driver, sizeof(gpu->driver), "%.15s", name ? name + 1 : target);
}

/* The driver's own word: "Runtime D3 status:  Enabled (fine-grained)", or why not. */
static bool can_suspend(int proc_fd, const char *address)
{
	static const char key[] = "Runtime D3 status:";
	char path[64], text[1024];
	const char *line;

	snprintf(path, sizeof(path), "driver/nvidia/gpus/%s/power", address);
	if (sysroot_read_text(proc_fd, path, text, sizeof(text)) < 0)
		return false;
	line = strstr(text, key);
	if (!line)
		return false;
	line += strlen(key);
	line += strspn(line, " \t");
	return strncmp(line, "Enabled", strlen("Enabled")) == 0;
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct nvml_pci_gpu *)a)->address,
		      ((const struct nvml_pci_gpu *)b)->address);
}

void nvml_pci_list(struct nvml_pci *pci, const struct sysroot *root)
{
	_cleanup_closedir_ DIR *dir = sysroot_opendir(root->sys_fd, PCI_DEVICES);
	const struct dirent *entry;

	pci->count = 0;
	while (dir && pci->count < NVML_GPUS_MAX && (entry = readdir(dir))) {
		struct nvml_pci_gpu *gpu = &pci->gpu[pci->count];

		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof(gpu->address) ||
		    !is_gpu(dirfd(dir), entry->d_name))
			continue;
		memset(gpu, 0, sizeof(*gpu));
		memcpy(gpu->address, entry->d_name, strlen(entry->d_name));
		read_driver(dirfd(dir), gpu);
		gpu->suspended = is_suspended(dirfd(dir), gpu->address);
		gpu->can_suspend = can_suspend(root->proc_fd, gpu->address);
		pci->count++;
	}
	qsort(pci->gpu, pci->count, sizeof(pci->gpu[0]), by_address);
}

bool nvml_pci_refresh(struct nvml_pci *pci, const struct sysroot *root)
{
	_cleanup_close_ int fd = -1;
	bool woke = false;

	if (pci->count == 0)
		return false;
	fd = openat(root->sys_fd, PCI_DEVICES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (u32 i = 0; i < pci->count; i++) {
		bool before = pci->gpu[i].suspended;

		pci->gpu[i].suspended = fd >= 0 && is_suspended(fd, pci->gpu[i].address);
		woke = woke || (before && !pci->gpu[i].suspended);
	}
	return woke;
}

const struct nvml_pci_gpu *nvml_pci_find(const struct nvml_pci *pci, const char *address)
{
	for (u32 i = 0; i < pci->count; i++) {
		if (strcmp(pci->gpu[i].address, address) == 0)
			return &pci->gpu[i];
	}
	return NULL;
}

bool nvml_pci_present(const struct sysroot *root)
{
	struct nvml_pci pci;

	if (faccessat(root->proc_fd, "driver/nvidia/version", F_OK, 0) == 0)
		return true;
	if (root->dev_fd >= 0 && faccessat(root->dev_fd, "nvidiactl", F_OK, 0) == 0)
		return true;
	nvml_pci_list(&pci, root);
	return pci.count > 0;
}

bool nvml_pci_is_foreign(const struct nvml_pci_gpu *gpu)
{
	return gpu->driver[0] && strcmp(gpu->driver, "nvidia") != 0;
}

u32 nvml_pci_suspended(const struct nvml_pci *pci)
{
	u32 count = 0;

	for (u32 i = 0; i < pci->count; i++)
		count += pci->gpu[i].suspended;
	return count;
}

bool nvml_pci_is_suspended(const struct nvml_pci *pci, const char *address)
{
	const struct nvml_pci_gpu *gpu = nvml_pci_find(pci, address);

	return gpu && gpu->suspended;
}
