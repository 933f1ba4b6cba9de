// SPDX-License-Identifier: Apache-2.0
/*
 * A libnvidia-ml.so.1 for machines without a GPU. What it answers stands in one struct, which a
 * test reaches through fake_nvml() in the library. A program that knows nothing of it sees a GPU
 * of FAKE_NVML_WATTS, used by the processes of FAKE_NVML_BUSY=PID:PERCENT,... Its types are those
 * of NVIDIA's API reference and not those of the program under test.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FAKE_GPUS 40
#define FAKE_PIDS 1500
#define FAKE_INSTANCES 8

/* By the function that counts them. */
enum fake_call {
	FAKE_INIT,
	FAKE_SHUTDOWN,
	FAKE_COUNT,
	FAKE_BY_INDEX,
	FAKE_BY_PCI,
	FAKE_INDEX,
	FAKE_PCI,
	FAKE_NAME,
	FAKE_UUID,
	FAKE_ENERGY,
	FAKE_POWER,
	FAKE_LIMITS,
	FAKE_RATES,
	FAKE_BUSY,
	FAKE_COMPUTE,
	FAKE_GRAPHICS,
	FAKE_MIG_MODE,
	FAKE_MIG_COUNT,
	FAKE_MIG_BY_INDEX,
	FAKE_ATTRIBUTES,
	FAKE_CALLS,
};

struct fake_sample {
	unsigned int pid;
	unsigned long long time_us;
	unsigned int sm, memory, encoder, decoder;
};

struct fake_list {
	unsigned int count;
	unsigned int pid[FAKE_PIDS];
};

/* A MIG device. */
struct fake_instance {
	bool there;
	unsigned int multiprocessors;
	struct fake_list compute;
};

struct fake_gpu {
	unsigned int domain, bus;
	const char *name, *uuid;
	bool no_counter, no_busy;
	unsigned long long energy_mj;
	unsigned int power_mw, limit_mw, percent;
	unsigned int samples;
	struct fake_sample sample[FAKE_PIDS];
	struct fake_list compute, graphics;
	bool mig;
	struct fake_instance instance[FAKE_INSTANCES];
	unsigned int touched; /* calls that concerned it */
};

struct fake_nvml {
	unsigned int gpus;
	struct fake_gpu gpu[FAKE_GPUS];
	unsigned int entry_size; /* of process lists: 16, 24 or 32 */
	unsigned int open;       /* nvmlInit less nvmlShutdown */
	unsigned int misuses;    /* calls without nvmlInit, and with handles of before */
	struct {
		unsigned int calls;
		int result; /* instead of an answer; 0: answers */
		int gpu;    /* the only one for which it fails; -1: all */
	} call[FAKE_CALLS];
};

struct fake_nvml *fake_nvml(void);
