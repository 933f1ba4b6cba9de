// SPDX-License-Identifier: Apache-2.0
#include "meter/ipmi_link.h"

#include <errno.h>
#include <linux/ipmi.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

const char *ipmi_link_find(int dev_fd)
{
	static const char *const names[] = { "ipmi0", "ipmi/0", "ipmidev/0" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (faccessat(dev_fd, names[i], F_OK, 0) == 0)
			return names[i];
	}
	return NULL;
}

static int send_request(int fd, const struct ipmi_request *request)
{
	struct ipmi_system_interface_addr bmc = {
		.addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE,
		.channel = IPMI_BMC_CHANNEL,
	};
	struct ipmi_req req = {
		.addr = (unsigned char *)&bmc,
		.addr_len = sizeof(bmc),
		.msgid = request->id,
		.msg = { request->netfn, request->cmd, request->len, request->data },
	};

	return ioctl(fd, IPMICTL_SEND_COMMAND, &req) < 0 ? -errno : 0;
}

/* Returns 0 when there is a message to be received. */
static int wait_for_message(int fd, int stop_fd, u64 deadline_ns)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN },
	};
	u64 now_ns = clock_read_ns(CLOCK_MONOTONIC);
	int r;

	if (now_ns >= deadline_ns)
		return -ETIMEDOUT;
	r = poll(fds, ARRAY_SIZE(fds), (int)((deadline_ns - now_ns) / NSEC_PER_MSEC) + 1);
	if (r < 0)
		return -errno;
	if (r == 0)
		return -ETIMEDOUT;
	if (fds[1].revents)
		return -ECANCELED;
	return fds[0].revents & POLLIN ? 0 : -ENODEV;
}

/* Receives one message; -EAGAIN when it is not the answer to request @id. */
static ssize_t receive(int fd, long id, u8 *answer, size_t size)
{
	struct ipmi_addr from;
	struct ipmi_recv recv = {
		.addr = (unsigned char *)&from,
		.addr_len = sizeof(from),
		.msg = { .data = answer, .data_len = (unsigned short)size },
	};

	if (ioctl(fd, IPMICTL_RECEIVE_MSG_TRUNC, &recv) < 0)
		return -errno;
	if (recv.recv_type != IPMI_RESPONSE_RECV_TYPE || recv.msgid != id)
		return -EAGAIN;
	return (ssize_t)u64_min(recv.msg.data_len, size);
}

ssize_t ipmi_link_ask(int fd, const struct ipmi_request *request, const struct slow_stop *stop,
		      u8 *answer, size_t size)
{
	u64 deadline_ns = clock_read_ns(CLOCK_MONOTONIC) + IPMI_TIMEOUT_NS;
	ssize_t r;

	r = send_request(fd, request);
	if (r < 0)
		return r;
	for (;;) {
		r = wait_for_message(fd, stop->fd, deadline_ns);
		if (r == 0)
			r = receive(fd, request->id, answer, size);
		if (r != -EAGAIN && r != -EINTR)
			return r;
	}
}
