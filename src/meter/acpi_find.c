// SPDX-License-Identifier: Apache-2.0
/*
 * A meter is found through class/hwmon where its driver shows it, through ACPI's bus, or, in a
 * captured tree without links, by walking the devices of the firmware.
 */
#include "meter/acpi_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sysroot.h"
#include "meter/hwmon_class.h"
#include "meter/hwmon_scan.h"
#include "meter/sysfs_list.h"

#define DRIVER "power_meter"
#define PREFIX "ACPI000D:"

/* Bounds of the walk: no firmware nests deeper, or has more devices that are worth a look. */
#define WALK_DEPTH 8
#define WALK_DIRS 8192

struct place {
	int sys_fd;
	struct acpi_list *list;
	char dir[192];
	u32 depth;
	u32 *left; /* directories that may still be listed */
};

static ssize_t read_text(int sys_fd, const char *dir, const char *what, char *text, size_t size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, what);
	return sysfs_read_name(sys_fd, path, text, size);
}

static bool has_file(int sys_fd, const char *dir, const char *what)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, what);
	return faccessat(sys_fd, path, F_OK, 0) == 0;
}

static int add_measured(void *arg, const char *name)
{
	struct acpi_found *found = arg;

	if (found->measured < ACPI_MEASURED_MAX)
		snprintf(found->measures[found->measured++], sizeof(found->measures[0]), "%.23s",
			 name);
	return 0;
}

/* Whether its text says that it measures something else than the machine. */
static bool is_rail(const struct acpi_found *found)
{
	struct hwmon_id id = { .name = DRIVER, .driver = "", .device = "", .sensor = "power1" };

	id.label = found->text;
	return hwmon_classify(NULL, &id).class != HWMON_METER;
}

static void insert(struct acpi_list *list, const struct acpi_found *found)
{
	u32 at = list->count;

	for (u32 i = 0; i < list->count; i++) {
		if (strcmp(list->found[i].device, found->device) == 0)
			return;
	}
	if (at == ACPI_METERS_MAX)
		return;
	for (; at > 0 && strcmp(list->found[at - 1].device, found->device) > 0; at--)
		list->found[at] = list->found[at - 1];
	list->found[at] = *found;
	list->count++;
}

/* Takes the meter whose attributes are in @dir. */
static void add(struct acpi_list *list, int sys_fd, const char *device, const char *dir)
{
	struct acpi_found found = { 0 };
	char path[256], battery[8];

	if ((size_t)snprintf(found.dir, sizeof(found.dir), "%s", dir) >= sizeof(found.dir))
		return;
	snprintf(found.device, sizeof(found.device), "%.23s", device);
	if (strncmp(device, PREFIX, strlen(PREFIX)) == 0)
		found.number = (u32)strtoul(device + strlen(PREFIX), NULL, 16) % 1000;
	found.driver = has_file(sys_fd, dir, "power1_average");
	if (read_text(sys_fd, dir, "power1_oem_info", found.text, sizeof(found.text)) <= 0)
		read_text(sys_fd, dir, "power1_model_number", found.text, sizeof(found.text));
	read_text(sys_fd, dir, "power1_is_battery", battery, sizeof(battery));
	found.battery = strcmp(battery, "1") == 0;
	snprintf(path, sizeof(path), "%s/measures", dir);
	sysfs_list(sys_fd, path, add_measured, &found);
	if (is_rail(&found))
		list->rails++;
	else
		insert(list, &found);
}

static void find_in_class(int sys_fd, struct acpi_list *list)
{
	struct hwmon_chips *chips = malloc(sizeof(*chips));

	if (!chips)
		return;
	hwmon_list(sys_fd, chips);
	for (u32 i = 0; i < chips->count; i++) {
		const struct hwmon_chip *chip = &chips->chip[i];
		char dir[64];

		if (strcmp(chip->name, DRIVER) != 0 && strcmp(chip->driver, DRIVER) != 0)
			continue;
		snprintf(dir, sizeof(dir), "class/hwmon/hwmon%u/device", chip->number);
		if (!has_file(sys_fd, dir, "power1_average"))
			snprintf(dir, sizeof(dir), "class/hwmon/hwmon%u", chip->number);
		if (has_file(sys_fd, dir, "power1_average"))
			add(list, sys_fd, chip->device, dir);
	}
	free(chips);
}

