// SPDX-License-Identifier: Apache-2.0
#include "drm_tree.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void full_path(const struct rig *rig, char *full, size_t size, const char *path)
{
	assert_true((size_t)snprintf(full, size, "%s/%s", rig->tree.dir, path) < size);
}

void rig_write(const struct rig *rig, u32 card, const char *file, const char *format, ...)
{
	char path[160], text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(path, sizeof(path), "sys/class/drm/card%u/device/%s", card, file);
	tree_write(&rig->tree, path, "%s", text);
}

void rig_card(const struct rig *rig, u32 card, const char *address, const char *driver,
	      const char *pci_id)
{
	char file[64];

	rig_write(rig, card, "uevent",
		  "DRIVER=%s\nPCI_CLASS=30000\nPCI_ID=%s\nPCI_SUBSYS_ID=1EAE:7901\n"
		  "PCI_SLOT_NAME=%s\nMODALIAS=pci:v0\n",
		  driver, pci_id, address);
	snprintf(file, sizeof(file), "drm/card%u/dev", card);
	rig_write(rig, card, file, "226:%u\n", card);
	snprintf(file, sizeof(file), "drm/renderD%u/dev", 128 + card);
	rig_write(rig, card, file, "226:%u\n", 128 + card);
	rig_write(rig, card, "power/control", "on\n");
	rig_write(rig, card, "power/runtime_suspended_time", "0\n");
	rig_status(rig, card, "active");
}

void rig_metrics(const struct rig *rig, u32 card, u8 format)
{
	char path[96];

	snprintf(path, sizeof(path), "sys/class/drm/card%u/device/gpu_metrics", card);
	tree_write(&rig->tree, path, "%c%c%c%c%s", 120, 0, format, 3, "more that is not looked at");
}

void rig_watts(const struct rig *rig, u32 card, u64 watts)
{
	rig_write(rig, card, "hwmon/hwmon4/power1_average", "%llu000000\n",
		  (unsigned long long)watts);
}

void rig_amd(const struct rig *rig, u32 card, const char *address, u64 watts)
{
	rig_card(rig, card, address, "amdgpu", "1002:744C");
	rig_metrics(rig, card, 1);
	rig_write(rig, card, "resource", "0x0000007800000000 0x0000007fffffffff 0x14220c\n");
	rig_write(rig, card, "hwmon/hwmon4/name", "amdgpu\n");
	rig_write(rig, card, "hwmon/hwmon4/power1_label", "PPT\n");
	rig_write(rig, card, "hwmon/hwmon4/power1_cap", "303000000\n");
	rig_write(rig, card, "hwmon/hwmon4/power1_cap_max", "339000000\n");
	rig_watts(rig, card, watts);
}

void rig_autosuspend(const struct rig *rig, u32 card, u32 delay_ms)
{
	rig_write(rig, card, "power/control", "auto\n");
	rig_write(rig, card, "power/autosuspend_delay_ms", "%u\n", delay_ms);
}

void rig_status(const struct rig *rig, u32 card, const char *status)
{
	rig_write(rig, card, "power/runtime_status", "%s\n", status);
}

void rig_remove(const struct rig *rig, const char *path)
{
	char full[256];

	full_path(rig, full, sizeof(full), path);
	assert_true(truncate(full, 0) == 0 || errno == EISDIR);
	assert_int_equal(remove(full), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)walk;
	if (type == FTW_F)
		assert_int_equal(truncate(path, 0), 0);
	return remove(path);
}

