// SPDX-License-Identifier: Apache-2.0
/*
 * One question and its answer through the kernel's IPMI driver (<linux/ipmi.h>): the BMC's own
 * address on the system interface.
 */
#pragma once

#include <sys/types.h>

#include "meter/meter_ops.h"

#define IPMI_TIMEOUT_NS (5 * NSEC_PER_SEC)

struct ipmi_request {
	long id; /* comes back with the answer */
	u8 netfn;
	u8 cmd;
	u16 len;
	u8 *data;
};

/* The device file of the first BMC below @dev_fd, as in "ipmi0", or NULL where there is none. */
const char *ipmi_link_find(int dev_fd);

/*
 * Sends @request and waits for its answer, IPMI_TIMEOUT_NS at most; answers to others are dropped.
 * Returns the length of the answer, completion code first, in @answer; or a negative errno:
 * -ETIMEDOUT, -ECANCELED when @stop asked to end, -ENODEV and the like when the driver went.
 */
ssize_t ipmi_link_ask(int fd, const struct ipmi_request *request, const struct slow_stop *stop,
		      u8 *answer, size_t size);