static int add_of_bus(void *arg, const char *name)
{
	const struct place *place = arg;
	char dir[256];

	snprintf(dir, sizeof(dir), "%s/%s", place->dir, name);
	if (strncmp(name, PREFIX, strlen(PREFIX)) == 0)
		add(place->list, place->sys_fd, name, dir);
	return 0;
}

static void find_on_bus(int sys_fd, struct acpi_list *list, const char *dir)
{
	struct place place = { .sys_fd = sys_fd, .list = list };

	snprintf(place.dir, sizeof(place.dir), "%s", dir);
	sysfs_list(sys_fd, place.dir, add_of_bus, &place);
}

/* Devices of the firmware have a colon in their names; nothing else is of interest. */
static int walk(void *arg, const char *name)
{
	const struct place *place = arg;
	struct place inside = *place;

	if (!strchr(name, ':') || *place->left == 0 || place->depth == WALK_DEPTH)
		return 0;
	--*place->left;
	inside.depth++;
	if ((size_t)snprintf(inside.dir, sizeof(inside.dir), "%s/%s", place->dir, name) >=
	    sizeof(inside.dir))
		return 0;
	if (strncmp(name, PREFIX, strlen(PREFIX)) == 0)
		add(place->list, place->sys_fd, name, inside.dir);
	else
		sysfs_list(place->sys_fd, inside.dir, walk, &inside);
	return 0;
}

static void find_by_walk(int sys_fd, struct acpi_list *list)
{
	u32 left = WALK_DIRS;
	struct place place = { .sys_fd = sys_fd, .list = list, .left = &left };

	snprintf(place.dir, sizeof(place.dir), "devices/LNXSYSTM:00");
	sysfs_list(sys_fd, place.dir, walk, &place);
}

void acpi_find(int sys_fd, struct acpi_list *list)
{
	list->count = 0;
	list->rails = 0;
	find_in_class(sys_fd, list);
	if (list->count + list->rails == 0)
		find_on_bus(sys_fd, list, "bus/acpi/drivers/" DRIVER);
	if (list->count + list->rails == 0)
		find_on_bus(sys_fd, list, "bus/acpi/devices");
	if (list->count + list->rails == 0)
		find_by_walk(sys_fd, list);
}

/* The root of the firmware's devices stands for the machine. */
static bool is_whole(const struct acpi_found *found)
{
	for (u32 i = 0; i < found->measured; i++) {
		if (strncmp(found->measures[i], "LNXSYBUS:", 9) == 0 ||
		    strncmp(found->measures[i], "LNXSYSTM:", 9) == 0)
			return true;
	}
	return false;
}

static bool measures(const struct acpi_found *found, const char *device)
{
	for (u32 i = 0; i < found->measured; i++) {
		if (strcmp(found->measures[i], device) == 0)
			return true;
	}
	return false;
}

bool acpi_is_part(const struct acpi_found *part, const struct acpi_found *whole)
{
	if (is_whole(whole) && is_whole(part))
		return whole < part;
	if (is_whole(whole) || is_whole(part))
		return is_whole(whole) && part->measured;
	for (u32 i = 0; i < part->measured; i++) {
		if (!measures(whole, part->measures[i]))
			return false;
	}
	return part->measured && (whole->measured > part->measured ||
				  (whole->measured == part->measured && whole < part));
}

int acpi_accuracy_parse(const char *text, double *error)
{
	unsigned int whole, thousandths;
	double percent;
	char sign, rest;

	if (sscanf(text, "%3u.%3u%c%c", &whole, &thousandths, &sign, &rest) != 3 || sign != '%')
		return -EINVAL;
	percent = whole + thousandths / 1000.0;
	if (percent > 100 || text[0] == '-' || text[0] == '+')
		return -EINVAL;
	*error = 1 - percent / 100;
	return 0;
}
