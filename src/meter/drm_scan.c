// SPDX-License-Identifier: Apache-2.0
/*
 * class/drm/cardN/device is the PCI device; its uevent has driver, address and ids in one text, and
 * hwmon/hwmonM below it the sensors.
 */
#include "meter/drm_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sysroot.h"

#define CLASS_DIR "class/drm"
#define ENTRIES_MAX 1024 /* of a directory */

#define VENDOR_AMD 0x1002
#define VENDOR_INTEL 0x8086
#define VENDOR_NVIDIA 0x10de

/* AMD Instinct MI300A, the one server part that is an APU. */
#define DEVICE_MI300A 0x74a0

static const char *const drivers[] = { "amdgpu", "i915", "xe", "nouveau" };

/* The number that follows @prefix and ends @name: 0, or -EINVAL. */
static int parse_numbered(const char *name, const char *prefix, u32 *number)
{
	size_t len = strlen(prefix);
	u64 parsed;

	if (strncmp(name, prefix, len) != 0 || strlen(name + len) > 6 || name[len] < '0' ||
	    name[len] > '9' || sysroot_parse_u64(name + len, &parsed) < 0)
		return -EINVAL;
	*number = (u32)parsed;
	return 0;
}

/* Puts @number into its place among @count; keeps the smallest when there are too many. */
static int insert(u32 *numbers, int count, int max, u32 number)
{
	int at = count;

	while (at > 0 && numbers[at - 1] > number)
		at--;
	if (at == max)
		return count;
	if (count == max)
		count--;
	memmove(&numbers[at + 1], &numbers[at], (size_t)(count - at) * sizeof(*numbers));
	numbers[at] = number;
	return count + 1;
}

int drm_list(int sys_fd, u32 cards[DRM_CARDS_MAX])
{
	_cleanup_closedir_ DIR *dir = sysroot_opendir(sys_fd, CLASS_DIR);
	const struct dirent *entry;
	int count = 0;
	u32 card;

	if (!dir)
		return -errno;
	for (u32 i = 0; i < ENTRIES_MAX && (entry = readdir(dir)); i++) {
		/* Connectors are here too: card0-DP-1. */
		if (parse_numbered(entry->d_name, "card", &card) == 0)
			count = insert(cards, count, DRM_CARDS_MAX, card);
	}
	return count;
}

int drm_open_device(int sys_fd, u32 card)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), CLASS_DIR "/card%u/device", card);
	fd = openat(sys_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The value of @key ("DRIVER=") in the text of a uevent file; false without, or too long. */
static bool find_value(const char *text, const char *key, char *out, size_t size)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		size_t value_len;

		line += *line == '\n';
		if (strncmp(line, key, len) != 0)
			continue;
		value_len = strcspn(line + len, "\n");
		if (value_len == 0 || value_len >= size)
			return false;
		memcpy(out, line + len, value_len);
		out[value_len] = '\0';
		return true;
	}
	return false;
}

static bool is_driver(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (strcmp(name, drivers[i]) == 0)
			return true;
	}
	return false;
}

static int read_uevent(int device_fd, struct drm_found *found)
{
	char text[1024], ids[16];

	if (sysroot_read_text(device_fd, "uevent", text, sizeof(text)) < 0 ||
	    !find_value(text, "DRIVER=", found->driver, sizeof(found->driver)) ||
	    !is_driver(found->driver) ||
	    !find_value(text, "PCI_SLOT_NAME=", found->address, sizeof(found->address)))
		return -ENODEV;
	if (find_value(text, "PCI_ID=", ids, sizeof(ids)) &&
	    sscanf(ids, "%x:%x", &found->vendor, &found->device) != 2)
		found->vendor = found->device = 0;
	return 0;
}

bool drm_is_gpu(int sys_fd, u32 card)
{
	_cleanup_close_ int device_fd = drm_open_device(sys_fd, card);
	struct drm_found found = { 0 };

	return device_fd >= 0 && read_uevent(device_fd, &found) == 0;
}

