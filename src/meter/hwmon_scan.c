// SPDX-License-Identifier: Apache-2.0
/*
 * Attributes are in hwmonN, or, of older drivers, in the device it belongs to (hwmonN/device); of
 * acpi_power_meter even the name is only there.
 */
#include "meter/hwmon_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sysroot.h"
#include "meter/sysfs_list.h"

#define CLASS_DIR "class/hwmon"

struct listing {
	int sys_fd;
	struct hwmon_chips *chips;
};

/* Which attributes a directory has: bits HWMON_HAS_... */
struct attrs {
	u8 has[HWMON_KINDS][HWMON_INDEX_MAX + 1];
};

struct chip_scan {
	int dir_fd;
	struct attrs attrs;
	struct hwmon_channels *out;
};

/*
 * Voltage and current of chips whose numbers do not agree; the others pair equal numbers.
 * From drivers/hwmon/k10temp.c of Linux 5.6 and 5.7 (Vcore, Icore; Vsoc, Isoc), asus_ec_sensors.rst
 * (CPU core voltage and current) and ltc4151.rst, ltc4260.rst (in2 is a spare input).
 */
static const struct {
	const char *chip;
	u32 in, curr;
} pairs[] = {
	{ "k10temp", 0, 1 }, { "k10temp", 1, 2 }, { "asusec", 0, 1 },
	{ "ltc4151", 1, 1 }, { "ltc4260", 1, 1 },
};

static const char *const kind_names[HWMON_KINDS] = { "energy", "power", "in", "curr" };

int hwmon_attr_parse(const char *name, struct hwmon_attr *attr)
{
	static const struct {
		const char *name;
		u8 has;
	} items[] = {
		{ "_input", HWMON_HAS_INPUT },  { "_average", HWMON_HAS_AVERAGE },
		{ "_label", HWMON_HAS_LABEL },  { "_enable", HWMON_HAS_ENABLE },
		{ "_oem_info", HWMON_HAS_OEM },
	};
	struct hwmon_attr parsed = { .kind = HWMON_KINDS };
	const char *digits;

	for (u32 i = 0; i < HWMON_KINDS; i++) {
		if (strncmp(name, kind_names[i], strlen(kind_names[i])) == 0)
			parsed.kind = (enum hwmon_kind)i;
	}
	if (parsed.kind == HWMON_KINDS)
		return -EINVAL;
	name += strlen(kind_names[parsed.kind]);
	for (digits = name; *name >= '0' && *name <= '9' && parsed.index <= HWMON_INDEX_MAX; name++)
		parsed.index = parsed.index * 10 + (u32)(*name - '0');
	if (name == digits || parsed.index > HWMON_INDEX_MAX)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		if (strcmp(name, items[i].name) == 0)
			parsed.has = items[i].has;
	}
	if (!parsed.has)
		return -EINVAL;
	*attr = parsed;
	return 0;
}

static int compare(const struct hwmon_chip *a, const struct hwmon_chip *b)
{
	int by_name = strcmp(a->name, b->name);
	int by_device = strcmp(a->device, b->device);

	if (by_name || by_device)
		return by_name ? by_name : by_device;
	return a->number < b->number ? -1 : 1;
}

static void insert(struct hwmon_chips *chips, const struct hwmon_chip *chip)
{
	u32 at = chips->count;

	if (at == HWMON_CHIPS_MAX) {
		chips->no_room++;
		return;
	}
	for (; at > 0 && compare(&chips->chip[at - 1], chip) > 0; at--)
		chips->chip[at] = chips->chip[at - 1];
	chips->chip[at] = *chip;
	chips->count++;
}

/* A device of power_supply has a type. */
static bool is_supply(int dir_fd)
{
	char type[16];

	return sysfs_read_name(dir_fd, "device/type", type, sizeof(type)) > 0 &&
	       (strcmp(type, "Battery") == 0 || strcmp(type, "Mains") == 0 ||
		strcmp(type, "UPS") == 0 || strcmp(type, "Wireless") == 0 ||
		strncmp(type, "USB", 3) == 0);
}

