// SPDX-License-Identifier: Apache-2.0
/*
 * kepler doctor: what can be measured on this machine, how well, and for each thing that can't be:
 * why, and what would change it.
 */
#include "cli/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activity/activity.h"
#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "meter/cpu_model.h"

enum {
	DOCTOR_MEASURED = 0,
	DOCTOR_ESTIMATED = 1, /* nothing is measured, or it could not be told */
	DOCTOR_MISUSED = 2,
};

/* What hypervisors call the machines that they make; a cloud's bare metal has the cloud's name too.
 */
static bool is_guest(const char *vendor, const char *product)
{
	if (strcmp(vendor, "Amazon EC2") == 0)
		return !strstr(product, ".metal");
	return strcmp(vendor, "QEMU") == 0 || strncmp(vendor, "VMware", strlen("VMware")) == 0 ||
	       strcmp(product, "Google Compute Engine") == 0 ||
	       strstr(product, "Virtual Machine") || strstr(product, "Virtualization");
}

/* Hypervisors tell x86 guests by a CPU flag, Xen by a directory, others by the names they give. */
static bool is_virtual(const struct sysroot *root)
{
	char text[8192], product[128];

	if (sysroot_read_text(root->proc_fd, "cpuinfo", text, sizeof(text)) > 0 &&
	    strstr(text, " hypervisor"))
		return true;
	if (sysroot_read_text(root->sys_fd, "hypervisor/type", text, sizeof(text)) > 0)
		return true;
	if (sysroot_read_text(root->sys_fd, "class/dmi/id/sys_vendor", text, sizeof(text)) < 0)
		return false;
	if (sysroot_read_text(root->sys_fd, "class/dmi/id/product_name", product, sizeof(product)) <
	    0)
		product[0] = '\0';
	return is_guest(text, product);
}

static void look_at_activity(struct doctor_activity *found, const struct sysroot *root,
			     const struct config *config)
{
	const struct activity_options options = { .bpf = config->activity_bpf,
						  .irq_counters = config->exporter_irq_counters };
	struct activity_table table = { 0 };
	struct activity *activity;

	found->error = activity_new(root, &options, &activity);
	if (found->error)
		return;
	found->error = activity_baseline(activity, &table);
	snprintf(found->source, sizeof(found->source), "%s", activity_source(activity));
	snprintf(found->detail, sizeof(found->detail), "%s", activity_detail(activity));
	found->threads = table.count;
	found->cgroups = table.event_count;
	found->cgroup_v1 = activity_v1_hierarchy(activity) != 0;
	activity_table_deinit(&table);
	activity_free(activity);
}

/* Takes --json out of the arguments, the rest of which are settings. */
static bool take_json_flag(int *argc, char **argv)
{
	bool json = false;
	int kept = 0;

	for (int i = 0; i < *argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	return json;
}

static int examine(struct doctor *doctor, const struct sysroot *root, const struct config *config)
{
	struct meter_options options;
	int r;

	options_meter(config, &options);
	doctor->cpu = cpu_model_read(root)->name;
	doctor->cpus = (u32)sysconf(_SC_NPROCESSORS_ONLN);
	doctor->virtual_machine = is_virtual(root);
	r = doctor_look(doctor, root, &options, isatty(STDERR_FILENO) ? stderr : NULL);
	if (r < 0)
		return r;
	look_at_activity(&doctor->activity, root, config);
	doctor_judge(doctor);
	return 0;
}

static int report(const struct sysroot *root, const struct config *config, bool json)
{
	_cleanup_free_ struct doctor *doctor = calloc(1, sizeof(*doctor));
	bool measured;
	int r;

	r = doctor ? examine(doctor, root, config) : -1;
	if (r == 0 && json)
		r = doctor_print_json(stdout, doctor);
	else if (r == 0)
		doctor_print_text(stdout, doctor);
	if (r < 0)
		fprintf(stderr, "kepler: doctor ran out of memory\n");
	measured = r == 0 && doctor->verdict.measured;
	if (doctor)
		meter_set_free(doctor->set);
	return measured ? DOCTOR_MEASURED : DOCTOR_ESTIMATED;
}

int command_doctor(int argc, char **argv)
{
	bool json = take_json_flag(&argc, argv);
	struct config config;
	struct config_error error;
	struct sysroot root;
	const char *which;
	int r;

	if (config_load(&config, argc, argv, environ, &error) < 0) {
		fprintf(stderr, "kepler: %s\n", error.text);
		return DOCTOR_MISUSED;
	}
	for (u32 i = 0; i < config.warning_count && i < CONFIG_WARNINGS_MAX; i++)
		fprintf(stderr, "kepler: %s\n", config.warnings[i]);
	r = options_root(&config, &root, &which);
	if (r < 0) {
		fprintf(stderr, "kepler: can't open %s: %s; set host.procfs and host.sysfs\n",
			which, strerror(-r));
		return DOCTOR_ESTIMATED;
	}
	r = report(&root, &config, json);
	sysroot_deinit(&root);
	return r;
}
