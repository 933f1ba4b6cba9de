// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "meter/report.h"

static void test_found(void **state)
{
	struct meter_report report;

	memset(&report, 0x5a, sizeof(report));
	report_begin(&report);
	assert_string_equal(report.found, "");
	assert_int_equal(report.notes, 0);
	report_found(&report, "%u sockets", 2);
	report_append(&report, ", %s", "dram");
	assert_string_equal(report.found, "2 sockets, dram");
	for (int i = 0; i < 100; i++)
		report_append(&report, "%s", "0123456789");
	assert_int_equal(strlen(report.found), sizeof(report.found) - 1);
}

/* The same verdict is told once; when there is no room the less severe one makes way. */
static void test_notes(void **state)
{
	struct meter_report report;
	struct meter_note *note;

	report_begin(&report);
	note = report_note(&report, METER_INFO, "mirror", "die %d repeats die 0", 1);
	report_remedy(note, "nothing to %s", "do");
	assert_ptr_equal(report_note(&report, METER_INFO, "mirror", "die %d repeats die 0", 1),
			 note);
	assert_string_equal(note->remedy, "nothing to do");
	assert_int_equal(report.notes, 1);
	for (int i = 0; i < METER_NOTES_MAX - 1; i++)
		report_note(&report, METER_WARNING, "x", "%d", i);
	assert_int_equal(report.notes, METER_NOTES_MAX);
	report_note(&report, METER_PROBLEM, "denied", "no permission");
	assert_int_equal(report.notes, METER_NOTES_MAX);
	assert_string_equal(report.note[0].code, "denied");
	/* no room for this one: it can be written to all the same */
	note = report_note(&report, METER_INFO, "late", "too late");
	report_remedy(note, "lost");
	for (u32 i = 0; i < report.notes; i++)
		assert_string_not_equal(report.note[i].code, "late");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_notes),
	};

	return cmocka_run_group_tests_name("meter/report", tests, NULL, NULL);
}
