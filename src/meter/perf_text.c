// SPDX-License-Identifier: Apache-2.0
#include "meter/perf_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "meter/cpu_topology.h"

#define U128_MAX (~(u128)0)

/* Beyond that it is no energy: 10^-40 J to 10^40 J. */
#define EXPONENT_MAX 40

/* The scale's unit is the joule, ours the microjoule. */
#define UJ_EXPONENT 6

/* A number as mantissa times ten to the power of exponent. */
struct decimal {
	u128 mantissa;
	int exponent;
};

/* Appends the digits at *@text to the mantissa. Returns their number or -ERANGE. */
static int take_digits(const char **text, struct decimal *number)
{
	const char *begin = *text;

	for (; isdigit((unsigned char)**text); (*text)++) {
		u32 digit = (u32)(**text - '0');

		if (number->mantissa > (U128_MAX - digit) / 10)
			return -ERANGE;
		number->mantissa = number->mantissa * 10 + digit;
	}
	return (int)(*text - begin);
}

static int take_exponent(const char **text, struct decimal *number)
{
	const char *c = *text;
	char *end;
	long exponent;

	if (*c != 'e' && *c != 'E')
		return 0;
	c++;
	if (!isdigit((unsigned char)c[*c == '-' || *c == '+']))
		return -EINVAL;
	exponent = strtol(c, &end, 10);
	if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX)
		return -ERANGE;
	number->exponent += (int)exponent;
	*text = end;
	return 0;
}

static int parse_decimal(const char *text, struct decimal *number)
{
	int whole = take_digits(&text, number);
	int fraction = 0;
	int r;

	if (whole < 0)
		return whole;
	if (*text == '.') {
		text++;
		fraction = take_digits(&text, number);
	}
	if (fraction < 0)
		return fraction;
	if (whole + fraction == 0)
		return -EINVAL;
	number->exponent -= fraction;
	r = take_exponent(&text, number);
	if (r < 0)
		return r;
	return *text != '\0' || number->mantissa == 0 ? -EINVAL : 0;
}

/* Divides @value by @factor while it can and @times allows; what remains of @times is returned. */
static int cancel(u128 *value, u32 factor, int times)
{
	while (times > 0 && *value % factor == 0) {
		*value /= factor;
		times--;
	}
	return times;
}

static bool multiply(u128 *value, u32 factor, int times, u128 limit)
{
	for (; times > 0; times--) {
		if (*value > limit / factor)
			return false;
		*value *= factor;
	}
	return true;
}

int perf_scale_parse(const char *text, struct perf_scale *scale)
{
	struct decimal number = { .exponent = UJ_EXPONENT };
	int r = parse_decimal(text, &number);
	u128 counts = 1;
	int twos, fives;

	if (r < 0)
		return r;
	if (!multiply(&number.mantissa, 10, number.exponent, UINT64_MAX))
		return -ERANGE;
	/* What is left is divided by a power of ten: cancelled, 2^-32 J is 15625 / 2^26 uJ. */
	twos = cancel(&number.mantissa, 2, -number.exponent);
	fives = cancel(&number.mantissa, 5, -number.exponent);
	if (number.mantissa > UINT64_MAX || !multiply(&counts, 2, twos, U128_MAX) ||
	    !multiply(&counts, 5, fives, U128_MAX))
		return -ERANGE;
	scale->uj = (u64)number.mantissa;
	scale->per_counts = counts;
	return 0;
}

u64 perf_scale_uj(const struct perf_scale *scale, u64 count)
{
	u128 uj = (u128)count * scale->uj / scale->per_counts;

	return uj > UINT64_MAX ? UINT64_MAX : (u64)uj;
}

int perf_term_next(const char **text, struct perf_term *term)
{
	const char *c = *text;
	size_t len = strcspn(c, "=,\n");
	struct perf_term parsed = { .value = 1 };
	char *end;

	if (*c == '\0' || *c == '\n')
		return 0;
	if (len == 0 || len >= sizeof(parsed.name))
		return -EINVAL;
	memcpy(parsed.name, c, len);
	c += len;
	if (*c == '=') {
		c++;
		if (!isdigit((unsigned char)*c))
			return -EINVAL;
		errno = 0;
		parsed.value = strtoull(c, &end, 0);
		if (errno)
			return -EINVAL;
		c = end;
	}
	if (*c == ',')
		c++;
	else if (*c != '\0' && *c != '\n')
		return -EINVAL;
	*text = c;
	*term = parsed;
	return 1;
}

int perf_format_put(const char *format, u64 value, u64 *config)
{
	static const char word[] = "config:";
	u64 bits = *config;
	u32 first, last;
	bool any = false;
	int r;

	if (strncmp(format, word, strlen(word)) != 0)
		return -EINVAL;
	format += strlen(word);
	/* Ranges of bits are written as those of CPUs are. */
	while ((r = cpu_list_next(&format, &first, &last)) == 1) {
		if (last > 63)
			return -EINVAL;
		for (u32 bit = first; bit <= last; bit++, value >>= 1)
			bits = (bits & ~(1ULL << bit)) | (value & 1) << bit;
		any = true;
	}
	if (r < 0 || !any)
		return -EINVAL;
	if (value)
		return -ERANGE;
	*config = bits;
	return 0;
}
