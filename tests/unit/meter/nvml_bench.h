// SPDX-License-Identifier: Apache-2.0
/*
 * The NVML meter on a machine with fake GPUs, polled by hand once a second. One per program.
 */
#pragma once

#include "fake_nvml.h"
#include "meter/meter_ops.h"
#include "tree.h"

#define NVML_PCI "sys/bus/pci/devices"
#define NVML_FIRST "0000:41:00.0"
#define NVML_SECOND "0001:c1:00.0"
#define NVML_J 1000ULL                     /* mJ */
#define NVML_DRIVER_US 1700000000000000ULL /* the driver's clock at the first poll */

struct nvml_bench {
	struct tree *t;
	struct meter meter;
	struct meter_poll when;
	struct slow_stop stop;
	struct meter_sample sample; /* of the last poll */
};

extern struct nvml_bench nvml_bench;
extern struct fake_nvml *nvml_fake;

/* What dlopen and dlsym do not find; programs are linked with --wrap for both. */
extern bool nvml_no_library;
extern const char *nvml_missing; /* all functions whose name begins so */

/* GPU @i of the library: one of 100 W with a counter at 1 MJ. */
void nvml_set_gpu(u32 i, u32 domain, u32 bus);

/* A GPU in sysfs, and the driver that has it. */
void nvml_add_pci(const struct tree *t, const char *address, const char *status);
void nvml_set_driver(const struct tree *t, const char *address, const char *driver);

/* Opens the meter, and closes the root that it was given. */
void nvml_open_meter(void);

/* Polls, a second after the last time. */
void nvml_poll_once(void);

/* Seconds in which each GPU draws 300 W, with a poll after each. */
void nvml_pass(u32 seconds);

/* The zone of a GPU in the last sample, or NULL. */
struct sample_zone *nvml_zone_of(const char *device);

/* Its value, which must be there; and whether it is. */
u64 nvml_joules(const char *device);
bool nvml_reads_well(const char *device);

/* What a process did there by the last sample. */
u64 nvml_work_of(const char *device, u32 pid);

bool nvml_has_note(const char *code);

/* Adds a sample that the driver takes now. */
void nvml_busy_now(struct fake_gpu *gpu, u32 pid, u32 sm, u32 encoder);

/* Adds a process to a list. */
void nvml_list(struct fake_list *to, u32 pid);

/* cmocka: nothing opened; or two GPUs, with the meter open. */
int nvml_setup(void **state);
int nvml_setup_two(void **state);
int nvml_teardown(void **state);
