// SPDX-License-Identifier: Apache-2.0
/*
 * Intel QuickAssist (4xxx and later), by two drivers.
 *
 * Interface: the kernel's own (since 6.8) <sys>/kernel/debug/qat_TYPE_ADDRESS/telemetry/, the one
 * that Intel ships apart <sys>/bus/pci/devices/ADDRESS/telemetry/, which is the same as
 * <sys>/devices/pciDOMAIN:BUS/ADDRESS/telemetry/. Both have control and device_data.
 * Units: utilization in percent, latency in ns, bandwidth in Mbit/s, counts in the last second.
 * Update: once a second by the device; the driver looks every half second.
 * control: 0 is off; 1 to 4 is on with a history of so many seconds. With 1 there is one number per
 * line, which is all that is wanted. While it is off, device_data can't be read.
 * Permission: root reads and writes; debugfs must be mounted, and under kernel lockdown it can't
 * be written.
 * Known lies: lat_acc_avg of the older driver is what the kernel's calls gp_lat_acc_avg: the time
 * from taking a request to putting the answer. Virtual functions tell nothing.
 */
#include "meter/qat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* More than any device tells, and more entries than any bus has. */
#define TEXT_MAX 8192
#define LIST_MAX 4096

struct qat_device {
	char address[24];
	char dir[160];  /* of the telemetry, below sys */
	int data_fd;    /* device_data */
	int control_fd; /* to switch it off again, or -1: it was on before */
	u32 before;     /* what control said */
};

struct qat {
	int sys_fd;
	u32 count;
	struct qat_device device[QAT_DEVICES_MAX];
};

struct qat_name {
	const char *field;
	const char *type;
};

/* The one type that classic Kepler had, and the fields that are it. */
static const struct qat_name names[] = {
	{ "lat_acc_avg", "latency" },
	{ "gp_lat_acc_avg", "latency" },
};

static const char *type_of(const char *field)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i].field, field) == 0)
			return names[i].type;
	}
	return field;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* "name number" at the beginning of @line; what follows the number does not matter. */
static bool parse_line(const char *line, struct qat_value *value)
{
	char field[sizeof(value->type)];
	size_t len = 0;
	u64 number = 0;

	while (is_name_char(line[len]))
		len++;
	if (len == 0 || len >= sizeof(field) || (line[len] != ' ' && line[len] != '\t'))
		return false;
	memcpy(field, line, len);
	field[len] = '\0';
	line += len + strspn(line + len, " \t");
	for (len = 0; line[len] >= '0' && line[len] <= '9'; len++) {
		if (number > UINT64_MAX / 10 - 1)
			return false;
		number = number * 10 + (u64)(line[len] - '0');
	}
	if (len == 0 || !strchr(" \t\n", line[len])) /* its end too */
		return false;
	snprintf(value->type, sizeof(value->type), "%s", type_of(field));
	value->value = (double)number;
	return true;
}

u32 qat_parse(const char *text, struct qat_value *values, u32 max)
{
	u32 count = 0;

	while (*text && count < max) {
		const char *end = strchrnul(text, '\n');

		count += parse_line(text, &values[count]);
		text = *end ? end + 1 : end;
	}
	return count;
}

static bool is_known(const struct qat *qat, const char *address)
{
	for (u32 i = 0; i < qat->count; i++) {
		if (strcmp(qat->device[i].address, address) == 0)
			return true;
	}
	return false;
}

static void add_device(struct qat *qat, const char *address, const char *dir)
{
	struct qat_device *d = &qat->device[qat->count];
	char path[192];

	if (qat->count == QAT_DEVICES_MAX || is_known(qat, address))
		return;
	if ((size_t)snprintf(d->address, sizeof(d->address), "%s", address) >= sizeof(d->address) ||
	    (size_t)snprintf(d->dir, sizeof(d->dir), "%s/telemetry", dir) >= sizeof(d->dir))
		return;
	snprintf(path, sizeof(path), "%s/control", d->dir);
	if (faccessat(qat->sys_fd, path, F_OK, 0) < 0)
		return;
	d->control_fd = -1;
	snprintf(path, sizeof(path), "%s/device_data", d->dir);
	d->data_fd = openat(qat->sys_fd, path, O_RDONLY | O_CLOEXEC);
	qat->count++;
}

/* Which directories below @parent are devices: all, or those with this prefix. */
struct qat_place {
	const char *parent;
	const char *prefix;
};

/* The PCI address in the name of a directory: behind the last '_', "qat_4xxx_0000:6b:00.0". */
static const char *address_in(const char *name)
{
	const char *tail = strrchr(name, '_');

	return tail ? tail + 1 : name;
}

