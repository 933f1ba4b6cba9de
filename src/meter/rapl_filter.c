// SPDX-License-Identifier: Apache-2.0
#include "meter/rapl_filter.h"

#include <string.h>

#include "base/cleanup.h"
#include "meter/cpu_model.h"
#include "meter/msr_device.h"

#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_MISC_PACKAGE_CTLS 0xbc
#define HAS_PACKAGE_CTLS (1ULL << 10)
#define HAS_FILTERING_CTL (1ULL << 11)
#define FILTERING_ENABLE 1ULL

/* The first CPU's block of cpuinfo, its flags included. */
#define CPUINFO_SIZE 8192

/* Whether the line of flags has @flag as a word of its own. */
static bool has_flag(const char *cpuinfo, const char *flag)
{
	const char *at = strstr(cpuinfo, "\nflags");
	size_t len = strlen(flag);

	if (!at)
		return false;
	for (at += strcspn(at, ":"); *at && *at != '\n';) {
		size_t word;

		at += strspn(at, ": \t");
		word = strcspn(at, " \t\n");
		if (word == len && strncmp(at, flag, len) == 0)
			return true;
		at += word;
	}
	return false;
}

/* What the control register says; UNKNOWN where it can't be read, OFF where there is none. */
static enum rapl_filtering read_control(const struct sysroot *root)
{
	_cleanup_close_ int fd = msr_open(root->dev_fd, 0);
	u64 capabilities, control;

	if (fd < 0)
		return RAPL_FILTERING_UNKNOWN;
	/* A CPU without the register of capabilities has none of them. */
	if (msr_read(fd, MSR_ARCH_CAPABILITIES, &capabilities) < 0)
		return RAPL_FILTERING_OFF;
	if (!(capabilities & HAS_PACKAGE_CTLS) || !(capabilities & HAS_FILTERING_CTL))
		return RAPL_FILTERING_OFF;
	if (msr_read(fd, MSR_MISC_PACKAGE_CTLS, &control) < 0)
		return RAPL_FILTERING_UNKNOWN;
	return control & FILTERING_ENABLE ? RAPL_FILTERING_ON : RAPL_FILTERING_OFF;
}

enum rapl_filtering rapl_filtering_read(const struct sysroot *root)
{
	char text[CPUINFO_SIZE];
	enum rapl_filtering control;
	struct cpu_id id;

	if (sysroot_read_text(root->proc_fd, "cpuinfo", text, sizeof(text)) < 0 ||
	    cpu_id_parse(text, &id) < 0)
		return RAPL_FILTERING_UNKNOWN;
	if (strcmp(id.vendor, "GenuineIntel") != 0)
		return RAPL_FILTERING_OFF;
	control = read_control(root);
	if (control == RAPL_FILTERING_ON || !has_flag(text, "sgx"))
		return control;
	/* With SGX it is on also where no register or none of its bits says so. */
	return RAPL_FILTERING_POSSIBLE;
}

void rapl_filtering_note(enum rapl_filtering filtering, struct meter_report *report)
{
	struct meter_note *note;

	if (filtering == RAPL_FILTERING_ON) {
		note = report_note(report, METER_WARNING, "filtering",
				   "the CPU adds noise to its energy counters (energy filtering is "
				   "on): the machine's energy is right over seconds, small shares "
				   "may be off by half");
		report_remedy(note, "switch off SGX and energy filtering in the firmware's setup, "
				    "where guests and enclaves are trusted; it takes a reset");
	} else if (filtering == RAPL_FILTERING_POSSIBLE) {
		note = report_note(report, METER_INFO, "filtering",
				   "the CPU has SGX: where the firmware enabled it, the energy "
				   "counters hold added noise and small shares may be off by half");
		report_remedy(note, "to know, modprobe msr and start with CAP_SYS_RAWIO; to be rid "
				    "of it, switch off SGX in the firmware's setup");
	}
}
