// SPDX-License-Identifier: Apache-2.0
#include "meter/redfish_credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sysroot.h"
#include "meter/redfish_yaml.h"

/* A row for each of a thousand nodes and more. */
#define FILE_MAX_BYTES (256 << 10)

#define CSV_COLUMNS 4

void redfish_credentials_wipe(struct redfish_credentials *credentials)
{
	explicit_bzero(credentials, sizeof(*credentials));
}

struct csv {
	const char *data;
	size_t len, at;
};

/*
 * Reads one field up to its comma or the end of the line into @out, the quotes of a quoted one
 * removed. Returns what ended it: ',', '\n' (the end of the file too), or 0 when it is too long.
 */
static char csv_field(struct csv *csv, char *out, size_t size)
{
	bool quoted = false, fits = true;
	size_t have = 0;
	char end = '\n';

	while (csv->at < csv->len) {
		char c = csv->data[csv->at++];

		if (c == '"' && quoted && csv->at < csv->len && csv->data[csv->at] == '"') {
			csv->at++;
		} else if (c == '"') {
			quoted = !quoted;
			continue;
		} else if (!quoted && (c == ',' || c == '\n')) {
			end = c;
			break;
		}
		fits = fits && c != '\0' && have + 1 < size;
		if (fits)
			out[have++] = c;
	}
	if (end == '\n' && have > 0 && out[have - 1] == '\r')
		have--;
	out[have] = '\0';
	return fits ? end : '\0';
}

/* Reads one row of any number of fields, the first four of them into @out and @name. */
static int csv_row(struct csv *csv, char *name, size_t size, struct redfish_credentials *out)
{
	char *field[CSV_COLUMNS] = { name, out->user, out->password, out->url };
	size_t room[CSV_COLUMNS] = { size, sizeof(out->user), sizeof(out->password),
				     sizeof(out->url) };
	char rest[8];
	bool fits = true;
	int count = 0;
	char end;

	do {
		end = count < CSV_COLUMNS ? csv_field(csv, field[count], room[count])
					  : csv_field(csv, rest, sizeof(rest));
		fits = fits && end;
		count++;
	} while (end == ',' || (!end && csv->at < csv->len && csv->data[csv->at - 1] == ','));
	return !fits ? -E2BIG : count == CSV_COLUMNS ? 0 : -EINVAL;
}

static int parse_csv(const char *data, size_t len, const char *node,
		     struct redfish_credentials *out, char error[120])
{
	struct csv csv = { .data = data, .len = len };
	char name[256];

	for (u32 row = 1; csv.at < len; row++) {
		int r;

		redfish_credentials_wipe(out);
		r = csv_row(&csv, name, sizeof(name), out);
		if (strcmp(name, node) != 0)
			continue;
		if (r == -EINVAL)
			snprintf(error, 120,
				 "row %u does not have the 4 fields node, user, password, url",
				 row);
		if (r == -E2BIG)
			snprintf(error, 120, "row %u has a field that is too long", row);
		return r;
	}
	redfish_credentials_wipe(out);
	return -ENOENT;
}

/* Of the first line that says something: a row of values has its comma before any colon. */
static bool is_csv(const char *data, size_t len)
{
	bool comment = false, begin = true;

	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		comment = c != '\n' && (comment || (begin && c == '#'));
		begin = c == '\n' || (begin && (c == ' ' || c == '\t'));
		if (!comment && (c == ',' || c == ':'))
			return c == ',';
	}
	return false;
}

/* Puts the node's name where the url says "{node}". */
static int expand_url(struct redfish_credentials *c, const char *node, char error[120])
{
	char url[sizeof(c->url)];
	char *place = strstr(c->url, "{node}");
	int len;

	if (!place)
		return 0;
	len = snprintf(url, sizeof(url), "%.*s%s%s", (int)(place - c->url), c->url, node,
		       place + strlen("{node}"));
	if (len >= (int)sizeof(url)) {
		snprintf(error, 120, "the url with the node's name in it is too long");
		return -E2BIG;
	}
	memcpy(c->url, url, sizeof(url));
	return 0;
}