void rig_unplug(const struct rig *rig, u32 card)
{
	char path[64], full[256];

	snprintf(path, sizeof(path), "sys/class/drm/card%u", card);
	full_path(rig, full, sizeof(full), path);
	assert_int_equal(nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void rig_fd(const struct rig *rig, u32 pid, u32 fd, const char *node)
{
	char path[64], full[256], target[64];

	snprintf(path, sizeof(path), "proc/%u/fd/.", pid);
	full_path(rig, full, sizeof(full), path);
	if (access(full, F_OK) < 0) {
		snprintf(path, sizeof(path), "proc/%u/fd/0", pid);
		tree_write(&rig->tree, path, "not a link\n");
	}
	snprintf(path, sizeof(path), "proc/%u/fd/%u", pid, fd);
	full_path(rig, full, sizeof(full), path);
	snprintf(target, sizeof(target), "/dev/dri/%s", node);
	unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

void rig_info(const struct rig *rig, u32 pid, u32 fd, const char *format, ...)
{
	char path[64], text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(path, sizeof(path), "proc/%u/fdinfo/%u", pid, fd);
	tree_write(&rig->tree, path, "pos:\t0\nflags:\t02100002\nmnt_id:\t26\nino:\t685\n%s", text);
}

void rig_client(const struct rig *rig, u32 pid, u32 fd, u64 id, u64 ms)
{
	rig_info(rig, pid, fd,
		 "drm-driver:\tamdgpu\ndrm-client-id:\t%llu\ndrm-pdev:\t" GPU_A "\npasid:\t32771\n"
		 "drm-total-vram:\t28416 KiB\ndrm-engine-gfx:\t%llu000000 ns\n",
		 (unsigned long long)id, (unsigned long long)ms);
}

void rig_close(const struct rig *rig, u32 pid, u32 fd)
{
	char path[64], full[256];

	snprintf(path, sizeof(path), "proc/%u/fd/%u", pid, fd);
	full_path(rig, full, sizeof(full), path);
	assert_int_equal(unlink(full), 0);
	snprintf(path, sizeof(path), "proc/%u/fdinfo/%u", pid, fd);
	full_path(rig, full, sizeof(full), path);
	assert_int_equal(unlink(full), 0);
}

void rig_open(struct rig *rig)
{
	char proc[128], sys[128];
	const char *which;

	full_path(rig, proc, sizeof(proc), "proc");
	full_path(rig, sys, sizeof(sys), "sys");
	assert_int_equal(sysroot_init(&rig->tree.root, proc, sys, &which), 0);
	rig->meter = (struct meter){ .ops = &meter_drm, .slots = &rig->slots };
	assert_int_equal(meter_drm.open(&rig->meter, &rig->tree.root, &rig->tree.options), 0);
	/* It keeps what it needs of the root. */
	sysroot_deinit(&rig->tree.root);
	assert_non_null(rig->meter.priv);
}

void rig_poll(struct rig *rig, u64 ms)
{
	struct meter_poll when = { .stop = &rig->stop };

	rig->now_ns += ms * NSEC_PER_MSEC;
	rig->awake_ns += ms * NSEC_PER_MSEC;
	when.now_ns = rig->now_ns;
	when.awake_ns = rig->awake_ns;
	memset(&rig->sample, 0, sizeof(rig->sample));
	meter_drm.poll(rig->meter.priv, &when, &rig->sample);
}

const struct sample_zone *rig_zone(const struct rig *rig, u32 card)
{
	char package[16];

	snprintf(package, sizeof(package), "card%u", card);
	for (u32 i = 0; i < rig->sample.zones; i++) {
		if (strcmp(rig->sample.zone[i].zone.package, package) == 0)
			return &rig->sample.zone[i];
	}
	return NULL;
}

u64 rig_work(const struct rig *rig, u32 card, u32 pid)
{
	const struct sample_zone *zone = rig_zone(rig, card);
	u64 work = 0;

	assert_non_null(zone);
	for (u32 i = 0; i < rig->sample.uses; i++) {
		const struct meter_use *use = &rig->sample.use[i];

		assert_true(use->work > 0);
		if (&rig->sample.zone[use->zone] == zone && use->pid == pid)
			work += use->work;
	}
	assert_int_equal(work % NSEC_PER_MSEC, 0);
	return work / NSEC_PER_MSEC;
}

const struct meter_note *rig_note(const struct rig *rig, const char *code)
{
	for (u32 i = 0; i < rig->sample.report.notes; i++) {
		if (strcmp(rig->sample.report.note[i].code, code) == 0)
			return &rig->sample.report.note[i];
	}
	return NULL;
}

int rig_setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	void *tree;

	assert_non_null(rig);
	assert_int_equal(tree_setup(&tree), 0);
	rig->tree = *(struct tree *)tree;
	free(tree);
	rig->stop.fd = eventfd(0, EFD_CLOEXEC);
	rig->now_ns = 1000 * NSEC_PER_SEC;
	rig->awake_ns = 900 * NSEC_PER_SEC;
	*state = rig;
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *rig = *state;
	struct tree *tree = malloc(sizeof(*tree));
	void *tree_state = tree;

	assert_non_null(tree);
	meter_drm.close(&rig->meter);
	meter_drm.close(&rig->meter);
	close(rig->stop.fd);
	*tree = rig->tree;
	free(rig);
	return tree_teardown(&tree_state);
}
