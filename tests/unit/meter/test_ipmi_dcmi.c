// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "meter/ipmi_dcmi.h"

/* 251 W now, 200 to 400, 250 on average over 65.53 s, measuring: what a BMC of 2023 sent. */
static const u8 good[] = { 0x00, 0xdc, 0xfb, 0x00, 0xc8, 0x00, 0x90, 0x01, 0xfa, 0x00,
			   0x4d, 0xd8, 0x27, 0x65, 0xfa, 0xff, 0x00, 0x00, 0x40 };

static struct dcmi_reply decode(const u8 *data, size_t len)
{
	struct dcmi_reply reply;

	memset(&reply, 0xa5, sizeof(reply));
	dcmi_power_decode(data, len, &reply);
	return reply;
}

/* An answer with one byte changed. */
static struct dcmi_reply with(size_t at, u8 byte)
{
	u8 data[sizeof(good)];

	memcpy(data, good, sizeof(data));
	data[at] = byte;
	return decode(data, sizeof(data));
}

static void test_request(void **state)
{
	static const u8 expected[] = { 0xdc, 0x01, 0x00, 0x00 };
	u8 data[DCMI_REQUEST_SIZE];

	(void)state;
	dcmi_power_encode(data);
	assert_memory_equal(data, expected, sizeof(expected));
}

static void test_reading(void **state)
{
	struct dcmi_reply reply = decode(good, sizeof(good));

	(void)state;
	assert_int_equal(reply.verdict, DCMI_POWER);
	assert_int_equal(reply.code, 0);
	assert_int_equal(reply.current_w, 251);
	assert_int_equal(reply.minimum_w, 200);
	assert_int_equal(reply.maximum_w, 400);
	assert_int_equal(reply.average_w, 250);
	assert_int_equal(reply.timestamp_s, 1697110093);
	assert_int_equal(reply.period_ms, 65530);
	assert_true(reply.active);
	/* The highest byte counts. */
	assert_int_equal(with(3, 0x9c).current_w, 0x9cfb);
}

/* What is behind an answer does not matter, what is missing does. */
static void test_lengths(void **state)
{
	u8 padded[sizeof(good) + 5] = { 0 };

	(void)state;
	memcpy(padded, good, sizeof(good));
	assert_int_equal(decode(padded, sizeof(padded)).verdict, DCMI_POWER);
	for (size_t len = 0; len < sizeof(good); len++) {
		struct dcmi_reply reply = decode(good, len);

		assert_int_equal(reply.verdict, DCMI_GARBLED);
		assert_int_equal(reply.current_w, 0);
	}
	assert_int_equal(decode(good, 0).code, 0xff);
}

static void test_other_group(void **state)
{
	(void)state;
	assert_int_equal(with(1, 0x00).verdict, DCMI_GARBLED);
	assert_int_equal(with(1, 0x52).verdict, DCMI_GARBLED);
}

static void test_codes(void **state)
{
	static const struct {
		u8 code;
		enum dcmi_verdict verdict;
	} expected[] = {
		{ 0xc0, DCMI_BUSY },     { 0xc1, DCMI_UNSUPPORTED }, { 0xc3, DCMI_BUSY },
		{ 0xc4, DCMI_BUSY },     { 0xcb, DCMI_UNSUPPORTED }, { 0xcc, DCMI_UNSUPPORTED },
		{ 0xd1, DCMI_BUSY },     { 0xd2, DCMI_BUSY },        { 0xd4, DCMI_DENIED },
		{ 0xd5, DCMI_INACTIVE }, { 0xd6, DCMI_UNSUPPORTED }, { 0xff, DCMI_FAILED },
		{ 0x80, DCMI_FAILED },   { 0x01, DCMI_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		/* Alone, as it comes, and before the rest of an answer. */
		struct dcmi_reply reply = decode(&expected[i].code, 1);

		assert_int_equal(reply.verdict, expected[i].verdict);
		assert_int_equal(reply.code, expected[i].code);
		assert_int_equal(with(0, expected[i].code).verdict, expected[i].verdict);
		assert_int_equal(with(0, expected[i].code).current_w, 0);
	}
}

static void test_code_texts(void **state)
{
	(void)state;
	for (u32 code = 0; code <= 0xff; code++)
		assert_true(strlen(dcmi_code_text((u8)code)) > 5);
	assert_string_equal(dcmi_code_text(0xc0), "is busy");
	assert_string_not_equal(dcmi_code_text(0xd4), dcmi_code_text(0xff));
}

static void test_inactive(void **state)
{
	struct dcmi_reply reply = with(18, 0x00);

	(void)state;
	assert_int_equal(reply.verdict, DCMI_INACTIVE);
	assert_false(reply.active);
	/* Only one bit says so. */
	assert_int_equal(with(18, 0xbf).verdict, DCMI_INACTIVE);
	assert_int_equal(with(18, 0xff).verdict, DCMI_POWER);
}

static void test_implausible(void **state)
{
	u8 data[sizeof(good)];

	(void)state;
	memcpy(data, good, sizeof(data));
	data[2] = data[3] = 0x00;
	assert_int_equal(decode(data, sizeof(data)).verdict, DCMI_IMPLAUSIBLE);
	data[2] = data[3] = 0xff;
	assert_int_equal(decode(data, sizeof(data)).verdict, DCMI_IMPLAUSIBLE);
	data[2] = 0xfe;
	assert_int_equal(decode(data, sizeof(data)).verdict, DCMI_POWER);
}

/* OpenBMC, as it answered for years: no time, no period, no state; and with the wrong bit of it. */
static void test_openbmc(void **state)
{
	u8 data[] = { 0x00, 0xdc, 0x68, 0x01, 0x68, 0x01, 0x68, 0x01, 0x68, 0x01,
		      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00 };
	struct dcmi_reply reply = decode(data, sizeof(data));

	(void)state;
	assert_int_equal(reply.verdict, DCMI_POWER);
	assert_int_equal(reply.current_w, 360);
	assert_false(reply.active);
	data[14] = 1;
	data[18] = 0x02;
	assert_int_equal(decode(data, sizeof(data)).verdict, DCMI_POWER);
	/* Without a sensor it tells 0 W in the same way. */
	memset(data + 2, 0, 8);
	assert_int_equal(decode(data, sizeof(data)).verdict, DCMI_INACTIVE);
	/* A real period makes it the word of a BMC that knows what it says. */
	memset(data + 2, 1, 8);
	data[15] = 1;
	assert_int_equal(decode(data, sizeof(data)).verdict, DCMI_INACTIVE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),  cmocka_unit_test(test_reading),
		cmocka_unit_test(test_lengths),  cmocka_unit_test(test_other_group),
		cmocka_unit_test(test_codes),    cmocka_unit_test(test_code_texts),
		cmocka_unit_test(test_inactive), cmocka_unit_test(test_implausible),
		cmocka_unit_test(test_openbmc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