/* Printable ASCII only: what a board's EEPROM says goes into a label. */
static bool is_plain(const char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

static void name_card(int device_fd, struct drm_found *found)
{
	const char *maker = found->vendor == VENDOR_AMD      ? "AMD"
			    : found->vendor == VENDOR_INTEL  ? "Intel"
			    : found->vendor == VENDOR_NVIDIA ? "NVIDIA"
							     : found->driver;
	char text[sizeof(found->name)];
	ssize_t len = sysroot_read_text(device_fd, "product_name", text, sizeof(text));

	if (len > 0 && text[strspn(text, " ")] && is_plain(text))
		snprintf(found->name, sizeof(found->name), "%s", text);
	else
		snprintf(found->name, sizeof(found->name), "%s GPU 0x%04x", maker, found->device);
}

static void find_render(int device_fd, struct drm_found *found)
{
	_cleanup_closedir_ DIR *dir = sysroot_opendir(device_fd, "drm");
	const struct dirent *entry;

	found->render = DRM_NO_RENDER;
	for (u32 i = 0; dir && i < ENTRIES_MAX && (entry = readdir(dir)); i++) {
		if (parse_numbered(entry->d_name, "renderD", &found->render) == 0)
			return;
	}
}

static bool exists(int device_fd, const char *hwmon, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", hwmon, file);
	return faccessat(device_fd, path, F_OK, 0) == 0;
}

/* Takes @file of the directory @hwmon as a sensor, if it is there. */
static bool take_input(int device_fd, struct drm_found *found, const char *hwmon, const char *file)
{
	if (found->inputs == DRM_INPUTS_MAX || !exists(device_fd, hwmon, file))
		return false;
	snprintf(found->input[found->inputs++], sizeof(found->input[0]), "%s/%s", hwmon, file);
	snprintf(found->hwmon, sizeof(found->hwmon), "%s", hwmon);
	return true;
}

/* The channel of the counter with this label; 0 without. */
static u32 find_label(int device_fd, const char *hwmon, const char *label)
{
	char path[80], text[16];

	for (u32 channel = 1; channel <= 2; channel++) {
		snprintf(path, sizeof(path), "%s/energy%u_label", hwmon, channel);
		if (sysroot_read_text(device_fd, path, text, sizeof(text)) > 0 &&
		    strcmp(text, label) == 0)
			return channel;
	}
	return 0;
}

/*
 * xe: the board ("card") contains the chip ("pkg"), so one of them counts. Older kernels have the
 * board's counter stand at 0 on some generations; the chip's is taken then.
 */
static u32 choose_channel(int device_fd, const char *hwmon)
{
	u32 card = find_label(device_fd, hwmon, "card"), chip = find_label(device_fd, hwmon, "pkg");
	struct drm_sleep sleep;
	char path[80];
	u64 uj;

	if (!card || !chip)
		return card ? card : chip ? chip : 1;
	drm_sleep_read(device_fd, &sleep);
	snprintf(path, sizeof(path), "%s/energy%u_input", hwmon, card);
	if (!sleep.asleep && sysroot_read_u64(device_fd, path, &uj) == 0 && uj == 0)
		return chip;
	return card;
}

static void find_energy(int device_fd, struct drm_found *found, const char *hwmon)
{
	char file[32];

	found->channel = choose_channel(device_fd, hwmon);
	snprintf(file, sizeof(file), "energy%u_input", found->channel);
	if (take_input(device_fd, found, hwmon, file))
		found->sensor = DRM_ENERGY;
}

static void find_power(int device_fd, struct drm_found *found, const char *hwmon)
{
	if (found->sensor != DRM_NOTHING)
		return;
	found->channel = 1;
	if (take_input(device_fd, found, hwmon, "power1_average"))
		found->sensor = DRM_POWER_AVERAGE;
	else if (take_input(device_fd, found, hwmon, "power1_input"))
		found->sensor = DRM_POWER_INSTANT;
}

/* i915 has one hwmon for the card, and on some cards one for each tile: "i915_gt0". */
static bool is_of_tile(int device_fd, const char *hwmon)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "%s/name", hwmon);
	return sysroot_read_text(device_fd, path, text, sizeof(text)) > 0 && strstr(text, "_gt");
}

