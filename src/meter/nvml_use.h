// SPDX-License-Identifier: Apache-2.0
/*
 * Which processes used a GPU, and how much.
 *
 * Unit of the work: SM-microseconds, that is the time in which all the multiprocessors of the GPU
 * were the process's own: 30 % for 2 s are 600,000. Only ratios within a GPU and a poll mean
 * something.
 *
 * Where the driver samples how busy each process is, that counts, and a process that holds a
 * context without working gets nothing. The video encoder and decoder count a tenth of their
 * percentage: they draw some ten watts where multiprocessors draw hundreds.
 *
 * Where it does not (in a virtual GPU, on old boards) or may not, the processes that compute share
 * equally, or those that draw when none computes; and nobody gets anything while the GPU as a whole
 * is at 0 %. Memory is no measure: frameworks reserve all of it whatever they do.
 *
 * Where the GPU is cut into MIG instances, which have no samples either, each instance that has
 * processes weighs its multiprocessors, and they share it equally. An instance without processes
 * gets nothing.
 */
#pragma once

#include "meter/meter_ops.h"
#include "meter/nvml_api.h"

/* Entries of one answer; the driver's own buffers hold some thousand samples. */
#define NVML_BUSY_MAX 8192
#define NVML_PROCESSES_MAX METER_USES_MAX
#define NVML_PROCESS_SIZE_MAX 32 /* the widest entry of a process list */

/* What one GPU's uses need from poll to poll; all zero at first. */
struct nvml_use_state {
	bool begun;
	u64 polled_us; /* boot clock, of the last poll */
	u64 seen_us;   /* the driver's clock: samples up to here are counted */
	u32 empty;     /* polls in a row without new samples */
	bool no_busy;  /* the driver does not sample processes; false again when NVML starts anew */
	bool mig;      /* the last poll found it cut up */
	int result;    /* of the last poll: NVML_OK, or what kept it from knowing */
	bool unknown_pids; /* in the last poll; such processes were left out */
};

struct nvml_user {
	u32 pid;
	u32 samples;
	u64 permille; /* sum of them */
};

/* Room for the answers, and what came of them; one for all GPUs. */
struct nvml_use {
	const struct nvml_api *api;
	struct meter_sample *sample; /* takes the uses */
	u32 zone;                    /* in the sample */
	u32 first;                   /* of this zone's uses in the sample */
	u64 window_us;               /* since the last poll */
	bool unknown_pids;           /* in this poll of a GPU, see there */
	bool full;                   /* processes were left out for want of room */

	u32 users;
	struct nvml_user user[NVML_PROCESSES_MAX];
	u32 pids;
	u32 pid[NVML_PROCESSES_MAX];
	struct nvml_busy busy[NVML_BUSY_MAX];
	u8 list[NVML_PROCESSES_MAX * NVML_PROCESS_SIZE_MAX];
};

/*
 * Adds the uses of @device since the last poll of @state to use->sample. The first poll is only
 * there to begin with. state->result is NVML_OK also when nobody used it.
 */
void nvml_use_poll(struct nvml_use *use, struct nvml_use_state *state, nvml_device device,
		   u64 now_ns);
