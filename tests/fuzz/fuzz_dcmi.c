// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes are a BMC's answer to Get Power Reading: there is a power only where the bytes hold
 * one, and what is told is what they hold.
 */
#include <stdlib.h>
#include <string.h>

#include "meter/ipmi_dcmi.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_reading(const u8 *data, size_t size, const struct dcmi_reply *reply)
{
	check(size >= 19 && data[0] == 0 && data[1] == 0xdc);
	check(reply->current_w == data[2] + 256 * data[3]);
	check(reply->average_w == data[8] + 256 * data[9]);
	check(reply->period_ms % 256 == data[14] && reply->period_ms >> 24 == data[17]);
	check(reply->active == (data[18] / 64 % 2 == 1));
	if (reply->verdict == DCMI_POWER)
		check(reply->current_w != 0 && reply->current_w != 65535);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	/* Of its exact size, so that a byte too far is seen. */
	u8 *answer = malloc(size ? size : 1);
	struct dcmi_reply reply;

	if (!answer)
		return 0;
	memcpy(answer, data, size);
	dcmi_power_decode(answer, size, &reply);
	check(dcmi_code_text(reply.code)[0] != '\0');
	if (reply.verdict == DCMI_POWER || reply.verdict == DCMI_IMPLAUSIBLE)
		check_reading(data, size, &reply);
	else
		check(reply.current_w == 0 || reply.verdict == DCMI_INACTIVE);
	free(answer);
	return 0;
}