static bool is_address(const char *name)
{
	unsigned int domain, bus, device, function;
	int end = 0;

	return sscanf(name, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) == 4 &&
	       name[end] == '\0' && end <= 12;
}

static void look_in(struct qat *qat, const struct qat_place *place)
{
	_cleanup_closedir_ DIR *dir = sysroot_opendir(qat->sys_fd, place->parent);
	const struct dirent *entry;
	char path[128];

	for (u32 i = 0; dir && i < LIST_MAX && (entry = readdir(dir)); i++) {
		const char *address = address_in(entry->d_name);

		if (strncmp(entry->d_name, place->prefix, strlen(place->prefix)) != 0 ||
		    !is_address(address))
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", place->parent, entry->d_name) <
		    sizeof(path))
			add_device(qat, address, path);
	}
}

/* Without the links of bus/pci, as in a captured tree: the endpoints hang on their root bus. */
static void look_in_devices(struct qat *qat)
{
	_cleanup_closedir_ DIR *dir = sysroot_opendir(qat->sys_fd, "devices");
	const struct dirent *entry;
	char path[64];

	for (u32 i = 0; dir && i < LIST_MAX && (entry = readdir(dir)); i++) {
		const struct qat_place place = { path, "" };

		if (strncmp(entry->d_name, "pci", 3) == 0 &&
		    (size_t)snprintf(path, sizeof(path), "devices/%s", entry->d_name) <
			    sizeof(path))
			look_in(qat, &place);
	}
}

int qat_open(const struct sysroot *root, struct qat **out)
{
	static const struct qat_place places[] = {
		{ "kernel/debug", "qat_" },
		{ "bus/pci/devices", "" },
	};
	struct qat *qat = calloc(1, sizeof(*qat));

	if (!qat)
		return -ENOMEM;
	qat->sys_fd = fcntl(root->sys_fd, F_DUPFD_CLOEXEC, 0);
	if (qat->sys_fd >= 0) {
		for (size_t i = 0; i < ARRAY_SIZE(places); i++)
			look_in(qat, &places[i]);
		look_in_devices(qat);
	}
	*out = qat->count ? qat : qat_close(qat);
	return 0;
}

static int write_control(int fd, u32 value)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u\n", value);

	return pwrite(fd, text, (size_t)len, 0) < 0 ? -errno : 0;
}

/* Returns 0 when the device tells, or a negative errno. */
static int enable(struct qat *qat, struct qat_device *d)
{
	_cleanup_close_ int fd = -1;
	char path[192], text[32];
	ssize_t len;
	u64 now;
	int r;

	snprintf(path, sizeof(path), "%s/control", d->dir);
	len = sysroot_read_text(qat->sys_fd, path, text, sizeof(text));
	if (len < 0)
		return (int)len;
	r = sysroot_parse_u64(text, &now);
	if (r < 0 || now > 0)
		return r;
	fd = openat(qat->sys_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_control(fd, 1);
	if (r < 0)
		return r;
	d->before = (u32)now;
	d->control_fd = TAKE_FD(fd);
	return 0;
}

int qat_enable(struct qat *qat)
{
	int telling = 0, error = 0;

	for (u32 i = 0; i < qat_devices(qat); i++) {
		int r = qat->device[i].control_fd < 0 ? enable(qat, &qat->device[i]) : 0;

		if (r < 0)
			error = r;
		else
			telling++;
	}
	return telling ? telling : error;
}

u32 qat_read(struct qat *qat, struct qat_value *values, u32 max)
{
	char text[TEXT_MAX];
	u32 count = 0;

	for (u32 i = 0; i < qat_devices(qat); i++) {
		struct qat_device *d = &qat->device[i];
		u32 room = (u32)u64_min(max - count, QAT_DEVICE_VALUES_MAX);
		u32 added = 0;

		if (d->data_fd >= 0 && sysroot_pread_text(d->data_fd, text, sizeof(text)) > 0)
			added = qat_parse(text, &values[count], room);
		for (u32 v = count; v < count + added; v++)
			memcpy(values[v].device, d->address, sizeof(d->address));
		count += added;
	}
	return count;
}

u32 qat_devices(const struct qat *qat)
{
	return qat ? qat->count : 0;
}

struct qat *qat_close(struct qat *qat)
{
	for (u32 i = 0; i < qat_devices(qat); i++) {
		struct qat_device *d = &qat->device[i];

		if (d->control_fd >= 0) {
			write_control(d->control_fd, d->before);
			close(d->control_fd);
		}
		if (d->data_fd >= 0)
			close(d->data_fd);
	}
	if (qat && qat->sys_fd >= 0)
		close(qat->sys_fd);
	free(qat);
	return NULL;
}