static int add_chip(void *arg, const char *name)
{
	const struct listing *listing = arg;
	struct hwmon_chip chip = { 0 };
	_cleanup_close_ int dir_fd = -1;
	char path[64], rest;

	if (sscanf(name, "hwmon%9u%c", &chip.number, &rest) != 1)
		return 0;
	snprintf(path, sizeof(path), CLASS_DIR "/hwmon%u", chip.number);
	dir_fd = openat(listing->sys_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return 0;
	if (sysfs_read_name(dir_fd, "name", chip.name, sizeof(chip.name)) <= 0 &&
	    sysfs_read_name(dir_fd, "device/name", chip.name, sizeof(chip.name)) <= 0)
		listing->chips->nameless++;
	sysfs_link_name(dir_fd, "device/driver", chip.driver, sizeof(chip.driver));
	if (sysfs_link_name(dir_fd, "device", chip.device, sizeof(chip.device)) < 0)
		snprintf(chip.device, sizeof(chip.device), "hwmon%u", chip.number);
	chip.supply = is_supply(dir_fd);
	insert(listing->chips, &chip);
	return 0;
}

int hwmon_list(int sys_fd, struct hwmon_chips *chips)
{
	struct listing listing = { .sys_fd = sys_fd, .chips = chips };

	chips->count = 0;
	chips->nameless = 0;
	chips->no_room = 0;
	return sysfs_list(sys_fd, CLASS_DIR, add_chip, &listing);
}

static int add_attr(void *arg, const char *name)
{
	struct attrs *attrs = arg;
	struct hwmon_attr attr;

	if (hwmon_attr_parse(name, &attr) == 0)
		attrs->has[attr.kind][attr.index] |= attr.has;
	return 0;
}

static bool is_on(const struct chip_scan *scan, enum hwmon_kind kind, u32 index)
{
	char path[48], text[16];

	if (!(scan->attrs.has[kind][index] & (HWMON_HAS_INPUT | HWMON_HAS_AVERAGE)))
		return false;
	if (!(scan->attrs.has[kind][index] & HWMON_HAS_ENABLE))
		return true;
	snprintf(path, sizeof(path), "%s%u_enable", kind_names[kind], index);
	return sysfs_read_name(scan->dir_fd, path, text, sizeof(text)) < 0 ||
	       strcmp(text, "0") != 0;
}

static void read_label(const struct chip_scan *scan, enum hwmon_kind kind, u32 index,
		       struct hwmon_channel *channel)
{
	u8 has = scan->attrs.has[kind][index];
	char path[48];

	if (!(has & (HWMON_HAS_LABEL | HWMON_HAS_OEM)))
		return;
	snprintf(path, sizeof(path), "%s%u_%s", kind_names[kind], index,
		 has & HWMON_HAS_LABEL ? "label" : "oem_info");
	sysfs_read_name(scan->dir_fd, path, channel->label, sizeof(channel->label));
}

/* Whether an energy counter tells the same: of one label, or without labels of one number. */
static bool is_counted(const struct chip_scan *scan, const struct hwmon_channel *power)
{
	for (u32 i = 0; i < scan->out->count; i++) {
		const struct hwmon_channel *c = &scan->out->channel[i];

		if (c->tier != HWMON_ENERGY)
			continue;
		if (c->label[0] && power->label[0] ? strcmp(c->label, power->label) == 0
						   : c->index == power->index)
			return true;
	}
	return false;
}

static void add_channel(struct chip_scan *scan, const struct hwmon_channel *channel)
{
	if (scan->out->count == HWMON_CHANNELS_MAX)
		scan->out->no_room++;
	else
		scan->out->channel[scan->out->count++] = *channel;
}

static void add_energy(struct chip_scan *scan, u32 index)
{
	struct hwmon_channel channel = { .tier = HWMON_ENERGY, .index = index };

	if (!(scan->attrs.has[HWMON_KIND_ENERGY][index] & HWMON_HAS_INPUT) ||
	    !is_on(scan, HWMON_KIND_ENERGY, index))
		return;
	snprintf(channel.sensor, sizeof(channel.sensor), "energy%u", index);
	read_label(scan, HWMON_KIND_ENERGY, index, &channel);
	add_channel(scan, &channel);
}

static void add_power(struct chip_scan *scan, u32 index)
{
	u8 has = scan->attrs.has[HWMON_KIND_POWER][index];
	struct hwmon_channel channel = { .tier = HWMON_INPUT, .index = index };

	if (!is_on(scan, HWMON_KIND_POWER, index))
		return;
	channel.has_input = has & HWMON_HAS_INPUT;
	if (has & HWMON_HAS_AVERAGE)
		channel.tier = HWMON_AVERAGE;
	snprintf(channel.sensor, sizeof(channel.sensor), "power%u", index);
	read_label(scan, HWMON_KIND_POWER, index, &channel);
	if (!is_counted(scan, &channel))
		add_channel(scan, &channel);
}

/* PMBus names both sides of an output: vout1 and iout1. */
static bool same_label(const char *in, const char *curr)
{
	return strcmp(in, curr) == 0 ||
	       (in[0] == 'v' && curr[0] == 'i' && strcmp(in + 1, curr + 1) == 0);
}

/* The voltage that goes with a current, or HWMON_INDEX_MAX + 1. */
static u32 find_voltage(const struct chip_scan *scan, const struct hwmon_chip *chip, u32 current,
			const char *label)
{
	bool listed = false;

	for (u32 i = 0; i <= HWMON_INDEX_MAX && label[0]; i++) {
		struct hwmon_channel in = { 0 };

		read_label(scan, HWMON_KIND_IN, i, &in);
		if (in.label[0] && same_label(in.label, label) && is_on(scan, HWMON_KIND_IN, i))
			return i;
	}
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (strcmp(pairs[i].chip, chip->name) != 0)
			continue;
		listed = true;
		if (pairs[i].curr == current && is_on(scan, HWMON_KIND_IN, pairs[i].in))
			return pairs[i].in;
	}
	return !listed && is_on(scan, HWMON_KIND_IN, current) ? current : HWMON_INDEX_MAX + 1;
}

