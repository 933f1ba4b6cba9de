// SPDX-License-Identifier: Apache-2.0
/*
 * The meter of the BMC, with a kernel driver that is made up: the device file is a FIFO, in which
 * a byte stands for each message that waits, and the meter's ioctl() ends here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/ipmi.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meter/meter_ops.h"
#include "tree.h"

#define S NSEC_PER_SEC
#define MESSAGES_MAX 4

struct message {
	int type;
	long id_ahead; /* of the request's own */
	u8 data[32];
	unsigned short len;
};

static struct driver {
	struct message next[MESSAGES_MAX]; /* what each request is answered with */
	u32 count;
	int open_errno, send_errno, receive_errno, poll_errno; /* fail once; 0 do not */

	u32 asked, told;
	long id;
	int waited_ms; /* in vain, in all */
} driver;

int __real_openat64(int dirfd, const char *path, int flags, ...);
int __wrap_openat64(int dirfd, const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

/* Returns whether to fail, once. */
static bool fails(int *number)
{
	if (!*number)
		return false;
	errno = *number;
	*number = 0;
	return true;
}

int __wrap_openat64(int dirfd, const char *path, int flags, ...)
{
	if (strstr(path, "ipmi") && fails(&driver.open_errno))
		return -1;
	return __real_openat64(dirfd, path, flags, 0);
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int r;

	if (fails(&driver.poll_errno))
		return -1;
	r = __real_poll(fds, count, 0);
	if (r == 0)
		driver.waited_ms += timeout_ms;
	return r;
}

static int take_request(int fd, const struct ipmi_req *req)
{
	static const u8 question[] = { 0xdc, 0x01, 0x00, 0x00 };
	const struct ipmi_system_interface_addr *to =
		(const struct ipmi_system_interface_addr *)req->addr;

	assert_int_equal(req->addr_len, sizeof(*to));
	assert_int_equal(to->addr_type, 0x0c);
	assert_int_equal(to->channel, 15);
	assert_int_equal(to->lun, 0);
	assert_int_equal(req->msg.netfn, 0x2c);
	assert_int_equal(req->msg.cmd, 0x02);
	assert_int_equal(req->msg.data_len, sizeof(question));
	assert_memory_equal(req->msg.data, question, sizeof(question));
	assert_true(req->msgid != driver.id);
	if (fails(&driver.send_errno))
		return -1;
	driver.id = req->msgid;
	driver.asked++;
	driver.told = 0;
	for (u32 i = 0; i < driver.count; i++)
		assert_int_equal(write(fd, "", 1), 1);
	return 0;
}

static int give_message(int fd, struct ipmi_recv *recv)
{
	const struct message *message = &driver.next[driver.told];
	char byte;

	assert_true(recv->addr_len >= sizeof(struct ipmi_addr));
	if (fails(&driver.receive_errno))
		return -1;
	assert_int_equal(read(fd, &byte, 1), 1);
	driver.told++;
	recv->recv_type = message->type;
	recv->msgid = driver.id + message->id_ahead;
	assert_true(recv->msg.data_len >= message->len);
	recv->msg.data_len = message->len;
	memcpy(recv->msg.data, message->data, message->len);
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == IPMICTL_SEND_COMMAND)
		return take_request(fd, arg);
	assert_int_equal(request, IPMICTL_RECEIVE_MSG_TRUNC);
	return give_message(fd, arg);
}

/* A meter of a tree, and the clocks of its next poll. */
struct bench {
	struct tree *tree;
	struct meter meter;
	struct meter_poll when;
	struct slow_stop stop;
	struct meter_sample sample;
};

static struct bench bench;

static void path_of(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/dev/%s", bench.tree->dir, name);
}

