// SPDX-License-Identifier: Apache-2.0
/*
 * One GPU: its sensor, its sleep, and when it is left alone.
 */
#pragma once

#include "meter/drm_kfd.h"
#include "meter/drm_scan.h"
#include "meter/gauge.h"

struct drm_card {
	bool seen;    /* by the scan under way */
	bool present; /* seen by the last scan */
	struct drm_found found;
	int device_fd;                /* -1: there is no such card */
	int input_fd[DRM_INPUTS_MAX]; /* -1: lost, or not yet opened */
	bool learned;                 /* what only a GPU that is awake tells: */
	bool apu;
	u64 limit_uw;
	struct drm_kfd_node kfd;

	struct drm_sleep sleep;
	bool sleeping;        /* at the last look */
	bool told, read_once; /* shown so far; its sensor was read at least once */
	enum meter_status status;
	u64 value_uj, taken_ns; /* of the last reading */
	u32 restarts;
	struct gauge gauge;

	u64 clock_ns;   /* monotonic time less the time asleep, at the last reading */
	u64 passed_ns;  /* on that clock, between the last two readings */
	u64 power_uw;   /* mean since the reading before; 0: not known */
	u64 floor_uw;   /* the least that this was */
	u64 rest_until; /* boot clock */
	bool open;      /* read in this poll */
};

/* A place for a card. */
void drm_card_init(struct drm_card *card);

/* Closes what it holds; what was told stays. */
void drm_card_close(struct drm_card *card);

/*
 * Begins with what was found, or begins anew: the counter of a driver that came back may be
 * another.
 */
void drm_card_start(struct drm_card *card, int sys_fd, const struct drm_found *found);

/* Whether it has a sensor that measures it alone. */
bool drm_card_is_measured(const struct drm_card *card);

/* Whether nothing needs to be looked for: its files are open, and it counts. */
bool drm_card_is_well(const struct drm_card *card);

/*
 * Reads it, unless it sleeps or is to be left alone. Returns false when its files are gone, and the
 * cards should be looked for again.
 */
bool drm_card_read(struct drm_card *card, int sys_fd, const struct meter_poll *when);

/*
 * Leaves a GPU that may sleep alone for a while when nobody uses it: @work, that of its known users
 * since the last reading, is 0, and it draws about the least that was ever seen (others' use may
 * not be known). Call it after drm_card_read().
 */
void drm_card_rest(struct drm_card *card, u64 work, u64 now_ns);

/* How far its readings are apart now; 0: as far as polls. */
u64 drm_card_period_ns(const struct drm_card *card, u64 now_ns);
