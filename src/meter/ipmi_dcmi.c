// SPDX-License-Identifier: Apache-2.0
#include "meter/ipmi_dcmi.h"

#define GROUP 0xdc
#define MODE_SYSTEM_POWER 0x01
#define STATE_ACTIVE 0x40
#define CODE_OK 0x00
#define CODE_UNSPECIFIED 0xff
#define UNKNOWN_W 0xffff

/* Where things are in an answer. Some BMCs pad it: what follows is ignored. */
enum {
	AT_CODE = 0,
	AT_GROUP = 1,
	AT_CURRENT = 2,
	AT_MINIMUM = 4,
	AT_MAXIMUM = 6,
	AT_AVERAGE = 8,
	AT_TIMESTAMP = 10,
	AT_PERIOD = 14,
	AT_STATE = 18,
	ANSWER_SIZE = 19,
};

static const struct dcmi_code {
	u8 code;
	enum dcmi_verdict verdict;
	const char *text;
} codes[] = {
	{ 0xc0, DCMI_BUSY, "is busy" },
	{ 0xc1, DCMI_UNSUPPORTED, "does not know this command" },
	{ 0xc2, DCMI_UNSUPPORTED, "does not know this command at this unit" },
	{ 0xc3, DCMI_BUSY, "did not answer in time" },
	{ 0xc4, DCMI_BUSY, "is out of space" },
	{ 0xc6, DCMI_FAILED, "got a part of the request only" },
	{ 0xc7, DCMI_UNSUPPORTED, "does not take a request of this length" },
	{ 0xc8, DCMI_UNSUPPORTED, "finds the request too long" },
	{ 0xc9, DCMI_UNSUPPORTED, "does not know system power statistics" },
	{ 0xca, DCMI_FAILED, "can't return that many bytes" },
	{ 0xcb, DCMI_UNSUPPORTED, "has no power sensor" },
	{ 0xcc, DCMI_UNSUPPORTED, "does not know system power statistics" },
	{ 0xcd, DCMI_UNSUPPORTED, "has no power sensor that this command is for" },
	{ 0xce, DCMI_BUSY, "could not give an answer" },
	{ 0xcf, DCMI_BUSY, "does not run a request twice" },
	{ 0xd0, DCMI_BUSY, "updates its sensor table" },
	{ 0xd1, DCMI_BUSY, "updates its firmware" },
	{ 0xd2, DCMI_BUSY, "is starting" },
	{ 0xd3, DCMI_BUSY, "can't reach what measures" },
	{ 0xd4, DCMI_DENIED, "does not allow this command here" },
	{ 0xd5, DCMI_INACTIVE, "can't measure in its present state" },
	{ 0xd6, DCMI_UNSUPPORTED, "has power management switched off" },
};

static const struct dcmi_code *find_code(u8 code)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].code == code)
			return &codes[i];
	}
	return NULL;
}

const char *dcmi_code_text(u8 code)
{
	const struct dcmi_code *found = find_code(code);

	if (code == CODE_OK)
		return "answered well";
	return found ? found->text : "failed for a reason that it does not tell";
}

void dcmi_power_encode(u8 data[DCMI_REQUEST_SIZE])
{
	data[0] = GROUP;
	data[1] = MODE_SYSTEM_POWER;
	data[2] = 0; /* rolling averages are the enhanced mode's */
	data[3] = 0;
}

static u16 get_u16(const u8 *data)
{
	return (u16)(data[0] | data[1] << 8);
}

static u32 get_u32(const u8 *data)
{
	return get_u16(data) | (u32)get_u16(data + 2) << 16;
}

/*
 * OpenBMC fills in the current power only, repeats it as the statistics of no time, and for years
 * left the state empty or set the wrong bit of it. The power it tells is true.
 */
static bool has_no_statistics(const struct dcmi_reply *reply)
{
	return reply->period_ms <= 1 && reply->minimum_w == reply->current_w &&
	       reply->maximum_w == reply->current_w && reply->average_w == reply->current_w;
}

static enum dcmi_verdict judge(const struct dcmi_reply *reply)
{
	bool nonsense = reply->current_w == 0 || reply->current_w == UNKNOWN_W;

	if (reply->active)
		return nonsense ? DCMI_IMPLAUSIBLE : DCMI_POWER;
	return has_no_statistics(reply) && !nonsense ? DCMI_POWER : DCMI_INACTIVE;
}

void dcmi_power_decode(const u8 *data, size_t len, struct dcmi_reply *reply)
{
	const struct dcmi_code *known;

	*reply = (struct dcmi_reply){ .verdict = DCMI_GARBLED, .code = CODE_UNSPECIFIED };
	if (len == 0)
		return;
	reply->code = data[AT_CODE];
	if (reply->code != CODE_OK) {
		known = find_code(reply->code);
		reply->verdict = known ? known->verdict : DCMI_FAILED;
		return;
	}
	if (len < ANSWER_SIZE || data[AT_GROUP] != GROUP)
		return;
	reply->current_w = get_u16(data + AT_CURRENT);
	reply->minimum_w = get_u16(data + AT_MINIMUM);
	reply->maximum_w = get_u16(data + AT_MAXIMUM);
	reply->average_w = get_u16(data + AT_AVERAGE);
	reply->timestamp_s = get_u32(data + AT_TIMESTAMP);
	reply->period_ms = get_u32(data + AT_PERIOD);
	reply->active = data[AT_STATE] & STATE_ACTIVE;
	reply->verdict = judge(reply);
}
