// SPDX-License-Identifier: Apache-2.0
/*
 * GPUs and processes made of files, and polls at made-up times, for the tests of the DRM meter.
 */
#pragma once

#include "meter/meter_ops.h"
#include "tree.h"

#define GPU_A "0000:03:00.0"
#define GPU_B "0000:43:00.0"

struct rig {
	struct tree tree; /* the first member: tree_setup()'s place */
	struct meter meter;
	struct meter_slots slots;
	struct meter_sample sample; /* of the last poll */
	struct slow_stop stop;
	u64 now_ns, awake_ns;
};

/* A PCI GPU in class/drm: its uevent, its nodes, and power/ of one that never sleeps. */
void rig_card(const struct rig *rig, u32 card, const char *address, const char *driver,
	      const char *pci_id);

/* Writes a file below the device of a card. */
void rig_write(const struct rig *rig, u32 card, const char *file, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* As the kernel shows metrics of this format: a header and some bytes. */
void rig_metrics(const struct rig *rig, u32 card, u8 format);

/* An AMD card with a sensor of @watts, and the same again for another power. */
void rig_amd(const struct rig *rig, u32 card, const char *address, u64 watts);
void rig_watts(const struct rig *rig, u32 card, u64 watts);

/* Lets a card sleep after this time without use; and what it does now: "active", "suspended". */
void rig_autosuspend(const struct rig *rig, u32 card, u32 delay_ms);
void rig_status(const struct rig *rig, u32 card, const char *status);

/* Removes a file or an empty directory; a file's open descriptors read nothing from then on. */
void rig_remove(const struct rig *rig, const char *path);

/* Removes the device directory of a card with all there is in it, and the card. */
void rig_unplug(const struct rig *rig, u32 card);

/* Process @pid has @node ("renderD128") open as @fd; the text is its fdinfo. */
void rig_fd(const struct rig *rig, u32 pid, u32 fd, const char *node);
void rig_info(const struct rig *rig, u32 pid, u32 fd, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* fdinfo of an amdgpu or i915 client that had @ms of its GPU. */
void rig_client(const struct rig *rig, u32 pid, u32 fd, u64 id, u64 ms);

/* The process closes it, or ends. */
void rig_close(const struct rig *rig, u32 pid, u32 fd);

/* Opens the meter of the tree; asserts that there is something to be polled. */
void rig_open(struct rig *rig);

/* Lets @ms pass, and polls. */
void rig_poll(struct rig *rig, u64 ms);

/* The zone of a card in the last sample, or NULL. */
const struct sample_zone *rig_zone(const struct rig *rig, u32 card);

/* What @pid did in the last sample, in ms of the zone of @card. */
u64 rig_work(const struct rig *rig, u32 card, u32 pid);

/* The note of this code in the last sample, or NULL. */
const struct meter_note *rig_note(const struct rig *rig, const char *code);

int rig_setup(void **state);
int rig_teardown(void **state);