/* Looks into each hwmon directory: those of the card, or those of its tiles. */
static void look_for_sensors(int device_fd, struct drm_found *found, bool tiles)
{
	_cleanup_closedir_ DIR *dir = sysroot_opendir(device_fd, "hwmon");
	const struct dirent *entry;

	for (u32 i = 0; dir && i < ENTRIES_MAX && (entry = readdir(dir)); i++) {
		char hwmon[sizeof(found->hwmon)];
		u32 number;

		if (parse_numbered(entry->d_name, "hwmon", &number) < 0)
			continue;
		snprintf(hwmon, sizeof(hwmon), "hwmon/hwmon%u", number);
		if (is_of_tile(device_fd, hwmon) != tiles)
			continue;
		if (found->inputs == 0 || tiles)
			find_energy(device_fd, found, hwmon);
		if (!tiles)
			find_power(device_fd, found, hwmon);
	}
}

int drm_identify(int sys_fd, u32 card, struct drm_found *found)
{
	_cleanup_close_ int device_fd = drm_open_device(sys_fd, card);

	*found = (struct drm_found){ .card = card };
	if (device_fd < 0 || read_uevent(device_fd, found) < 0)
		return -ENODEV;
	name_card(device_fd, found);
	find_render(device_fd, found);
	look_for_sensors(device_fd, found, false);
	if (found->sensor == DRM_NOTHING)
		look_for_sensors(device_fd, found, true);
	return 0;
}

/* The first PCI region of a GPU is its memory; an APU whose memory is the machine's has none. */
static bool has_own_memory(int device_fd)
{
	char text[2048];
	unsigned long long start, end;

	if (sysroot_read_text(device_fd, "resource", text, sizeof(text)) < 0)
		return true;
	return sscanf(text, "%llx %llx", &start, &end) != 2 || end > start;
}

/*
 * The format of the metrics: 1 is that of cards, 2 and 3 are those of APUs. Older kernels have no
 * metrics; there a card is told by what the driver shows of cards only (a cap, the clock of own
 * memory) and of APUs only (the voltage of the north bridge).
 */
bool drm_is_apu(int device_fd, const struct drm_found *found)
{
	_cleanup_close_ int fd = openat(device_fd, "gpu_metrics", O_RDONLY | O_CLOEXEC);
	u8 header[4]; /* size (two bytes), format, content */

	if (found->device == DEVICE_MI300A)
		return true;
	if (fd >= 0 && read(fd, header, sizeof(header)) == (ssize_t)sizeof(header) &&
	    header[2] >= 1 && header[2] <= 3)
		return header[2] != 1 || !has_own_memory(device_fd);
	if (exists(device_fd, found->hwmon, "in1_label"))
		return true;
	return !exists(device_fd, found->hwmon, "power1_cap") &&
	       !exists(device_fd, found->hwmon, "freq2_input");
}

u64 drm_limit_uw(int device_fd, const struct drm_found *found)
{
	static const char *const files[] = { "cap_max", "rated_max", "max" };
	char path[80];
	u64 uw;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/power%u_%s", found->hwmon, found->channel,
			 files[i]);
		if (sysroot_read_u64(device_fd, path, &uw) == 0 && uw > 0)
			return uw;
	}
	return 0;
}

static u64 read_ms(int device_fd, const char *path)
{
	u64 ms;

	if (sysroot_read_u64(device_fd, path, &ms) < 0 || ms > UINT64_MAX / NSEC_PER_MSEC)
		return 0;
	return ms * NSEC_PER_MSEC;
}

void drm_sleep_read(int device_fd, struct drm_sleep *sleep)
{
	char text[32];

	*sleep = (struct drm_sleep){ 0 };
	if (sysroot_read_text(device_fd, "power/runtime_status", text, sizeof(text)) > 0)
		sleep->asleep = strcmp(text, "suspended") == 0 || strcmp(text, "suspending") == 0;
	if (sysroot_read_text(device_fd, "power/control", text, sizeof(text)) > 0)
		sleep->may_sleep = strcmp(text, "auto") == 0;
	sleep->delay_ns = read_ms(device_fd, "power/autosuspend_delay_ms");
	sleep->slept_ns = read_ms(device_fd, "power/runtime_suspended_time");
}
