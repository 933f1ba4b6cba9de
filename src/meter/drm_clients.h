// SPDX-License-Identifier: Apache-2.0
/*
 * Who uses the GPUs: the open DRM files of all processes, and the engine time that the kernel
 * counts for each (drm_fdinfo.h).
 *
 * Finding them means looking at every descriptor of every process, so it happens at most every ten
 * seconds, a part in each poll; those that are known are read at each poll. What follows:
 *
 * - A file that is closed between two polls keeps what it did since the last one; one that was
 *   opened and closed between two looks is never seen.
 * - A file that is new since the last look has all its work since then, but no more is counted than
 *   fits into the time since its GPU was read last: that is the time whose energy is shared out.
 *   One that is there when the first look comes begins at 0, for its past is not known.
 *
 * Descriptors that were copied (fork, dup, passed on) are one client of the kernel's: it counts
 * once, for the process that was found first, and when that closes it for another that has it.
 * Clients of a GPU that sleeps are not read, since that wakes some.
 *
 * Where there are more than DRM_CLIENTS_MAX, those that do nothing make room: nobody can hide what
 * others do by opening a GPU very often.
 */
#pragma once

#include "base/sysroot.h"
#include "meter/drm_gpu.h"

#define DRM_CLIENTS_MAX 1024
#define DRM_LOOK_NS (10 * NSEC_PER_SEC)

struct drm_clients;

/* Returns 0 or a negative errno; @root is not needed afterwards. */
int drm_clients_new(const struct sysroot *root, struct drm_clients **out);
struct drm_clients *drm_clients_free(struct drm_clients *clients);

/*
 * Reads the clients of those of @gpus that are open and adds what they did to @sample; looks for
 * new ones if it is time to. Ends early when @when->stop says so.
 */
void drm_clients_poll(struct drm_clients *clients, struct drm_gpu *gpus, u32 count,
		      const struct meter_poll *when, struct meter_sample *sample);

/* Forgets the clients of the GPU at @index: it is gone. */
void drm_clients_forget(struct drm_clients *clients, u32 index);

/* How many processes could not be looked into the last time. */
u32 drm_clients_denied(const struct drm_clients *clients);

/* Whether somebody may use a GPU who is not known: not all could be looked into, or not yet. */
bool drm_clients_hidden(const struct drm_clients *clients);

/* Whether there were more clients than there is room for in this look or the last one. */
bool drm_clients_crowded(const struct drm_clients *clients);

/* How many clients are known. */
u32 drm_clients_count(const struct drm_clients *clients);
