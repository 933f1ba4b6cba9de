// SPDX-License-Identifier: Apache-2.0
/*
 * Which GPUs the kernel has, and where each tells its energy. Nothing here wakes a GPU that sleeps,
 * but for what says so.
 */
#pragma once

#include "base/types.h"

#define DRM_CARDS_MAX 16
#define DRM_INPUTS_MAX 4
#define DRM_NO_RENDER UINT32_MAX

enum drm_sensor {
	DRM_NOTHING,       /* no sensor of energy or power */
	DRM_ENERGY,        /* a counter, uJ */
	DRM_POWER_AVERAGE, /* power averaged by the device, uW */
	DRM_POWER_INSTANT, /* power at the moment, uW */
};

/* A card as class/drm shows it. */
struct drm_found {
	u32 card;         /* the N of cardN */
	u32 render;       /* the N of renderDN, or DRM_NO_RENDER */
	char address[16]; /* PCI, "0000:03:00.0" */
	char driver[16];
	char name[48]; /* "AMD GPU 0x744c", or what the board calls itself */
	u32 vendor, device;
	enum drm_sensor sensor;
	char hwmon[40]; /* directory of the sensor, below the device */
	u32 channel;    /* the 1 of energy1_input */
	u32 inputs;     /* sensors to be added up: one, but for cards that only tell by tile */
	char input[DRM_INPUTS_MAX][64]; /* files, below the device */
};

/* Which cards there are: their numbers in @cards, ascending. Returns the count or a negative errno.
 */
int drm_list(int sys_fd, u32 cards[DRM_CARDS_MAX]);

/* Whether this is a PCI GPU of a driver that is known here. */
bool drm_is_gpu(int sys_fd, u32 card);

/*
 * Looks at one card. Returns 0; -ENODEV when it is not a PCI GPU of a driver that is known here (or
 * gone).
 */
int drm_identify(int sys_fd, u32 card, struct drm_found *found);

/* Opens the device directory of a card: O_PATH fd or a negative errno. */
int drm_open_device(int sys_fd, u32 card);

/*
 * Whether the sensor of this amdgpu measures a whole socket, CPU cores included: it is an APU.
 * Wakes the GPU.
 */
bool drm_is_apu(int device_fd, const struct drm_found *found);

/* The most that the card may draw, uW; 0: not told. Wakes the GPU. */
u64 drm_limit_uw(int device_fd, const struct drm_found *found);

/* Sleeping and waking of a device: its directory power/. */
struct drm_sleep {
	bool asleep;    /* reading would wake it */
	bool may_sleep; /* its driver lets it sleep when it is not used */
	u64 delay_ns;   /* so long after the last use */
	u64 slept_ns;   /* in all, on the monotonic clock */
};

/* Reads it; a device without such files never sleeps. Wakes nothing. */
void drm_sleep_read(int device_fd, struct drm_sleep *sleep);