int redfish_credentials_parse(const char *data, size_t len, const char *node,
			      struct redfish_credentials *out, char error[120])
{
	int r;

	redfish_credentials_wipe(out);
	error[0] = '\0';
	if (is_csv(data, len))
		r = parse_csv(data, len, node, out, error);
	else
		r = redfish_yaml_parse(data, len, node, out, error);
	if (r == 0)
		r = expand_url(out, node, error);
	if (r == 0 && !out->user[0] != !out->password[0]) {
		snprintf(error, 120, "the node has a user without a password, or the reverse");
		r = -EINVAL;
	}
	if (r < 0)
		redfish_credentials_wipe(out);
	return r;
}

static int refuse(struct meter_report *report, enum meter_status status, const char *path,
		  const char *why)
{
	report->none = status;
	report_found(report, "not measured: the credentials file %s %s", path, why);
	return -EPERM;
}

/* Secrets that others can read are no secrets: such a file is not used. */
static int check_file(int fd, const char *path, struct meter_report *report)
{
	struct meter_note *note;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		note = report_note(report, METER_PROBLEM, "credentials",
				   "the credentials file %s is not a regular file", path);
		report_remedy(note, "name a file in redfish.credentials-file");
		return refuse(report, METER_ERROR, path, "is not a regular file");
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		note = report_note(report, METER_PROBLEM, "permissions",
				   "the credentials file %s belongs to user %u", path, st.st_uid);
		report_remedy(note, "chown root: '%s'", path);
		return refuse(report, METER_DENIED, path, "belongs to another user");
	}
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		note = report_note(report, METER_PROBLEM, "permissions",
				   "others may read the credentials file %s (mode %04o)", path,
				   st.st_mode & 07777);
		report_remedy(note, "chmod 600 '%s'; for a Kubernetes secret: defaultMode: 0400",
			      path);
		return refuse(report, METER_DENIED, path, "may be read by others: chmod 600 it");
	}
	return 0;
}

/* Says that there is nothing for @node in the file; @error: why, "" for what @r says. */
static int tell_unusable(const char *path, const char *node, int r, const char *error,
			 struct meter_report *report)
{
	char why[120];
	struct meter_note *note;

	if (r == -ENOENT)
		snprintf(why, sizeof(why), "it has no entry for node %.60s", node);
	else
		snprintf(why, sizeof(why), "%s", error[0] ? error : strerror(-r));
	note = report_note(report, METER_PROBLEM, "credentials", "credentials file %.60s: %s", path,
			   why);
	report_remedy(note,
		      "give it: nodes: {%.60s: {url: https://BMC, user: U, password: P}}; "
		      "the node's name is node.name",
		      node);
	refuse(report, METER_ERROR, path, "cannot be used");
	report_append(report, ": %s", why);
	return r;
}

int redfish_credentials_load(const char *path, const char *node, struct redfish_credentials *out,
			     struct meter_report *report)
{
	/* not blocking: opening a pipe would wait for who writes to it */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *data = NULL;
	char error[120] = "";
	struct meter_note *note;
	ssize_t len;
	int r;

	if (fd < 0) {
		r = -errno;
		note = report_note(report, METER_PROBLEM, "credentials",
				   "the credentials file %s cannot be opened: %s", path,
				   strerror(-r));
		report_remedy(note, "write it, or name another in redfish.credentials-file");
		refuse(report, r == -EACCES ? METER_DENIED : METER_ERROR, path, "cannot be opened");
		report_append(report, ": %s", strerror(-r));
		return r;
	}
	r = check_file(fd, path, report);
	if (r < 0)
		return r;
	data = malloc(FILE_MAX_BYTES + 1);
	if (!data)
		return -ENOMEM;
	len = sysroot_read_all(fd, data, FILE_MAX_BYTES + 1);
	if (len > FILE_MAX_BYTES)
		len = -E2BIG;
	r = len < 0 ? (int)len : redfish_credentials_parse(data, (size_t)len, node, out, error);
	explicit_bzero(data, len > 0 ? (size_t)len : FILE_MAX_BYTES + 1);
	return r < 0 ? tell_unusable(path, node, r, error, report) : 0;
}
