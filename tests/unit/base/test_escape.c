// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/escape.h"

#define BAD "\xEF\xBF\xBD"

static void expect(const char *text, const char *wanted)
{
	char out[256];

	assert_int_equal(label_escape(out, sizeof(out), text), strlen(wanted));
	assert_string_equal(out, wanted);
}

static void test_plain_text_is_unchanged(void **state)
{
	expect("", "");
	expect("nginx: worker", "nginx: worker");
	expect("</script>'&\t\r", "</script>'&\t\r");
	expect("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x94\x8B",
	       "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x94\x8B");
}

static void test_special_characters_are_escaped(void **state)
{
	expect("a\"b\\c\nd", "a\\\"b\\\\c\\nd");
	expect("\\n", "\\\\n");
}

static void test_invalid_bytes_are_replaced(void **state)
{
	expect("\xFF", BAD);
	expect("a\xC3", "a" BAD);                    /* cut short */
	expect("\x80z", BAD "z");                    /* a tail without a head */
	expect("\xC0\xAF", BAD BAD);                 /* overlong slash */
	expect("\xE0\x80\xAF", BAD BAD BAD);         /* overlong in three */
	expect("\xED\xA0\x80", BAD BAD BAD);         /* a surrogate */
	expect("\xF4\x90\x80\x80", BAD BAD BAD BAD); /* above U+10FFFF */
	expect("\xE2\x82\"", BAD BAD "\\\"");        /* the quote is not swallowed */
}

static void test_what_does_not_fit_is_cut_between_characters(void **state)
{
	char out[8];

	assert_int_equal(label_escape(out, 0, "abc"), 0);
	assert_int_equal(label_escape(out, 1, "abc"), 0);
	assert_string_equal(out, "");
	assert_int_equal(label_escape(out, 3, "abc"), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(label_escape(out, 3, "a\"b"), 1);
	assert_string_equal(out, "a");
	assert_int_equal(label_escape(out, 4, "ab\xE2\x82\xAC"), 2);
	assert_int_equal(label_escape(out, 3, "\xFF"), 0);
	assert_int_equal(label_escape(out, 4, "\xFF"), 3);
}

static void test_clean_only_replaces(void **state)
{
	char out[64];

	assert_int_equal(utf8_clean(out, sizeof(out), "a\"b\\c\nd\xFFz"), 11);
	assert_string_equal(out, "a\"b\\c\nd" BAD "z");
	assert_int_equal(utf8_clean(out, 4, "ab\xE2\x82\xAC"), 2);
	assert_int_equal(utf8_clean(out, 0, "a"), 0);
}

/* A line of the log or on a terminal: UTF-8 stays, what commands does not. */
static void test_text_has_no_control_characters(void **state)
{
	char out[64];

	text_clean(out, sizeof(out), "a\x1b[2J\n\r\tb\x7f caf\xC3\xA9 \xC2\x9b\xC2\xA0 \xFF");
	assert_string_equal(out, "a?[2J???b? caf\xC3\xA9 ?"
				 "?\xC2\xA0 " BAD);
	assert_int_equal(text_clean(out, 4, "ab\xC3\xA9"), 2);
	assert_string_equal(out, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_text_is_unchanged),
		cmocka_unit_test(test_special_characters_are_escaped),
		cmocka_unit_test(test_invalid_bytes_are_replaced),
		cmocka_unit_test(test_what_does_not_fit_is_cut_between_characters),
		cmocka_unit_test(test_clean_only_replaces),
		cmocka_unit_test(test_text_has_no_control_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
