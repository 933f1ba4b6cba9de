// SPDX-License-Identifier: Apache-2.0
/*
 * Integers as decimal text, without a format string and without floating point: what the exposition
 * spends its time on.
 */
#pragma once

#include <string.h>

#include "base/types.h"

/* No number is longer: 20 digits and a point. */
#define NUMBER_MAX 24

/* Writes @count decimal digits of @value (less than 10^count) with leading zeros. */
static inline void number_put_digits(char *out, u64 value, u32 count)
{
	while (count > 0) {
		out[--count] = (char)('0' + value % 10);
		value /= 10;
	}
}

/* Writes @value at @out, without a NUL, and returns the end. */
static inline char *number_put_u64(char *out, u64 value)
{
	static const char pairs[] =
		"00010203040506070809101112131415161718192021222324252627282930313233343536"
		"37383940414243444546474849505152535455565758596061626364656667686970717273"
		"7475767778798081828384858687888990919293949596979899";
	char text[NUMBER_MAX];
	u32 at = sizeof(text);

	while (value >= 100) {
		at -= 2;
		memcpy(text + at, pairs + value % 100 * 2, 2);
		value /= 100;
	}
	if (value >= 10) {
		at -= 2;
		memcpy(text + at, pairs + value * 2, 2);
	} else {
		text[--at] = (char)('0' + value);
	}
	memcpy(out, text + at, sizeof(text) - at);
	return out + (sizeof(text) - at);
}

/*
 * Writes @value / 10^@decimals exactly, without trailing zeros ("12.5", "3"), and returns the end.
 * @decimals is at most 9.
 */
static inline char *number_put_fixed(char *out, u64 value, u32 decimals)
{
	static const u64 powers[] = { 1,      10,      100,      1000,      10000,
				      100000, 1000000, 10000000, 100000000, 1000000000 };
	u64 fraction = value % powers[decimals];

	out = number_put_u64(out, value / powers[decimals]);
	if (fraction == 0)
		return out;
	while (fraction % 10 == 0) {
		fraction /= 10;
		decimals--;
	}
	*out++ = '.';
	number_put_digits(out, fraction, decimals);
	return out + decimals;
}