/* Makes a device file; @name may be in a folder. */
static void make_device(const char *name)
{
	char path[128], folder[128];

	path_of(name, path, sizeof(path));
	snprintf(folder, sizeof(folder), "dev/%s.folder", name);
	tree_write(bench.tree, folder, "%s", "");
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void remove_device(const char *name)
{
	char path[128];

	path_of(name, path, sizeof(path));
	assert_int_equal(unlink(path), 0);
}

static void open_meter(void)
{
	struct tree *t = bench.tree;
	char proc[128], sys[128], dev[128];
	const char *which;

	snprintf(proc, sizeof(proc), "%s/proc", t->dir);
	snprintf(sys, sizeof(sys), "%s/sys", t->dir);
	snprintf(dev, sizeof(dev), "%s/dev", t->dir);
	assert_int_equal(sysroot_init(&t->root, proc, sys, &which), 0);
	sysroot_set_dev(&t->root, dev);
	bench.meter.ops = &meter_ipmi;
	report_begin(&bench.meter.report);
	assert_int_equal(meter_ipmi.open(&bench.meter, &t->root, &t->options), 0);
}

static struct message *answer_with(const u8 *data, size_t len)
{
	struct message *message = &driver.next[0];

	driver.count = 1;
	*message = (struct message){ .type = IPMI_RESPONSE_RECV_TYPE, .len = (unsigned short)len };
	memcpy(message->data, data, len);
	return message;
}

static struct message *answer_watts(u16 watts)
{
	u8 data[19] = { 0, 0xdc, [15] = 4, [18] = 0x40 };

	data[2] = (u8)watts;
	data[3] = (u8)(watts >> 8);
	return answer_with(data, sizeof(data));
}

static void answer_code(u8 code)
{
	answer_with(&code, 1);
}

/* Polls @passed_ns after the last time. Returns the zone, or NULL where there is none. */
static const struct sample_zone *poll_after(u64 passed_ns)
{
	bench.when.now_ns += passed_ns;
	bench.when.awake_ns += passed_ns;
	memset(&bench.sample, 0, sizeof(bench.sample));
	meter_ipmi.poll(bench.meter.priv, &bench.when, &bench.sample);
	assert_true(bench.sample.zones <= 1);
	return bench.sample.zones ? &bench.sample.zone[0] : NULL;
}

static enum meter_status status_after(u64 passed_ns)
{
	const struct sample_zone *zone = poll_after(passed_ns);

	return zone ? zone->status : bench.sample.report.none;
}

static u64 pause_told(void)
{
	return bench.sample.next_ns - bench.when.now_ns;
}

static bool has_note(const char *code)
{
	for (u32 i = 0; i < bench.sample.report.notes; i++) {
		if (strcmp(bench.sample.report.note[i].code, code) == 0)
			return true;
	}
	return false;
}

static int setup(void **state)
{
	memset(&driver, 0, sizeof(driver));
	memset(&bench, 0, sizeof(bench));
	tree_setup(state);
	bench.tree = *state;
	bench.stop.fd = eventfd(0, EFD_CLOEXEC);
	bench.when =
		(struct meter_poll){ .now_ns = 1000 * S, .awake_ns = 900 * S, .stop = &bench.stop };
	tree_write(bench.tree, "dev/null", "%s", "");
	return 0;
}

static int teardown(void **state)
{
	meter_ipmi.close(&bench.meter);
	close(bench.stop.fd);
	return tree_teardown(state);
}

static void test_no_bmc(void **state)
{
	(void)state;
	open_meter();
	assert_null(bench.meter.priv);
	assert_non_null(strstr(bench.meter.report.found, "modprobe -a ipmi_si ipmi_devintf"));
}

/* The firmware tells of a BMC: its driver may be loaded later. */
static void test_no_driver(void **state)
{
	(void)state;
	tree_write(bench.tree, "sys/bus/acpi/devices/IPI0001:00/hid", "IPI0001\n");
	open_meter();
	assert_non_null(bench.meter.priv);
	assert_int_equal(status_after(S), METER_ABSENT);
	assert_int_equal(bench.sample.zones, 0);
	assert_true(has_note("no-driver"));
	assert_true(pause_told() == 60 * S);
	make_device("ipmi0");
	answer_watts(100);
	assert_int_equal(status_after(60 * S), METER_OK);
}

static void test_no_dev(void **state)
{
	(void)state;
	tree_write(bench.tree, "sys/bus/platform/devices/dmi-ipmi-si.0/modalias", "x\n");
	open_meter();
	assert_non_null(bench.meter.priv);
}

static void test_device_names(void **state)
{
	static const char *const names[] = { "ipmidev/0", "ipmi/0", "ipmi0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		make_device(names[i]);
		if (!bench.meter.priv)
			open_meter();
		answer_watts(100);
		assert_int_equal(status_after(5 * S), METER_OK);
		assert_non_null(strstr(bench.sample.report.found, names[i]));
	}
}

static void open_with_device(void)
{
	make_device("ipmi0");
	open_meter();
	assert_non_null(bench.meter.priv);
}

/* Power is made into energy: 250 W, 350 W and 350 W, five seconds apart. */
static void test_energy(void **state)
{
	const struct sample_zone *zone;

	(void)state;
	open_with_device();
	answer_watts(250);
	zone = poll_after(S);
	assert_non_null(zone);
	assert_int_equal(zone->status, METER_OK);
	assert_int_equal(zone->zone.domain, DOMAIN_PLATFORM);
	assert_int_equal(zone->zone.quality, QUALITY_MEASURED);
	assert_string_equal(zone->zone.package, "dcmi");
	assert_true(zone->zone.period_ns == 5 * S);
	assert_true(zone->value_uj == 0);
	assert_true(zone->taken_ns == bench.when.now_ns);
	assert_true(pause_told() > 4 * S && pause_told() <= 5 * S);
	answer_watts(350);
	assert_true(poll_after(5 * S)->value_uj == 1500 * UJ_PER_J);
	assert_true(poll_after(5 * S)->value_uj == 3250 * UJ_PER_J);
	assert_int_equal(bench.sample.zone[0].epoch, 0);
	assert_int_equal(driver.asked, 3);
	assert_int_equal(bench.sample.report.notes, 0);
}

/* Ticks may be a minute apart; what is then usual is no gap. */
static void test_slow_ticks(void **state)
{
	const struct sample_zone *zone;
	u32 epoch;

	(void)state;
	open_with_device();
	answer_watts(100);
	poll_after(S);
	zone = poll_after(60 * S);
	epoch = zone->epoch;
	assert_true(zone->zone.period_ns == 60 * S);
	assert_true(zone->value_uj == 0);
	assert_true(poll_after(60 * S)->value_uj == 6000 * UJ_PER_J);
	assert_true(poll_after(60 * S)->value_uj == 12000 * UJ_PER_J);
	assert_int_equal(bench.sample.zone[0].epoch, epoch);
}

/* No energy of the time in which the machine slept. */
static void test_suspend(void **state)
{
	(void)state;
	open_with_device();
	answer_watts(100);
	poll_after(S);
	bench.when.now_ns += 3600 * S;
	assert_true(poll_after(5 * S)->value_uj == 500 * UJ_PER_J);
}

/* A short fault hides no energy, a long one makes none up. */
static void test_faults_pass(void **state)
{
	const struct sample_zone *zone;
	u32 epoch;

	(void)state;
	open_with_device();
	answer_watts(100);
	poll_after(S);
	epoch = bench.sample.zone[0].epoch;
	answer_code(0xc0);
	zone = poll_after(5 * S);
	assert_int_equal(zone->status, METER_ERROR);
	assert_true(has_note("bmc-error"));
	assert_non_null(strstr(bench.sample.report.found, "is busy"));
	assert_true(pause_told() == S);
	answer_watts(100);
	zone = poll_after(S);
	assert_int_equal(zone->status, METER_OK);
	assert_true(zone->value_uj == 600 * UJ_PER_J);
	assert_int_equal(zone->epoch, epoch);

	answer_code(0xd2);
	poll_after(5 * S);
	answer_watts(100);
	zone = poll_after(15 * S);
	assert_true(zone->value_uj == 600 * UJ_PER_J);
	assert_int_not_equal(zone->epoch, epoch);
	assert_true(poll_after(5 * S)->value_uj == 1100 * UJ_PER_J);
}

static void test_back_off(void **state)
{
	static const u64 expected_s[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };

	(void)state;
	open_with_device();
	answer_code(0xff);
	for (size_t i = 0; i < ARRAY_SIZE(expected_s); i++) {
		assert_int_equal(status_after(S), METER_ERROR);
		assert_true(pause_told() == expected_s[i] * S);
	}
	answer_watts(100);
	status_after(S);
	answer_code(0xff);
	status_after(S);
	assert_true(pause_told() == S);
}

/* A BMC that never told a power and can't is left alone; one that did is starting anew. */
static void test_unsupported(void **state)
{
	(void)state;
	open_with_device();
	answer_code(0xc1);
	assert_int_equal(status_after(S), METER_ABSENT);
	assert_int_equal(bench.sample.zones, 0);
	assert_true(has_note("no-dcmi"));
	assert_true(pause_told() == 600 * S);
	answer_code(0xd4);
	assert_int_equal(status_after(S), METER_DENIED);
	assert_true(has_note("denied"));
	assert_true(pause_told() == 600 * S);
	answer_watts(100);
	assert_int_equal(status_after(S), METER_OK);
	answer_code(0xc1);
	assert_int_equal(status_after(S), METER_ABSENT);
	assert_int_equal(bench.sample.zones, 1);
	assert_true(pause_told() == S);
}

static void test_bad_answers(void **state)
{
	static const u8 other_group[] = { 0, 0x52, 100, 0, 0, 0, 0, 0, 0,   0,
					  0, 0,    0,   0, 0, 0, 0, 0, 0x40 };

	(void)state;
	open_with_device();
	answer_with(other_group, sizeof(other_group));
	assert_int_equal(status_after(S), METER_ERROR);
	assert_true(has_note("garbled"));
	answer_watts(100)->len = 12;
	assert_int_equal(status_after(S), METER_ERROR);
	answer_watts(100)->len = 0;
	assert_int_equal(status_after(S), METER_ERROR);
	answer_watts(0);
	assert_int_equal(status_after(S), METER_ABSENT);
	assert_true(has_note("implausible"));
	answer_watts(100)->data[18] = 0;
	assert_int_equal(status_after(S), METER_ABSENT);
	assert_true(has_note("inactive"));
	assert_int_equal(bench.sample.zones, 0);
}

static void test_openbmc(void **state)
{
	u8 data[19] = { 0, 0xdc, 100, 0, 100, 0, 100, 0, 100, 0 };

	(void)state;
	open_with_device();
	answer_with(data, sizeof(data));
	assert_int_equal(status_after(S), METER_OK);
	assert_true(has_note("inactive"));
	assert_int_equal(bench.sample.report.note[0].severity, METER_INFO);
}

/* Events, commands and answers to what was asked before come through the same file. */
static void test_others_messages(void **state)
{
	struct message mine;

	(void)state;
	open_with_device();
	mine = *answer_watts(100);
	driver.next[0] = (struct message){ .type = IPMI_ASYNC_EVENT_RECV_TYPE, .len = 16 };
	driver.next[1] = mine;
	driver.next[1].id_ahead = -1;
	driver.next[1].data[2] = 200;
	driver.next[2] = mine;
	driver.count = 3;
	poll_after(S);
	driver.count = 3;
	assert_true(poll_after(S)->value_uj == 100 * UJ_PER_J);
	driver.count = 2;
	assert_int_equal(status_after(S), METER_ERROR);
	assert_true(has_note("no-answer"));
}

/* Five seconds, and what comes later is not taken for the answer to the next question. */
static void test_no_answer(void **state)
{
	(void)state;
	open_with_device();
	assert_int_equal(status_after(S), METER_ERROR);
	assert_in_range(driver.waited_ms, 4000, 5001);
	assert_true(has_note("no-answer"));
	assert_true(pause_told() == S);
	driver.poll_errno = EINTR;
	answer_watts(100);
	assert_int_equal(status_after(S), METER_OK);
}

static void test_stop(void **state)
{
	u64 one = 1;

	(void)state;
	open_with_device();
	assert_int_equal(write(bench.stop.fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(status_after(S), METER_ERROR);
	assert_int_equal(driver.waited_ms, 0);
}

/* Each call into the driver fails once; it costs this reading and no other. */
static void test_call_fails(void **state)
{
	int *const calls[] = { &driver.open_errno, &driver.send_errno, &driver.receive_errno,
			       &driver.poll_errno };
	static const struct {
		int number;
		enum meter_status status;
	} faults[] = {
		{ EIO, METER_ERROR },    { ENODEV, METER_ABSENT }, { EMSGSIZE, METER_ERROR },
		{ EPERM, METER_DENIED }, { ENXIO, METER_ABSENT },  { EBADF, METER_ABSENT },
		{ EINVAL, METER_ERROR },
	};

	(void)state;
	open_with_device();
	answer_watts(100);
	assert_int_equal(status_after(S), METER_OK);
	for (size_t c = 0; c < ARRAY_SIZE(calls); c++) {
		for (size_t f = 0; f < ARRAY_SIZE(faults); f++) {
			u64 before_uj = bench.sample.zone[0].value_uj;

			*calls[c] = faults[f].number;
			assert_int_equal(status_after(S), faults[f].status);
			assert_int_equal(status_after(S), METER_OK);
			assert_true(bench.sample.zone[0].value_uj - before_uj == 200 * UJ_PER_J);
		}
	}
}

/* A driver that has nothing to receive although poll() said so. */
static void test_nothing_there(void **state)
{
	(void)state;
	open_with_device();
	answer_watts(100);
	driver.receive_errno = EAGAIN;
	assert_int_equal(status_after(S), METER_OK);
}

static void test_denied(void **state)
{
	(void)state;
	open_with_device();
	driver.open_errno = EACCES;
	assert_int_equal(status_after(S), METER_DENIED);
	assert_int_equal(bench.sample.zones, 0);
	assert_true(has_note("denied"));
	assert_non_null(strstr(bench.sample.report.note[0].remedy, "/dev/ipmi0"));
	assert_true(pause_told() == 60 * S);
}

static void test_driver_reloads(void **state)
{
	u32 epoch;

	(void)state;
	open_with_device();
	answer_watts(100);
	poll_after(S);
	epoch = bench.sample.zone[0].epoch;
	remove_device("ipmi0");
	assert_int_equal(status_after(5 * S), METER_ABSENT);
	assert_true(pause_told() <= 5 * S);
	status_after(20 * S);
	make_device("ipmi0");
	assert_int_equal(status_after(5 * S), METER_OK);
	assert_true(bench.sample.zone[0].value_uj == 0);
	assert_int_not_equal(bench.sample.zone[0].epoch, epoch);
	assert_true(poll_after(5 * S)->value_uj == 500 * UJ_PER_J);
}

/* The driver can be unloaded between two polls: no file stays open. */
static void test_nothing_stays_open(void **state)
{
	char path[128];
	int fd;

	(void)state;
	open_with_device();
	answer_watts(100);
	status_after(S);
	driver.send_errno = EIO;
	status_after(S);
	/* A FIFO that nobody reads can't be opened for writing alone. */
	path_of("ipmi0", path, sizeof(path));
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(fd, -1);
	assert_int_equal(errno, ENXIO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_no_bmc),
		TEST(test_no_driver),
		TEST(test_no_dev),
		TEST(test_device_names),
		TEST(test_energy),
		TEST(test_slow_ticks),
		TEST(test_suspend),
		TEST(test_faults_pass),
		TEST(test_back_off),
		TEST(test_unsupported),
		TEST(test_bad_answers),
		TEST(test_openbmc),
		TEST(test_others_messages),
		TEST(test_no_answer),
		TEST(test_stop),
		TEST(test_call_fails),
		TEST(test_nothing_there),
		TEST(test_denied),
		TEST(test_driver_reloads),
		TEST(test_nothing_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
