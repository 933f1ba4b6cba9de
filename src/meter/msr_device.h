// SPDX-License-Identifier: Apache-2.0
/*
 * The registers of a CPU through the device files of the kernel's msr module: a pread of 8 bytes
 * whose offset is the number of the register.
 */
#pragma once

#include "base/types.h"

/* Opens the registers of @cpu below @dev_fd, a directory or -1. Returns a file or a negative errno.
 */
int msr_open(int dev_fd, u32 cpu);

/* Returns 0 or a negative errno: -EIO where the CPU has no such register, -ENXIO when it is
 * offline. */
int msr_read(int fd, u32 reg, u64 *value);