static void add_pair(struct chip_scan *scan, const struct hwmon_chip *chip, u32 current)
{
	struct hwmon_channel channel = { .tier = HWMON_PAIR, .current = current };

	if (!(scan->attrs.has[HWMON_KIND_CURR][current] & HWMON_HAS_INPUT) ||
	    !is_on(scan, HWMON_KIND_CURR, current))
		return;
	read_label(scan, HWMON_KIND_CURR, current, &channel);
	channel.index = find_voltage(scan, chip, current, channel.label);
	if (channel.index > HWMON_INDEX_MAX ||
	    !(scan->attrs.has[HWMON_KIND_IN][channel.index] & HWMON_HAS_INPUT))
		return;
	if (!channel.label[0])
		read_label(scan, HWMON_KIND_IN, channel.index, &channel);
	snprintf(channel.sensor, sizeof(channel.sensor), "in%u*curr%u", channel.index, current);
	add_channel(scan, &channel);
}

static bool has_power(const struct attrs *attrs)
{
	for (u32 i = 0; i <= HWMON_INDEX_MAX; i++) {
		if ((attrs->has[HWMON_KIND_ENERGY][i] | attrs->has[HWMON_KIND_POWER][i] |
		     attrs->has[HWMON_KIND_CURR][i]) &
		    (HWMON_HAS_INPUT | HWMON_HAS_AVERAGE))
			return true;
	}
	return false;
}

int hwmon_list_channels(int sys_fd, const struct hwmon_chip *chip, struct hwmon_channels *channels)
{
	static const char *const dirs[] = { "", "/device" };
	struct chip_scan scan = { .dir_fd = -1, .out = channels };
	_cleanup_close_ int dir_fd = -1;
	bool tells_power;
	int r = -ENOENT;

	channels->count = 0;
	channels->no_room = 0;
	for (size_t i = 0; i < ARRAY_SIZE(dirs) && !has_power(&scan.attrs); i++) {
		memset(&scan.attrs, 0, sizeof(scan.attrs));
		snprintf(channels->dir, sizeof(channels->dir), CLASS_DIR "/hwmon%u%s", chip->number,
			 dirs[i]);
		r = sysfs_list(sys_fd, channels->dir, add_attr, &scan.attrs);
	}
	if (!has_power(&scan.attrs))
		return r < 0 ? r : -ENOENT;
	dir_fd = openat(sys_fd, channels->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	scan.dir_fd = dir_fd;
	for (u32 i = 0; i <= HWMON_INDEX_MAX; i++)
		add_energy(&scan, i);
	for (u32 i = 0; i <= HWMON_INDEX_MAX; i++)
		add_power(&scan, i);
	tells_power = channels->count > 0;
	/* A chip that tells power multiplies better than we do: at one instant, and all of it. */
	for (u32 i = 0; i <= HWMON_INDEX_MAX && !tells_power; i++)
		add_pair(&scan, chip, i);
	return channels->count ? 0 : -ENOENT;
}
